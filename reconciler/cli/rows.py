"""From records to the rows that reports show: how each spec's job is doing, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from reconciler import schedule, status
from reconciler.errors import ProviderError
from reconciler.model import Action, Event, JobSpec, JobStatus, Plan, Record, State, Step
from reconciler.providers.base import Provider
from reconciler.report.rows import ProgressRow, StatusRow

if TYPE_CHECKING:
    from reconciler.engine import PassResult


def status_rows(
    desired: Sequence[JobSpec], state: State, decided: Plan | None = None
) -> list[StatusRow]:
    """A row per spec, in their order; `decided` adds why a spec is held."""
    steps = {step.token: step for step in decided.steps} if decided else {}
    return [_row(spec, state, steps.get(spec.token)) for spec in desired]


def _row(spec: JobSpec, state: State, step: Step | None) -> StatusRow:
    record = state.records.get(spec.token)
    job = record.job if record else None
    hold = step if step and step.action is Action.HOLD else None
    last = status.last_succeeded(status.records_of(spec, state))
    stalled = next((c for c in status.conditions(record) if c["type"] == "Stalled"), None)
    message = hold.message if hold else stalled["message"] if stalled else ""
    return StatusRow(
        name=spec.name,
        provider=spec.provider,
        phase=status.phase(record, hold),
        synced=job is not None if record or not hold else None,
        base_model=(job.model if job else None) or spec.model,
        fine_tuned_model=job.fine_tuned_model if job else None,
        last_succeeded_model=last.job.fine_tuned_model if last and last.job else None,
        trained_tokens=job.trained_tokens if job else None,
        created_at=job.created_at if job else None,
        finished_at=job.finished_at if job else None,
        job_id=job.id if job else None,
        message=job.error.message if job and job.error else message,
        hint=hold.hint if hold else "",
    )


class Followed:
    """What jobs say of their progress while somebody waits, from their newest events.

    Jobs that were over before the waiting began are not of it.
    """

    _ENOUGH = 20
    """Events to read until one with a step count is found; the rest is history."""

    def __init__(self, provider: Callable[[str], Provider]) -> None:
        self._provider = provider
        self._tokens: set[str] = set()

    def rows(self, result: PassResult) -> list[ProgressRow]:
        """A row per job that has gone on since the first call. Events not to be had: no error."""
        self._tokens |= {record.token for record in schedule.open_records(result.current)}
        return [self._row(record) for record in result.current if record.token in self._tokens]

    def _row(self, record: Record) -> ProgressRow:
        data: dict[str, object] = {}
        message = ""
        if record.job is not None and record.job.status is JobStatus.RUNNING:
            for event in self._newest(record):
                if "step" in event.data:
                    data, message = dict(event.data), ""
                    break
                message = message or event.message
        return ProgressRow(
            name=record.name,
            phase=status.phase(record),
            step=_whole(data.get("step")),
            total_steps=_whole(data.get("total_steps")),
            train_loss=_number(data.get("train_loss")),
            message=message,
        )

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
