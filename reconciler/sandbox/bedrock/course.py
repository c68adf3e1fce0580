"""A job's whole future, from its record alone: when it will be in which status, and how it ends.

Pure. The store and the handlers lay it out whenever they look at a job, so nothing has to run
between two looks and every process sees the same job. `now` only says how far along we are.

A job record holds
    id (the last part of its ARN), arn, name, region, created (seconds, a float), made (sorts by the
    moment of creation), base (the foundation model's id), request (see `create_request`),
    records, tokens, steps, error (null, or {message, phase}: the end it is heading for),
    stopped_at (when somebody stopped it), settled (whether its end has been seen and its results
    written), speed (once it was stopped or settled: that server's, so that no later look moves it),
    tags, model_tags, model_deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VALIDATION_SECONDS = 1.5
PROCESSING_SECONDS = 1.0
STOPPING_SECONDS = 1.5
_TRAINING_SECONDS = (4.0, 20.0)  # for little data, and at most
_SECONDS_PER_STEP = 0.01

TERMINAL = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a job goes. All but `created` are seconds of its age.

    `stops` is when it begins to stop, None if nobody asked for it.
    """

    created: float
    validated: float
    processed: float
    stops: float | None
    ends: float
    outcome: str

    @property
    def finished_at(self) -> float:
        """When the job ends, in unix seconds."""
        return self.created + self.ends

    def status(self, now: float) -> str:
        """The job's status, in AWS's words."""
        age = now - self.created
        if age >= self.ends:
            return self.outcome
        return "InProgress" if self.stops is None or age < self.stops else "Stopping"

    def changed_at(self, now: float) -> float:
        """When the job's status last changed, in unix seconds."""
        age = now - self.created
        moments = [0.0, self.stops or 0.0, self.ends]
        return self.created + max(moment for moment in moments if moment <= max(age, 0.0))

    def details(self, now: float) -> dict[str, tuple[str, float, float]]:
        """Status, beginning and last change of each part of the work, in AWS's words."""
        parts = {
            "validationDetails": (0.0, self.validated),
            "dataProcessingDetails": (self.validated, self.processed),
            "trainingDetails": (self.processed, self.ends),
        }
        return {name: self._detail(now, *span) for name, span in parts.items()}

    def _detail(self, now: float, start: float, end: float) -> tuple[str, float, float]:
        age = now - self.created
        worked = self.ends if self.stops is None else self.stops
        if age < start or start >= worked:
            return "NotStarted", self.created, self.created
        begun = self.created + start
        done = end < worked or (end == worked and self.outcome == "Completed")
        if done and age >= end:
            return "Completed", begun, self.created + end
        return self.status(now), begun, max(self.changed_at(now), begun)


def lay_out(record: Mapping[str, Any], speed: float) -> Course:
    """The course of a job at this speed, or at the one it was settled with."""
    speed = record["speed"] or speed
    least, most = _TRAINING_SECONDS
    validated = VALIDATION_SECONDS / speed
    processed = validated + PROCESSING_SECONDS / speed
    training = min(most, least + record["steps"] * _SECONDS_PER_STEP) / speed
    match record["error"]:
        case None:
            ends, outcome = processed + training, "Completed"
        case {"phase": "validation"}:
            ends, outcome = validated, "Failed"
        case _:
            ends, outcome = processed + training / 2, "Failed"
    stops = None
    if record["stopped_at"] is not None and record["stopped_at"] - record["created"] < ends:
        stops = record["stopped_at"] - record["created"]
        ends, outcome = stops + STOPPING_SECONDS / speed, "Stopped"
    return Course(
        created=record["created"],
        validated=validated,
        processed=processed,
        stops=stops,
        ends=ends,
        outcome=outcome,
    )
