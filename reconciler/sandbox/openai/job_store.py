"""The jobs of the sandbox, and what has become of them by now.

The handlers of jobs, files and models share it. A job's record is written when it is created, when
somebody pauses, resumes or cancels it, and once more when its end is first seen: then its result
file is made and the pace is fixed, so that a server of another speed sees the same end.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.sandbox.exchange import World
from reconciler.sandbox.openai import learning
from reconciler.sandbox.openai.file_store import FileStore
from reconciler.sandbox.openai.timeline import TERMINAL, Timeline, lay_out
from reconciler.sandbox.openai.wire import refused
from reconciler.sandbox.store import Collection, Record

_ALLOWED_FROM = {
    "cancel": ("validating_files", "queued", "running", "paused"),
    "pause": ("queued", "running"),
    "resume": ("paused",),
}
_DONE = {"cancel": "cancelled", "pause": "paused", "resume": "resumed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """A model that a succeeded job left: the final one, or a checkpoint."""

    id: str
    created: int
    job: Record


class JobStore:
    """All jobs, by id."""

    def __init__(self, world: World, files: FileStore) -> None:
        self._world = world
        self._files = files
        self._records = Collection(world.data_dir / "openai" / "jobs")

    def add(self, record: Record) -> None:
        """Store a new job."""
        self._records.put(record["id"], record)

    def get(self, name: str) -> Record | None:
        """The job's record, settled, or None if there is no such job."""
        record = self._records.get(name)
        return None if record is None else self._settled(record)

    def stored(self, name: str) -> Record | None:
        """The job's record as it was last written: enough for what never changes."""
        return self._records.get(name)

    def newest_first(self) -> list[str]:
        """The ids of all jobs: they sort by the moment of creation."""
        return list(reversed(self._records.names()))

    def settle(self) -> None:
        """Make the result files of all jobs that have ended since somebody looked."""
        for record in self._records.all():
            self._settled(record)

    def timeline(self, record: Record) -> Timeline:
        """The job's whole future."""
        return lay_out(record, self._world.speed)

    def control(self, name: str, action: str) -> Record | None:
        """Pause, resume or cancel a job; Refusal where its status does not allow it."""
        return self._records.update(name, functools.partial(self._controlled, action=action))

    def models(self) -> Iterator[TunedModel]:
        """Every model that jobs have left and nobody has deleted."""
        for record in self._records.all():
            timeline = self.timeline(record)
            if timeline.status(self._world.clock()) != "succeeded":
                continue
            for step in learning.checkpoint_steps(record):
                name = learning.checkpoint_model(record, step)
                if name not in record["deleted_models"]:
                    created = int(timeline.reached(step))
                    yield TunedModel(id=name, created=created, job=record)

    def delete_model(self, model: TunedModel) -> None:
        """Forget a model; its job stays."""

        def without(record: Record) -> Record:
            deleted = {*record["deleted_models"], model.id}
            return {**record, "deleted_models": sorted(deleted)}

        self._records.update(model.job["id"], without)

    def _controlled(self, record: Record, *, action: str) -> Record:
        now = self._world.clock()
        status = self.timeline(record).status(now)
        if status not in _ALLOWED_FROM[action]:
            raise refused(
                f"Job {record['id']} cannot be {_DONE[action]}: its status is '{status}'.",
                code="invalid_job_state",
            )
        controls = [*record["controls"], {"action": action, "at": now}]
        # A cancelled job has ended: nothing is left to look at but what it did until now.
        pace = {"speed": self._world.speed} if action == "cancel" else {}
        return {**record, **pace, "controls": controls}

    def _settled(self, record: Record) -> Record:
        if not self._is_due(record):
            return record
        return self._records.update(record["id"], self._ended) or record

    def _is_due(self, record: Record) -> bool:
        """Whether the job has ended and nobody has written that down."""
        if record["speed"]:
            return False
        return self.timeline(record).status(self._world.clock()) in TERMINAL

    def _ended(self, record: Record) -> Record:
        """The record with its end written down; under the lock, where it is asked once more."""
        if not self._is_due(record):
            return record
        timeline = self.timeline(record)
        if timeline.outcome == "succeeded":
            created = int(timeline.finished_at)
            self._files.add_result(result_file(record), learning.result_file(record), created)
        return {**record, "speed": self._world.speed}


def result_file(record: Record) -> str:
    """The id of a job's result file, which is the same before it exists."""
    return f"file-{learning.code(record, 'result file', 22)}"


def job_object(record: Record, timeline: Timeline, now: float) -> dict[str, Any]:
    """OpenAI's `fine_tuning.job` object, as real replies show it."""
    request, status = record["request"], timeline.status(now)
    succeeded, failed = status == "succeeded", status == "failed"
    # Until the files are validated, nobody knows what "auto" will become.
    validated = any(span.status != "validating_files" for span in timeline.begun(now))
    method = request["method"]
    hyperparameters = record["resolved"] if validated else method["hyperparameters"]
    ends = timeline.finished_at if status == "running" else math.inf
    return {
        "object": "fine_tuning.job",
        "id": record["id"],
        "model": request["model"],
        "created_at": int(record["created"]),
        "finished_at": int(timeline.finished_at) if status in TERMINAL else None,
        "fine_tuned_model": learning.model_name(record) if succeeded else None,
        "organization_id": record["organization_id"],
        "result_files": [result_file(record)] if succeeded else [],
        "status": status,
        "training_file": request["training_file"],
        "validation_file": request["validation_file"],
        "hyperparameters": hyperparameters if method["type"] == "supervised" else None,
        "method": _method_object(method, hyperparameters),
        "trained_tokens": _trained_tokens(record) if succeeded else None,
        "error": {
            name: record["error"][name] if failed else None for name in ("code", "message", "param")
        },
        "seed": record["seed"],
        "estimated_finish": int(ends) if math.isfinite(ends) else None,
        "integrations": request["integrations"] or [],
        "metadata": request["metadata"],
        "user_provided_suffix": request["suffix"],
        "usage_metrics": None,
        "shared_with_openai": False,
    }


def checkpoint_objects(record: Record, timeline: Timeline, now: float) -> list[dict[str, Any]]:
    """OpenAI's checkpoint objects, newest first: those that training has reached."""
    steps = [step for step in learning.checkpoint_steps(record) if timeline.reached(step) <= now]
    return [
        {
            "object": "fine_tuning.job.checkpoint",
            "id": f"ftckpt_{learning.code(record, f'checkpoint {step}', 24)}",
            "created_at": int(timeline.reached(step)),
            "fine_tuned_model_checkpoint": learning.checkpoint_model(record, step),
            "step_number": step,
            "metrics": {"step": step, **learning.metrics(record, step)},
            "fine_tuning_job_id": record["id"],
        }
        for step in reversed(steps)
    ]


def _method_object(method: Record, hyperparameters: Record) -> dict[str, Any]:
    section: dict[str, Any] = {"hyperparameters": hyperparameters}
    if method["type"] == "reinforcement":
        section |= {"grader": method["grader"], "response_format": None}
    return {"type": method["type"], method["type"]: section}


def _trained_tokens(record: Record) -> int:
    tokens: int = record["training"]["tokens"] * record["resolved"]["n_epochs"]
    return tokens
