"""One repository, one state and one account in memory, through which real passes go.

The passes are the engine's own: `Process` is `engine.Reconciler` with two things replaced. It is
handed its specs as values, and it projects its sidecars without writing them to a disk. Threads are
replaced by plain calls, in order, so that a schedule can be told again; everything else is the
product. A world can be put back to any `Moment`, which is what makes an exhaustive search cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Self, TypeVar

import pytest

from reconciler import status
from reconciler.config import Config, OpenAISettings
from reconciler.engine import Desired, PassResult, Reconciler, Request
from reconciler.errors import CreateOutcomeUnknown
from reconciler.model import FileRef, Job, JobSpec, JobStatus, Plan, Record, State
from reconciler.providers.base import CreateRequest
from reconciler.state import codec
from reconciler.state.base import LockOwner, Snapshot
from tests.crash.seam import Seam
from tests.fakes import OWNER, Clock, FakeProvider, MemoryStore

GRACE = 120.0
"""The default `creation_grace`, and as long as the OpenAI adapter waits for a create's answer."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Climate:
    """What kind of provider it is. `lag` is how many seconds a new job stays hidden from looks.

    `unique`: the provider refuses a second job of one name, as Bedrock and Fireworks do, so that
    there is no grace. `pages`: jobs are looked for in list pages, as when many are open.
    """

    name: str
    lag: float = 0.0
    unique: bool = False
    pages: bool = False

    @property
    def grace(self) -> float:
        return 0.0 if self.unique else GRACE

    def __str__(self) -> str:
        return self.name


CLIMATES = (
    Climate("listed at once"),
    Climate("listed late", lag=60),
    Climate("listed late, by pages", lag=60, pages=True),
    Climate("named", unique=True),
    Climate("named, shown late", unique=True, lag=60),
)


class Gone(Exception):
    """The account says that it has no such job."""


@dataclass
class Account(FakeProvider):
    """The fake provider behind a seam, with names that may be unique.

    `refused` are the tokens that it has refused for good.
    """

    seam: Seam = field(default_factory=Seam)
    unique: bool = False
    refused: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.before = lambda operation: self.seam.at("before", operation)
        self.after = lambda operation: self.seam.at("after", operation)

    def get(self, job_id: str) -> Job | None:
        try:
            return super().get(job_id)
        except Gone:
            return None

    def list(self) -> Iterator[Job]:
        yield from super().list()
        self.after("list")  # the connection may break before the last page

    def made(self, request: CreateRequest) -> Job:
        taken = [job for job in self.jobs.values() if job.stamp == request.spec.token]
        if not self.unique or not taken:
            return super().made(request)
        shown = [job for job in taken if job in self._visible()]
        if not shown:
            raise CreateOutcomeUnknown("the name is taken, and no job of that name shows")
        return shown[0]


