from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler import config
from reconciler.config import (
    BedrockSettings,
    Config,
    FileStateSettings,
    FireworksSettings,
    OpenAISettings,
    Policy,
    ProviderSettings,
    S3StateSettings,
    duration,
    expand,
)
from reconciler.errors import ConfigError

HEAD = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
KEY = "sk-proj-abcdefghijklmnop1234"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository below a folder that is none."""
    made = (tmp_path / "above" / "repository").resolve()
    (made / ".git").mkdir(parents=True)
    (made / "specs" / "team").mkdir(parents=True)
    return made


def load(root: Path, text: str, environment: Mapping[str, str] | None = None) -> Config:
    (root / "reconciler.yaml").write_text(HEAD + text)
    return config.load(None, start=root, environment=environment or {})


BUILT_IN: Mapping[str, ProviderSettings] = {
    "openai": OpenAISettings(name="openai"),
    "bedrock": BedrockSettings(name="bedrock"),
    "fireworks": FireworksSettings(name="fireworks"),
}

# --- where it is found --------------------------------------------------------------------------


def test_without_a_file_everything_has_its_default(root: Path) -> None:
    for start in (root, root / "specs" / "team"):
        assert config.load(None, start=start, environment={}) == Config(
            root=root,
            namespace="default",
            specs=("specs",),
            state=FileStateSettings(path=".reconciler/state.json"),
            providers=BUILT_IN,
            policy=Policy(max_creates=None),
        )


def test_outside_of_git_the_root_is_where_one_stands(tmp_path: Path) -> None:
    (tmp_path / "reconciler.yaml").write_text(HEAD + "namespace: far\n")
    inside = tmp_path / "folder"
    inside.mkdir()
    found = config.load(None, start=inside, environment={})
    assert (found.root, found.namespace) == (inside.resolve(), "default")
    assert config.load(None, start=tmp_path, environment={}).namespace == "far"


def test_the_file_is_looked_for_up_to_the_top_of_the_repository(root: Path) -> None:
    (root.parent / "reconciler.yaml").write_text(HEAD + "namespace: stranger\n")
    assert config.load(None, start=root / "specs", environment={}).namespace == "default"
    (root / "reconciler.yaml").write_text(HEAD + "namespace: mine\n")
    found = config.load(None, start=root / "specs" / "team", environment={})
    assert (found.root, found.namespace) == (root, "mine")


def test_the_nearest_file_counts_and_its_folder_is_the_root(root: Path) -> None:
    (root / "reconciler.yaml").write_text(HEAD + "namespace: far\n")
    (root / "specs" / "reconciler.yaml").write_text(HEAD + "namespace: near\n")
    found = config.load(None, start=root / "specs" / "team", environment={})
    assert (found.root, found.namespace) == (root / "specs", "near")


def test_a_work_tree_of_git_has_a_file_named_git(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")
    (tmp_path / "specs").mkdir()
    found = config.load(None, start=tmp_path / "specs", environment={})
    assert found.root == tmp_path.resolve()


def test_a_file_can_be_named(root: Path) -> None:
    (root / "specs" / "other.yaml").write_text(HEAD + "namespace: other\n")
    for path in (Path("specs/other.yaml"), root / "specs" / "other.yaml"):
        found = config.load(path, start=root, environment={})
        assert (found.root, found.namespace) == (root / "specs", "other")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.yaml", "none.yaml cannot be read: No such file or directory"),
        ("specs", "specs cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_named_has_to_be_there(root: Path, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.load(Path(path), start=root, environment={})
    assert str(raised.value) == f"{message} (name another with --config)"


def test_a_file_by_nearly_the_right_name_is_not_passed_over(root: Path) -> None:
    (root / "reconciler.yml").write_text(HEAD)
    with pytest.raises(ConfigError) as raised:
        config.load(None, start=root / "specs", environment={})
    assert str(raised.value) == "../reconciler.yml is not read (call it reconciler.yaml)"


def test_problems_are_told_as_seen_from_where_one_stands(root: Path) -> None:
    (root / "reconciler.yaml").write_text(HEAD + "namespce: x\n")
    with pytest.raises(ConfigError, match=r"^\.\./\.\./reconciler\.yaml:3:1: namespce: "):
        config.load(None, start=root / "specs" / "team", environment={})


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_a_file_that_says_nothing_changes_nothing(root: Path, text: str) -> None:
    (root / "reconciler.yaml").write_text(text)
    assert config.load(None, start=root, environment={}) == Config(root=root, providers=BUILT_IN)


# --- what it says -------------------------------------------------------------------------------


def test_everything_at_once(root: Path) -> None:
    found = load(
        root,
        """\
