"""A pull request that changes reconciler.yaml while CI holds keys: what gets out, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler import config
from reconciler.config import Config, OpenAISettings
from reconciler.errors import ConfigError

HEAD = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
HOSTS, NAMES = "RECONCILER_ALLOWED_HOSTS", "RECONCILER_ALLOWED_ENV"
NO_KEY = "is no host that a key may go to because a file says so"
NO_DATA = "is no host that data may go to because a file says so"
CI = {
    "OPENAI_API_KEY": "sk-ci-0123456789abcdef",
    "GITHUB_TOKEN": "ghs_0123456789abcdefghij",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-0123456789",
}
"""What a runner holds."""


def load(root: Path, text: str, environment: Mapping[str, str] | None = None) -> Config:
    (root / "reconciler.yaml").write_text(HEAD + text)
    return config.load(None, start=root, environment={**CI, **(environment or {})})


def refusal(root: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(root, text, environment)
    assert not any(secret in str(raised.value) for secret in CI.values())
    return raised.value.message.splitlines()


def openai(settings: str) -> str:
    return f"providers:\n  x: {{type: openai, {settings}}}\n"


# --- hosts --------------------------------------------------------------------------------------


def test_a_key_goes_to_no_host_that_a_file_makes_up(tmp_path: Path) -> None:
    assert refusal(tmp_path, openai("base_url: 'https://evil.example/v1'")) == [
        (
            f"reconciler.yaml:4:31: providers.x.base_url: evil.example {NO_KEY}"
            f" (if it is meant: export {HOSTS}=evil.example)"
        )
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "https://API.OpenAI.com/v1",
        "https://mine.openai.azure.com/openai/v1",
        "https://mine.services.ai.azure.com/api/projects/p/openai/v1",
        "https://mine.cognitiveservices.azure.com/openai/v1",
        "https://bedrock-mantle.us-east-1.api.aws/v1",
        "http://127.0.0.1:8080/v1",
        "http://localhost:8080/v1",
        "http://[::1]:8080/v1",
    ],
)
def test_the_vendors_hosts_and_this_machine_need_no_leave(tmp_path: Path, url: str) -> None:
    found = load(tmp_path, openai(f"base_url: '{url}'"))
    assert found.providers["x"] == OpenAISettings(name="x", base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evilapi.openai.com.example/v1",
        "https://evilopenai.azure.com/v1",
        "https://openai.azure.com/v1",  # the suffix alone is no resource
        "https://api.openai.com./v1",
        "https://evil.example\\\\.openai.azure.com/v1",  # parsers differ over where it leads
        "https://evil.example%2f.openai.azure.com/v1",
        "https://abc.execute-api.us-east-1.amazonaws.com/v1",  # anybody's server
        "https://10.0.0.1/v1",
        "https://[fd00::1]/v1",
        "https://0.0.0.0/v1",
    ],
)
def test_a_host_that_only_looks_like_a_vendors_is_none(tmp_path: Path, url: str) -> None:
    (problem,) = refusal(tmp_path, openai(f'base_url: "{url}"'))
    assert NO_KEY in problem


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "providers: {b: {type: bedrock, endpoint_url: 'https://evil.example'}}\n",
            "3:46: providers.b.endpoint_url",
        ),
        (
            "providers: {b: {type: bedrock, s3_endpoint_url: 'https://evil.example'}}\n",
            "3:49: providers.b.s3_endpoint_url",
        ),
        (
            "state: {backend: s3, bucket: my-team, key: k, endpoint_url: 'https://evil.example'}\n",
            "3:61: state.endpoint_url",
        ),
    ],
)
def test_signed_requests_go_to_no_host_that_a_file_makes_up(
    tmp_path: Path, text: str, place: str
) -> None:
    (problem,) = refusal(tmp_path, text)
    assert problem.startswith(f"reconciler.yaml:{place}: evil.example {NO_DATA}")
    (problem,) = refusal(tmp_path, text.replace("evil.example", "api.openai.com"))
    assert NO_DATA in problem
    assert load(tmp_path, text.replace("evil.example", "s3.eu-west-1.amazonaws.com"))
    assert load(tmp_path, text, {HOSTS: "evil.example"})


def test_fireworks_too(tmp_path: Path) -> None:
    text = "providers: {f: {type: fireworks, base_url: 'https://evil.example'}}\n"
    assert NO_KEY in refusal(tmp_path, text)[0]
    assert load(tmp_path, text.replace("evil.example", "api.fireworks.ai"))


@pytest.mark.parametrize(
    ("allowed", "host", "fine"),
    [
        ("gateway.example.org", "gateway.example.org", True),
        ("gateway.example.org", "other.example.org", False),
        ("*.example.org", "a.b.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "evilexample.org", False),
        (" a.example , Gateway.Example.org,", "gateway.example.org", True),
        ("*", "anything.example", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("gateway.example.org", "api.openai.com", True),  # what is added takes nothing away
    ],
)
def test_the_environment_adds_hosts(tmp_path: Path, allowed: str, host: str, fine: bool) -> None:
    text = openai(f"base_url: 'https://{host}/v1'")
    if fine:
        assert load(tmp_path, text, {HOSTS: allowed})
    else:
        assert NO_KEY in refusal(tmp_path, text, {HOSTS: allowed})[0]


def test_the_hint_keeps_what_was_allowed_before(tmp_path: Path) -> None:
    (problem,) = refusal(tmp_path, openai("base_url: 'https://b.example/v1'"), {HOSTS: "a.example"})
    assert problem.endswith(f"(if it is meant: export {HOSTS}=a.example,b.example)")


def test_an_address_of_the_environment_itself_is_trusted(tmp_path: Path) -> None:
    environment = {
        "OPENAI_BASE_URL": "https://gateway.example/v1",
        "FIREWORKS_BASE_URL": "https://gateway.example",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
    }
    found = load(tmp_path, "", environment)
    assert found.providers["openai"] == OpenAISettings(
        name="openai", base_url="https://gateway.example/v1"
    )


@pytest.mark.parametrize("said", ["https://gateway.example", "a b", "gateway.example:443", "a/*"])
def test_what_is_no_host_is_refused_rather_than_passed_over(tmp_path: Path, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, "", {HOSTS: said})
    assert raised.value.message == f"{HOSTS}: {said!r} is no host"


# --- variables ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "STRIPE_API_KEY"])
@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ("headers: {{x-a: '${{env:{}}}'}}", "4:36: providers.x.headers.x-a"),
        ("query: {{a: 'b ${{env:{}}}'}}", "4:32: providers.x.query.a"),
        ("extra_body: {{a: [{{b: '${{env:{}}}'}}]}}", "4:42: providers.x.extra_body.a[0].b"),
    ],
)
def test_a_file_sends_no_secret_it_makes_up_to_any_host(
    tmp_path: Path, settings: str, place: str, name: str
) -> None:
    assert refusal(tmp_path, openai(settings.format(name))) == [
        (
            f"reconciler.yaml:{place}: a file may not send the variable {name}"
            f" (if it is meant: export {NAMES}={name})"
        )
    ]


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PATH", "API_KEY_OLD"])
@pytest.mark.parametrize("type_", ["openai", "fireworks"])
def test_a_file_names_no_other_secret_as_the_key(tmp_path: Path, type_: str, name: str) -> None:
    (problem,) = refusal(tmp_path, f"providers: {{x: {{type: {type_}, api_key_env: {name}}}}}\n")
    assert problem.endswith(
        f" providers.x.api_key_env: a file may not send the variable {name} as a key: its name"
        f" does not end in _API_KEY (if it is meant: export {NAMES}={name})"
    )


@pytest.mark.parametrize(
    "name",
    ["AZURE_OPENAI_API_KEY", "PORTKEY_API_KEY", "RECONCILER_KEY", "AWS_BEARER_TOKEN_BEDROCK"],
)
def test_an_ordinary_key_needs_no_ceremony(tmp_path: Path, name: str) -> None:
    settings = f"base_url: 'https://mine.openai.azure.com/openai/v1', api_key_env: {name}"
    assert load(tmp_path, openai(settings)).providers["x"] == OpenAISettings(
        name="x", base_url="https://mine.openai.azure.com/openai/v1", api_key_env=name
    )


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "WANDB_API_KEY", "RECONCILER_GATEWAY_TOKEN"])
def test_the_vendors_variables_and_ours_may_be_sent(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, openai(f"headers: {{x-a: 'Bearer ${{env:{name}}}'}}"))


@pytest.mark.parametrize(
    ("allowed", "name", "fine"),
    [
        ("GATEWAY_TOKEN", "GATEWAY_TOKEN", True),
        ("GATEWAY_TOKEN", "GATEWAY_TOKEN_2", False),
        ("A, GATEWAY_*", "GATEWAY_TOKEN", True),
        ("GATEWAY_*", "MY_GATEWAY_TOKEN", False),
        ("gateway_token", "GATEWAY_TOKEN", False),
        ("*", "GITHUB_TOKEN", True),
    ],
)
def test_the_environment_adds_names(tmp_path: Path, allowed: str, name: str, fine: bool) -> None:
    for settings in (f"headers: {{x-a: '${{env:{name}}}'}}", f"api_key_env: {name}"):
        if fine:
            assert load(tmp_path, openai(settings), {NAMES: allowed})
        else:
            assert "a file may not send" in refusal(tmp_path, openai(settings), {NAMES: allowed})[0]


@pytest.mark.parametrize("said", ["${HOME}", "a-b", "*_KEY", "1A", "A*B"])
def test_what_is_no_name_is_refused_rather_than_passed_over(tmp_path: Path, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, "", {NAMES: said})
    assert raised.value.message == f"{NAMES}: {said!r} is no name of a variable"


def test_a_name_in_a_spec_is_asked_about_by_whoever_reads_it() -> None:
    config.check_key("TEAM_WANDB_API_KEY", {})
    config.check_key("WANDB_TOKEN", {NAMES: "WANDB_*"})
    with pytest.raises(ConfigError, match="may not send the variable GITHUB_TOKEN as a key"):
        config.check_key("GITHUB_TOKEN", CI)


def test_every_leak_of_a_file_is_told_in_one_run(tmp_path: Path) -> None:
    text = openai(
        "base_url: 'https://evil.example', api_key_env: GITHUB_TOKEN,"
        " headers: {a: '${env:AWS_SECRET_ACCESS_KEY} ${env:GITHUB_TOKEN}'}"
    )
    assert len(refusal(tmp_path, text)) == 4
