"""What becomes of a Fireworks job, by a clock that only the test moves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
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
    send,
    state,
    states,
    upload,
)
from tests.sandbox.workbench import Api, Clock, preference

Start = Callable[..., Api]
OK = {"code": "OK", "message": ""}


@pytest.fixture
def bench(api: Api) -> Api:
    """A sandbox with a dozen chats to train on."""
    upload(api, chats())
    return api


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "k"}])
@pytest.mark.parametrize("path", ["accounts", "accounts/sandbox/datasets", "accounts/x/nowhere"])
def test_nobody_enters_without_a_key(shared: Api, headers: dict[str, str], path: str) -> None:
    reply = httpx.get(f"{shared.url}/v1/{path}", headers=headers, trust_env=False)
    assert refusal(reply) == (401, 16, "missing or malformed authorization header")


def test_one_key_is_known_to_be_wrong_and_refused_as_it_was_seen(shared: Api) -> None:
    headers = {"authorization": "Bearer invalid"}
    reply = httpx.get(f"{shared.url}/v1/accounts", headers=headers, trust_env=False)
    error = {
        "message": "The API key you provided is invalid.",
        "param": None,
        "code": "UNAUTHORIZED",
        "type": "error",
    }
    assert (reply.status_code, reply.json()) == (403, {"error": error})


def test_a_key_opens_one_account(shared: Api) -> None:
    listed = good(shared.http.get(f"{shared.url}/v1/accounts"))
    assert [account["name"] for account in listed["accounts"]] == [ACCOUNT]
    assert (listed["nextPageToken"], listed["totalSize"]) == ("", 1)
    account = good(shared.http.get(f"{shared.url}/v1/{ACCOUNT}"))
    assert (account, account["state"]) == (listed["accounts"][0], "READY")
    for path in ("accounts/other", "accounts/other/datasets", "accounts/fireworks/datasets"):
        assert refusal(shared.http.get(f"{shared.url}/v1/{path}")) == (403, 7, "")


def test_a_path_that_does_not_exist(shared: Api) -> None:
    assert refusal(fireworks(shared, "GET", "nowhere")) == (404, 5, "Not Found")
    assert refusal(fireworks(shared, "PUT", "datasets")) == (405, 12, "Method Not Allowed")
    assert refusal(fireworks(shared, "GET", "datasets/none")) == (404, 5, "resource not found")


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


def test_the_model_is_there_once_the_job_has_completed(bench: Api, clock: Clock) -> None:
    create(bench, outputModel="support", loraRank=16, displayName="Support")
    assert refusal(fireworks(bench, "GET", "models/support")) == (404, 5, "resource not found")
    assert good(fireworks(bench, "GET", "models"))["models"] == []
    clock.advance(60)
    ended = job(bench)
    assert ended["outputModel"] == f"{ACCOUNT}/models/support"
    model = good(fireworks(bench, "GET", "models/support"))
    assert (model["name"], model["state"], model["status"]) == (ended["outputModel"], "READY", OK)
    assert (model["kind"], model["public"], model["tunable"]) == ("HF_PEFT_ADDON", False, False)
    assert model["createTime"] == ended["completedTime"] == ended["updateTime"]
    assert (model["fineTuningJob"], model["displayName"]) == (ended["name"], "Support")
    assert (model["peftDetails"]["baseModel"], model["peftDetails"]["r"]) == (BASE, 16)
    assert good(fireworks(bench, "GET", "models"))["models"] == [model]


def test_a_model_may_be_named_in_full(bench: Api) -> None:
    name = f"{ACCOUNT}/models/support"
    assert good(create(bench, outputModel=name))["outputModel"] == name


def test_a_job_without_an_id_gets_one(bench: Api) -> None:
    names = [good(create(bench, name=None))["name"] for _ in range(3)]
    assert len(set(names)) == 3
    assert all(re.fullmatch(rf"{ACCOUNT}/{SUPERVISED}/[a-z][a-z0-9]{{7}}", name) for name in names)


def test_the_same_id_makes_no_second_job(bench: Api) -> None:
    first = good(create(bench))
    taken = (409, 6, "resource already exists")
    assert refusal(create(bench)) == refusal(create(bench, outputModel="other")) == taken
    assert bench.created_jobs() == [first["name"]]
    upload(bench, [preference()] * 10, name="pairs")
    dataset = f"{ACCOUNT}/datasets/pairs"
    training = {"baseModel": BASE, "outputModel": "other"}
    other = create(bench, kind=PREFERENCE, dataset=dataset, trainingConfig=training)
    assert good(other)["name"] == f"{ACCOUNT}/{PREFERENCE}/job-1"


def test_a_model_is_made_by_one_job(bench: Api, clock: Clock) -> None:
    create(bench, "job-1", outputModel="support")
    message = f"model {ACCOUNT}/models/support already exists"
    assert refusal(create(bench, "job-2", outputModel="support")) == (400, 3, message)
    clock.advance(60)
    assert refusal(create(bench, "job-2", outputModel="support")) == (400, 3, message)
    assert good(fireworks(bench, "DELETE", "models/support")) == {}
    assert refusal(fireworks(bench, "DELETE", "models/support"))[:2] == (404, 5)
    assert state(bench) == "COMPLETED"
    assert create(bench, "job-2", outputModel="support").status_code == 200


def test_the_name_of_a_model_that_never_came_is_free(bench: Api, clock: Clock) -> None:
    create(bench, "job-1", outputModel="support")
    fireworks(bench, "POST", f"{SUPERVISED}/job-1:cancel", {})
    clock.advance(5)
    assert create(bench, "job-2", outputModel="support").status_code == 200


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


@pytest.mark.parametrize("kind", [SUPERVISED, PREFERENCE])
@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", ":cancel"),
        ("POST", ":resume"),
        ("GET", ":getMetricsFileEndpoint"),
    ],
)
def test_an_unknown_job_is_not_found(shared: Api, kind: str, method: str, verb: str) -> None:
    reply = fireworks(shared, method, f"{kind}/nothing{verb}")
    assert refusal(reply) == (404, 5, "resource not found")


def test_a_job_that_runs_is_cleaned_up_before_it_is_gone(bench: Api, clock: Clock) -> None:
    create(bench)
    clock.advance(3)
    assert good(fireworks(bench, "DELETE", f"{SUPERVISED}/job-1")) == {}
    assert state(bench) == "DELETING_CLEANING_UP"
    clock.advance(1)
    assert refusal(fireworks(bench, "GET", f"{SUPERVISED}/job-1"))[:2] == (404, 5)
    assert good(fireworks(bench, "GET", SUPERVISED))[SUPERVISED] == []
    assert create(bench).status_code == 200


def test_the_model_of_a_deleted_job_stays(bench: Api, clock: Clock) -> None:
    create(bench)
    clock.advance(60)
    model = good(fireworks(bench, "GET", "models/job-1"))
    assert good(fireworks(bench, "DELETE", f"{SUPERVISED}/job-1")) == {}
    assert refusal(fireworks(bench, "GET", f"{SUPERVISED}/job-1"))[:2] == (404, 5)
    assert good(fireworks(bench, "GET", "models/job-1")) == model
    assert refusal(create(bench))[:2] == (400, 3)
    assert create(bench, outputModel="another").status_code == 200


def test_training_goes_on_from_an_adapter(bench: Api, clock: Clock) -> None:
    create(bench, "first")
    changes: dict[str, Any] = {"baseModel": None, "warmStartFrom": f"{ACCOUNT}/models/first"}
    early = create(bench, "second", **changes)
    assert refusal(early) == (404, 5, f"model {ACCOUNT}/models/first not found")
    clock.advance(60)
    second = good(create(bench, "second", **changes))
    assert (second["baseModel"], second["warmStartFrom"]) == ("", f"{ACCOUNT}/models/first")
    clock.advance(60)
    model = good(fireworks(bench, "GET", "models/second"))
    assert model["peftDetails"]["baseModel"] == BASE


def test_the_metrics_file_grows_with_the_training(bench: Api, clock: Clock) -> None:
    upload(bench, chats(3), name="valid")
    create(bench, epochs=2, batchSizeSamples=4, evaluationDataset=f"{ACCOUNT}/datasets/valid")
    clock.advance(4)
    partial = httpx.get(job(bench)["metricsFileSignedUrl"], trust_env=False).text.splitlines()
    clock.advance(60)
    whole = httpx.get(job(bench)["metricsFileSignedUrl"], trust_env=False).text.splitlines()
    assert 0 < len(partial) < len(whole) == 6
    assert whole[: len(partial)] == partial
    points = [json.loads(line) for line in whole]
    assert [point["step"] for point in points] == [point["train/step"] for point in points]
    assert [point["train/epoch"] for point in points] == [0, 0, 0, 1, 1, 1]
    assert ["eval/loss" in point for point in points] == [False, False, True] * 2
    assert points[-1]["train/loss"] < points[0]["train/loss"]
    assert {point["train/lr"] for point in points} == {1e-4}


def test_a_preference_jobs_metrics_are_asked_for(api: Api, clock: Clock) -> None:
    upload(api, [preference()] * 10)
    create(api, kind=PREFERENCE)
    path = f"{PREFERENCE}/job-1:getMetricsFileEndpoint"
    assert refusal(fireworks(api, "GET", path)) == (404, 5, "resource not found")
    clock.advance(60)
    address = good(fireworks(api, "GET", path))["signedUrl"]
    assert httpx.get(address, trust_env=False).text.count("\n") == 2


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


def test_base_models_are_everyones_to_see(shared: Api) -> None:
    public = f"{shared.url}/v1/accounts/fireworks/models"
    listed = good(shared.http.get(public, params={"pageSize": 200}))["models"]
    assert {model["kind"] for model in listed} == {"HF_BASE_MODEL"}
    shown = good(shared.http.get(f"{public}/qwen3-8b"))
    assert shown in listed
    assert (shown["name"], shown["public"], shown["tunable"]) == (BASE, True, True)
    assert refusal(shared.http.get(f"{public}/nothing")) == (404, 5, "resource not found")
    assert refusal(shared.http.delete(f"{public}/qwen3-8b")) == (403, 7, "")


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


def test_the_journal_tells_of_jobs_and_of_no_secret(bench: Api, clock: Clock) -> None:
    wandb = {"enabled": True, "apiKey": "secret-key", "project": "p"}
    created = good(create(bench, wandbConfig=wandb))
    assert created["wandbConfig"] == {"enabled": True, "project": "p"}
    clock.advance(60)
    address = job(bench)["metricsFileSignedUrl"]
    assert httpx.get(address, trust_env=False).status_code == 200
    lines = bench.journal()
    made = next(line for line in lines if "job" in line)
    assert {name: made[name] for name in ("operation", "job", "model", "training_file")} == {
        "operation": "fireworks.create",
        "job": created["name"],
        "model": BASE,
        "training_file": f"{ACCOUNT}/datasets/train",
    }
    assert (lines[-1]["operation"], lines[-1]["query"]) == ("fireworks.content", "signed")
    kept = b"".join(path.read_bytes() for path in bench.data_dir.rglob("*") if path.is_file())
    assert b"secret-key" not in kept
    assert address.rpartition("=")[2].encode() not in kept


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