namespace: research
specs: [specs, more/jobs]
state: {backend: file, path: var/state.json}
providers:
  openai: {type: openai, project: proj_1}
  azure:
    type: openai
    base_url: https://r.openai.azure.com/openai/v1
    api_key_env: AZURE_OPENAI_API_KEY
    organization: org-1
    headers: {x-portkey-api-key: "${env:PORTKEY}"}
    query: {api-version: 2025-04-01-preview}
    extra_body: {trainingType: globalStandard, nested: [1, {a: "${env:A}"}], eos_token: "</s>"}
    auth: api-key
    stamp: suffix
    creation_grace: 30s
  local-1-: {type: openai, base_url: "http://127.0.0.1:8080/v1"}
policy: {max_creates: 0}
""",
        {"RECONCILER_ALLOWED_ENV": "PORTKEY,A"},
    )
    assert found == Config(
        root=root,
        namespace="research",
        specs=("specs", "more/jobs"),
        state=FileStateSettings(path="var/state.json"),
        providers={
            **BUILT_IN,
            "openai": OpenAISettings(name="openai", project="proj_1"),
            "azure": OpenAISettings(
                name="azure",
                base_url="https://r.openai.azure.com/openai/v1",
                api_key_env="AZURE_OPENAI_API_KEY",
                organization="org-1",
                headers={"x-portkey-api-key": "${env:PORTKEY}"},
                query={"api-version": "2025-04-01-preview"},
                extra_body={
                    "trainingType": "globalStandard",
                    "nested": [1, {"a": "${env:A}"}],
                    "eos_token": "</s>",
                },
                auth="api-key",
                stamp="suffix",
                creation_grace=30.0,
            ),
            "local-1-": OpenAISettings(name="local-1-", base_url="http://127.0.0.1:8080/v1"),
        },
        policy=Policy(max_creates=0),
    )


@pytest.mark.parametrize(
    ("more", "environment", "expected"),
    [
        pytest.param("", {}, {}, id="the rest is boto3's to find"),
        pytest.param("", {"AWS_REGION": "eu-west-1"}, {"region": "eu-west-1"}, id="environment"),
        pytest.param("", {"AWS_REGION": ""}, {}, id="an empty variable"),
        pytest.param(
            ", region: auto, endpoint_url: 'https://s3.example.org'",
            {"AWS_REGION": "eu-west-1"},
            {"region": "auto", "endpoint_url": "https://s3.example.org"},
            id="the file beats the environment",
        ),
    ],
)
def test_state_in_s3(
    root: Path, more: str, environment: Mapping[str, str], expected: Mapping[str, Any]
) -> None:
    text = f"state: {{backend: s3, bucket: my-team, key: ft/state.json{more}}}\n"
    found = load(root, text, {**environment, "RECONCILER_ALLOWED_HOSTS": "s3.example.org"})
    assert found.state == S3StateSettings(bucket="my-team", key="ft/state.json", **expected)


VENDOR = {
    "OPENAI_BASE_URL": "https://gateway.example/v1",
    "OPENAI_ORG_ID": "org-env",
    "OPENAI_PROJECT_ID": "proj-env",
    "OPENAI_API_KEY": KEY,
}


def test_the_vendors_variables_beat_the_file_for_the_built_in_provider_alone(root: Path) -> None:
    text = "providers: {openai: {type: openai, organization: org-file}, other: {type: openai}}\n"
    found = load(root, text, VENDOR)
    assert found.providers == {
        **BUILT_IN,
        "openai": OpenAISettings(
            name="openai",
            base_url="https://gateway.example/v1",
            organization="org-env",
            project="proj-env",
        ),
        "other": OpenAISettings(name="other"),
    }
    assert KEY not in repr(found)


def test_an_empty_variable_is_none(root: Path) -> None:
    found = load(root, "", dict.fromkeys(VENDOR, ""))
    assert found.providers == BUILT_IN


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.openai.com/v1", "http://api.openai.com would carry the key unencrypted"),
        ("api.openai.com", "this is no web address"),
        (f"https://u:{KEY}@host/v1", "a web address here holds no user or password"),
    ],
)
def test_an_address_from_the_environment_is_checked_too(root: Path, url: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(root, "", {"OPENAI_BASE_URL": url})
    assert raised.value.message == f"OPENAI_BASE_URL: {message}"
    assert KEY not in str(raised.value)


# --- durations, references, addresses -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("2m", 120), ("6h", 21600), ("1d", 86400), ("1.5h", 5400), ("0s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-1s", "1 h", "1w", "1h30m", "2M", "٣s", "1e3s", "30s\n", ".5s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        duration(text)
    assert str(raised.value) == (f"{text!r} is no duration (write it like 30s, 2m, 6h or 1d)")


def test_references_are_filled_in_however_deep() -> None:
    value = {"a": "Bearer ${env:T}", "b": ["${env:T}${env:U}", {"c": 3, "d": None}], "e": ("x",)}
    assert expand(value, {"T": "one", "U": "two"}, "here") == {
        "a": "Bearer one",
        "b": ["onetwo", {"c": 3, "d": None}],
        "e": ["x"],
    }


def test_what_a_variable_holds_is_not_filled_in_again() -> None:
    assert expand("${env:T}", {"T": r"${env:U} \1", "U": "x"}, "here") == r"${env:U} \1"


@pytest.mark.parametrize("environment", [{}, {"T": ""}])
def test_a_variable_that_is_not_set_is_named_with_the_setting(
    environment: Mapping[str, str],
) -> None:
    value: dict[str, Any] = {"a": [{"b": "${env:T}"}]}
    with pytest.raises(ConfigError) as raised:
        expand(value, environment, "providers.x.extra_body")
    assert str(raised.value) == (
        "providers.x.extra_body.a[0].b needs the variable T, which is not set"
        " (set T in the environment, or take it out of reconciler.yaml)"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://10.0.0.1:8443",
        "http://localhost:8080/v1",
        "http://sandbox.localhost/v1",
        "http://127.0.0.1/v1",
        "http://127.8.9.10/v1",
        "http://[::1]:80/v1/",
    ],
)
def test_addresses_that_a_key_may_be_sent_to(url: str) -> None:
    config.check_url(url)


@pytest.mark.parametrize("host", ["example.org", "0.0.0.0", "192.168.0.1", "localhost.", "::2"])
def test_hosts_that_are_not_this_machine(host: str) -> None:
    assert not config.is_loopback(host)


class TestOtherTypes:
    def test_bedrock(self, root: Path) -> None:
        found = load(
            root,
            """