class Store(MemoryStore):
    """The store in memory behind a seam. `versions` are those it has held, if it is told one."""

    def __init__(self, seam: Seam) -> None:
        super().__init__()
        self.seam = seam
        self.versions: list[bytes] = []

    @property
    def data(self) -> bytes:
        return self._bytes

    @data.setter
    def data(self, data: bytes) -> None:
        self._bytes = data

    def read(self) -> Snapshot:
        return Snapshot(state=_decoded(self.data), version=self._version())

    def write(self, state: State, expected: str) -> str:
        self.seam.at("before", "save")
        version = super().write(state, expected)
        if self.versions and self.data not in self.versions:
            self.versions.append(self.data)
        self.seam.at("after", "save")
        return version

    @contextmanager
    def lock(self, owner: LockOwner) -> Iterator[None]:
        self.seam.at("before", "lock")
        with super().lock(owner):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Process(Reconciler):
    """The product's own pass, on specs that are values and without a disk for sidecars."""

    specs: Callable[[], tuple[JobSpec, ...]]

    def desired(self, request: Request) -> Desired:
        del request
        return Desired(specs=self.specs())

    def _write_sidecars(
        self, desired: Sequence[JobSpec], state: State, decided: Plan
    ) -> tuple[Path, ...]:
        steps = {step.token: step for step in decided.steps}
        for spec in desired:
            status.project(spec, state, steps.get(spec.token))
        return ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A world at rest, between two passes."""

    state: bytes
    versions: tuple[bytes, ...]
    jobs: tuple[Job, ...]
    files: tuple[FileRef, ...]
    creates: tuple[CreateRequest, ...]
    refused: frozenset[str]
    now: float
    specs: tuple[JobSpec, ...]

    def at(self, now: float) -> Moment:
        return replace(self, now=now)

    def key(self, climate: Climate) -> Hashable:
        """What the future depends on: two moments with one key have the same one.

        Serial and lineage only count. Of a time it matters how far away it is, and not even that
        once a grace, a lag or a refusal is over: no decision looks further back.
        """
        return (
            _essence(self.state, self.now),
            frozenset(_essence(version, self.now) for version in self.versions),
            tuple(
                (job.id, job.status, job.stamp, min(self.now - (job.created_at or 0), climate.lag))
                for job in self.jobs
            ),
            tuple(file.sha256 for file in self.files),
            tuple(intent(create.spec) for create in self.creates),
            self.refused,
            tuple(intent(spec) for spec in self.specs),
        )

    def paid(self) -> Mapping[str, int]:
        """How many jobs were paid for by what they were meant to be."""
        counts: dict[str, int] = {}
        for create in self.creates:
            counts[intent(create.spec)] = counts.get(intent(create.spec), 0) + 1
        return counts


def intent(spec: JobSpec) -> str:
    """What a create is paid for. Not the token, which a mutant may make up."""
    return f"{spec.namespace}/{spec.name}@{spec.digest[:8]}"


class World:
    """The repository, the state, the account and the time, and passes through them."""

    def __init__(self, climate: Climate, process: type[Process] = Process) -> None:
        self.climate = climate
        self.clock = Clock()
        self.seam = Seam()
        self.store = Store(self.seam)
        self.account = Account(
            clock=self.clock,
            lag=climate.lag,
            grace=climate.grace,
            seam=self.seam,
            unique=climate.unique,
        )
        self.specs: tuple[JobSpec, ...] = ()
        self._process = process

    def process(self, store: Store | None = None) -> Process:
        """A process that has just been started, on the world's own state or on another."""
        return self._process(
            config=Config(root=Path("/nowhere"), providers={"openai": _SETTINGS}),
            store=store or self.store,
            connect=lambda _: self.account,
            clock=self.clock,
            owner=OWNER,
            specs=lambda: self.specs,
        )

    def run(self) -> PassResult:
        """One whole pass of a new process. Whatever ends it, the lock goes with the process."""
        try:
            return self.process().run_once(Request())
        finally:
            self.store.holder = None

    def plan(self) -> Plan:
        """What the next pass would do."""
        self.seam.begin()
        return self.process().plan(Request())

    def moment(self) -> Moment:
        """The world as it is."""
        return Moment(
            state=self.store.data,
            versions=tuple(self.store.versions),
            jobs=tuple(self.account.jobs.values()),
            files=tuple(self.account.files.values()),
            creates=tuple(self.account.creates),
            refused=self.account.refused,
            now=self.clock.now,
            specs=self.specs,
        )

    def go_to(self, moment: Moment) -> Self:
        """Make the world as it was."""
        self.store.data = moment.state
        self.store.versions = list(moment.versions)
        self.account.jobs = {job.id: job for job in moment.jobs}
        self.account.files = {file.sha256: file for file in moment.files}
        self.account.creates = list(moment.creates)
        self.account.refused = moment.refused
        self.account.calls.clear()
        self.clock.now = moment.now
        self.specs = moment.specs
        return self

    def end_jobs(self) -> None:
        """Let every job that runs succeed."""
        for job in list(self.account.jobs.values()):
            if not job.status.terminal:
                self.account.end(job.id, JobStatus.SUCCEEDED)


@contextmanager
def in_order(climate: Climate) -> Iterator[None]:
    """For as long as it lasts, the product's threads are plain calls, one after the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reconciler.observe.ThreadPoolExecutor", _Calls)
        patch.setattr("reconciler.apply.ThreadPoolExecutor", _Calls)
        if climate.pages:
            patch.setattr("reconciler.observe.LIST_FROM", 1)
        yield


class _Calls:
    """An executor without threads."""

    def __init__(self, max_workers: int, thread_name_prefix: str) -> None:
        del max_workers, thread_name_prefix

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to wait for."""

    def map(self, call: Callable[[T], R], values: Iterable[T]) -> Iterator[R]:
        return iter([call(value) for value in values])

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """There is nothing to stop."""


def _essence(data: bytes, now: float) -> Hashable:
    """What a state says that a pass could act on."""
    state = _decoded(data)
    return (
        tuple((token, *_knowledge(record, now)) for token, record in sorted(state.records.items())),
        tuple((scope, *sorted(files)) for scope, files in sorted(state.files.items())),
    )


def _knowledge(record: Record, now: float) -> tuple[Hashable, ...]:
    job, rejection = record.job, record.rejection
    retry_at = rejection.retry_at if rejection else None
    return (
        record.binding,
        None if record.pending_since is None else min(now - record.pending_since, GRACE),
        rejection and rejection.remedy,
        None if retry_at is None else max(retry_at - now, 0.0),
        job and (job.id, job.status),
    )


@lru_cache(maxsize=4096)
def _decoded(data: bytes) -> State:
    return codec.decode(data, "memory") if data else State(lineage="memory")


_SETTINGS = OpenAISettings(name="openai")
