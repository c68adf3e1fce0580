"""Sync, health and what to do next: one row per case, all three words of it in the row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import Remedy
from reconciler.health import Health, Sync, health, next_action, sync
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobError,
    JobStatus,
    Reason,
    Record,
    Rejection,
    Step,
)
from tests.fakes import NOW, make_record, make_spec

SPEC = make_spec()
SUSPENDED = replace(SPEC, suspend=True)
HURRIED = replace(SPEC, deadline=3600.0)
EARLIER = make_spec(attempt=1)


def bound(
    status: JobStatus, *, error: JobError | None = None, age: float = 60, **job: str
) -> Record:
    made = Job(
        id="ftjob-1",
        status=status,
        provider_status=job.pop("word", status.value),
        created_at=int(NOW - age),
        fine_tuned_model="ft:1" if status is JobStatus.SUCCEEDED else None,
        error=error,
    )
    return make_record(SPEC, binding=Binding.BOUND, pending_since=None, job=made)


def failed(code: str | None, message: str = "") -> Record:
    return bound(JobStatus.FAILED, error=JobError(code=code, message=message))


def rejected(remedy: Remedy) -> Record:
    said = Rejection(remedy=remedy, code="", message="no", at=NOW, retry_at=None)
    return make_record(SPEC, binding=Binding.REJECTED, pending_since=None, rejection=said)


def step(
    action: Action = Action.NOOP,
    reason: Reason = Reason.UP_TO_DATE,
    spec: object = SPEC,
    hint: str = "",
) -> Step:
    return Step(
        action=action,
        reason=reason,
        token=SPEC.token,
        name=SPEC.name,
        provider="openai",
        spec=spec,  # type: ignore[arg-type]  # a spec in every row
        hint=hint,
    )


def hold(reason: Reason, hint: str = "do this") -> Step:
    return step(Action.HOLD, reason, hint=hint)


AGAIN = "to train again, raise spec.attempt"
RUNNING, SUCCEEDED = JobStatus.RUNNING, JobStatus.SUCCEEDED
SYNCED, OUT, DUNNO = Sync.SYNCED, Sync.OUT_OF_SYNC, Sync.UNKNOWN

ROWS = {
    # a job that is there
    "validating": (bound(JobStatus.VALIDATING_FILES), step(), SYNCED, Health.PROGRESSING, "wait:"),
    "queued": (bound(JobStatus.QUEUED), step(), SYNCED, Health.PROGRESSING, "wait:"),
    "running": (bound(RUNNING), step(), SYNCED, Health.PROGRESSING, "wait: the job goes on"),
    "running, offline": (bound(RUNNING), None, SYNCED, Health.PROGRESSING, "wait:"),
    "a word nobody knows": (
        bound(JobStatus.UNKNOWN, word="hibernating"),
        step(),
        SYNCED,
        Health.PROGRESSING,
        "its status 'hibernating' is not one",
    ),
    "succeeded": (bound(SUCCEEDED), step(), SYNCED, Health.HEALTHY, "nothing: use ft:1"),
    "succeeded, its model deleted": (
        replace(bound(SUCCEEDED), model_deleted=True),
        step(),
        SYNCED,
        Health.MISSING,
        "its model has been deleted",
    ),
    "paused": (
        bound(JobStatus.PAUSED),
        step(),
        SYNCED,
        Health.SUSPENDED,
        "reconcile resume support-bot",
    ),
    "cancelled": (bound(JobStatus.CANCELLED), step(), SYNCED, Health.DEGRADED, AGAIN),
    "failed by its data": (
        failed("invalid_n_examples"),
        step(),
        SYNCED,
        Health.DEGRADED,
        "correct the data",
    ),
    "failed by its account": (
        failed("insufficient_quota"),
        step(),
        SYNCED,
        Health.DEGRADED,
        "put the account at openai in order, then raise spec.attempt",
    ),
    "failed by its provider": (
        failed("server_error"),
        step(),
        SYNCED,
        Health.DEGRADED,
        "the provider's fault: raise spec.attempt",
    ),
    "failed for who knows what": (failed("odd"), step(), SYNCED, Health.DEGRADED, "read the error"),
    "failed because it was cancelled": (
        failed("CANCELLED"),
        step(),
        SYNCED,
        Health.DEGRADED,
        "cancelled at the provider",
    ),
    "past its deadline by the clock": (
        bound(RUNNING, age=3600),
        step(spec=HURRIED),
        SYNCED,
        Health.DEGRADED,
        "reconcile cancel support-bot",
    ),
    "a moment before its deadline": (
        bound(RUNNING, age=3599),
        step(spec=HURRIED),
        SYNCED,
        Health.PROGRESSING,
        "wait:",
    ),
    "past its deadline by the plan": (
        bound(RUNNING),
        step(Action.CANCEL, Reason.DEADLINE_EXCEEDED),
        SYNCED,
        Health.DEGRADED,
        "past its deadline",
    ),
    "succeeded after its deadline": (
        bound(SUCCEEDED, age=9999),
        step(spec=HURRIED),
        SYNCED,
        Health.HEALTHY,
        "use ft:1",
    ),
    "not there any more": (
        bound(RUNNING),
        hold(Reason.JOB_MISSING),
        OUT,
        Health.MISSING,
        "do this",
    ),
    "a provider that does not answer": (
        bound(RUNNING),
        hold(Reason.PROVIDER_UNAVAILABLE),
        DUNNO,
        Health.PROGRESSING,
        "do this",
    ),
    # no job yet
    "nothing yet": (
        None,
        step(Action.CREATE, Reason.MISSING),
        OUT,
        Health.MISSING,
        "apply creates",
    ),
    "nothing yet, offline": (None, None, OUT, Health.MISSING, "reconcile apply creates it"),
    "an earlier version": (
        make_record(EARLIER, binding=Binding.BOUND, job=bound(SUCCEEDED).job),
        step(Action.CREATE, Reason.MISSING),
        OUT,
        Health.MISSING,
        "reconcile apply creates it",
    ),
    "waiting for another spec": (
        None,
        hold(Reason.WAITING_FOR_SPEC),
        OUT,
        Health.MISSING,
        "do this",
    ),
    "no provider to ask": (
        None,
        hold(Reason.PROVIDER_UNAVAILABLE),
        DUNNO,
        Health.MISSING,
        "do this",
    ),
    "suspended": (None, hold(Reason.SUSPENDED), OUT, Health.SUSPENDED, "do this"),
    "a create that was never answered": (
        make_record(SPEC),
        hold(Reason.CREATE_OUTCOME_UNKNOWN),
        DUNNO,
        Health.PROGRESSING,
        "do this",
    ),
    "a create that was never answered, offline": (
        make_record(SPEC),
        None,
        DUNNO,
        Health.PROGRESSING,
        "wait: the job is looked for",
    ),
    "refused for now": (
        rejected(Remedy.RETRY_LATER),
        None,
        OUT,
        Health.DEGRADED,
        "wait: it is sent",
    ),
    "refused for its account": (
        rejected(Remedy.FIX_ACCOUNT),
        None,
        OUT,
        Health.DEGRADED,
        "put the account or the key of openai in order",
    ),
    "refused for its spec": (
        rejected(Remedy.FIX_SPEC),
        None,
        OUT,
        Health.DEGRADED,
        "correct the spec",
    ),
}


@pytest.mark.parametrize(
    ("record", "decided", "expected_sync", "expected_health", "words"),
    [pytest.param(*row, id=reason) for reason, row in ROWS.items()],
)
def test_a_spec_is_in_one_state(
    record: Record | None,
    decided: Step | None,
    expected_sync: Sync,
    expected_health: Health,
    words: str,
) -> None:
    assert sync(SPEC, record, decided) is expected_sync
    assert health(record, decided, NOW) is expected_health
    assert words in next_action(SPEC, record, decided, NOW)


@pytest.mark.parametrize(
    ("record", "expected", "words"),
    [
        pytest.param(None, Health.SUSPENDED, "set spec.suspend to false", id="no job"),
        pytest.param(
            rejected(Remedy.FIX_SPEC), Health.SUSPENDED, "set spec.suspend", id="refused before"
        ),
        pytest.param(bound(RUNNING), Health.PROGRESSING, "wait:", id="it does not stop a job"),
        pytest.param(bound(SUCCEEDED), Health.HEALTHY, "use ft:1", id="a model stays a model"),
        pytest.param(failed("server_error"), Health.DEGRADED, "raise", id="a failure a failure"),
    ],
)
def test_suspend_holds_back_only_what_is_not_created(
    record: Record | None, expected: Health, words: str
) -> None:
    decided = step(spec=SUSPENDED)
    assert health(record, decided, NOW) is expected
    assert words in next_action(SUSPENDED, record, decided, NOW)


def test_a_failure_that_is_tried_again_by_itself_needs_nobody() -> None:
    patient = replace(SPEC, retry_limit=2, retry=1)
    assert "wait: it is tried again" in next_action(patient, failed("server_error"), None, NOW)
    spent = replace(patient, retry=2)
    assert "raise spec.attempt" in next_action(spent, failed("server_error"), None, NOW)


@pytest.mark.parametrize("status", JobStatus)
def test_only_success_is_healthy(status: JobStatus) -> None:
    found = health(bound(status), None, NOW)
    assert (found is Health.HEALTHY) is (status is SUCCEEDED)
    assert (found is Health.DEGRADED) is (status.terminal and status is not SUCCEEDED)


@pytest.mark.parametrize("reason", Reason)
def test_every_hold_has_a_word_for_it(reason: Reason) -> None:
    for record in (None, make_record(SPEC), bound(RUNNING)):
        assert sync(SPEC, record, hold(reason)) in Sync
        assert health(record, hold(reason), NOW) is not Health.HEALTHY
        assert next_action(SPEC, record, hold(reason), NOW) == "do this"
