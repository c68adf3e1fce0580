"""One contract for every provider: what `providers.base` promises, held against each adapter.

An adapter is added by a line in IMPLEMENTATIONS. Each runs against a server that speaks its
provider's wire protocol; the fake that the core's tests lean on is held to the same promises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import (
    BedrockSettings,
    FireworksSettings,
    OpenAISettings,
    ProviderSettings,
)
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


CHAT = {
    "messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "WORDS"}]
}
CONVERSATION = {
    "schemaVersion": "bedrock-conversation-2024",
    "messages": [
        {"role": "user", "content": [{"text": "Say it."}]},
        {"role": "assistant", "content": [{"text": "WORDS"}]},
    ],
}


@dataclass
class Bench:
    """An account, what moves its server, and the data of its jobs.

    `connect` makes another adapter to the same account, as a later run would. `unplug` makes the
    server unreachable. `tells`: what there is of a finished job. `unique`: the token is the job's
    name, so that there is never a second one. `can`: what a job can be told beside to stop.
    `protected`: models that are nobody's to delete. `example` is a line of data the provider reads.
    """

    provider: Provider
    connect: Callable[[], Provider]
    clock: Clock
    unplug: Callable[[], None]
    folder: Path
    tells: frozenset[str] = frozenset({"events", "checkpoints", "metrics"})
    unique: bool = False
    can: frozenset[str] = frozenset({"pause", "resume"})
    protected: tuple[str, ...] = ("gpt-4.1-mini-2025-04-14", "ft:../files/file-1", "", "..")
    model: str = "gpt-4.1-mini-2025-04-14"
    example: Mapping[str, Any] = field(default_factory=lambda: CHAT)

    def spec(self, name: str = "support-bot") -> JobSpec:
        """A spec for this provider."""
        type_ = self.provider.name
        return make_spec(name, provider=type_, provider_type=type_, model=self.model)

    def file(self, words: str = "hello") -> LocalFile:
        """Training data that the provider accepts; other words are other bytes."""
        content = (json.dumps(self.example).replace("WORDS", words) + "\n").encode() * 110
        path = self.folder / f"{words}.jsonl"
        path.write_bytes(content)
        return LocalFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def request(self, spec: JobSpec, model: str | None = None) -> CreateRequest:
        """A create of this spec, its data uploaded."""
        training = self.provider.upload(self.file()).reference
        return CreateRequest(spec=spec, base_model=model or self.model, training=training)

    def create(self, spec: JobSpec | None = None) -> Job:
        """A job, a second after the one before it."""
        self.clock.sleep(1)
        return self.provider.create(self.request(spec or self.spec()))


Making = Callable[..., AbstractContextManager[Bench]]


@contextmanager
def served(
    folder: Path,
    settings: Callable[[str], ProviderSettings],
    *quirks: str,
    lose_answers: bool = False,
    **bench: Any,
) -> Iterator[Bench]:
    """An adapter at the sandbox; `settings` says from the sandbox's URL where it looks."""
    clock = Clock()
    script = [faults.parse("create=drop-after")] if lose_answers else []
    script += [faults.parse(quirk) for quirk in quirks]
    with ExitStack() as adapters, ExitStack() as power:
        server = power.enter_context(serve(folder / "sandbox", faults=script, clock=clock))

        def connect() -> Provider:
            provider = providers.connect(settings(server.url), ENVIRONMENT, sleep=clock.sleep)
            adapters.callback(provider.close)
            return provider

        yield Bench(connect(), connect, clock, power.close, folder, **bench)


ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-sandbox",
    "FIREWORKS_API_KEY": "fw_sandbox",
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
}


