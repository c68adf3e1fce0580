"""Every step that is no create: jobs are adopted, kept, held, left as orphans or cancelled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import ProviderError
from reconciler.model import Action, Binding, JobStatus, Reason, Result, Step
from tests.apply_house import JOB, SPEC, House, step
from tests.fakes import make_record, make_spec, raise_on


@pytest.fixture
def house() -> House:
    return House()


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
        house.provider.before = raise_on("cancel", ProviderError("not yours"))
        (outcome,) = house.carry_out(cancel)
        assert (outcome.result, outcome.message) == (Result.FAILED, "not yours")
