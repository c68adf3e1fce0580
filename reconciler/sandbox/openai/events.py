"""What a job tells of itself: its events, in the words and order of real jobs.

Pure, from the job's record and timeline. Ids and times never change between two looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.sandbox.openai import learning
from reconciler.sandbox.openai.timeline import Timeline

_NUMBERS = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
    "train_mean_reward": "training mean reward",
    "full_valid_mean_reward": "full validation mean reward",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """One event before it has a shape. `name` tells it from the job's other events."""

    at: float
    name: str
    message: str
    level: str = "info"
    data: Mapping[str, Any] = field(default_factory=dict)


def events(record: Mapping[str, Any], timeline: Timeline, now: float) -> list[dict[str, Any]]:
    """The events there are by now, newest first."""
    moments = [*_beginning(record), *_course(timeline), *_training(record, timeline)]
    moments.sort(key=lambda moment: moment.at)
    moments.extend(_end(record, timeline))
    return [_event(record, moment) for moment in reversed(moments) if moment.at <= now]


def _beginning(record: Mapping[str, Any]) -> Iterator[_Moment]:
    created = record["created"]
    yield _Moment(at=created, name="created", message=f"Created fine-tuning job: {record['id']}")
    request = record["request"]
    message = f"Validating training file: {request['training_file']}"
    if request["validation_file"]:
        message += f" and validation file: {request['validation_file']}"
    yield _Moment(at=created, name="validating", message=message)


def _course(timeline: Timeline) -> Iterator[_Moment]:
    """Every change of status but the last."""
    before = None
    started = False
    for index, span in enumerate(timeline.spans):
        at, name = timeline.created + span.start, f"{span.status} {index}"
        if before == "paused":
            yield _Moment(at=at, name=name, message="Fine-tuning job resumed")
        elif span.status == "queued":
            message = "Files validated, moving job to queued state"
            yield _Moment(at=at, name=name, message=message)
        elif span.status == "running" and not started:
            started = True
            yield _Moment(at=at, name=name, message="Fine-tuning job started")
        elif span.status == "paused":
            yield _Moment(at=at, name=name, message="Fine-tuning job paused")
        before = span.status


def _training(record: Mapping[str, Any], timeline: Timeline) -> Iterator[_Moment]:
    total = record["steps"]
    checkpoints = set(learning.checkpoint_steps(record))
    for step in sorted({*learning.reported_steps(record), *checkpoints}):
        at = timeline.reached(step)
        if at > timeline.finished_at:
            return
        measured = learning.metrics(record, step)
        shown = [f"{_NUMBERS[name]}={measured[name]:.2f}" for name in _NUMBERS if name in measured]
        yield _Moment(
            at=at,
            name=f"step {step}",
            message=f"Step {step}/{total}: {', '.join(shown)}",
            data={"step": step, "total_steps": total, **measured},
        )
        if step in checkpoints and step < total:
            message = f"Checkpoint created at step {step}"
            yield _Moment(at=at, name=f"checkpoint {step}", message=message)


def _end(record: Mapping[str, Any], timeline: Timeline) -> Iterator[_Moment]:
    at = timeline.finished_at
    match timeline.outcome:
        case "succeeded":
            message = f"New fine-tuned model created: {learning.model_name(record)}"
            yield _Moment(at=at, name="model", message=message)
            yield _Moment(at=at, name="end", message="Fine tuning job successfully completed")
        case "failed":
            yield _Moment(at=at, name="end", message=record["error"]["message"], level="error")
        case _:
            yield _Moment(at=at, name="end", message="Fine-tuning job cancelled")


def _event(record: Mapping[str, Any], moment: _Moment) -> dict[str, Any]:
    return {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-{learning.code(record, moment.name, 24)}",
        "created_at": int(moment.at),
        "level": moment.level,
        "message": moment.message,
        "type": "metrics" if moment.data else "message",
        "data": dict(moment.data),
    }
