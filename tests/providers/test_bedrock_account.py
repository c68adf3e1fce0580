"""Whose jobs they are: region, credentials, endpoints, and a scope that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import BedrockSettings
from reconciler.errors import ConfigError, CreateRejected, ProviderAuthError, Remedy
from reconciler.providers.bedrock.account import BEDROCK, S3, Account
from reconciler.providers.bedrock.adapter import BedrockProvider
from tests.providers.bedrock_bench import (
    ENVIRONMENT,
    JOBS,
    KEY_ID,
    ROLE,
    SECRET,
    SETTINGS,
    bench,
    loopback,
    make,
    request,
    shown,
)
from tests.providers.loopback import Reply, script

PLAIN = BedrockSettings(name="bedrock")


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that AWS's command line was never set up on."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@contextmanager
def account(environment: Mapping[str, str] = ENVIRONMENT, **fields: Any) -> Iterator[Account]:
    made = Account(replace(PLAIN, **fields), environment)
    yield made
    made.close()


class TestRegion:
    def test_the_settings_name_it(self) -> None:
        with account({**ENVIRONMENT, "AWS_REGION": "eu-west-1"}, region="us-west-2") as made:
            assert made.region == "us-west-2"
            assert made.client(BEDROCK).meta.region_name == "us-west-2"

    @pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
    def test_the_environment_names_it(self, variable: str) -> None:
        with account({**ENVIRONMENT, variable: "eu-west-1"}) as made:
            assert made.region == "eu-west-1"

    def test_a_profile_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "config").write_text("[default]\nregion = ap-south-1\n")
        with account() as made:
            assert made.region == "ap-south-1"

    def test_none_is_an_error_that_says_where_to_name_it(self) -> None:
        with pytest.raises(ConfigError, match="needs a region") as caught:
            Account(PLAIN, ENVIRONMENT)
        assert "providers.bedrock.region in reconciler.yaml, or AWS_REGION" in caught.value.hint

    @pytest.mark.parametrize("region", ["us east 1", "US-EAST-1", "us-east-1/x"])
    def test_what_is_none_is_refused(self, region: str) -> None:
        with pytest.raises(ConfigError, match="is no AWS region"):
            Account(replace(PLAIN, region=region), ENVIRONMENT)

    def test_a_profile_that_is_not_there_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(ConfigError, match="ProfileNotFound") as caught:
            Account(PLAIN, {})
        assert "check AWS_PROFILE" in caught.value.hint


class TestCredentials:
    def test_those_handed_down_sign(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-of-the-process")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret of the process")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "token of the process")
        with bench(script(Reply(200, shown("bot")))) as at:
            at.provider.get("bot")
        (heard,) = at.server.heard
        assert f"Credential={KEY_ID}/" in heard.headers["authorization"]
        assert "x-amz-security-token" not in heard.headers

    def test_a_session_is_a_session(self) -> None:
        environment = {**ENVIRONMENT, "AWS_SESSION_TOKEN": "the-token"}
        with loopback(script(Reply(200, shown("bot")))) as server:
            settings = replace(SETTINGS, endpoint_url=server.url)
            provider = BedrockProvider(settings, environment, sleep=lambda _: None)
            provider.get("bot")
            provider.close()
        assert server.heard[0].headers["x-amz-security-token"] == "the-token"

    def test_where_there_are_none_nothing_is_sent(self) -> None:
        with loopback(script(Reply(200, shown("bot")))) as server:
            settings = replace(SETTINGS, endpoint_url=server.url)
            provider = BedrockProvider(settings, {}, sleep=lambda _: None)
            with pytest.raises(ProviderAuthError, match="there are no AWS credentials") as caught:
                provider.get("bot")
            assert "AWS_PROFILE" in caught.value.hint
            assert "reconcile --sandbox" in caught.value.hint
            with pytest.raises(CreateRejected) as refused:
                provider.create(request(make()))
            assert refused.value.remedy is Remedy.FIX_ACCOUNT
            provider.close()
        assert server.heard == []

    @pytest.mark.parametrize("config", ["[profile other]\n", "no config at all"])
    def test_who_hands_a_key_down_needs_no_profile(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str
    ) -> None:
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with bench(script(Reply(200, shown("bot")))) as at:
            assert at.provider.get("bot") is not None
        assert f"Credential={KEY_ID}/" in at.server.heard[0].headers["authorization"]

    def test_half_a_key_is_left_to_boto3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        provider = BedrockProvider(SETTINGS, {"AWS_ACCESS_KEY_ID": KEY_ID}, sleep=lambda _: None)
        with pytest.raises(ProviderAuthError, match="partial credentials error"):
            provider.get("bot")
        provider.close()

    def test_nothing_shows_a_secret(self) -> None:
        with account(region="us-east-1") as made:
            made.client(BEDROCK)
            assert SECRET not in f"{made!r} {vars(made)['settings']!r} {made.scope}"


class TestEndpoints:
    @pytest.mark.parametrize(
        ("fields", "environment", "bedrock", "s3"),
        [
            (
                {},
                {},
                "https://bedrock.eu-west-1.amazonaws.com",
                "https://s3.eu-west-1.amazonaws.com",
            ),
            (
                {"endpoint_url": "https://b", "s3_endpoint_url": "https://s"},
                {"AWS_ENDPOINT_URL": "https://e"},
                "https://b",
                "https://s",
            ),
            ({}, {"AWS_ENDPOINT_URL": "https://e"}, "https://e", "https://e"),
            (
                {},
                {"AWS_ENDPOINT_URL_BEDROCK": "https://b", "AWS_ENDPOINT_URL_S3": "https://s/s3"},
                "https://b",
                "https://s/s3",
            ),
        ],
    )
    def test_each_service_has_its_own(
        self, fields: dict[str, str], environment: dict[str, str], bedrock: str, s3: str
    ) -> None:
        with account({**ENVIRONMENT, **environment}, region="eu-west-1", **fields) as made:
            assert made.client(BEDROCK).meta.endpoint_url == bedrock
            assert made.fresh().meta.endpoint_url == bedrock
            assert made.client(S3).meta.endpoint_url == s3

    @pytest.mark.parametrize(
        ("fields", "environment", "message"),
        [
            ({"endpoint_url": "http://bedrock.example"}, {}, "providers.bedrock.endpoint_url: "),
            ({"s3_endpoint_url": "minio:9000"}, {}, "providers.bedrock.s3_endpoint_url: "),
            ({}, {"AWS_ENDPOINT_URL_S3": "http://minio.example"}, "AWS_ENDPOINT_URL_S3: "),
            ({}, {"AWS_ENDPOINT_URL": "http://minio.example"}, "AWS_ENDPOINT_URL: "),
        ],
    )
    def test_none_is_spoken_to_in_the_open(
        self, fields: dict[str, str], environment: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            Account(replace(PLAIN, region="us-east-1", **fields), {**ENVIRONMENT, **environment})

    def test_no_client_repeats_anything_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
        monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
        with account(region="us-east-1") as made:
            for client in (made.client(BEDROCK), made.client(S3), made.fresh()):
                assert client.meta.config.retries["total_max_attempts"] == 1

    def test_a_proxy_has_no_business_on_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        with bench(script(Reply(200, shown("bot")))) as at:
            assert at.provider.get("bot") is not None
        assert at.server.requests() == [f"GET {JOBS}/bot"]


@pytest.mark.parametrize(
    ("fields", "scope"),
    [
        ({}, "aws:?/us-east-1"),
        ({"role_arn": ROLE}, "aws:111122223333/us-east-1"),
        ({"bucket": "b-1"}, "aws:?/us-east-1/b-1/finetune"),
        ({"bucket": "b-1", "prefix": "/"}, "aws:?/us-east-1/b-1"),
        ({"endpoint_url": "http://127.0.0.1:4510/"}, "aws:?/us-east-1@127.0.0.1"),
        (
            {"endpoint_url": "https://b.example:8443", "s3_endpoint_url": "https://s.example"},
            "aws:?/us-east-1@b.example:8443@s.example",
        ),
    ],
)
def test_a_scope_says_whose_without_asking(fields: dict[str, Any], scope: str) -> None:
    with account({}, region="us-east-1", **fields) as made:
        assert made.scope == scope


def test_a_client_is_shared_and_one_for_a_create_is_not() -> None:
    with account(region="us-east-1") as made:
        assert made.client(BEDROCK) is made.client(BEDROCK)
        assert made.fresh() is not made.fresh()
