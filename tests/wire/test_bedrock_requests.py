"""What the Bedrock adapter sends is what boto3 takes, and what the service model allows.

boto3 checks required fields and types; lengths, patterns, ranges and words of an enum it does not,
so that those are checked here, on every body the adapter can make, against the same model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from reconciler.model import Dataset, JobSpec
from reconciler.providers.bedrock import rules, wire
from tests.providers.bedrock_bench import (
    ACCOUNT,
    BUCKET,
    CLAUDE,
    JOBS,
    LLAMA,
    NOT_FOUND,
    NOVA,
    ROLE,
    SETTINGS,
    TITAN,
    arn,
    bench,
    errors,
    make,
    model,
    request,
    shown,
)
from tests.providers.loopback import Heard, Reply

LAMBDA = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:grade"
S3 = Dataset(reference=f"s3://{BUCKET}/x.jsonl")
TEACHER = {"teacher_model": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.a.b-1:0"}

SPECS: dict[str, JobSpec] = {
    "nothing but the data": make(),
    "the longest names": make("a" * 40, suffix="b" * 46, metadata={"k" * 64: "v" * 256}),
    "everything a fine-tuning job can say": make(
        suffix="support",
        metadata={"owner": "support team"},
        validation=Dataset(sha256="cd" * 32),
        hyperparameters={"n_epochs": 3},
        section={
            "role_arn": ROLE,
            "customization_type": "FINE_TUNING",
            "output_s3_uri": "s3://results/here/",
            "hyperparameters": {"learningRate": 1e-5, "learningRateWarmupSteps": 10},
            "kms_key_id": "alias/tuning",
            "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1", "sg-2"]},
            "job_tags": {"team": "support"},
            "model_tags": {"team": ""},
            "validators": ["s3://more/valid.jsonl"],
        },
    ),
    "Claude": make(
        model=CLAUDE,
        hyperparameters={"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5},
    ),
    "the older form": make(hyperparameters={"n_epochs": 3}, top_level_hyperparameters=True),
    "Llama": make(model=LLAMA, hyperparameters={"n_epochs": 5, "batch_size": 1}),
    "a foundation model's ARN": make(model=f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"),
    "a custom model": make(
        model=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{NOVA}:128k/abcdefghijkl"
    ),
    "continued pre-training": make(
        model=TITAN, training=S3, section={"customization_type": "CONTINUED_PRE_TRAINING"}
    ),
    "distillation": make(
        section={
            "customization_type": "DISTILLATION",
            "distillation": {**TEACHER, "max_response_length": 1000},
        }
    ),
    "distillation from some logs": make(
        training=S3,
        section={
            "customization_type": "DISTILLATION",
            "distillation": TEACHER,
            "training_invocation_logs": {
                "use_prompt_response": False,
                "request_metadata_filters": {
                    "and_all": [{"equals": {"a": "b"}}, {"not_equals": {"c": ""}}]
                },
            },
        },
    ),
    "distillation from one kind of logs": make(
        training=S3,
        section={
            "customization_type": "DISTILLATION",
            "distillation": TEACHER,
            "training_invocation_logs": {"request_metadata_filters": {"equals": {"a": "$b"}}},
        },
    ),
    "reinforcement": make(
        hyperparameters={"n_epochs": 2, "batch_size": 16},
        section={
            "customization_type": "REINFORCEMENT_FINE_TUNING",
            "rft": {
                "grader_lambda_arn": LAMBDA,
                "learning_rate": 1e-7,
                "max_prompt_length": 4096,
                "training_sample_per_prompt": 2,
                "inference_max_tokens": 2048,
                "reasoning_effort": "low",
                "eval_interval": 100,
            },
        },
    ),
    "reinforcement by method": make(
        method="reinforcement",
        hyperparameters={"reasoning_effort": "high", "eval_interval": 1},
        section={"rft": {"grader_lambda_arn": LAMBDA}},
    ),
}


def faults(value: Any, shape: Any, at: str = "") -> Iterator[str]:
    """Where a value breaks the service model's lengths, patterns, ranges, enums or unions."""
    limits = shape.metadata
    match shape.type_name:
        case "structure":
            if getattr(shape, "is_tagged_union", False) and len(value) != 1:
                yield f"{at}: {len(value)} members of a union"
            for name, item in value.items():
                yield from faults(item, shape.members[name], f"{at}.{name}")
        case "list":
            yield from _size(len(value), limits, at)
            for index, item in enumerate(value):
                yield from faults(item, shape.member, f"{at}[{index}]")
        case "map":
            yield from _size(len(value), limits, at)
            for key, item in value.items():
                yield from faults(key, shape.key, f"{at} key")
                yield from faults(item, shape.value, f"{at}[{key}]")
        case "string":
            yield from _size(len(value), limits, at)
            pattern = limits.get("pattern")
            if pattern and not re.fullmatch(pattern.replace("$)", ")"), value, re.ASCII):
                yield f"{at}: {value}"
            if shape.enum and value not in shape.enum:
                yield f"{at}: {value}"
        case "integer" | "float":
            yield from _size(value, limits, at)


