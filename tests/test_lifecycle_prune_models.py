"""Which models go when no spec asks for them any more, and what keeps one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.config import OpenAISettings
from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable, SpecError
from reconciler.lifecycle import prune_models
from reconciler.model import JobStatus, Outcome, Reason, Record, Result
from tests.fakes import raise_on
from tests.house import House, job, record
from tests.repository import repository

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
        left.provider.before = raise_on("delete_model", error)
        before = left.store.state
        (outcome,) = prune(left)
        assert (outcome.result, outcome.message, outcome.hint) == (
            Result.FAILED,
            error.message,
            hint,
        )
        assert left.store.state == before

    def test_a_lost_answer_is_settled_by_the_next_run(self, left: House) -> None:
        left.provider.after = raise_on("delete_model", ProviderUnavailable("reset"))
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
