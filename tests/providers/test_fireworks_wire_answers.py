"""What Fireworks shows becomes a job of ours, a dataset or a model: no secret, and no guess."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Job, JobError, JobStatus
from reconciler.providers.fireworks import wire
from reconciler.providers.fireworks.wire import StoredModel
from tests.providers.fireworks_bench import WANDB, dpo, sft

STATES = {
    "CREATING": JobStatus.QUEUED,
    "PENDING": JobStatus.QUEUED,
    "RE_QUEUEING": JobStatus.QUEUED,
    "VALIDATING": JobStatus.VALIDATING_FILES,
    "CREATING_INPUT_DATASET": JobStatus.VALIDATING_FILES,
    "RUNNING": JobStatus.RUNNING,
    "WRITING_RESULTS": JobStatus.RUNNING,
    "IDLE": JobStatus.RUNNING,
    "CANCELLING": JobStatus.RUNNING,
    "PAUSED": JobStatus.PAUSED,
    "COMPLETED": JobStatus.SUCCEEDED,
    "FAILED": JobStatus.FAILED,
    "EXPIRED": JobStatus.FAILED,
    "CANCELLED": JobStatus.CANCELLED,
    "EARLY_STOPPED": JobStatus.UNKNOWN,  # until its model has been looked at
    "UNSPECIFIED": JobStatus.UNKNOWN,
    "DREAMING": JobStatus.UNKNOWN,  # a state that is yet to be invented
}
GONE = ("DELETING", "DELETING_CLEANING_UP", "DELETED", "ARCHIVED")


def told(raw: dict[str, Any], model: StoredModel | None = None) -> Job:
    found = wire.job(raw, model)
    assert found is not None
    return found


class TestJob:
    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("show", [sft, dpo])
    def test_every_state(self, show: Any, state: str) -> None:
        job = told(show("t", state))
        assert job.status is STATES[state]
        assert job.provider_status == f"JOB_STATE_{state}"
        assert bool(job.fine_tuned_model) is (state == "COMPLETED")

    @pytest.mark.parametrize("state", GONE)
    @pytest.mark.parametrize("show", [sft, dpo])
    def test_a_deleted_job_is_none(self, show: Any, state: str) -> None:
        assert wire.job(show("t", state)) is None

    @pytest.mark.parametrize("shown", [{}, {"state": None}, {"state": 7}, {"state": ""}])
    def test_a_job_without_a_state_is_not_over(self, shown: dict[str, Any]) -> None:
        job = told({"name": "accounts/acme/dpoJobs/t", **shown})
        assert job.status is JobStatus.UNKNOWN
        assert job.provider_status == ""

    def test_the_state_may_come_without_its_prefix(self) -> None:
        assert told({**sft("t"), "state": "COMPLETED"}).status is JobStatus.SUCCEEDED

    def test_everything_that_a_supervised_job_says(self) -> None:
        job = told(
            sft(
                "bot-0123456789abcdef",
                "COMPLETED",
                completedTime="2026-07-17T20:59:05.1Z",
                evaluationDataset="accounts/acme/datasets/v",
                epochs=3,
                batchSizeSamples=32,
                learningRate=0.0001,
                loraRank=8,
                maxContextLength=8192,
                status={"code": "OK", "message": ""},
                wandbConfig={"enabled": True, "apiKey": WANDB, "project": "p", "url": "https://w"},
                estimatedCost={"currencyCode": "USD", "units": "2", "nanos": 500000000},
                jobProgress={"percent": 100, "inputTokens": 999},
            )
        )
        hyperparameters = {
            "n_epochs": 3,
            "batch_size": 32,
            "learning_rate": 0.0001,
            "lora_rank": 8,
            "max_context_length": 8192,
        }
        assert job == Job(
            id="accounts/acme/supervisedFineTuningJobs/bot-0123456789abcdef",
            status=JobStatus.SUCCEEDED,
            provider_status="JOB_STATE_COMPLETED",
            stamp="bot-0123456789abcdef",
            created_at=1784318345,
            finished_at=1784321945,
            model="accounts/fireworks/models/qwen3-8b",
            fine_tuned_model="accounts/acme/models/bot-0123456789abcdef",
            trained_tokens=None,
            training_file="accounts/acme/datasets/d",
            validation_file="accounts/acme/datasets/v",
            hyperparameters=hyperparameters,
            organization_id="acme",
            integrations=({"type": "wandb", "wandb": {"project": "p"}},),
            method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        )

    def test_a_dpo_job_says_the_same_from_within(self) -> None:
        training = {
            "warmStartFrom": "accounts/acme/models/first",
            "outputModel": "second",
            "epochs": 1,
            "batchSizeSamples": 0,
        }
        loss = {"method": "DPO", "dpo": {"beta": 0.1}}
        job = told(dpo("t", "COMPLETED", trainingConfig=training, lossConfig=loss))
        assert job.id == "accounts/acme/dpoJobs/t"
        assert job.model == "accounts/acme/models/first"
        assert job.fine_tuned_model == "accounts/acme/models/second"
        assert job.hyperparameters == {"n_epochs": 1, "beta": 0.1, "loss": "DPO"}
        assert job.method == {"type": "dpo", "dpo": {"hyperparameters": job.hyperparameters}}

    @pytest.mark.parametrize(
        ("state", "status", "error"),
        [
            (
                "FAILED",
                {"code": "INVALID_ARGUMENT", "message": "bad data"},
                JobError(code="INVALID_ARGUMENT", message="bad data"),
            ),
            ("FAILED", {"code": "INTERNAL"}, JobError(code="INTERNAL", message="")),
            ("FAILED", {"code": "OK", "message": "no"}, JobError(code=None, message="no")),
            ("FAILED", {"code": "OK"}, None),
            ("FAILED", None, None),
            ("FAILED", "broken", None),
            ("EXPIRED", {"message": "too late"}, JobError(code=None, message="too late")),
            ("RUNNING", {"code": "OK", "message": "training"}, None),
            ("RUNNING", {"code": "UNKNOWN", "message": "hm"}, None),
            ("COMPLETED", {"code": "OK"}, None),
        ],
    )
    def test_why_a_job_failed(self, state: str, status: Any, error: JobError | None) -> None:
        assert told(sft("t", state, status=status)).error == error

    def test_an_early_stop_is_what_its_model_is(self) -> None:
        raw = sft("t", "EARLY_STOPPED", outputModel="made")
        assert wire.stopped_early(raw) == "accounts/acme/models/made"
        ready = told(raw, StoredModel(ready=True))
        assert (ready.status, ready.fine_tuned_model) == (
            JobStatus.SUCCEEDED,
            "accounts/acme/models/made",
        )
        assert told(raw, StoredModel(ready=False)).status is JobStatus.RUNNING
        lost = told(raw, StoredModel(exists=False))
        assert lost.status is JobStatus.FAILED
        assert lost.error == JobError(
            code="EARLY_STOPPED", message="it stopped early and left no model"
        )
        assert lost.fine_tuned_model is None

    def test_a_model_is_named_after_the_job_where_nothing_names_it(self) -> None:
        raw = dpo("t", "EARLY_STOPPED", trainingConfig=None)
        assert wire.stopped_early(raw) == "accounts/acme/models/t"

    def test_only_an_early_stop_asks_for_its_model(self) -> None:
        assert wire.stopped_early(sft("t", "COMPLETED")) is None
        assert wire.stopped_early({"state": "JOB_STATE_EARLY_STOPPED"}) is None

    def test_nothing_secret_is_carried_on(self) -> None:
        signed = "https://storage/x?X-Goog-Signature=deadbeef"
        raw = sft(
            "t",
            "FAILED",
            metricsFileSignedUrl=signed,
            trainerLogsSignedUrl=signed,
            renderSamplesSignedUrl=signed,
            wandbConfig={"enabled": True, "apiKey": WANDB, "project": "p"},
            status={"code": "INTERNAL", "message": f"see {signed} and fw_3ZbXq7Yh2LkPm9"},
        )
        shown = repr(told(raw))
        assert WANDB not in shown
        assert "deadbeef" not in shown
        assert "fw_3Zb" not in shown

    @pytest.mark.parametrize(
        "document",
        [
            None,
            [],
            "job",
            {},
            {"name": None},
            {"name": "t"},
            {"name": "accounts/acme/reinforcementFineTuningJobs/t"},
            {"name": "accounts/acme/supervisedFineTuningJobs/t/x"},
        ],
    )
    def test_what_is_no_job_is_none(self, document: Any) -> None:
        assert wire.job(document) is None

    def test_a_job_of_nothing_but_its_name_is_one(self) -> None:
        job = told({"name": "accounts/acme/supervisedFineTuningJobs/t", "wandbConfig": 1})
        assert job.hyperparameters == {}
        assert job.integrations == ()

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("2026-07-17T19:59:05.933252Z", 1784318345),
            ("2026-07-17T19:59:05.933252123Z", 1784318345),
            ("2026-07-17T21:59:05+02:00", 1784318345),
            ("1970-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00Z", None),
            ("2026-07-17T19:59:05", None),
            ("yesterday", None),
            ("", None),
            (1784318345, None),
            (None, None),
        ],
    )
    def test_moments_are_unix_seconds(self, text: Any, seconds: int | None) -> None:
        assert wire.moment(text) == seconds


class TestStored:
    @pytest.mark.parametrize(
        ("document", "ready", "failure"),
        [
            ({"state": "READY"}, True, ""),
            ({"state": "UPLOADING", "status": {"code": "OK"}}, False, ""),
            ({"state": "UPLOADING", "status": None}, False, ""),
            (
                {"state": "UPLOADING", "status": {"code": "INVALID_ARGUMENT", "message": "bad"}},
                False,
                "bad",
            ),
            ({"status": {"code": "INVALID_ARGUMENT"}}, False, "INVALID_ARGUMENT"),
        ],
    )
    def test_a_dataset(self, document: dict[str, Any], ready: bool, failure: str) -> None:
        stored = wire.stored_dataset({"name": "accounts/acme/datasets/d", **document})
        assert stored is not None
        assert (stored.ready, stored.failure) == (ready, failure)

    @pytest.mark.parametrize("document", [None, [], {}, {"name": ""}])
    def test_no_dataset(self, document: Any) -> None:
        assert wire.stored_dataset(document) is None

    @pytest.mark.parametrize(
        ("kind", "addon"),
        [
            ("HF_PEFT_ADDON", True),
            ("KIND_UNSPECIFIED", True),
            (None, True),
            ("HF_BASE_MODEL", False),
            ("CUSTOM_MODEL", False),
        ],
    )
    def test_a_model(self, kind: str | None, addon: bool) -> None:
        stored = wire.stored_model({"kind": kind, "state": "READY"})
        assert stored == StoredModel(ready=True, addon=addon, tuned=addon)

    def test_no_model(self) -> None:
        assert wire.stored_model(None) is None
