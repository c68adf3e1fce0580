"""Jobs, datasets, models and accounts as the gateway shows them.

The handlers call it with a record and what it has come to. Pure. What has no value is there all the
same, as an empty string, a zero or null.
"""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.fireworks import learning
from reconciler.sandbox.fireworks.catalogue import BaseModel
from reconciler.sandbox.fireworks.course import Course
from reconciler.sandbox.fireworks.create_request import training_of
from reconciler.sandbox.fireworks.wire import ACCOUNT, PUBLIC_ACCOUNT, shown_time
from reconciler.sandbox.store import Record

_OWNER = "sandbox@example.com"
_PLAINTEXT = "ENCRYPTION_STATE_PLAINTEXT"
_OK = {"code": "OK", "message": ""}
_PROGRESS = (
    *("totalInputRequests", "totalProcessedRequests", "successfullyProcessedRequests"),
    *("failedRequests", "outputRows", "inputTokens", "outputTokens", "cachedInputTokenCount"),
)
_BEGINNING = 1_700_000_000.0  # when the account and the base models were made


def job(record: Record, course: Course, state: str, now: float, metrics: str) -> dict[str, Any]:
    """A job of either kind; `metrics` is the signed address of its metrics file, or empty."""
    view = {
        **record["request"],
        "name": job_name(record),
        "state": f"JOB_STATE_{state}",
        "status": _status(record, state),
        "createdBy": _OWNER,
        "createTime": shown_time(record["created"]),
        "updateTime": shown_time(course.changed_at(now)),
        "completedTime": shown_time(course.completed_at(now)),
        "trainerLogsSignedUrl": "",
        "encryptionState": _PLAINTEXT,
    }
    if "trainingConfig" in record["request"]:
        return view
    return view | {
        "jobProgress": _progress(record, course, now),
        "estimatedCost": learning.estimated_cost(record),
        "metricsFileSignedUrl": metrics,
        "renderSamplesSignedUrl": "",
    }


def job_name(record: Record) -> str:
    """The full resource name of a job."""
    return f"accounts/{ACCOUNT}/{record['kind']}/{record['id']}"


def dataset(record: Record, state: str) -> dict[str, Any]:
    """A dataset."""
    survey = record["survey"] if state != "UPLOADING" else None
    error = survey["error"] if survey else None
    return {
        "name": dataset_name(record),
        "displayName": record["display_name"],
        "createTime": shown_time(record["created"]),
        "updateTime": shown_time(record["updated"]),
        "createdBy": _OWNER,
        "state": state,
        "status": {"code": "INVALID_ARGUMENT", "message": error} if error else _OK,
        "exampleCount": str(record["example_count"]),
        "estimatedTokenCount": str(survey["tokens"] if survey else 0),
        "averageTurnCount": survey["turns"] if survey else 0,
        "format": record["format"],
        "userUploaded": {},
        "externalUrl": "",
        "sourceJobName": "",
        "encryptionState": _PLAINTEXT,
    }


def dataset_name(record: Record) -> str:
    """The full resource name of a dataset."""
    return f"accounts/{ACCOUNT}/datasets/{record['id']}"


def tuned_model(record: Record, course: Course, now: float, base: BaseModel) -> dict[str, Any]:
    """The model that a completed job left."""
    training = training_of(record["request"])
    made = shown_time(course.completed_at(now))
    return _model(base, made) | {
        "name": training["outputModel"],
        "displayName": record["request"]["displayName"],
        "kind": "HF_PEFT_ADDON",
        "fineTuningJob": job_name(record),
        "peftDetails": {
            "baseModel": base.name,
            "r": training["loraRank"],
            "targetModules": ["q_proj", "k_proj", "v_proj", "o_proj"],
            "baseModelType": "",
            "mergeAddonModelName": "",
        },
        "public": False,
        "tunable": False,
    }


def base_model(base: BaseModel) -> dict[str, Any]:
    """One of Fireworks' own models."""
    return _model(base, shown_time(_BEGINNING))


def account() -> dict[str, Any]:
    """The one account."""
    return {
        "name": f"accounts/{ACCOUNT}",
        "displayName": "Sandbox",
        "email": _OWNER,
        "accountType": "ACCOUNT_TYPE_UNSPECIFIED",
        "createTime": shown_time(_BEGINNING),
        "updateTime": shown_time(_BEGINNING),
        "state": "READY",
        "status": _OK,
        "suspendState": "UNSUSPENDED",
    }


def _status(record: Record, state: str) -> dict[str, str]:
    if state != "FAILED":
        return _OK
    return {"code": record["error"]["code"], "message": record["error"]["message"]}


def _progress(record: Record, course: Course, now: float) -> dict[str, int] | None:
    """Null until there is any. What the counters mean for a training is not documented: zero."""
    if not course.has_begun(now):
        return None
    epochs: int = training_of(record["request"])["epochs"]
    done = course.progress(now)
    epoch = min(epochs - 1, int(done * epochs))
    return {"percent": int(done * 100), "epoch": epoch} | dict.fromkeys(_PROGRESS, 0)


def _model(base: BaseModel, made: str | None) -> dict[str, Any]:
    return {
        "name": base.name,
        "displayName": base.id,
        "description": "",
        "createTime": made,
        "updateTime": made,
        "state": "READY",
        "status": _OK,
        "kind": "HF_BASE_MODEL",
        "public": base.name.startswith(f"accounts/{PUBLIC_ACCOUNT}/"),
        "contextLength": base.context,
        "tunable": base.tunable,
        "supportsLora": base.tunable,
        "fineTuningJob": "",
        "peftDetails": None,
        "deployedModelRefs": [],
    }
