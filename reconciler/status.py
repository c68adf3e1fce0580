"""The sidecar: what state knows of a spec, as a file beside it.

`engine` calls `project` (pure) and then `write_sidecar` at the end of a pass. A sidecar is never
read to decide anything. It holds provider timestamps only and nothing that ticks, so that a git
diff of it is a real change and a pass that changes nothing leaves every byte as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from reconciler import yamlio
from reconciler.durable import replace_file
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    Job,
    JobSpec,
    JobStatus,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.orphans import age

API_VERSION = "finetuning.reconciler/v1"
SUFFIX = ".status.yaml"
_SANDBOX_MARK = b"\n  sandbox: true\n"

_PHASES = {
    JobStatus.VALIDATING_FILES: "Pending",
    JobStatus.QUEUED: "Pending",
    JobStatus.RUNNING: "Running",
    JobStatus.PAUSED: "Paused",
    JobStatus.SUCCEEDED: "Succeeded",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELLED: "Cancelled",
    JobStatus.UNKNOWN: "Unknown",
}

_LASTING_HOLDS = (
    Reason.SUSPENDED,
    Reason.WAITING_FOR_SPEC,
    Reason.DATA_ABSENT,
    Reason.NOT_CONFIGURED,
    Reason.MODEL_CLOSED,
    Reason.MODEL_DELETED,
    Reason.MODEL_SHUTS_DOWN,
    Reason.JOB_MISSING,
)
"""Holds worth a line in git. An outage is not: it would come and go in the history."""


def project(
    spec: JobSpec, state: State, step: Step | None = None, *, sandbox: bool = False
) -> dict[str, Any]:
    """The sidecar of a spec: `schemas/finetuningjobstatus.v1.schema.json`. Pure."""
    record = state.records.get(spec.token)
    history = records_of(spec, state)
    current = record.job if record else None
    hold = step if step and step.action is Action.HOLD and step.reason in _LASTING_HOLDS else None
    status: dict[str, Any] = {
        "phase": phase(record, hold),
        "fine_tuned_model": current.fine_tuned_model if current else None,
        "trained_tokens": current.trained_tokens if current else None,
        "estimated": _estimated(record),
        "last_succeeded": _last_succeeded(history),
        "digest": spec.digest,
        "token": spec.token,
        "attempt": spec.attempt,
        "provider": spec.provider,
        "source": _source(record, spec),
        "datasets": _datasets(record, spec),
        "conditions": conditions(record, hold),
        "job": job_object(current) if current else None,
        "previous": [_previous(old) for old in history if old.token != spec.token],
    }
    if sandbox:
        status = {"sandbox": True} | status
    return {
        "apiVersion": API_VERSION,
        "kind": "FineTuningJobStatus",
        "metadata": {"name": spec.name, "namespace": spec.namespace},
        "status": status,
    }


def job_object(job: Job) -> dict[str, Any]:
    """OpenAI's `fine_tuning.job`: the same 17 fields for every provider, then what is beside them.

    A word we do not know is reported as `running`, so that whoever reads the six words goes on
    waiting; `provider_status` holds the word itself.
    """
    unknown = job.status is JobStatus.UNKNOWN
    document: dict[str, Any] = {
        "id": job.id,
        "created_at": job.created_at,
        "error": job.error
        and {"code": job.error.code, "message": job.error.message, "param": job.error.param},
        "fine_tuned_model": job.fine_tuned_model,
        "finished_at": job.finished_at,
        "hyperparameters": _in_order(job.hyperparameters),
        "model": job.model,
        "object": "fine_tuning.job",
        "organization_id": job.organization_id,
        "result_files": list(job.result_files),
        "status": (JobStatus.RUNNING if unknown else job.status).value,
        "trained_tokens": job.trained_tokens,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "seed": job.seed,
        "integrations": _in_order(job.integrations),
        "estimated_finish": job.estimated_finish,
        "provider_status": job.provider_status,
    }
    if job.method is not None:
        document["method"] = _in_order(job.method)
    if job.metadata is not None:
        document["metadata"] = _in_order(job.metadata)
    return document


def phase(record: Record | None, hold: Step | None = None) -> str:
    """One word for how a spec is doing, from its record and a hold that lasts."""
    if record is None:
        return "Held" if hold else "Pending"
    match record.binding:
        case Binding.PENDING:
            return "Unknown"
        case Binding.REJECTED:
            return "Held"
        case Binding.BOUND:
            if hold and hold.reason is Reason.JOB_MISSING:
                return "Unknown"
            return _PHASES[record.job.status] if record.job else "Unknown"
        case _:
            assert_never(record.binding)


def conditions(record: Record | None, hold: Step | None = None) -> list[dict[str, str]]:
    """Synced and Ready always, Stalled only when true: nothing moves until somebody acts."""
    job = record.job if record else None
    if job is not None:
        synced = _condition("Synced", "True", "JobBound", f"tied to {job.id}")
    elif record is not None and record.binding is Binding.PENDING:
        synced = _condition(
            "Synced", "Unknown", "CreateOutcomeUnknown", "a create was sent and never answered"
        )
    else:
        synced = _condition("Synced", "False", *_why_not_synced(record, hold))
    found = [synced, _ready(job)]
    if stalled := _stalled(record, job, hold):
        found.append(stalled)
    return found


def records_of(spec: JobSpec, state: State) -> list[Record]:
    """Every record of this spec's name, or of one it had before, newest first."""
    names = (spec.name, *spec.previous_names)
    records = state.records.values()
    found = [r for r in records if r.namespace == spec.namespace and r.name in names]
    return sorted(found, key=age, reverse=True)


