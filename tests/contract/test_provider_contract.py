"""One contract for every provider: what `providers.base` promises, held against each adapter.

An adapter is added by a line in IMPLEMENTATIONS. Each runs against a server that speaks its
provider's wire protocol; the fake that the core's tests lean on is held to the same promises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import FileRef, Job, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest, LocalFile, Provider
from reconciler.sandbox import faults
from reconciler.sandbox.server import serve
from tests.fakes import Clock, FakeProvider, make_spec

A_DAY = 86_400.0
WRONG_MODEL = "no-such-model"


@dataclass
class Bench:
    """An account, what moves its server, and the data of its jobs.

    `connect` makes another adapter to the same account, as a later run would. `unplug` makes the
    server unreachable. `tells`: a finished job has events, checkpoints and a loss curve.
    """

    provider: Provider
    connect: Callable[[], Provider]
    clock: Clock
    unplug: Callable[[], None]
    folder: Path
    tells: bool = True

    def file(self, words: str = "hello") -> LocalFile:
        """Training data that the provider accepts; other words are other bytes."""
        turns = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": words}]
        content = (json.dumps({"messages": turns}) + "\n").encode() * 12
        path = self.folder / f"{words}.jsonl"
        path.write_bytes(content)
        return LocalFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def request(self, spec: JobSpec, model: str = "gpt-4.1-mini-2025-04-14") -> CreateRequest:
        """A create of this spec, its data uploaded."""
        training = self.provider.upload(self.file()).reference
        return CreateRequest(spec=spec, base_model=model, training=training)

    def create(self, spec: JobSpec | None = None) -> Job:
        """A job, a second after the one before it."""
        self.clock.sleep(1)
        return self.provider.create(self.request(spec or make_spec()))


Making = Callable[..., AbstractContextManager[Bench]]


@contextmanager
def openai(folder: Path, *, lose_answers: bool = False, stamp: str = "metadata") -> Iterator[Bench]:
    """The OpenAI adapter at the sandbox."""
    clock = Clock()
    script = [faults.parse("create=drop-after")] if lose_answers else []
    script += [faults.parse("no-metadata")] if stamp == "suffix" else []
    with ExitStack() as adapters, ExitStack() as power:
        server = power.enter_context(serve(folder / "sandbox", faults=script, clock=clock))
        settings = OpenAISettings(name="openai", base_url=f"{server.url}/v1", stamp=stamp)

        def connect() -> Provider:
            provider = providers.connect(
                settings, {"OPENAI_API_KEY": "sk-sandbox"}, sleep=lambda _: None
            )
            adapters.callback(provider.close)
            return provider

        yield Bench(connect(), connect, clock, power.close, folder)


@contextmanager
def openai_in_suffix(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The OpenAI adapter at a server that drops metadata."""
    with openai(folder, lose_answers=lose_answers, stamp="suffix") as bench:
        yield bench


class FussyFake(FakeProvider):
    """The fake, with the refusals that the core's tests have no use for."""

    def create(self, request: CreateRequest) -> Job:
        if request.base_model == WRONG_MODEL:
            raise CreateRejected("no such model", remedy=Remedy.FIX_SPEC)
        return super().create(request)


