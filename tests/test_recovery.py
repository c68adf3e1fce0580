"""What a person settles by hand, and what is refused to a person too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.engine import Request
from reconciler.errors import ConfigError, CreateOutcomeUnknown, StateConflict, StateFormat
from reconciler.model import Binding, Job, JobStatus, Result, State
from reconciler.recovery import adopt, cancel, forget, push, rebuild, resolve
from reconciler.state import codec
from tests.fakes import raise_on
from tests.house import House
from tests.repository import repository

FOREIGN = Job(
    id="ftjob-old",
    status=JobStatus.SUCCEEDED,
    provider_status="succeeded",
    created_at=1,
    fine_tuned_model="ft:old",
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(repository(tmp_path))
    made.files.add("support-bot")
    return made


@pytest.fixture
def unanswered(house: House) -> House:
    """A house whose create was sent and never answered, nor made a job."""
    house.provider.before = raise_on("create", CreateOutcomeUnknown("timeout"))
    house.run()
    house.provider.before = lambda _: None
    return house


class TestAdopt:
    def test_an_unstamped_job_is_not_paid_again(self, house: House) -> None:
        house.provider.jobs[FOREIGN.id] = FOREIGN
        outcome = adopt(house.reconciler(), "support-bot", FOREIGN.id)
        assert outcome.result is Result.ADOPTED
        assert house.results() == [Result.UNCHANGED]
        assert house.provider.creates == []
        assert house.files.sidecar("support-bot")["fine_tuned_model"] == "ft:old"

    def test_a_job_that_is_not_there(self, house: House) -> None:
        with pytest.raises(ConfigError, match="openai has no job ftjob-old"):
            adopt(house.reconciler(), "support-bot", FOREIGN.id)

    def test_a_spec_that_has_one(self, house: House) -> None:
        house.run()
        house.provider.jobs[FOREIGN.id] = FOREIGN
        with pytest.raises(ConfigError, match="has a job already: ftjob-1"):
            adopt(house.reconciler(), "support-bot", FOREIGN.id)

    def test_a_job_of_another_spec(self, house: House) -> None:
        house.run()
        house.files.add("other", "  seed: 1\n")
        with pytest.raises(ConfigError, match="ftjob-1 belongs to support-bot-"):
            adopt(house.reconciler(), "other", "ftjob-1")


class TestResolve:
    def test_not_created_sends_it_again_without_waiting(self, unanswered: House) -> None:
        assert unanswered.results() == [Result.HELD]
        outcome = resolve(unanswered.reconciler(), "support-bot")
        assert "looks for it once more" in outcome.hint
        assert unanswered.results() == [Result.CREATED]

    def test_a_mistake_of_the_person_is_not_paid_twice(self, house: House) -> None:
        house.provider.lag = 60
        house.provider.after = raise_on("create", CreateOutcomeUnknown("reset"))
        house.run()
        house.clock.sleep(60)
        resolve(house.reconciler(), "support-bot")
        assert house.results() == [Result.ADOPTED]
        assert len(house.provider.creates) == 1

    def test_adopt_settles_it_too(self, unanswered: House) -> None:
        unanswered.provider.jobs[FOREIGN.id] = FOREIGN
        adopt(unanswered.reconciler(), "support-bot", FOREIGN.id)
        (record,) = unanswered.store.state.records.values()
        assert (record.binding, record.job) == (Binding.BOUND, FOREIGN)

    def test_nothing_to_settle(self, house: House) -> None:
        with pytest.raises(ConfigError, match="no create of support-bot is unanswered"):
            resolve(house.reconciler(), "support-bot")

    def test_several_ask_which(self, unanswered: House) -> None:
        unanswered.files.add("support-bot", "  seed: 1\n")
        unanswered.provider.before = raise_on("create", CreateOutcomeUnknown("timeout"))
        unanswered.run()
        with pytest.raises(ConfigError, match=r"2 creates .*name one: support-bot-"):
            resolve(unanswered.reconciler(), "support-bot")


class TestCancel:
    @pytest.fixture
    def twice(self, house: House) -> House:
        """A house whose spec has two jobs, the older of which is the spec's."""
        house.run()
        house.provider.made(house.provider.creates[0])
        return house

    def test_a_duplicate_is_cancelled_and_the_specs_own_job_goes_on(self, twice: House) -> None:
        before = twice.store.state
        outcome = cancel(twice.reconciler(), "support-bot", "ftjob-2")
        assert outcome.result is Result.CANCELLED
        assert outcome.step.job == twice.provider.jobs["ftjob-2"]
        assert twice.provider.jobs["ftjob-2"].status is JobStatus.CANCELLED
        assert twice.provider.jobs["ftjob-1"].status is JobStatus.VALIDATING_FILES
        assert twice.store.state == before

    def test_the_specs_own_job_is_cancelled_as_without_an_id(self, twice: House) -> None:
        (token,) = twice.store.state.records
        outcome = cancel(twice.reconciler(), token, "ftjob-1")
        assert outcome.result is Result.CANCELLED
        record = twice.store.state.records[token]
        assert record.job == twice.provider.jobs["ftjob-1"]

    def test_a_duplicate_that_is_over_is_too_late(self, twice: House) -> None:
        twice.provider.end("ftjob-2")
        outcome = cancel(twice.reconciler(), "support-bot", "ftjob-2")
        assert outcome.result is Result.FAILED
        assert outcome.message == "too late: ftjob-2 had already succeeded"

    @pytest.mark.parametrize("job_id", [FOREIGN.id, "ftjob-nowhere"])
    def test_a_job_without_the_specs_token_is_not_touched(self, twice: House, job_id: str) -> None:
        twice.provider.jobs[FOREIGN.id] = FOREIGN
        with pytest.raises(ConfigError, match=f"no job {job_id} carries a token of support-bot"):
            cancel(twice.reconciler(), "support-bot", job_id)
        assert "cancel" not in twice.provider.calls

    def test_an_unknown_name(self, twice: House) -> None:
        with pytest.raises(ConfigError, match="state knows no suport-bot"):
            cancel(twice.reconciler(), "suport-bot", "ftjob-2")


