"""Bedrock's rules on data, one row each: where it lies, its form, its amount, its conversion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.config import BedrockSettings
from reconciler.model import Dataset
from reconciler.providers.bedrock import rules
from reconciler.providers.bedrock.rules import check, conversion
from tests.providers.bedrock_bench import (
    CLAUDE,
    CPT,
    DISTILLATION,
    LLAMA,
    NOVA,
    RFT,
    S3,
    SETTINGS,
    TITAN,
    local,
    make,
)

BARE = BedrockSettings(name="bedrock")
LOGS = {**DISTILLATION, "training_invocation_logs": {}}
Row = tuple[dict[str, Any], str, str, str]

BROKEN: dict[str, Row] = {
    "an OpenAI file": (
        {"training": Dataset(reference="file-abc123")},
        "spec.training_file",
        "file-abc123 is the id of a file at OpenAI",
        "s3://BUCKET/KEY",
    ),
    "an encoded URI": (
        {"training": Dataset(reference="s3%3A%2F%2Fb%2Fk")},
        "spec.training_file",
        "is not an S3 URI",
        "not URL-encoded: s3://b/k",
    ),
    "a Hive folder": (
        {"training": Dataset(reference="s3://bucket/dt=2026/x.jsonl")},
        "spec.training_file",
        "holds '='",
        "copy the data to a key of letters",
    ),
    "an empty folder": (
        {"validation": Dataset(reference="s3://bucket/a//x.jsonl")},
        "spec.validation_file",
        "(//)",
        "one / between two names",
    ),
    "logs from here": (
        {"section": LOGS},
        "spec.training_file",
        "reads a folder of logs in S3",
        "training_file: s3://BUCKET/",
    ),
    "logs for fine-tuning": (
        {"training": S3, "section": {"training_invocation_logs": {}}},
        "spec.bedrock.training_invocation_logs",
        "FINE_TUNING does not learn from invocation logs",
        "DISTILLATION",
    ),
    "many validators": (
        {"section": {"validators": [f"s3://bucket/{n}" for n in range(11)]}},
        "spec.bedrock.validators",
        "11 sets of validation data, but at most 10",
        "",
    ),
    "a validator elsewhere": (
        {"section": {"validators": ["./x.jsonl"]}},
        "spec.bedrock.validators.0",
        "'./x.jsonl' is not an S3 URI",
        "",
    ),
    "validation of pictures": (
        {"model": "amazon.nova-canvas-v1:0", "training": S3, "validation": S3},
        "spec.validation_file",
        "Nova Canvas takes no validation data",
        "remove it",
    ),
    "few examples": (
        {"model": LLAMA, "training": local(examples=99)},
        "spec.training_file",
        "data/x.jsonl has 99 examples, but Llama 3.1 takes at least 100",
        "",
    ),
    "one example": (
        {"model": CLAUDE, "training": local(examples=1)},
        "spec.training_file",
        "has 1 example, but Claude 3 Haiku takes at least 32",
        "",
    ),
    "few prompts": (
        {"training": local(examples=99), "section": RFT},
        "spec.training_file",
        "has 99 examples, but reinforcement fine-tuning takes at least 100",
        "",
    ),
    "preferences": (
        {"training": local(format="preference")},
        "spec.training_file",
        "in the preference format, and fine-tuning learns from answers",
        "messages",
    ),
    "questions": (
        {"training": local(format="reinforcement")},
        "spec.training_file",
        "in the reinforcement format",
        "ending with the assistant's answer",
    ),
    "completions for chat": (
        {"training": local(format="completion")},
        "spec.training_file",
        "Nova Micro, Lite and Pro cannot be trained on it",
        'chat messages, or {"schemaVersion"',
    ),
    "Nova's for Claude": (
        {"model": CLAUDE, "training": local(format="bedrock-conversation")},
        "spec.training_file",
        "Claude 3 Haiku cannot be trained",
        '{"system": "…"',
    ),
    "words for pictures": (
        {
            "model": "amazon.titan-image-generator-v2:0",
            "section": {"hyperparameters": {"stepCount": 10}},
        },
        "spec.training_file",
        "Titan Image Generator cannot",
        "image-ref",
    ),
    "chat for pre-training": (
        {"model": TITAN, "section": CPT},
        "spec.training_file",
        "continued pre-training reads plain text",
        "name such data in S3",
    ),
    "completions for reinforcement": (
        {"training": local(format="completion"), "section": RFT},
        "spec.training_file",
        "reads OpenAI's chat format",
        "",
    ),
    "questions for distillation": (
        {"training": local(format="reinforcement"), "section": DISTILLATION},
        "spec.training_file",
        "in the reinforcement format, and distillation reads conversations",
        "prompts alone only in the latter",
    ),
    "completions for distillation": (
        {"training": local(format="completion"), "section": DISTILLATION},
        "spec.training_file",
        "distillation reads conversations",
        "",
    ),
}


@pytest.mark.parametrize(("fields", "path", "message", "hint"), BROKEN.values(), ids=list(BROKEN))
def test_data_that_does_not_fit_is_told_with_the_way_out(
    fields: dict[str, Any], path: str, message: str, hint: str
) -> None:
    (violation,) = check(make(**fields), SETTINGS)
    assert ".".join(map(str, violation.path)) == path
    assert message in violation.message
    assert hint in violation.hint


def test_what_the_repository_lacks_is_no_mistake_of_the_spec() -> None:
    assert check(make(), BARE) == []
    missing = rules.unready(make(), BARE)
    assert missing is not None
    assert "providers.bedrock.bucket is not set" in missing.message
    half = rules.unready(make(training=S3, validation=local()), BARE)
    assert half is not None
    assert half.path == ("spec", "validation_file")
    missing = rules.unready(make(), replace(BARE, bucket="training-data"))
    assert missing is not None
    assert "providers.bedrock.role_arn" in missing.hint
    in_s3 = make(training=Dataset(reference="s3://training-data/x.jsonl"))
    missing = rules.unready(in_s3, replace(BARE, role_arn=SETTINGS.role_arn))
    assert missing is not None
    assert missing.path == ("spec", "bedrock", "output_s3_uri")
    assert rules.unready(make(), SETTINGS) is None


@pytest.mark.parametrize("settings", [{"bucket": "My_Bucket"}, {"prefix": "fine tune"}])
def test_settings_that_make_no_uri_are_named(settings: dict[str, Any]) -> None:
    violations = check(make(), replace(SETTINGS, **settings))
    assert {v.path for v in violations} == {
        ("spec", "training_file"),
        ("spec", "bedrock", "output_s3_uri"),
    }
    assert "providers.bedrock.bucket and providers.bedrock.prefix" in violations[0].message


def test_data_that_could_not_be_read_gets_no_second_complaint() -> None:
    assert check(make(training=Dataset()), SETTINGS) == []


@pytest.mark.parametrize("prefix", ["", "/", "finetune/", "/a/b"])
def test_any_prefix_makes_a_folder(prefix: str) -> None:
    assert check(make(), replace(SETTINGS, prefix=prefix)) == []


CONVERSIONS: list[tuple[dict[str, Any], str]] = [
    ({"model": NOVA}, "bedrock-conversation-2024/1"),
    ({"model": "amazon.nova-2-lite-v1:0:256k"}, "bedrock-conversation-2024/1"),
    ({"model": "meta.llama3-2-1b-instruct-v1:0:128k"}, "bedrock-conversation-2024/1"),
    ({"model": "meta.llama3-3-70b-instruct-v1:0:128k"}, "bedrock-conversation-2024/1"),
    ({"model": CLAUDE}, "system-messages/1"),
    ({"model": TITAN}, "prompt-completion/1"),
    ({"model": "cohere.command-text-v14:7:4k"}, "prompt-completion/1"),
    ({"model": LLAMA}, "prompt-completion/1"),
    ({"model": NOVA, "training": S3}, ""),
    ({"model": NOVA, "training": S3, "validation": local()}, "bedrock-conversation-2024/1"),
    ({"model": NOVA, "section": RFT}, ""),
    ({"model": NOVA, "method": "reinforcement"}, ""),
    ({"model": TITAN, "section": CPT}, ""),
    ({"model": LLAMA, "section": DISTILLATION}, "bedrock-conversation-2024/1"),
    ({"model": "my-model"}, ""),
    ({"model": None, "model_from": "base"}, ""),
    ({"model": "amazon.nova-canvas-v1:0"}, ""),
]


@pytest.mark.parametrize(("fields", "name"), CONVERSIONS)
def test_a_conversion_follows_from_the_model_and_the_kind(
    fields: dict[str, Any], name: str
) -> None:
    assert conversion(make(**fields), SETTINGS) == name


@pytest.mark.parametrize("model", [NOVA, CLAUDE, TITAN])
def test_a_checkout_without_the_data_comes_to_the_same_conversion(model: str) -> None:
    there = make(model=model, training=local())
    elsewhere = make(model=model, training=local(format=None, examples=None, present=False))
    own = make(model=model, training=local(format="bedrock-conversation"))
    assert (
        conversion(there, SETTINGS) == conversion(elsewhere, SETTINGS) == conversion(own, SETTINGS)
    )
