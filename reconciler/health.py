"""Two words for how a spec is doing, as Argo CD means them, and a sentence on what to do. Pure.

`status` and `apply --wait` show them. Sync says whether the job that a spec asks for is there;
health says how that job is doing. They are kept apart: a job that has failed is in sync, and an
earlier one that goes on well says nothing about what is asked for now. Only a job that succeeded is
healthy: one that was stopped or cancelled never is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from reconciler.errors import Remedy
from reconciler.failures import FailureClass, failure_class
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    JobStatus,
    Reason,
    Record,
    Rejection,
    Step,
)


class Sync(StrEnum):
    """Whether the job that a spec asks for is there. UNKNOWN: nobody can tell now."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """How what a spec asks for is doing. MISSING: there is no job, or its model was deleted."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"


def sync(spec: JobSpec, record: Record | None, step: Step | None = None) -> Sync:
    """Whether the job of this spec is there, by its record and the last step decided for it.

    A record of another token is that of an earlier version, and counts as none.
    """
    if step is not None and step.reason in (
        Reason.PROVIDER_UNAVAILABLE,
        Reason.CREATE_OUTCOME_UNKNOWN,
    ):
        return Sync.UNKNOWN
    if record is None or record.token != spec.token or _is_gone(step):
        return Sync.OUT_OF_SYNC
    match record.binding:
        case Binding.PENDING:
            return Sync.UNKNOWN
        case Binding.REJECTED:
            return Sync.OUT_OF_SYNC
        case Binding.BOUND:
            return Sync.SYNCED if record.job else Sync.UNKNOWN
        case _:
            assert_never(record.binding)


def health(record: Record | None, step: Step | None, now: float) -> Health:
    """How the job of a record is doing. `now` is in unix seconds, for a spec with a deadline.

    `suspend` holds back what has not been created; it neither stops a job that runs nor undoes one
    that has ended.
    """
    if record is not None and step is not None and record.token != step.token:
        record = None  # that of an earlier version
    if record is not None and record.binding is Binding.REJECTED:
        return Health.SUSPENDED if _suspended(step) else Health.DEGRADED
    if record is not None and record.binding is Binding.PENDING:
        return Health.PROGRESSING
    job = record.job if record else None
    if record is not None and record.model_deleted:
        return Health.MISSING  # what the job was for is gone
    if job is None or _is_gone(step):
        return Health.SUSPENDED if _suspended(step) and job is None else Health.MISSING
    return _of_job(job, step, now)


def next_action(spec: JobSpec, record: Record | None, step: Step | None, now: float) -> str:
    """What happens next by itself, or what somebody has to do, in one sentence."""
    if step is not None and step.action is Action.HOLD and step.hint:
        return step.hint
    if record is None or record.token != spec.token:
        return _without_job(spec)
    match record.binding:
        case Binding.PENDING:
            return "wait: the job is looked for before anything is sent again"
        case Binding.REJECTED:
            return _after_rejection(spec, record.rejection)
        case Binding.BOUND:
            return _with_job(spec, record, step, now)
        case _:
            assert_never(record.binding)


def _of_job(job: Job, step: Step | None, now: float) -> Health:
    match job.status:
        case JobStatus.SUCCEEDED:
            return Health.HEALTHY
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return Health.DEGRADED
        case _ if _overdue(job, step, now):
            return Health.DEGRADED
        case JobStatus.PAUSED:
            return Health.SUSPENDED
        case (
            JobStatus.VALIDATING_FILES
            | JobStatus.QUEUED
            | JobStatus.RUNNING
            | JobStatus.UNKNOWN  # a word that nobody knows: it is not over
        ):
            return Health.PROGRESSING
        case _:
            assert_never(job.status)


def _overdue(job: Job, step: Step | None, now: float) -> bool:
    """Whether a job that goes on should have ended by now."""
    if step is None:
        return False
    deadline = step.spec.deadline if step.spec else None
    late = deadline is not None and job.created_at is not None and job.created_at + deadline <= now
    return late or step.reason is Reason.DEADLINE_EXCEEDED


def _suspended(step: Step | None) -> bool:
    if step is None:
        return False
    return step.reason is Reason.SUSPENDED or (step.spec is not None and step.spec.suspend)


def _is_gone(step: Step | None) -> bool:
    """Whether the provider shows no job where state knows one."""
    return step is not None and step.reason is Reason.JOB_MISSING


def _without_job(spec: JobSpec) -> str:
    if spec.suspend:
        return "set spec.suspend to false to train"
    return "reconcile apply creates it"


def _after_rejection(spec: JobSpec, rejection: Rejection | None) -> str:
    if spec.suspend:
        return "set spec.suspend to false to train"
    remedy = rejection.remedy if rejection else Remedy.FIX_SPEC
    match remedy:
        case Remedy.RETRY_NOW | Remedy.RETRY_LATER:
            return "wait: it is sent again by itself when the provider allows it"
        case Remedy.FIX_ACCOUNT:
            return f"put the account or the key of {spec.provider} in order, then apply again"
        case Remedy.FIX_SPEC:
            return "correct the spec, or raise spec.attempt to send the same again"
        case _:
            assert_never(remedy)


def _with_job(spec: JobSpec, record: Record, step: Step | None, now: float) -> str:
    job = record.job
    if job is None:
        return "wait: the next pass looks how it stands"
    match job.status:
        case JobStatus.SUCCEEDED if record.model_deleted:
            return "its model has been deleted; to train again, raise spec.attempt"
        case JobStatus.SUCCEEDED:
            return f"nothing: use {job.fine_tuned_model}"
        case JobStatus.FAILED:
            return _after_failure(spec, job)
        case JobStatus.CANCELLED:
            return "it stays cancelled; to train again, raise spec.attempt"
        case _ if _overdue(job, step, now):
            return f"it is past its deadline; to stop it: reconcile cancel {spec.name}"
        case JobStatus.PAUSED:
            return f"to let it go on: reconcile resume {spec.name}"
        case JobStatus.UNKNOWN:
            return (
                f"look at the job at {spec.provider}: its status {job.provider_status!r} is not"
                " one this program knows"
            )
        case JobStatus.VALIDATING_FILES | JobStatus.QUEUED | JobStatus.RUNNING:
            return "wait: the job goes on by itself"
        case _:
            assert_never(job.status)


def _after_failure(spec: JobSpec, job: Job) -> str:
    kind = failure_class(job)
    match kind:
        case FailureClass.DATA:
            return "correct the data, then apply again"
        case FailureClass.ACCOUNT:
            return f"put the account at {spec.provider} in order, then raise spec.attempt"
        case FailureClass.PROVIDER if spec.retry < spec.retry_limit:
            return "wait: it is tried again by itself, as spec.retry says"
        case FailureClass.PROVIDER:
            return "it was the provider's fault: raise spec.attempt to train again"
        case FailureClass.CANCELLED:
            return "it was cancelled at the provider; to train again, raise spec.attempt"
        case FailureClass.UNKNOWN:
            return "read the error, then correct the spec or raise spec.attempt"
        case _:
            assert_never(kind)
