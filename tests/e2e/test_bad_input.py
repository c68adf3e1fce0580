"""What can be wrong before anything is paid for: its message, its exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.command import KEY, Command


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


UNREACHABLE = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}


def test_a_missing_key_names_the_variable_and_offers_the_sandbox(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    for verb in ("plan", "apply"):
        done = reconcile(verb, check=2)
        assert "OPENAI_API_KEY" in done.stderr
        assert "--sandbox" in done.stderr


def test_plan_offline_needs_no_key(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    assert "create" in reconcile("plan", "--offline").stdout


def test_detailed_exitcode_says_that_there_are_changes(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    reconcile("plan", "--offline", "--detailed-exitcode", check=4)


def test_an_unreachable_provider_holds_and_creates_nothing(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    reconcile.environment = UNREACHABLE
    done = reconcile("plan", check=1)
    assert "held" in done.stdout
    assert "could not look" in done.stdout


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda path: path.unlink(), "train.jsonl", id="missing"),
        pytest.param(lambda path: path.write_text(""), "empty", id="empty"),
        pytest.param(a_folder, "directory|folder", id="a directory"),
        pytest.param(a_pipe, "file", id="a pipe"),
        pytest.param(lambda path: path.write_text("{\n"), r"train\.jsonl:1:", id="not JSON"),
    ],
)
def test_spoilt_data(reconcile: Command, spoil: Callable[[Path], object], message: str) -> None:
    reconcile.files.add("support-bot")
    spoil(reconcile.files.root / "specs/train.jsonl")
    done = reconcile("validate", check=3)
    (line, *_) = done.stdout.splitlines()
    assert line.startswith("specs/")
    assert re.search(message, done.stdout)
    assert reconcile("apply", check=3).stdout == ""


def test_a_spec_that_is_no_yaml(reconcile: Command) -> None:
    (reconcile.files.root / "specs/broken.yaml").write_text("spec: [1, 2\nname: }\n")
    done = reconcile("validate", check=3)
    assert done.stdout.startswith("specs/broken.yaml:")


def test_every_problem_of_every_file_in_one_run(reconcile: Command) -> None:
    reconcile.files.add("one", "  sead: 3\n")
    reconcile.files.add("two", "  suffix: ''\n  seed: -1\n")
    lines = reconcile("validate", check=3).stdout.splitlines()
    assert lines[0].startswith("specs/one.yaml:9:3: spec.sead: unknown field")
    assert "did you mean seed?" in lines[0]
    assert [line.split(":")[0] for line in lines[1:3]] == ["specs/two.yaml"] * 2
    assert lines[-1] == "3 problems in 2 of 3 files"


def test_two_specs_of_one_name(reconcile: Command) -> None:
    spec = reconcile.files.add("one")
    spec.with_name("copy.yaml").write_text(spec.read_text())
    out = reconcile("validate", check=3).stdout
    assert "specs/copy.yaml" in out
    assert "specs/one.yaml" in out


class TestState:
    @pytest.fixture
    def state(self, reconcile: Command) -> Path:
        reconcile.files.add("support-bot")
        path = reconcile.files.root / ".reconciler/state.json"
        path.parent.mkdir()
        return path

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param('{"version": 99}', "newer", id="of a newer version"),
            pytest.param("", "empty", id="truncated to nothing"),
            pytest.param(
                '{"version": 1,\n<<<<<<< HEAD\n"serial": 1\n=======\n"serial": 2\n>>>>>>> x\n}',
                "merge",
                id="with conflict markers",
            ),
        ],
    )
    def test_a_state_that_cannot_be_read_is_left_alone(
        self, reconcile: Command, state: Path, text: str, message: str
    ) -> None:
        state.write_text(text)
        reconcile.environment = UNREACHABLE
        for verb in ("plan", "apply", "status"):
            assert message in reconcile(verb, check=6).stderr
        assert state.read_text() == text

    def test_a_locked_state_says_who_holds_it(self, reconcile: Command, state: Path) -> None:
        from reconciler.config import FileStateSettings
        from reconciler.state import open_store
        from reconciler.state.base import LockOwner

        reconcile.environment = UNREACHABLE
        owner = LockOwner(id="1", who="anna@build-7", operation="apply", created_at=1.8e9)
        store = open_store(FileStateSettings(), reconcile.files.root)
        with store.lock(owner):
            done = reconcile("apply", check=6)
        assert "anna@build-7" in done.stderr
        assert not state.exists()


class TestConfig:
    def config(self, reconcile: Command, text: str) -> str:
        head = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
        (reconcile.files.root / "reconciler.yaml").write_text(head + text)
        return reconcile("validate", check=2).stderr

    def test_a_typo(self, reconcile: Command) -> None:
        error = self.config(reconcile, "provider: {}\n")
        assert "reconciler.yaml:3:1: provider: unknown field" in error
        assert "did you mean providers?" in error

    def test_a_key_sent_in_the_clear(self, reconcile: Command) -> None:
        error = self.config(
            reconcile, "providers: {mine: {type: openai, base_url: 'http://example.org/v1'}}\n"
        )
        assert "unencrypted" in error

    def test_a_secret_in_the_file(self, reconcile: Command) -> None:
        error = self.config(
            reconcile, f"providers: {{mine: {{type: openai, headers: {{api-key: {KEY}}}}}}}\n"
        )
        assert "${env:NAME}" in error


class TestPolicy:
    def test_the_repository_limits_what_one_pass_may_create(self, reconcile: Command) -> None:
        head = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
        config = reconcile.files.root / "reconciler.yaml"
        config.write_text(head + "policy: {max_creates: 1}\n")
        reconcile.files.add("one")
        reconcile.files.add("two")
        done = reconcile("--sandbox", "apply", "--max-creates", "9", check=5)
        assert "creates 2 jobs (one, two), more than max_creates 1" in done.stderr
        assert not list(reconcile.files.root.rglob("*.status.yaml"))
        done = reconcile("plan", "--offline", check=5)
        assert "2 to create" in done.stdout

    def test_an_option_limits_it_further(self, reconcile: Command) -> None:
        reconcile.files.add("one")
        reconcile("--sandbox", "apply", "--max-creates", "0", check=5)


def test_usage_errors_exit_with_2(reconcile: Command) -> None:
    reconcile("aply", check=2)
    reconcile("apply", "--timeout", "soon", check=2)
    reconcile("plan", "specs/nowhere.yaml", check=2)
    assert "there is no spec named" in reconcile("output", "nobody", check=2).stderr


def test_json_errors_are_json(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    done = reconcile("apply", "--format", "json", check=2)
    assert json.loads(done.stderr)["error"]["kind"] == "ConfigError"
    assert done.stdout == ""
