"""Whole passes over real spec files, a state and a provider in memory.

One pass by itself, and what passes make of specs that are edited, moved and removed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.engine import Request
from reconciler.errors import PolicyError, SpecError, StateLocked
from reconciler.model import Action, JobStatus, Reason, Result, State
from tests.fakes import OWNER
from tests.house import House
from tests.repository import repository


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
