"""Hyperparameters between a spec's words and Bedrock's, both ways, and what a family refuses.

`rules` and `adapter` check through here, `wire` translates. Pure. Only what is documented to mean
the same is translated: a multiplier is never sent as a rate, and nothing is left out without a
word. What has no portable name is said in Bedrock's own, in `spec.bedrock.hyperparameters`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from reconciler.model import JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.bedrock.customization import Kind, kind, part
from reconciler.providers.bedrock.families import (
    RFT_RANGES,
    RFT_SOURCE,
    SOURCE,
    Family,
    Range,
    family,
)

_PORTABLE = {
    "n_epochs": "epochCount",
    "batch_size": "batchSize",
    "learning_rate_multiplier": "learningRateMultiplier",
}
_PORTABLE_RFT = {
    "n_epochs": "epochCount",
    "batch_size": "batchSize",
    "reasoning_effort": "reasoningEffort",
    "eval_interval": "evalInterval",
}
RFT_NAMES = {
    "epoch_count": "epochCount",
    "batch_size": "batchSize",
    "learning_rate": "learningRate",
    "max_prompt_length": "maxPromptLength",
    "training_sample_per_prompt": "trainingSamplePerPrompt",
    "inference_max_tokens": "inferenceMaxTokens",
    "reasoning_effort": "reasoningEffort",
    "eval_interval": "evalInterval",
}
"""Reinforcement's own hyperparameters: the names in `spec.bedrock.rft`, and Bedrock's."""

_UNIVERSAL = "epochCount"
"""The one hyperparameter that a family not in our table surely has."""

_WITHOUT_A_RATE = (
    "Bedrock's multiplier exists for Claude 3 Haiku alone, and a multiplier is never sent as a rate"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A hyperparameter under Bedrock's name, and where in the spec it was said."""

    name: str
    value: Any
    path: tuple[str | int, ...]
    portable: str = ""

    def violation(self, message: str, hint: str = "") -> Violation:
        return Violation(path=self.path, message=message, hint=hint)


def texts(spec: JobSpec) -> dict[str, str]:
    """`hyperParameters` of a create: every value as the text that the API wants."""
    if kind(spec) is Kind.REINFORCEMENT:
        return {}
    return {value.name: _text(value.value) for value in _values(spec)}


def rft(spec: JobSpec) -> dict[str, Any]:
    """`rftConfig.hyperParameters` of a create: numbers, unlike the others."""
    if kind(spec) is not Kind.REINFORCEMENT:
        return {}
    return {value.name: _typed(value.name, value.value) for value in _values(spec)}


def portable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A job's hyperparameters as Bedrock shows them, under portable names where there are such.

    What has none keeps Bedrock's name and the value as it came.
    """
    names = {bedrock: ours for ours, bedrock in _PORTABLE.items()}
    return {
        names.get(name, name): _number(value) if name in names else value
        for name, value in raw.items()
    }


def portable_names(spec: JobSpec) -> Mapping[str, str]:
    """Bedrock's name of every portable hyperparameter that this kind of job has."""
    return _PORTABLE_RFT if kind(spec) is Kind.REINFORCEMENT else _PORTABLE


def violations(spec: JobSpec, model: str | None) -> Iterator[Violation]:
    """What this model would not take. None: it is not known yet, and is checked at the create."""
    values = _values(spec)
    yield from _twice(values)
    if kind(spec) is Kind.REINFORCEMENT:
        yield from _rft_misfits(spec)
        for value in values:
            if value.name in RFT_RANGES:
                yield from _outside(value, RFT_RANGES[value.name], "reinforcement", RFT_SOURCE)
        return
    if model is None:
        return
    known = family(model)
    if known is None or known.ranges is None:
        yield from (_undocumented(value, model) for value in values if _cannot_tell(value))
        return
    yield from _against(values, known, known.ranges)


def _against(
    values: list[_Value], known: Family, ranges: Mapping[str, Range]
) -> Iterator[Violation]:
    for value in values:
        if value.name in ranges:
            yield from _outside(value, ranges[value.name], known.name, SOURCE)
        else:
            yield _unknown_name(value, known, ranges)
    for name, range_ in ranges.items():
        if range_.required and name not in {value.name for value in values}:
            yield Violation(
                path=("spec", "bedrock", "hyperparameters"),
                message=f"{known.name} needs {name}: {_said(range_)}",
                hint=f"spec.bedrock.hyperparameters: {{{name}: …}}",
            )


def _values(spec: JobSpec) -> list[_Value]:
    """All that the spec says, portable names first."""
    names = portable_names(spec)
    said = [
        _Value(name=names[name], value=value, path=_where(spec, name), portable=name)
        for name, value in spec.hyperparameters.items()
        if name in names and not _default_effort(name, value)
    ]
    if kind(spec) is Kind.REINFORCEMENT:
        path, own = ("spec", "bedrock", "rft"), part(spec, "rft")
        own = {name: own[name] for name in RFT_NAMES if name in own}
    else:
        path, own = ("spec", "bedrock", "hyperparameters"), part(spec, "hyperparameters")
    return said + [
        _Value(name=RFT_NAMES.get(name, name), value=value, path=(*path, name))
        for name, value in own.items()
    ]


