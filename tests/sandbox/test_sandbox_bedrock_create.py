"""What Bedrock refuses to create, in the words of its service model."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.sandbox.bedrock.catalogue import BASE_MODELS
from tests.sandbox.amazon import (
    BUCKET,
    HAIKU,
    NOVA,
    bedrock,
    bedrock_error,
    conversation,
    create,
    create_on_uploaded,
    job,
    request_body,
    upload,
)
from tests.sandbox.workbench import Api

CREATE = "model-customization-jobs"
NAME_PATTERN = r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*"


@pytest.fixture(scope="module")
def bench(shared: Api) -> Api:
    """A sandbox with sound training data; no test here creates a job that another minds."""
    upload(shared, [conversation()] * 20)
    return shared


def refusal(api: Api, **changes: Any) -> str:
    """The message of a create that must be refused as invalid."""
    reply = bedrock(api, "POST", CREATE, request_body("refused", **changes))
    status, name, message = bedrock_error(reply)
    assert (status, name) == (400, "ValidationException")
    return message


@pytest.mark.parametrize(
    "field",
    [
        *("jobName", "customModelName", "roleArn", "baseModelIdentifier"),
        *("trainingDataConfig", "outputDataConfig"),
    ],
)
def test_what_must_be_there(bench: Api, field: str) -> None:
    assert refusal(bench, **{field: None}) == (
        f"1 validation error detected: Value null at '{field}' failed to satisfy constraint: "
        "Member must not be null"
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"jobName": "under_score"}, rf"regular expression pattern: {NAME_PATTERN}"),
        ({"jobName": "a" * 64}, "length less than or equal to 63"),
        ({"customModelKmsKeyId": ""}, "length greater than or equal to 1"),
        ({"customModelName": "dotted.name"}, "pattern: ([0-9a-zA-Z][_-]?){1,63}"),
        ({"customModelName": "a--b"}, "pattern: ([0-9a-zA-Z][_-]?){1,63}"),
        ({"clientRequestToken": "ends-"}, "regular expression pattern"),
        ({"clientRequestToken": "t" * 257}, "length less than or equal to 256"),
        ({"roleArn": "arn:aws:iam::1:role/r"}, "regular expression pattern"),
        ({"baseModelIdentifier": "no model!"}, "regular expression pattern"),
        ({"customizationType": "DPO"}, "enum value set: [FINE_TUNING, CONTINUED_PRE_TRAINING,"),
        ({"customModelKmsKeyId": "key/short"}, "regular expression pattern"),
        ({"trainingDataConfig": {"s3Uri": "s3://b-b/dt=2024/x"}}, "regular expression pattern"),
        ({"trainingDataConfig": {"s3Uri": "https://x"}}, "regular expression pattern"),
        ({"outputDataConfig": {}}, "Value null at 'outputDataConfig.s3Uri'"),
        ({"outputDataConfig": {"s3Uri": "s3://b-b/a//b"}}, "at 'outputDataConfig.s3Uri'"),
        ({"validationDataConfig": {}}, "Value null at 'validationDataConfig.validators'"),
        (
            {"validationDataConfig": {"validators": [{"s3Uri": "s3://b-b/a"}] * 11}},
            "length less than or equal to 10",
        ),
        (
            {"validationDataConfig": {"validators": [{}]}},
            "Value null at 'validationDataConfig.validators.1.member.s3Uri'",
        ),
        ({"jobTags": [{"key": "k"}]}, "Value null at 'jobTags.1.member.value'"),
        ({"jobTags": [{"key": "k!", "value": ""}]}, "at 'jobTags.1.member.key'"),
        ({"jobTags": [{"key": "k", "value": ""}] * 201}, "length less than or equal to 200"),
        ({"vpcConfig": {"subnetIds": ["s"]}}, "Value null at 'vpcConfig.securityGroupIds'"),
        (
            {"vpcConfig": {"subnetIds": [], "securityGroupIds": ["s"]}},
            "length greater than or equal to 1",
        ),
        ({"customizationConfig": {}}, "exactly one of its members"),
        (
            {"customizationConfig": {"rftConfig": {"hyperParameters": {"batchSize": 8}}}},
            "value greater than or equal to 16",
        ),
        (
            {"customizationConfig": {"rftConfig": {"hyperParameters": {"learningRate": 1}}}},
            "value less than or equal to 0.001",
        ),
        (
            {"customizationConfig": {"distillationConfig": {}}},
            "Value null at 'customizationConfig.distillationConfig.teacherModelConfig'",
        ),
    ],
)
def test_what_the_service_model_does_not_allow(
    bench: Api, changes: dict[str, Any], complaint: str
) -> None:
    message = refusal(bench, **changes)
    assert re.match(r"\d validation errors? detected: ", message)
    assert complaint in message


def test_everything_wrong_is_told_at_once(bench: Api) -> None:
    message = refusal(bench, jobName="a_b", customModelName="x" * 64, roleArn=None)
    assert message.startswith("4 validation errors detected: Value null at 'roleArn'")
    assert message.count("failed to satisfy constraint") == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobName": 5}, "NUMBER_VALUE cannot be converted to String"),
        ({"hyperParameters": {"epochCount": 2}}, "NUMBER_VALUE cannot be converted to String"),
        ({"jobTags": {}}, "Unexpected value type in payload"),
        ({"trainingDataConfig": "s3://b/k"}, "Unexpected value type in payload"),
        (
            {"customizationConfig": {"rftConfig": {"hyperParameters": {"batchSize": "16"}}}},
            "STRING_VALUE cannot be converted to Integer",
        ),
        (
            {"customizationConfig": {"rftConfig": {"hyperParameters": {"epochCount": True}}}},
            "TRUE_VALUE cannot be converted to Integer",
        ),
    ],
)
def test_a_value_of_another_kind_cannot_be_read(
    bench: Api, changes: dict[str, Any], message: str
) -> None:
    reply = bedrock(bench, "POST", CREATE, request_body("refused", **changes))
    assert bedrock_error(reply) == (400, "SerializationException", message)


@pytest.mark.parametrize("body", ["[]", "{", "null", '"text"'])
def test_a_body_that_is_no_object_cannot_be_read(bench: Api, body: str) -> None:
    reply = bench.http.request(
        "POST",
        f"{bench.url}/{CREATE}",
        headers=bedrock(bench, "GET", CREATE).request.headers,
        content=body,
    )
    assert bedrock_error(reply)[:2] == (400, "SerializationException")


def test_a_body_of_endless_size_is_not_read(bench: Api) -> None:
    reply = bedrock(bench, "POST", CREATE, {"jobName": "x" * 5_000_000})
    assert bedrock_error(reply)[:2] == (400, "SerializationException")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"baseModelIdentifier": "amazon.nova-micro-v1:0"},
            "The provided model identifier is invalid.",
        ),
        ({"baseModelIdentifier": "no-such-model"}, "The provided model identifier is invalid."),
        (
            {"customizationType": "CONTINUED_PRE_TRAINING"},
            "The provided base model does not support CONTINUED_PRE_TRAINING customization.",
        ),
        (
            {"customizationType": "IMPORTED"},
            "The provided base model does not support IMPORTED customization.",
        ),
        (
            {"customizationType": "DISTILLATION"},
            "customizationConfig.distillationConfig is required for DISTILLATION customization.",
        ),
        (
            {
                "customizationType": "REINFORCEMENT_FINE_TUNING",
                "customizationConfig": {"rftConfig": {}},
            },
            "A graderConfig is required for REINFORCEMENT_FINE_TUNING customization.",
        ),
        (
            {"customizationConfig": {"rftConfig": {}}},
            "customizationConfig cannot be used for FINE_TUNING customization.",
        ),
        ({"trainingDataConfig": {}}, "trainingDataConfig must have an s3Uri."),
        (
            {
                "trainingDataConfig": {
                    "invocationLogsConfig": {"invocationLogSource": {"s3Uri": "s3://b-b/logs"}}
                }
            },
            "invocationLogsConfig cannot be used for FINE_TUNING customization.",
        ),
        (
            {"trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/none.jsonl"}},
            (
                "Could not validate GetObject permissions to access Amazon S3 bucket: "
                f"{BUCKET} at key none.jsonl"
            ),
        ),
        (
            {"validationDataConfig": {"validators": [{"s3Uri": "s3://other-bucket"}]}},
            (
                "Could not validate GetObject permissions to access Amazon S3 bucket: "
                "other-bucket at key "
            ),
        ),
        (
            {"jobTags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
            "Duplicate tag keys found in jobTags.",
        ),
        (
            {"hyperParameters": {"learningRateMultiplier": "1"}},
            (
                "The hyperparameter learningRateMultiplier is not supported by the provided base "
                "model. Supported hyperparameters are: epochCount, learningRate, "
                "learningRateWarmupSteps."
            ),
        ),
        (
            {"hyperParameters": {"epochCount": "6"}},
            "The hyperparameter epochCount must be an integer between 1 and 5, but is 6.",
        ),
        (
            {"hyperParameters": {"epochCount": "auto"}},
            "The hyperparameter epochCount must be an integer between 1 and 5, but is auto.",
        ),
        (
            {"hyperParameters": {"learningRate": "nan"}},
            (
                "The hyperparameter learningRate must be a number between 1e-06 and 0.0001, but is "
                "nan."
            ),
        ),
        (
            {"baseModelIdentifier": "amazon.titan-image-generator-v1:0"},
            "The hyperparameter stepCount is required by the provided base model.",
        ),
        (
            {
                "baseModelIdentifier": "amazon.nova-canvas-v1:0",
                "validationDataConfig": {"validators": [{"s3Uri": f"s3://{BUCKET}/train.jsonl"}]},
            },
            "The provided base model does not support validation data.",
        ),
    ],
)
def test_what_cannot_be_meant_so(bench: Api, changes: dict[str, Any], message: str) -> None:
    assert refusal(bench, **changes) == message


def test_a_refused_create_makes_no_job_and_burns_no_name(api: Api) -> None:
    upload(api, [conversation()] * 20)
    bedrock(api, "POST", CREATE, request_body(hyperParameters={"epochCount": "6"}))
    assert api.created_jobs() == []
    assert create_on_uploaded(api) == job(api, "job-1")["jobArn"]


@pytest.mark.parametrize(
    ("model", "given", "complete"),
    [
        (
            HAIKU,
            {"epochCount": "3", "learningRateMultiplier": "0.5"},
            {
                "epochCount": "3",
                "batchSize": "32",
                "learningRateMultiplier": "0.5",
                "earlyStoppingThreshold": "0.001",
                "earlyStoppingPatience": "2",
            },
        ),
        (
            "amazon.titan-embed-image-v1:0",
            {"epochCount": "Auto"},
            {"epochCount": "Auto", "batchSize": "576", "learningRate": "5.00E-5"},
        ),
    ],
)
def test_hyperparameters_are_completed_by_family(
    bench: Api, model: str, given: dict[str, str], complete: dict[str, str]
) -> None:
    name = f"complete-{model.partition('.')[0]}"
    create_on_uploaded(bench, name, baseModelIdentifier=model, hyperParameters=given)
    assert job(bench, name)["hyperParameters"] == complete


@pytest.mark.parametrize("model", BASE_MODELS)
def test_every_base_model_says_its_ranges_in_order(model: str) -> None:
    for name, setting in BASE_MODELS[model].family.settings.items():
        assert setting.least <= setting.most, name
        if setting.default is not None:
            assert setting.least <= float(setting.default) <= setting.most, name


def test_a_base_model_may_be_named_by_its_arn(api: Api) -> None:
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    create(api, baseModelIdentifier=arn)
    assert job(api, "job-1")["baseModelArn"] == arn
