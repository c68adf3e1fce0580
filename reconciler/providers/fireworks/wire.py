"""The words of the wire: request bodies out; jobs, datasets and models in.

`adapter` and `datasets` translate through here. Pure. Everything in an answer may be missing, null
or of another type, and enums are open: what is not understood becomes None or UNKNOWN, never a
guess. Signed URLs and the key of Weights & Biases, which stand in a job as Fireworks shows it, are
never carried on.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.model import Job, JobError, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.fireworks import fields, names
from reconciler.providers.fireworks.names import JobName, Kind
from reconciler.providers.refusal import redact

_PREFIX = "JOB_STATE_"
_STATES = {
    "VALIDATING": JobStatus.VALIDATING_FILES,
    "CREATING_INPUT_DATASET": JobStatus.VALIDATING_FILES,
    "CREATING": JobStatus.QUEUED,
    "PENDING": JobStatus.QUEUED,
    "RE_QUEUEING": JobStatus.QUEUED,
    "RUNNING": JobStatus.RUNNING,
    "WRITING_RESULTS": JobStatus.RUNNING,
    "IDLE": JobStatus.RUNNING,
    "CANCELLING": JobStatus.RUNNING,
    "PAUSED": JobStatus.PAUSED,
    "COMPLETED": JobStatus.SUCCEEDED,
    "FAILED": JobStatus.FAILED,
    "EXPIRED": JobStatus.FAILED,
    "CANCELLED": JobStatus.CANCELLED,
}
_EARLY_STOPPED = "EARLY_STOPPED"
_GONE = frozenset({"DELETING", "DELETING_CLEANING_UP", "DELETED", "ARCHIVED"})
"""States of a job that has been deleted: Fireworks may go on showing it, but there is none.

