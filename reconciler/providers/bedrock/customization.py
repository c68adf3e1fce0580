"""The kinds of customization Bedrock knows, and which one a spec asks for.

`rules` checks what belongs to each, `wire` sends it, `hyperparameters` translates by it. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from reconciler.model import JobSpec


class Kind(StrEnum):
    """What Bedrock calls a customizationType, as far as it can be created."""

    FINE_TUNING = "FINE_TUNING"
    CONTINUED_PRE_TRAINING = "CONTINUED_PRE_TRAINING"
    DISTILLATION = "DISTILLATION"
    REINFORCEMENT = "REINFORCEMENT_FINE_TUNING"


KINDS = tuple(kind.value for kind in Kind)


def kind(spec: JobSpec) -> Kind:
    """What the spec asks for: what its section says, else what its method means.

    A word that is no kind counts as fine-tuning; `rules` refuses it.
    """
    asked = spec.section.get("customization_type")
    if asked in KINDS:
        return Kind(asked)
    return Kind.REINFORCEMENT if spec.method == "reinforcement" else Kind.FINE_TUNING


def part(spec: JobSpec, name: str) -> dict[str, Any]:
    """A member of the spec's section that is an object itself; empty where there is none."""
    value = spec.section.get(name)
    return dict(value) if isinstance(value, dict) else {}