class TestRebuild:
    def test_a_lost_state_comes_back_from_the_provider_alone(self, house: House) -> None:
        house.files.add("intent-router", "  seed: 1\n")
        house.run()
        house.provider.end("ftjob-1")
        house.files.add("new-bot", "  seed: 2\n")
        house.store.state = State(lineage="new")
        outcomes = rebuild(house.reconciler())
        assert [outcome.result for outcome in outcomes] == [Result.ADOPTED] * 2
        assert len(house.provider.creates) == 2
        plan = house.reconciler().plan(Request())
        assert [step.action.value for step in plan.steps] == ["noop", "create", "noop"]


class TestForget:
    def test_a_forgotten_job_is_found_again(self, house: House) -> None:
        (record,) = house.run().current
        assert forget(house.reconciler(), record.token) == record
        assert house.store.state.records == {}
        assert house.results() == [Result.ADOPTED]
        assert len(house.provider.creates) == 1

    def test_an_unknown_token(self, house: House) -> None:
        with pytest.raises(ConfigError, match="no record of nothing"):
            forget(house.reconciler(), "nothing")


class TestPush:
    def test_an_edit_is_written_with_the_next_serial(self, house: House) -> None:
        house.run()
        state = house.store.state
        edited = codec.encode(state).replace(b'"orphan"', b'"cancel"')
        written = push(house.reconciler(), edited, "edited.json")
        assert written.serial == state.serial + 1
        assert [r.deletion_policy for r in house.store.state.records.values()] == ["cancel"]

    @pytest.mark.parametrize(
        ("other", "message"),
        [
            pytest.param(State(lineage="other", serial=99), "its lineage is another", id="foreign"),
            pytest.param(State(lineage="memory"), "is at serial 0", id="older"),
        ],
    )
    def test_another_state_needs_force(self, house: House, other: State, message: str) -> None:
        house.run()
        before = house.store.state
        with pytest.raises(StateConflict, match=message):
            push(house.reconciler(), codec.encode(other), "x.json")
        assert house.store.state == before
        written = push(house.reconciler(), codec.encode(other), "x.json", force=True)
        assert house.store.state == written == replace(other, serial=written.serial)
        assert written.serial > max(before.serial, other.serial)

    def test_what_is_no_state_is_refused(self, house: House) -> None:
        house.run()
        before = house.store.state
        with pytest.raises(StateFormat):
            push(house.reconciler(), b"{}", "x.json", force=True)
        assert house.store.state == before
