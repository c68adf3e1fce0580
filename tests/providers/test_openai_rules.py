"""What OpenAI would refuse, or fail a job for, is known offline and said at its field."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.model import Dataset
from tests.fakes import make_spec

OPENAI = OpenAISettings(name="openai")
SUFFIX = OpenAISettings(name="openai", stamp="suffix")
AZURE = OpenAISettings(name="azure", base_url="https://r.openai.azure.com/openai/v1")
NEBIUS = OpenAISettings(name="nebius", base_url="https://api.tokenfactory.nebius.com/v1/")
GRADER = {"grader": {"type": "string_check"}}


def found(settings: OpenAISettings = OPENAI, **fields: Any) -> list[tuple[str, str]]:
    violations = providers.check(make_spec(**fields), settings)
    return [(".".join(map(str, v.path)), v.message) for v in violations]


def data(**fields: Any) -> Dataset:
    values = {"path": "data/x.jsonl", "sha256": "ab" * 32, "size": 10, "examples": 12}
    return Dataset(**{**values, **fields})


def reference(name: str) -> Dataset:
    return Dataset(reference=name)


def test_a_good_spec_breaks_nothing() -> None:
    for settings in (OPENAI, SUFFIX, AZURE, NEBIUS):
        assert found(
            settings,
            training=data(format="chat", size=512 * 1024 * 1024),
            validation=data(sha256="cd" * 32, format="chat", examples=1),
            suffix="support",
            seed=2147483647,
            integrations=tuple({"type": "wandb"} for _ in range(5)),
            metadata={f"key{n}": "x" * 512 for n in range(14)},
            section={"extra_body": {"trainingType": "globalStandard", "metadata": {"a": "b"}}},
        ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "fields", "path", "message"),
    [
        pytest.param(
            OPENAI,
            {"training": data(format="chat"), "method": "dpo"},
            "spec.training_file",
            "data/x.jsonl is in the chat format, but method is dpo",
            id="chat for dpo",
        ),
        pytest.param(
            OPENAI,
            {"validation": data(format="preference", sha256="cd" * 32)},
            "spec.validation_file",
            "data/x.jsonl is in the preference format, but method is supervised",
            id="preferences for supervised",
        ),
        pytest.param(
            OPENAI,
            {"training": data(format="completion")},
            "spec.training_file",
            "data/x.jsonl is in the completion format, but gpt-4.1-mini-2025-04-14 is a chat model",
            id="completions for a chat model",
        ),
        pytest.param(
            OPENAI,
            {"training": data(examples=7)},
            "spec.training_file",
            "data/x.jsonl has 7 examples, but must have at least 10",
            id="too few examples",
        ),
        pytest.param(
            OPENAI,
            {"training": data(examples=1)},
            "spec.training_file",
            "data/x.jsonl has 1 example, but must have at least 10",
            id="one example",
        ),
        pytest.param(
            OPENAI,
            {"training": data(size=8 * 1024**3 + 1)},
            "spec.training_file",
            "data/x.jsonl has 8,589,934,593 bytes, but an upload takes at most 8,589,934,592",
            id="too big",
        ),
        pytest.param(
            OPENAI,
            {"validation": data()},
            "spec.validation_file",
            "data/x.jsonl holds the same data as training_file",
            id="validated on the training data",
        ),
        pytest.param(
            OPENAI,
            {"training": reference("file-1"), "validation": reference("file-1")},
            "spec.validation_file",
            "file-1 holds the same data as training_file",
            id="validated on the training file",
        ),
        pytest.param(
            NEBIUS,
            {"training": reference("data/x.jsonl")},
            "spec.training_file",
            "data/x.jsonl is passed on as the id of a file at nebius, and is a path",
            id="a path",
        ),
        pytest.param(
            NEBIUS,
            {"training": reference("x.jsonl")},
            "spec.training_file",
            "x.jsonl is passed on as the id of a file at nebius, and is a path",
            id="a file name",
        ),
        pytest.param(
            OPENAI,
            {"training": reference("s3://bucket/x.jsonl")},
            "spec.training_file",
            "s3://bucket/x.jsonl is no file id: OpenAI's begin with file-",
            id="an S3 URI at OpenAI",
        ),
        pytest.param(
            OPENAI,
            {"model": "amazon.nova-micro-v1:0"},
            "spec.model",
            "amazon.nova-micro-v1:0 is another provider's model",
            id="another provider's model",
        ),
        pytest.param(
            OPENAI,
            {"method": "reinforcement", "method_options": GRADER},
            "spec.method.type",
            "reinforcement needs a validation_file",
            id="reinforcement without validation",
        ),
        pytest.param(
            OPENAI,
            {"method": "reinforcement", "validation": reference("file-2")},
            "spec.method.type",
            "reinforcement needs a grader",
            id="reinforcement without a grader",
        ),
        pytest.param(
            OPENAI,
            {"suffix": "x" * 65},
            "spec.suffix",
            "the suffix has 65 characters; openai takes 1 to 64",
            id="a long suffix",
        ),
        pytest.param(
            OPENAI,
            {"suffix": ""},
            "spec.suffix",
            "the suffix has 0 characters; openai takes 1 to 64",
            id="an empty suffix",
        ),
        pytest.param(
            SUFFIX,
            {"suffix": "x" * 48},
            "spec.suffix",
            "the suffix has 48 characters; openai takes 1 to 47 (the stamp takes the rest)",
            id="a suffix that leaves no room for the stamp",
        ),
        pytest.param(
            AZURE,
            {"suffix": "x" * 41},
            "spec.suffix",
            "the suffix has 41 characters; azure takes 1 to 40",
            id="a suffix too long for Azure",
        ),
        pytest.param(
            AZURE,
            {"suffix": "my bot"},
            "spec.suffix",
            "'my bot' is no suffix for Azure",
            id="a suffix that Azure cannot spell",
        ),
        pytest.param(
            OPENAI,
            {"seed": 2147483648},
            "spec.seed",
            "the seed is 2147483648, but must be 0 to 2147483647",
            id="a seed too great",
        ),
        pytest.param(
            OPENAI,
            {"integrations": tuple({"type": "wandb"} for _ in range(6))},
            "spec.integrations",
            "6 integrations, but at most 5 fit",
            id="too many integrations",
        ),
        pytest.param(
            OPENAI,
            {"metadata": {f"k{n}": "" for n in range(15)}},
            "spec.metadata",
            "15 pairs of metadata, but 14 fit (16 less 2 that tie the job to this spec)",
            id="too much metadata beside the stamp",
        ),
        pytest.param(
            SUFFIX,
            {"metadata": {f"k{n}": "" for n in range(17)}},
            "spec.metadata",
            "17 pairs of metadata, but 16 fit",
            id="too much metadata",
        ),
        pytest.param(
            OPENAI,
            {"metadata": {"reconciler-token": "mine"}},
            "spec.metadata.reconciler-token",
            "reconciler-token is the reconciler's own",
            id="our key",
        ),
        pytest.param(
            OPENAI,
            {"metadata": {"k" * 65: ""}},
            f"spec.metadata.{'k' * 65}",
            "a key has 1 to 64 characters; this one has 65",
            id="a long key",
        ),
        pytest.param(
            OPENAI,
            {"metadata": {"k": "v" * 513}},
            "spec.metadata.k",
            "a value has at most 512 characters; this one has 513",
            id="a long value",
        ),
        pytest.param(
            OPENAI,
            {"section": {"extra_body": {"training_file": "file-9"}}},
            "spec.openai.extra_body.training_file",
            "extra_body may not set training_file",
            id="an extra body that names other data",
        ),
        pytest.param(
            SUFFIX,
            {"section": {"extra_body": {"suffix": "mine"}}},
            "spec.openai.extra_body.suffix",
            "extra_body may not set suffix",
            id="an extra body that takes the stamp's place",
        ),
        pytest.param(
            OPENAI,
            {"section": {"extra_body": {"metadata": {"reconciler-source": "x"}}}},
            "spec.openai.extra_body.metadata.reconciler-source",
            "reconciler-source is the reconciler's own",
            id="an extra body with our key",
        ),
        pytest.param(
            OPENAI,
            {"section": {"extra_body": {"metadata": None}}},
            "spec.openai.extra_body.metadata",
            "metadata has to stay a mapping: it carries the job's tie to this spec",
            id="an extra body without metadata",
        ),
    ],
)
def test_a_broken_rule_is_said_at_its_field(
    settings: OpenAISettings, fields: dict[str, Any], path: str, message: str
) -> None:
    assert found(settings, **fields) == [(path, message)]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        pytest.param(NEBIUS, {"training": reference("s3%3A%2F%2Fb%2Fx.jsonl")}, id="Portkey"),
        pytest.param(NEBIUS, {"training": reference("s3://bucket/x.jsonl")}, id="S3 elsewhere"),
        pytest.param(NEBIUS, {"training": reference("accounts/a/datasets/d")}, id="Fireworks"),
        pytest.param(NEBIUS, {"training": reference("0f3c-9a")}, id="another server's ids"),
        pytest.param(NEBIUS, {"model": "meta.llama3-1-8b"}, id="another server's models"),
        pytest.param(
            OPENAI, {"training": data(format="completion"), "model": "davinci-002"}, id="davinci"
        ),
        pytest.param(OPENAI, {"training": data(format=None, examples=None)}, id="data unknown"),
        pytest.param(OPENAI, {"training": data(reference="file-1")}, id="uploaded already"),
        pytest.param(
            OPENAI,
            {
                "method": "reinforcement",
                "method_options": GRADER,
                "training": data(format="reinforcement"),
                "validation": reference("file-2"),
            },
            id="reinforcement",
        ),
        pytest.param(
            OPENAI, {"model": None, "training": data(format="completion")}, id="a model to come"
        ),
        pytest.param(
            SUFFIX, {"section": {"extra_body": {"metadata": None}}}, id="metadata of no use to us"
        ),
    ],
)
def test_what_some_server_takes_is_let_through(
    settings: OpenAISettings, fields: dict[str, Any]
) -> None:
    assert found(settings, **fields) == []


def test_checking_imports_no_http() -> None:
    code = (
        "import sys, reconciler.providers as p\n"
        "from tests.fakes import make_spec\n"
        "from reconciler.config import OpenAISettings\n"
        "before = set(sys.modules)\n"
        "assert p.check(make_spec(), OpenAISettings(name='openai')) == []\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('httpx','tenacity','anyio')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
