"""What AWS documents of each family of models that Bedrock can customize: data, and nothing else.

`rules` checks against it, `hyperparameters` translates by it, and it says which form of data a
family trains on. Pure. A model that is not in here is no mistake: AWS adds models more often than
this program is released, so of such a model nothing is refused and nothing converted.

The ranges are those of AWS's documentation ("Custom model hyperparameters", read 2026-11), where
nothing else is said. A maximum that AWS raises on request is marked, and is not enforced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SOURCE = "AWS documentation, read 2026-11"
RFT_SOURCE = "Bedrock's service model of 2023-04-20, read 2026-11"
"""Where the numbers come from, for messages."""


class Form(StrEnum):
    """How a family wants its training data. The values are the names of conversions, versioned."""

    CONVERSATION = "bedrock-conversation-2024/1"
    SYSTEM_MESSAGES = "system-messages/1"
    PROMPT_COMPLETION = "prompt-completion/1"
    IMAGE_CAPTION = "image-caption"  # pictures and their captions: no text can be made into it


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a hyperparameter may be: a number within bounds, or one of `words`.

    `adjustable`: AWS raises the maximum on request, so that more than it may be fine.
    """

    minimum: float
    maximum: float
    default: float | None = None
    whole: bool = False
    adjustable: bool = False
    required: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models that take the same data and hyperparameters.

    `prefixes` begin their ids. `ranges` is by Bedrock's name of a hyperparameter; None where AWS's
    pages name none. `min_examples` are those without which AWS starts no fine-tuning job.
    """

    name: str
    prefixes: tuple[str, ...]
    form: Form
    ranges: Mapping[str, Range] | None
    min_examples: int = 1
    validates: bool = True


def family(model: str | None) -> Family | None:
    """The family of a model id or ARN; None for one that is not in the table.

    A custom model's ARN holds the id of the model it was made of; its bare name does not.
    """
    base = _base(model or "")
    for candidate in FAMILIES:
        if base.startswith(candidate.prefixes):
            return candidate
    return None


def _base(model: str) -> str:
    """The id of the foundation model in an ARN; anything else as it is."""
    for kind in ("foundation-model/", "custom-model/"):
        _, found, rest = model.partition(kind)
        if model.startswith("arn:") and found:
            return rest.partition("/")[0]
    return model


def _epochs(maximum: int, default: int | None = None, *, adjustable: bool = False) -> Range:
    return Range(minimum=1, maximum=maximum, default=default, whole=True, adjustable=adjustable)


def _count(minimum: int, maximum: int, default: int) -> Range:
    return Range(minimum=minimum, maximum=maximum, default=default, whole=True)


def _rate(minimum: float, maximum: float, default: float) -> Range:
    return Range(minimum=minimum, maximum=maximum, default=default)


def _llama() -> dict[str, Range]:
    return {
        "epochCount": _epochs(10, 5, adjustable=True),
        "batchSize": _count(1, 1, 1),
        "learningRate": _rate(5e-6, 0.1, 1e-4),
    }


def _cohere(largest_batch: int) -> dict[str, Range]:
    return {
        "epochCount": _epochs(100, 1, adjustable=True),
        "batchSize": _count(8, largest_batch, 8),
        "learningRate": _rate(5e-6, 0.1, 1e-5),
        "earlyStoppingThreshold": _rate(0, 0.1, 0.01),
        "earlyStoppingPatience": _count(1, 10, 6),
        "evalPercentage": _rate(5, 50, 20),
    }


FAMILIES = (
    Family(
        name="Nova Micro, Lite and Pro",
        prefixes=("amazon.nova-micro-v1", "amazon.nova-lite-v1", "amazon.nova-pro-v1"),
        form=Form.CONVERSATION,
        ranges={
            "epochCount": _epochs(5, 2),
            "learningRate": _rate(1e-6, 1e-4, 1e-5),
            "learningRateWarmupSteps": _count(0, 100, 10),
        },
    ),
    Family(
        name="Nova 2",
        prefixes=("amazon.nova-2-",),
        form=Form.CONVERSATION,
        ranges=None,
    ),
    Family(
        name="Nova Canvas",
        prefixes=("amazon.nova-canvas-",),
        form=Form.IMAGE_CAPTION,
        ranges={
            "batchSize": _count(8, 192, 8),
            "stepCount": _count(10, 20_000, 500),
            "learningRate": _rate(1e-7, 1e-4, 1e-5),
        },
        validates=False,
    ),
    Family(
        name="Titan Text Premier",
        prefixes=("amazon.titan-text-premier-",),
        form=Form.PROMPT_COMPLETION,
        ranges={
            "epochCount": _epochs(5, 2),
            "batchSize": _count(1, 1, 1),
            "learningRate": _rate(1e-7, 1e-5, 1e-6),
            "learningRateWarmupSteps": _count(0, 20, 5),
        },
    ),
    Family(
        name="Titan Text Lite and Express",
        prefixes=("amazon.titan-text-lite-", "amazon.titan-text-express-"),
        form=Form.PROMPT_COMPLETION,
        ranges={
            "epochCount": _epochs(10, 5),
            "batchSize": _count(1, 64, 1),
            "learningRate": _rate(0, 1, 1e-5),
            "learningRateWarmupSteps": _count(0, 250, 5),
        },
    ),
    Family(
        name="Titan Image Generator",
        prefixes=("amazon.titan-image-generator-",),
        form=Form.IMAGE_CAPTION,
        ranges={
            "batchSize": _count(8, 192, 8),
            "stepCount": Range(
                minimum=10, maximum=40_000, whole=True, required=True, words=("auto",)
            ),
            "learningRate": _rate(1e-7, 1, 1e-5),
        },
        validates=False,
    ),
    Family(
        name="Titan Multimodal Embeddings",
        prefixes=("amazon.titan-embed-image-",),
        form=Form.IMAGE_CAPTION,
        ranges={
            "epochCount": Range(minimum=1, maximum=100, whole=True, required=True, words=("Auto",)),
            "batchSize": _count(256, 9216, 576),
            "learningRate": _rate(5e-8, 1, 5e-5),
        },
    ),
    Family(
        name="Claude 3 Haiku",
        prefixes=("anthropic.claude-3-haiku-",),
        form=Form.SYSTEM_MESSAGES,
        ranges={
            "epochCount": _epochs(10, 2),
            "batchSize": _count(4, 256, 32),
            "learningRateMultiplier": _rate(0.1, 2, 1),
            "earlyStoppingThreshold": _rate(0, 0.1, 0.001),
            "earlyStoppingPatience": _count(1, 10, 2),
        },
        min_examples=32,
    ),
    Family(
        name="Cohere Command",
        prefixes=("cohere.command-text-",),
        form=Form.PROMPT_COMPLETION,
        ranges=_cohere(8),
    ),
    Family(
        name="Cohere Command Light",
        prefixes=("cohere.command-light-",),
        form=Form.PROMPT_COMPLETION,
        ranges=_cohere(32),
    ),
    Family(
        name="Llama 3.1",
        prefixes=("meta.llama3-1-",),
        form=Form.PROMPT_COMPLETION,
        ranges=_llama(),
        min_examples=100,
    ),
    Family(
        name="Llama 3.2",
        prefixes=("meta.llama3-2-",),
        form=Form.CONVERSATION,
        ranges=_llama(),
        min_examples=100,
    ),
    Family(
        name="Llama 3.3",
        prefixes=("meta.llama3-3-",),
        form=Form.CONVERSATION,
        ranges=None,
        min_examples=100,
    ),
)
"""Families by the beginning of their models' ids. No prefix begins another."""

RFT_MIN_EXAMPLES = 100
"""Of reinforcement fine-tuning (AWS documentation on preparing its data, read 2026-11)."""

RFT_RANGES: Mapping[str, Range] = {
    "epochCount": _epochs(50),
    "batchSize": Range(minimum=16, maximum=512, whole=True),
    "learningRate": Range(minimum=1e-7, maximum=1e-3),
    "maxPromptLength": Range(minimum=1, maximum=float("inf"), whole=True),
    "trainingSamplePerPrompt": Range(minimum=2, maximum=16, whole=True),
    "inferenceMaxTokens": Range(minimum=1, maximum=float("inf"), whole=True),
    "reasoningEffort": Range(minimum=0, maximum=-1, words=("low", "medium", "high")),
    "evalInterval": Range(minimum=1, maximum=100, whole=True),
}
"""Of every model that takes reinforcement (RFT_SOURCE).

The two lengths have no bounds there; less than one token is none. An effort is no number.
"""
