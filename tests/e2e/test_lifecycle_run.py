"""A spec's life at the sandbox: attempts, deadlines, pauses, orphans and new names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from reconciler import lifecycle, specs
from reconciler.cli.verdict import verdict
from reconciler.config import Config, FileStateSettings, OpenAISettings
from reconciler.engine import Request
from reconciler.model import Action, Reason, Result
from reconciler.retries import FIRST_WAIT_SECONDS
from tests.e2e.account import ENOUGH, Account, Accounts, reasons, results
from tests.e2e.command import Command
from tests.repository import repository

HOUR = 3600.0

Open = Callable[..., AbstractContextManager[Account]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    root = tmp_path / "repository"
    root.mkdir()
    return Accounts(repository(root), tmp_path / "providers").open


@pytest.fixture
def account(opened: Open) -> Iterator[Account]:
    with opened() as account:
        yield account


def stalled(account: Account, name: str = "support-bot") -> str | None:
    """The reason why nothing moves until somebody acts, if that is so."""
    conditions = account.files.sidecar(name)["conditions"]
    return next((c["reason"] for c in conditions if c["type"] == "Stalled"), None)


class TestRetries:
    def test_a_failure_of_the_providers_is_followed_by_one_more_job(self, opened: Open) -> None:
        with opened("create=fail-job:server_error,x1") as account:
            account.files.add("support-bot", "  retry: {limit: 1}\n")
            account.run()
            failed = account.later()
            assert account.files.sidecar("support-bot")["phase"] == "Failed"
            assert not failed.settled
            assert len(account.jobs) == 1

            early = account.later(FIRST_WAIT_SECONDS - ENOUGH - 10)
            assert results(early) == [Result.UNCHANGED]
            due = account.later()
            assert (results(due)[0], reasons(due)[0]) == (Result.CREATED, Reason.RETRY_FAILED)
            assert due.plan.steps[0].message == (
                "the job before it failed at the provider; retry 1 of 1"
            )
            done = account.later()
            assert done.settled
            assert verdict(done) == 0
            status = account.files.sidecar("support-bot")
            assert status["phase"] == "Succeeded"
            assert status["last_succeeded"]["fine_tuned_model"] == status["fine_tuned_model"]
            assert [old["phase"] for old in status["previous"]] == ["Failed"]
            assert status["token"] != status["previous"][0]["token"]
            assert results(account.later(100 * HOUR)) == [Result.UNCHANGED]
            assert len(account.jobs) == 2

    def test_there_are_no_more_than_the_spec_allows(self, opened: Open) -> None:
        with opened("create=fail-job:server_error") as account:
            account.files.add("support-bot", "  retry: {limit: 1}\n")
            for _ in range(5):
                last = account.later(HOUR)
            assert len(account.jobs) == 2
            assert last.settled
            assert verdict(last) == 1
            assert stalled(account) == "JobFailed"

    def test_a_failure_of_the_datas_is_not_repeated(self, opened: Open) -> None:
        with opened("create=fail-job:invalid_training_file") as account:
            account.files.add("support-bot", "  retry: {limit: 3}\n")
            account.run()
            assert account.later().settled
            assert results(account.later(100 * HOUR)) == [Result.UNCHANGED]
            assert len(account.jobs) == 1

    def test_a_lost_state_finds_every_attempt_and_pays_nothing(self, opened: Open) -> None:
        with opened("create=fail-job:server_error,x1") as account:
            account.files.add("support-bot", "  retry: {limit: 1}\n")
            account.run()
            account.later()
            account.later(FIRST_WAIT_SECONDS)
            (account.files.root / FileStateSettings().path).unlink()
            account.later()
            account.later()
            assert account.files.sidecar("support-bot")["phase"] == "Succeeded"
            assert len(account.jobs) == 2

    def test_allowing_an_attempt_afterwards_is_no_new_spec(self, opened: Open) -> None:
        with opened("create=fail-job:server_error,x1") as account:
            account.files.add("support-bot")
            account.run()
            account.later()
            account.files.add("support-bot", "  retry: {limit: 1}\n")
            assert reasons(account.later(HOUR)) == [Reason.RETRY_FAILED]
            assert len(account.jobs) == 2


class TestDeadline:
    def test_what_takes_too_long_is_stopped_and_not_tried_again(self, opened: Open) -> None:
        with opened(speed=0.001) as account:
            account.files.add("support-bot", "  deadline: 30m\n  retry: {limit: 2}\n")
            account.run()
            assert Result.CANCELLED not in results(account.later(HOUR / 2 - 1))
            late = account.later(1)
            assert (results(late), reasons(late)) == (
                [Result.CANCELLED],
                [Reason.DEADLINE_EXCEEDED],
            )
            assert verdict(late) == 1
            assert account.files.sidecar("support-bot")["phase"] == "Cancelled"
            assert stalled(account) == "DeadlineExceeded"
            assert results(account.later(100 * HOUR)) == [Result.UNCHANGED]
            assert len(account.jobs) == 1

    def test_more_time_is_no_new_spec(self, opened: Open) -> None:
        with opened(speed=0.001) as account:
            account.files.add("support-bot", "  deadline: 30m\n")
            account.run()
            account.files.add("support-bot", "  deadline: 10h\n")
            assert Result.CANCELLED not in results(account.later(HOUR))
            assert len(account.jobs) == 1


class TestOrphans:
    def remove(self, account: Account) -> None:
        (account.files.root / "specs/support-bot.yaml").unlink()

    @pytest.mark.parametrize("policy", ["cancel", "delete"])
    def test_prune_stops_what_its_spec_had_let_go(self, opened: Open, policy: str) -> None:
        with opened(speed=0.001) as account:
            account.files.add("support-bot", f"  deletion_policy: {policy}\n")
            account.run()
            self.remove(account)
            assert results(account.run()) == [Result.ORPHANED]
            assert results(account.run(prune=True)) == [Result.CANCELLED]
            assert Action.CANCEL not in [s.action for s in account.run(prune=True).plan.steps]
            assert verdict(account.run(prune=True)) == 0

    def test_without_a_word_of_the_spec_nothing_is_stopped(self, opened: Open) -> None:
        with opened(speed=0.001) as account:
            account.files.add("support-bot")
            account.run()
            self.remove(account)
            assert results(account.run(prune=True)) == [Result.ORPHANED]

    def test_a_policy_that_changed_while_it_ran_is_the_one_that_counts(self, opened: Open) -> None:
        with opened(speed=0.001) as account:
            account.files.add("support-bot")
            account.run()
            account.run()
            account.files.add("support-bot", "  deletion_policy: cancel\n")
            account.run()
            self.remove(account)
            assert results(account.run(prune=True)) == [Result.CANCELLED]

    def deleted(self, account: Account) -> list[str]:
        """What `--delete-models` does after its pass."""
        with account.session() as session:
            result = session.run_once(Request(prune=True))
            orphans = [step.record for step in result.plan.of(Action.ORPHAN) if step.record]
            return [one.message for one in lifecycle.prune_models(session, orphans)]

    def test_a_model_is_deleted_where_its_spec_said_so(self, account: Account) -> None:
        account.files.add("support-bot", "  deletion_policy: delete\n")
        account.run()
        account.later()
        model = account.files.sidecar("support-bot")["fine_tuned_model"]
        assert self.deleted(account) == []
        self.remove(account)
        assert self.deleted(account) == [f"deleted {model}"]
        assert self.deleted(account) == []
        assert [record.model_deleted for record in account.records().values()] == [True]

        account.files.add("support-bot", "  deletion_policy: delete\n")
        again = account.run()
        assert reasons(again) == [Reason.MODEL_DELETED]
        assert verdict(again) == 1
        account.files.add("support-bot", "  deletion_policy: delete\n  attempt: 1\n")
        assert results(account.run())[0] is Result.CREATED
        assert len(account.jobs) == 2

    def test_a_model_stays_where_its_spec_only_said_cancel(self, account: Account) -> None:
        account.files.add("support-bot", "  deletion_policy: cancel\n")
        account.run()
        account.later()
        self.remove(account)
        assert self.deleted(account) == []

    def test_deleting_goes_with_pruning(self, reconcile: Command) -> None:
        told = reconcile("--sandbox", "apply", "--delete-models", check=2).stderr
        assert "--delete-models goes with --prune" in told


class TestSuspend:
    def test_it_holds_a_create_and_no_job(self, account: Account) -> None:
        account.files.add("support-bot", "  suspend: true\n")
        held = account.run()
        assert (results(held), reasons(held)) == ([Result.HELD], [Reason.SUSPENDED])
        assert verdict(held) == 0  # it was meant so
        assert (account.files.sidecar("support-bot")["phase"], account.jobs) == ("Held", [])
        account.files.add("support-bot", "  suspend: false\n")
        assert results(account.run()) == [Result.CREATED]
        account.files.add("support-bot", "  suspend: true\n")
        account.later()
        assert account.files.sidecar("support-bot")["phase"] == "Succeeded"
        assert len(account.jobs) == 1


class TestPause:
    def test_a_paused_job_waits_for_a_person_and_goes_on(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.clock.sleep(4)
        paused = account.told(lifecycle.pause)
        assert paused.result is Result.REFRESHED
        assert paused.hint == "it goes on with: reconcile resume support-bot"
        assert not account.later(100 * HOUR).settled
        assert account.files.sidecar("support-bot")["phase"] == "Paused"
        assert stalled(account) == "JobPaused"
        assert account.told(lifecycle.resume).message.endswith("goes on: queued")
        assert account.later().settled
        assert account.files.sidecar("support-bot")["phase"] == "Succeeded"
        assert len(account.jobs) == 1

    def test_pausing_does_not_outlive_the_deadline(self, account: Account) -> None:
        account.files.add("support-bot", "  deadline: 1h\n")
        account.run()
        account.clock.sleep(4)
        account.told(lifecycle.pause)
        assert reasons(account.later(2 * HOUR)) == [Reason.DEADLINE_EXCEEDED]


class TestAttempt:
    def test_raising_it_trains_the_same_again_and_lowering_it_pays_nothing(
        self, account: Account
    ) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        first = account.files.sidecar("support-bot")
        account.files.add("support-bot", "  attempt: 1\n")
        again = account.run()
        assert again.plan.steps[0].message == "attempt 0 → 1"
        assert account.files.sidecar("support-bot")["last_succeeded"] == first["last_succeeded"]
        account.later()
        second = account.files.sidecar("support-bot")
        assert (second["attempt"], second["phase"]) == (1, "Succeeded")
        assert second["fine_tuned_model"] != first["fine_tuned_model"]
        assert [old["job_id"] for old in second["previous"]] == [first["job"]["id"]]
        account.files.add("support-bot")
        account.later()
        assert account.files.sidecar("support-bot")["token"] == first["token"]
        assert len(account.jobs) == 2


class TestNames:
    def rename(self, account: Account, *names: str, more: str = "") -> None:
        """Call the spec by the first of these; the others it had before, the newest first."""
        new, *former = names
        for path in (account.files.root / "specs").glob("*.yaml"):
            if not path.name.endswith(".status.yaml"):
                path.unlink()
        path = account.files.add(new, more)
        listed = f"  name: {new}\n  previous_names: [{', '.join(former)}]\n"
        if former:
            path.write_text(path.read_text().replace(f"  name: {new}\n", listed))

    def test_a_new_name_trains_nothing_again(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        before = account.files.sidecar("support-bot")
        self.rename(account, "helpdesk", "support-bot")
        renamed = account.run()
        assert (results(renamed), reasons(renamed)) == ([Result.UNCHANGED], [Reason.UP_TO_DATE])
        after = account.files.sidecar("helpdesk")
        assert after == {**before, "source": after["source"], "job": before["job"]}
        assert [record.name for record in account.records().values()] == ["helpdesk"]
        self.rename(account, "answers", "helpdesk", "support-bot")
        assert reasons(account.run()) == [Reason.UP_TO_DATE]
        assert account.files.sidecar("answers")["fine_tuned_model"] == before["fine_tuned_model"]
        assert len(account.jobs) == 1

    def test_its_history_comes_along(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        first = account.files.sidecar("support-bot")
        self.rename(account, "helpdesk", "support-bot", more="  seed: 7\n")
        edited = account.run()
        assert edited.plan.steps[0].message == "seed none → 7"
        status = account.files.sidecar("helpdesk")
        assert status["last_succeeded"] == first["last_succeeded"]
        assert [old["token"] for old in status["previous"]] == [first["token"]]
        assert Action.ORPHAN not in [step.action for step in edited.plan.steps]

    def test_while_its_job_runs(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        self.rename(account, "helpdesk", "support-bot")
        assert [step.action for step in account.run().plan.steps] == [Action.NOOP]
        account.later()
        assert account.files.sidecar("helpdesk")["phase"] == "Succeeded"
        assert len(account.jobs) == 1

    def test_attempts_that_were_made_by_themselves_come_along(self, opened: Open) -> None:
        with opened("create=fail-job:server_error,x1") as account:
            account.files.add("support-bot", "  retry: {limit: 1}\n")
            account.run()
            account.later()
            account.later(FIRST_WAIT_SECONDS)
            self.rename(account, "helpdesk", "support-bot", more="  retry: {limit: 1}\n")
            account.later()
            assert account.files.sidecar("helpdesk")["phase"] == "Succeeded"
            assert len(account.jobs) == 2

    def test_a_lost_state_finds_it_by_the_name_it_began_with(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        (account.files.root / FileStateSettings().path).unlink()
        self.rename(account, "helpdesk", "support-bot")
        assert results(account.run()) == [Result.ADOPTED]
        assert len(account.jobs) == 1

    def test_who_trains_on_its_model_goes_on_as_well(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        self.rename(account, "helpdesk", "support-bot")
        tone = account.files.add("tone")
        text = tone.read_text()
        tone.write_text(text.replace("model: gpt-4.1-mini-2025-04-14", "model: {from: helpdesk}"))
        (create,) = account.run().plan.of(Action.CREATE)
        assert create.base_model == account.files.sidecar("helpdesk")["fine_tuned_model"]

    def test_without_its_former_name_it_is_a_new_spec(self, account: Account) -> None:
        account.files.add("support-bot")
        account.run()
        account.later()
        self.rename(account, "helpdesk")
        assert results(account.run()) == [Result.CREATED, Result.ORPHANED]
        assert len(account.jobs) == 2

    @pytest.mark.parametrize(
        ("others", "problem"),
        [
            pytest.param(
                {"support-bot": ""},
                "support-bot is the name of specs/support-bot.yaml:1, or was",
                id="a spec has that name",
            ),
            pytest.param(
                {"answers": "  previous_names: [support-bot]\n"},
                "support-bot is the name of specs/answers.yaml:1, or was",
                id="another spec had it, too",
            ),
        ],
    )
    def test_a_former_name_is_one_specs_alone(
        self, tmp_path: Path, others: dict[str, str], problem: str
    ) -> None:
        files = repository(tmp_path)
        for name, more in {**others, "helpdesk": "  previous_names: [support-bot]\n"}.items():
            path = files.add(name)
            head = f"  name: {name}\n"
            path.write_text(path.read_text().replace(head, head + more))
        loaded = specs.load(
            Config(root=files.root, providers={"openai": OpenAISettings(name="openai")})
        )
        assert [str(found) for found in loaded.problems] == [
            (
                f"specs/helpdesk.yaml:5:20: {problem}"
                " (a spec that is split in two keeps its former name in one of them)"
            )
        ]
