"""The fields of `spec.fireworks`, and what each is called on the wire.

`rules` checks against these tables and `wire` writes from them, so that no field is checked and
then forgotten. Pure. Source: Fireworks' description of its REST API, 5.10.0, and the request types
of the vendor's Python SDK, 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping

TRAINING: Mapping[str, str] = {
    "learning_rate": "learningRate",
    "learning_rate_warmup_steps": "learningRateWarmupSteps",
    "lora_rank": "loraRank",
    "max_context_length": "maxContextLength",
    "optimizer_weight_decay": "optimizerWeightDecay",
    "sampler_checkpoint_save_interval_steps": "samplerCheckpointSaveIntervalSteps",
    "region": "region",
}
"""How to train: beside the rest in a supervised job, within `trainingConfig` in a dpo job."""

JOB: Mapping[str, str] = {
    "display_name": "displayName",
    "renderer_hugging_face_repo_id": "rendererHuggingFaceRepoId",
    "use_reservation": "useReservation",
    "reservation_target": "reservationTarget",
    "aws_s3_config": "awsS3Config",
    "azure_blob_storage_config": "azureBlobStorageConfig",
}
"""What both kinds of job carry at the top."""

SUPERVISED: Mapping[str, str] = {
    "eval_auto_carveout": "evalAutoCarveout",
    "is_turbo": "isTurbo",
    "lr_scheduler": "lrScheduler",
    "purpose": "purpose",
}
"""What only a supervised job has."""

LOSS = "loss_config"
"""What only a dpo job has: which preference loss, and its settings."""

WANDB_KEY = "wandb_api_key_env"
"""Not sent: names the variable that holds the key which is."""

WANDB_KEY_DEFAULT = "WANDB_API_KEY"

NESTED: Mapping[str, str] = {
    "credentials_secret": "credentialsSecret",
    "iam_role_arn": "iamRoleArn",
    "managed_identity_client_id": "managedIdentityClientId",
    "tenant_id": "tenantId",
    "min_lr_ratio": "minLrRatio",
    "decay_ratio": "decayRatio",
    "ref_cache_concurrency": "refCacheConcurrency",
    "ref_cache_batch_size": "refCacheBatchSize",
}
"""Fields of the fields above."""

PURPOSES: Mapping[str, str] = {"pilot": "PURPOSE_PILOT"}

LOSSES = ("DPO", "ORPO")
"""The losses of managed preference jobs. The API's own default is described in two ways (as DPO
and as GRPO), so that one of these is always sent."""

KNOWN = frozenset({*TRAINING, *JOB, *SUPERVISED, LOSS, WANDB_KEY})

_NO_LONGER = "Fireworks' training no longer has it; remove it"

INSTEAD: Mapping[str, str] = {
    # retired by Fireworks: refused or ignored by what trains today
    "early_stop": f"{_NO_LONGER}: early stopping is not supported",
    "batch_size": "it counted tokens and is refused today; say how many examples as"
    " hyperparameters.batch_size of the method",
    "gradient_accumulation_steps": "it is refused today; say how many examples a step takes as"
    " hyperparameters.batch_size of the method",
    "jinja_template": f"{_NO_LONGER}: the base model's renderer decides;"
    " renderer_hugging_face_repo_id picks another",
    "nodes": f"{_NO_LONGER}: Fireworks decides how many",
    "mtp_enabled": _NO_LONGER,
    "mtp_num_draft_tokens": _NO_LONGER,
    "mtp_freeze_base_model": _NO_LONGER,
    "extra_values": _NO_LONGER,
    # said elsewhere in a spec
    "use_purpose": "say it as purpose",
    "epochs": "say it as hyperparameters.n_epochs of the method",
    "batch_size_samples": "say it as hyperparameters.batch_size of the method",
    "dataset": "say it as spec.training_file",
    "evaluation_dataset": "say it as spec.validation_file",
    "base_model": "say it as spec.model",
    "warm_start_from": "say it as spec.model: training goes on from a LoRA add-on by itself",
    "output_model": "its beginning is spec.suffix; the rest ties it to this spec",
    "job_id": "the reconciler gives the job its id",
    "wandb_config": "say it in spec.integrations; the key's variable is wandb_api_key_env",
}
"""Names that people may paste from a request, and what to write instead."""
