"""What becomes of a spec's portable words on Bedrock, in lines for the plan.

`providers.translation` hands them to `specs`; a reviewer reads them before money is spent. Pure. It
tells what `wire` and `hyperparameters` do, from the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config import BedrockSettings
from reconciler.model import JobSpec
from reconciler.providers.bedrock import data_rules, hyperparameters
from reconciler.providers.bedrock.customization import Kind, kind
from reconciler.providers.bedrock.families import family


def translation(spec: JobSpec, settings: BedrockSettings) -> tuple[str, ...]:
    """What is mapped, what is left to Bedrock's defaults, and what happens to the data."""
    return (*_mapped(spec), *_defaulted(spec), *_data(spec, settings))


def _mapped(spec: JobSpec) -> Iterator[str]:
    sent = {**hyperparameters.texts(spec), **hyperparameters.rft(spec)}
    for ours, theirs in hyperparameters.portable_names(spec).items():
        if ours in spec.hyperparameters and theirs in sent:
            yield f"{ours} → {theirs} {sent[theirs]}"
    if spec.metadata:
        yield f"metadata → {len(spec.metadata)} job tags"


def _defaulted(spec: JobSpec) -> Iterator[str]:
    known = family(spec.model)
    if kind(spec) is not Kind.FINE_TUNING or known is None or known.ranges is None:
        return
    sent = hyperparameters.texts(spec)
    left = [
        f"{name} {range_.default:g}"
        for name, range_ in known.ranges.items()
        if name not in sent and range_.default is not None
    ]
    if left:
        yield f"Bedrock's defaults: {', '.join(left)}"


def _data(spec: JobSpec, settings: BedrockSettings) -> Iterator[str]:
    conversion = data_rules.conversion(spec, settings)
    if conversion and "chat" in {spec.training.format, spec.validation and spec.validation.format}:
        yield f"chat data → {conversion.partition('/')[0]}"
