"""boto3 drives the sandbox's Bedrock through the whole life of a job, its data and metrics in S3.

And the sandbox's own idea of a create is held against the service model that boto3 uses.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.exceptions import (  # type: ignore[import-untyped]  # AWS ships no types
    ClientError,
    ParamValidationError,
)
from botocore.loaders import Loader  # type: ignore[import-untyped]  # as above
from botocore.model import ServiceModel  # type: ignore[import-untyped]  # as above

from reconciler.sandbox.bedrock import shapes
from reconciler.sandbox.bedrock.create_request import SHAPE
from reconciler.sandbox.server import serve
from tests.sandbox.amazon import NOVA, conversation, request_body, signed
from tests.sandbox.workbench import Clock, jsonl
from tests.wire.amazon_clients import client, code

BUCKET = "data-bucket"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Both clients of one sandbox, with training data in S3; its clock is the test's."""
    clock = Clock()
    with (
        serve(tmp_path_factory.mktemp("data"), clock=clock) as running,
        client("bedrock", running.url) as bedrock,
        client("s3", running.url + "/s3") as s3,
    ):
        s3.put_object(Bucket=BUCKET, Key="train.jsonl", Body=jsonl([conversation()] * 20))
        yield SimpleNamespace(bedrock=bedrock, s3=s3, clock=clock, url=running.url)


def create(aws: Any, name: str, **changes: Any) -> str:
    reply = aws.bedrock.create_model_customization_job(**request_body(name, **changes))
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 201
    arn: str = reply["jobArn"]
    return arn


def test_a_job_from_its_data_to_its_model(aws: Any, tmp_path: Path) -> None:
    data = tmp_path / "train.jsonl"
    data.write_bytes(jsonl([conversation()] * 16))
    aws.s3.upload_file(str(data), BUCKET, "whole/train.jsonl")
    location = {"s3Uri": f"s3://{BUCKET}/whole/train.jsonl"}
    arn = create(
        aws,
        "whole",
        trainingDataConfig=location,
        validationDataConfig={"validators": [location]},
        hyperParameters={"epochCount": "3"},
        jobTags=[{"key": "reconciler-token", "value": "whole"}],
    )
    running = aws.bedrock.get_model_customization_job(jobIdentifier=arn)
    assert (running["status"], "outputModelArn" in running) == ("InProgress", False)
    assert running["clientRequestToken"] == "token-whole"
    assert running["creationTime"].timestamp() == aws.clock.now
    aws.clock.advance(60)
    ended = aws.bedrock.get_model_customization_job(jobIdentifier="whole")
    assert (ended["status"], ended["jobArn"]) == ("Completed", arn)
    assert ended["trainingMetrics"]["trainingLoss"] > 0
    assert len(ended["validationMetrics"]) == 1
    model = aws.bedrock.get_custom_model(modelIdentifier=ended["outputModelArn"])
    assert (model["modelName"], model["jobArn"]) == ("model-whole", arn)
    listed = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]
    steps = next(
        item["Key"] for item in listed if item["Key"].endswith("step_wise_training_metrics.csv")
    )
    text = aws.s3.get_object(Bucket=BUCKET, Key=steps)["Body"].read().decode()
    rows = list(csv.DictReader(text.splitlines()))
    assert float(rows[-1]["training_loss"]) == ended["trainingMetrics"]["trainingLoss"]
    tags = aws.bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
    assert tags == [{"key": "reconciler-token", "value": "whole"}]


def test_a_job_that_is_stopped(aws: Any) -> None:
    arn = create(aws, "stopped")
    aws.clock.advance(3)
    aws.bedrock.stop_model_customization_job(jobIdentifier=arn)
    seen = []
    for _ in range(2):
        seen.append(aws.bedrock.get_model_customization_job(jobIdentifier=arn)["status"])
        aws.clock.advance(10)
    assert seen == ["Stopping", "Stopped"]
    with pytest.raises(aws.bedrock.exceptions.ConflictException) as refused:
        aws.bedrock.stop_model_customization_job(jobIdentifier=arn)
    assert code(refused.value) == ("ConflictException", 400)
    with pytest.raises(aws.bedrock.exceptions.ResourceNotFoundException):
        aws.bedrock.get_custom_model(modelIdentifier="model-stopped")


