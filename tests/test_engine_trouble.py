"""Passes whose provider fails them, and passes of two runners at the same moment.

What becomes of a pass that is struck at any of its stops is in `tests/crash`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine import PassResult, Request
from reconciler.errors import CreateOutcomeUnknown, CreateRejected, ProviderUnavailable, Remedy
from reconciler.model import Reason, Result
from tests.fakes import FakeProvider, Killed, doing, raise_on
from tests.house import House
from tests.repository import repository


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(repository(tmp_path))


class TestTrouble:
    def test_a_lost_answer_is_found_before_the_pass_ends(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.after = raise_on("create", CreateOutcomeUnknown("reset"))
        assert house.results() == [Result.ADOPTED]
        assert house.files.sidecar("support-bot")["phase"] == "Pending"

    def test_a_lost_answer_that_is_not_listed_yet_waits_out_its_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.lag = 60
        house.provider.after = raise_on("create", CreateOutcomeUnknown("reset"))
        assert house.results() == [Result.UNKNOWN]
        assert house.results() == [Result.HELD]
        house.clock.sleep(61)
        assert house.results() == [Result.ADOPTED]
        assert len(house.provider.creates) == 1

    def test_a_request_that_never_arrived_is_sent_again_after_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.before = raise_on("create", CreateOutcomeUnknown("timeout"))
        assert house.results() == [Result.UNKNOWN]
        house.provider.before = lambda _: None
        assert house.results() == [Result.HELD]
        house.clock.sleep(house.provider.grace)
        assert house.results() == [Result.CREATED]

    def test_a_look_that_takes_long_does_not_use_up_the_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.lag = house.provider.grace
        house.provider.after = raise_on("create", Killed())
        with pytest.raises(Killed):
            house.run()
        house.store.holder = None
        house.clock.sleep(house.provider.grace - 1)
        house.provider.after = lambda _: house.clock.sleep(10)
        assert house.results() == [Result.HELD]
        assert house.results() == [Result.ADOPTED]

    def test_an_outage_holds_and_leaves_the_sidecar_alone(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.provider.before = raise_on("get", ProviderUnavailable("down"))
        result = house.run()
        assert result.outcomes[0].step.reason is Reason.PROVIDER_UNAVAILABLE
        assert result.sidecars == ()

    def test_a_refusal_for_good_is_not_repeated(self, house: House) -> None:
        house.files.add("support-bot")
        refusal = CreateRejected("no such model", remedy=Remedy.FIX_SPEC, code="model_not_found")
        house.provider.before = raise_on("create", refusal)
        assert house.results() == [Result.REJECTED]
        house.provider.calls.clear()
        assert house.results() == [Result.HELD]
        assert "create" not in house.provider.calls
        status = house.files.sidecar("support-bot")
        assert status["phase"] == "Held"
        assert {"type": "Stalled", "status": "True", "reason": "model_not_found",
                "message": "no such model"} in status["conditions"]  # fmt: skip

    def test_a_job_that_vanished_is_not_trained_again(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.provider.jobs.clear()
        result = house.run()
        assert result.outcomes[0].step.reason is Reason.JOB_MISSING
        assert len(house.provider.creates) == 1
        assert house.files.sidecar("support-bot")["phase"] == "Unknown"


class TestTwoRunnersWithoutASharedState:
    @pytest.fixture
    def other(self, house: House) -> House:
        """The same repository and account, with a state of its own."""
        house.files.add("support-bot")
        other = House(house.files, house.clock)
        other.provider = FakeProvider(clock=house.clock, jobs=house.provider.jobs)
        other.provider.creates = house.provider.creates
        return other

    def test_in_the_same_second_both_keep_the_oldest_and_report_the_other(
        self, house: House, other: House
    ) -> None:
        theirs: list[PassResult] = []
        house.provider.before = doing("create", lambda: theirs.append(other.run()))
        ours = house.run()
        assert len(house.provider.creates) == 2  # nothing could tell either of the other in time
        again = other.reconciler().run_once(Request())
        results = [outcome.result for outcome in (*theirs[0].outcomes, *ours.outcomes)]
        assert results == [Result.CREATED, Result.ADOPTED]
        kept = [run.current[0].job for run in (ours, again)]
        assert [job and job.id for job in kept] == ["ftjob-1", "ftjob-1"]
        (outcome,) = ours.outcomes
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]
        assert outcome.hint.endswith(f"reconcile cancel {outcome.step.token} --job ftjob-2")
        assert "cancel" not in house.provider.calls + other.provider.calls

    def test_the_one_whose_job_is_the_oldest_has_created_it(
        self, house: House, other: House
    ) -> None:
        house.provider.after = doing(
            "create", lambda: other.provider.made(house.provider.creates[0])
        )
        (outcome,) = house.run().outcomes
        assert outcome.result is Result.CREATED
        assert outcome.record is not None
        assert outcome.record.job == house.provider.jobs["ftjob-1"]
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]

    def test_a_look_that_fails_takes_nothing_back(self, house: House, other: House) -> None:
        del other
        fault = raise_on("find", ProviderUnavailable("down"))
        house.provider.after = doing("create", lambda: setattr(house.provider, "before", fault))
        assert house.results() == [Result.CREATED]

    def test_where_a_name_is_unique_nobody_looks_again(self, house: House, other: House) -> None:
        del other
        house.provider.grace = 0
        house.run()
        assert house.provider.calls == ["find", "upload", "create"]
