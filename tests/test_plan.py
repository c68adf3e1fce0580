"""The decision table of the house, one row per test, each with the reason as its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reconciler.errors import Remedy
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    FileRef,
    Job,
    JobSpec,
    JobStatus,
    Observation,
    Plan,
    Reason,
    Record,
    Rejection,
    State,
    Step,
)
from reconciler.plan import checksum, plan
from reconciler.steps import Circumstances
from tests.fakes import NOW, make_record, make_spec

SPEC = make_spec()
RUNNING = Job(
    id="ftjob-1",
    status=JobStatus.RUNNING,
    provider_status="running",
    stamp=SPEC.token,
    created_at=int(NOW) - 60,
)
DONE = replace(
    RUNNING, status=JobStatus.SUCCEEDED, provider_status="succeeded", fine_tuned_model="ft:done"
)
SECOND = replace(RUNNING, id="ftjob-2", created_at=int(NOW) - 30)
NOTHING = Observation()
OUTAGE = Observation(error="connection refused")
GRACE = 120.0


def pending(seconds_ago: float) -> Record:
    return make_record(pending_since=NOW - seconds_ago)


def rejected(remedy: Remedy, due_in: float | None) -> Record:
    retry_at = None if due_in is None else NOW + due_in
    rejection = Rejection(remedy=remedy, code="c", message="no room", at=NOW, retry_at=retry_at)
    return make_record(binding=Binding.REJECTED, rejection=rejection, pending_since=None)


def bound(job: Job = RUNNING, spec: JobSpec = SPEC, **fields: object) -> Record:
    return make_record(spec, binding=Binding.BOUND, job=job, **fields)


def decide(
    *desired: JobSpec,
    records: tuple[Record, ...] = (),
    seen: Mapping[str, Observation] | None = None,
    files: Mapping[str, Mapping[str, FileRef]] | None = None,
    complete: bool = True,
    offline: bool = False,
    prune: bool = False,
) -> Plan:
    state = State(lineage="l", serial=7, records={r.token: r for r in records}, files=files or {})
    circumstances = Circumstances(
        now=NOW,
        namespace="default",
        grace={"openai": GRACE},
        complete=complete,
        offline=offline,
        prune=prune,
    )
    return plan(desired, state, seen or {}, circumstances)


def only(decided: Plan) -> Step:
    (step,) = decided.steps
    return step


FOUND = Observation(jobs=(RUNNING,))
FOUND_DONE = Observation(jobs=(DONE,))
FOUND_OTHER = Observation(jobs=(SECOND,))
TABLE = [
    # reason as a sentence, what looking showed, what state knew, the step
    ("could not look, no record", OUTAGE, None, "hold ProviderUnavailable"),
    ("could not look, pending", OUTAGE, pending(9999), "hold ProviderUnavailable"),
    ("could not look, bound", OUTAGE, bound(), "hold ProviderUnavailable"),
    ("could not look, due", OUTAGE, rejected(Remedy.RETRY_NOW, -1), "hold ProviderUnavailable"),
    ("nobody looked is not: nothing there", None, None, "hold ProviderUnavailable"),
    ("found, state was lost", FOUND, None, "adopt TokenMatch"),
    ("found, pending", FOUND, pending(5), "adopt TokenMatch"),
    ("found, rejected", FOUND, rejected(Remedy.FIX_SPEC, None), "adopt TokenMatch"),
    ("found, bound, equal", FOUND, bound(), "noop UpToDate"),
    ("found, bound, differs", FOUND_DONE, bound(), "refresh StatusChanged"),
    ("found another than the bound one", FOUND_OTHER, bound(), "adopt TokenMatch"),
    ("not found, no record", NOTHING, None, "create Missing"),
    ("not found, just sent", NOTHING, pending(0), "hold CreateOutcomeUnknown"),
    ("not found, inside grace", NOTHING, pending(GRACE - 1), "hold CreateOutcomeUnknown"),
    ("not found, clock went back", NOTHING, pending(-50), "hold CreateOutcomeUnknown"),
    ("not found, past grace", NOTHING, pending(GRACE), "create PendingNotFound"),
    ("refused, due", NOTHING, rejected(Remedy.RETRY_LATER, 0), "create RetryRejected"),
    ("refused, not due", NOTHING, rejected(Remedy.RETRY_LATER, 60), "hold CreateRejected"),
    ("refused for good", NOTHING, rejected(Remedy.FIX_SPEC, None), "hold CreateRejected"),
    ("bound and gone: never recreated", NOTHING, bound(), "hold JobMissing"),
    ("succeeded and gone: never recreated", NOTHING, bound(DONE), "hold JobMissing"),
    ("over, so nobody looks", None, bound(DONE), "noop UpToDate"),
]


@pytest.mark.parametrize(
    ("seen", "known", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_decision_table(seen: Observation | None, known: Record | None, expected: str) -> None:
    step = only(
        decide(SPEC, records=(known,) if known else (), seen={SPEC.token: seen} if seen else {})
    )
    assert f"{step.action.value} {step.reason.value}" == expected
    assert step.token == SPEC.token
    if step.action is Action.HOLD:
        assert step.message
        assert step.hint


def test_grace_is_the_providers_own() -> None:
    spec = make_spec(provider="bedrock", provider_type="bedrock")
    known = make_record(spec, pending_since=NOW)
    step = only(decide(spec, records=(known,), seen={spec.token: NOTHING}))
    assert (step.action, step.reason) == (Action.CREATE, Reason.PENDING_NOT_FOUND)
    assert step.token == known.token


def test_a_lost_create_can_be_made_to_wait_for_a_person() -> None:
    known = pending(9999)
    state = State(lineage="l", records={known.token: known})
    circumstances = Circumstances(now=NOW, namespace="default", hold_unknown=True)
    step = only(plan([SPEC], state, {SPEC.token: NOTHING}, circumstances))
    assert (step.action, step.reason) == (Action.HOLD, Reason.CREATE_OUTCOME_UNKNOWN)
    assert "resolve support-bot --not-created" in step.hint


def test_several_found_adopts_the_oldest_and_reports_the_rest() -> None:
    step = only(decide(SPEC, seen={SPEC.token: Observation(jobs=(RUNNING, SECOND))}))
    assert step.action is Action.ADOPT
    assert step.job == RUNNING
    assert step.duplicates == (SECOND,)
    assert step.hint == (
        "the same token is on ftjob-2 too, and each is paid for; to stop one:"
        f" reconcile cancel {SPEC.token} --job ftjob-2"
    )


def test_a_bound_job_stays_bound_when_an_older_one_turns_up() -> None:
    seen = {SPEC.token: Observation(jobs=(RUNNING, SECOND))}
    step = only(decide(SPEC, records=(bound(SECOND),), seen=seen))
    assert (step.action, step.job, step.duplicates) == (Action.NOOP, SECOND, (RUNNING,))


class TestGates:
    def test_suspended(self) -> None:
        spec = make_spec(suspend=True)
        step = only(decide(spec, seen={spec.token: NOTHING}))
        assert (step.action, step.reason) == (Action.HOLD, Reason.SUSPENDED)

    def test_suspend_does_not_hide_a_running_job(self) -> None:
        spec = make_spec(suspend=True)
        job = replace(RUNNING, stamp=spec.token)
        step = only(decide(spec, seen={spec.token: Observation(jobs=(job,))}))
        assert step.action is Action.ADOPT

    def test_pinned_data_that_is_nowhere(self) -> None:
        spec = make_spec(training=Dataset(path="data/t.jsonl", sha256="cd" * 32))
        step = only(decide(spec, seen={spec.token: NOTHING}))
        assert (step.action, step.reason) == (Action.HOLD, Reason.DATA_ABSENT)
        assert "data/t.jsonl" in step.message

    def test_pinned_data_that_was_uploaded_before(self) -> None:
        spec = make_spec(training=Dataset(path="data/t.jsonl", sha256="cd" * 32))
        ref = FileRef(reference="file-1", sha256="cd" * 32, size=1, uploaded_at=1)
        files = {"fake": {"cd" * 32: ref}}
        step = only(decide(spec, seen={spec.token: NOTHING}, files=files))
        assert step.action is Action.CREATE

    def test_what_the_repository_has_not_configured(self) -> None:
        spec = make_spec(unready="no bucket", unready_hint="set one")
        step = only(decide(spec, seen={spec.token: NOTHING}))
        assert (step.action, step.reason) == (Action.HOLD, Reason.NOT_CONFIGURED)
        assert (step.message, step.hint) == ("no bucket", "set one")

    def test_a_create_names_its_base_model(self) -> None:
        step = only(decide(SPEC, seen={SPEC.token: NOTHING}))
        assert step.base_model == "gpt-4.1-mini-2025-04-14"


class TestChains:
    upstream = make_spec("sft")
    downstream = make_spec("dpo", upstream=upstream)

    def step(self, *records: Record, **seen: Observation) -> Step:
        specs = {"sft": self.upstream, "dpo": self.downstream}
        looked = {specs[name].token: what for name, what in seen.items()}
        return decide(self.upstream, self.downstream, records=records, seen=looked).steps[1]

    def test_waits_for_the_upstream_job(self) -> None:
        step = self.step(sft=NOTHING, dpo=NOTHING)
        assert (step.action, step.reason) == (Action.HOLD, Reason.WAITING_FOR_SPEC)

    def test_is_created_on_the_upstream_model(self) -> None:
        step = self.step(bound(DONE, self.upstream), dpo=NOTHING)
        assert (step.action, step.base_model) == (Action.CREATE, "ft:done")

    def test_is_created_in_the_pass_that_sees_the_upstream_succeed(self) -> None:
        step = self.step(bound(RUNNING, self.upstream), sft=Observation(jobs=(DONE,)), dpo=NOTHING)
        assert (step.action, step.base_model) == (Action.CREATE, "ft:done")

    def test_says_that_the_upstream_failed(self) -> None:
        failed = replace(RUNNING, status=JobStatus.FAILED)
        step = self.step(bound(failed, self.upstream), dpo=NOTHING)
        assert step.action is Action.HOLD
        assert "failed" in step.message


class TestTrainAgain:
    before = make_spec(hyperparameters={"n_epochs": 3})
    after = make_spec(
        hyperparameters={"n_epochs": 4},
        training=Dataset(
            path="data/train.jsonl", sha256="77b02e" + "0" * 58, size=9, examples=132, present=True
        ),
    )

    def test_says_what_changed(self) -> None:
        step = decide(
            self.after, records=(bound(DONE, self.before),), seen={self.after.token: NOTHING}
        ).steps[0]
        assert step.action is Action.CREATE
        assert step.previous is not None
        assert step.previous.token == self.before.token
        assert step.message == (
            "n_epochs 3 → 4, training data changed (ababab… → 77b02e…, +120 examples)"
        )

    def test_tells_how_to_stop_the_job_it_replaces(self) -> None:
        decided = decide(
            self.after,
            records=(bound(RUNNING, self.before),),
            seen={self.after.token: NOTHING, self.before.token: Observation(jobs=(RUNNING,))},
        )
        create, orphan = decided.steps
        assert create.hint == (f"the job it replaces goes on: reconcile cancel {self.before.token}")
        assert (orphan.action, orphan.token) == (Action.ORPHAN, self.before.token)

    def test_reverting_the_edit_finds_the_old_record(self) -> None:
        records = (bound(DONE, self.before), bound(replace(DONE, id="ftjob-9"), self.after))
        step = only(decide(self.before, records=records))
        assert (step.action, step.token) == (Action.NOOP, self.before.token)

    def test_raising_attempt_is_a_new_token(self) -> None:
        again = make_spec(attempt=1)
        step = decide(again, records=(bound(DONE),), seen={again.token: NOTHING}).steps[0]
        assert step.action is Action.CREATE
        assert step.message == "attempt 0 → 1"


class TestOrphans:
    def test_a_running_job_without_spec_is_reported(self) -> None:
        step = only(decide(records=(bound(),), seen={SPEC.token: Observation(jobs=(RUNNING,))}))
        assert (step.action, step.reason) == (Action.ORPHAN, Reason.NO_SPEC)
        assert SPEC.token in step.hint

    def test_prune_alone_does_not_cancel(self) -> None:
        step = only(decide(records=(bound(),), prune=True))
        assert step.action is Action.ORPHAN

    def test_the_policy_alone_does_not_cancel(self) -> None:
        step = only(decide(records=(bound(deletion_policy="cancel"),)))
        assert step.action is Action.ORPHAN

    def test_prune_and_policy_cancel_a_running_job(self) -> None:
        step = only(decide(records=(bound(deletion_policy="cancel"),), prune=True))
        assert (step.action, step.reason) == (Action.CANCEL, Reason.PRUNED)

    def test_prune_leaves_a_job_that_is_over(self) -> None:
        step = only(decide(records=(bound(DONE, deletion_policy="cancel"),), prune=True))
        assert step.action is Action.ORPHAN

    def test_a_lost_create_is_bound_when_it_turns_up(self) -> None:
        step = only(decide(records=(pending(5),), seen={SPEC.token: Observation(jobs=(RUNNING,))}))
        assert (step.action, step.job) == (Action.ORPHAN, RUNNING)

    def test_history_of_a_living_name_is_quiet(self) -> None:
        other = make_spec(seed=1)
        decided = decide(SPEC, records=(bound(), bound(DONE, other)), seen={SPEC.token: FOUND})
        step = only(decided)
        assert step.token == SPEC.token

    def test_a_partial_pass_knows_no_orphans(self) -> None:
        assert decide(records=(bound(),), complete=False).steps == ()

    def test_another_namespace_is_not_ours(self) -> None:
        elsewhere = bound(spec=make_spec(namespace="research"))
        assert decide(records=(elsewhere,)).steps == ()


class TestOffline:
    def test_creates_what_state_does_not_know(self) -> None:
        step = only(decide(SPEC, offline=True))
        assert (step.action, step.reason) == (Action.CREATE, Reason.MISSING)
        assert "not asked" in step.message

    def test_believes_state(self) -> None:
        assert only(decide(SPEC, records=(bound(),), offline=True)).action is Action.NOOP

    def test_never_promises_a_create_for_an_unanswered_one(self) -> None:
        step = only(decide(SPEC, records=(pending(9999),), offline=True))
        assert (step.action, step.reason) == (Action.HOLD, Reason.CREATE_OUTCOME_UNKNOWN)


def test_plan_carries_what_it_was_decided_against() -> None:
    decided = decide(SPEC, seen={SPEC.token: NOTHING})
    assert (decided.lineage, decided.serial) == ("l", 7)
    assert decided.changes_anything


def test_checksum_tells_plans_apart() -> None:
    create = decide(SPEC, seen={SPEC.token: NOTHING})
    adopt = decide(SPEC, seen={SPEC.token: Observation(jobs=(RUNNING,))})
    assert checksum(create) == checksum(decide(SPEC, seen={SPEC.token: NOTHING}))
    assert checksum(create) != checksum(adopt)
