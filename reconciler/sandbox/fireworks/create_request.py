"""The body of a create: checked field by field, and completed with the defaults.

The create handler reads it before anything is stored. Only what the body itself says is judged
here; whether its datasets and models exist is for the handler. The deprecated fields of the
Gateway's pages are taken and ignored, but for `gradientAccumulationSteps`, which Training V2
refuses. The secret of a `wandbConfig` is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.fireworks import fields
from reconciler.sandbox.fireworks.fields import Check, choice, flag, integer, number, text
from reconciler.sandbox.fireworks.wire import ACCOUNT, invalid

ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""What the id of a resource must look like."""

_RANKS = (0, 1, 2, 4, 8, 16, 32, 64)
_REGIONS = (
    "REGION_UNSPECIFIED",
    *("US_IOWA_1", "US_VIRGINIA_1", "US_VIRGINIA_2", "US_ILLINOIS_1", "AP_TOKYO_1", "EU_LONDON_1"),
    *("US_ARIZONA_1", "US_TEXAS_1", "US_ILLINOIS_2", "EU_FRANKFURT_1", "US_TEXAS_2", "EU_PARIS_1"),
    *("EU_HELSINKI_1", "US_NEVADA_1", "EU_ICELAND_1", "EU_ICELAND_2", "US_WASHINGTON_1"),
    *("US_WASHINGTON_2", "EU_ICELAND_DEV_1", "US_WASHINGTON_3", "US_ARIZONA_2", "AP_TOKYO_2"),
    *("US_CALIFORNIA_1", "US_MISSOURI_1", "US_UTAH_1", "US_TEXAS_3", "US_ARIZONA_3"),
    *("US_GEORGIA_1", "US_GEORGIA_2", "US_WASHINGTON_4", "US_GEORGIA_3", "NA_BRITISHCOLUMBIA_1"),
    *("US_GEORGIA_4", "EU_ICELAND_3", "US_OHIO_1", "US_NEWYORK_1"),
)


def _no_accumulation(value: Any, place: str) -> Any:  # noqa: ARG001 - a check is given the value
    raise invalid(f"{place} is not supported by Training V2; set batchSizeSamples instead")


def _rank(value: Any, place: str) -> int:
    rank: int = integer(0)(value, place)
    if rank not in _RANKS:
        raise invalid(f"{place} must be a power of 2 of at most 64, or 0, got {rank}")
    return rank


def _schedule(value: Any, place: str) -> dict[str, Any]:
    ratios = {"minLrRatio": number(-1e-9, 1), "decayRatio": number(-1e-9, 1)}
    kinds = {
        "constant": fields.message({}),
        "linear": fields.message(ratios),
        "cosine": fields.message(ratios),
    }
    schedule = fields.read(value, kinds, place)
    if len(schedule) != 1:
        raise invalid(f"{place} must have exactly one of {', '.join(kinds)}")
    return schedule


_TRAINING: dict[str, Check] = {
    "baseModel": text,
    "warmStartFrom": text,
    "outputModel": text,
    "epochs": integer(1),
    "learningRate": number(0),
    "learningRateWarmupSteps": integer(0),
    "loraRank": _rank,
    "maxContextLength": integer(1),
    "batchSizeSamples": integer(1),
    "optimizerWeightDecay": number(-1e-9),
    "samplerCheckpointSaveIntervalSteps": integer(0),
    "region": choice(*_REGIONS),
    "batchSize": integer(0),
    "jinjaTemplate": text,
    "gradientAccumulationSteps": _no_accumulation,
}
"""How to train: at the top of a supervised job, in the `trainingConfig` of a preference job."""

_COMMON: dict[str, Check] = {
    "dataset": text,
    "displayName": text,
    "wandbConfig": fields.message(
        {"enabled": flag, "apiKey": text, "project": text, "entity": text, "runId": text}
    ),
    "awsS3Config": fields.message({"credentialsSecret": text, "iamRoleArn": text}),
    "azureBlobStorageConfig": fields.message(
        {"credentialsSecret": text, "managedIdentityClientId": text, "tenantId": text}
    ),
    "rendererHuggingFaceRepoId": text,
    "useReservation": flag,
    "reservationTarget": text,
}

_SUPERVISED: dict[str, Check] = {
    **_COMMON,
    **_TRAINING,
    "evaluationDataset": text,
    "evalAutoCarveout": flag,
    "isTurbo": flag,
    "lrScheduler": _schedule,
    "purpose": choice("PURPOSE_UNSPECIFIED", "PURPOSE_PILOT"),
    "usePurpose": choice("", "pilot"),
    "earlyStop": flag,
    "nodes": integer(0),
    "mtpEnabled": flag,
    "mtpNumDraftTokens": integer(0),
    "mtpFreezeBaseModel": flag,
    "metricsFileSignedUrl": text,
}

