"""Cancelling, pausing and resuming a job, by a clock that only the test moves."""

from __future__ import annotations

import pytest

from tests.sandbox.workbench import Api, Clock, refusal


@pytest.mark.parametrize("wait", [0.0, 2.0, 4.0], ids=["validating", "queued", "running"])
def test_cancel_ends_a_job_at_once(api: Api, clock: Clock, wait: float) -> None:
    job_id = api.create()["id"]
    clock.advance(wait)
    job = api.post(f"/fine_tuning/jobs/{job_id}/cancel")
    assert (job["status"], job["finished_at"]) == ("cancelled", int(clock.now))
    told = api.messages(job_id)
    clock.advance(60)
    later = api.job(job_id)
    assert later == job
    assert api.messages(job_id) == told
    assert told[-1] == "Fine-tuning job cancelled"
    assert (later["fine_tuned_model"], later["trained_tokens"]) == (None, None)


def test_a_job_that_is_over_cannot_be_cancelled(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(60)
    reply = api.request("POST", f"/fine_tuning/jobs/{job_id}/cancel")
    assert refusal(reply) == (400, "invalid_job_state", None)
    assert "its status is 'succeeded'" in reply.json()["error"]["message"]
    assert api.job(job_id)["status"] == "succeeded"


def test_a_paused_job_stands_still_and_trains_on_from_there(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(4)
    assert api.job(job_id)["estimated_finish"] > clock.now
    steps = len(api.messages(job_id))
    assert api.post(f"/fine_tuning/jobs/{job_id}/pause")["status"] == "paused"
    clock.advance(1_000)
    paused = api.job(job_id)
    assert (paused["status"], paused["finished_at"], paused["estimated_finish"]) == (
        "paused",
        None,
        None,
    )
    assert len(api.messages(job_id)) == steps + 1
    assert api.post(f"/fine_tuning/jobs/{job_id}/resume")["status"] == "queued"
    clock.advance(2)
    assert api.job(job_id)["status"] == "running"
    clock.advance(60)
    assert api.job(job_id)["status"] == "succeeded"
    told = api.messages(job_id)
    assert told.count("Fine-tuning job paused") == told.count("Fine-tuning job resumed") == 1
    assert told.count("Fine-tuning job started") <= 1


def test_a_queued_job_can_be_paused_and_a_paused_one_cancelled(api: Api, clock: Clock) -> None:
    job_id = api.create()["id"]
    clock.advance(2)
    api.post(f"/fine_tuning/jobs/{job_id}/pause")
    clock.advance(5)
    api.post(f"/fine_tuning/jobs/{job_id}/resume")
    clock.advance(0.5)
    assert api.job(job_id)["status"] == "queued"
    api.post(f"/fine_tuning/jobs/{job_id}/pause")
    assert api.post(f"/fine_tuning/jobs/{job_id}/cancel")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("wait", "action"),
    [(0.0, "pause"), (0.0, "resume"), (4.0, "resume"), (60.0, "pause"), (60.0, "resume")],
)
def test_pause_and_resume_are_refused_where_they_make_no_sense(
    api: Api, clock: Clock, wait: float, action: str
) -> None:
    job_id = api.create()["id"]
    clock.advance(wait)
    reply = api.request("POST", f"/fine_tuning/jobs/{job_id}/{action}")
    assert refusal(reply) == (400, "invalid_job_state", None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", "/cancel"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("GET", "/events"),
        ("GET", "/checkpoints"),
    ],
)
def test_an_unknown_job_is_not_found(api: Api, method: str, path: str) -> None:
    reply = api.request(method, f"/fine_tuning/jobs/ftjob-nothing{path}")
    assert refusal(reply) == (404, "fine_tune_not_found", "fine_tune_id")
