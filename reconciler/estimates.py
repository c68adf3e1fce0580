"""What every create of a plan would train on and cost: the stop between deciding and approving.

`engine` passes each plan through `priced`. It reads training data that is here, counts its tokens
(from the cache where the same bytes were counted before), and asks no provider. It changes nothing
about what a plan does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reconciler.cost import Estimate, TokenCount, estimate
from reconciler.datasets.counting import counting
from reconciler.errors import ConfigError, SpecError
from reconciler.model import Action, JobSpec, Plan, Reason, Step, Tell

_PRICED_HOLDS = (
    Reason.WAITING_FOR_SPEC,
    Reason.SUSPENDED,
    Reason.MODEL_SHUTS_DOWN,
    Reason.NOT_CONFIGURED,
)
"""What is held now and will be created one day: its cost is worth knowing before."""

_EPOCH_FIELDS = ("epochs", "epochCount", "epoch_count")


def priced(decided: Plan, root: Path, *, exact: bool = False, progress: Tell | None = None) -> Plan:
    """The plan with an estimate in every step that creates, or would if it were not held.

    `exact` counts every token of every file, however large. A step has none where its data is not
    here, or where training is not paid for by the token. Raises SpecError for data that has
    changed since it was read.
    """
    pricer = _Pricer(root, exact=exact, progress=progress)
    return replace(decided, steps=tuple(pricer.step(step) for step in decided.steps))


class _Pricer:
    def __init__(self, root: Path, *, exact: bool, progress: Tell | None) -> None:
        self._root = root
        self._exact = exact
        self._progress = progress

    def step(self, step: Step) -> Step:
        held = step.action is Action.HOLD and step.reason in _PRICED_HOLDS
        if step.spec is None or not (step.action is Action.CREATE or held):
            return step
        try:
            return replace(step, estimate=self._estimate(step.spec))
        except OSError:
            return step  # its data is gone since it was read: the upload will say so
        except ConfigError as error:
            uncounted = f"its tokens were not counted: {error.message}"
            return replace(step, warning="; ".join(filter(None, (step.warning, uncounted))))

    def _estimate(self, spec: JobSpec) -> Estimate | None:
        data = spec.training
        if not data.present or data.path is None or data.sha256 is None or data.examples is None:
            return None
        if spec.method == "reinforcement" or data.format == "image":
            return None  # paid for by the hour, or by the picture
        counted = self._counted(spec, data.path, data.sha256, data.size or 0)
        return estimate(counted, data.examples, _epochs(spec), spec.base)

    def _counted(self, spec: JobSpec, path: str, sha256: str, size: int) -> TokenCount:
        from reconciler.datasets import tokens

        tell = self._progress
        try:
            return tokens.count(
                self._root / path,
                sha256=sha256,
                size=size,
                how=counting(spec.base, self._root, exact=self._exact),
                progress=None if tell is None else lambda done, total: tell(path, done, total),
            )
        except SpecError as error:
            raise SpecError([replace(problem, file=path) for problem in error.problems]) from None


def _epochs(spec: JobSpec) -> int | None:
    """How often the data is gone over, in whichever words the spec says so."""
    given = spec.hyperparameters.get("n_epochs")
    sections = (spec.section, spec.section.get("hyperparameters") or {})
    for section in sections:
        for name in _EPOCH_FIELDS:
            given = section.get(name) if given is None else given
    try:
        return None if given is None else int(given)
    except (TypeError, ValueError):
        return None
