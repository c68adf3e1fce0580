"""What a job is told by hand, and which models go when nobody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.config import OpenAISettings
from reconciler.engine import Reconciler
from reconciler.errors import (
    ConfigError,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    SpecError,
)
from reconciler.lifecycle import pause, prune_models, resume
from reconciler.model import Job, JobStatus, Outcome, Reason, Record, Result
from tests.fakes import FakeProvider, Killed
from tests.repository import repository
from tests.test_engine import House as AnyHouse
from tests.test_engine import _raise_on


class House(AnyHouse):
    """A house in which no base model is ever shut down."""

    def reconciler(self) -> Reconciler:
        return replace(super().reconciler(), sandbox=True)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house whose one job runs."""
    made = House(repository(tmp_path))
    made.files.add("support-bot")
    made.run()
    return made


def record(house: House, name: str = "support-bot") -> Record:
    (found,) = [r for r in house.store.state.records.values() if r.name == name]
    return found


def job(house: House, name: str = "support-bot") -> Job:
    found = record(house, name).job
    assert found is not None
    return found


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
        house.provider.before = _raise_on("pause", ProviderError(said))
        before = house.store.state
        outcome = pause(house.reconciler(), "support-bot")
        assert (outcome.result, outcome.message) == (Result.FAILED, said)
        assert house.store.state == before

    def test_a_lost_answer_is_looked_up_by_the_next_pass(self, house: House) -> None:
        house.provider.after = _raise_on("pause", ProviderUnavailable("reset"))
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
        house.provider.before = _raise_on("resume", error)
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
        house.provider.after = _raise_on("resume", struck)
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
        house.provider.before = _raise_on("create", ProviderUnavailable("x"))
        house.run()
        with pytest.raises(ConfigError, match="no"):
            resume(house.reconciler(), "other")


POLICY = "  deletion_policy: delete\n"


@pytest.fixture
def left(tmp_path: Path) -> House:
    """A house with the model of a spec that let it go, and is gone; another spec stays."""
    made = House(repository(tmp_path))
    made.files.add("support-bot")
    made.files.add("old-bot", POLICY, seed="old")
    made.run()
    for known in list(made.provider.jobs):
        made.provider.end(known)
    made.run()
    (made.files.root / "specs/old-bot.yaml").unlink()
    return made


def prune(house: House, *records: Record) -> tuple[Outcome, ...]:
    asked = records or tuple(house.store.state.records.values())
    return prune_models(house.reconciler(), asked)


def deletions(house: House) -> int:
    return house.provider.calls.count("delete_model")


