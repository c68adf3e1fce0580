"""The README's workflows from a pull request to a model: every job as it stands there, run here.

Every job is a fresh machine with a fresh clone. The provider is the sandbox, reached like a real
one: with a key, which only our own step is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.sandbox import server
from tests import readme
from tests.checkouts import BRANCH, Checkout, Remote, remote_and_clone
from tests.e2e.command import KEY, creates
from tests.e2e.github_runner import Done, Machine, installed, pull_request
from tests.repository import Repository

SIDECAR = "specs/support-bot.status.yaml"
IGNORED = ".reconciler/*\n!.reconciler/state.json\n"
CONFIG = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
PUSH = {"event_name": "push", "ref": f"refs/heads/{BRANCH}"}
SCHEDULE = {"event_name": "schedule", "ref": f"refs/heads/{BRANCH}"}


@dataclass
class Team:
    """A remote, a developer, GitHub's comments, and machines that come and go."""

    folder: Path
    there: Path
    remote: Remote
    developer: Checkout
    url: str
    comments: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, Path] = field(default_factory=dict)
    machines: int = 0

    def run(
        self, verb: str, job: str, event: dict[str, Any], needs: dict[str, Any] | None = None
    ) -> Done:
        """A job of the README's workflow on a machine of its own."""
        described = readme.document(f".github/workflows/fine-tuning-{verb}.yml")["jobs"][job]
        self.machines += 1
        folder = self.folder / f"machine-{self.machines}"
        source = event.get("event", {}).get("pull_request", {}).get("head", {}).get("repo", {})
        machine = Machine(
            folder,
            folder / "checkout",
            event=event,
            environment={"OPENAI_BASE_URL": f"{self.url}/v1"},
            secrets={"OPENAI_API_KEY": KEY} if source.get("full_name") != "mallory/models" else {},
            remote=f"file://{self.remote.root}",
            artifacts=self.artifacts,
        ).having(self.there)
        machine.play(comments=self.comments)
        assert machine.wanted(described, needs or {})
        done = machine.job(described, needs)
        self.comments = machine.comments()
        return done

    def propose(self, message: str) -> str:
        """A branch with what the developer has changed, and GitHub's merge of it; the base."""
        self.developer.git("switch", "--quiet", "--create", message.replace(" ", "-"))
        self.developer.git("add", "--all")
        self.developer.git("commit", "--quiet", "-m", message)
        base = self.remote.tip()
        self.developer.git("switch", "--quiet", "--detach", base)
        self.developer.git("merge", "--quiet", "--no-ff", "-m", "merge", message.replace(" ", "-"))
        self.developer.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/merge")
        return base

    def merge(self) -> str:
        """Merge the pull request; the commit."""
        self.developer.git("push", "--quiet", "origin", f"HEAD:{BRANCH}")
        self.developer.git("switch", "--quiet", "--force-create", BRANCH)
        return self.remote.tip()

    def apply(self) -> Done:
        """What a push to main starts: the plan, and the apply of just that."""
        planned = self.run("apply", "plan", PUSH)
        assert planned.code == 0, planned.log
        return self.run("apply", "apply", PUSH, {"plan": {"outputs": planned.outputs}})


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Where the providers keep what would have been paid for."""
    return tmp_path / "providers"


@pytest.fixture
def team(tmp_path: Path, jobs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    files = {".gitignore": IGNORED, ".gitattributes": "*.jsonl -text\n"}
    remote, developer = remote_and_clone(tmp_path / "git", files)
    with server.serve(jobs, speed=500) as sandbox:
        yield Team(tmp_path, installed(tmp_path_factory), remote, developer, sandbox.url)


def test_from_a_pull_request_to_a_model_by_the_workflows_of_the_readme(
    team: Team, jobs: Path
) -> None:
    Repository(team.developer.root).add("support-bot")
    base = team.propose("add support")
    planned = team.run("plan", "plan", pull_request(base={"sha": base}))
    assert planned.code == 0, planned.log
    assert planned.outputs["creates"] == "1"
    (comment,) = team.comments
    assert "support-bot" in comment["body"]
    assert creates(jobs) == []

    merged = team.merge()
    applied = team.apply()
    assert applied.code == 0, applied.log
    assert applied.outputs["created"] == "1"
    assert len(creates(jobs)) == 1
    written = team.remote.files()
    assert yaml.safe_load(written[SIDECAR])["status"]["source"]["commit"] == merged
    assert json.loads(written[".reconciler/state.json"])["serial"] > 0

    for _ in range(50):
        refreshed = team.run("refresh", "refresh", SCHEDULE)
        assert refreshed.code == 0, refreshed.log
        status = yaml.safe_load(team.remote.files()[SIDECAR])["status"]
        if status["phase"] == "Succeeded":
            break
    assert status["fine_tuned_model"]
    tip = team.remote.tip()
    assert team.run("refresh", "refresh", SCHEDULE).code == 0
    assert team.remote.tip() == tip, "nothing is committed where nothing has changed"
    assert len(creates(jobs)) == 1
    again = team.run("apply", "plan", PUSH)
    assert again.outputs["changes"] == "false"


def test_a_refresh_before_the_approval_spends_nothing(team: Team, jobs: Path) -> None:
    Repository(team.developer.root).add("support-bot")
    team.propose("add support")
    team.merge()
    refreshed = team.run("refresh", "refresh", SCHEDULE)
    assert refreshed.code == 0, refreshed.log
    assert creates(jobs) == []


def test_what_changed_since_the_approval_is_not_applied(team: Team, jobs: Path) -> None:
    Repository(team.developer.root).add("support-bot")
    team.propose("add support")
    team.merge()
    planned = team.run("apply", "plan", PUSH)
    Repository(team.developer.root).add("intent-router", seed="!")
    team.propose("add router")
    team.merge()
    applied = team.run("apply", "apply", PUSH, {"plan": {"outputs": planned.outputs}})
    assert applied.code == 5
    assert "intent-router" in applied.log
    assert creates(jobs) == []


def fork(base: str) -> dict[str, Any]:
    return pull_request("mallory/models", base={"sha": base})


def test_a_fork_is_planned_offline_by_the_rules_of_the_base_branch(team: Team, jobs: Path) -> None:
    team.developer.commit({"reconciler.yaml": CONFIG + "policy: {max_creates: 0}\n"}, "rules")
    Repository(team.developer.root).add("support-bot")
    team.developer.write({"reconciler.yaml": CONFIG + "policy: {max_creates: 9}\n"})
    base = team.propose("add support")
    done = team.run("plan", "plan", fork(base))
    assert done.code == 5, done.log
    assert "more than max_creates 0" in done.log
    assert "support-bot" in done.summary
    assert team.comments == []
    assert any("may not comment" in line for line in done.commands)
    assert creates(jobs) == []


@pytest.mark.parametrize("records", [".reconciler/state.json", "records/state.json"])
def test_a_fork_brings_no_configuration_and_no_records_of_its_own(team: Team, records: str) -> None:
    config = CONFIG + f"state: {{backend: file, path: {records}}}\n"
    team.developer.commit({"reconciler.yaml": config}, "where our records are")
    Repository(team.developer.root).add("support-bot")
    team.propose("add support")
    team.merge()
    team.apply()
    team.developer.git("pull", "--quiet", "origin", BRANCH)
    forged = team.remote.files()[records].replace("support-bot", "intent-router")
    Repository(team.developer.root).add("intent-router")
    team.developer.write(
        {
            "reconciler.yaml": config.replace(records, "specs/s.json"),
            "specs/reconciler.yaml": config,
            "specs/s.json": forged,
            records: forged,
            ".reconciler/cache/facts/x": "",
        }
    )
    team.developer.git("add", "--force", ".reconciler")
    base = team.propose("add router")
    done = team.run("plan", "plan", fork(base))
    assert done.code == 0, done.log
    assert done.outputs["creates"] == "1", "support-bot is known, intent-router is not"
    checkout = team.folder / f"machine-{team.machines}" / "checkout"
    assert (checkout / "reconciler.yaml").read_text() == config
    assert (checkout / records).read_text() == team.remote.files()[records]
    assert not (checkout / "specs" / "reconciler.yaml").exists()
    assert not (checkout / ".reconciler" / "cache" / "facts" / "x").exists()


def test_a_fork_is_only_checked_where_the_state_is_out_of_its_reach(team: Team) -> None:
    state = "state: {backend: s3, bucket: my-team, key: state.json, region: us-east-1}\n"
    team.developer.commit({"reconciler.yaml": CONFIG + state}, "a state for all of us")
    Repository(team.developer.root).add("support-bot")
    base = team.propose("add support")
    done = team.run("plan", "plan", fork(base))
    assert done.code == 0, done.log
    assert done.outputs["valid"] == "true"
    Repository(team.developer.root).add("support-bot", "  sead: 1\n")
    base = team.propose("a typing error")
    done = team.run("plan", "plan", fork(base))
    assert done.code == 3
    assert any("line=9" in line for line in done.commands)


def test_a_checkout_without_the_base_branch_is_refused(team: Team) -> None:
    Repository(team.developer.root).add("support-bot")
    team.propose("add support")
    done = team.run("plan", "plan", fork("0" * 40))
    assert done.code == 2
    assert "fetch-depth: 2" in done.log
