"""A job's whole future, from its record alone: when it will be in which status, and how it ends.

Pure. The stores and handlers lay it out whenever they look at a job, so nothing has to run between
two looks and every process sees the same job. `now` only says how far along we are.

A job record holds
    id, created (seconds, a float), request (see `create_request`), seed, resolved (the
    hyperparameters with numbers for "auto"), training (examples, tokens), steps (in all),
    error (null, or {code, message, param, phase}: the end it is heading for),
    controls ([{action, at}]: pause, resume, cancel, in order),
    speed (once the end was seen: the speed it was seen at, so that no later look moves it).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VALIDATING_SECONDS = 1.5
QUEUED_SECONDS = 1.0
_TRAINING_SECONDS = (4.0, 20.0)  # for a small file, and at most
_SECONDS_PER_STEP = 0.01

TERMINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A job in one status, from `start` to `end`. `trained` is the training done before it.

    All in seconds of the job's age: unix time has no room for the microseconds of a fast sandbox.
    """

    status: str
    start: float
    end: float
    trained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All spans of a job, how it ends, and at which age: infinite while it is paused.

    `training` is the time that all its `steps` take.
    """

    created: float
    spans: tuple[Span, ...]
    outcome: str
    end: float
    training: float
    steps: int

    @property
    def finished_at(self) -> float:
        """When the job ends, in unix seconds; infinite while it is paused."""
        return self.created + self.end

    def status(self, now: float) -> str:
        """The job's status, in OpenAI's words."""
        if now >= self.finished_at:
            return self.outcome
        return self.begun(now)[-1].status

    def begun(self, now: float) -> tuple[Span, ...]:
        """The spans there were until now: at least the first, whatever another clock says."""
        begun = tuple(span for span in self.spans if self.created + span.start <= now)
        return begun or self.spans[:1]

    def reached(self, step: int) -> float:
        """When a step is done, in unix seconds; infinite if it never will be."""
        work = self.training * step / self.steps
        slack = 1e-6 * self.training  # forgives the last digits of the sums below
        for span in self.spans:
            if span.status == "running" and work <= span.trained + span.end - span.start + slack:
                return self.created + min(span.end, span.start + work - span.trained)
        return math.inf


def lay_out(record: Mapping[str, Any], speed: float) -> Timeline:
    """The timeline of a job at this speed, or at the one its end was seen at."""
    speed = record["speed"] or speed
    created = float(record["created"])
    least, most = _TRAINING_SECONDS
    training = min(most, least + record["steps"] * _SECONDS_PER_STEP) / speed
    phases = _phases(record["error"], training, speed)
    spans: list[Span] = []
    at = trained = 0.0
    outcome = "failed" if record["error"] else "succeeded"
    paused = False
    for control in [*record["controls"], None]:
        until = control["at"] - created if control else math.inf
        if paused:
            spans.append(Span(status="paused", start=at, end=until, trained=trained))
            at = until
        while not paused and phases and at < until:
            status, left = phases.popleft()
            end = min(at + left, until)
            spans.append(Span(status=status, start=at, end=end, trained=trained))
            trained += end - at if status == "running" else 0.0
            if at + left > until:
                phases.appendleft((status, at + left - until))
            at = end
        if control is None or not phases:
            break
        if control["action"] == "cancel":
            outcome, at = "cancelled", until
            break
        paused = control["action"] == "pause"
        if not paused:
            _requeue(phases, speed)
    return Timeline(
        created=created,
        spans=tuple(spans),
        outcome=outcome,
        end=at,
        training=training,
        steps=record["steps"],
    )


def _phases(
    error: Mapping[str, Any] | None, training: float, speed: float
) -> deque[tuple[str, float]]:
    """What lies before a new job, and for how long, if nobody interferes."""
    phases = deque([("validating_files", VALIDATING_SECONDS / speed)])
    if not error or error["phase"] == "running":
        phases.append(("queued", QUEUED_SECONDS / speed))
        phases.append(("running", training / 2 if error else training))
    return phases


def _requeue(phases: deque[tuple[str, float]], speed: float) -> None:
    """A resumed job waits for its turn again."""
    if phases[0][0] == "queued":
        phases.popleft()
    phases.appendleft(("queued", QUEUED_SECONDS / speed))
