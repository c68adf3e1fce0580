"""Every mistake in a configuration that we know by name, and what we say to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import config
from reconciler.config import Config
from reconciler.errors import ConfigError

HEAD = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
KEY = "sk-proj-abcdefghijklmnop1234"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository, as git marks one."""
    made = (tmp_path / "repository").resolve()
    (made / ".git").mkdir(parents=True)
    return made


def load(root: Path, text: str) -> Config:
    (root / "reconciler.yaml").write_text(HEAD + text)
    return config.load(None, start=root, environment={})


def refusal(root: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(root, text)
    return raised.value.message.splitlines()


def provider(settings: str) -> str:
    return f"providers:\n  x: {{type: openai, {settings}}}\n"


UNENCRYPTED = (
    "would carry the key unencrypted"
    " (use https; http is for this machine alone (127.0.0.1, localhost))"
)
SECRET = "this looks like a secret, and secrets are never written in a file"
REFERENCE = "write ${env:NAME} and set the variable"
NOT_FILLED = (
    "variables are not filled in here (only headers, query and extra_body may say ${env:NAME})"
)
NO_ADDRESS = "this is no web address (write it like https://host/v1)"
NO_DURATION = "is no duration (write it like 30s, 2m, 6h or 1d)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("namespce: x", "3:1: namespce: unknown field (did you mean namespace?)"),
        ("max_creates: 3", "3:1: max_creates: unknown field (it belongs in policy)"),
        ("base_url: x", "3:1: base_url: unknown field (it belongs in providers.<name>)"),
        (
            "namespace: My_Team",
            (
                "3:12: namespace: must be lower-case letters, digits and single hyphens,"
                ' beginning with a letter, got the text "My_Team"'
            ),
        ),
        ("specs: specs", '3:8: specs: must be a list, got the text "specs" (begin each item'),
        ("specs: []", "3:8: specs: must not be empty"),
        ('specs: [""]', "3:9: specs[0]: must not be empty"),
        (
            "specs: [a, ../b]",
            "3:12: specs[1]: ../b lies outside the repository (name a path inside it)",
        ),
        (
            "specs: [/srv/specs]",
            (
                "3:9: specs[0]: /srv/specs exists on one machine only"
                " (name a path relative to reconciler.yaml)"
            ),
        ),
        (
            "specs: [~/specs]",
            (
                "3:9: specs[0]: ~/specs exists on one machine only"
                " (name a path relative to reconciler.yaml)"
            ),
        ),
        ("specs: [link]", "3:9: specs[0]: link lies outside the repository"),
        ("state: {path: ../s.json}", "3:15: state.path: ../s.json lies outside the repository"),
        (
            "state: {backend: gcs}",
            '3:18: state.backend: must be "file" or "s3", got the text "gcs"',
        ),
        ("state: {pth: x}", "3:9: state.pth: unknown field (did you mean path?)"),
        (
            "state: {backend: s3, bucket: my-team}",
            (
                "3:1: state.key: this field is missing"
                " (state in S3 needs both: bucket: my-team, key: finetune/state.json)"
            ),
        ),
        (
            "state: {backend: s3, bucket: 's3://my-team', key: k}",
            (
                "3:30: state.bucket: must be the name of a bucket, without s3://,"
                ' got the text "s3://my-team"'
            ),
        ),
        (
            "state: {backend: s3, bucket: my-team, key: /k}",
            "3:44: state.key: must be names joined by single slashes, of letters, digits and",
        ),
        (
            "state: {backend: s3, bucket: my-team, key: k, path: x}",
            (
                "3:47: state.path: is for backend: file, and the backend is s3"
                " (key names the object in the bucket)"
            ),
        ),
        (
            "state: {bucket: my-team}",
            (
                "3:9: state.bucket: is for backend: s3, and the backend is file"
                " (add backend: s3, or remove it)"
            ),
        ),
        (
            "state: {backend: s3, bucket: my-team, key: k, endpoint_url: 'http://minio:9000'}",
            "3:61: state.endpoint_url: http://minio would carry the key unencrypted",
        ),
        (
            "state: {backend: s3, bucket: my-team, key: k, endpoint_url: 'https://${env:HOST}'}",
            "3:61: state.endpoint_url: variables are not filled in here",
        ),
        ("policy: {max_creates: -1}", "3:23: policy.max_creates: must be at least 0, got -1"),
        (
            "policy: {max_creates: '3'}",
            (
                '3:23: policy.max_creates: must be an integer, got the text "3"'
                " (write 3 without quotes)"
            ),
        ),
        (
            "providers: {x: {type: vertex, region: us-east-1}}",
            (
                '3:23: providers.x.type: must be "openai", "bedrock" or "fireworks",'
                ' got the text "vertex" (this version knows no other type of provider)'
            ),
        ),
        (
            "providers: {x: {base_url: https://a/v1}}",
            "3:13: providers.x.type: this field is missing (add type: openai)",
        ),
        (
            "providers: {X_1: {type: openai}}",
            (
                "3:13: providers.X_1: the name must be lower-case letters, digits and hyphens,"
                " beginning with a letter"
            ),
        ),
    ],
)
def test_what_is_refused(root: Path, text: str, message: str) -> None:
    (root / "link").symlink_to(root.parent)
    (problem,) = refusal(root, text)
    assert problem[: len(f"reconciler.yaml:{message}")] == f"reconciler.yaml:{message}"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("base_url: http://example.org/v1", f"base_url: http://example.org {UNENCRYPTED}"),
        ("base_url: http://10.0.0.1/v1", f"base_url: http://10.0.0.1 {UNENCRYPTED}"),
        (
            "base_url: http://localhost.example.org",
            f"base_url: http://localhost.example.org {UNENCRYPTED}",
        ),
        ("base_url: ftp://example.org", f"base_url: {NO_ADDRESS}"),
        ("base_url: example.org/v1", f"base_url: {NO_ADDRESS}"),
        ("base_url: 'https://'", f"base_url: {NO_ADDRESS}"),
        ("base_url: 'https://[::1'", f"base_url: {NO_ADDRESS}"),
        ("base_url: 'https://a:99999'", f"base_url: {NO_ADDRESS}"),
        ("base_url: 'https://a/ b'", f"base_url: {NO_ADDRESS}"),
        (
            f"base_url: 'https://me:{KEY}@a/v1'",
            "base_url: a web address here holds no user or password (use api_key_env)",
        ),
        (
            "base_url: 'https://a/v1?api-version=2'",
            "base_url: this web address goes on after its path (use query for ?name=…)",
        ),
        ("base_url: '${env:URL}'", f"base_url: {NOT_FILLED}"),
        ("project: '${env:PROJECT}'", f"project: {NOT_FILLED}"),
        ("creation_grace: 2 minutes", f"creation_grace: '2 minutes' {NO_DURATION}"),
        (
            "creation_grace: 120",
            'creation_grace: must be text, got 120 (put it in quotes: "120")',
        ),
        (
            f"api_key_env: {KEY}",
            (
                "api_key_env: must be the name of an environment variable, not the key itself,"
                " got something else"
            ),
        ),
        (
            "api_key_env: fw_abcdefghijklmnopqrst",
            f"api_key_env: {SECRET} (api_key_env names the variable that holds the key)",
        ),
        (
            f"organization: {KEY}",
            f"organization: {SECRET} (api_key_env names the variable that holds the key)",
        ),
        (
            "auth: basic",
            'auth: must be "bearer" or "api-key", got the text "basic"',
        ),
        (
            f"auth: {KEY}",
            'auth: must be "bearer" or "api-key", got a text that looks like a secret',
        ),
        ("stamp: tags", 'stamp: must be "metadata" or "suffix", got the text "tags"'),
        ("api_key: x", "api_key: unknown field (did you mean api_key_env?)"),
        (
            "headers: {a b: x}",
            'headers["a b"]: the name must be letters, digits and hyphens',
        ),
        (
            'headers: {a: "x\\r\\nb: y"}',
            "headers.a: must be one line of ASCII characters, got something else",
        ),
        ("headers: {a: 3}", 'headers.a: must be text, got 3 (put it in quotes: "3")'),
        ("query: {v: 2025}", 'query.v: must be text, got 2025 (put it in quotes: "2025")'),
    ],
)
def test_what_is_refused_of_a_provider(root: Path, settings: str, message: str) -> None:
    (problem,) = refusal(root, provider(settings))
    assert problem.partition(": ")[2] == f"providers.x.{message}"
    assert problem.startswith("reconciler.yaml:4:")
    assert KEY not in problem


