"""A provider and a state store in memory, honest enough to lose answers, lag and die.

They keep the contracts of `providers.base` and `state.base` and are held to them by the same
contract tests as the real ones. Time stands still unless a test moves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

from reconciler import identity
from reconciler.errors import ProviderError, StateConflict, StateLocked
from reconciler.model import (
    Binding,
    Checkpoint,
    Dataset,
    Event,
    FileRef,
    Job,
    JobSpec,
    JobStatus,
    MetricPoint,
    Record,
    Source,
    State,
)
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.state import codec
from reconciler.state.base import LockOwner, Snapshot

NOW = 1_760_000_000.0
"""A day in October 2025, when every model of the tests can still be trained."""


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Clock:
    """Unix seconds that pass only when told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeProvider:
    """An OpenAI-like account in memory. `creates` counts what would be paid for.

    A fault is called with the operation's name before its effect (`before`) or after it (`after`)
    and may raise what an adapter may raise, or Killed.
    """

    clock: Clock
    name: str = "openai"
    scope: str = "fake"
    grace: float = 120.0
    lists_stamps: bool = True
    lag: float = 0.0
    jobs: dict[str, Job] = field(default_factory=dict)
    files: dict[str, FileRef] = field(default_factory=dict)
    creates: list[CreateRequest] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    deleted: set[str | None] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    on_events: Callable[[str], Iterable[Event]] = lambda _: ()

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        del known
        self._call("find")
        found = tuple(job for job in self._visible() if job.stamp == token)
        self.after("find")
        return found

    def get(self, job_id: str) -> Job | None:
        self._call("get")
        return self.jobs.get(job_id)

    def list(self) -> Iterator[Job]:
        self._call("list")
        yield from reversed(self._visible())

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        self._call("upload")
        if known is not None and known.sha256 in self.files:
            return known
        if file.sha256 not in self.files:
            self.uploads.append(file.sha256)
            self.files[file.sha256] = FileRef(
                reference=f"file-{file.sha256[:8]}",
                sha256=file.sha256,
                size=file.size,
                uploaded_at=int(self.clock()),
            )
        self.after("upload")
        return self.files[file.sha256]

    def create(self, request: CreateRequest) -> Job:
        self._call("create")
        job = self.made(request)
        self.after("create")
        return job

    def cancel(self, job_id: str) -> Job:
        self._call("cancel")
        if job_id not in self.jobs:
            raise ProviderError(f"there is no job {job_id}")
        if self.jobs[job_id].status.terminal:
            return self.jobs[job_id]
        return self.end(job_id, JobStatus.CANCELLED)

    def pause(self, job_id: str) -> Job:
        self._call("pause")
        job = self._turned(job_id, JobStatus.PAUSED)
        self.after("pause")
        return job

    def resume(self, job_id: str) -> Job:
        self._call("resume")
        job = self.jobs.get(job_id)
        if job is None or job.status is JobStatus.PAUSED or job.status.terminal:
            job = self._turned(job_id, JobStatus.QUEUED)
        self.after("resume")
        return job

    def delete_model(self, model: str) -> bool:
        self._call("delete_model")
        if not model.startswith("ft:"):
            raise ProviderError(f"{model} is no fine-tuned model")
        made = {job.fine_tuned_model for job in self.jobs.values()} - self.deleted
        self.deleted.add(model)
        self.after("delete_model")
        return model in made

    def events(self, job_id: str) -> Iterator[Event]:
        self._call("events")
        yield from self.on_events(job_id)

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        del job_id
        self._call("checkpoints")
        return ()

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        del job
        self._call("metrics")
        return ()

    def close(self) -> None:
        self.calls.append("close")

    def made(self, request: CreateRequest) -> Job:
        """What a create does once it has arrived."""
        self.creates.append(request)
        job = Job(
            id=f"ftjob-{len(self.creates)}",
            status=JobStatus.VALIDATING_FILES,
            provider_status="validating_files",
            stamp=request.spec.token,
            created_at=int(self.clock()),
            model=request.base_model,
            training_file=request.training,
            validation_file=request.validation,
        )
        self.jobs[job.id] = job
        return job

    def end(self, job_id: str, status: JobStatus = JobStatus.SUCCEEDED) -> Job:
        """Let a job come to its end."""
        done = status is JobStatus.SUCCEEDED
        self.jobs[job_id] = replace(
            self.jobs[job_id],
            status=status,
            provider_status=status.value,
            finished_at=int(self.clock()),
            fine_tuned_model=f"ft:{job_id}" if done else None,
            trained_tokens=1000 if done else None,
        )
        return self.jobs[job_id]

    def _turned(self, job_id: str, status: JobStatus) -> Job:
        """The job, which has changed to this status. One that is over does not."""
        if job_id not in self.jobs:
            raise ProviderError(f"there is no job {job_id}")
        if self.jobs[job_id].status.terminal:
            raise ProviderError(f"{job_id} has {self.jobs[job_id].provider_status} already")
        self.jobs[job_id] = replace(self.jobs[job_id], status=status, provider_status=status.value)
        return self.jobs[job_id]

    def _call(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)

    def _visible(self) -> Sequence[Job]:
        return [
            job for job in self.jobs.values() if (job.created_at or 0) + self.lag <= self.clock()
        ]


