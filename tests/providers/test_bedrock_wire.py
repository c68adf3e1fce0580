"""The words of Bedrock's wire: every status, every missing field, and no guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.model import Job, JobError, JobStatus
from reconciler.providers.bedrock import wire
from tests.providers.bedrock_bench import ACCOUNT, BUCKET, NOVA, SETTINGS, arn, make, request

START = datetime(2026, 11, 1, 10, tzinfo=UTC)


def answer(**fields: Any) -> dict[str, Any]:
    """A job as boto3 hands it over."""
    return {
        "jobArn": arn(),
        "jobName": "bot-0123456789abcdef",
        "clientRequestToken": "bot-0123456789abcdef",
        "status": "Completed",
        "creationTime": START,
        "endTime": START + timedelta(hours=1),
        "baseModelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
        "outputModelName": "bot-0123456789abcdef",
        "outputModelArn": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{NOVA}/abcdefghijkl",
        "customizationType": "FINE_TUNING",
        "hyperParameters": {"epochCount": "2", "learningRate": "0.00001"},
        "trainingDataConfig": {"s3Uri": "s3://bucket/train.jsonl"},
        "validationDataConfig": {"validators": [{"s3Uri": "s3://bucket/valid.jsonl"}]},
        "outputDataConfig": {"s3Uri": "s3://bucket/out"},
        **fields,
    }


def read(**fields: Any) -> Job:
    job = wire.job(answer(**fields))
    assert job is not None
    return job


def test_a_finished_job_in_the_one_shape() -> None:
    assert read() == Job(
        id=arn(),
        status=JobStatus.SUCCEEDED,
        provider_status="Completed",
        stamp="bot-0123456789abcdef",
        created_at=1_793_527_200,
        finished_at=1_793_530_800,
        model=f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
        fine_tuned_model=(f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{NOVA}/abcdefghijkl"),
        trained_tokens=None,
        training_file="s3://bucket/train.jsonl",
        validation_file="s3://bucket/valid.jsonl",
        result_files=("s3://bucket/out/model-customization-job-a1b2c3d4e5f6/",),
        error=None,
        hyperparameters={"n_epochs": 2, "learningRate": "0.00001"},
        seed=None,
        organization_id=ACCOUNT,
        method={"type": "supervised"},
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("InProgress", JobStatus.RUNNING),
        ("Stopping", JobStatus.RUNNING),
        ("Stopped", JobStatus.CANCELLED),
        ("Completed", JobStatus.SUCCEEDED),
        ("Failed", JobStatus.FAILED),
        ("Paused", JobStatus.UNKNOWN),
        ("inprogress", JobStatus.UNKNOWN),
        ("", JobStatus.UNKNOWN),
        (None, JobStatus.UNKNOWN),
        (7, JobStatus.UNKNOWN),
    ],
)
def test_a_status_is_ours_and_its_word_is_kept(word: Any, status: JobStatus) -> None:
    job = read(status=word)
    assert job.status is status
    assert job.provider_status == (word if isinstance(word, str) else "")


@pytest.mark.parametrize(
    ("validation", "status"),
    [
        ("NotStarted", JobStatus.VALIDATING_FILES),
        ("InProgress", JobStatus.VALIDATING_FILES),
        ("Completed", JobStatus.RUNNING),
        ("Failed", JobStatus.RUNNING),
        (None, JobStatus.RUNNING),
    ],
)
def test_a_validation_shows_where_the_details_do(validation: str | None, status: JobStatus) -> None:
    details = {"validationDetails": {"status": validation}} if validation else {}
    assert read(status="InProgress", statusDetails=details).status is status
    assert read(status="Stopping", statusDetails=details).status is JobStatus.RUNNING


@pytest.mark.parametrize("word", ["InProgress", "Stopping", "Stopped", "Failed", "Paused"])
def test_a_model_is_none_until_it_can_be_used(word: str) -> None:
    job = read(status=word)
    assert job.fine_tuned_model is None
    assert job.result_files == ()


@pytest.mark.parametrize("word", ["InProgress", "Stopping", "Paused"])
def test_a_job_that_runs_has_no_end(word: str) -> None:
    assert read(status=word).finished_at is None


def test_a_failure_is_told_of_a_failed_job_alone() -> None:
    assert read(status="Failed", failureMessage="bad data").error == JobError(
        code=None, message="bad data"
    )
    assert read(status="Failed").error is None
    assert read(status="InProgress", failureMessage="Failure Message").error is None


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (START, 1_793_527_200),
        (START.replace(tzinfo=None), 1_793_527_200),
        (START.astimezone(timezone(timedelta(hours=5))), 1_793_527_200),
        (datetime(2026, 11, 1, 10, 0, 0, 999_999, tzinfo=UTC), 1_793_527_200),
        ("2026-11-01T10:00:00Z", None),
        (1_793_527_200, None),
        (None, None),
    ],
)
def test_times_are_seconds(moment: Any, seconds: int | None) -> None:
    assert wire.moment(moment) == seconds


@pytest.mark.parametrize(
    ("type_", "method"),
    [
        ("FINE_TUNING", {"type": "supervised"}),
        ("REINFORCEMENT_FINE_TUNING", {"type": "reinforcement"}),
        ("DISTILLATION", {"type": "distillation"}),
        ("CONTINUED_PRE_TRAINING", {"type": "continued_pre_training"}),
        (None, None),
    ],
)
def test_a_kind_is_a_method(type_: str | None, method: dict[str, str] | None) -> None:
    assert read(customizationType=type_).method == method


def test_reinforcements_own_hyperparameters_are_read_too() -> None:
    config = {"rftConfig": {"hyperParameters": {"epochCount": 2, "maxPromptLength": 4096}}}
    job = read(hyperParameters=None, customizationConfig=config)
    assert job.hyperparameters == {"n_epochs": 2, "maxPromptLength": 4096}


def test_logs_are_the_training_data_where_there_is_no_other() -> None:
    logs = {"invocationLogsConfig": {"invocationLogSource": {"s3Uri": "s3://logs/x/"}}}
    assert read(trainingDataConfig=logs).training_file == "s3://logs/x/"


MISSING = [
    "clientRequestToken", "status", "creationTime", "endTime", "baseModelArn", "outputModelArn",
    "customizationType", "hyperParameters", "trainingDataConfig", "validationDataConfig",
    "outputDataConfig", "statusDetails", "customizationConfig",
]  # fmt: skip


@pytest.mark.parametrize("field", MISSING)
@pytest.mark.parametrize("value", [None, {}, [], "", 7, {"validators": [None]}])
def test_any_field_may_be_missing_or_strange(field: str, value: Any) -> None:
    assert read(**{field: value}).id == arn()


def test_a_name_is_the_stamp_where_no_token_shows() -> None:
    assert read(clientRequestToken=None).stamp == "bot-0123456789abcdef"
    assert read(clientRequestToken="a-uuid").stamp == "a-uuid"


@pytest.mark.parametrize("broken", [{}, {"jobArn": None}, {"jobArn": ""}, {"jobArn": 7}])
def test_what_has_no_arn_is_no_job(broken: dict[str, Any]) -> None:
    assert wire.job(broken) is None


def test_a_summary_is_a_job_without_its_details() -> None:
    entry = {
        "jobArn": arn(),
        "jobName": "bot-0123456789abcdef",
        "status": "Completed",
        "creationTime": START,
        "endTime": START,
        "baseModelArn": "arn:base",
        "customModelArn": "arn:model",
    }
    job = wire.summary(entry)
    assert job is not None
    assert (job.stamp, job.fine_tuned_model) == ("bot-0123456789abcdef", "arn:model")
    assert (job.training_file, job.hyperparameters, job.result_files) == (None, None, ())


def test_a_created_job_says_what_is_certain() -> None:
    spec = make()
    job = wire.created(request(spec), arn())
    assert (job.id, job.stamp, job.status) == (arn(), spec.token, JobStatus.QUEUED)
    assert (job.provider_status, job.created_at, job.fine_tuned_model) == ("", None, None)
    assert job.training_file == f"s3://{BUCKET}/finetune/{'ab' * 32}.jsonl"


def test_a_create_without_a_role_or_an_output_is_none() -> None:
    settings = type(SETTINGS)(name="bedrock")
    with pytest.raises(ValueError, match="no role or no output"):
        wire.create_request(request(make()), settings)