class TestPruneModels:
    def test_the_model_goes_and_its_history_stays(self, left: House) -> None:
        before = record(left, "old-bot")
        (outcome,) = prune(left)
        model = before.job and before.job.fine_tuned_model
        assert (outcome.result, outcome.message) == (Result.ORPHANED, f"deleted {model}")
        assert outcome.step.reason is Reason.PRUNED
        assert outcome.record == record(left, "old-bot") == replace(before, model_deleted=True)
        assert left.provider.deleted == {model}

    def test_once_is_enough(self, left: House) -> None:
        prune(left)
        assert prune(left) == ()
        assert deletions(left) == 1

    def test_one_that_somebody_deleted_before_is_marked_too(self, left: House) -> None:
        model = job(left, "old-bot").fine_tuned_model
        assert model
        left.provider.delete_model(model)
        (outcome,) = prune(left)
        assert outcome.message == f"{model} had been deleted already"
        assert record(left, "old-bot").model_deleted

    def test_only_records_that_were_approved_are_looked_at(self, left: House) -> None:
        assert prune(left, record(left, "support-bot")) == ()
        assert deletions(left) == 0

    def test_a_record_that_has_gone_meanwhile_is_left_alone(self, left: House) -> None:
        known = record(left, "old-bot")
        left.store.state = replace(left.store.state, records={})
        assert prune(left, known) == ()
        assert deletions(left) == 0

    @pytest.mark.parametrize("policy", ["orphan", "cancel"])
    def test_another_policy_keeps_it(self, left: House, policy: str) -> None:
        change(left, lambda known: replace(known, deletion_policy=policy))
        assert prune(left) == ()

    def test_another_namespaces_models_are_not_ours(self, left: House) -> None:
        change(left, lambda known: replace(known, namespace="other"))
        assert prune(left) == ()

    def test_the_spec_of_that_name_keeps_it(self, left: House) -> None:
        left.files.add("old-bot", "  seed: 7\n")  # another version of it: this model serves until
        assert prune(left) == ()
        assert deletions(left) == 0

    def test_a_current_spec_keeps_its_own(self, left: House) -> None:
        left.files.add("old-bot", POLICY, seed="old")
        assert prune(left) == ()

    def test_a_spec_that_trains_it_further_keeps_it(self, left: House) -> None:
        model = job(left, "old-bot").fine_tuned_model
        path = left.files.add("next-bot")
        path.write_text(path.read_text().replace("gpt-4.1-mini-2025-04-14", str(model)))
        (outcome,) = prune(left)
        assert outcome.message == f"{model} is kept: the spec next-bot names it"
        assert deletions(left) == 0

    def test_a_name_that_ends_in_its_token_is_its_name(self, left: House) -> None:
        """Bedrock's models have a name beside their ARN, which ends in the token's hash."""
        path = left.files.add("next-bot")
        custom = f"old-bot-{record(left, 'old-bot').token[-16:]}"
        path.write_text(path.read_text().replace("gpt-4.1-mini-2025-04-14", custom))
        (outcome,) = prune(left)
        assert outcome.message.endswith("is kept: the spec next-bot names it")

    def test_a_job_that_trains_on_it_keeps_it(self, left: House) -> None:
        model = job(left, "old-bot").fine_tuned_model
        path = left.files.add("next-bot")
        path.write_text(path.read_text().replace("gpt-4.1-mini-2025-04-14", str(model)))
        left.run()
        path.unlink()
        (outcome,) = prune(left)
        assert outcome.message.startswith(f"{model} is kept: next-bot-")
        assert outcome.message.endswith(" trains on it")

    def test_another_namespace_that_names_it_keeps_it(self, left: House) -> None:
        known = record(left, "old-bot")
        model = known.job and known.job.fine_tuned_model
        other = replace(
            record(left, "support-bot"),
            token="theirs-0123456789abcdef",
            namespace="theirs",
            name="theirs",
            identity={"model": model},
        )
        records = {**left.store.state.records, other.token: other}
        left.store.state = replace(left.store.state, records=records)
        (outcome,) = prune(left)
        assert outcome.message == f"{model} is kept: theirs in the namespace theirs names it"

    def test_a_model_of_two_records_is_kept_for_the_other(self, left: House) -> None:
        known, other = record(left, "old-bot"), record(left, "support-bot")
        records = {**left.store.state.records, other.token: replace(other, job=known.job)}
        left.store.state = replace(left.store.state, records=records)
        (outcome,) = prune(left)
        assert f"it is the model of {other.token} too" in outcome.message
        assert deletions(left) == 0

    def test_an_adopted_job_was_not_made_by_us(self, left: House) -> None:
        def adopted(known: Record) -> Record:
            assert known.job is not None
            return replace(known, job=replace(known.job, stamp=None))

        change(left, adopted)
        (outcome,) = prune(left)
        assert "is kept: its job does not carry this record's token" in outcome.message
        assert deletions(left) == 0

    def test_a_job_without_a_model_leaves_nothing(self, left: House) -> None:
        def failed(known: Record) -> Record:
            assert known.job is not None
            gone = replace(known.job, status=JobStatus.FAILED, fine_tuned_model=None)
            return replace(known, job=gone)

        change(left, failed)
        assert prune(left) == ()

    def test_another_account_is_not_asked(self, left: House) -> None:
        left.provider.scope = "another account"
        (outcome,) = prune(left)
        assert outcome.result is Result.FAILED
        assert "is at fake, and openai is now another account" in outcome.message
        assert deletions(left) == 0

    def test_a_provider_that_is_named_no_more(self, left: House) -> None:
        reconciler = left.reconciler()
        elsewhere = {"azure": OpenAISettings(name="azure")}
        reconciler = replace(reconciler, config=replace(reconciler.config, providers=elsewhere))
        left.files.root.joinpath("specs/support-bot.yaml").unlink()
        (outcome,) = prune_models(reconciler, left.store.state.records.values())
        assert (outcome.result, "reconciler.yaml names no more" in outcome.message) == (
            Result.FAILED,
            True,
        )

    @pytest.mark.parametrize(
        ("error", "hint"),
        [
            (ProviderAuthError("403", hint="it takes the role Owner"), "it takes the role Owner"),
            (ProviderUnavailable("down"), "it is kept; the next run tries again"),
        ],
    )
    def test_a_refusal_is_an_outcome_and_marks_nothing(
        self, left: House, error: ProviderError, hint: str
    ) -> None:
        left.provider.before = _raise_on("delete_model", error)
        before = left.store.state
        (outcome,) = prune(left)
        assert (outcome.result, outcome.message, outcome.hint) == (
            Result.FAILED,
            error.message,
            hint,
        )
        assert left.store.state == before

    def test_a_lost_answer_is_settled_by_the_next_run(self, left: House) -> None:
        left.provider.after = _raise_on("delete_model", ProviderUnavailable("reset"))
        (outcome,) = prune(left)
        assert outcome.result is Result.FAILED
        left.provider.after = lambda _: None
        (outcome,) = prune(left)
        assert outcome.message.endswith("had been deleted already")

    def test_specs_that_cannot_be_read_delete_nothing(self, left: House) -> None:
        left.files.add("broken", "  n_epochs: 3\n")
        with pytest.raises(SpecError):
            prune(left)
        assert deletions(left) == 0
        assert left.store.holder is None


def change(house: House, revised: Callable[[Record], Record]) -> None:
    """Change the state's record of the spec that is gone."""
    known = revised(record(house, "old-bot"))
    records = {**house.store.state.records, known.token: known}
    house.store.state = replace(house.store.state, records=records)
