"""Attempts that follow by themselves: when, how often, and under which token."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler import retries
from reconciler.identity import digest
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobError,
    JobSpec,
    JobStatus,
    Observation,
    Reason,
    Record,
    State,
)
from reconciler.plan import plan
from reconciler.retries import FIRST_WAIT_SECONDS
from reconciler.steps import Circumstances
from tests.fakes import NOW, make_record, make_spec

SPEC = replace(make_spec(), retry_limit=2)
SERVERS_FAULT = JobError(code="server_error", message="Internal error")
DATAS_FAULT = JobError(code="invalid_training_file", message="Example 3, message 1")


def failed(spec: JobSpec, *, ago: float, error: JobError | None = SERVERS_FAULT) -> Record:
    job = Job(
        id=f"ftjob-{spec.retry}",
        status=JobStatus.FAILED,
        provider_status="failed",
        created_at=int(NOW - ago) - 60,
        finished_at=int(NOW - ago),
        error=error,
    )
    return make_record(spec, binding=Binding.BOUND, job=job)


def state(*records: Record) -> State:
    return State(lineage="l", records={record.token: record for record in records})


def attempt(number: int) -> JobSpec:
    """The spec as its attempt of this number."""
    spec, known = SPEC, state()
    for _ in range(number):
        known = state(*known.records.values(), failed(spec, ago=1e6))
        spec = retries.current(SPEC, known, NOW)
    return spec


def test_without_a_failure_the_first_attempt_counts() -> None:
    assert retries.current(SPEC, state(), NOW) is SPEC


def test_a_failure_of_the_provider_is_followed_by_an_attempt_with_its_own_token() -> None:
    second = retries.current(SPEC, state(failed(SPEC, ago=FIRST_WAIT_SECONDS)), NOW)
    assert second.retry == 1
    assert second.token != SPEC.token
    assert second.token.rpartition("-")[0] == SPEC.name
    assert second.digest == digest(second.identity)
    assert second.identity == {**SPEC.identity, "retry": 1}


def test_its_turn_comes_after_a_wait() -> None:
    soon = state(failed(SPEC, ago=FIRST_WAIT_SECONDS - 1))
    assert retries.current(SPEC, soon, NOW) is SPEC
    assert retries.due_at(SPEC, soon) == int(NOW) - (FIRST_WAIT_SECONDS - 1) + FIRST_WAIT_SECONDS


def test_every_wait_is_twice_as_long_as_the_one_before() -> None:
    second = attempt(1)
    known = state(failed(SPEC, ago=1e6), failed(second, ago=FIRST_WAIT_SECONDS))
    assert retries.due_at(second, known) == NOW + FIRST_WAIT_SECONDS


def test_there_are_no_more_attempts_than_the_limit() -> None:
    third = attempt(2)
    known = state(*(failed(each, ago=1e6) for each in (SPEC, attempt(1), third)))
    assert retries.current(SPEC, known, NOW) == third
    assert retries.due_at(third, known) is None


def test_the_default_is_no_attempt_at_all() -> None:
    spec = make_spec()
    assert retries.current(spec, state(failed(spec, ago=1e6)), NOW) is spec


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(failed(SPEC, ago=1e6, error=DATAS_FAULT), id="the data's fault"),
        pytest.param(
            replace(
                failed(SPEC, ago=1e6),
                job=Job(id="j", status=JobStatus.CANCELLED, provider_status="cancelled"),
            ),
            id="cancelled",
        ),
        pytest.param(make_record(SPEC, pending_since=NOW - 1e6), id="never answered"),
        pytest.param(make_record(SPEC, binding=Binding.REJECTED), id="refused"),
    ],
)
def test_nothing_else_is_tried_again(record: Record) -> None:
    assert retries.current(SPEC, state(record), NOW) is SPEC


def test_an_attempt_that_counts_is_planned_like_any_spec() -> None:
    known = state(failed(SPEC, ago=1e6))
    second = retries.current(SPEC, known, NOW)
    circumstances = Circumstances(now=NOW, namespace="default")
    (step,) = plan([second], known, {second.token: Observation()}, circumstances).steps
    assert (step.action, step.reason) == (Action.CREATE, Reason.RETRY_FAILED)
    assert step.message == "the job before it failed at the provider; retry 1 of 2"


def test_a_chain_goes_on_from_the_attempt_that_succeeded() -> None:
    second = attempt(1)
    done = Job(
        id="ftjob-9",
        status=JobStatus.SUCCEEDED,
        provider_status="succeeded",
        fine_tuned_model="ft:second",
    )
    known = state(failed(SPEC, ago=1e6), make_record(second, binding=Binding.BOUND, job=done))
    follower = make_spec("follower", model=None, model_from=SPEC.name)
    follower = replace(follower, identity={"model": {"from": SPEC.token}})
    circumstances = Circumstances(now=NOW, namespace="default", complete=False)
    (step,) = plan([follower], known, {follower.token: Observation()}, circumstances).steps
    assert (step.action, step.base_model) == (Action.CREATE, "ft:second")


def test_an_edited_state_in_which_attempts_name_each_other_comes_to_an_end() -> None:
    first = failed(SPEC, ago=1e6)
    impostor = replace(first, token=attempt(1).token)
    assert retries.newest(first, state(first, impostor).records) == first
