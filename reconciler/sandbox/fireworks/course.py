"""A job's whole future, from its record alone: when it will be in which state, and how it ends.

Pure. The store and the handlers lay it out whenever they look at a job, so nothing has to run
between two looks and every process sees the same job. `now` only says how far along we are.

A job record holds
    id, kind (the collection's name), created (seconds, a float), request (see `create_request`),
    base (the base model's full name, also where the training starts from an adapter), examples,
    tokens, steps, error (null, or {code, message, phase}: the end it is heading for),
    controls ([{action, at}]: cancel, resume, in order), deleted_at,
    speed (once the end was seen or somebody interfered: that server's, so that no later look moves
    it), secret (what its signed addresses are made with).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CREATING_SECONDS = 0.5
PENDING_SECONDS = 0.5
VALIDATING_SECONDS = 1.0
CANCELLING_SECONDS = 1.0
DELETING_SECONDS = 1.0
_TRAINING_SECONDS = (4.0, 20.0)  # for little data, and at most
_SECONDS_PER_STEP = 0.01

TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A job in one state from `start` on, in seconds of its age; `trained` before it."""

    state: str
    start: float
    trained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All spans of a job, in order. `training` is the time that all its steps take."""

    created: float
    spans: tuple[Span, ...]
    training: float

    def span(self, now: float) -> Span:
        """The span we are in: the first, if another clock says it has not begun."""
        begun = [span for span in self.spans if self.created + span.start <= now]
        return begun[-1] if begun else self.spans[0]

    def state(self, now: float) -> str:
        """The job's state, without its prefix."""
        return self.span(now).state

    def changed_at(self, now: float) -> float:
        """When the state last changed, in unix seconds."""
        return self.created + self.span(now).start

    def completed_at(self, now: float) -> float | None:
        """When the job ended, None if it has not."""
        return self.changed_at(now) if self.state(now) in TERMINAL else None

    def has_begun(self, now: float) -> bool:
        """Whether the job has ever trained."""
        return self.span(now).trained > 0 or self.state(now) == "RUNNING"

    def progress(self, now: float) -> float:
        """How much of the training is done, from 0 to 1."""
        span = self.span(now)
        running = max(0.0, now - self.created - span.start) if span.state == "RUNNING" else 0.0
        return min(1.0, (span.trained + running) / self.training)


def lay_out(record: Mapping[str, Any], speed: float) -> Course:
    """The course of a job at this speed, or at the one that is fixed in its record."""
    walk = _Walk(record, record["speed"] or speed)
    for control in record["controls"]:
        walk.until(control["at"] - record["created"])
        walk.meet(control["action"], control["at"] - record["created"])
    walk.until(math.inf)
    return Course(created=record["created"], spans=tuple(walk.spans), training=walk.training)


class _Walk:
    """The walk through a job's phases, while somebody may interfere."""

    def __init__(self, record: Mapping[str, Any], speed: float) -> None:
        self.spans: list[Span] = []
        self._speed = speed
        self._error = record["error"]
        self._at = self._trained = 0.0
        least, most = _TRAINING_SECONDS
        self.training = min(most, least + record["steps"] * _SECONDS_PER_STEP) / speed
        self._phases = deque(
            [
                ("CREATING", CREATING_SECONDS / speed),
                ("PENDING", PENDING_SECONDS / speed),
                ("VALIDATING", VALIDATING_SECONDS / speed),
                *self._remaining(),
            ]
        )

    def until(self, end: float) -> None:
        """Walk on to an age, or to the end of the job if that is earlier."""
        while self._phases and self._at < end:
            state, seconds = self._phases.popleft()
            done = min(seconds, end - self._at)
            if not self.spans or self.spans[-1].state != state:
                self._enter(state)
            self._trained += done if state == "RUNNING" else 0.0
            self._at += done
            if done < seconds:
                self._phases.appendleft((state, seconds - done))

    def meet(self, action: str, at: float) -> None:
        """Change the way ahead. A control that makes no sense in this state changes nothing."""
        if action == "cancel" and self._phases and self._phases[0][1] < math.inf:
            self._at = at
            self._phases = deque(
                [("CANCELLING", CANCELLING_SECONDS / self._speed), ("CANCELLED", math.inf)]
            )
        elif action == "resume" and self.spans[-1].state in ("FAILED", "CANCELLED"):
            self._at = at
            if self._error and self._error["phase"] == "training":
                self._error = None  # it was the platform's fault, and does not happen twice
            self._phases = deque(
                [
                    ("PENDING", PENDING_SECONDS / self._speed),
                    ("VALIDATING", VALIDATING_SECONDS / self._speed),
                    *self._remaining(),
                ]
            )

    def _remaining(self) -> list[tuple[str, float]]:
        """What comes behind validation, and how it ends."""
        left = self.training - self._trained
        if self._error is None:
            return [("RUNNING", left), ("COMPLETED", math.inf)]
        if self._error["phase"] == "training":
            return [("RUNNING", left / 2), ("FAILED", math.inf)]
        return [("FAILED", math.inf)]

    def _enter(self, state: str) -> None:
        self.spans.append(Span(state=state, start=self._at, trained=self._trained))
