"""What a hyperparameter may be, for people who look before they write: a name and its bounds.

`cli` fills the table of base models with them. Nothing is checked against them here: what a spec
may say is its schema's and its provider's to judge. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

AUTO = ("auto",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameter:
    """One hyperparameter by its provider's name. None is no bound; `words` are allowed as well.

    `above`: the minimum itself is too little. `required`: no job without it. `method` is the one
    method that has it, "" where all do.
    """

    name: str
    method: str = ""
    minimum: float | None = None
    maximum: float | None = None
    default: float | str | None = None
    words: tuple[str, ...] = ()
    above: bool = False
    required: bool = False


def of_openai(methods: tuple[str, ...]) -> Iterator[Hyperparameter]:
    """Those of OpenAI's API that a model trained by these methods takes, each once.

    From OpenAI's OpenAPI description, 2026-08, whose bounds are the same for every model.
    """
    yield from _COMMON
    if "dpo" in methods:
        yield _BETA
    if "reinforcement" in methods:
        yield from _REINFORCEMENT


_COMMON = (
    Hyperparameter(name="n_epochs", minimum=1, maximum=50, default="auto", words=AUTO),
    Hyperparameter(name="batch_size", minimum=1, maximum=256, default="auto", words=AUTO),
    Hyperparameter(
        name="learning_rate_multiplier", minimum=0, above=True, default="auto", words=AUTO
    ),
)
_BETA = Hyperparameter(
    name="beta", method="dpo", minimum=0, maximum=2, above=True, default="auto", words=AUTO
)
_REINFORCEMENT = (
    Hyperparameter(
        name="reasoning_effort",
        method="reinforcement",
        words=("default", "low", "medium", "high"),
        default="default",
    ),
    Hyperparameter(
        name="compute_multiplier",
        method="reinforcement",
        minimum=1e-5,
        maximum=10,
        above=True,
        default="auto",
        words=AUTO,
    ),
    Hyperparameter(
        name="eval_interval", method="reinforcement", minimum=1, default="auto", words=AUTO
    ),
    Hyperparameter(
        name="eval_samples", method="reinforcement", minimum=1, default="auto", words=AUTO
    ),
)