def test_a_job_whose_data_are_bad(aws: Any) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="bad.jsonl", Body=b'{"prompt": "q"}\n')
    create(aws, "bad", trainingDataConfig={"s3Uri": f"s3://{BUCKET}/bad.jsonl"})
    aws.clock.advance(60)
    ended = aws.bedrock.get_model_customization_job(jobIdentifier="bad")
    assert ended["status"] == "Failed"
    assert ended["failureMessage"].startswith("Input data at bad.jsonl must follow")


def test_tokens_and_names(aws: Any) -> None:
    arn = create(aws, "once")
    assert create(aws, "once") == create(aws, "twice", clientRequestToken="token-once") == arn
    with pytest.raises(aws.bedrock.exceptions.ValidationException) as refused:
        create(aws, "once", clientRequestToken=None)  # botocore makes one up
    assert (
        refused.value.response["Error"]["Message"] == "The provided job name is currently in use."
    )
    with pytest.raises(aws.bedrock.exceptions.ResourceNotFoundException) as missing:
        aws.bedrock.get_model_customization_job(jobIdentifier="twice")
    assert code(missing.value) == ("ResourceNotFoundException", 404)


def test_what_botocore_lets_through_is_refused(aws: Any) -> None:
    for changes, complaint in (
        ({"jobName": "bad_name!!"}, "at 'jobName'"),
        ({"customModelName": "m" * 64}, "less than or equal to 63"),
        ({"trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/dt=1/a"}}, "trainingDataConfig.s3Uri"),
        ({"hyperParameters": {"epochCount": "99"}}, "epochCount must be an integer"),
    ):
        with pytest.raises(aws.bedrock.exceptions.ValidationException, match=complaint):
            create(aws, "refused", **changes)
    with pytest.raises(ParamValidationError):
        create(aws, "refused", hyperParameters={"epochCount": 2})


def test_lists_filters_and_pages(aws: Any) -> None:
    for number in range(5):
        create(aws, f"listed-{number}")
        aws.clock.advance(1)
    pages = aws.bedrock.get_paginator("list_model_customization_jobs").paginate(
        nameContains="listed",
        sortBy="CreationTime",
        sortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    found = [job["jobName"] for page in pages for job in page["modelCustomizationJobSummaries"]]
    assert found == [f"listed-{number}" for number in range(5)]
    job = aws.bedrock.get_model_customization_job(jobIdentifier="listed-3")
    later = aws.bedrock.list_model_customization_jobs(
        creationTimeAfter=job["creationTime"], statusEquals="InProgress"
    )["modelCustomizationJobSummaries"]
    assert [summary["jobName"] for summary in later] == ["listed-4"]


def test_models_and_tags(aws: Any) -> None:
    arn = create(aws, "tagged")
    aws.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "k", "value": "v"}])
    aws.bedrock.untag_resource(resourceARN=arn, tagKeys=["k"])
    assert aws.bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == []
    aws.clock.advance(60)
    models = aws.bedrock.list_custom_models(nameContains="model-tagged")["modelSummaries"]
    assert [model["modelName"] for model in models] == ["model-tagged"]
    aws.bedrock.delete_custom_model(modelIdentifier=models[0]["modelArn"])
    assert aws.bedrock.list_custom_models(nameContains="model-tagged")["modelSummaries"] == []
    for name in (models[0]["modelArn"], "model-tagged", NOVA):
        with pytest.raises(aws.bedrock.exceptions.ResourceNotFoundException) as missing:
            aws.bedrock.delete_custom_model(modelIdentifier=name)
        assert code(missing.value) == ("ResourceNotFoundException", 404)
    ended = aws.bedrock.get_model_customization_job(jobIdentifier=arn)
    assert ended["outputModelArn"] == models[0]["modelArn"]
    base = aws.bedrock.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]
    assert "FINE_TUNING" in base["customizationsSupported"]
    every = aws.bedrock.list_foundation_models(byCustomizationType="FINE_TUNING")["modelSummaries"]
    assert NOVA in {model["modelId"] for model in every}


