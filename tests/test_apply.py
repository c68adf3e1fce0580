"""What carrying out does to the state and to the provider, move by move."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.apply import FRESH_SECONDS, Hands, apply
from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
    StateError,
)
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    FileRef,
    Job,
    JobSpec,
    JobStatus,
    Outcome,
    Plan,
    Reason,
    Record,
    Result,
    State,
    Step,
)
from reconciler.providers.base import CreateRequest
from reconciler.state.commit import Ledger
from reconciler.uploads import Uploads
from tests.fakes import NOW, Clock, FakeProvider, Killed, MemoryStore, make_record, make_spec

SPEC = make_spec()
JOB = Job(
    id="ftjob-1",
    status=JobStatus.RUNNING,
    provider_status="running",
    stamp=SPEC.token,
    created_at=int(NOW),
)


class House:
    """A provider, a store and the hands between them."""

    def __init__(self, *records: Record) -> None:
        self.clock = Clock()
        self.begun = self.clock.now
        self.provider = FakeProvider(clock=self.clock)
        self.store = MemoryStore(
            state=State(lineage="l", records={record.token: record for record in records})
        )

    def carry_out(self, *steps: Step) -> tuple[Outcome, ...]:
        hands = Hands(
            ledger=Ledger(self.store, self.store.read()),
            provider=lambda _: self.provider,
            clock=self.clock,
            begun=self.begun,
            uploads=Uploads(Path("/nowhere")),
        )
        state = self.store.state
        return apply(Plan(steps=steps, lineage=state.lineage, serial=state.serial), hands)

    def create(self, spec: JobSpec = SPEC) -> Outcome:
        (outcome,) = self.carry_out(create_step(spec))
        return outcome

    @property
    def record(self) -> Record:
        return self.store.state.records[SPEC.token]


def create_step(spec: JobSpec = SPEC) -> Step:
    return step(Action.CREATE, Reason.MISSING, spec=spec, base_model=spec.model)


def step(action: Action, reason: Reason, spec: JobSpec = SPEC, **fields: object) -> Step:
    values = {"token": spec.token, "name": spec.name, "provider": spec.provider, "spec": spec}
    return Step(action=action, reason=reason, **{**values, **fields})  # type: ignore[arg-type]


def raising(error: BaseException, *, on: str) -> Callable[[str], None]:
    def fault(operation: str) -> None:
        if operation == on:
            raise error

    return fault


@pytest.fixture
def house() -> House:
    return House()


class TestCreate:
    def test_writes_ahead_sends_once_writes_down(self, house: House) -> None:
        seen: list[Binding] = []
        house.provider.before = lambda operation: (
            seen.append(house.record.binding) if operation == "create" else None
        )
        outcome = house.create()
        assert outcome.result is Result.CREATED
        assert seen == [Binding.PENDING]
        assert house.record.binding is Binding.BOUND
        assert house.record.job == house.provider.jobs["ftjob-1"]
        assert len(house.provider.creates) == 1

    def test_the_grace_counts_from_when_waiting_for_an_answer_ended(self, house: House) -> None:
        def hang(operation: str) -> None:
            if operation == "create":
                house.clock.sleep(120)
                raise CreateOutcomeUnknown("read timeout")

        house.provider.before = hang
        outcome = house.create()
        assert outcome.result is Result.UNKNOWN
        assert house.record.binding is Binding.PENDING
        assert house.record.pending_since == NOW + 120
        assert outcome.record == house.record

    def test_sends_what_the_spec_asks_for(self, house: House) -> None:
        spec = make_spec(validation=Dataset(reference="file-valid"))
        house.create(spec)
        (request,) = house.provider.creates
        assert request.spec == spec
        assert request.base_model == "gpt-4.1-mini-2025-04-14"
        assert request.training == f"file-{SPEC.training.sha256[:8]}"  # type: ignore[index]
        assert request.validation == "file-valid"

    def test_grace_counts_from_the_send_not_from_the_upload(self, house: House) -> None:
        house.provider.after = lambda operation: (
            house.clock.sleep(5000) if operation == "upload" else None
        )
        house.provider.before = raising(CreateOutcomeUnknown("lost"), on="create")
        house.create()
        assert house.record.pending_since == NOW + 5000

    def test_a_server_that_drops_the_token_is_named(self, house: House) -> None:
        create = house.provider.create
        house.provider.create = lambda request: replace(create(request), stamp=None)  # type: ignore[method-assign]
        outcome = house.create()
        assert outcome.result is Result.CREATED
        assert "set its stamp to suffix" in outcome.hint

    def test_a_lost_answer_leaves_it_pending(self, house: House) -> None:
        house.provider.after = raising(CreateOutcomeUnknown("reset by peer"), on="create")
        outcome = house.create()
        assert outcome.result is Result.UNKNOWN
        assert house.record.binding is Binding.PENDING
        assert house.record.pending_since == NOW

    def test_a_kill_after_the_send_leaves_it_pending(self, house: House) -> None:
        house.provider.after = raising(Killed(), on="create")
        with pytest.raises(Killed):
            house.create()
        assert house.record.binding is Binding.PENDING

    def test_nothing_is_sent_if_the_intention_cannot_be_saved(self, house: House) -> None:
        def full() -> None:
            raise StateError("disk full")

        spec = make_spec(training=Dataset(reference="file-1"))
        house.store.before_write = full
        with pytest.raises(StateError, match="disk full"):
            house.create(spec)
        assert house.provider.creates == []

    def test_a_job_is_not_forgotten_when_its_id_cannot_be_saved(self, house: House) -> None:
        def full_after_create() -> None:
            if house.provider.creates:
                raise StateError("disk full")

        house.store.before_write = full_after_create
        with pytest.raises(StateError):
            house.create()
        assert house.record.binding is Binding.PENDING


class TestRejected:
    @pytest.mark.parametrize(
        ("remedy", "said", "wait"),
        [
            pytest.param(Remedy.RETRY_NOW, None, 5, id="in a moment"),
            pytest.param(Remedy.RETRY_LATER, None, 3600, id="in an hour"),
            pytest.param(Remedy.RETRY_LATER, 90, 90, id="when the provider says"),
            pytest.param(Remedy.FIX_ACCOUNT, None, 10, id="once somebody has acted"),
            pytest.param(Remedy.FIX_SPEC, None, None, id="never by itself"),
            pytest.param(Remedy.FIX_SPEC, 5, None, id="never, whatever the provider says"),
        ],
    )
    def test_keeps_why_and_when(
        self, house: House, remedy: Remedy, said: float | None, wait: float | None
    ) -> None:
        error = CreateRejected("no", remedy=remedy, code="c", retry_after=said)
        house.provider.before = raising(error, on="create")
        outcome = house.create()
        assert outcome.result is Result.REJECTED
        rejection = house.record.rejection
        assert rejection is not None
        assert (rejection.remedy, rejection.code, rejection.message) == (remedy, "c", "no")
        assert rejection.retry_at == (None if wait is None else NOW + wait)
        assert house.record.pending_since is None

    def test_a_refused_file_is_a_refused_create(self, house: House) -> None:
        error = CreateRejected("too large", remedy=Remedy.FIX_SPEC)
        house.provider.before = raising(error, on="upload")
        assert house.create().result is Result.REJECTED
        assert house.provider.creates == []

    def test_a_retry_clears_the_old_refusal(self, house: House) -> None:
        error = CreateRejected("wait", remedy=Remedy.RETRY_NOW)
        house.provider.before = raising(error, on="create")
        house.create()
        house.provider.before = lambda _: None
        assert house.create().result is Result.CREATED
        assert house.record.rejection is None


class TestLookingAgain:
    """Somebody else may have created the job since the pass looked."""

    @pytest.fixture
    def late(self, house: House) -> House:
        """A house whose pass has taken so long that another runner was faster."""
        house.provider.made(CreateRequest(spec=SPEC, base_model="m", training="file-1"))
        house.clock.sleep(FRESH_SECONDS)
        return house

    def test_what_has_appeared_is_adopted_and_not_paid_again(self, late: House) -> None:
        outcome = late.create()
        assert (outcome.result, outcome.step.action) == (Result.ADOPTED, Action.ADOPT)
        assert len(late.provider.creates) == 1
        assert (late.record.binding, late.record.job) == (
            Binding.BOUND,
            late.provider.jobs["ftjob-1"],
        )

    def test_of_several_the_oldest_and_the_rest_is_reported(self, late: House) -> None:
        late.provider.made(late.provider.creates[0])
        outcome = late.create()
        assert outcome.record is not None
        assert outcome.record.job == late.provider.jobs["ftjob-1"]
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]
        assert f"reconcile cancel {SPEC.token} --job ftjob-2" in outcome.hint
        assert "cancel" not in late.provider.calls

    def test_nothing_has_appeared(self, house: House) -> None:
        house.clock.sleep(FRESH_SECONDS)
        assert house.create().result is Result.CREATED
        assert house.provider.calls == ["upload", "find", "create"]

    def test_a_fresh_look_is_not_repeated(self, house: House) -> None:
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_nor_is_one_where_a_name_makes_a_second_job_impossible(self, house: House) -> None:
        house.provider.grace = 0
        house.clock.sleep(FRESH_SECONDS)
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_nor_is_one_that_stamps_not_shown_yet_would_make_unclear(self, house: House) -> None:
        house.provider.lists_stamps = False
        house.clock.sleep(FRESH_SECONDS)
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_without_an_answer_nothing_is_created(self, house: House) -> None:
        house.clock.sleep(FRESH_SECONDS)
        house.provider.before = raising(ProviderUnavailable("down"), on="find")
        outcome = house.create()
        assert (outcome.result, outcome.message) == (Result.FAILED, "down")
        assert house.store.state.records == {}
        assert house.provider.creates == []


class TestUploads:
    def test_bytes_go_up_once_for_all_specs(self, house: House) -> None:
        specs = [make_spec(f"s{i}") for i in range(12)]
        outcomes = house.carry_out(*(create_step(spec) for spec in specs))
        assert [outcome.result for outcome in outcomes] == [Result.CREATED] * 12
        assert len(house.provider.uploads) == 1
        assert len(house.provider.creates) == 12

    def test_are_remembered(self, house: House) -> None:
        house.create()
        (ref,) = house.store.state.files["fake"].values()
        assert ref.reference == house.provider.creates[0].training

    def test_a_reference_is_passed_on_as_it_is(self, house: House) -> None:
        house.create(make_spec(training=Dataset(reference="file-abc")))
        assert house.provider.uploads == []
        assert house.provider.creates[0].training == "file-abc"

    def test_pinned_data_without_bytes_uses_the_copy_up_there(self, house: House) -> None:
        sha256 = "cd" * 32
        ref = FileRef(reference="file-up", sha256=sha256, size=1, uploaded_at=1)
        house.store.state = replace(house.store.state, files={"fake": {sha256: ref}})
        spec = make_spec(training=Dataset(path="data/t.jsonl", sha256=sha256))
        assert house.create(spec).result is Result.CREATED
        assert house.provider.creates[0].training == "file-up"

    @pytest.mark.parametrize("error", [ProviderUnavailable("down"), ProviderAuthError("no")])
    def test_an_outage_creates_nothing_and_records_nothing(
        self, house: House, error: ProviderError
    ) -> None:
        house.provider.before = raising(error, on="upload")
        outcome = house.create()
        assert (outcome.result, outcome.message) == (Result.FAILED, error.message)
        assert house.store.state.records == {}


class TestTheRest:
    def test_adopting_binds_without_a_call(self, house: House) -> None:
        (outcome,) = house.carry_out(step(Action.ADOPT, Reason.TOKEN_MATCH, job=JOB))
        assert outcome.result is Result.ADOPTED
        assert (house.record.binding, house.record.job) == (Binding.BOUND, JOB)
        assert house.record.identity == SPEC.identity
        assert house.provider.calls == []

    def test_many_learnt_facts_are_one_write(self, house: House) -> None:
        specs = [make_spec(f"s{i}") for i in range(5)]
        house.carry_out(
            *(step(Action.ADOPT, Reason.TOKEN_MATCH, spec=spec, job=JOB) for spec in specs)
        )
        assert house.store.writes == 1
        assert len(house.store.state.records) == 5

    def test_nothing_to_do_is_no_write(self) -> None:
        house = House(make_record(binding=Binding.BOUND, job=JOB))
        (outcome,) = house.carry_out(
            step(Action.NOOP, Reason.UP_TO_DATE, record=house.record, job=JOB)
        )
        assert outcome.result is Result.UNCHANGED
        assert house.store.writes == 0

    def test_a_hold_touches_nothing(self, house: House) -> None:
        (outcome,) = house.carry_out(step(Action.HOLD, Reason.SUSPENDED, message="m", hint="h"))
        assert (outcome.result, outcome.message, outcome.hint) == (Result.HELD, "m", "h")
        assert (house.store.writes, house.provider.calls) == (0, [])

    def test_what_only_steers_is_kept_without_training(self) -> None:
        spec = make_spec(deletion_policy="cancel")
        house = House(make_record(binding=Binding.BOUND, job=JOB))
        house.carry_out(step(Action.NOOP, Reason.UP_TO_DATE, spec=spec, record=house.record))
        assert house.record.deletion_policy == "cancel"
        assert house.provider.creates == []

    def test_an_orphan_that_was_found_is_bound(self) -> None:
        house = House(make_record())
        orphan = step(Action.ORPHAN, Reason.NO_SPEC, record=house.record, job=JOB)
        (outcome,) = house.carry_out(replace(orphan, spec=None))
        assert outcome.result is Result.ORPHANED
        assert house.record.job == JOB


class TestCancel:
    def house(self) -> tuple[House, Step]:
        house = House()
        house.create()
        record = house.record
        return house, step(Action.CANCEL, Reason.REQUESTED, record=record, job=record.job)

    def test_cancels(self) -> None:
        house, cancel = self.house()
        (outcome,) = house.carry_out(cancel)
        assert outcome.result is Result.CANCELLED
        assert house.record.job is not None
        assert house.record.job.status is JobStatus.CANCELLED

    def test_too_late_is_said_and_kept(self) -> None:
        house, cancel = self.house()
        house.provider.cancel = house.provider.end  # type: ignore[method-assign]
        (outcome,) = house.carry_out(cancel)
        assert outcome.result is Result.FAILED
        assert outcome.message == "too late: ftjob-1 had already succeeded"
        assert house.record.job is not None
        assert house.record.job.fine_tuned_model == "ft:ftjob-1"

    def test_a_refusal_is_an_outcome(self) -> None:
        house, cancel = self.house()
        house.provider.before = raising(ProviderError("not yours"), on="cancel")
        (outcome,) = house.carry_out(cancel)
        assert (outcome.result, outcome.message) == (Result.FAILED, "not yours")


def test_an_interrupt_does_not_wait_for_answers_and_nothing_is_written_after_it() -> None:
    house = House()
    answer = threading.Event()

    def interrupted_while_waiting(operation: str) -> None:
        if operation == "create":
            os.kill(os.getpid(), signal.SIGINT)
            assert answer.wait(10)

    house.provider.before = interrupted_while_waiting
    with pytest.raises(KeyboardInterrupt):
        house.create()
    assert not answer.is_set()
    before = house.store.state
    answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("apply"):
            thread.join(10)
    assert len(house.provider.creates) == 1
    assert house.store.state == before
    assert house.record.binding is Binding.PENDING