@pytest.mark.parametrize(
    "settings",
    [
        f"headers: {{Authorization: Bearer {KEY}}}",
        "headers: {Authorization: abc}",
        "headers: {api-key: abc}",
        "headers: {Ocp-Apim-Subscription-Key: abc}",
        "headers: {x-portkey-virtual-key: abc}",
        "headers: {X-Auth-Token: abc}",
        "headers: {Cookie: a=b}",
        f"headers: {{x-note: {KEY}}}",
        f"headers: {{api-key: '${{env:A}} {KEY}'}}",
        "query: {apikey: abc}",
        "query: {token: abc}",
        f"extra_body: {{a: [{{b: {KEY}}}]}}",
        "extra_body: {wandb: {api_key: abc}}",
        "extra_body: {password: abc}",
        "extra_body: {url: 'https://me:hunter22@host/'}",
    ],
)
def test_a_secret_is_never_in_the_file_nor_in_the_message(root: Path, settings: str) -> None:
    (problem,) = refusal(root, provider(settings))
    assert problem.endswith(f"{SECRET} ({REFERENCE})")
    assert not any(secret in problem for secret in (KEY, "hunter22", "abc"))


@pytest.mark.parametrize(
    "settings",
    [
        "headers: {Authorization: 'Bearer ${env:RECONCILER_TOKEN}'}",
        "headers: {x-portkey-provider: '@openai-prod', x-trace: abc}",
        "headers: {api-key: ''}",
        "query: {api-version: 2025-04-01-preview}",
        "extra_body: {eos_token: '</s>', sort_key: length, cost: 5 $}",
    ],
)
def test_what_is_no_secret_is_no_problem(root: Path, settings: str) -> None:
    assert load(root, provider(settings)).providers["x"]


