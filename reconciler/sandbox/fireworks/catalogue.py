"""The base models that the sandbox knows: a few of Fireworks' many, by the ids in use in 2026.

`create_request` asks which can be tuned, `models` shows them. The real list is generated from a
live registry; one model here cannot be tuned, so that its refusal can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.sandbox.fireworks.wire import PUBLIC_ACCOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A model of Fireworks' own. `context` counts tokens."""

    id: str
    context: int = 131_072
    tunable: bool = True

    @property
    def name(self) -> str:
        """The full resource name."""
        return f"accounts/{PUBLIC_ACCOUNT}/models/{self.id}"


_TUNABLE = (
    *("qwen3-0p6b", "qwen3-1p7b", "qwen3-4b", "qwen3-8b", "qwen3-14b", "qwen3-32b", "qwen3p5-9b"),
    *("qwen2p5-7b-instruct", "qwen2p5-72b-instruct"),
    *("llama-v3p1-8b-instruct", "llama-v3p1-70b-instruct", "llama-v3p3-70b-instruct"),
    *("llama-v3p2-1b-instruct", "llama-v3p2-3b-instruct"),
    *("gpt-oss-20b", "gpt-oss-120b", "deepseek-v3p1", "gemma-3-12b-it"),
)

_MODELS = (
    *(BaseModel(id=name) for name in _TUNABLE),
    BaseModel(id="playground-v2-1024px-aesthetic", context=0, tunable=False),
)

BASE_MODELS = {model.name: model for model in _MODELS}
"""Every base model, by its full resource name."""
