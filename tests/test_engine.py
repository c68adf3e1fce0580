"""Whole passes over real spec files, a state and a provider in memory.

What becomes of a pass that is struck at any of its stops is in `tests/crash`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.config import Config, OpenAISettings
from reconciler.engine import PassResult, Reconciler, Request, find_spec
from reconciler.errors import (
    ConfigError,
    CreateOutcomeUnknown,
    CreateRejected,
    PolicyError,
    ProviderUnavailable,
    Remedy,
    SpecError,
    StateLocked,
)
from reconciler.model import Action, JobStatus, Reason, Result, State
from tests.fakes import OWNER, Clock, FakeProvider, Killed, MemoryStore
from tests.repository import Repository, repository


@dataclass
class House:
    """One repository, one state, one provider; a new process for every pass."""

    files: Repository
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    provider: FakeProvider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = FakeProvider(clock=self.clock)

    def reconciler(self) -> Reconciler:
        return Reconciler(
            config=Config(
                root=self.files.root, providers={"openai": OpenAISettings(name="openai")}
            ),
            store=self.store,
            connect=lambda _: self.provider,
            clock=self.clock,
            owner=OWNER,
            commit=lambda: "c0ffee",
        )

    def run(self, **request: object) -> PassResult:
        return self.reconciler().run_once(Request(**request))  # type: ignore[arg-type]

    def results(self, **request: object) -> list[Result]:
        return [outcome.result for outcome in self.run(**request).outcomes]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(repository(tmp_path))


class TestOnePass:
    def test_from_spec_to_model(self, house: House) -> None:
        house.files.add("support-bot")
        assert house.results() == [Result.CREATED]
        assert house.files.sidecar("support-bot")["phase"] == "Pending"
        house.provider.end("ftjob-1")
        assert house.results() == [Result.REFRESHED]
        status = house.files.sidecar("support-bot")
        assert status["phase"] == "Succeeded"
        assert status["fine_tuned_model"] == "ft:ftjob-1"
        assert status["trained_tokens"] == 1000
        assert status["source"] == {"path": "specs/support-bot.yaml", "commit": "c0ffee"}

    def test_a_second_pass_changes_no_byte_and_asks_nobody(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.provider.end("ftjob-1")
        house.run()
        before = (house.files.root / "specs/support-bot.status.yaml").stat()
        writes = house.store.writes
        house.provider.calls.clear()
        result = house.run()
        assert result.sidecars == ()
        assert house.store.writes == writes
        assert house.provider.calls == []
        after = (house.files.root / "specs/support-bot.status.yaml").stat()
        assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)

    def test_the_lock_is_held_and_given_back(self, house: House) -> None:
        house.files.add("support-bot")
        held: list[bool] = []
        house.provider.before = lambda _: held.append(house.store.holder is not None)
        house.run()
        assert all(held)
        assert house.store.holder is None

    def test_a_locked_state_calls_nobody(self, house: House) -> None:
        house.files.add("support-bot")
        house.store.holder = OWNER
        with pytest.raises(StateLocked):
            house.run()
        assert house.provider.calls == []

    def test_an_invalid_spec_calls_nobody(self, house: House) -> None:
        house.files.add("support-bot", "  n_epochs: 3\n")
        with pytest.raises(SpecError, match=r"specs/support-bot.yaml:\d+:\d+"):
            house.run()
        assert house.provider.calls == []

    def test_a_policy_breach_creates_nothing(self, house: House) -> None:
        house.files.add("one")
        house.files.add("two")
        with pytest.raises(PolicyError):
            house.run(max_creates=1)
        assert house.provider.creates == []
        assert house.store.writes == 0

    def test_plan_changes_nothing(self, house: House) -> None:
        house.files.add("support-bot")
        decided = house.reconciler().plan(Request())
        assert [step.action for step in decided.steps] == [Action.CREATE]
        assert (house.store.writes, house.provider.creates) == (0, [])
        assert not list(house.files.root.glob("**/*.status.yaml"))

    def test_offline_asks_nobody(self, house: House) -> None:
        house.files.add("support-bot")
        decided = house.reconciler().plan(Request(offline=True))
        assert decided.steps[0].reason is Reason.MISSING
        assert house.provider.calls == []

    def test_a_selection_leaves_the_rest_alone(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(house.files.root)
        house.files.add("one")
        house.files.add("two")
        house.run()
        house.provider.calls.clear()
        result = house.run(paths=("specs/one.yaml",))
        assert [step.name for step in result.plan.steps] == ["one"]
        assert house.provider.calls == ["get"]


class TestHistories:
    def test_an_edit_trains_again_and_keeps_the_old_model(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.provider.end("ftjob-1")
        house.run()
        house.files.add("support-bot", "  seed: 7\n")
        result = house.run()
        assert result.plan.steps[0].message == "seed none → 7"
        status = house.files.sidecar("support-bot")
        assert status["fine_tuned_model"] is None
        assert status["last_succeeded"]["fine_tuned_model"] == "ft:ftjob-1"
        assert [old["job_id"] for old in status["previous"]] == ["ftjob-1"]

    def test_editing_back_pays_nothing(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.files.add("support-bot", "  seed: 7\n")
        house.run()
        house.files.add("support-bot")
        house.run()
        assert len(house.provider.creates) == 2

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param("  suspend: true\n", id="suspending"),
            pytest.param("  deletion_policy: cancel\n", id="another deletion policy"),
            pytest.param("  attempt: 0\n", id="spelling a default"),
            pytest.param("  # a comment\n", id="a comment"),
            pytest.param(
                "  hyperparameters: {n_epochs: auto}\n", id="auto is what was meant before"
            ),
        ],
    )
    def test_what_does_not_decide_the_model_pays_nothing(self, house: House, change: str) -> None:
        house.files.add("support-bot")
        house.run()
        house.files.add("support-bot", change)
        house.run()
        assert len(house.provider.creates) == 1

    def test_moving_files_pays_nothing(self, house: House) -> None:
        spec = house.files.add("support-bot")
        house.run()
        folder = house.files.root / "specs" / "team"
        folder.mkdir()
        spec.rename(folder / "renamed.yaml")
        (house.files.root / "specs/train.jsonl").rename(folder / "train.jsonl")
        house.run()
        assert len(house.provider.creates) == 1

    def test_a_lost_state_pays_nothing(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.store.state = State(lineage="new")
        assert house.results() == [Result.ADOPTED]
        assert len(house.provider.creates) == 1

    def test_what_is_adopted_tells_its_own_past_not_todays(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        job = house.provider.jobs["ftjob-1"]
        source = {"reconciler-source": "default/support-bot@0ld"}
        house.provider.jobs["ftjob-1"] = replace(job, metadata=source)
        house.store.state = State(lineage="new")
        house.run()
        status = house.files.sidecar("support-bot")
        assert status["source"]["commit"] == "0ld"
        assert status["datasets"]["training"]["reference"] == job.training_file

    def test_a_removed_spec_is_reported_not_stopped(self, house: House) -> None:
        house.files.add("support-bot").unlink()
        house.files.add("support-bot")
        house.run()
        (house.files.root / "specs/support-bot.yaml").unlink()
        assert house.results() == [Result.ORPHANED]
        assert house.provider.jobs["ftjob-1"].status is JobStatus.VALIDATING_FILES

    def test_prune_cancels_where_the_spec_had_asked_for_it(self, house: House) -> None:
        house.files.add("support-bot", "  deletion_policy: cancel\n")
        house.run()
        (house.files.root / "specs/support-bot.yaml").unlink()
        assert house.results(prune=True) == [Result.CANCELLED]

    def test_a_chain_follows_by_itself(self, house: House) -> None:
        house.files.add("sft")
        text = (house.files.root / "specs/sft.yaml").read_text()
        text = text.replace("name: sft", "name: more").replace(
            "model: gpt-4.1-mini-2025-04-14", "model: {from: sft}"
        )
        (house.files.root / "specs/more.yaml").write_text(text)
        first = house.run()
        assert {o.step.name: o.result for o in first.outcomes} == {
            "sft": Result.CREATED,
            "more": Result.HELD,
        }
        house.provider.end("ftjob-1")
        house.run()
        assert house.provider.creates[1].base_model == "ft:ftjob-1"


class TestTrouble:
    def test_a_lost_answer_is_found_before_the_pass_ends(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.after = _raise_on("create", CreateOutcomeUnknown("reset"))
        assert house.results() == [Result.ADOPTED]
        assert house.files.sidecar("support-bot")["phase"] == "Pending"

    def test_a_lost_answer_that_is_not_listed_yet_waits_out_its_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.lag = 60
        house.provider.after = _raise_on("create", CreateOutcomeUnknown("reset"))
        assert house.results() == [Result.UNKNOWN]
        assert house.results() == [Result.HELD]
        house.clock.sleep(61)
        assert house.results() == [Result.ADOPTED]
        assert len(house.provider.creates) == 1

    def test_a_request_that_never_arrived_is_sent_again_after_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.before = _raise_on("create", CreateOutcomeUnknown("timeout"))
        assert house.results() == [Result.UNKNOWN]
        house.provider.before = lambda _: None
        assert house.results() == [Result.HELD]
        house.clock.sleep(house.provider.grace)
        assert house.results() == [Result.CREATED]

    def test_a_look_that_takes_long_does_not_use_up_the_grace(self, house: House) -> None:
        house.files.add("support-bot")
        house.provider.lag = house.provider.grace
        house.provider.after = _raise_on("create", Killed())
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
        house.provider.before = _raise_on("get", ProviderUnavailable("down"))
        result = house.run()
        assert result.outcomes[0].step.reason is Reason.PROVIDER_UNAVAILABLE
        assert result.sidecars == ()

    def test_a_refusal_for_good_is_not_repeated(self, house: House) -> None:
        house.files.add("support-bot")
        refusal = CreateRejected("no such model", remedy=Remedy.FIX_SPEC, code="model_not_found")
        house.provider.before = _raise_on("create", refusal)
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
        house.provider.before = _doing("create", lambda: theirs.append(other.run()))
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
        house.provider.after = _doing(
            "create", lambda: other.provider.made(house.provider.creates[0])
        )
        (outcome,) = house.run().outcomes
        assert outcome.result is Result.CREATED
        assert outcome.record is not None
        assert outcome.record.job == house.provider.jobs["ftjob-1"]
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]

    def test_a_look_that_fails_takes_nothing_back(self, house: House, other: House) -> None:
        del other
        fault = _raise_on("find", ProviderUnavailable("down"))
        house.provider.after = _doing("create", lambda: setattr(house.provider, "before", fault))
        assert house.results() == [Result.CREATED]

    def test_where_a_name_is_unique_nobody_looks_again(self, house: House, other: House) -> None:
        del other
        house.provider.grace = 0
        house.run()
        assert house.provider.calls == ["find", "upload", "create"]


class TestVerbs:
    def test_cancel_by_name(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        assert house.reconciler().cancel("support-bot").result is Result.CANCELLED

    def test_cancel_without_a_running_job(self, house: House) -> None:
        with pytest.raises(ConfigError, match="no jobs of support-bot are running"):
            house.reconciler().cancel("support-bot")

    def test_cancel_asks_which(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.files.add("support-bot", "  seed: 7\n")
        house.run()
        with pytest.raises(ConfigError, match=r"2 jobs .*name one of support-bot-"):
            house.reconciler().cancel("support-bot")

    def test_record_is_that_of_the_spec_as_it_is_now(self, house: House) -> None:
        house.files.add("support-bot")
        first = house.run().current[0]
        house.clock.sleep(10)
        house.files.add("support-bot", "  seed: 7\n")
        house.run()
        house.files.add("support-bot")
        assert house.reconciler().record("support-bot").token == first.token

    def test_an_unknown_name_says_what_there_is(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        with pytest.raises(ConfigError, match="it knows: support-bot"):
            house.reconciler().record("suport-bot")
        with pytest.raises(ConfigError, match="the specs are: support-bot"):
            find_spec(house.reconciler().load(), "suport-bot")


def _raise_on(wanted: str, error: BaseException) -> Callable[[str], None]:
    def fault(operation: str) -> None:
        if operation == wanted:
            raise error

    return fault


def _doing(wanted: str, what: Callable[[], object]) -> Callable[[str], None]:
    def fault(operation: str) -> None:
        if operation == wanted:
            what()

    return fault
