"""What a person settles by hand, and what is refused to a person too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import ConfigError, CreateOutcomeUnknown, StateConflict, StateFormat
from reconciler.model import Binding, Job, JobStatus, Result, State
from reconciler.recovery import adopt, forget, push, resolve
from reconciler.state import codec
from tests.repository import repository
from tests.test_engine import House, _raise_on

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
    house.provider.before = _raise_on("create", CreateOutcomeUnknown("timeout"))
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
        house.provider.after = _raise_on("create", CreateOutcomeUnknown("reset"))
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
        unanswered.provider.before = _raise_on("create", CreateOutcomeUnknown("timeout"))
        unanswered.run()
        with pytest.raises(ConfigError, match=r"2 creates .*name one: support-bot-"):
            resolve(unanswered.reconciler(), "support-bot")


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