Fireworks' description of its REST API, 5.10.0, has all of the above. An early stop is over once its
model is there, which the job alone does not tell.
"""

_ADDONS = ("", "KIND_UNSPECIFIED", "HF_PEFT_ADDON", "HF_TEFT_ADDON")
"""Kinds of model that are trained further as add-ons. A model without a kind is one (Fireworks'
SDK, 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDataset:
    """A dataset the account has. `failure` is what Fireworks found wrong with its content."""

    name: str
    ready: bool
    created_at: int | None
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model of some account, or that there is none by its name.

    `addon`: it is a LoRA over another model, and no base model. `tuned`: a training has made it.
    """

    name: str = ""
    ready: bool = False
    addon: bool = False
    tuned: bool = False
    exists: bool = True


def kind(spec: JobSpec) -> Kind:
    """Which collection the job of a spec belongs to."""
    return Kind.DPO if spec.method == "dpo" else Kind.SUPERVISED


def create_body(
    request: CreateRequest, account: str, *, addon: bool = False, wandb_key: str | None = None
) -> dict[str, Any]:
    """The body of a create: flat for a supervised job, nested for a dpo job. Holds no nulls.

    `addon` says that the base model is a LoRA, which training then goes on from. `wandb_key` is
    the secret behind `wandb_api_key_env`.
    """
    spec = request.spec
    top: dict[str, Any] = {
        "dataset": names.dataset(request.training, account),
        **_renamed(fields.JOB, spec.section),
    }
    training: dict[str, Any] = {
        "warmStartFrom" if addon else "baseModel": names.base_model(request.base_model),
        "outputModel": names.owned_model(
            names.output_model(spec.suffix or spec.name, spec.token), account
        ),
        "epochs": spec.hyperparameters.get("n_epochs"),
        "batchSizeSamples": spec.hyperparameters.get("batch_size"),
        **_renamed(fields.TRAINING, spec.section),
    }
    if spec.integrations:
        top["wandbConfig"] = _wandb(spec.integrations[0], wandb_key)
    if kind(spec) is Kind.DPO:
        top["trainingConfig"] = training
        top["lossConfig"] = _loss(spec)
    else:
        top |= training | _renamed(fields.SUPERVISED, spec.section)
        top["evaluationDataset"] = request.validation and names.dataset(request.validation, account)
        if "purpose" in top:
            top["purpose"] = fields.PURPOSES.get(top["purpose"], top["purpose"])
    plain: dict[str, Any] = _without_nulls(top)
    return plain


def dataset_body(dataset_id: str, examples: int, format_: str | None) -> dict[str, Any]:
    """The body that makes room for a dataset. Fireworks' numbers of 64 bits are text in JSON."""
    dataset: dict[str, Any] = {"userUploaded": {}, "exampleCount": str(examples)}
    if format_ is not None:
        dataset["format"] = format_
    return {"datasetId": dataset_id, "dataset": dataset}


def job(
    document: Any, model: StoredModel | None = None, secrets: Collection[str] = ()
) -> Job | None:
    """A job as Fireworks shows it; None if it is none, of a kind we do not run, or deleted.

    `model` is what is known of the model of a job for which `stopped_early` asked. `secrets` are
    blotted out of what Fireworks says about a failure.
    """
    name = JobName.parsed(document.get("name")) if isinstance(document, Mapping) else None
    if name is None or _state(document) in _GONE:
        return None
    training = _training(document, name.kind)
    status = _status(_state(document), model)
    done = status is JobStatus.SUCCEEDED
    hyperparameters = _hyperparameters(training, document)
    made = _text(training.get("outputModel"))
    method = "dpo" if name.kind is Kind.DPO else "supervised"
    return Job(
        id=str(name),
        status=status,
        provider_status=_text(document.get("state")) or "",
        stamp=name.id,
        created_at=moment(document.get("createTime")),
        finished_at=moment(document.get("completedTime")),
        model=_text(training.get("baseModel")) or _text(training.get("warmStartFrom")),
        fine_tuned_model=names.owned_model(made, name.account) if done and made else None,
        training_file=_text(document.get("dataset")),
        validation_file=_text(document.get("evaluationDataset")),
        error=_error(document, status, secrets),
        hyperparameters=hyperparameters,
        organization_id=name.account,
        integrations=_integrations(document.get("wandbConfig")),
        method={"type": method, method: {"hyperparameters": hyperparameters}},
    )


def stopped_early(document: Any) -> str | None:
    """The full name of the model that decides how an early stop ended; None for other jobs."""
    name = JobName.parsed(document.get("name")) if isinstance(document, Mapping) else None
    if name is None or _state(document) != _EARLY_STOPPED:
        return None
    made = _text(_training(document, name.kind).get("outputModel"))
    return names.owned_model(made or name.id, name.account)


def stored_dataset(document: Any) -> StoredDataset | None:
    """A dataset; None if it has no name."""
    if not isinstance(document, Mapping) or not (name := _text(document.get("name"))):
        return None
    status = document.get("status")
    status = status if isinstance(status, Mapping) else {}
    code = _text(status.get("code")) or "OK"
    said = _text(status.get("message")) or code
    return StoredDataset(
        name=name,
        ready=document.get("state") == "READY",
        created_at=moment(document.get("createTime")),
        failure="" if code == "OK" else redact(said),
    )


def stored_model(document: Any) -> StoredModel | None:
    """A model; None if the answer is no object."""
    if not isinstance(document, Mapping):
        return None
    addon = (_text(document.get("kind")) or "") in _ADDONS
    return StoredModel(
        name=_text(document.get("name")) or "",
        ready=document.get("state") == "READY",
        addon=addon,
        tuned=addon or _text(document.get("fineTuningJob")) is not None,
    )


def moment(value: Any) -> int | None:
    """Unix seconds from RFC 3339 text; None for what is none, and for the zero of protocols."""
    if not isinstance(value, str):
        return None
    try:
        then = datetime.fromisoformat(value)
        seconds = then.timestamp() if then.tzinfo else 0.0
    except (ValueError, OverflowError):
        return None
    return int(seconds) if seconds > 0 else None


def number(value: Any) -> float | None:
    """A finite number, also as text: numbers of 64 bits are text in Fireworks' JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _wandb(integration: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    wandb = integration.get("wandb", {})
    return {
        "enabled": True,
        "apiKey": key,
        "project": wandb.get("project"),
        "entity": wandb.get("entity"),
    }


def _loss(spec: JobSpec) -> dict[str, Any]:
    """`lossConfig`. The method is always said: its default is described in two ways."""
    given = spec.section.get(fields.LOSS)
    loss = dict(given) if isinstance(given, Mapping) else {}
    method = loss.pop("method", fields.LOSSES[0])
    dpo = {**_camel(loss.pop("dpo", {})), "beta": spec.hyperparameters.get("beta")}
    dpo = _without_nulls(dpo)
    return {"method": method, **_camel(loss), "dpo": dpo or None}


def _renamed(table: Mapping[str, str], section: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a spec's section that a table knows, under their names on the wire."""
    return {wire: _camel(section[name]) for name, wire in table.items() if name in section}


def _camel(value: Any) -> Any:
    """A field's value with the names within it as they are on the wire."""
    if isinstance(value, Mapping):
        return {fields.NESTED.get(key, key): _camel(item) for key, item in value.items()}
    return value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _state(document: Mapping[str, Any]) -> str:
    return (_text(document.get("state")) or "").removeprefix(_PREFIX)


def _status(state: str, model: StoredModel | None) -> JobStatus:
    if state == _EARLY_STOPPED and model is not None:
        if not model.exists:
            return JobStatus.FAILED
        return JobStatus.SUCCEEDED if model.ready else JobStatus.RUNNING
    return _STATES.get(state, JobStatus.UNKNOWN)


def _training(document: Mapping[str, Any], kind_: Kind) -> Mapping[str, Any]:
    """Where a job says how it trains."""
    if kind_ is Kind.SUPERVISED:
        return document
    training = document.get("trainingConfig")
    return training if isinstance(training, Mapping) else {}


def _hyperparameters(training: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """What the job trains with, in the words of a spec. An unset number is 0 on the wire."""
    loss = document.get("lossConfig")
    loss = loss if isinstance(loss, Mapping) else {}
    dpo = loss.get("dpo")
    dpo = dpo if isinstance(dpo, Mapping) else {}
    found = {
        "n_epochs": _whole(training.get("epochs")),
        "batch_size": _whole(training.get("batchSizeSamples")),
        "learning_rate": number(training.get("learningRate")),
        "learning_rate_warmup_steps": _whole(training.get("learningRateWarmupSteps")),
        "lora_rank": _whole(training.get("loraRank")),
        "max_context_length": _whole(training.get("maxContextLength")),
        "optimizer_weight_decay": number(training.get("optimizerWeightDecay")),
        "beta": number(dpo.get("beta")),
        "loss": _text(loss.get("method")),
    }
    return {name: value for name, value in found.items() if value}


def _integrations(wandb: Any) -> tuple[Mapping[str, Any], ...]:
    """Where the job reports to, without the key and the address that stand beside it."""
    if not isinstance(wandb, Mapping) or wandb.get("enabled") is not True:
        return ()
    shown = {name: _text(wandb.get(name)) for name in ("project", "entity")}
    return ({"type": "wandb", "wandb": {key: text for key, text in shown.items() if text}},)


def _error(
    document: Mapping[str, Any], status: JobStatus, secrets: Collection[str]
) -> JobError | None:
    """Why a job failed. Other jobs have a status too, which says that all is well."""
    if status is not JobStatus.FAILED:
        return None
    said = document.get("status")
    said = said if isinstance(said, Mapping) else {}
    code, message = _text(said.get("code")), _text(said.get("message"))
    code = None if code == "OK" else code
    if code is None and message is None:
        if _state(document) == _EARLY_STOPPED:
            return JobError(code=_EARLY_STOPPED, message="it stopped early and left no model")
        return None
    return JobError(code=code, message=redact(message or "", secrets))


def _whole(value: Any) -> int | None:
    found = number(value)
    return int(found) if found is not None and found.is_integer() else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
