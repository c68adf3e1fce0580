"""Data that fail a Bedrock job, in the words of AWS's troubleshooting page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.bedrock import training_data
from reconciler.sandbox.bedrock.catalogue import BASE_MODELS
from tests.sandbox.amazon import (
    BUCKET,
    HAIKU,
    LLAMA,
    NOVA,
    TITAN,
    claude,
    conversation,
    create_on_uploaded,
    job,
    pair,
    put,
    upload,
)
from tests.sandbox.workbench import Api, Clock, jsonl

Start = Callable[..., Api]
CHAT = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
IMAGE = {"image-ref": "s3://bucket/a.png", "caption": "A cat"}
GRADED = {"messages": [{"role": "user", "content": "2 + 2?"}], "reference": "4"}
GRADER = {
    "rftConfig": {
        "graderConfig": {
            "lambdaGrader": {"lambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:grade"}
        }
    }
}
TEACHER = {
    "distillationConfig": {"teacherModelConfig": {"teacherModelIdentifier": "amazon.nova-pro-v1:0"}}
}


def ended(api: Api, clock: Clock, **changes: Any) -> tuple[str, str | None]:
    """Status and failure message of a job on the uploaded data, once it has ended."""
    create_on_uploaded(api, **changes)
    clock.advance(60)
    shown = job(api, "job-1")
    return shown["status"], shown.get("failureMessage")


@pytest.mark.parametrize(
    ("model", "examples", "changes"),
    [
        (NOVA, [conversation()] * 8, {}),
        (
            NOVA,
            [conversation() | {"schemaVersion": "any", "system": [{"text": "Be short."}]}] * 8,
            {},
        ),
        (LLAMA, [conversation()] * 100, {}),
        (HAIKU, [claude()] * 32, {}),
        (HAIKU, [{"messages": claude()["messages"]}] * 32, {}),
        (TITAN, [pair()], {}),
        ("cohere.command-text-v14:7:4k", [pair()] * 5, {}),
        ("meta.llama3-1-8b-instruct-v1:0:128k", [pair()] * 100, {}),
        (TITAN, [{"input": "Once upon a time"}], {"customizationType": "CONTINUED_PRE_TRAINING"}),
        ("amazon.nova-canvas-v1:0", [IMAGE] * 8, {}),
        (
            NOVA,
            [GRADED] * 100,
            {"customizationType": "REINFORCEMENT_FINE_TUNING", "customizationConfig": GRADER},
        ),
        (
            NOVA,
            [{**conversation(), "messages": conversation()["messages"][:1]}] * 100,
            {"customizationType": "DISTILLATION", "customizationConfig": TEACHER},
        ),
    ],
    ids=[
        *("nova", "nova with a system text", "llama 3.2", "claude", "claude without a system text"),
        *("titan", "cohere", "llama 3.1", "pre-training", "images", "reinforcement"),
        "distillation",
    ],
)
def test_sound_data_of_every_family(
    api: Api, clock: Clock, model: str, examples: list[Any], changes: dict[str, Any]
) -> None:
    upload(api, examples)
    assert ended(api, clock, baseModelIdentifier=model, **changes) == ("Completed", None)


PAIR_FORM = '{"prompt": "<input text>", "completion": "<output text>"}'
CLAUDE_FORM = '{"system": "<text>", "messages": [{"role": "<role>", "content": "<text>"}]}'
CONVERSATION_FORM = "bedrock-conversation-2024"


def turns(*roles: str) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"text": "t"}]} for role in roles]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages}


@pytest.mark.parametrize(
    ("model", "example", "form", "why"),
    [
        (TITAN, CHAT, PAIR_FORM, "the key prompt is missing"),
        (TITAN, pair() | {"id": 1}, PAIR_FORM, "the key id is not allowed"),
        (TITAN, pair() | {"completion": " "}, PAIR_FORM, "completion must be a text"),
        (TITAN, pair() | {"prompt": ["q"]}, PAIR_FORM, "prompt must be a text"),
        (NOVA, CHAT, CONVERSATION_FORM, "the key schemaVersion is missing"),
        (NOVA, pair(), CONVERSATION_FORM, "the key schemaVersion is missing"),
        (NOVA, conversation() | {"schemaVersion": 1}, CONVERSATION_FORM, "must be a text"),
        (NOVA, conversation() | {"messages": []}, CONVERSATION_FORM, "at least one message"),
        (NOVA, conversation() | {"tools": []}, CONVERSATION_FORM, "the key tools is not allowed"),
        (NOVA, conversation() | {"system": "text"}, CONVERSATION_FORM, "system must be a list"),
        (NOVA, turns("assistant"), CONVERSATION_FORM, "user and assistant must take turns"),
        (NOVA, turns("user", "user"), CONVERSATION_FORM, "messages[1].role: user and assistant"),
        (NOVA, turns("user"), CONVERSATION_FORM, "the last message must have the role assistant"),
        (
            NOVA,
            turns("system", "user"),
            CONVERSATION_FORM,
            "must be user or assistant, but is system",
        ),
        (
            NOVA,
            conversation(answer="User: who?"),
            CONVERSATION_FORM,
            "the reserved word User: must not appear in a text",
        ),
        (
            NOVA,
            conversation("look: <image>"),
            CONVERSATION_FORM,
            "the reserved word <image> must not appear in a text",
        ),
        (
            LLAMA,
            conversation() | {"schemaVersion": "x"},
            CONVERSATION_FORM,
            "schemaVersion must be",
        ),
        (
            LLAMA,
            turns("user") | {"messages": [{"role": "user", "content": [{"toolUse": {}}]}]},
            CONVERSATION_FORM,
            "messages[0].content[0].toolUse is not a kind of content",
        ),
        (HAIKU, conversation(), CLAUDE_FORM, "the key schemaVersion is not allowed"),
        (HAIKU, turns("user") | {"messages": []}, CLAUDE_FORM, "the key schemaVersion"),
        (
            HAIKU,
            {"messages": conversation()["messages"]},
            CLAUDE_FORM,
            "messages[0].content must be a text that is not empty",
        ),
        (HAIKU, claude() | {"messages": [5]}, CLAUDE_FORM, "messages[0] must be an object"),
        (
            HAIKU,
            {"messages": [{"role": "user", "content": "q", "weight": 1}]},
            CLAUDE_FORM,
            "must have exactly the keys role and content",
        ),
    ],
)
def test_data_of_another_form_fail_the_job(
    api: Api, clock: Clock, model: str, example: Any, form: str, why: str
) -> None:
    upload(api, [example] * 100)
    status, message = ended(api, clock, baseModelIdentifier=model)
    assert (status, bool(message)) == ("Failed", True)
    expected = f"Input data at train.jsonl must follow '{form}' format (line 1: "
    assert str(message).startswith(expected)
    assert why in str(message)


@pytest.mark.parametrize(
    "content",
    [b"not json\n", b"[1]\n", jsonl([conversation()] * 9) + b"\n", b"\xff\xfe\n", b"[" * 100_000],
    ids=["no json", "a list", "an empty line", "not utf-8", "endless nesting"],
)
def test_what_is_not_json_lines(api: Api, clock: Clock, content: bytes) -> None:
    put(api, "train.jsonl", content)
    line = content.count(b"\n") or 1
    assert ended(api, clock) == (
        "Failed",
        (
            "Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format. "
            f"(line {line})"
        ),
    )


@pytest.mark.parametrize(
    ("model", "example", "count", "limits"),
    [
        (NOVA, conversation(), 7, "at least 8"),
        (HAIKU, claude(), 31, "between 32 and 10000"),
        (HAIKU, claude(), 10_001, "between 32 and 10000"),
        (LLAMA, conversation(), 99, "between 100 and 10000"),
    ],
)
def test_too_few_records_or_too_many(
    api: Api, clock: Clock, model: str, example: Any, count: int, limits: str
) -> None:
    upload(api, [example] * count)
    message = f"The number of records in train.jsonl must be {limits}, but is {count}."
    assert ended(api, clock, baseModelIdentifier=model) == ("Failed", message)


def test_records_for_validation_count_too(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 60)
    validators = {"validators": [{"s3Uri": f"s3://{BUCKET}/train.jsonl"}]}
    changes = {"baseModelIdentifier": LLAMA, "validationDataConfig": validators}
    assert ended(api, clock, **changes) == ("Completed", None)


def test_the_validation_data_may_be_at_fault(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 20)
    upload(api, [pair()], key="folder/valid.jsonl")
    validators = {"validators": [{"s3Uri": f"s3://{BUCKET}/folder/valid.jsonl"}]}
    status, message = ended(api, clock, validationDataConfig=validators)
    assert (status, message and message.partition(" must")[0]) == (
        "Failed",
        "Input data at folder/valid.jsonl",
    )


def test_a_job_on_bad_data_fails_in_validation_and_has_no_model(api: Api, clock: Clock) -> None:
    upload(api, [pair()] * 20)
    create_on_uploaded(api)
    assert job(api, "job-1")["status"] == "InProgress"
    clock.advance(2)
    failed = job(api, "job-1")
    assert (failed["status"], failed["endTime"]) == ("Failed", "2026-09-21T14:13:21.750000Z")
    assert not {"outputModelArn", "trainingMetrics"} & set(failed)


def test_data_may_be_replaced_once_the_job_is_created(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 20)
    create_on_uploaded(api)
    put(api, "train.jsonl", b"nonsense")
    clock.advance(60)
    assert job(api, "job-1")["status"] == "Completed"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "fail-job",
            "Encountered an unexpected error when processing the request, please try again",
        ),
        (
            "fail-job:third_party_terms",
            (
                "Automated tests flagged this fine-tuning job as including materials that are "
                "potentially inconsistent with Anthropic's third-party license terms. Please "
                "contact support."
            ),
        ),
    ],
)
def test_a_job_can_be_made_to_fail_midway(
    start: Start, clock: Clock, fault: str, message: str
) -> None:
    api = start(f"bedrock.create={fault},x1")
    upload(api, [conversation()] * 20)
    create_on_uploaded(api)
    clock.advance(3)
    assert job(api, "job-1")["status"] == "InProgress"
    clock.advance(60)
    failed = job(api, "job-1")
    assert (failed["status"], failed["failureMessage"]) == ("Failed", message)
    create_on_uploaded(api, "job-2")
    clock.advance(60)
    assert job(api, "job-2")["status"] == "Completed"


def test_every_family_has_a_form_that_can_be_checked() -> None:
    for model in BASE_MODELS.values():
        for method in model.family.methods:
            form, check = training_data._form_of(model.family, method)
            assert callable(check)
            assert form in training_data._SHOWN
