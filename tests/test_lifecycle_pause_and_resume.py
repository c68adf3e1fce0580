"""A job that is told by hand to pause, and told to go on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import ConfigError, ProviderAuthError, ProviderError, ProviderUnavailable
from reconciler.lifecycle import pause, resume
from reconciler.model import Job, JobStatus, Result
from tests.fakes import FakeProvider, Killed, raise_on
from tests.house import House, job, record
from tests.repository import repository


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house whose one job runs."""
    made = House(repository(tmp_path))
    made.files.add("support-bot")
    made.run()
    return made


def lets_any_job_go_on(house: House) -> None:
    """Make the provider one that resumes what has failed or was cancelled, as Fireworks does."""

    def revive(operation: str) -> None:
        if operation == "resume":
            (known,) = house.provider.jobs.values()
            house.provider.jobs[known.id] = replace(known, status=JobStatus.PAUSED)

    house.provider.before = revive


def answering(house: House, job: Job) -> None:
    """Make the provider one that answers every resume with this."""

    class Answering(FakeProvider):
        def resume(self, job_id: str) -> Job:
            assert job_id == job.id
            return job

    house.provider = Answering(clock=house.clock, jobs=house.provider.jobs)


class TestPause:
    def test_a_running_job_is_paused_and_saved(self, house: House) -> None:
        outcome = pause(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.REFRESHED, "ftjob-1 is paused")
        assert outcome.hint == "it goes on with: reconcile resume support-bot"
        assert outcome.record == record(house)
        assert job(house).status is JobStatus.PAUSED
        assert house.results() == [Result.UNCHANGED]

    def test_twice_is_no_error(self, house: House) -> None:
        results = [pause(house.reconciler(), "support-bot").result for _ in range(2)]
        assert results == [Result.REFRESHED] * 2

    def test_a_token_is_a_name_too(self, house: House) -> None:
        token = record(house).token
        assert pause(house.reconciler(), token).hint.endswith(f"resume {token}")

    def test_a_job_that_ended_meanwhile_is_not_paused(self, house: House) -> None:
        house.provider.end("ftjob-1")
        outcome = pause(house.reconciler(), "support-bot")
        assert outcome.result is Result.FAILED
        assert "succeeded already" in outcome.message
        assert house.results() == [Result.REFRESHED]

    def test_a_provider_that_cannot_says_what_it_can(self, house: House) -> None:
        said = "Bedrock cannot pause a job; cancel stops it for good"
        house.provider.before = raise_on("pause", ProviderError(said))
        before = house.store.state
        outcome = pause(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.FAILED, said)
        assert house.store.state == before

    def test_a_lost_answer_is_looked_up_by_the_next_pass(self, house: House) -> None:
        house.provider.after = raise_on("pause", ProviderUnavailable("reset"))
        outcome = pause(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.FAILED, "reset")
        assert outcome.hint == "the next pass looks how it stands"
        assert house.results() == [Result.REFRESHED]
        assert job(house).status is JobStatus.PAUSED

    def test_nothing_runs(self, house: House) -> None:
        house.provider.end("ftjob-1")
        house.run()
        with pytest.raises(ConfigError, match="no jobs of support-bot are running"):
            pause(house.reconciler(), "support-bot")
        with pytest.raises(ConfigError, match="state knows no suport-bot"):
            pause(house.reconciler(), "suport-bot")
        assert "pause" not in house.provider.calls

    def test_several_ask_which(self, house: House) -> None:
        house.files.add("support-bot", "  seed: 1\n")
        house.run()
        with pytest.raises(ConfigError, match=r"2 jobs .*name one of support-bot-.*, support-"):
            pause(house.reconciler(), "support-bot")
        assert "pause" not in house.provider.calls

    def test_the_lock_is_held(self, house: House) -> None:
        held: list[bool] = []
        house.provider.before = lambda _: held.append(house.store.holder is not None)
        pause(house.reconciler(), "support-bot")
        resume(house.reconciler(), "support-bot")
        assert held
        assert all(held)
        assert house.store.holder is None