def raise_on(wanted: str, error: BaseException) -> Callable[[str], None]:
    """A fault of one operation: it raises this."""

    def fault(operation: str) -> None:
        if operation == wanted:
            raise error

    return fault


def doing(wanted: str, what: Callable[[], object]) -> Callable[[str], None]:
    """A fault of one operation: while it goes on, this is done."""

    def fault(operation: str) -> None:
        if operation == wanted:
            what()

    return fault


class MemoryStore:
    """A state in memory, as bytes. `writes` counts what would have been fsynced."""

    location = "memory"

    def __init__(self, state: State | None = None) -> None:
        self._bytes = b"" if state is None else codec.encode(state)
        self._guard = Lock()
        self.writes = 0
        self.holder: LockOwner | None = None
        self.before_write: Callable[[], None] = lambda: None
        self.after_write: Callable[[], None] = lambda: None

    @property
    def state(self) -> State:
        return self.read().state

    @state.setter
    def state(self, state: State) -> None:
        self._bytes = codec.encode(state)

    def read(self) -> Snapshot:
        if not self._bytes:
            return Snapshot(state=State(lineage="memory"), version="")
        return Snapshot(state=codec.decode(self._bytes, self.location), version=self._version())

    def write(self, state: State, expected: str) -> str:
        with self._guard:
            if expected != self._version():
                raise StateConflict("someone else wrote")
            self.before_write()
            self._bytes = codec.encode(state)
            self.writes += 1
            self.after_write()
            return self._version()

    @contextmanager
    def lock(self, owner: LockOwner) -> Iterator[None]:
        if self.holder is not None:
            raise StateLocked(f"held by {self.holder.who}")
        self.holder = owner
        try:
            yield
        finally:
            self.holder = None

    def _version(self) -> str:
        return hashlib.sha256(self._bytes).hexdigest() if self._bytes else ""


OWNER = LockOwner(id="1", who="tester@here", operation="test", created_at=NOW)


def make_spec(
    name: str = "support-bot", *, upstream: JobSpec | None = None, **fields: object
) -> JobSpec:
    """A complete, stamped spec. Its data need not exist on disk."""
    values: dict[str, object] = {
        "namespace": "default",
        "name": name,
        "provider": "openai",
        "provider_type": "openai",
        "model": None if upstream else "gpt-4.1-mini-2025-04-14",
        "model_from": upstream.name if upstream else None,
        "training": Dataset(
            path="data/train.jsonl", sha256="ab" * 32, size=10, examples=12, present=True
        ),
        "source": Source(path=f"specs/{name}.yaml", line=1),
    }
    spec = JobSpec(**{**values, **fields})  # type: ignore[arg-type]  # one place, any field
    document = identity.identity(spec, upstream.token if upstream else None)
    digest = identity.digest(document)
    token = identity.token(spec.namespace, spec.name, digest)
    return replace(spec, identity=document, digest=digest, token=token)


def make_record(spec: JobSpec | None = None, **fields: object) -> Record:
    """State's record of a spec; pending since NOW unless told otherwise."""
    spec = spec or make_spec()
    values: dict[str, object] = {
        "token": spec.token,
        "namespace": spec.namespace,
        "name": spec.name,
        "digest": spec.digest,
        "identity": spec.identity,
        "attempt": spec.attempt,
        "provider": spec.provider,
        "scope": "fake",
        "source": spec.source,
        "training": spec.training,
        "validation": spec.validation,
        "binding": Binding.PENDING,
        "pending_since": NOW,
    }
    return Record(**{**values, **fields})  # type: ignore[arg-type]  # one place, any field