def test_who_may_enter(aws: Any) -> None:
    with (
        client("bedrock", aws.url, access_key="invalid") as stranger,
        pytest.raises(ClientError) as refused,
    ):
        stranger.list_model_customization_jobs()
    assert code(refused.value) == ("UnrecognizedClientException", 403)
    with (
        client("s3", aws.url + "/s3", access_key="invalid") as stranger,
        pytest.raises(ClientError) as refused,
    ):
        stranger.list_buckets()
    assert code(refused.value) == ("InvalidAccessKeyId", 403)


def test_an_operation_that_the_sandbox_has_not(aws: Any) -> None:
    with pytest.raises(ClientError) as refused:
        aws.bedrock.list_provisioned_model_throughputs()
    assert code(refused.value) == ("UnknownOperationException", 404)


def test_every_reply_is_of_the_shape_that_botocore_reads(aws: Any) -> None:
    """Whatever the sandbox sends has a place in the model: botocore drops the rest in silence."""
    create(aws, "shape", customModelKmsKeyId="alias/k", jobTags=[{"key": "k", "value": "v"}])
    aws.clock.advance(60)
    model = service_model()
    for operation, path in (
        ("GetModelCustomizationJob", "model-customization-jobs/shape"),
        ("ListModelCustomizationJobs", "model-customization-jobs?nameContains=shape"),
        ("GetCustomModel", "custom-models/model-shape"),
        ("ListCustomModels", "custom-models?nameContains=shape"),
        ("GetFoundationModel", f"foundation-models/{NOVA.replace(':', '%3A')}"),
        ("ListFoundationModels", "foundation-models"),
    ):
        reply = httpx.get(f"{aws.url}/{path}", headers=signed("bedrock"), trust_env=False)
        assert reply.status_code == 200
        _fits(json.loads(reply.text), model.operation_model(operation).output_shape, operation)


def test_the_shape_of_a_create_is_botocores() -> None:
    """Every member, pattern, length and choice."""
    theirs = service_model().operation_model("CreateModelCustomizationJob").input_shape
    _same(SHAPE, theirs, "")


def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("bedrock", "service-2"))


def _fits(value: Any, shape: Any, place: str) -> None:
    match shape.type_name:
        case "structure":
            assert set(value) <= set(shape.members), place
            assert set(value) >= set(shape.required_members), place
            for name, item in value.items():
                _fits(item, shape.members[name], f"{place}.{name}")
        case "list":
            for item in value:
                _fits(item, shape.member, f"{place}[]")
        case "map":
            assert all(isinstance(item, str) for item in value.values()), place
        case "string":
            checked = shapes.Text(
                pattern=shape.metadata.get("pattern", ""),
                least=shape.metadata.get("min", 0),
                most=shape.metadata.get("max"),
                choices=tuple(shape.enum),
            )
            assert shapes.check(value, checked, place) == []
        case "timestamp":
            assert value.endswith("Z"), place
        case "float":
            assert isinstance(value, float), place
        case other:
            raise AssertionError(f"{place}: {other}")


def _same(ours: shapes.Shape, theirs: Any, place: str) -> None:
    limits = theirs.metadata
    match ours:
        case shapes.Structure():
            assert set(ours.members) == set(theirs.members), place
            assert set(ours.required) == set(theirs.required_members), place
            assert ours.union == theirs.is_tagged_union, place
            for name, member in ours.members.items():
                _same(member, theirs.members[name], f"{place}.{name}")
        case shapes.Text():
            assert theirs.type_name == "string", place
            assert ours.choices == tuple(theirs.enum), place
            assert (ours.least, ours.most) == (limits.get("min", 0), limits.get("max")), place
            assert ours.pattern == limits.get("pattern", ""), place
        case shapes.Listing():
            assert theirs.type_name == "list", place
            assert (ours.least, ours.most) == (limits.get("min", 0), limits.get("max")), place
            _same(ours.of, theirs.member, f"{place}[]")
        case shapes.Table():
            assert theirs.type_name == "map", place
        case shapes.Number():
            assert theirs.type_name == ("float" if ours.fraction else "integer"), place
            assert (ours.least, ours.most) == (limits.get("min"), limits.get("max")), place
        case shapes.Flag():
            assert theirs.type_name == "boolean", place
