"""What becomes of a spec's portable words at Fireworks, in lines for the plan.

`providers.translation` hands them to `specs`; a reviewer reads them before money is spent. Pure. It
tells what `wire` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import JobSpec

_NAMES = {"n_epochs": "epochs", "batch_size": "batchSizeSamples", "beta": "lossConfig.dpo.beta"}
_DEFAULTED = {"n_epochs": "epochs", "learning_rate": "learningRate", "lora_rank": "loraRank"}
"""What most specs would set. Fireworks' defaults for them depend on the model, and are its own."""


def translation(spec: JobSpec) -> tuple[str, ...]:
    """What is mapped, and what is left to Fireworks' defaults."""
    return (*_mapped(spec), *_defaulted(spec))


def _mapped(spec: JobSpec) -> Iterator[str]:
    for ours, theirs in _NAMES.items():
        if ours in spec.hyperparameters:
            yield f"{ours} → {theirs} {spec.hyperparameters[ours]}"
    if spec.integrations:
        yield "wandb → wandbConfig"


def _defaulted(spec: JobSpec) -> Iterator[str]:
    said = {**spec.hyperparameters, **spec.section}
    left = [theirs for ours, theirs in _DEFAULTED.items() if said.get(ours) is None]
    if left:
        yield f"Fireworks' defaults: {', '.join(left)}"