def _size(size: float, limits: Mapping[str, Any], at: str) -> Iterator[str]:
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{at}: {size}"


def body(spec: JobSpec) -> dict[str, Any]:
    return wire.create_request(request(spec), SETTINGS)


def shape() -> Any:
    return model().operation_model("CreateModelCustomizationJob").input_shape


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_a_body_is_one_boto3_takes_and_the_model_allows(spec: JobSpec) -> None:
    assert rules.check(spec, SETTINGS) == []
    assert errors(body(spec)) == ""
    assert list(faults(body(spec), shape())) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("jobName", "a" * 64),
        ("customModelName", "bad--name"),
        ("customizationType", "TUNING"),
        ("hyperParameters", {"epochCount": 3}),
        ("validationDataConfig", {"s3Uri": "s3://bucket/x"}),
        ("outputDataConfig", "s3://bucket/x"),
        ("outputDataConfig", {"s3Uri": "s3://bucket/dt=1/"}),
        ("vpcConfig", {"subnetIds": [], "securityGroupIds": ["sg"]}),
        ("seed", 42),
    ],
)
def test_the_check_would_see_what_is_wrong(field: str, value: Any) -> None:
    wrong = {**body(make()), field: value}
    assert errors(wrong) or list(faults(wrong, shape()))


def test_every_field_of_the_model_is_sent_by_some_spec() -> None:
    """What the service model gains, this adapter learns."""
    sent = {field for spec in SPECS.values() for field in body(spec)}
    assert sent == set(shape().members)


def test_nothing_empty_is_sent() -> None:
    assert "hyperParameters" not in body(make())
    assert list(_empty(body(SPECS["everything a fine-tuning job can say"]))) == []


def _empty(value: Any, at: str = "") -> Iterator[str]:
    match value:
        case Mapping():
            for key, item in value.items():
                if not item and item != "" and item is not False:
                    yield f"{at}.{key}"
                yield from _empty(item, f"{at}.{key}")
        case Sequence() if not isinstance(value, str):
            for item in value:
                yield from _empty(item, at)


def test_a_create_on_the_wire() -> None:
    spec = SPECS["everything a fine-tuning job can say"]
    token, hash_ = spec.token, spec.token[-16:]

    def answer(heard: Heard) -> Reply:
        if heard.method == "POST":
            return Reply(201, {"jobArn": arn()})
        return Reply(200, shown(token)) if heard.path.startswith(JOBS) else NOT_FOUND

    with bench(answer) as at:
        at.provider.create(request(spec))
        (sent,) = at.heard("POST")
    assert sent.path == JOBS
    assert sent.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    tags = [
        {"key": "reconciler-token", "value": token},
        {"key": "reconciler-source", "value": "default/support-bot"},
    ]
    assert sent.json == {
        "jobName": token,
        "clientRequestToken": token,
        "customModelName": f"support-{hash_}",
        "roleArn": ROLE,
        "baseModelIdentifier": NOVA,
        "customizationType": "FINE_TUNING",
        "customModelKmsKeyId": "alias/tuning",
        "jobTags": [
            {"key": "owner", "value": "support team"},
            {"key": "team", "value": "support"},
            *tags,
        ],
        "customModelTags": [{"key": "team", "value": ""}, *tags],
        "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/finetune/{'ab' * 32}.jsonl"},
        "validationDataConfig": {
            "validators": [
                {"s3Uri": f"s3://{BUCKET}/finetune/{'cd' * 32}.jsonl"},
                {"s3Uri": "s3://more/valid.jsonl"},
            ]
        },
        "outputDataConfig": {"s3Uri": "s3://results/here/"},
        "hyperParameters": {
            "epochCount": "3",
            "learningRate": "0.00001",
            "learningRateWarmupSteps": "10",
        },
        "vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1", "sg-2"]},
    }
