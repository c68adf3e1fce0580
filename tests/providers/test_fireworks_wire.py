"""A spec becomes the body that Fireworks describes; what Fireworks shows becomes a job of ours."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reconciler.model import Job, JobError, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.fireworks import names, wire
from reconciler.providers.fireworks.names import JobName, Kind
from reconciler.providers.fireworks.wire import StoredModel
from tests.providers.fireworks_bench import WANDB, dpo, sft, spec

ACCOUNT = "acme"
INTEGRATIONS = ({"type": "wandb", "wandb": {"project": "p", "entity": "e"}},)
SECTION = {
    "learning_rate": 1e-4,
    "learning_rate_warmup_steps": 10,
    "lora_rank": 16,
    "max_context_length": 8192,
    "optimizer_weight_decay": 0.01,
    "sampler_checkpoint_save_interval_steps": 100,
    "region": "US_IOWA_1",
    "display_name": "Support",
    "renderer_hugging_face_repo_id": "Qwen/Qwen3-8B",
    "use_reservation": False,
    "reservation_target": "accounts/acme/reservations/r",
    "aws_s3_config": {"credentials_secret": "accounts/acme/secrets/s", "iam_role_arn": "arn:x"},
    "wandb_api_key_env": "OTHER_WANDB",
}
TRAINING = {
    "learningRate": 1e-4,
    "learningRateWarmupSteps": 10,
    "loraRank": 16,
    "maxContextLength": 8192,
    "optimizerWeightDecay": 0.01,
    "samplerCheckpointSaveIntervalSteps": 100,
    "region": "US_IOWA_1",
}
TOP = {
    "displayName": "Support",
    "rendererHuggingFaceRepoId": "Qwen/Qwen3-8B",
    "useReservation": False,
    "reservationTarget": "accounts/acme/reservations/r",
    "awsS3Config": {"credentialsSecret": "accounts/acme/secrets/s", "iamRoleArn": "arn:x"},
    "wandbConfig": {"enabled": True, "apiKey": WANDB, "project": "p", "entity": "e"},
}


def request(of: JobSpec, **values: Any) -> CreateRequest:
    return CreateRequest(spec=of, **{"base_model": "qwen3-8b", "training": "d", **values})


def body(of: JobSpec, *, addon: bool = False, key: str | None = None, **values: Any) -> Any:
    return wire.create_body(request(of, **values), ACCOUNT, addon=addon, wandb_key=key)


def told(raw: dict[str, Any], model: StoredModel | None = None) -> Job:
    found = wire.job(raw, model)
    assert found is not None
    return found


class TestBody:
    def test_a_supervised_job_is_flat(self) -> None:
        made = spec()
        assert body(made) == {
            "dataset": "accounts/acme/datasets/d",
            "baseModel": "accounts/fireworks/models/qwen3-8b",
            "outputModel": f"accounts/acme/models/{made.token}",
        }

    def test_a_dpo_job_is_nested_and_says_its_loss(self) -> None:
        made = spec(method="dpo")
        assert body(made) == {
            "dataset": "accounts/acme/datasets/d",
            "trainingConfig": {
                "baseModel": "accounts/fireworks/models/qwen3-8b",
                "outputModel": f"accounts/acme/models/{made.token}",
            },
            "lossConfig": {"method": "DPO"},
        }

    def test_everything_a_supervised_job_can_say(self) -> None:
        scheduler = {"cosine": {"min_lr_ratio": 0.1, "decay_ratio": 0.8}}
        made = spec(
            suffix="support",
            hyperparameters={"n_epochs": 3, "batch_size": 32},
            integrations=INTEGRATIONS,
            section={
                **SECTION,
                "eval_auto_carveout": False,
                "is_turbo": True,
                "lr_scheduler": scheduler,
                "purpose": "pilot",
            },
        )
        assert body(made, key=WANDB, validation="v") == {
            "dataset": "accounts/acme/datasets/d",
            "evaluationDataset": "accounts/acme/datasets/v",
            "baseModel": "accounts/fireworks/models/qwen3-8b",
            "outputModel": f"accounts/acme/models/support-{made.token[-16:]}",
            "epochs": 3,
            "batchSizeSamples": 32,
            **TRAINING,
            **TOP,
            "evalAutoCarveout": False,
            "isTurbo": True,
            "lrScheduler": {"cosine": {"minLrRatio": 0.1, "decayRatio": 0.8}},
            "purpose": "PURPOSE_PILOT",
        }

    def test_everything_a_dpo_job_can_say(self) -> None:
        loss = {"method": "DPO", "dpo": {"ref_cache_concurrency": 4, "ref_cache_batch_size": 8}}
        made = spec(
            method="dpo",
            hyperparameters={"n_epochs": 1, "batch_size": 4, "beta": 0.1},
            integrations=INTEGRATIONS,
            section={**SECTION, "loss_config": loss},
        )
        assert body(made, key=WANDB) == {
            "dataset": "accounts/acme/datasets/d",
            "trainingConfig": {
                "baseModel": "accounts/fireworks/models/qwen3-8b",
                "outputModel": f"accounts/acme/models/{made.token}",
                "epochs": 1,
                "batchSizeSamples": 4,
                **TRAINING,
            },
            **TOP,
            "lossConfig": {
                "method": "DPO",
                "dpo": {"refCacheConcurrency": 4, "refCacheBatchSize": 8, "beta": 0.1},
            },
        }

    def test_another_loss_is_another_loss(self) -> None:
        made = spec(method="dpo", section={"loss_config": {"method": "ORPO"}})
        assert body(made)["lossConfig"] == {"method": "ORPO"}

    def test_a_constant_schedule_is_an_empty_object(self) -> None:
        made = spec(section={"lr_scheduler": {"constant": {}}})
        assert body(made)["lrScheduler"] == {"constant": {}}

    def test_an_addon_is_gone_on_from(self) -> None:
        model = "accounts/acme/models/first-tune"
        flat = body(spec(), addon=True, base_model=model)
        nested = body(spec(method="dpo"), addon=True, base_model=model)["trainingConfig"]
        for shown in (flat, nested):
            assert shown["warmStartFrom"] == model
            assert "baseModel" not in shown

    def test_a_spec_is_not_changed_by_being_written(self) -> None:
        made = spec(method="dpo", section={"loss_config": {"method": "DPO", "dpo": {}}})
        before = copy.deepcopy(made)
        body(made)
        assert made == before

    def test_the_longest_words_still_make_an_id(self) -> None:
        longest = spec("a" * 40, suffix="b" * 46)
        made = body(longest)["outputModel"].removeprefix("accounts/acme/models/")
        assert len(made) == 63
        assert names.is_id(made)
        assert names.is_id(longest.token)

    def test_room_for_a_dataset(self) -> None:
        assert wire.dataset_body("ds-1", 12, "CHAT") == {
            "datasetId": "ds-1",
            "dataset": {"userUploaded": {}, "exampleCount": "12", "format": "CHAT"},
        }
        assert "format" not in wire.dataset_body("ds-1", 12, None)["dataset"]


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


class TestNames:
    def test_a_prefix_is_added_once(self) -> None:
        full = "accounts/fireworks/models/qwen3-8b"
        assert names.base_model("qwen3-8b") == full == names.base_model(full)
        own = "accounts/acme/datasets/d"
        assert names.dataset("d", "acme") == own == names.dataset(own, "acme")
        assert names.dataset("accounts/other/datasets/d", "acme") == "accounts/other/datasets/d"
        assert names.owned_model("m", "acme") == "accounts/acme/models/m"

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("accounts/acme/dpoJobs/t", [(Kind.DPO, "t")]),
            ("dpoJobs/t", [(Kind.DPO, "t")]),
            ("supervisedFineTuningJobs/t", [(Kind.SUPERVISED, "t")]),
            ("t", [(Kind.SUPERVISED, "t"), (Kind.DPO, "t")]),
            ("accounts/other/dpoJobs/t", []),
            ("accounts/acme/models/t", []),
            ("reinforcementFineTuningJobs/t", []),
            ("", []),
            ("..", []),
            ("dpoJobs/..", []),
            ("accounts/acme/dpoJobs/..", []),
            ("ftjob-none?c=1", []),
            ("a b", []),
            ("t:cancel", []),
            ("/t", []),
        ],
    )
    def test_what_an_id_may_mean(self, written: str, meant: list[tuple[Kind, str]]) -> None:
        found = names.candidates(written, "acme")
        assert [(name.kind, name.id) for name in found] == meant
        assert all(JobName.parsed(str(name)) == name for name in found)

    @pytest.mark.parametrize("text", ["a", "a1", "a-1", "a--b", "a" * 63])
    def test_ids(self, text: str) -> None:
        assert names.is_id(text)

    @pytest.mark.parametrize("text", ["", "1a", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "a\n"])
    def test_what_is_no_id(self, text: str) -> None:
        assert not names.is_id(text)
