"""A job that nobody declared, in the words of a spec: what `adopt --discover` writes down.

`discover` calls it. Pure. It says what the job shows and nothing that it does not: what a provider
keeps to itself stays unsaid, and what no spec can say is left for the gate to refuse.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import Job
from reconciler.providers.base import SOURCE_KEY

API_VERSION = "finetuning.reconciler/v1"

_MAX_NAME = 40
_PIECE = 8  # characters of a job's id that tell two names apart
_MODEL_PARTS = 5  # ft:base:organisation:suffix:id

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "supervised": ("n_epochs", "batch_size", "learning_rate_multiplier"),
    "dpo": ("n_epochs", "batch_size", "learning_rate_multiplier", "beta"),
    "reinforcement": (
        "n_epochs",
        "batch_size",
        "learning_rate_multiplier",
        "compute_multiplier",
        "eval_interval",
        "eval_samples",
    ),
}
"""The portable hyperparameters of each method that are numbers."""

_EFFORTS = ("low", "medium", "high")
_FIREWORKS = (
    "learning_rate",
    "learning_rate_warmup_steps",
    "lora_rank",
    "max_context_length",
    "optimizer_weight_decay",
)
_BEDROCK = {
    "n_epochs": "epochCount",
    "batch_size": "batchSize",
    "learning_rate_multiplier": "learningRateMultiplier",
}
"""What portable names are called by Bedrock, for kinds of job that have no portable method."""

_WANDB = ("project", "name", "entity", "tags")


def document(job: Job, *, name: str, provider: str, provider_type: str) -> dict[str, Any]:
    """The FineTuningJob that asks for this job, by the name given. It may not pass the gate."""
    spec = {
        "provider": provider,
        "model": job.model,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "suffix": _suffix(job),
        "seed": job.seed,
        "method": _method(job, provider_type),
        "integrations": _integrations(job),
        "metadata": _metadata(job),
        provider_type: _section(job, provider_type),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "FineTuningJob",
        "metadata": {"name": name},
        "spec": {key: value for key, value in spec.items() if value not in (None, {}, [])},
    }


def spec_name(job: Job, taken: Collection[str]) -> str:
    """A legal name for the spec of this job that is not `taken`: its suffix, else its model.

    Where that is taken, a piece of the job's id follows it.
    """
    return next(name for name in _names(job) if name not in taken)


def _names(job: Job) -> Iterator[str]:
    made = job.fine_tuned_model or ""
    named = made if made.startswith("accounts/") else job.model or ""
    words = _suffix(job) or named.rpartition("/")[2]
    piece = re.sub(r"[^a-z0-9]", "", job.id.lower())[-_PIECE:]
    yield _legal(words)
    yield _legal(words, f"-{piece}" if piece else "")
    for number in itertools.count(2):
        yield _legal(words, f"-{piece}-{number}" if piece else f"-{number}")


def _legal(words: str, end: str = "") -> str:
    """Letters, digits and single hyphens, a letter first; `end` is kept whole."""
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if not name[:1].isalpha():
        name = f"job-{name}".rstrip("-")
    return name[: _MAX_NAME - len(end)].rstrip("-") + end


def _suffix(job: Job) -> str | None:
    """The user's words in the name of the model, where the name shows which they are."""
    made = job.fine_tuned_model or ""
    stamp = (job.stamp or "")[-TOKEN_HASH_LENGTH:]
    stamped = len(stamp) == TOKEN_HASH_LENGTH
    parts = made.split(":")
    if len(parts) >= _MODEL_PARTS and parts[0] == "ft":
        return (parts[-2].removesuffix(f"-{stamp}") if stamped else parts[-2]) or None
    if stamped and made.startswith("accounts/") and made.endswith(f"-{stamp}"):
        return made.rpartition("/")[2].removesuffix(f"-{stamp}") or None
    return None


def _method(job: Job, provider_type: str) -> dict[str, Any]:
    """`method`; nothing where the kind of job is said in the provider's own section."""
    type_ = _type(job)
    if type_ != "supervised" and provider_type == "bedrock":
        return {}
    shown = (job.method or {}).get(type_)
    options = _without_nulls(shown) if isinstance(shown, Mapping) else {}
    options.pop("hyperparameters", None)
    found = job.hyperparameters or {}
    numbers = {name: _number(found.get(name)) for name in _NUMBERS.get(type_, ())}
    known: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    if type_ == "reinforcement" and found.get("reasoning_effort") in _EFFORTS:
        known["reasoning_effort"] = found["reasoning_effort"]
    if known:
        options["hyperparameters"] = known
    return {"type": type_, type_: options} if options else {"type": type_}


def _section(job: Job, provider_type: str) -> dict[str, Any]:
    """What has no portable name and is said in the part of the spec named after the provider."""
    found, type_ = job.hyperparameters or {}, _type(job)
    if provider_type == "fireworks":
        numbers = {name: _number(found.get(name)) for name in _FIREWORKS}
        section: dict[str, Any] = {k: v for k, v in numbers.items() if v is not None}
        if type_ == "dpo" and found.get("loss"):
            section["loss_config"] = {"method": found["loss"]}
        return section
    if provider_type != "bedrock":
        return {}
    supervised = type_ == "supervised"
    portable = _NUMBERS["supervised"] if supervised else ()
    own = {
        _BEDROCK.get(name, name): value if (number := _number(value)) is None else number
        for name, value in found.items()
        if name not in portable
    }
    kinds = {"reinforcement": "REINFORCEMENT_FINE_TUNING"}
    kind = {} if supervised else {"customization_type": kinds.get(type_, type_.upper())}
    return {**kind, **({"hyperparameters": own} if own else {})}


def _type(job: Job) -> str:
    return str((job.method or {}).get("type") or "supervised")


def _integrations(job: Job) -> list[dict[str, Any]]:
    found = []
    for integration in job.integrations:
        type_ = str(integration.get("type"))
        shown = integration.get(type_)
        settings = shown if isinstance(shown, Mapping) else {}
        found.append({"type": type_, type_: {k: settings[k] for k in _WANDB if settings.get(k)}})
    return found


def _metadata(job: Job) -> dict[str, str]:
    """What the user keeps with the job, without what ties it to a spec."""
    kept = job.metadata or {}
    return {k: v for k, v in kept.items() if k != SOURCE_KEY and v != job.stamp}


def _number(value: Any) -> int | float | None:
    """A finite number, also from the text that AWS writes it in; None for words as auto."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _without_nulls(value: Any) -> Any:
    match value:
        case Mapping():
            return {k: _without_nulls(v) for k, v in value.items() if v is not None}
        case list() | tuple():
            return [_without_nulls(item) for item in value]
        case _:
            return value
