"""The base models that the sandbox knows, and what training each of them takes.

`create_request` asks it. Ids and ranges are those of AWS's guide in 2026 ("Supported models and
Regions for fine-tuning", "Custom model hyperparameters"); the ranges of Nova 2 and Llama 3.3 were
not found and are assumed to be those of the models before them. Where AWS states no number of
records, any will do, but for Nova's eight, which is the sandbox's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SUPERVISED = "FINE_TUNING"
PRETRAINING = "CONTINUED_PRE_TRAINING"
DISTILLATION = "DISTILLATION"
REINFORCEMENT = "REINFORCEMENT_FINE_TUNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A hyperparameter: a number as text. `default` None means that it must be given."""

    least: float
    most: float
    default: str | None
    whole: bool = True
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models that are trained alike. `form` is a form of `forms`, records are counted per job."""

    form: str
    settings: Mapping[str, Setting]
    least_records: int = 1
    most_records: int | None = None
    methods: tuple[str, ...] = (SUPERVISED,)
    validates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A foundation model that can be customized."""

    id: str
    name: str
    provider: str
    family: Family


def _epochs(most: int, default: str) -> dict[str, Setting]:
    return {"epochCount": Setting(least=1, most=most, default=default)}


def _batch(least: int, most: int, default: str) -> dict[str, Setting]:
    return {"batchSize": Setting(least=least, most=most, default=default)}


def _rate(least: float, most: float, default: str) -> dict[str, Setting]:
    return {"learningRate": Setting(least=least, most=most, default=default, whole=False)}


def _warmup(most: int, default: str) -> dict[str, Setting]:
    return {"learningRateWarmupSteps": Setting(least=0, most=most, default=default)}


def _stopping(default_threshold: str, default_patience: str) -> dict[str, Setting]:
    return {
        "earlyStoppingThreshold": Setting(
            least=0, most=0.1, default=default_threshold, whole=False
        ),
        "earlyStoppingPatience": Setting(least=1, most=10, default=default_patience),
    }


_NOVA = Family(
    form="nova-conversation",
    settings={**_epochs(5, "2"), **_rate(1e-6, 1e-4, "1.0E-5"), **_warmup(100, "10")},
    least_records=8,
    methods=(SUPERVISED, DISTILLATION, REINFORCEMENT),
)
_NOVA_CANVAS = Family(
    form="image",
    settings={
        **_batch(8, 192, "8"),
        "stepCount": Setting(least=10, most=20_000, default="500"),
        **_rate(1e-7, 1e-4, "1.0E-5"),
    },
    validates=False,
)
_TITAN_TEXT = Family(
    form="prompt-completion",
    settings={
        **_epochs(10, "5"),
        **_batch(1, 64, "1"),
        **_rate(0, 1, "1.00E-5"),
        **_warmup(250, "5"),
    },
    methods=(SUPERVISED, PRETRAINING),
)
_TITAN_PREMIER = Family(
    form="prompt-completion",
    settings={
        **_epochs(5, "2"),
        **_batch(1, 1, "1"),
        **_rate(1e-7, 1e-5, "1.00E-6"),
        **_warmup(20, "5"),
    },
)
_TITAN_IMAGE = Family(
    form="image",
    settings={
        **_batch(8, 192, "8"),
        "stepCount": Setting(least=10, most=40_000, default=None, words=("auto",)),
        **_rate(1e-7, 1, "1.00E-5"),
    },
    validates=False,
)
_TITAN_EMBEDDINGS = Family(
    form="image",
    settings={
        "epochCount": Setting(least=1, most=100, default=None, words=("Auto",)),
        **_batch(256, 9_216, "576"),
        **_rate(5e-8, 1, "5.00E-5"),
    },
)
_HAIKU = Family(
    form="messages",
    settings={
        **_epochs(10, "2"),
        **_batch(4, 256, "32"),
        "learningRateMultiplier": Setting(least=0.1, most=2, default="1", whole=False),
        **_stopping("0.001", "2"),
    },
    least_records=32,
    most_records=10_000,
    methods=(SUPERVISED, DISTILLATION),
)
_COHERE_SETTINGS = {
    **_epochs(100, "1"),
    **_rate(5e-6, 0.1, "1.00E-5"),
    **_stopping("0.01", "6"),
    "evalPercentage": Setting(least=5, most=50, default="20", whole=False),
}
_COHERE = Family(
    form="prompt-completion",
    settings={**_COHERE_SETTINGS, **_batch(8, 8, "8")},
    most_records=10_000,
)
_COHERE_LIGHT = Family(
    form="prompt-completion",
    settings={**_COHERE_SETTINGS, **_batch(8, 32, "8")},
    most_records=10_000,
)
_LLAMA_SETTINGS = {**_epochs(10, "5"), **_batch(1, 1, "1"), **_rate(5e-6, 0.1, "1.00E-4")}
_LLAMA_3_1 = Family(
    form="prompt-completion",
    settings=_LLAMA_SETTINGS,
    least_records=100,
    most_records=10_000,
    methods=(SUPERVISED, DISTILLATION),
)
_LLAMA_3_2 = Family(
    form="conversation",
    settings=_LLAMA_SETTINGS,
    least_records=100,
    most_records=10_000,
    methods=(SUPERVISED, DISTILLATION),
)

