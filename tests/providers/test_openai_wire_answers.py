"""What real servers have been seen to answer becomes a job, an event, a checkpoint or a file."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Job, JobError, JobStatus
from reconciler.providers.openai import wire


def job(**fields: object) -> Job:
    read = wire.job({"id": "ftjob-1", "status": "running", **fields})
    assert read is not None
    return read


def test_a_job_as_openai_answers_it() -> None:
    assert wire.job(
        {
            "object": "fine_tuning.job",
            "id": "ftjob-abc123",
            "model": "gpt-4.1-mini-2025-04-14",
            "created_at": 1721764800,
            "finished_at": 1721768400,
            "fine_tuned_model": "ft:gpt-4.1-mini-2025-04-14:org:support:8chars00",
            "organization_id": "org-123",
            "result_files": ["file-r"],
            "status": "succeeded",
            "validation_file": None,
            "training_file": "file-1",
            "hyperparameters": {"n_epochs": 4, "batch_size": 1},
            "trained_tokens": 5768,
            "integrations": [],
            "seed": 0,
            "estimated_finish": None,
            "error": {"code": None, "message": None, "param": None},
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
            "metadata": {"reconciler-token": "support-bot-0123456789abcdef"},
            "user_provided_suffix": "support",
            "usage_metrics": None,
            "shared_with_openai": False,
        }
    ) == Job(
        id="ftjob-abc123",
        status=JobStatus.SUCCEEDED,
        provider_status="succeeded",
        stamp="support-bot-0123456789abcdef",
        created_at=1721764800,
        finished_at=1721768400,
        model="gpt-4.1-mini-2025-04-14",
        fine_tuned_model="ft:gpt-4.1-mini-2025-04-14:org:support:8chars00",
        trained_tokens=5768,
        training_file="file-1",
        result_files=("file-r",),
        hyperparameters={"n_epochs": 4, "batch_size": 1},
        seed=0,
        organization_id="org-123",
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
        metadata={"reconciler-token": "support-bot-0123456789abcdef"},
    )


def test_a_job_of_which_little_is_known() -> None:
    assert wire.job({"id": "arn%3Aaws%3Abedrock"}) == Job(
        id="arn%3Aaws%3Abedrock", status=JobStatus.UNKNOWN, provider_status=""
    )


@pytest.mark.parametrize(
    "document", [None, {}, {"id": None}, {"id": ""}, {"id": ["a"]}, {"status": "running"}, [], "x"]
)
def test_what_has_no_id_is_no_job(document: object) -> None:
    assert wire.job(document) is None
    assert wire.stored_file(document) is None


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("validating_files", JobStatus.VALIDATING_FILES),
        ("queued", JobStatus.QUEUED),
        ("running", JobStatus.RUNNING),
        ("Running", JobStatus.RUNNING),
        ("paused", JobStatus.PAUSED),
        ("succeeded", JobStatus.SUCCEEDED),
        ("failed", JobStatus.FAILED),
        ("cancelled", JobStatus.CANCELLED),
        ("canceled", JobStatus.CANCELLED),
        ("pending", JobStatus.QUEUED),
        ("notRunning", JobStatus.QUEUED),
        ("created", JobStatus.QUEUED),
        ("compressing", JobStatus.UNKNOWN),
        ("unknown", JobStatus.UNKNOWN),
        (None, JobStatus.UNKNOWN),
        ({}, JobStatus.UNKNOWN),
    ],
)
def test_statuses(word: object, status: JobStatus) -> None:
    read = job(status=word)
    assert read.status is status
    assert read.provider_status == (word if isinstance(word, str) else "")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, None),
        ({}, None),
        ({"code": None, "message": None, "param": None}, None),
        ({"code": "", "message": ""}, None),
        ("", None),
        ([], None),
        ("out of memory", JobError(code=None, message="out of memory")),
        (
            {"code": "invalid_n_examples", "message": "7", "param": "training_file"},
            JobError(code="invalid_n_examples", message="7", param="training_file"),
        ),
        ({"code": "x"}, JobError(code="x", message="")),
        ({"message": "y"}, JobError(code=None, message="y")),
    ],
)
def test_an_error_of_nulls_is_none(value: object, error: JobError | None) -> None:
    assert job(error=value).error == error


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1721764800, 1721764800),
        (1721764800.9, 1721764800),
        ("1721764800", 1721764800),
        (1721764800123, 1721764800),
        ("1721764800123", 1721764800),
        ("2024-07-23T20:00:00Z", 1721764800),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("soon", None),
        ([], None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_times_are_unix_seconds(value: object, seconds: int | None) -> None:
    assert wire.moment(value) == seconds


@pytest.mark.parametrize(
    ("value", "number"),
    [(4480, 4480), ("4480", 4480), (4480.0, 4480), (4480.5, None), ("many", None), (True, None)],
)
def test_whole_numbers(value: object, number: int | None) -> None:
    assert job(trained_tokens=value).trained_tokens == number


@pytest.mark.parametrize(
    ("fields", "hyperparameters"),
    [
        pytest.param({}, None, id="missing"),
        pytest.param({"hyperparameters": None}, None, id="null"),
        pytest.param({"hyperparameters": {}}, {}, id="empty"),
        pytest.param(
            {
                "hyperparameters": None,
                "method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}},
            },
            {"beta": 0.1},
            id="of the method where the top level is null",
        ),
        pytest.param(
            {"hyperparameters": {"n_epochs": 3}, "method": {"type": "supervised"}},
            {"n_epochs": 3},
            id="of the top level where it is not",
        ),
        pytest.param({"method": {"type": None, "dpo": 3}}, None, id="a method that is none"),
        pytest.param({"method": {"type": "dpo", "dpo": 3}}, None, id="a section that is none"),
    ],
)
def test_hyperparameters_are_found_where_they_are(
    fields: dict[str, Any], hyperparameters: object
) -> None:
    assert job(**fields).hyperparameters == hyperparameters


def test_a_model_is_only_named_when_it_is_finished() -> None:
    assert job(status="running", fine_tuned_model="ft:x").fine_tuned_model is None
    assert job(status="failed", fine_tuned_model="ft:x").fine_tuned_model is None
    assert job(status="succeeded", fine_tuned_model="ft:x").fine_tuned_model == "ft:x"


def test_fields_of_other_types_are_as_good_as_missing() -> None:
    read = job(
        model=["m"],
        training_file={"id": "file-1"},
        result_files="file-r",
        integrations={"a": 1},
        metadata=[1],
        method="dpo",
        seed="x",
    )
    assert read == Job(id="ftjob-1", status=JobStatus.RUNNING, provider_status="running")


def test_metadata_is_texts() -> None:
    assert job(metadata={"n": 1, "none": None}).metadata == {"n": "1"}


def test_events_of_any_type_are_kept() -> None:
    event = wire.event({"id": "ftevent-1", "created_at": 5, "type": "moderation_checks"})
    assert (event.type, event.level, event.data) == ("moderation_checks", "info", {})
    assert wire.event({"data": None, "message": None, "level": "warn"}).level == "warn"


def test_checkpoints() -> None:
    read = wire.checkpoint(
        {
            "id": "ftckpt_1",
            "created_at": 5,
            "fine_tuned_model_checkpoint": "ft:m:o:s:1:ckpt-step-88",
            "step_number": 88,
            "metrics": {"step": 88, "train_loss": 0.4, "valid_loss": None},
        }
    )
    assert read is not None
    assert (read.step, read.model) == (88, "ft:m:o:s:1:ckpt-step-88")
    assert read.metrics == {"step": 88, "train_loss": 0.4}
    assert wire.checkpoint({"id": "c", "step_number": 1}) is None
    assert wire.checkpoint({"id": "c", "fine_tuned_model_checkpoint": "m"}) is None


@pytest.mark.parametrize(
    ("status", "usable"),
    [("processed", True), ("uploaded", True), (None, True), ("error", False), ("deleted", False)],
)
def test_files(status: object, usable: bool) -> None:
    read = wire.stored_file({"id": "file-1", "bytes": "42", "status": status, "filename": "a"})
    assert read is not None
    assert (read.size, read.usable, read.name) == (42, usable, "a")