@contextmanager
def fake(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The fake in memory: the same object is every adapter to it."""
    provider = FussyFake(Clock())

    def lose(operation: str) -> None:
        if lose_answers and operation == "create":
            raise CreateOutcomeUnknown("the answer was lost")

    def unplug() -> None:
        def fail(_: str) -> None:
            raise ProviderUnavailable("unplugged")

        provider.before = fail

    provider.after = lose
    yield Bench(provider, lambda: provider, provider.clock, unplug, folder, tells=False)


IMPLEMENTATIONS: dict[str, Making] = {
    "openai": openai,
    "openai-suffix": openai_in_suffix,
    "fake": fake,
}


@pytest.fixture(params=IMPLEMENTATIONS.values(), ids=list(IMPLEMENTATIONS))
def make(request: pytest.FixtureRequest) -> Making:
    making: Making = request.param
    return making


@pytest.fixture
def bench(make: Making, tmp_path: Path) -> Iterator[Bench]:
    with make(tmp_path) as made:
        yield made


def carries(job: Job, token: str) -> bool:
    return job.stamp in (token, token[-16:])


class TestCreate:
    def test_a_job_carries_its_token(self, bench: Bench) -> None:
        spec = make_spec()
        job = bench.create(spec)
        assert carries(job, spec.token)
        assert not job.status.terminal
        assert job.fine_tuned_model is None
        assert job.created_at == int(bench.clock())

    def test_a_lost_answer_leaves_a_job_that_is_found(self, make: Making, tmp_path: Path) -> None:
        spec = make_spec()
        with make(tmp_path, lose_answers=True) as bench:
            with pytest.raises(CreateOutcomeUnknown):
                bench.create(spec)
            (found,) = bench.provider.find(spec.token)
            assert carries(found, spec.token)

    def test_a_refused_job_is_not_there(self, bench: Bench) -> None:
        spec = make_spec()
        with pytest.raises(CreateRejected) as caught:
            bench.provider.create(bench.request(spec, WRONG_MODEL))
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert bench.provider.find(spec.token) == ()

    def test_creates_side_by_side_are_a_job_each(self, bench: Bench) -> None:
        requests = [bench.request(make_spec(f"bot-{number}")) for number in range(8)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            jobs = list(pool.map(bench.provider.create, requests))
            found = list(pool.map(bench.provider.find, (r.spec.token for r in requests)))
        assert len({job.id for job in jobs}) == 8
        assert [[job.id for job in jobs_] for jobs_ in found] == [[job.id] for job in jobs]


class TestLook:
    def test_a_token_finds_its_job_and_no_other(self, bench: Bench) -> None:
        ours, other = make_spec("support-bot"), make_spec("intent-router")
        bench.create(other)
        job = bench.create(ours)
        assert [found.id for found in bench.provider.find(ours.token)] == [job.id]
        assert bench.provider.find(make_spec("ticket-tags").token) == ()

    def test_jobs_of_one_token_come_oldest_first(self, bench: Bench) -> None:
        spec = make_spec()
        jobs = [bench.create(spec) for _ in range(3)]
        assert [job.id for job in bench.provider.find(spec.token)] == [job.id for job in jobs]

    def test_jobs_known_to_belong_elsewhere_do_not_hide_ours(self, bench: Bench) -> None:
        spec, other = make_spec("support-bot"), bench.create(make_spec("intent-router"))
        job = bench.create(spec)
        assert [found.id for found in bench.provider.find(spec.token, {other.id})] == [job.id]

    def test_another_run_finds_it_too(self, bench: Bench) -> None:
        spec = make_spec()
        job = bench.create(spec)
        later = bench.connect()
        assert [found.id for found in later.find(spec.token)] == [job.id]
        assert (later.name, later.scope, later.grace) == (
            bench.provider.name,
            bench.provider.scope,
            bench.provider.grace,
        )

    def test_a_job_is_got_by_its_id(self, bench: Bench) -> None:
        job = bench.create()
        got = bench.provider.get(job.id)
        assert got is not None
        assert (got.id, got.created_at, got.stamp) == (job.id, job.created_at, job.stamp)

    @pytest.mark.parametrize("id_", ["ftjob-none", "", "..", "ftjob-none?c=1"])
    def test_an_unknown_id_is_none(self, bench: Bench, id_: str) -> None:
        bench.create()
        assert bench.provider.get(id_) is None

    def test_the_list_has_every_job_newest_first(self, bench: Bench) -> None:
        jobs = [bench.create(make_spec(f"bot-{number}")) for number in range(3)]
        listed = list(bench.provider.list())
        assert [job.id for job in listed] == [job.id for job in reversed(jobs)]
        if bench.provider.lists_stamps:
            assert all(job.stamp for job in listed)


class TestLife:
    def test_a_job_comes_to_its_end(self, bench: Bench) -> None:
        job = bench.create()
        ended = end(bench, job)
        assert ended.status is JobStatus.SUCCEEDED
        assert ended.fine_tuned_model
        assert ended.finished_at is not None
        assert ended.finished_at >= (job.created_at or 0)

    def test_a_cancelled_job_is_over_and_may_be_cancelled_again(self, bench: Bench) -> None:
        job = bench.create()
        for _ in range(2):
            assert bench.provider.cancel(job.id).status is JobStatus.CANCELLED
        got = bench.provider.get(job.id)
        assert got is not None
        assert got.status is JobStatus.CANCELLED
        assert got.fine_tuned_model is None

    def test_a_finished_job_stays_finished(self, bench: Bench) -> None:
        ended = end(bench, bench.create())
        assert bench.provider.cancel(ended.id).status is JobStatus.SUCCEEDED

    def test_a_job_that_is_not_there_is_not_cancelled(self, bench: Bench) -> None:
        with pytest.raises(ProviderError):
            bench.provider.cancel("ftjob-none")

    def test_what_is_told_of_a_job_is_in_order(self, bench: Bench) -> None:
        job = bench.create()
        assert bench.provider.checkpoints(job.id) == ()
        assert bench.provider.metrics(job) == ()
        ended = end(bench, job)
        events = list(bench.provider.events(job.id))
        assert all(newer.created_at >= older.created_at for newer, older in pairwise(events))
        assert len({event.id for event in events}) == len(events)
        checkpoints = bench.provider.checkpoints(job.id)
        assert all(newer.step > older.step for newer, older in pairwise(checkpoints))
        points = bench.provider.metrics(ended)
        assert all(earlier.step < later.step for earlier, later in pairwise(points))
        assert all(point.values for point in points)
        assert [bool(told) for told in (events, checkpoints, points)] == [bench.tells] * 3


class TestUpload:
    def test_the_same_bytes_are_stored_once(self, bench: Bench) -> None:
        first = bench.provider.upload(bench.file())
        assert bench.provider.upload(bench.file()) == first
        assert bench.provider.upload(bench.file(), first) == first
        later = bench.connect()
        assert later.upload(bench.file()).reference == first.reference
        assert bench.connect().upload(bench.file(), first) == first

    def test_other_bytes_are_another_file(self, bench: Bench) -> None:
        first, second = bench.file("hello"), bench.file("goodbye")
        refs = [bench.provider.upload(file) for file in (first, second)]
        assert refs[0].reference != refs[1].reference
        assert [ref.sha256 for ref in refs] == [first.sha256, second.sha256]
        assert [ref.size for ref in refs] == [first.size, second.size]

    def test_a_file_that_state_remembers_and_nobody_has_is_sent_again(self, bench: Bench) -> None:
        file = bench.file()
        lost = FileRef(reference="file-none", sha256=file.sha256, size=file.size, uploaded_at=1)
        assert bench.provider.upload(file, lost).reference != "file-none"


UNREACHABLE: dict[str, Callable[[Bench, Job], object]] = {
    "find": lambda bench, _: bench.provider.find(make_spec().token),
    "get": lambda bench, job: bench.provider.get(job.id),
    "list": lambda bench, _: list(bench.provider.list()),
    "cancel": lambda bench, job: bench.provider.cancel(job.id),
    "events": lambda bench, job: list(bench.provider.events(job.id)),
    "checkpoints": lambda bench, job: bench.provider.checkpoints(job.id),
    "upload": lambda bench, _: bench.provider.upload(bench.file("goodbye")),
}


@pytest.mark.parametrize("call", UNREACHABLE)
def test_a_server_that_cannot_be_reached_proves_nothing(bench: Bench, call: str) -> None:
    job = bench.create()
    bench.unplug()
    with pytest.raises(ProviderUnavailable):
        UNREACHABLE[call](bench, job)


def end(bench: Bench, job: Job) -> Job:
    """The job, run to its end."""
    if isinstance(bench.provider, FakeProvider):
        bench.provider.end(job.id)
    bench.clock.sleep(A_DAY)
    ended = bench.provider.get(job.id)
    assert ended is not None
    return ended