providers:
  eu:
    type: bedrock
    region: eu-central-1
    role_arn: arn:aws:iam::123456789012:role/finetune
    bucket: training-data
    prefix: jobs
""",
        )
        assert found.providers["eu"] == BedrockSettings(
            name="eu",
            region="eu-central-1",
            role_arn="arn:aws:iam::123456789012:role/finetune",
            bucket="training-data",
            prefix="jobs",
        )

    def test_awss_variables_beat_the_file_for_the_built_in_provider(self, root: Path) -> None:
        text = "providers: {bedrock: {type: bedrock, region: us-east-1}}\n"
        environment = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_S3": "https://s3.example"}
        found = load(root, text, environment)
        assert found.providers["bedrock"] == BedrockSettings(
            name="bedrock", region="eu-west-1", s3_endpoint_url="https://s3.example"
        )

    def test_fireworks_and_its_variables(self, root: Path) -> None:
        text = """
providers:
  fireworks: {type: fireworks, account_id: from-file}
  second: {type: fireworks, account_id: mine, api_key_env: SECOND_API_KEY}
"""
        environment = {
            "FIREWORKS_ACCOUNT_ID": "from-env",
            "FIREWORKS_BASE_URL": "https://fw.example",
        }
        found = load(root, text, environment)
        assert found.providers["fireworks"] == FireworksSettings(
            name="fireworks", account_id="from-env", base_url="https://fw.example"
        )
        assert found.providers["second"] == FireworksSettings(
            name="second", account_id="mine", api_key_env="SECOND_API_KEY"
        )

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            pytest.param("{type: bedrock, api_key_env: X}", "api_key_env: unknown field", id="key"),
            pytest.param("{type: bedrock, role_arn: admin}", "role_arn", id="role"),
            pytest.param("{type: fireworks, stamp: suffix}", "stamp: unknown field", id="stamp"),
            pytest.param(
                "{type: bedrock, endpoint_url: 'http://example.org'}", "unencrypted", id="endpoint"
            ),
            pytest.param("{type: vertex}", "type", id="another type"),
        ],
    )
    def test_each_type_has_its_own_fields(self, root: Path, entry: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            load(root, f"providers: {{x: {entry}}}\n")
