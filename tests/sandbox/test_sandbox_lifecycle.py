"""What becomes of a job, by a clock that only the test moves."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.workbench import MODEL, Api, Clock, chat_file, jsonl, preference, refusal, task

Start = Callable[..., Api]

GRADER = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "operation": "eq",
}


def test_a_job_walks_through_every_status(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    seen = []
    for _ in range(100):
        status = api.job(job_id)["status"]
        if status not in seen:
            seen.append(status)
        clock.advance(0.1)
    assert seen == ["validating_files", "queued", "running", "succeeded"]


def test_a_new_job_is_complete_but_for_what_is_not_known_yet(api: Api, clock: Clock) -> None:
    job = api.create(suffix="support", seed=42, metadata={"owner": "support"})
    assert job.pop("id").startswith("ftjob-")
    assert job.pop("training_file").startswith("file-")
    undecided = {"batch_size": "auto", "learning_rate_multiplier": "auto", "n_epochs": "auto"}
    assert job == {
        "object": "fine_tuning.job",
        "model": MODEL,
        "created_at": int(clock.now),
        "finished_at": None,
        "fine_tuned_model": None,
        "organization_id": "org-sandbox",
        "result_files": [],
        "status": "validating_files",
        "validation_file": None,
        "hyperparameters": undecided,
        "method": {"type": "supervised", "supervised": {"hyperparameters": undecided}},
        "trained_tokens": None,
        "error": {"code": None, "message": None, "param": None},
        "seed": 42,
        "estimated_finish": None,
        "integrations": [],
        "metadata": {"owner": "support"},
        "user_provided_suffix": "support",
        "usage_metrics": None,
        "shared_with_openai": False,
    }


def test_a_succeeded_job_names_its_model_its_tokens_and_its_results(api: Api, clock: Clock) -> None:
    created = api.create(suffix="support", method=_supervised(n_epochs=3))
    clock.advance(60)
    job = api.job(created["id"])
    assert job["status"] == "succeeded"
    assert created["created_at"] < job["finished_at"] < clock.now
    prefix, base, organization, suffix, code = job["fine_tuned_model"].split(":")
    assert (prefix, base, organization, suffix) == ("ft", MODEL, "sandbox", "support")
    assert len(code) == 8
    # 12 examples of "Question N?" or "Question NN?" and "Nothing at all.", four bytes a token
    assert job["trained_tokens"] == 12 * 6 * 3
    assert len(job["result_files"]) == 1


def test_a_model_without_a_suffix_has_an_empty_place_in_its_name(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(60)
    assert api.job(job_id)["fine_tuned_model"].startswith(f"ft:{MODEL}:sandbox::")


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [
        pytest.param(10, 10, id="few examples, more epochs, as a real job of ten got"),
        pytest.param(40, 3, id="three by default"),
        pytest.param(9_000, 2, id="many examples, fewer epochs"),
    ],
)
def test_auto_becomes_numbers_once_the_files_are_validated(
    api: Api, clock: Clock, examples: int, epochs: int
) -> None:
    job_id = api.create(chat_file(examples))["id"]
    assert api.job(job_id)["hyperparameters"]["n_epochs"] == "auto"
    clock.advance(2)
    job = api.job(job_id)
    assert job["status"] == "queued"
    assert job["hyperparameters"]["n_epochs"] == epochs
    assert job["hyperparameters"] == job["method"]["supervised"]["hyperparameters"]
    assert isinstance(job["hyperparameters"]["batch_size"], int)
    assert isinstance(job["hyperparameters"]["learning_rate_multiplier"], float)


def test_what_the_request_decided_stays(api: Api, clock: Clock) -> None:
    decided = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    job_id = api.create(hyperparameters=decided)["id"]
    clock.advance(60)
    assert api.job(job_id)["hyperparameters"] == decided


def test_a_preference_job_says_its_hyperparameters_in_the_method_only(
    api: Api, clock: Clock
) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2}}}
    job_id = api.create(jsonl([preference()] * 10), method=method)["id"]
    clock.advance(60)
    job = api.job(job_id)
    assert job["status"] == "succeeded"
    assert job["hyperparameters"] is None
    assert job["method"]["dpo"]["hyperparameters"]["beta"] == 0.2
    assert job["method"]["dpo"]["hyperparameters"]["n_epochs"] == 10


def test_a_reinforcement_job_learns_by_reward(api: Api, clock: Clock) -> None:
    job = _reinforcement(api)
    clock.advance(60)
    job = api.job(job["id"])
    assert job["status"] == "succeeded"
    assert job["hyperparameters"] is None
    section = job["method"]["reinforcement"]
    assert section["grader"] == GRADER
    assert section["response_format"] is None
    assert section["hyperparameters"]["reasoning_effort"] == "default"
    assert section["hyperparameters"]["compute_multiplier"] == 1.0
    rows = _results(api, job)
    assert list(rows[0]) == ["step", "train_mean_reward", "full_valid_mean_reward"]
    assert float(rows[-1]["train_mean_reward"]) > float(rows[0]["train_mean_reward"])


def test_a_seed_is_made_up_where_none_was_given(api: Api) -> None:
    seeds = {api.create()["seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert all(0 <= seed <= 2_147_483_647 for seed in seeds)


def test_events_tell_the_whole_story_in_order(api: Api, clock: Clock) -> None:
    valid = api.upload(chat_file(3))
    job = api.create(validation_file=valid, method=_supervised(n_epochs=2, batch_size=4))
    clock.advance(60)
    model = api.job(job["id"])["fine_tuned_model"]
    told = api.messages(job["id"])
    steps = [message for message in told if message.startswith("Step ")]
    assert [message for message in told if not message.startswith("Step ")] == [
        f"Created fine-tuning job: {job['id']}",
        f"Validating training file: {job['training_file']} and validation file: {valid}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Checkpoint created at step 3",
        f"New fine-tuned model created: {model}",
        "Fine tuning job successfully completed",
    ]
    assert [message.split(":")[0] for message in steps] == [f"Step {n}/6" for n in range(1, 7)]
    assert "training loss=" in steps[0]
    assert "full validation loss=" in steps[-1]


def test_events_appear_as_training_goes_on_and_never_change(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    before: list[Any] = []
    for _ in range(20):
        clock.advance(0.5)
        now = api.get(f"/fine_tuning/jobs/{job_id}/events?limit=100")["data"]
        assert all(event["created_at"] <= clock.now for event in now)
        if len(now) < 100:
            assert now[len(now) - len(before) :] == before
            before = now
    assert len(before) > 10


def test_metrics_carry_numbers(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(60)
    events = api.get(f"/fine_tuning/jobs/{job_id}/events?limit=100")["data"]
    metrics = [event["data"] for event in events if event["type"] == "metrics"]
    assert metrics[0]["step"] == metrics[0]["total_steps"]
    assert metrics[-1]["train_loss"] > metrics[0]["train_loss"] > 0
    assert {event["type"] for event in events} == {"metrics", "message"}
    assert len({event["id"] for event in events}) == len(events)


def test_checkpoints_are_those_of_the_last_three_epochs(api: Api, clock: Clock) -> None:
    job_id = api.create(method=_supervised(n_epochs=5, batch_size=1))["id"]
    assert api.get(f"/fine_tuning/jobs/{job_id}/checkpoints")["data"] == []
    clock.advance(60)
    listed = api.get(f"/fine_tuning/jobs/{job_id}/checkpoints")
    assert [item["step_number"] for item in listed["data"]] == [60, 48, 36]
    model = api.job(job_id)["fine_tuned_model"]
    assert [item["fine_tuned_model_checkpoint"] for item in listed["data"]] == [
        model,
        f"{model}:ckpt-step-48",
        f"{model}:ckpt-step-36",
    ]
    assert listed["first_id"] == listed["data"][0]["id"]
    assert listed["last_id"] == listed["data"][-1]["id"]
    assert {item["fine_tuning_job_id"] for item in listed["data"]} == {job_id}


def test_the_result_file_is_csv_in_base64(api: Api, clock: Clock) -> None:
    valid = api.upload(chat_file(3))
    created = api.create(validation_file=valid, method=_supervised(n_epochs=5, batch_size=1))
    clock.advance(60)
    job = api.job(created["id"])
    rows = _results(api, job)
    assert [int(row["step"]) for row in rows] == list(range(1, 61))
    assert list(rows[0]) == [
        "step",
        "train_loss",
        "train_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
    ]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    assert rows[0]["valid_loss"] == ""
    assert rows[-1]["valid_loss"] != ""
    record = api.get(f"/files/{job['result_files'][0]}")
    assert (record["purpose"], record["created_at"]) == ("fine-tune-results", job["finished_at"])


def test_a_job_of_very_many_steps_reports_a_thousand_of_them(api: Api, clock: Clock) -> None:
    created = api.create(chat_file(1_000), method=_supervised(n_epochs=50, batch_size=1))
    clock.advance(60)
    rows = _results(api, api.job(created["id"]))
    assert len(rows) == 1_000
    assert int(rows[-1]["step"]) == 50_000


def test_a_result_file_is_there_before_anybody_looked_at_the_job(api: Api, clock: Clock) -> None:
    api.create()
    clock.advance(60)
    listed = api.get("/files?purpose=fine-tune-results")["data"]
    assert len(listed) == 1
    other = api.create()["id"]
    clock.advance(60)
    result = api.job(other)["result_files"][0]
    assert result in {file["id"] for file in api.get("/files")["data"]}


def test_a_deleted_result_file_does_not_come_back(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(60)
    result = api.job(job_id)["result_files"][0]
    assert api.request("DELETE", f"/files/{result}").json()["deleted"] is True
    assert api.job(job_id)["result_files"] == [result]
    assert api.request("GET", f"/files/{result}").status_code == 404


def test_speed_divides_every_duration(start: Start, clock: Clock) -> None:
    api = start(speed=100)
    job_id = api.create()["id"]
    clock.advance(0.02)
    assert api.job(job_id)["status"] == "queued"
    clock.advance(0.1)
    assert api.job(job_id)["status"] == "succeeded"


def test_jobs_go_on_while_no_server_runs(start: Start, clock: Clock) -> None:
    first = start()
    job_id = first.create()["id"]
    first.http.close()
    clock.advance(60)
    assert start().job(job_id)["status"] == "succeeded"


def test_the_end_of_a_job_stays_where_it_was_seen(start: Start, clock: Clock) -> None:
    fast, slow = start(speed=1_000), start(speed=0.01)
    job_id = fast.create()["id"]
    assert slow.job(job_id)["status"] == "validating_files"
    clock.advance(1)
    seen = fast.job(job_id)
    assert seen["status"] == "succeeded"
    assert slow.job(job_id) == seen


def test_two_servers_over_one_folder_are_one_sandbox(start: Start, clock: Clock) -> None:
    left, right = start(), start()
    jobs = [api.create()["id"] for api in (left, right, left, right)]
    listed = [job["id"] for job in right.get("/fine_tuning/jobs")["data"]]
    assert listed == list(reversed(jobs))
    clock.advance(4)
    right.post(f"/fine_tuning/jobs/{jobs[0]}/cancel")
    assert left.job(jobs[0])["status"] == "cancelled"
    assert left.created_jobs() == jobs
    clock.advance(60)
    assert left.job(jobs[1]) == right.job(jobs[1])
    result = left.job(jobs[1])["result_files"][0]
    assert _body(left, result) == _body(right, result)


def test_a_tuned_model_can_be_tuned_again_until_it_is_deleted(api: Api, clock: Clock) -> None:
    first = api.create(suffix="one")["id"]
    clock.advance(60)
    model = api.job(first)["fine_tuned_model"]
    second = api.create(model=model, suffix="two")
    assert second["model"] == model
    clock.advance(60)
    assert api.job(second["id"])["fine_tuned_model"].startswith(f"ft:{MODEL}:sandbox:two:")
    assert api.request("DELETE", f"/models/{model}").json() == {
        "id": model,
        "object": "model",
        "deleted": True,
    }
    body = {"model": model, "training_file": second["training_file"]}
    reply = api.request("POST", "/fine_tuning/jobs", json=body)
    assert refusal(reply) == (400, "model_not_available", "model")


def test_models_are_listed_with_the_day_they_go(api: Api, clock: Clock) -> None:
    job_id = api.create(method=_supervised(n_epochs=2, batch_size=12))["id"]
    listed = {model["id"]: model for model in api.get("/models")["data"]}
    assert listed[MODEL]["shutdown_date"] == "2027-01-14"
    assert listed["o4-mini-2025-04-16"]["shutdown_date"] == "2026-10-23"
    assert not any(name.startswith("ft:") for name in listed)
    clock.advance(60)
    model = api.job(job_id)["fine_tuned_model"]
    listed = {model["id"]: model for model in api.get("/models")["data"]}
    assert [name for name in listed if name.startswith("ft:")] == [f"{model}:ckpt-step-1", model]
    assert api.get(f"/models/{model}") == listed[model]
    assert listed[model]["shutdown_date"] == "2027-01-14"
    assert listed[model]["owned_by"] == "org-sandbox"


def test_models_that_are_not_ours_cannot_be_deleted(api: Api) -> None:
    assert refusal(api.request("DELETE", f"/models/{MODEL}")) == (403, None, "model")
    for method in ("GET", "DELETE"):
        reply = api.request(method, "/models/ft:nobody:knows::this")
        assert refusal(reply) == (404, "model_not_found", "model")


def _supervised(**hyperparameters: Any) -> dict[str, Any]:
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


def _reinforcement(api: Api) -> Any:
    data = jsonl([task()] * 10)
    return api.create(
        data,
        model="o4-mini-2025-04-16",
        validation_file=api.upload(data),
        method={"type": "reinforcement", "reinforcement": {"grader": GRADER}},
    )


def _body(api: Api, file_id: str) -> bytes:
    return api.request("GET", f"/files/{file_id}/content").content


def _results(api: Api, job: Any) -> list[dict[str, str]]:
    text = base64.b64decode(_body(api, job["result_files"][0])).decode()
    return list(csv.DictReader(io.StringIO(text)))