_PREFERENCE: dict[str, Check] = {
    **_COMMON,
    "trainingConfig": fields.message(_TRAINING),
    "lossConfig": fields.message(
        {
            "method": choice("METHOD_UNSPECIFIED", "GRPO", "DAPO", "DPO", "ORPO", "GSPO_TOKEN"),
            "klBeta": number(-1e-9),
            "dpo": fields.message(
                {
                    "beta": number(0),
                    "refCacheConcurrency": integer(0),
                    "refCacheBatchSize": integer(0),
                }
            ),
        }
    ),
}

_TRAINING_DEFAULTS: dict[str, Any] = {
    "baseModel": "",
    "warmStartFrom": "",
    "outputModel": "",
    "epochs": 1,
    "learningRate": 0.0001,
    "learningRateWarmupSteps": 0,
    "loraRank": 8,
    "maxContextLength": 8192,
    "batchSizeSamples": 0,
    "optimizerWeightDecay": 0.0,
    "samplerCheckpointSaveIntervalSteps": 0,
    "region": "REGION_UNSPECIFIED",
    "batchSize": 0,
    "jinjaTemplate": "",
    "gradientAccumulationSteps": 0,
}
"""Epochs, rank and context are those of the pages of November 2025; the trainer fills in zeros."""

_COMMON_DEFAULTS: dict[str, Any] = {
    "displayName": "",
    "wandbConfig": None,
    "awsS3Config": None,
    "azureBlobStorageConfig": None,
    "rendererHuggingFaceRepoId": "",
    "useReservation": False,
    "reservationTarget": "",
}
_SUPERVISED_DEFAULTS: dict[str, Any] = {
    **_COMMON_DEFAULTS,
    **_TRAINING_DEFAULTS,
    "evaluationDataset": "",
    "evalAutoCarveout": False,
    "isTurbo": False,
    "lrScheduler": None,
    "purpose": "PURPOSE_UNSPECIFIED",
    "usePurpose": "",
    "earlyStop": False,
    "nodes": 0,
    "mtpEnabled": False,
    "mtpNumDraftTokens": 0,
    "mtpFreezeBaseModel": False,
}


def supervised(body: Mapping[str, Any], job_id: str) -> dict[str, Any]:
    """A supervised job's request in full, as it will be shown; or Refusal."""
    given = fields.read(body, _SUPERVISED)
    given.pop("metricsFileSignedUrl", None)  # the gateway's to say
    request = _SUPERVISED_DEFAULTS | given
    _complete(request, request, job_id)
    return request


def preference(body: Mapping[str, Any], job_id: str) -> dict[str, Any]:
    """A preference job's request in full, as it will be shown; or Refusal."""
    given = fields.read(body, _PREFERENCE)
    training = _TRAINING_DEFAULTS | given.get("trainingConfig", {})
    loss = {"method": "DPO", "klBeta": None, "dpo": None} | given.get("lossConfig", {})
    request = _COMMON_DEFAULTS | given | {"trainingConfig": training, "lossConfig": loss}
    _complete(request, training, job_id)
    return request


def training_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """How to train, wherever a request says it."""
    training: Mapping[str, Any] = request.get("trainingConfig", request)
    return training


def id_of(name: str, kind: str, place: str, account: str = ACCOUNT) -> str:
    """The id in a full resource name; Refusal where it is none of that kind and account."""
    prefix = f"accounts/{account}/{kind}/"
    if not name.startswith(prefix) or not ID.fullmatch(name.removeprefix(prefix)):
        raise invalid(f'invalid {place} "{name}": expected {prefix}ID')
    return name.removeprefix(prefix)


def _complete(request: dict[str, Any], training: dict[str, Any], job_id: str) -> None:
    """Check what no single field shows, and fill in what follows from the rest."""
    if "dataset" not in request:
        raise invalid("dataset is required")
    if bool(training["baseModel"]) == bool(training["warmStartFrom"]):
        raise invalid("exactly one of base_model or warm_start_from must be specified")
    if request["wandbConfig"]:
        request["wandbConfig"].pop("apiKey", None)
    prefix = f"accounts/{ACCOUNT}/models/"
    output = training["outputModel"] or job_id
    training["outputModel"] = prefix + output.removeprefix(prefix)
    id_of(training["outputModel"], "models", "output_model")
