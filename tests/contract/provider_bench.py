"""One contract for every provider: what `providers.base` promises, held against each adapter.

Here is what its test files, `test_provider_*.py`, run against, each test once per implementation.
An adapter is added by a line in IMPLEMENTATIONS. Each runs against a server that speaks its
provider's wire protocol; the fake that the core's tests lean on is held to the same promises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler import providers
from reconciler.config import BedrockSettings, FireworksSettings, OpenAISettings, ProviderSettings
from reconciler.errors import CreateOutcomeUnknown, CreateRejected, ProviderUnavailable, Remedy
from reconciler.model import Job, JobSpec
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


def end(bench: Bench, job: Job) -> Job:
    """The job, run to its end."""
    if isinstance(bench.provider, FakeProvider):
        bench.provider.end(job.id)
    bench.clock.sleep(A_DAY)
    ended = bench.provider.get(job.id)
    assert ended is not None
    return ended