class TestResume:
    def test_a_paused_job_goes_on(self, house: House) -> None:
        pause(house.reconciler(), "support-bot")
        outcome = resume(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.REFRESHED, "ftjob-1 goes on: queued")
        assert job(house).status is JobStatus.QUEUED

    def test_one_that_was_paused_at_the_provider_goes_on_too(self, house: House) -> None:
        house.provider.pause("ftjob-1")
        assert resume(house.reconciler(), "support-bot").result is Result.REFRESHED

    def test_a_paused_job_of_an_earlier_version_is_the_one_that_is_meant(
        self, house: House
    ) -> None:
        pause(house.reconciler(), "support-bot")
        house.files.add("support-bot", "  seed: 1\n")
        house.run()
        outcome = resume(house.reconciler(), "support-bot")
        assert outcome.message == "ftjob-1 goes on: queued"

    def test_a_model_needs_no_resuming(self, house: House) -> None:
        house.provider.end("ftjob-1")
        house.run()
        with pytest.raises(ConfigError, match="ftjob-1 has succeeded"):
            resume(house.reconciler(), "support-bot")
        assert "resume" not in house.provider.calls

    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
    def test_a_job_that_was_over_is_followed_again(self, house: House, status: JobStatus) -> None:
        house.provider.end("ftjob-1", status)
        house.run()
        stopped = replace(record(house), stopped_because="it was late")
        house.store.state = replace(house.store.state, records={stopped.token: stopped})
        lets_any_job_go_on(house)
        assert resume(house.reconciler(), "support-bot").result is Result.REFRESHED
        assert record(house).stopped_because is None
        house.provider.before = lambda _: None
        house.provider.end("ftjob-1")
        house.run()
        assert job(house).status is JobStatus.SUCCEEDED
        assert len(house.provider.creates) == 1

    @pytest.mark.parametrize("error", [ProviderError("it is over"), ProviderAuthError("no key")])
    def test_a_refusal_leaves_the_state_as_it_was(self, house: House, error: Exception) -> None:
        house.provider.end("ftjob-1", JobStatus.FAILED)
        house.run()
        before = record(house)
        house.provider.before = raise_on("resume", error)
        outcome = resume(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.FAILED, str(error))
        assert record(house) == before

    @pytest.mark.parametrize("struck", [ProviderUnavailable("reset"), Killed()])
    def test_a_lost_answer_never_loses_a_job_that_is_paid_for(
        self, house: House, struck: BaseException
    ) -> None:
        house.provider.end("ftjob-1", JobStatus.FAILED)
        house.run()
        lets_any_job_go_on(house)
        house.provider.after = raise_on("resume", struck)
        with suppress(Killed):
            assert resume(house.reconciler(), "support-bot").result is Result.FAILED
        assert not job(house).status.terminal
        house.provider.before = house.provider.after = lambda _: None
        house.run()
        assert job(house).status is JobStatus.QUEUED

    def test_a_job_that_has_not_moved_yet_is_looked_at_again(self, house: House) -> None:
        house.provider.end("ftjob-1", JobStatus.CANCELLED)
        house.run()

        answering(house, house.provider.jobs["ftjob-1"])
        outcome = resume(house.reconciler(), "support-bot")
        assert outcome.message == "ftjob-1 was told to go on, and still shows as cancelled"
        assert not job(house).status.terminal

    def test_a_paused_job_that_was_cancelled_meanwhile_is_too_late(self, house: House) -> None:
        pause(house.reconciler(), "support-bot")
        ended = house.provider.end("ftjob-1", JobStatus.CANCELLED)
        answering(house, ended)
        outcome = resume(house.reconciler(), "support-bot")
        assert outcome.result is Result.FAILED
        assert outcome.message == "too late: ftjob-1 had already cancelled"
        assert job(house) == ended

    def test_a_create_that_was_never_answered_has_no_job(self, house: House) -> None:
        house.files.add("other")
        house.provider.before = raise_on("create", ProviderUnavailable("x"))
        house.run()
        with pytest.raises(ConfigError, match="no"):
            resume(house.reconciler(), "other")
