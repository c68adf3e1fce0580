"""What becomes of a Bedrock job, by a clock that only the test moves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.amazon import (
    BUCKET,
    NOVA,
    bedrock,
    bedrock_error,
    conversation,
    create,
    create_on_uploaded,
    escaped,
    good,
    job,
    objects,
    request_body,
    upload,
)
from tests.sandbox.workbench import Api, Clock

Start = Callable[..., Api]

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
