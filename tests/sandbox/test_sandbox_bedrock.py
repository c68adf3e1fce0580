"""What becomes of a Bedrock job, by a clock that only the test moves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.sandbox.amazon import (
    BUCKET,
    NAMESPACE,
    NOVA,
    bedrock,
    bedrock_error,
    conversation,
    create,
    create_on_uploaded,
    escaped,
    good,
    job,
    request_body,
    s3,
    signed,
    upload,
    xml,
)
from tests.sandbox.workbench import Api, Clock

Start = Callable[..., Api]
STEPS = "training_artifacts/step_wise_training_metrics.csv"
VALIDATION = "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
VALIDATORS = {"validators": [{"s3Uri": f"s3://{BUCKET}/train.jsonl"}]}


def objects(api: Api) -> list[str]:
    """The keys of everything in the bucket."""
    listed = xml(s3(api, "GET", f"{BUCKET}?list-type=2"))
    return [item.text or "" for item in listed.iter(f"{NAMESPACE}Key")]


def rows(api: Api, key: str) -> list[dict[str, str]]:
    """The rows of a CSV file in the bucket."""
    return list(csv.DictReader(io.StringIO(s3(api, "GET", f"{BUCKET}/{key}").text)))


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, (403, "MissingAuthenticationTokenException", "Missing Authentication Token")),
        (
            {"authorization": "Bearer test"},
            (
                403,
                "IncompleteSignatureException",
                "The Authorization header does not have the form of a signature.",
            ),
        ),
        (
            signed("s3"),
            (
                403,
                "InvalidSignatureException",
                "Credential should be scoped to correct service: 'bedrock'.",
            ),
        ),
        (
            signed("bedrock", key="invalid"),
            (
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
        ),
    ],
    ids=["no signature", "a bearer token", "for another service", "the invalid key"],
)
def test_nobody_enters_without_a_signature(
    shared: Api, headers: dict[str, str], error: tuple[int, str, str]
) -> None:
    reply = httpx.get(f"{shared.url}/model-customization-jobs", headers=headers, trust_env=False)
    assert bedrock_error(reply) == error


VPC = {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}


def test_a_new_job_shows_what_was_asked_for_and_no_model(api: Api) -> None:
    arn = create(api, customModelKmsKeyId="alias/key", vpcConfig=VPC)
    created = "2026-09-21T14:13:20.250000Z"
    key = job(api, arn)["outputModelKmsKeyArn"]
    assert re.fullmatch(r"arn:aws:kms:us-east-1:000000000000:key/[0-9a-f-]{36}", key)
    assert job(api, arn) == {
        "jobArn": arn,
        "jobName": "job-1",
        "outputModelName": "model-job-1",
        "clientRequestToken": "token-job-1",
        "roleArn": "arn:aws:iam::000000000000:role/training",
        "status": "InProgress",
        "creationTime": created,
        "lastModifiedTime": created,
        "baseModelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
        "hyperParameters": {
            "epochCount": "2",
            "learningRate": "1.0E-5",
            "learningRateWarmupSteps": "10",
        },
        "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/train.jsonl"},
        "validationDataConfig": {"validators": []},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out/"},
        "customizationType": "FINE_TUNING",
        "outputModelKmsKeyArn": key,
        "vpcConfig": VPC,
    }


def test_an_arn_ends_in_twelve_characters_and_never_in_the_name(api: Api) -> None:
    arns = [create(api, name) for name in ("a", "job-1", "a-very-long-name-of-a-job")]
    pattern = (
        rf"arn:aws:bedrock:us-east-1:000000000000:model-customization-job/{NOVA}/[a-z0-9]{{12}}"
    )
    assert all(re.fullmatch(pattern, arn) for arn in arns)
    assert len({arn[-12:] for arn in arns}) == 3


def test_a_job_is_found_by_its_name_and_by_its_arn(api: Api) -> None:
    arn = create(api)
    assert job(api, "job-1") == job(api, arn)


def test_a_job_completes(api: Api, clock: Clock) -> None:
    arn = create(api)
    seen = []
    for _ in range(100):
        status = job(api, arn)["status"]
        if status not in seen:
            seen.append(status)
        clock.advance(0.1)
    assert seen == ["InProgress", "Completed"]
    ended = job(api, arn)
    assert ended["lastModifiedTime"] == ended["endTime"]
    assert ended["creationTime"] < ended["endTime"] < "2026-09-21T14:13:31"


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


def test_a_stopped_job_is_stopping_for_a_while_and_leaves_no_model(api: Api, clock: Clock) -> None:
    arn = create(api)
    clock.advance(3)
    assert good(bedrock(api, "POST", f"model-customization-jobs/{escaped(arn)}/stop")) == {}
    stopping = job(api, arn)
    assert (stopping["status"], "endTime" in stopping) == ("Stopping", False)
    assert stopping["lastModifiedTime"] == "2026-09-21T14:13:23.250000Z"
    clock.advance(2)
    stopped = job(api, arn)
    assert (stopped["status"], stopped["endTime"]) == ("Stopped", "2026-09-21T14:13:24.750000Z")
    clock.advance(60)
    assert job(api, arn) == stopped
    assert "outputModelArn" not in stopped
    assert objects(api) == ["train.jsonl"]
    missing = bedrock(api, "GET", "custom-models/model-job-1")
    assert bedrock_error(missing)[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("wait", "stop_first", "status"),
    [(60, False, "Completed"), (0.5, True, "Stopping"), (60, True, "Stopped")],
)
def test_only_a_job_in_progress_can_be_stopped(
    api: Api, clock: Clock, wait: float, stop_first: bool, status: str
) -> None:
    arn = create(api)
    if stop_first:
        bedrock(api, "POST", "model-customization-jobs/job-1/stop")
    clock.advance(wait)
    reply = bedrock(api, "POST", "model-customization-jobs/job-1/stop")
    message = f"The job {arn} cannot be stopped because its status is {status}."
    assert bedrock_error(reply) == (400, "ConflictException", message)
    assert job(api, arn)["status"] == status


def test_a_name_is_burned_for_good(api: Api, clock: Clock) -> None:
    create(api)
    in_use = (400, "ValidationException", "The provided job name is currently in use.")
    for _ in range(2):
        body = request_body(clientRequestToken="other", customModelName="other")
        assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
        clock.advance(60)
    for token in (None, "other"):
        body = request_body(clientRequestToken=token)
        assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    assert bedrock(api, "DELETE", "model-customization-jobs/job-1").status_code == 404


def test_the_same_token_makes_no_second_job(api: Api, clock: Clock) -> None:
    arn = create(api)
    assert create(api) == arn
    other = request_body("job-2", clientRequestToken="token-job-1")
    assert good(bedrock(api, "POST", "model-customization-jobs", other))["jobArn"] == arn
    clock.advance(60)
    s3(api, "DELETE", f"{BUCKET}/train.jsonl")
    assert create_on_uploaded(api) == arn
    assert len(api.created_jobs()) == 1
    listed = good(bedrock(api, "GET", "model-customization-jobs"))
    assert len(listed["modelCustomizationJobSummaries"]) == 1


def test_a_job_without_a_token_is_a_new_one_each_time(api: Api) -> None:
    create(api, "job-1", clientRequestToken=None)
    create(api, "job-2", clientRequestToken=None)
    assert "clientRequestToken" not in job(api, "job-1")
    assert len(api.created_jobs()) == 2


def test_a_models_name_is_taken_from_the_first_job_on(api: Api, clock: Clock) -> None:
    create(api, "first", customModelName="model")
    body = request_body("second", customModelName="model")
    in_use = (400, "ValidationException", "The provided custom model name is currently in use.")
    assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    clock.advance(60)
    assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    assert good(bedrock(api, "DELETE", "custom-models/model")) == {}
    assert bedrock(api, "POST", "model-customization-jobs", body).status_code == 201


def test_the_name_of_a_model_that_never_came_is_free(api: Api, clock: Clock) -> None:
    create(api, "first", customModelName="model")
    bedrock(api, "POST", "model-customization-jobs/first/stop")
    clock.advance(5)
    create(api, "second", customModelName="model")
    clock.advance(60)
    assert good(bedrock(api, "GET", "custom-models/model"))["jobName"] == "second"


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


def test_details_are_told_of_distillations_only(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 100)
    teacher = {"teacherModelConfig": {"teacherModelIdentifier": "amazon.nova-pro-v1:0"}}
    arn = create_on_uploaded(
        api,
        customizationType="DISTILLATION",
        customizationConfig={"distillationConfig": teacher},
    )
    seen: list[tuple[str, ...]] = []
    for _ in range(80):
        details = job(api, arn)["statusDetails"]
        names = ("validationDetails", "dataProcessingDetails", "trainingDetails")
        statuses = tuple(details[name]["status"] for name in names)
        if statuses not in seen:
            seen.append(statuses)
        clock.advance(0.1)
    assert seen == [
        ("InProgress", "NotStarted", "NotStarted"),
        ("Completed", "InProgress", "NotStarted"),
        ("Completed", "Completed", "InProgress"),
        ("Completed", "Completed", "Completed"),
    ]
    assert job(api, arn)["customizationConfig"] == {"distillationConfig": teacher}
    assert "statusDetails" not in job(api, create(api, "plain"))


def test_a_stopped_distillation_says_which_part_was_stopped(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 100)
    teacher = {"teacherModelConfig": {"teacherModelIdentifier": "amazon.nova-pro-v1:0"}}
    create_on_uploaded(
        api,
        customizationType="DISTILLATION",
        customizationConfig={"distillationConfig": teacher},
    )
    clock.advance(2)
    bedrock(api, "POST", "model-customization-jobs/job-1/stop")
    told = []
    for wait in (0, 5):
        clock.advance(wait)
        details = job(api, "job-1")["statusDetails"]
        told.append([detail["status"] for detail in details.values()])
    assert told == [
        ["Completed", "Stopping", "NotStarted"],
        ["Completed", "Stopped", "NotStarted"],
    ]


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("model-customization-jobs/nothing", "GET"),
        ("model-customization-jobs/nothing/stop", "POST"),
        ("custom-models/nothing", "GET"),
        ("custom-models/nothing", "DELETE"),
        ("foundation-models/acme.nothing-v1:0", "GET"),
    ],
)
def test_what_is_not_there(shared: Api, path: str, method: str) -> None:
    assert bedrock_error(bedrock(shared, method, path))[:2] == (404, "ResourceNotFoundException")


def test_an_identifier_that_cannot_be_one(shared: Api) -> None:
    reply = bedrock(shared, "GET", "model-customization-jobs/no%20name")
    status, name, message = bedrock_error(reply)
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("1 validation error detected: Value 'no name' at 'jobIdentifier'")


def test_an_identifier_of_a_thousand_hyphens_takes_no_time(shared: Api) -> None:
    reply = bedrock(shared, "GET", "model-customization-jobs/" + "a" + "-" * 1_000 + "!")
    assert bedrock_error(reply)[1] == "ValidationException"


def test_an_arn_must_be_encoded_once_in_a_path(api: Api) -> None:
    arn = create(api)
    bare = bedrock(api, "GET", f"model-customization-jobs/{arn}")
    assert bare.headers["x-amzn-errortype"].startswith("UnknownOperationException:")
    twice = bedrock(api, "GET", f"model-customization-jobs/{escaped(arn).replace('%', '%25')}")
    assert bedrock_error(twice)[:2] == (400, "ValidationException")


def test_regions_are_kept_apart(api: Api) -> None:
    here = create(api)
    upload(api, [conversation()] * 20)
    body = request_body()
    there = good(bedrock(api, "POST", "model-customization-jobs", body, region="us-west-2"))
    assert there["jobArn"].startswith("arn:aws:bedrock:us-west-2:")
    path = f"model-customization-jobs/{escaped(here)}"
    elsewhere = bedrock(api, "GET", path, region="us-west-2")
    assert bedrock_error(elsewhere)[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "model-customization-jobs"), ("GET", "model-import-jobs"), ("POST", "")],
)
def test_what_the_sandbox_has_not_is_no_operation(shared: Api, method: str, path: str) -> None:
    reply = bedrock(shared, method, path)
    assert reply.status_code == 404
    assert reply.headers["x-amzn-errortype"].startswith("UnknownOperationException:")


def test_every_reply_can_be_asked_about(api: Api) -> None:
    arn = create(api)
    reply = bedrock(api, "GET", "model-customization-jobs/job-1")
    lines = api.journal()
    assert lines[-1]["request_id"] == reply.headers["x-amzn-requestid"]
    assert {name: lines[-2][name] for name in ("operation", "job", "model", "training_file")} == {
        "operation": "bedrock.create",
        "job": arn,
        "model": NOVA,
        "training_file": f"s3://{BUCKET}/train.jsonl",
    }


def test_speed_divides_every_duration(start: Start, clock: Clock) -> None:
    api = start(speed=100)
    arn = create(api)
    clock.advance(0.05)
    assert job(api, arn)["status"] == "InProgress"
    clock.advance(0.05)
    assert job(api, arn)["status"] == "Completed"


def test_jobs_go_on_while_no_server_runs(start: Start, clock: Clock) -> None:
    first = start()
    arn = create(first)
    first.http.close()
    clock.advance(60)
    again = start()
    assert job(again, arn)["status"] == "Completed"
    assert len(objects(again)) == 2


def test_the_end_of_a_job_stays_where_it_was_seen(start: Start, clock: Clock) -> None:
    fast, slow = start(speed=1_000), start(speed=0.01)
    arn = create(fast)
    assert job(slow, arn)["status"] == "InProgress"
    clock.advance(1)
    seen = job(fast, arn)
    assert seen["status"] == "Completed"
    assert job(slow, arn) == seen


def test_two_servers_over_one_folder_are_one_sandbox(start: Start) -> None:
    left, right = start(), start()
    arn = create(left)
    assert create(right) == arn
    body = request_body(clientRequestToken="other")
    refused = bedrock(right, "POST", "model-customization-jobs", body)
    assert bedrock_error(refused)[2] == "The provided job name is currently in use."


def test_a_list_shows_jobs_newest_first_and_little_of_them(api: Api, clock: Clock) -> None:
    arns: list[str] = []
    for number in range(3):
        arns.append(create(api, f"job-{number}"))
        clock.advance(60)
    listed = good(bedrock(api, "GET", "model-customization-jobs"))
    summaries: list[dict[str, Any]] = listed["modelCustomizationJobSummaries"]
    assert [summary["jobArn"] for summary in summaries] == list(reversed(arns))
    assert set(summaries[0]) == {
        *("jobArn", "jobName", "baseModelArn", "status", "creationTime", "lastModifiedTime"),
        *("endTime", "customModelArn", "customModelName", "customizationType"),
    }
    assert summaries[0]["customModelArn"] == job(api, arns[2])["outputModelArn"]