@pytest.mark.parametrize("text", ["${env:my-name}", "${env:}", "${HOME}", "a ${env:A} ${b}", "${"])
def test_a_reference_that_would_be_sent_as_it_stands(root: Path, text: str) -> None:
    (problem,) = refusal(root, provider(f"headers: {{a: '{text}'}}"))
    assert problem == (
        "reconciler.yaml:4:34: providers.x.headers.a: this names no variable (write ${env:NAME})"
    )


def test_all_problems_in_one_run_in_their_order(root: Path) -> None:
    text = "specs: [../a]\nproviders:\n  x: {type: openai, base_url: http://a, headers: {key: b}}\n"
    assert [problem.split(" ")[0] for problem in refusal(root, text)] == [
        "reconciler.yaml:3:9:",
        "reconciler.yaml:5:31:",
        "reconciler.yaml:5:56:",
    ]


def test_a_second_document_is_no_afterthought(root: Path) -> None:
    assert refusal(root, f"---\n{HEAD}") == [
        "reconciler.yaml:4:1: a second document (one configures a repository)"
    ]


def test_a_file_that_is_no_yaml(root: Path) -> None:
    assert refusal(root, "specs: [a\nnamespace: b\n") == [
        'reconciler.yaml:4:10: a "," or "]" is missing before this (the list begins on line 3)'
    ]


def test_a_spec_is_no_configuration(root: Path) -> None:
    (root / "reconciler.yaml").write_text(HEAD.replace("Config", "FineTuningJob"))
    with pytest.raises(ConfigError) as raised:
        config.load(None, start=root, environment={})
    assert str(raised.value) == (
        'reconciler.yaml:2:7: kind: must be "Config", got the text "FineTuningJob"'
    )
