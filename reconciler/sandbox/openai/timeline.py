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
    """A job in one status, from `start` to `end`. `trained` is the training done before it."""

    status: str
    start: float
    end: float
    trained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All spans of a job, and how and when it ends: `finished_at` is infinite while it is paused.

    `training` is the time all its steps take.
    """

    spans: tuple[Span, ...]
    outcome: str
    finished_at: float
    training: float
    steps: int

    def status(self, now: float) -> str:
        """The job's status, in OpenAI's words."""
        if now >= self.finished_at:
            return self.outcome
        passed = [span for span in self.spans if span.start <= now] or self.spans[:1]
        return passed[-1].status

    def step(self, now: float) -> int:
        """How many training steps are done."""
        done = 0.0
        for span in self.spans:
            if span.status == "running" and span.start <= now:
                done = span.trained + min(now, span.end) - span.start
        # The first term forgives the last digit of a float: a step reached is a step done.
        return min(self.steps, math.floor(1e-6 + self.steps * done / self.training))

    def reached(self, step: int) -> float:
        """When a step is done; infinite if it never will be."""
        work = self.training * step / self.steps
        slack = 1e-6 * self.training / self.steps
        for span in self.spans:
            if span.status == "running" and work <= span.trained + span.end - span.start + slack:
                return min(span.end, span.start + work - span.trained)
        return math.inf


def lay_out(record: Mapping[str, Any], speed: float) -> Timeline:
    """The timeline of a job at this speed, or at the one its end was seen at."""
    speed = record.get("speed") or speed
    least, most = _TRAINING_SECONDS
    training = min(most, least + record["steps"] * _SECONDS_PER_STEP) / speed
    error = record["error"]
    phases = deque([("validating_files", VALIDATING_SECONDS / speed)])
    if not error or error["phase"] == "running":
        phases.append(("queued", QUEUED_SECONDS / speed))
        phases.append(("running", training / 2 if error else training))
    spans: list[Span] = []
    at = float(record["created"])
    trained = 0.0
    paused = False
    outcome = "failed" if error else "succeeded"

    def timeline(outcome: str, finished_at: float) -> Timeline:
        return Timeline(
            spans=tuple(spans),
            outcome=outcome,
            finished_at=finished_at,
            training=training,
            steps=record["steps"],
        )

    for control in [*record["controls"], None]:
        until = control["at"] if control else math.inf
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
            return timeline("cancelled", until)
        paused = control["action"] == "pause"
        if not paused:
            # A resumed job waits for its turn again.
            if phases[0][0] == "queued":
                phases.popleft()
            phases.appendleft(("queued", QUEUED_SECONDS / speed))
    return timeline(outcome, at)
