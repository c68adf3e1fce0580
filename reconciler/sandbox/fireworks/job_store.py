"""The jobs of the sandbox, of both kinds, and what has become of them by now.

The handlers of jobs, models and the storage share it. A job's record is written when it is created,
cancelled, resumed or deleted, and once more when its end is first seen. A model is the pointer from
its id to the job that makes it: it exists once the job has completed.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.sandbox.exchange import World
from reconciler.sandbox.fireworks.course import DELETING_SECONDS, TERMINAL, Course, lay_out
from reconciler.sandbox.fireworks.create_request import training_of
from reconciler.sandbox.fireworks.wire import invalid, refused
from reconciler.sandbox.store import Collection, Record

SUPERVISED, PREFERENCE = "supervisedFineTuningJobs", "dpoJobs"
"""The kinds of jobs, as their collections are called."""


class JobStore:
    """All jobs, by kind and id, and the models they left."""

    def __init__(self, world: World) -> None:
        self._world = world
        folder = world.data_dir / "fireworks"
        self._jobs = {kind: Collection(folder / kind) for kind in (SUPERVISED, PREFERENCE)}
        self._models = Collection(folder / "models")

    def add(self, record: Record) -> None:
        """Store a new job; Refusal if its id, or the model it would make, is taken."""

        def revision(existing: Record | None) -> Record:
            if existing and not self._is_gone(existing):
                raise refused("ALREADY_EXISTS")
            self._check_output(record)
            pointer = {
                "kind": record["kind"],
                "job": record["id"],
                "maker": None,
                "deleted": False,
            }
            self._models.put(output_id(record), pointer)
            return record

        self._jobs[record["kind"]].revise(record["id"], revision)

    def find(self, kind: str, name: str) -> Record | None:
        """The job, settled, or None if there is none."""
        record = self._jobs[kind].load(name) if kind in self._jobs else None
        return None if record is None or self._is_gone(record) else self._settled(record)

    def get(self, kind: str, name: str) -> Record:
        """The job, settled; Refusal if there is none."""
        record = self.find(kind, name)
        if record is None:
            raise refused("NOT_FOUND")
        return record

    def all(self, kind: str) -> list[Record]:
        """Every job of a kind, settled, by id."""
        found = (record for record in self._jobs[kind].all() if not self._is_gone(record))
        return [self._settled(record) for record in found]

    def course(self, record: Record) -> Course:
        """The job's whole future."""
        return lay_out(record, self._world.speed)

    def state(self, record: Record) -> str:
        """The job's state now, without its prefix."""
        if record["deleted_at"] is not None:
            return "DELETING_CLEANING_UP"
        return self.course(record).state(self._world.clock())

    def cancel(self, kind: str, name: str) -> Record:
        """Cancel a job that has not ended; Refusal otherwise."""
        return self._control(kind, name, "cancel")

    def resume(self, kind: str, name: str) -> Record:
        """Go on with a job that failed or was cancelled; Refusal otherwise."""
        return self._control(kind, name, "resume")

    def delete(self, kind: str, name: str) -> None:
        """Forget a job: one that runs is cleaned up for a moment first, as it was seen."""
        record = self.get(kind, name)
        state = self.state(record)
        if state == "COMPLETED":  # its model outlives it
            self._models.update(output_id(record), lambda pointer: {**pointer, "maker": record})
        if state in TERMINAL:
            self._jobs[kind].remove(name)
        else:
            now = self._world.clock()
            self._jobs[kind].update(name, lambda record: {**record, "deleted_at": now})

    def model(self, name: str) -> Record | None:
        """The completed job that left a model by this id; None if there is none."""
        job = self._maker(name)
        return job if job and self.state(job) == "COMPLETED" else None

    def models(self) -> Iterator[Record]:
        """The jobs that left a model nobody has deleted."""
        for name in self._models.names():
            if job := self.model(name):
                yield job

    def delete_model(self, name: str) -> None:
        """Forget a model; its job stays."""
        self._models.update(name, lambda pointer: {**pointer, "deleted": True})

    def _control(self, kind: str, name: str, action: str) -> Record:
        now = self._world.clock()
        allowed = {
            "cancel": ("CREATING", "PENDING", "VALIDATING", "RUNNING"),
            "resume": ("FAILED", "CANCELLED"),
        }

        def controlled(record: Record) -> Record:
            state = self.state(record)
            if state not in allowed[action]:
                raise refused(
                    "FAILED_PRECONDITION", f"cannot {action} a job in state JOB_STATE_{state}"
                )
            controls = [*record["controls"], {"action": action, "at": now}]
            return {**record, "controls": controls, "speed": self._pace(record)}

        self.get(kind, name)
        changed = self._jobs[kind].update(name, controlled)
        if changed is None:
            raise refused("NOT_FOUND")
        return changed

    def _settled(self, record: Record) -> Record:
        if record["speed"] or self.state(record) not in TERMINAL:
            return record
        changed = self._jobs[record["kind"]].update(
            record["id"], lambda record: {**record, "speed": self._pace(record)}
        )
        return changed or record

    def _pace(self, record: Record) -> float:
        pace: float = record["speed"] or self._world.speed
        return pace

    def _is_gone(self, record: Record) -> bool:
        deleted = record["deleted_at"]
        if deleted is None:
            return False
        gone_at: float = deleted + DELETING_SECONDS / self._world.speed
        return self._world.clock() >= gone_at

    def _check_output(self, record: Record) -> None:
        """Refuse the id of a model that is there or on its way; the real words are not known."""
        other = self._maker(output_id(record))
        if other and self.state(other) not in ("FAILED", "CANCELLED"):
            raise invalid(f"model {training_of(record['request'])['outputModel']} already exists")

    def _maker(self, model: str) -> Record | None:
        """The job that made or is to make a model, also where the job has been deleted since."""
        pointer = self._models.load(model)
        if pointer is None or pointer["deleted"]:
            return None
        job: Record | None = pointer["maker"] or self._jobs[pointer["kind"]].load(pointer["job"])
        if job is None or output_id(job) != model or self._is_gone(job):
            return None
        return job


def output_id(record: Record) -> str:
    """The id of the model that a job makes."""
    name: str = training_of(record["request"])["outputModel"]
    return name.rpartition("/")[2]
