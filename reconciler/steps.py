"""What a step is made of, for those who decide: the circumstances, and a maker of steps.

`plan` and `orphans` decide with it; `engine` and `lifecycle` say with `on_record` what was asked of
one job. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.model import Action, Job, JobSpec, Reason, Record, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the decision depends on beside specs, state and reality.

    `now` is when looking began, in unix seconds: what did not show then proves nothing about later.
    `grace` is in seconds by provider name. `complete` says that `desired` holds every spec of the
    namespace, so that a record without one is an orphan. `offline` says that nobody looked on
    purpose, `hold_unknown` that a create which was never answered waits for a person.
    """

    now: float
    namespace: str
    grace: Mapping[str, float] = field(default_factory=dict)
    complete: bool = True
    offline: bool = False
    prune: bool = False
    hold_unknown: bool = False


def on_record(record: Record, action: Action, reason: Reason) -> Step:
    """A step on the job of a record, whatever the specs say."""
    return Steps(record.token, record.name, record.provider, record=record).make(
        action, reason, job=record.job
    )


class Steps:
    """Makes the steps of one token, so that a row of the table says only what is its own."""

    def __init__(
        self,
        token: str,
        name: str,
        provider: str,
        *,
        spec: JobSpec | None = None,
        record: Record | None = None,
    ) -> None:
        self._blank = Step(
            action=Action.NOOP,
            reason=Reason.UP_TO_DATE,
            token=token,
            name=name,
            provider=provider,
            spec=spec,
            record=record,
        )

    def make(
        self,
        action: Action,
        reason: Reason,
        *,
        job: Job | None = None,
        message: str = "",
        hint: str = "",
    ) -> Step:
        """A step of this token."""
        return replace(
            self._blank, action=action, reason=reason, job=job, message=message, hint=hint
        )

    def hold(self, reason: Reason, message: str, hint: str) -> Step:
        """A refusal to act, with its reason and the way out."""
        return self.make(Action.HOLD, reason, message=message, hint=hint)