def last_succeeded(records: Sequence[Record]) -> Record | None:
    """The newest record whose job left a model that is still there: what applications can use."""
    return next(
        (
            record
            for record in records
            if record.job and record.job.status is JobStatus.SUCCEEDED and not record.model_deleted
        ),
        None,
    )


def sidecar_path(root: Path, spec: JobSpec) -> Path:
    """Where a spec's sidecar lives: beside the file the spec is in."""
    return (root / spec.source.path).parent / f"{spec.name}{SUFFIX}"


def write_sidecar(path: Path, document: Mapping[str, Any], *, elsewhere: Path) -> Path | None:
    """Write a sidecar where its bytes differ; the path written, None if nothing changed.

    A sidecar of the sandbox never replaces one that tells of a real job: it goes `elsewhere`.
    """
    data = yamlio.dump(document).encode()
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        old = None
    from_sandbox = _SANDBOX_MARK in data
    if from_sandbox and old is not None and _SANDBOX_MARK not in old:
        path = elsewhere
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_bytes() if path.exists() else None
    if old == data:
        return None
    replace_file(path, data)
    return path


def remove_former(path: Path, spec: JobSpec, *, sandbox: bool) -> list[Path]:
    """Remove the sidecars that a spec had under former names; those removed.

    `path` is its sidecar now. What is no sidecar of that name stays, and in the sandbox what tells
    of a real job.
    """
    removed = []
    for name in spec.previous_names:
        former = path.with_name(f"{name}{SUFFIX}")
        try:
            data = former.read_bytes()
        except OSError:
            continue
        ours = b"kind: FineTuningJobStatus\n" in data and f"\n  name: {name}\n".encode() in data
        if ours and (_SANDBOX_MARK in data) == sandbox:
            former.unlink(missing_ok=True)
            removed.append(former)
    return removed


