"""What Fireworks refuses to create, and data that fail a job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.gateway import (
    ACCOUNT,
    BASE,
    PREFERENCE,
    SUPERVISED,
    chats,
    create,
    fireworks,
    good,
    job,
    refusal,
    upload,
    with_message,
)
from tests.sandbox.workbench import Api, Clock, chat, jsonl, preference

DATASET = f"{ACCOUNT}/datasets/train"


@pytest.fixture(scope="module")
def bench(shared: Api) -> Api:
    """A sandbox with a dozen chats to train on; no test here makes a job that another minds."""
    upload(shared, chats())
    return shared


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": None}, "dataset is required"),
        ({"dataset": "train"}, f'invalid dataset "train": expected {ACCOUNT}/datasets/ID'),
        (
            {"dataset": "accounts/other/datasets/train"},
            f'invalid dataset "accounts/other/datasets/train": expected {ACCOUNT}/datasets/ID',
        ),
        ({"dataset": 5}, "invalid value for string field dataset: 5"),
        ({"baseModel": None}, "exactly one of base_model or warm_start_from must be specified"),
        (
            {"warmStartFrom": f"{ACCOUNT}/models/a"},
            "exactly one of base_model or warm_start_from must be specified",
        ),
        (
            {"baseModel": None, "warmStartFrom": "my-model"},
            f'invalid warm_start_from "my-model": expected {ACCOUNT}/models/ID',
        ),
        (
            {"baseModel": "accounts/fireworks/models/playground-v2-1024px-aesthetic"},
            "model accounts/fireworks/models/playground-v2-1024px-aesthetic is not tunable",
        ),
        (
            {"outputModel": "Not An Id"},
            f'invalid output_model "{ACCOUNT}/models/Not An Id": expected {ACCOUNT}/models/ID',
        ),
        ({"seed": 42}, 'unknown field "seed"'),
        ({"supervisedFineTuningJob": {}}, 'unknown field "supervisedFineTuningJob"'),
        ({"base_model": BASE}, 'unknown field "base_model"'),
        ({"wandbConfig": {"key": "k"}}, 'unknown field "wandbConfig.key"'),
        ({"wandbConfig": True}, "invalid value for wandbConfig: expected an object"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": "3"}, "invalid value for int32 field epochs: '3'"),
        ({"epochs": True}, "invalid value for int32 field epochs: True"),
        ({"epochs": 1.5}, "invalid value for int32 field epochs: 1.5"),
        ({"epochs": 2**31}, "epochs must be at least 1, got 2147483648"),
        ({"learningRate": 0}, "learningRate must be greater than 0, got 0"),
        ({"learningRate": "1e-4"}, "invalid value for float field learningRate: '1e-4'"),
        ({"loraRank": 12}, "loraRank must be a power of 2 of at most 64, or 0, got 12"),
        ({"loraRank": 128}, "loraRank must be a power of 2 of at most 64, or 0, got 128"),
        ({"isTurbo": 1}, "invalid value for bool field isTurbo: 1"),
        ({"region": "MARS_1"}, "invalid value for enum field region: 'MARS_1'"),
        ({"purpose": "PILOT"}, "invalid value for enum field purpose: 'PILOT'"),
        (
            {"lrScheduler": {}},
            "lrScheduler must have exactly one of constant, linear, cosine",
        ),
        (
            {"lrScheduler": {"constant": {}, "linear": {}}},
            "lrScheduler must have exactly one of constant, linear, cosine",
        ),
        (
            {"lrScheduler": {"cosine": {"minLrRatio": 2}}},
            "lrScheduler.cosine.minLrRatio must be greater than -1e-09 and at most 1, got 2",
        ),
        (
            {"gradientAccumulationSteps": 2},
            (
                "gradientAccumulationSteps is not supported by Training V2; set batchSizeSamples "
                "instead"
            ),
        ),
    ],
)
def test_what_cannot_be_meant_so(bench: Api, changes: dict[str, Any], message: str) -> None:
    assert refusal(create(bench, "refused", **changes)) == (400, 3, message)
    assert refusal(fireworks(bench, "GET", f"{SUPERVISED}/refused"))[:2] == (404, 5)


@pytest.mark.parametrize(
    "model",
    ["accounts/fireworks/models/no-such-model", "qwen3-8b", f"{ACCOUNT}/models/none"],
)
def test_a_base_model_that_is_not_there(bench: Api, model: str) -> None:
    reply = create(bench, "refused", baseModel=model)
    assert refusal(reply) == (404, 5, f"model {model} not found")


def test_an_adapter_is_no_base_model(api: Api, clock: Clock) -> None:
    upload(api, chats())
    create(api)
    clock.advance(60)
    adapter = f"{ACCOUNT}/models/job-1"
    reply = create(api, "refused", baseModel=adapter)
    assert refusal(reply) == (400, 3, f"{adapter} is an HF_PEFT_ADDON, not a base model")


@pytest.mark.parametrize("name", ["Upper", "1st", "a_b", "a-", "-a", "a" * 64, "", "a/b"])
def test_an_id_is_small_letters_digits_and_hyphens(bench: Api, name: str) -> None:
    assert refusal(create(bench, name)) == (400, 3, f'invalid job id "{name}"')


@pytest.mark.parametrize("body", ["[]", "{", "null", '"text"', "[" * 100_000])
def test_a_body_that_is_no_object(bench: Api, body: str) -> None:
    reply = fireworks(bench, "POST", SUPERVISED, content=body)
    assert refusal(reply)[:2] == (400, 3)


def test_a_body_of_endless_size_is_not_read(bench: Api) -> None:
    reply = create(bench, "refused", displayName="x" * 5_000_000)
    assert refusal(reply) == (400, 3, "request body too large")


def test_everything_that_can_be_asked_for_is_shown_again(bench: Api) -> None:
    asked: dict[str, Any] = {
        "evaluationDataset": DATASET,
        "learningRateWarmupSteps": 10,
        "loraRank": 32,
        "maxContextLength": 4096,
        "batchSizeSamples": 4,
        "optimizerWeightDecay": 0.01,
        "samplerCheckpointSaveIntervalSteps": 5,
        "lrScheduler": {"cosine": {"minLrRatio": 0.1, "decayRatio": 0.5}},
        "region": "EU_PARIS_1",
        "purpose": "PURPOSE_PILOT",
        "isTurbo": True,
        "earlyStop": True,
        "jinjaTemplate": "{{ messages }}",
        "useReservation": True,
        "reservationTarget": "reservation",
        "rendererHuggingFaceRepoId": "Qwen/Qwen3-8B",
        "awsS3Config": {"iamRoleArn": "arn"},
        "azureBlobStorageConfig": {"tenantId": "t"},
    }
    created = good(create(bench, "everything", **asked))
    assert {name: created[name] for name in asked} == asked


def test_a_preference_job_takes_its_training_in_a_section_only(api: Api) -> None:
    upload(api, [preference()] * 10)
    assert refusal(create(api, kind=PREFERENCE, epochs=2)) == (400, 3, 'unknown field "epochs"')
    reply = create(api, kind=PREFERENCE, trainingConfig={"seed": 1})
    assert refusal(reply) == (400, 3, 'unknown field "trainingConfig.seed"')
    reply = create(api, kind=PREFERENCE, lossConfig={"method": "HINGE"})
    assert refusal(reply) == (400, 3, "invalid value for enum field lossConfig.method: 'HINGE'")
    reply = create(api, kind=PREFERENCE, lossConfig={"dpo": {"beta": 0}})
    assert refusal(reply) == (400, 3, "lossConfig.dpo.beta must be greater than 0, got 0")


CHAT_FAULT = "Dataset has a syntax error: chat dataset validation failed on data.jsonl:2: "
PAIR_FAULT = "Dataset has a syntax error: preference dataset validation failed on data.jsonl:2: "
USER = {"role": "user", "content": "q"}


@pytest.mark.parametrize(
    ("example", "why"),
    [
        ({"prompt": "q", "completion": "a"}, "missing required field 'messages'"),
        ({"messages": []}, "'messages' must be a list that is not empty"),
        ({"messages": "text"}, "'messages' must be a list that is not empty"),
        ({"messages": ["text"]}, "message 0 is not an object"),
        (
            with_message(role="bananas", content="x"),
            ("invalid role bananas in message 0, must be 'system', 'user', 'assistant' or 'tool'"),
        ),
        ({"messages": [{"role": "user"}]}, "message 0 has no content"),
        ({"messages": [USER]}, "no assistant message to train on"),
        (
            {"messages": [USER, {"role": "assistant", "content": "a", "weight": 0}]},
            "no assistant message to train on",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": "a", "weight": 2}]},
            "weight of message 1 must be 0 or 1",
        ),
        (
            {"messages": [USER, {"role": "system", "content": "late"}]},
            "message 1 has the role 'system', which only the first may have",
        ),
    ],
)
def test_chats_that_fail_the_job(api: Api, clock: Clock, example: Any, why: str) -> None:
    upload(api, [chat(), example, chat()])
    create(api)
    clock.advance(1.5)
    assert job(api)["state"] == "JOB_STATE_VALIDATING"
    clock.advance(1)
    failed = job(api)
    assert failed["state"] == "JOB_STATE_FAILED"
    assert failed["status"] == {"code": "INVALID_ARGUMENT", "message": CHAT_FAULT + why}
    assert (failed["jobProgress"], failed["metricsFileSignedUrl"]) == (None, "")
    assert refusal(fireworks(api, "GET", "models/job-1"))[:2] == (404, 5)


@pytest.mark.parametrize(
    ("example", "why"),
    [
        (chat(), "missing required field 'input'"),
        (preference() | {"input": {}}, "missing required field 'input.messages'"),
        (
            preference() | {"preferred_output": []},
            "preferred_output must have exactly one message",
        ),
        (
            preference() | {"non_preferred_output": [USER]},
            "non_preferred_output must have the role 'assistant'",
        ),
    ],
)
def test_preferences_that_fail_the_job(api: Api, clock: Clock, example: Any, why: str) -> None:
    upload(api, [preference(), example, preference()])
    create(api, kind=PREFERENCE)
    clock.advance(60)
    status = job(api, kind=PREFERENCE)["status"]
    assert status == {"code": "INVALID_ARGUMENT", "message": PAIR_FAULT + why}


def test_a_tool_call_needs_no_content(api: Api, clock: Clock) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    example = {
        "messages": [
            {"role": "system", "content": "Be short."},
            USER,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
            {"role": "assistant", "content": "One.", "weight": 1},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    upload(api, [example] * 3)
    create(api)
    clock.advance(60)
    assert job(api)["state"] == "JOB_STATE_COMPLETED"


def test_the_number_of_examples(api: Api, clock: Clock) -> None:
    upload(api, chats(2), name="few")
    upload(api, chats(4), name="train")
    create(api, "few", dataset=f"{ACCOUNT}/datasets/few")
    create(api, "many", epochs=1_000_000)
    clock.advance(60)
    assert [job(api, name)["status"]["message"] for name in ("few", "many")] == [
        "Dataset has 2 examples, but at least 3 are required",
        "Dataset examples times epochs must not exceed 3000000",
    ]


def test_the_evaluation_dataset_may_be_at_fault(api: Api, clock: Clock) -> None:
    upload(api, chats())
    upload(api, jsonl([preference()] * 3), name="valid")
    create(api, evaluationDataset=f"{ACCOUNT}/datasets/valid")
    clock.advance(60)
    assert job(api)["status"]["code"] == "INVALID_ARGUMENT"


def test_a_failed_job_on_bad_data_fails_again_when_resumed(api: Api, clock: Clock) -> None:
    upload(api, chats(2))
    create(api)
    clock.advance(60)
    good(fireworks(api, "POST", f"{SUPERVISED}/job-1:resume", {}))
    clock.advance(60)
    assert job(api)["state"] == "JOB_STATE_FAILED"


def test_a_dataset_may_be_deleted_once_the_job_is_created(api: Api, clock: Clock) -> None:
    upload(api, chats())
    create(api)
    assert good(fireworks(api, "DELETE", "datasets/train")) == {}
    clock.advance(60)
    assert job(api)["state"] == "JOB_STATE_COMPLETED"
