"""action.yml as a runner runs it: its own scripts, by bash, in a repository of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import creates
from tests.e2e.github_runner import ACTION, BOT, Machine, installed, pull_request
from tests.repository import Repository, repository

MARKER = "<!-- reconciler:plan:default -->"
ABSENT = f"  validation_file: {{path: ./gone.jsonl, sha256: {'a1' * 32}}}\n"
"""Data that is in no checkout: the spec is held until somebody fetches it."""

Start = Callable[..., Machine]


@pytest.fixture
def start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A machine in a repository; what the action would install is there already."""
    root = tmp_path / "repository"
    root.mkdir()
    files = repository(root)

    there = installed(tmp_path_factory)

    def machine(**event: Any) -> Machine:
        event = event or pull_request()
        return Machine(tmp_path / "machine", files.root, event=event).having(there)

    return machine


def files(machine: Machine) -> Repository:
    return Repository(machine.root)


def jobs(machine: Machine) -> list[str]:
    """What would have been paid for."""
    return creates(machine.root / ".reconciler" / "sandbox" / "providers")


def errors(commands: list[str]) -> list[str]:
    return [line for line in commands if line.startswith("::error")]


def test_the_action_installs_itself_and_what_the_caller_has_stays_as_it_is(
    tmp_path: Path,
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    repository(root).add("support-bot")
    machine = Machine(tmp_path / "machine", root)
    done = machine.action(command="validate")
    assert done.code == 0, done.log
    (added,) = machine.path[:-1]
    assert [path.name for path in Path(added).iterdir()] == ["reconcile"]
    again = machine.action(command="validate")
    assert again.code == 0


def test_a_version_is_never_an_option_of_pip(start: Start) -> None:
    done = start().action(command="validate", version="--help")
    assert done.code != 0
    assert "Usage:" not in done.log
    assert "Invalid requirement" in done.log


def test_a_plan_makes_one_comment_and_the_next_one_updates_it(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    first = machine.action(command="plan", comment=True, sandbox=True)
    assert first.code == 0, first.log
    assert first.outputs["changes"] == "true"
    assert first.outputs["creates"] == "1"
    assert float(first.outputs["cost_usd"]) <= float(first.outputs["cost_usd_high"])
    assert len(first.outputs["checksum"]) == 64
    (comment,) = machine.comments()
    assert comment["user"] == {"login": BOT}
    assert comment["body"].startswith(f"{MARKER}\n### Fine-tuning plan")
    assert "support-bot" in comment["body"]
    assert comment["body"].split("\n", 1)[1].strip() in first.summary
    assert any(line.startswith("::notice file=specs/support-bot") for line in first.commands)

    files(machine).add("intent-router")
    second = machine.action(command="plan", comment=True, sandbox=True)
    assert second.outputs["creates"] == "2"
    (comment,) = machine.comments()
    assert "intent-router" in comment["body"]
    assert jobs(machine) == []


def test_only_the_comment_of_its_own_is_ever_changed(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    mallory = [
        {"id": number, "user": {"login": "mallory"}, "body": f"{MARKER}\r\nbuy nothing"}
        for number in range(1, 151)
    ]
    quoting = {"id": 151, "user": {"login": BOT}, "body": f"it said\n{MARKER}"}
    older = {"id": 152, "user": {"login": BOT}, "body": f"{MARKER}\r\nan older plan"}
    machine.play(comments=[*mallory, quoting, older])
    machine.action(command="plan", comment=True, sandbox=True)
    *others, ours = machine.comments()
    assert others == [*mallory, quoting]
    assert ours["id"] == 152
    assert "support-bot" in ours["body"]


def test_two_plans_of_one_pull_request_keep_apart_by_their_keys(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    for key in ("eu", "us", "eu"):
        machine.action(command="plan", comment=True, sandbox=True, comment_key=key)
    markers = [comment["body"].split("\n")[0] for comment in machine.comments()]
    assert markers == ["<!-- reconciler:plan:eu -->", "<!-- reconciler:plan:us -->"]


def test_a_comment_that_would_be_refused_for_its_length_is_cut(start: Start) -> None:
    machine = start()
    report = machine.folder / "report.md"
    report.write_text("<!-- reconciler:plan:default -->\n" + "ünlike " * 12_000)
    (step,) = (step for step in ACTION["runs"]["steps"] if step["name"] == "Comment")
    contexts = {
        "inputs": {"comment-key": "default", "token": "t"},
        "github": {"repository": "team/models", "event": pull_request()["event"]},
        "steps": {"reconcile": {"outputs": {"report": str(report), "exit-code": "0"}}},
    }
    machine.steps([step | {"if": "'true'"}], contexts)
    (comment,) = machine.comments()
    assert 60_000 < len(comment["body"]) <= 65_000
    assert comment["body"].count(MARKER) == 1
    assert comment["body"].rstrip().endswith("says the rest.")


def test_a_token_that_may_not_comment_is_told_of_and_fails_nothing(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    machine.play(read_only=True)
    done = machine.action(command="plan", comment=True, sandbox=True)
    assert done.code == 0
    assert any("may not comment" in line for line in done.commands)
    assert machine.comments() == []
    assert "support-bot" in done.summary


def test_without_a_pull_request_the_summary_has_the_plan(start: Start) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot")
    done = machine.action(command="plan", comment=True, sandbox=True)
    assert done.code == 0
    assert "support-bot" in done.summary
    assert machine.comments() == []


def test_specs_that_are_not_sound_fail_at_their_lines_and_no_old_plan_stays(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    machine.action(command="plan", comment=True, sandbox=True)
    files(machine).add("support-bot", "  sead: 1\n")
    done = machine.action(command="plan", comment=True, sandbox=True)
    assert done.code == 3
    assert done.outputs["exit-code"] == "3"
    (error,) = errors(done.commands)
    assert error.startswith("::error file=specs/support-bot.yaml,line=9,")
    (comment,) = machine.comments()
    assert comment["body"].startswith(MARKER)
    assert "did you mean seed?" in comment["body"]
    assert "create" not in comment["body"]


@pytest.mark.parametrize(("given", "code"), [({}, 0), ({"fail_on_held": True}, 1)])
def test_what_is_held_fails_a_plan_only_where_that_is_asked(
    start: Start, given: dict[str, Any], code: int
) -> None:
    machine = start()
    files(machine).add("support-bot", ABSENT)
    done = machine.action(command="plan", sandbox=True, **given)
    assert done.code == code
    assert done.outputs["held"] == "1"
    assert done.outputs["exit-code"] == "1"


@pytest.mark.parametrize(("given", "code"), [({}, 1), ({"fail_on_held": False}, 0)])
def test_what_is_held_fails_an_apply_unless_that_is_declined(
    start: Start, given: dict[str, Any], code: int
) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot", ABSENT)
    done = machine.action(command="apply", sandbox=True, **given)
    assert done.code == code
    assert done.outputs["held"] == "1"


def test_a_limit_refuses_the_plan_which_is_shown_all_the_same(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    done = machine.action(command="plan", comment=True, sandbox=True, max_creates=0, max_cost=5)
    assert done.code == 5
    assert "more than max_creates 0" in done.log
    (comment,) = machine.comments()
    assert "support-bot" in comment["body"]


def test_a_detailed_exit_code_is_a_success(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    done = machine.action(command="plan", sandbox=True, args="--detailed-exitcode --exact")
    assert (done.code, done.outputs["exit-code"]) == (0, "4")


def test_apply_creates_and_refresh_never_does(start: Start) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot")
    applied = machine.action(command="apply", sandbox=True)
    assert applied.code == 0, applied.log
    assert applied.outputs["created"] == "1"
    assert len(jobs(machine)) == 1
    refreshed = machine.action(command="refresh", sandbox=True)
    assert refreshed.code == 0, refreshed.log
    assert len(jobs(machine)) == 1
    assert refreshed.outputs["created"] == "0"


def test_a_refresh_looks_at_every_job_and_leaves_creates_to_an_apply(start: Start) -> None:
    machine = start(event_name="schedule", event={})
    machine.environment["RECONCILER_SANDBOX_SPEED"] = "1000"
    files(machine).add("support-bot")
    machine.action(command="apply", sandbox=True)
    files(machine).add("intent-router")
    done = machine.action(command="refresh", sandbox=True, args="--wait --timeout 30s")
    assert done.code == 0, done.log
    assert files(machine).sidecar("support-bot")["phase"] == "Succeeded"
    assert done.outputs["created"] == "0"
    assert len(jobs(machine)) == 1


def test_apply_does_what_the_plan_file_says_or_nothing(start: Start) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot")
    plan = str(machine.temp / "plan.json")
    assert machine.action(command="plan", sandbox=True, plan_file=plan).code == 0
    files(machine).add("intent-router")
    refused = machine.action(command="apply", sandbox=True, plan_file=plan)
    assert refused.code == 5
    assert jobs(machine) == []
    (machine.root / "specs" / "intent-router.yaml").unlink()
    assert machine.action(command="apply", sandbox=True, plan_file=plan).code == 0
    assert len(jobs(machine)) == 1


def test_paths_are_one_a_line_and_narrow_the_pass(start: Start) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot")
    files(machine).add("intent-router")
    (machine.root / "specs" / "with a space.yaml").write_text(
        (machine.root / "specs" / "support-bot.yaml").read_text().replace("support-bot", "spaced")
    )
    paths = "  specs/with a space.yaml  \n\nintent-router\n"
    done = machine.action(command="plan", sandbox=True, paths=paths)
    assert done.outputs["creates"] == "2"


NASTY = (
    "$(touch pwned)",
    """a' ; touch pwned ; '`touch pwned`" ; touch pwned ; \"""",
    "a\ntouch pwned\n${IFS}touch${IFS}pwned",
)


@pytest.mark.parametrize("name", ["paths", "args", "comment-key", "plan-file", "max-cost"])
def test_no_input_of_a_plan_is_ever_run(start: Start, name: str) -> None:
    machine = start()
    files(machine).add("support-bot")
    for nasty in NASTY:
        inputs = {"args": "--offline", name: nasty}
        machine.action(command="plan", comment=True, **inputs)
        assert not list(machine.folder.parent.rglob("pwned"))


@pytest.mark.parametrize("name", ["max-creates", "write-back", "working-directory", "version"])
def test_no_input_of_an_apply_is_ever_run(start: Start, name: str) -> None:
    machine = start(event_name="push", event={})
    files(machine).add("support-bot")
    for nasty in NASTY[: 1 if name in ("version", "working-directory") else None]:
        if name == "working-directory":
            (machine.root / nasty).mkdir()
        machine.action(command="apply", sandbox=True, **{name: nasty})
        assert not list(machine.folder.parent.rglob("pwned"))


def test_no_path_is_ever_an_option(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    for option in ("--out=pwned", "--help", "--config=elsewhere.yaml"):
        done = machine.action(command="plan", sandbox=True, paths=option)
        assert done.code == 2
        assert option in done.log
        assert not (machine.root / "pwned").exists()


def test_the_name_of_a_file_is_no_command_to_the_runner(start: Start) -> None:
    machine = start()
    folder = machine.root / "specs" / "::error::x"
    folder.mkdir()
    (folder / "a.yaml").write_text("kind: [\n")
    config = "apiVersion: finetuning.reconciler/v1\nkind: Config\nspecs: ['specs/::error::x']\n"
    (machine.root / "reconciler.yaml").write_text(config)
    done = machine.action(command="plan", sandbox=True)
    assert done.code == 3
    for line in done.commands:
        assert line.startswith(("::error file=", "::stop-commands::"))


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"command": "destroy"}, "is one of validate, plan, apply and refresh"),
        ({"command": "plan", "write_back": True}, "write-back goes with the command apply"),
        ({"command": "refresh", "max_creates": 3}, "max-creates goes with the command plan"),
        ({"command": "validate", "plan_file": "x"}, "plan-file goes with the command plan"),
    ],
)
def test_an_input_that_would_do_nothing_is_refused(
    start: Start, inputs: dict[str, Any], words: str
) -> None:
    done = start(event_name="push", event={}).action(sandbox=True, **inputs)
    assert done.code == 2
    (error,) = errors(done.commands)
    assert words in error


@pytest.mark.parametrize("command", ["plan", "apply", "refresh"])
def test_keys_are_never_brought_to_a_pull_request_of_anybody(start: Start, command: str) -> None:
    machine = start(**{**pull_request(), "event_name": "pull_request_target"})
    files(machine).add("support-bot")
    done = machine.action(command=command, sandbox=True)
    assert done.code == 2
    assert "use pull_request" in done.log


@pytest.mark.parametrize("command", ["apply", "refresh"])
def test_a_fork_is_never_a_reason_to_apply(start: Start, command: str) -> None:
    machine = start(**pull_request("mallory/models"))
    files(machine).add("support-bot")
    done = machine.action(command=command, sandbox=True)
    assert done.code == 2
    assert jobs(machine) == []


def test_validate_tells_whether_all_is_sound(start: Start) -> None:
    machine = start()
    files(machine).add("support-bot")
    done = machine.action(command="validate")
    assert (done.code, done.outputs["valid"], done.outputs["errors"]) == (0, "true", "0")
    files(machine).add("support-bot", "  sead: 1\n")
    done = machine.action(command="validate")
    assert (done.code, done.outputs["valid"], done.outputs["errors"]) == (3, "false", "1")


def test_what_the_action_says_of_itself_is_what_it_does() -> None:
    scripts = "".join(step.get("run", "") for step in ACTION["runs"]["steps"])
    assert "${{" not in scripts
    for step in ACTION["runs"]["steps"]:
        if "uses" in step:
            assert step["uses"].startswith("actions/setup-python@v")
        else:
            assert step["shell"] == "bash"
            subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)
