"""What becomes of a Fireworks job, by a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sandbox.gateway import (
    ACCOUNT,
    BASE,
    OK,
    PREFERENCE,
    SUPERVISED,
    chats,
    create,
    fireworks,
    good,
    job,
    refusal,
    send,
    state,
    states,
    upload,
)
from tests.sandbox.workbench import Api, Clock, preference

Start = Callable[..., Api]


def test_a_new_job_shows_its_request_in_full(bench: Api) -> None:
    created = good(create(bench, epochs=3, learningRate=2e-4, displayName="Support"))
    now = "2026-09-21T14:13:21.250000Z"
    assert created == {
        "name": f"{ACCOUNT}/{SUPERVISED}/job-1",
        "displayName": "Support",
        "createTime": now,
        "updateTime": now,
        "completedTime": None,
        "createdBy": "sandbox@example.com",
        "state": "JOB_STATE_CREATING",
        "status": OK,
        "dataset": f"{ACCOUNT}/datasets/train",
        "evaluationDataset": "",
        "evalAutoCarveout": False,
        "baseModel": BASE,
        "warmStartFrom": "",
        "outputModel": f"{ACCOUNT}/models/job-1",
        "epochs": 3,
        "learningRate": 2e-4,
        "learningRateWarmupSteps": 0,
        "lrScheduler": None,
        "loraRank": 8,
        "maxContextLength": 8192,
        "batchSize": 0,
        "batchSizeSamples": 0,
        "gradientAccumulationSteps": 0,
        "optimizerWeightDecay": 0.0,
        "samplerCheckpointSaveIntervalSteps": 0,
        "earlyStop": False,
        "isTurbo": False,
        "jinjaTemplate": "",
        "nodes": 0,
        "mtpEnabled": False,
        "mtpNumDraftTokens": 0,
        "mtpFreezeBaseModel": False,
        "region": "REGION_UNSPECIFIED",
        "purpose": "PURPOSE_UNSPECIFIED",
        "usePurpose": "",
        "useReservation": False,
        "reservationTarget": "",
        "rendererHuggingFaceRepoId": "",
        "wandbConfig": None,
        "awsS3Config": None,
        "azureBlobStorageConfig": None,
        "jobProgress": None,
        "estimatedCost": created["estimatedCost"],
        "metricsFileSignedUrl": "",
        "trainerLogsSignedUrl": "",
        "renderSamplesSignedUrl": "",
        "encryptionState": "ENCRYPTION_STATE_PLAINTEXT",
    }
    assert created == job(bench)
    cost = created["estimatedCost"]
    assert (cost["currencyCode"], cost["units"]) == ("USD", "0")
    assert 0 < cost["nanos"] < 1_000_000


def test_a_preference_job_has_its_training_in_a_section(api: Api) -> None:
    upload(api, [preference()] * 10)
    loss = {"method": "ORPO", "dpo": {"beta": 0.2}}
    created = good(create(api, kind=PREFERENCE, lossConfig=loss))
    assert created["name"] == f"{ACCOUNT}/{PREFERENCE}/job-1"
    assert created["lossConfig"] == {"method": "ORPO", "klBeta": None, "dpo": {"beta": 0.2}}
    training = created["trainingConfig"]
    assert (training["baseModel"], training["epochs"]) == (BASE, 1)
    assert training["outputModel"] == f"{ACCOUNT}/models/job-1"
    assert not {"baseModel", "epochs", "jobProgress", "metricsFileSignedUrl"} & set(created)
    assert states(api, 10, kind=PREFERENCE)[-1] == "COMPLETED"
    model = good(fireworks(api, "GET", "models/job-1"))
    assert model["fineTuningJob"] == created["name"]


def test_a_job_walks_through_every_state(bench: Api) -> None:
    create(bench)
    assert states(bench, 10) == ["CREATING", "PENDING", "VALIDATING", "RUNNING", "COMPLETED"]


def test_progress_is_null_until_there_is_some_and_then_grows(bench: Api, clock: Clock) -> None:
    create(bench, epochs=4)
    seen = []
    for _ in range(80):
        seen.append(job(bench)["jobProgress"])
        clock.advance(0.1)
    begun = seen.index(next(filter(None, seen)))
    assert begun > 10
    assert set(seen[begun]) == {
        *("percent", "epoch", "totalInputRequests", "totalProcessedRequests"),
        *("successfullyProcessedRequests", "failedRequests", "outputRows"),
        *("inputTokens", "outputTokens", "cachedInputTokenCount"),
    }
    percents = [progress["percent"] for progress in seen[begun:]]
    assert percents == sorted(percents)
    assert percents[0] < 10
    assert percents[-1] == 100
    assert sorted({progress["epoch"] for progress in seen[begun:]}) == [0, 1, 2, 3]


@pytest.mark.parametrize("wait", [0.0, 0.7, 1.5, 3.0])
def test_a_cancelled_job_is_cancelling_for_a_while(bench: Api, clock: Clock, wait: float) -> None:
    create(bench)
    clock.advance(wait)
    assert good(fireworks(bench, "POST", f"{SUPERVISED}/job-1:cancel", {})) == {}
    cancelling = job(bench)
    assert (cancelling["state"], cancelling["completedTime"]) == ("JOB_STATE_CANCELLING", None)
    clock.advance(1)
    cancelled = job(bench)
    assert (cancelled["state"], cancelled["status"]) == ("JOB_STATE_CANCELLED", OK)
    assert cancelled["completedTime"] == cancelled["updateTime"]
    clock.advance(60)
    assert job(bench) | {"metricsFileSignedUrl": ""} == cancelled | {"metricsFileSignedUrl": ""}
    assert refusal(fireworks(bench, "GET", "models/job-1"))[:2] == (404, 5)


def test_a_resumed_job_trains_on_from_where_it_stood(bench: Api, clock: Clock) -> None:
    create(bench)
    clock.advance(4)
    fireworks(bench, "POST", f"{SUPERVISED}/job-1:cancel", {})
    clock.advance(30)
    before = job(bench)["jobProgress"]["percent"]
    resumed = good(fireworks(bench, "POST", f"{SUPERVISED}/job-1:resume", {}))
    assert (resumed["state"], resumed["completedTime"]) == ("JOB_STATE_PENDING", None)
    assert resumed["jobProgress"]["percent"] == before > 40
    assert states(bench, 10) == ["PENDING", "VALIDATING", "RUNNING", "COMPLETED"]
    assert good(fireworks(bench, "GET", "models/job-1"))["state"] == "READY"


@pytest.mark.parametrize(
    ("wait", "verbs", "last", "message"),
    [
        (60, [], "cancel", "cannot cancel a job in state JOB_STATE_COMPLETED"),
        (60, [], "resume", "cannot resume a job in state JOB_STATE_COMPLETED"),
        (3, [], "resume", "cannot resume a job in state JOB_STATE_RUNNING"),
        (3, ["cancel"], "cancel", "cannot cancel a job in state JOB_STATE_CANCELLING"),
        (3, ["cancel"], "resume", "cannot resume a job in state JOB_STATE_CANCELLING"),
    ],
)
def test_cancel_and_resume_are_refused_where_they_make_no_sense(
    bench: Api, clock: Clock, wait: float, verbs: list[str], last: str, message: str
) -> None:
    create(bench)
    clock.advance(wait)
    for verb in verbs:
        good(fireworks(bench, "POST", f"{SUPERVISED}/job-1:{verb}", {}))
    refused = fireworks(bench, "POST", f"{SUPERVISED}/job-1:{last}", {})
    assert refusal(refused) == (400, 9, message)


def test_a_job_that_runs_is_cleaned_up_before_it_is_gone(bench: Api, clock: Clock) -> None:
    create(bench)
    clock.advance(3)
    assert good(fireworks(bench, "DELETE", f"{SUPERVISED}/job-1")) == {}
    assert state(bench) == "DELETING_CLEANING_UP"
    clock.advance(1)
    assert refusal(fireworks(bench, "GET", f"{SUPERVISED}/job-1"))[:2] == (404, 5)
    assert good(fireworks(bench, "GET", SUPERVISED))[SUPERVISED] == []
    assert create(bench).status_code == 200


def test_a_job_can_be_made_to_fail_and_be_resumed(start: Start) -> None:
    api = start("fireworks.create=fail-job,x1")
    upload(api, chats())
    create(api)
    assert states(api, 10) == ["CREATING", "PENDING", "VALIDATING", "RUNNING", "FAILED"]
    failed = job(api)
    assert failed["status"] == {"code": "INTERNAL", "message": "Internal error"}
    assert 40 < failed["jobProgress"]["percent"] < 60
    good(fireworks(api, "POST", f"{SUPERVISED}/job-1:resume", {}))
    assert job(api)["status"] == OK
    assert states(api, 10)[-1] == "COMPLETED"


def test_a_job_can_be_made_to_fail_with_any_code(start: Start, clock: Clock) -> None:
    api = start("create=fail-job:RESOURCE_EXHAUSTED")
    upload(api, chats())
    create(api)
    clock.advance(60)
    assert job(api)["status"]["code"] == "RESOURCE_EXHAUSTED"


def test_speed_divides_every_duration(start: Start, clock: Clock) -> None:
    api = start(speed=100)
    upload(api, chats())
    create(api)
    clock.advance(0.015)
    assert state(api) == "VALIDATING"
    clock.advance(0.1)
    assert state(api) == "COMPLETED"


def test_jobs_go_on_while_no_server_runs(start: Start, clock: Clock) -> None:
    first = start()
    upload(first, chats())
    create(first)
    first.http.close()
    clock.advance(60)
    again = start()
    assert state(again) == "COMPLETED"
    assert good(fireworks(again, "GET", "models/job-1"))["state"] == "READY"


def test_the_end_of_a_job_stays_where_it_was_seen(start: Start, clock: Clock) -> None:
    fast, slow = start(speed=1_000), start(speed=0.01)
    upload(fast, chats())
    create(fast)
    assert state(slow) == "CREATING"
    clock.advance(1)
    seen = job(fast)
    assert seen["state"] == "JOB_STATE_COMPLETED"
    assert job(slow)["completedTime"] == seen["completedTime"]


def test_two_servers_over_one_folder_are_one_sandbox(start: Start) -> None:
    left, right = start(), start()
    upload(left, chats())
    create(left)
    assert refusal(create(right))[:2] == (409, 6)
    assert job(right) == job(left) | {
        name: value for name, value in job(right).items() if name.endswith("SignedUrl")
    }


def test_a_dataset_that_is_missing_or_not_ready(api: Api) -> None:
    assert refusal(create(api)) == (404, 5, "resource not found")
    fireworks(
        api,
        "POST",
        "datasets",
        {"datasetId": "train", "dataset": {"userUploaded": {}, "exampleCount": "1"}},
    )
    not_ready = (400, 9, f"dataset {ACCOUNT}/datasets/train is not ready: UPLOADING")
    assert refusal(create(api)) == not_ready
    send(api, "train", b'{"messages": []}\n')
    assert refusal(create(api)) == not_ready
    assert api.created_jobs() == []
