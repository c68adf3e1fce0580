"""A spec becomes the body that Fireworks describes: flat for one kind, nested for the other."""

from __future__ import annotations

import copy
from typing import Any

from reconciler.model import JobSpec
from reconciler.providers.base import CreateRequest
from reconciler.providers.fireworks import names, wire
from tests.providers.fireworks_bench import WANDB, spec

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