_TABLE = (
    ("Amazon", _NOVA, "amazon.nova-2-lite-v1:0:256k", "Nova 2 Lite"),
    ("Amazon", _NOVA, "amazon.nova-micro-v1:0:128k", "Nova Micro"),
    ("Amazon", _NOVA, "amazon.nova-lite-v1:0:300k", "Nova Lite"),
    ("Amazon", _NOVA, "amazon.nova-pro-v1:0:300k", "Nova Pro"),
    ("Amazon", _NOVA_CANVAS, "amazon.nova-canvas-v1:0", "Nova Canvas"),
    ("Amazon", _TITAN_TEXT, "amazon.titan-text-lite-v1:0:4k", "Titan Text Lite"),
    ("Amazon", _TITAN_TEXT, "amazon.titan-text-express-v1:0:8k", "Titan Text Express"),
    ("Amazon", _TITAN_PREMIER, "amazon.titan-text-premier-v1:0:32k", "Titan Text Premier"),
    ("Amazon", _TITAN_IMAGE, "amazon.titan-image-generator-v1:0", "Titan Image"),
    ("Amazon", _TITAN_IMAGE, "amazon.titan-image-generator-v2:0", "Titan Image v2"),
    ("Amazon", _TITAN_EMBEDDINGS, "amazon.titan-embed-image-v1:0", "Titan Embeddings"),
    ("Anthropic", _HAIKU, "anthropic.claude-3-haiku-20240307-v1:0:200k", "Claude 3 Haiku"),
    ("Cohere", _COHERE, "cohere.command-text-v14:7:4k", "Command"),
    ("Cohere", _COHERE_LIGHT, "cohere.command-light-text-v14:7:4k", "Command Light"),
    ("Meta", _LLAMA_3_1, "meta.llama3-1-8b-instruct-v1:0:128k", "Llama 3.1 8B"),
    ("Meta", _LLAMA_3_1, "meta.llama3-1-70b-instruct-v1:0:128k", "Llama 3.1 70B"),
    ("Meta", _LLAMA_3_2, "meta.llama3-2-1b-instruct-v1:0:128k", "Llama 3.2 1B"),
    ("Meta", _LLAMA_3_2, "meta.llama3-2-3b-instruct-v1:0:128k", "Llama 3.2 3B"),
    ("Meta", _LLAMA_3_2, "meta.llama3-2-11b-instruct-v1:0:128k", "Llama 3.2 11B"),
    ("Meta", _LLAMA_3_2, "meta.llama3-2-90b-instruct-v1:0:128k", "Llama 3.2 90B"),
    ("Meta", _LLAMA_3_2, "meta.llama3-3-70b-instruct-v1:0:128k", "Llama 3.3 70B"),
)

BASE_MODELS = {
    id_: BaseModel(id=id_, name=name, provider=provider, family=family)
    for provider, family, id_, name in _TABLE
}
"""Every model that can be customized, by id."""


def base_model(identifier: str) -> BaseModel | None:
    """The model by its id, or by a foundation-model ARN of any region."""
    return BASE_MODELS.get(identifier.partition("::foundation-model/")[2] or identifier)


def arn_of(model: BaseModel, region: str) -> str:
    """The foundation model's ARN in a region."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model.id}"
