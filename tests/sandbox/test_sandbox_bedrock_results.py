"""What a Bedrock job leaves when it has completed: a model, and metrics in S3."""

from __future__ import annotations

import csv
import io
import re

import pytest

from tests.sandbox.amazon import (
    BUCKET,
    NOVA,
    bedrock,
    bedrock_error,
    create,
    create_on_uploaded,
    escaped,
    good,
    job,
    objects,
    request_body,
    s3,
    upload,
)
from tests.sandbox.workbench import Api, Clock

STEPS = "training_artifacts/step_wise_training_metrics.csv"
VALIDATION = "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
VALIDATORS = {"validators": [{"s3Uri": f"s3://{BUCKET}/train.jsonl"}]}


def rows(api: Api, key: str) -> list[dict[str, str]]:
    """The rows of a CSV file in the bucket."""
    return list(csv.DictReader(io.StringIO(s3(api, "GET", f"{BUCKET}/{key}").text)))


def test_a_completed_job_names_a_model_that_can_be_looked_up(api: Api, clock: Clock) -> None:
    arn = create(api, customModelTags=[{"key": "team", "value": "support"}])
    missing = bedrock(api, "GET", "custom-models/model-job-1")
    assert bedrock_error(missing)[:2] == (404, "ResourceNotFoundException")
    clock.advance(60)
    ended = job(api, arn)
    pattern = rf"arn:aws:bedrock:us-east-1:000000000000:custom-model/{NOVA}/[a-z0-9]{{12}}"
    assert re.fullmatch(pattern, ended["outputModelArn"])
    by_name = good(bedrock(api, "GET", "custom-models/model-job-1"))
    by_arn = good(bedrock(api, "GET", f"custom-models/{escaped(ended['outputModelArn'])}"))
    assert by_name == by_arn
    assert by_name == {
        "modelArn": ended["outputModelArn"],
        "modelName": "model-job-1",
        "jobName": "job-1",
        "jobArn": arn,
        "baseModelArn": ended["baseModelArn"],
        "customizationType": "FINE_TUNING",
        "hyperParameters": ended["hyperParameters"],
        "trainingDataConfig": ended["trainingDataConfig"],
        "validationDataConfig": ended["validationDataConfig"],
        "outputDataConfig": ended["outputDataConfig"],
        "trainingMetrics": ended["trainingMetrics"],
        "creationTime": ended["endTime"],
        "modelStatus": "Active",
    }


def test_metrics_are_in_s3_once_the_job_has_completed(api: Api, clock: Clock) -> None:
    arn = create(api, hyperParameters={"epochCount": "3"})
    assert objects(api) == ["train.jsonl"]
    clock.advance(60)
    key = f"out/model-customization-job-{arn[-12:]}/{STEPS}"
    assert objects(api) == [key, "train.jsonl"]
    steps = rows(api, key)
    assert list(steps[0]) == ["step_number", "epoch_number", "training_loss", "perplexity"]
    assert [int(row["step_number"]) for row in steps] == list(range(9))
    assert [row["epoch_number"] for row in steps] == ["0"] * 3 + ["1"] * 3 + ["2"] * 3
    assert float(steps[-1]["training_loss"]) < float(steps[0]["training_loss"])
    assert float(steps[-1]["training_loss"]) == job(api, arn)["trainingMetrics"]["trainingLoss"]


def test_metrics_can_be_read_before_anybody_looked_at_the_job(api: Api, clock: Clock) -> None:
    arn = create(api)
    key = f"out/model-customization-job-{arn[-12:]}/{STEPS}"
    assert s3(api, "GET", f"{BUCKET}/{key}").status_code == 404
    clock.advance(60)
    assert s3(api, "GET", f"{BUCKET}/{key}").status_code == 200


def test_deleted_metrics_do_not_come_back(api: Api, clock: Clock) -> None:
    arn = create(api)
    clock.advance(60)
    key = f"out/model-customization-job-{arn[-12:]}/{STEPS}"
    assert key in objects(api)
    s3(api, "DELETE", f"{BUCKET}/{key}")
    assert job(api, arn)["status"] == "Completed"
    assert key not in objects(api)


@pytest.mark.parametrize(
    ("output", "prefix"),
    [
        (f"s3://{BUCKET}", ""),
        (f"s3://{BUCKET}/", ""),
        (f"s3://{BUCKET}/a/b", "a/b/"),
        (f"s3://{BUCKET}/a/b/", "a/b/"),
    ],
)
def test_results_lie_under_the_output_location(
    api: Api, clock: Clock, output: str, prefix: str
) -> None:
    arn = create(api, outputDataConfig={"s3Uri": output})
    clock.advance(60)
    assert f"{prefix}model-customization-job-{arn[-12:]}/{STEPS}" in objects(api)


def test_validation_data_give_a_loss_and_a_file_of_their_own(api: Api, clock: Clock) -> None:
    two = {"validators": VALIDATORS["validators"] * 2}
    arn = create(api, validationDataConfig=two)
    clock.advance(60)
    ended = job(api, arn)
    losses = [item["validationLoss"] for item in ended["validationMetrics"]]
    assert len(losses) == 2
    file = rows(api, f"out/model-customization-job-{arn[-12:]}/{VALIDATION}")
    assert list(file[0]) == ["step_number", "epoch_number", "validation_loss", "perplexity"]
    assert [row["epoch_number"] for row in file] == ["0", "1"]
    assert float(file[-1]["validation_loss"]) == losses[0]


def test_a_job_of_very_many_steps_reports_a_thousand_of_them(api: Api, clock: Clock) -> None:
    upload(api, [{"prompt": "a", "completion": "b"}] * 500)
    arn = create_on_uploaded(
        api,
        baseModelIdentifier="amazon.titan-text-lite-v1:0:4k",
        hyperParameters={"epochCount": "10", "batchSize": "1"},
    )
    clock.advance(60)
    steps = rows(api, f"out/model-customization-job-{arn[-12:]}/{STEPS}")
    assert (len(steps), steps[-1]["step_number"]) == (1_000, "4999")


def test_a_custom_model_can_be_trained_further(api: Api, clock: Clock) -> None:
    create(api, "first", customModelName="one")
    early = request_body("early", baseModelIdentifier="one")
    refused = bedrock(api, "POST", "model-customization-jobs", early)
    assert bedrock_error(refused)[2] == "The provided model identifier is invalid."
    clock.advance(60)
    model = job(api, "first")["outputModelArn"]
    by_name = create(api, "second", baseModelIdentifier="one")
    by_arn = create(api, "third", baseModelIdentifier=model)
    foundation = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    assert [job(api, arn)["baseModelArn"] for arn in (by_name, by_arn)] == [foundation] * 2