def _in_order(value: Any) -> Any:
    """Keys sorted all the way down: a provider may send them in another order every time."""
    match value:
        case Mapping():
            return {key: _in_order(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_in_order(item) for item in value]
        case _:
            return value


def _ready(job: Job | None) -> dict[str, str]:
    if job is None:
        return _condition("Ready", "False", "NoJob", "no job yet")
    if job.status is JobStatus.SUCCEEDED:
        return _condition("Ready", "True", "Succeeded", f"{job.fine_tuned_model} can be used")
    message = job.error.message if job.error else f"the job is {job.provider_status}"
    return _condition("Ready", "False", _PHASES[job.status], message)


def _stalled(record: Record | None, job: Job | None, hold: Step | None) -> dict[str, str] | None:
    if hold is not None and hold.reason is not Reason.WAITING_FOR_SPEC:
        return _condition("Stalled", "True", hold.reason.value, f"{hold.message}: {hold.hint}")
    if record is not None and record.binding is Binding.REJECTED and record.rejection:
        reason = record.rejection.code or record.rejection.remedy.value
        return _condition("Stalled", "True", reason, record.rejection.message)
    if job is not None and job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        message = "correct the spec or its data, or raise spec.attempt, to train again"
        why = record.stopped_because if record else None
        return _condition("Stalled", "True", why or f"Job{_PHASES[job.status]}", message)
    if job is not None and job.status is JobStatus.PAUSED:
        message = f"to let it go on: reconcile resume {record.name}" if record else ""
        return _condition("Stalled", "True", "JobPaused", message)
    return None


def _why_not_synced(record: Record | None, hold: Step | None) -> tuple[str, str]:
    if record is not None and record.rejection is not None:
        return "CreateRejected", record.rejection.message
    if hold is not None:
        return hold.reason.value, hold.message
    return "Missing", "no job has been created yet"


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _estimated(record: Record | None) -> dict[str, Any] | None:
    """What the create was expected to cost, beside what was trained; the price is the one of then.

    A table of prices that changes leaves the sidecars of what was trained as they are.
    """
    estimate = record.estimate if record else None
    if record is None or estimate is None:
        return None
    trained = record.job.trained_tokens if record.job else None
    by_trained = None
    if trained is not None and estimate.usd is not None and estimate.tokens > 0:
        by_trained = round(estimate.usd * trained / estimate.tokens, 4)
    return {
        "tokens": estimate.tokens,
        "tokens_high": estimate.tokens_high,
        "exact": estimate.exact,
        "cost_usd": estimate.usd,
        "cost_usd_high": estimate.usd_high,
        "price": estimate.price,
        "cost_usd_of_trained_tokens": by_trained,
    }


def _last_succeeded(history: Sequence[Record]) -> dict[str, Any] | None:
    record = last_succeeded(history)
    if record is None or record.job is None:
        return None
    return {
        "fine_tuned_model": record.job.fine_tuned_model,
        "trained_tokens": record.job.trained_tokens,
        "job_id": record.job.id,
        "digest": record.digest,
        "finished_at": record.job.finished_at,
    }


def _previous(record: Record) -> dict[str, Any]:
    job = record.job
    return {
        "token": record.token,
        "digest": record.digest,
        "attempt": record.attempt,
        "job_id": job.id if job else None,
        "phase": phase(record),
        "fine_tuned_model": job.fine_tuned_model if job else None,
        "trained_tokens": job.trained_tokens if job else None,
        "created_at": job.created_at if job else None,
        "finished_at": job.finished_at if job else None,
    }


def _source(record: Record | None, spec: JobSpec) -> dict[str, Any]:
    if record is None:
        return {"path": spec.source.path, "commit": None}
    return {"path": record.source.path, "commit": record.source.commit}


def _datasets(record: Record | None, spec: JobSpec) -> dict[str, Any]:
    """The data where it lies today, by the provider's name for it: one token, one content."""
    return {
        "training": _dataset(spec.training, record.training if record else None),
        "validation": _dataset(spec.validation, record.validation if record else None)
        if spec.validation
        else None,
    }


def _dataset(dataset: Dataset, recorded: Dataset | None) -> dict[str, Any]:
    return {
        "path": dataset.path,
        "sha256": dataset.sha256,
        "examples": dataset.examples,
        "bytes": dataset.size,
        "reference": dataset.reference or (recorded.reference if recorded else None),
    }