@contextmanager
def openai(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The OpenAI adapter at the sandbox."""

    def settings(url: str) -> OpenAISettings:
        return OpenAISettings(name="openai", base_url=f"{url}/v1")

    with served(folder, settings, lose_answers=lose_answers) as bench:
        yield bench


@contextmanager
def bedrock(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The Bedrock adapter at the sandbox, with data in the form that Nova reads."""

    def settings(url: str) -> BedrockSettings:
        return BedrockSettings(
            name="bedrock",
            region="us-east-1",
            role_arn="arn:aws:iam::123456789012:role/finetuning",
            bucket="sandbox",
            endpoint_url=url,
            s3_endpoint_url=f"{url}/s3",
        )

    with served(
        folder,
        settings,
        lose_answers=lose_answers,
        tells=frozenset({"metrics"}),
        unique=True,
        can=frozenset(),
        protected=(
            "amazon.nova-micro-v1:0:128k",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
            "arn:aws:bedrock:us-east-1:123456789012:custom-model/imported/a1b2c3d4e5f6",
            "arn:aws:bedrock:eu-west-1:123456789012:custom-model/amazon.nova-micro-v1:0/a1b2c3d4e5f6",
            "../model-customization-jobs",
            "",
        ),
        model="amazon.nova-micro-v1:0:128k",
        example=CONVERSATION,
    ) as bench:
        yield bench


@contextmanager
def fireworks(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The Fireworks adapter at the sandbox."""

    def settings(url: str) -> FireworksSettings:
        return FireworksSettings(name="fireworks", base_url=url, account_id="sandbox")

    with served(
        folder,
        settings,
        lose_answers=lose_answers,
        tells=frozenset({"metrics"}),
        unique=True,
        can=frozenset({"resume"}),
        protected=(
            "accounts/fireworks/models/qwen3-8b",
            "accounts/other/models/support",
            "accounts/sandbox/datasets/d",
            "accounts/sandbox/models/support:undeploy",
            "accounts/sandbox/models/..",
            "",
        ),
        model="qwen3-8b",
    ) as bench:
        yield bench


@contextmanager
def openai_in_suffix(folder: Path, *, lose_answers: bool = False) -> Iterator[Bench]:
    """The OpenAI adapter at a server that drops metadata."""

    def settings(url: str) -> OpenAISettings:
        return OpenAISettings(name="openai", base_url=f"{url}/v1", stamp="suffix")

    with served(folder, settings, "no-metadata", lose_answers=lose_answers) as bench:
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
    yield Bench(
        provider,
        lambda: provider,
        provider.clock,
        unplug,
        folder,
        tells=frozenset(),
        protected=("gpt-4.1-mini-2025-04-14", ""),
    )


IMPLEMENTATIONS: dict[str, Making] = {
    "openai": openai,
    "openai-suffix": openai_in_suffix,
    "bedrock": bedrock,
    "fireworks": fireworks,
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
        spec = bench.spec()
        job = bench.create(spec)
        assert carries(job, spec.token)
        assert not job.status.terminal
        assert job.fine_tuned_model is None
        assert job.created_at == int(bench.clock())

    def test_a_lost_answer_leaves_a_job_that_is_found(self, make: Making, tmp_path: Path) -> None:
        with make(tmp_path, lose_answers=True) as bench:
            spec = bench.spec()
            with pytest.raises(CreateOutcomeUnknown):
                bench.create(spec)
            (found,) = bench.provider.find(spec.token)
            assert carries(found, spec.token)

    def test_a_refused_job_is_not_there(self, bench: Bench) -> None:
        spec = bench.spec()
        with pytest.raises(CreateRejected) as caught:
            bench.provider.create(bench.request(spec, WRONG_MODEL))
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert bench.provider.find(spec.token) == ()

    def test_creates_side_by_side_are_a_job_each(self, bench: Bench) -> None:
        requests = [bench.request(bench.spec(f"bot-{number}")) for number in range(8)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            jobs = list(pool.map(bench.provider.create, requests))
            found = list(pool.map(bench.provider.find, (r.spec.token for r in requests)))
        assert len({job.id for job in jobs}) == 8
        assert [[job.id for job in jobs_] for jobs_ in found] == [[job.id] for job in jobs]


class TestLook:
    def test_a_token_finds_its_job_and_no_other(self, bench: Bench) -> None:
        ours, other = bench.spec("support-bot"), bench.spec("intent-router")
        bench.create(other)
        job = bench.create(ours)
        assert [found.id for found in bench.provider.find(ours.token)] == [job.id]
        assert bench.provider.find(bench.spec("ticket-tags").token) == ()

    def test_jobs_of_one_token_come_oldest_first(self, bench: Bench) -> None:
        spec = bench.spec()
        jobs = [bench.create(spec) for _ in range(3)]
        created = [jobs[0].id] if bench.unique else [job.id for job in jobs]
        assert [job.id for job in bench.provider.find(spec.token)] == created
        assert {job.id for job in jobs} == set(created)

    def test_jobs_known_to_belong_elsewhere_do_not_hide_ours(self, bench: Bench) -> None:
        spec, other = bench.spec("support-bot"), bench.create(bench.spec("intent-router"))
        job = bench.create(spec)
        assert [found.id for found in bench.provider.find(spec.token, {other.id})] == [job.id]

    def test_another_run_finds_it_too(self, bench: Bench) -> None:
        spec = bench.spec()
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
        jobs = [bench.create(bench.spec(f"bot-{number}")) for number in range(3)]
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
        assert not bench.provider.cancel(job.id).fine_tuned_model
        bench.clock.sleep(60)  # some are a while about it
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

    def test_a_paused_job_waits_until_it_is_resumed(self, bench: Bench) -> None:
        job = bench.create()
        bench.clock.sleep(2)
        if "pause" not in bench.can:
            with pytest.raises(ProviderError, match="cannot pause a job; cancel stops it"):
                bench.provider.pause(job.id)
            assert end(bench, job).status is JobStatus.SUCCEEDED
            return
        for _ in range(2):
            assert bench.provider.pause(job.id).status is JobStatus.PAUSED
            bench.clock.sleep(A_DAY)
        for _ in range(2):
            assert bench.provider.resume(job.id).status is JobStatus.QUEUED
        assert end(bench, job).status is JobStatus.SUCCEEDED

    def test_a_job_that_goes_on_need_not_be_resumed(self, bench: Bench) -> None:
        job = bench.create()
        if "resume" not in bench.can:
            with pytest.raises(ProviderError, match="cannot resume a job"):
                bench.provider.resume(job.id)
            return
        going_on = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)
        assert bench.provider.resume(job.id).status in going_on

    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_a_job_that_has_succeeded_is_past_being_told(self, bench: Bench, verb: str) -> None:
        ended = end(bench, bench.create())
        with pytest.raises(ProviderError):
            getattr(bench.provider, verb)(ended.id)
        assert bench.provider.get(ended.id) == ended

    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_a_job_that_is_not_there_is_told_nothing(self, bench: Bench, verb: str) -> None:
        with pytest.raises(ProviderError) as caught:
            getattr(bench.provider, verb)("ftjob-none")
        assert not isinstance(caught.value, ProviderUnavailable)

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
        told = {"events": events, "checkpoints": checkpoints, "metrics": points}
        assert {name for name, found in told.items() if found} == bench.tells


class TestModels:
    def test_a_model_is_deleted_once_and_its_job_stays(self, bench: Bench) -> None:
        ended = end(bench, bench.create())
        assert ended.fine_tuned_model
        assert bench.provider.delete_model(ended.fine_tuned_model) is True
        assert bench.provider.delete_model(ended.fine_tuned_model) is False
        assert bench.connect().delete_model(ended.fine_tuned_model) is False
        assert bench.provider.get(ended.id) == ended

    def test_the_models_of_other_jobs_stay(self, bench: Bench) -> None:
        models = []
        for name in ("support-bot", "intent-router"):
            ended = end(bench, bench.create(bench.spec(name)))
            assert ended.fine_tuned_model
            models.append(ended.fine_tuned_model)
        assert bench.provider.delete_model(models[0]) is True
        assert bench.provider.delete_model(models[1]) is True

    def test_what_is_no_fine_tuned_model_of_ours_is_never_deleted(self, bench: Bench) -> None:
        for model in bench.protected:
            with pytest.raises(ProviderError) as caught:
                bench.provider.delete_model(model)
            assert not isinstance(caught.value, ProviderUnavailable), model


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
    "find": lambda bench, _: bench.provider.find(bench.spec().token),
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
    if call in ("events", "checkpoints") and bench.unique:
        assert not UNREACHABLE[call](bench, job)  # there are none, and nobody is asked
        return
    with pytest.raises(ProviderUnavailable):
        UNREACHABLE[call](bench, job)


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_server_that_cannot_be_reached_is_told_nothing(bench: Bench, verb: str) -> None:
    job = bench.create()
    bench.unplug()
    with pytest.raises(ProviderError) as caught:
        getattr(bench.provider, verb)(job.id)
    assert isinstance(caught.value, ProviderUnavailable) is (verb in bench.can)


def test_a_model_at_a_server_that_cannot_be_reached_may_be_there(bench: Bench) -> None:
    ended = end(bench, bench.create())
    assert ended.fine_tuned_model
    bench.unplug()
    with pytest.raises(ProviderUnavailable):
        bench.provider.delete_model(ended.fine_tuned_model)


def end(bench: Bench, job: Job) -> Job:
    """The job, run to its end."""
    if isinstance(bench.provider, FakeProvider):
        bench.provider.end(job.id)
    bench.clock.sleep(A_DAY)
    ended = bench.provider.get(job.id)
    assert ended is not None
    return ended