def _twice(values: list[_Value]) -> Iterator[Violation]:
    first: dict[str, _Value] = {}
    for value in values:
        before = first.setdefault(value.name, value)
        if before is not value:
            yield value.violation(
                f"{value.path[-1]} and {before.path[-1]} both set Bedrock's {value.name}",
                "keep one of them",
            )


def _rft_misfits(spec: JobSpec) -> Iterator[Violation]:
    """Portable names that reinforcement on Bedrock does not have, and the wrong place for own."""
    for name in spec.hyperparameters:
        if name not in _PORTABLE_RFT:
            hint = "remove it"
            if name == "learning_rate_multiplier":
                hint = "an absolute rate is spec.bedrock.rft.learning_rate"
            yield Violation(
                path=_where(spec, name),
                message=f"reinforcement fine-tuning on Bedrock has no {name}",
                hint=hint,
            )
    for name in part(spec, "hyperparameters"):
        yield Violation(
            path=("spec", "bedrock", "hyperparameters", name),
            message="reinforcement fine-tuning has hyperparameters of its own",
            hint=f"they go in spec.bedrock.rft: {', '.join(RFT_NAMES)}",
        )


def _cannot_tell(value: _Value) -> bool:
    return bool(value.portable) and value.name != _UNIVERSAL


def _undocumented(value: _Value, model: str) -> Violation:
    """A portable name at a model of which it is not known what it has: sent, it could be lost."""
    why = f"whether {model} has a {value.name} is not documented"
    hint = f"if it has, say it in its own name: spec.bedrock.hyperparameters.{value.name}"
    if value.portable == "learning_rate_multiplier":
        why = f"{model} is not known to have a learning rate multiplier: {_WITHOUT_A_RATE}"
        hint = "an absolute rate is spec.bedrock.hyperparameters.learningRate"
    return value.violation(f"{value.portable}: {why}", hint)


def _unknown_name(value: _Value, known: Family, ranges: Mapping[str, Range]) -> Violation:
    has = f"{known.name} has {', '.join(ranges)}"
    if value.portable == "learning_rate_multiplier":
        return value.violation(
            f"{known.name} on Bedrock has no learning_rate_multiplier: {_WITHOUT_A_RATE}",
            "set an absolute rate instead: spec.bedrock.hyperparameters.learningRate",
        )
    if value.portable:
        instead = "remove it"
        if value.portable == "n_epochs" and "stepCount" in ranges:
            instead = "it counts steps: spec.bedrock.hyperparameters.stepCount"
        return value.violation(
            f"{known.name} on Bedrock has no {value.portable} ({SOURCE})", f"{instead}; {has}"
        )
    close = difflib.get_close_matches(value.name, ranges, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return value.violation(f"{known.name} has no hyperparameter {value.name}", f"{meant}{has}")


def _outside(value: _Value, range_: Range, whose: str, source: str) -> Iterator[Violation]:
    """The violation of a value that its range does not hold."""
    if value.value in range_.words:
        return
    number = _decimal(value.value)
    fits = number is not None and not (range_.whole and number != number.to_integral_value())
    if fits and number is not None:
        above = not range_.adjustable and number > Decimal(str(range_.maximum))
        fits = number >= Decimal(str(range_.minimum)) and not above
    if not fits:
        yield value.violation(
            f"{value.portable or value.path[-1]} is {value.value}, but {whose} takes"
            f" {_said(range_)}",
            f"from {source}",
        )


def _said(range_: Range) -> str:
    """A range in words: `1 to 5`, `10 to 40000 or auto`, `low, medium or high`."""
    bounds = f"{_text(range_.minimum)} to {_text(range_.maximum)}"
    if range_.minimum == range_.maximum:
        bounds = f"{_text(range_.minimum)} alone"
    elif range_.maximum == float("inf"):
        bounds = f"at least {_text(range_.minimum)}"
    elif range_.minimum > range_.maximum:
        bounds = ""
    said = [bounds, *range_.words] if bounds else list(range_.words)
    kinds = " (whole numbers)" if range_.whole and range_.minimum != range_.maximum else ""
    return " or ".join(filter(None, [", ".join(said[:-1]), said[-1]])) + kinds


def _where(spec: JobSpec, name: str) -> tuple[str | int, ...]:
    if spec.top_level_hyperparameters:
        return ("spec", "hyperparameters", name)
    return ("spec", "method", spec.method, "hyperparameters", name)


def _default_effort(name: str, value: Any) -> bool:
    """OpenAI's word for leaving the effort to the provider, which is to say nothing."""
    return name == "reasoning_effort" and value == "default"


def _text(value: Any) -> str:
    """A number without an exponent, which AWS shows nowhere (0.00001, not 1e-05); texts as is."""
    number = _decimal(value) if not isinstance(value, str) else None
    if number is None or not number.is_finite():
        return str(value)
    whole = number == number.to_integral_value()
    return format(number.to_integral_value() if whole else number.normalize(), "f")


def _typed(name: str, value: Any) -> Any:
    """A value as the service model's type: whole numbers where it counts, texts as they are."""
    number = _decimal(value)
    if number is None or RFT_RANGES[name].words:
        return value
    return int(number) if RFT_RANGES[name].whole else float(number)


def _number(value: Any) -> Any:
    """A number where the text is one, whole where it can be."""
    number = _decimal(value)
    if number is None or not number.is_finite():
        return value
    return int(number) if number == number.to_integral_value() else float(number)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
