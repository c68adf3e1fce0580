"""No redirect is followed with credentials: two servers on loopback, and the second hears nothing.

Every client of the house that signs or carries a key sends to the first, which answers with the
address of the second. A create that is answered so may or may not have been made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import (
    BedrockSettings,
    FireworksSettings,
    OpenAISettings,
    ProviderSettings,
    S3StateSettings,
)
from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderError,
    StateError,
)
from reconciler.model import Job, JobStatus
from reconciler.providers import signed_url
from reconciler.providers.base import CreateRequest, LocalFile, Provider
from reconciler.state.s3.bucket import Bucket
from tests.fakes import make_spec
from tests.providers.bedrock_bench import loopback
from tests.providers.loopback import Heard, Loopback, Reply

STATUSES = [301, 302, 307, 308]
KEEPS_ALL = [307]
"""The redirect that keeps method and body, for what needs not be seen with every one."""

SECRET = "verysecretkey0123456789"
ENVIRONMENT = {
    "OPENAI_API_KEY": SECRET,
    "FIREWORKS_API_KEY": SECRET,
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": f"session-{SECRET}",
}
ROLE = "arn:aws:iam::111122223333:role/finetuning"
MODELS = {
    "openai": "ft:gpt-4.1-mini-2025-04-14:acme::Ab1xyZ",
    "bedrock": "support-bot-0123456789abcdef",
    "fireworks": "accounts/acme/models/support",
}
JOBS = {
    "openai": "ftjob-1",
    "bedrock": "support-bot-0123456789abcdef",
    "fireworks": "accounts/acme/supervisedFineTuningJobs/t",
}
BASES = {"openai": "gpt-4.1-mini-2025-04-14", "bedrock": "amazon.nova-micro-v1:0"}


@dataclass
class Pair:
    """The server that is called, and the one it points to."""

    first: Loopback
    second: Loopback

    def unheard(self) -> bool:
        """Whether the first was called, and the second was not."""
        return bool(self.first.heard) and not self.second.heard


@pytest.fixture(params=STATUSES)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    status: int = request.param
    with loopback(lambda _: Reply(200, {})) as second:

        def away(heard: Heard) -> Reply:
            headers = {
                "Location": f"{second.url}{heard.target}",
                "x-amz-bucket-region": "eu-west-1",  # S3's way to say it
                "Connection": "close",
            }
            return Reply(status, b"", headers)

        with loopback(away) as first:
            yield Pair(first=first, second=second)


def settings(name: str, url: str) -> ProviderSettings:
    match name:
        case "openai":
            return OpenAISettings(name=name, base_url=f"{url}/v1")
        case "fireworks":
            return FireworksSettings(name=name, base_url=url, account_id="acme")
        case _:
            return BedrockSettings(
                name=name,
                region="us-east-1",
                role_arn=ROLE,
                bucket="training-data",
                endpoint_url=url,
                s3_endpoint_url=url,
            )


@pytest.fixture(params=["openai", "bedrock", "fireworks"])
def provider(request: pytest.FixtureRequest, pair: Pair) -> Iterator[Provider]:
    made = providers.connect(
        settings(request.param, pair.first.url), ENVIRONMENT, sleep=lambda _: None
    )
    yield made
    made.close()


def create(provider: Provider) -> Job:
    base = BASES.get(provider.name, "qwen3-8b")
    spec = make_spec(provider=provider.name, provider_type=provider.name, model=base)
    training = "s3://training-data/x.jsonl" if provider.name == "bedrock" else "file-1"
    return provider.create(CreateRequest(spec=spec, base_model=base, training=training))


def test_a_create_that_is_sent_elsewhere_may_have_been_made(pair: Pair, provider: Provider) -> None:
    with pytest.raises(CreateOutcomeUnknown) as caught:
        create(provider)
    assert [heard.method for heard in pair.first.heard].count("POST") == 1
    assert pair.unheard()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("pair", [303], indirect=True)
@pytest.mark.parametrize("provider", ["openai", "fireworks"], indirect=True)
def test_a_create_is_not_looked_up_elsewhere_either(pair: Pair, provider: Provider) -> None:
    """A 303 asks for a GET instead. botocore, as of 1.44, cannot read one, and follows none."""
    with pytest.raises(CreateOutcomeUnknown):
        create(provider)
    assert pair.unheard()


CALLS: dict[str, Callable[[Provider], Any]] = {
    "find": lambda provider: provider.find("support-bot-0123456789abcdef"),
    "get": lambda provider: provider.get(JOBS[provider.name]),
    "list": lambda provider: list(provider.list()),
    "cancel": lambda provider: provider.cancel(JOBS[provider.name]),
    "resume": lambda provider: provider.resume(JOBS[provider.name]),
    "delete_model": lambda provider: provider.delete_model(MODELS[provider.name]),
    "metrics": lambda provider: provider.metrics(
        Job(
            id=JOBS[provider.name],
            status=JobStatus.SUCCEEDED,
            provider_status="",
            result_files=(
                ("s3://training-data/out/",) if provider.name == "bedrock" else ("file-9",)
            ),
        )
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("pair", KEEPS_ALL, indirect=True)
def test_whatever_is_asked_is_asked_of_one_server(
    pair: Pair, provider: Provider, call: str
) -> None:
    if (provider.name, call) == ("bedrock", "resume"):
        pair.first.heard.append(Heard("", "", {}, b"", 0))  # it cannot, and nobody is asked
    with pytest.raises(ProviderError) as caught:
        CALLS[call](provider)
    assert pair.unheard()
    assert SECRET not in str(caught.value)


def test_data_is_sent_to_one_server(pair: Pair, provider: Provider, tmp_path: Path) -> None:
    content = b'{"messages": []}\n' * 12
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    with pytest.raises((CreateRejected, ProviderError)):
        provider.upload(LocalFile(path=path, sha256=sha256, size=len(content)))
    assert pair.unheard()


def test_a_signed_address_leads_to_one_server(pair: Pair) -> None:
    with pytest.raises(ProviderError) as caught:
        signed_url.use("GET", f"{pair.first.url}/x?signature={SECRET}", what="the data")
    assert pair.unheard()
    assert SECRET not in str(caught.value)


STATE: dict[str, Callable[[Bucket], Any]] = {
    "get": lambda bucket: bucket.get("state.json"),
    "put": lambda bucket: bucket.replace("state.json", b"{}", None),
}


@pytest.mark.parametrize("action", STATE)
def test_the_state_is_kept_at_one_server(
    pair: Pair, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    bucket = Bucket(
        S3StateSettings(
            bucket="state-bucket", key="state.json", region="us-east-1", endpoint_url=pair.first.url
        ),
        pause=lambda _: None,
    )
    with pytest.raises(StateError) as caught:
        STATE[action](bucket)
    assert pair.unheard()
    assert SECRET not in str(caught.value)
