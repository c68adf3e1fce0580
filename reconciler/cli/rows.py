"""From records to the rows that reports show: how each spec's job is doing, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from reconciler import health, schedule, status
from reconciler.errors import ProviderError
from reconciler.health import Health
from reconciler.model import (
    Action,
    Event,
    JobSpec,
    JobStatus,
    Plan,
    Reason,
    Record,
    Result,
    State,
    Step,
)
from reconciler.providers.base import Provider
from reconciler.report import words
from reconciler.report.rows import ProgressRow, StatusRow, WatchRow

if TYPE_CHECKING:
    from reconciler.engine import PassResult


def status_rows(
    desired: Sequence[JobSpec], state: State, decided: Plan | None = None, now: float = 0.0
) -> list[StatusRow]:
    """A row per spec, in their order; `decided` adds why a spec is held.

    `now` is in unix seconds, for specs with a deadline.
    """
    steps = {step.token: step for step in decided.steps} if decided else {}
    return [_row(spec, state, steps.get(spec.token), now) for spec in desired]


def _row(spec: JobSpec, state: State, step: Step | None, now: float) -> StatusRow:
    record = state.records.get(spec.token)
    doing = health.health(record, step, now)
    job = record.job if record else None
    hold = step if step and step.action is Action.HOLD else None
    last = status.last_succeeded(status.records_of(spec, state))
    stalled = next((c for c in status.conditions(record) if c["type"] == "Stalled"), None)
    message = hold.message if hold else stalled["message"] if stalled else ""
    return StatusRow(
        name=spec.name,
        provider=spec.provider,
        phase=status.phase(record, hold),
        sync=health.sync(spec, record, step).value,
        health=doing.value,
        synced=job is not None if record or not hold else None,
        base_model=(job.model if job else None) or spec.model,
        fine_tuned_model=job.fine_tuned_model if job else None,
        last_succeeded_model=last.job.fine_tuned_model if last and last.job else None,
        trained_tokens=job.trained_tokens if job else None,
        created_at=job.created_at if job else None,
        finished_at=job.finished_at if job else None,
        job_id=job.id if job else None,
        message=job.error.message if job and job.error else message,
        hint="" if doing in _LEFT_ALONE else health.next_action(spec, record, step, now),
    )


_LEFT_ALONE = (Health.HEALTHY, Health.PROGRESSING)
"""What needs nobody: its next thing to do is to wait, or to be used."""


def watch_rows(
    result: PassResult, followed: Followed, away: Collection[str] = ()
) -> list[WatchRow]:
    """A row per spec, in their order, then one per job that goes on without a spec asking for it.

    Asks providers for the events of running jobs, as `followed` does. `away` are the providers
    that do not answer: that is told once, and not again with every job.
    """
    progress = {row.name: row for row in followed.rows(result)}
    outcomes = {outcome.step.token: outcome for outcome in result.outcomes}
    rows = []
    for spec, row in zip(
        result.specs, status_rows(result.specs, result.state, result.plan), strict=True
    ):
        record = result.state.records.get(spec.token)
        far, outcome = progress.get(row.name), outcomes.get(spec.token)
        message = row.message or (far.message if far else "")
        hint = row.hint or words.job_next(record.job if record else None)
        if outcome is not None and outcome.result in _BAD:
            message, hint = outcome.message, outcome.hint
        elif spec.provider in away and outcome is not None and _unseen(outcome.step):
            message, hint = f"waits for {spec.provider}", ""
        rows.append(
            WatchRow(
                key=row.name,
                name=row.name,
                phase=row.phase,
                step=far.step if far else None,
                total_steps=far.total_steps if far else None,
                train_loss=far.train_loss if far else None,
                losses=followed.losses(spec.token),
                created_at=row.created_at,
                finished_at=row.finished_at,
                job_id=row.job_id,
                model=row.fine_tuned_model,
                did=outcome.result.value if outcome and outcome.result in _DEEDS else "",
                usd=record.estimate.usd if record and record.estimate else None,
                message=message,
                hint=hint,
            )
        )
    return rows + _unasked(result, followed)


_BAD = (Result.REJECTED, Result.UNKNOWN, Result.FAILED)
_DEEDS = (*_BAD, Result.CREATED, Result.ADOPTED, Result.CANCELLED)
"""Results that are worth a line of their own; the others show in the phase."""


def _unseen(step: Step) -> bool:
    return step.action is Action.HOLD and step.reason is Reason.PROVIDER_UNAVAILABLE


def _unasked(result: PassResult, followed: Followed) -> list[WatchRow]:
    """Jobs that go on, and cost money, though nothing asks for them as things are now."""
    asked = {spec.token for spec in result.specs}
    namespaces = {spec.namespace for spec in result.specs} or {
        record.namespace for record in result.state.records.values()
    }
    steps = {step.token: step for step in result.plan.steps if step.spec is None}
    found: list[WatchRow] = []
    for record in schedule.open_records(result.state.records.values()):
        if record.token in asked or record.job is None or record.namespace not in namespaces:
            continue
        step, far = steps.get(record.token), followed.row(record)
        names = {spec.name for spec in result.specs} | {row.key for row in found}
        found.append(
            WatchRow(
                key=record.token if record.name in names else record.name,
                name=record.name,
                phase=far.phase,
                step=far.step,
                total_steps=far.total_steps,
                train_loss=far.train_loss,
                losses=followed.losses(record.token),
                created_at=record.job.created_at,
                job_id=record.job.id,
                usd=record.estimate.usd if record.estimate else None,
                message=(step.message if step else "") or "no sound spec asks for it now",
                hint=step.hint if step else "",
            )
        )
    return found


class Followed:
    """What jobs say of their progress while somebody waits, from their newest events.

    Jobs that were over before the waiting began are not of it. `most` is how many running jobs
    are asked at most; `curves` says whether the losses on the way are kept for `losses`.
    """

    _ENOUGH = 20
    """Events to read until one with a step count is found; the rest is history."""

    _CURVE = 12

    def __init__(
        self,
        provider: Callable[[str], Provider],
        *,
        most: int | None = None,
        curves: bool = False,
    ) -> None:
        self._provider = provider
        self._most = most
        self._keeps_curves = curves
        self._asked = 0
        self._tokens: set[str] = set()
        self._curves: dict[str, dict[int, float]] = {}

    def rows(self, result: PassResult) -> list[ProgressRow]:
        """A row per job that has gone on since the first call. Events not to be had: no error."""
        current = {record.token for record in result.current}
        going = {r.token for r in schedule.open_records(result.state.records.values())}
        self._tokens |= {record.token for record in schedule.open_records(result.current)}
        self._tokens &= current
        self._curves = {t: curve for t, curve in self._curves.items() if t in current | going}
        self._asked = 0
        return [self.row(record) for record in result.current if record.token in self._tokens]

    def row(self, record: Record) -> ProgressRow:
        """How far the job of one record has got, unless enough jobs were asked in this round."""
        asked = record.job is not None and record.job.status is JobStatus.RUNNING
        asked = asked and (self._most is None or self._asked < self._most)
        self._asked += asked
        return self._row(record, asked=asked)

    def losses(self, token: str) -> tuple[float, ...]:
        """The last training losses of a job that were heard of, oldest first."""
        curve = self._curves.get(token, {})
        return tuple(curve[step] for step in sorted(curve))

    def _row(self, record: Record, *, asked: bool) -> ProgressRow:
        data: dict[str, object] = {}
        message = ""
        if asked:
            for event in self._newest(record):
                if "step" in event.data:
                    self._note(record.token, event)
                    data = data or dict(event.data)
                    if not self._keeps_curves:
                        break
                elif not data:
                    message = message or event.message
        return ProgressRow(
            name=record.name,
            phase=status.phase(record),
            step=_whole(data.get("step")),
            total_steps=_whole(data.get("total_steps")),
            train_loss=_number(data.get("train_loss")),
            message="" if data else message,
        )

    def _note(self, token: str, event: Event) -> None:
        step, loss = _whole(event.data.get("step")), _number(event.data.get("train_loss"))
        if self._keeps_curves and step is not None and loss is not None:
            curve = self._curves.setdefault(token, {})
            curve[step] = loss
            for old in sorted(curve)[: -self._CURVE]:
                del curve[old]

    def _newest(self, record: Record) -> Iterator[Event]:
        if record.job is None:
            return
        try:
            events = self._provider(record.provider).events(record.job.id)
            for event, _ in zip(events, range(self._ENOUGH), strict=False):
                yield event
        except ProviderError:
            return


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
