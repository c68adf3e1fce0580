"""What a Fireworks job leaves: a model that outlives it, and a file of metrics that grows."""

from __future__ import annotations

import json
from typing import Any

import httpx

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
    upload,
)
from tests.sandbox.workbench import Api, Clock, preference


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
