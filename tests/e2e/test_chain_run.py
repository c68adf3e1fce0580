"""A model that is trained on another spec's model: supervised first, preferences on top of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.verdict import verdict
from reconciler.engine import PassResult, Request
from reconciler.model import Action, Reason, Result
from reconciler.retries import FIRST_WAIT_SECONDS
from tests.e2e.account import Account, Accounts, reasons, results
from tests.e2e.command import Command, creates
from tests.repository import Repository, repository

DPO = "  method: {type: dpo, dpo: {hyperparameters: {n_epochs: 2}}}\n"
WAITING = "it trains on the model of sft, which is not there yet"


def chain(files: Repository, *, more: str = "") -> None:
    """`dpo` trains on what `sft` makes; `more` is further lines of `sft`."""
    files.add("sft", f"  hyperparameters: {{n_epochs: 3}}\n{more}")
    follow(files, "dpo", "sft", DPO)


def follow(files: Repository, name: str, upstream: str, more: str = "") -> Path:
    """A spec that trains on the model of another, with preferences."""
    path = files.add(name, more, data="pairs.jsonl")
    model = "model: gpt-4.1-mini-2025-04-14"
    path.write_text(path.read_text().replace(model, f"model: {{from: {upstream}}}"))
    (files.root / "specs/pairs.jsonl").write_text(
        "".join(
            json.dumps(
                {
                    "input": {"messages": [{"role": "user", "content": f"Where is {number}?"}]},
                    "preferred_output": [{"role": "assistant", "content": f"It left, {number}."}],
                    "non_preferred_output": [{"role": "assistant", "content": "Who knows."}],
                }
            )
            + "\n"
            for number in range(12)
        )
    )
    return path


@pytest.fixture
def sandboxed(reconcile: Command) -> Command:
    """The chain in a repository, and the sandbox at a speed that tests can wait for."""
    reconcile.environment = {"RECONCILER_SANDBOX": "1", "RECONCILER_SANDBOX_SPEED": "50"}
    chain(reconcile.files)
    return reconcile


def planned(reconcile: Command) -> dict[str, Any]:
    return {step["name"]: step for step in reconcile.json("plan")["steps"]}


def test_from_two_specs_to_a_model_on_a_model(sandboxed: Command) -> None:
    before = planned(sandboxed)
    assert before["sft"]["action"] == "create"
    held = before["dpo"]
    assert (held["action"], held["reason"]) == ("hold", "WaitingForSpec")
    assert held["message"] == WAITING
    assert held["hint"] == "it follows by itself on the first pass after that one has succeeded"
    assert held["estimate"]["tokens"] > 0  # known before there is a model to train on
    assert held["estimate"]["usd"] is not None

    sandboxed("apply", "--wait")
    sft, dpo = (sandboxed.files.sidecar(name) for name in ("sft", "dpo"))
    assert (sft["phase"], dpo["phase"]) == ("Succeeded", "Succeeded")
    assert dpo["job"]["model"] == sft["fine_tuned_model"]
    assert dpo["job"]["method"]["type"] == "dpo"
    assert dpo["estimated"]["tokens"] == held["estimate"]["tokens"]

    assert {step["action"] for step in planned(sandboxed).values()} == {"noop"}
    (origin,) = sandboxed.json("whence", dpo["fine_tuned_model"])["origins"]
    assert (origin["name"], origin["base"]["name"]) == ("dpo", "sft")
    assert origin["base"]["fine_tuned_model"] == sft["fine_tuned_model"]
    assert "trained on the model of:" in sandboxed("whence", dpo["fine_tuned_model"]).stdout
    assert len(creates(sandboxed.files.root / ".reconciler/sandbox/providers")) == 2


def test_a_circle_is_drawn_and_refused(sandboxed: Command) -> None:
    follow(sandboxed.files, "sft", "dpo", DPO)
    told = sandboxed("apply", check=3)
    drawn = "specs/dpo.yaml:7:17: no spec can train on its own model: dpo -> sft -> dpo"
    assert drawn in told.stdout + told.stderr
    assert not (sandboxed.files.root / ".reconciler/sandbox/state.json").exists()


def test_a_model_stays_at_the_provider_that_made_it(sandboxed: Command) -> None:
    path = sandboxed.files.root / "specs/dpo.yaml"
    text = path.read_text().replace("provider: openai", "provider: fireworks")
    path.write_text(text.replace("n_epochs: 2", ""))
    told = sandboxed("plan", check=3)
    refused = "sft is trained at openai, and this one at fireworks"
    assert refused in told.stdout + told.stderr


class TestInTime:
    """At the sandbox, with a clock that only the test moves."""

    @pytest.fixture
    def accounts(self, tmp_path: Path) -> Accounts:
        root = tmp_path / "repository"
        root.mkdir()
        accounts = Accounts(repository(root), tmp_path / "providers")
        chain(accounts.files)
        return accounts

    @pytest.fixture
    def account(self, accounts: Accounts) -> Iterator[Account]:
        with accounts.open() as account:
            yield account

    def test_it_follows_in_the_pass_that_sees_the_other_succeed(self, account: Account) -> None:
        first = account.run()
        assert dict(zip(names(first), results(first), strict=True)) == {
            "dpo": Result.HELD,
            "sft": Result.CREATED,
        }
        assert verdict(first) == 0  # waiting is no failure
        assert account.files.sidecar("dpo")["phase"] == "Held"
        assert results(account.later(0.5)) == [Result.HELD, Result.UNCHANGED]
        second = account.later()
        assert results(second) == [Result.CREATED, Result.REFRESHED]
        assert account.later().settled
        assert len(account.jobs) == 2

    def test_an_edit_of_the_first_trains_both_again(self, account: Account) -> None:
        for _ in range(3):
            account.later()
        before = account.files.sidecar("dpo")
        account.files.add("sft", "  hyperparameters: {n_epochs: 4}\n")
        edited = account.run()
        assert [step.action for step in edited.plan.steps] == [Action.HOLD, Action.CREATE]
        waiting = account.files.sidecar("dpo")
        assert waiting["fine_tuned_model"] is None
        assert waiting["last_succeeded"]["fine_tuned_model"] == before["fine_tuned_model"]
        with account.session() as session:
            account.clock.sleep(60)
            create = session.plan(Request()).steps[0]
        assert create.action is Action.CREATE
        sft = account.files.sidecar("sft")
        old = before["token"], sft["previous"][0]["token"]
        assert create.previous is not None
        assert create.previous.token == old[0]
        assert create.message == f"model the model of {old[1]} → the model of {sft['token']}"
        account.run()
        account.later()
        assert (
            account.files.sidecar("dpo")["job"]["model"]
            == (account.files.sidecar("sft")["fine_tuned_model"])
        )
        assert len(account.jobs) == 4

    def test_reverting_the_edit_finds_both_models(self, account: Account) -> None:
        for _ in range(3):
            account.later()
        account.files.add("sft", "  hyperparameters: {n_epochs: 4}\n")
        account.run()
        account.files.add("sft", "  hyperparameters: {n_epochs: 3}\n")
        last = account.later()
        assert reasons(last)[:2] == [Reason.UP_TO_DATE, Reason.UP_TO_DATE]
        assert len(account.jobs) == 3

    def test_what_only_steers_the_first_moves_nothing(self, account: Account) -> None:
        for _ in range(3):
            account.later()
        chain(account.files, more="  deadline: 9h\n  deletion_policy: cancel\n")
        assert reasons(account.run()) == [Reason.UP_TO_DATE] * 2

    def test_a_first_that_failed_is_for_somebody_to_mend(self, accounts: Accounts) -> None:
        with accounts.open("create=fail-job:invalid_training_file,x1") as account:
            account.run()
            failed = account.later()
            assert failed.plan.steps[0].message == (
                "it trains on the model of sft, whose job failed"
            )
            assert verdict(failed) == 1
            chain(account.files, more="  attempt: 1\n")
            account.run()
            assert results(account.later())[0] is Result.CREATED

    def test_it_trains_on_the_attempt_that_succeeded(self, accounts: Accounts) -> None:
        with accounts.open("create=fail-job:server_error,x1") as account:
            chain(account.files, more="  retry: {limit: 1}\n")
            account.run()
            account.later()
            account.later(FIRST_WAIT_SECONDS)
            followed = account.later()
            assert results(followed) == [Result.CREATED, Result.REFRESHED]
            assert (
                followed.plan.steps[0].base_model
                == (account.files.sidecar("sft")["fine_tuned_model"])
            )
            token = account.files.sidecar("dpo")["token"]
            assert account.later().settled
            assert account.files.sidecar("dpo")["token"] == token
            assert len(account.jobs) == 3

    def test_one_alone_waits_for_the_other_all_the_same(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(account.files.root)
        alone = account.run(paths=("dpo",))
        assert (names(alone), reasons(alone)) == (["dpo"], [Reason.WAITING_FOR_SPEC])
        account.run(paths=("sft",))
        account.later(paths=("sft",))
        assert results(account.run(paths=("dpo",))) == [Result.CREATED]


def names(result: PassResult) -> list[str]:
    return [step.name for step in result.plan.steps]
