"""The whole story in git: a branch, a plan for its reviewer, a merge, models, sidecars pushed back.

Every run of CI is a fresh clone of one commit, as a hosted runner has it; what one run knows, the
next one knows from git alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from reconciler.sandbox import server
from tests.checkouts import BRANCH, Checkout, Remote, remote_and_clone
from tests.e2e.command import KEY, Command, creates
from tests.repository import Repository

SIDECAR = "specs/support-bot.status.yaml"
STATE = ".reconciler/state.json"
IGNORED = ".reconciler/*\n!.reconciler/state.json\n"
"""The state is kept in git, and nothing else that lies beside it."""


@dataclass
class Team:
    """A remote, a developer's clone, and runners that come and go."""

    remote: Remote
    developer: Checkout
    environment: dict[str, str]
    runners: int = 0

    def reconcile(self, checkout: Checkout) -> Command:
        """`reconcile` in a checkout."""
        return Command(Repository(checkout.root), self.environment)

    def runner(self) -> Checkout:
        """A fresh clone of one commit, with no branch checked out."""
        self.runners += 1
        checkout = self.developer.clone(f"runner-{self.runners}", "--depth=1")
        checkout.git("switch", "--quiet", "--detach")
        return checkout

    def merge(self, branch: str) -> str:
        """Merge a pull request into the main branch; the commit."""
        self.developer.git("switch", "--quiet", BRANCH)
        self.developer.git("pull", "--quiet", "--ff-only")
        self.developer.git("merge", "--quiet", "--no-ff", "-m", f"Merge {branch}", branch)
        self.developer.git("push", "--quiet", "origin", BRANCH)
        return self.developer.git("rev-parse", "HEAD").strip()

    def ci(self, *arguments: str) -> str:
        """What the workflow does on the main branch, in a fresh clone; what it tells."""
        return self.apply(self.runner(), *arguments)

    def apply(self, checkout: Checkout, *arguments: str, check: int = 0) -> str:
        """Apply in a checkout and write back; what is told of that."""
        reconcile = self.reconcile(checkout)
        return reconcile("apply", "--write-back", "--yes", *arguments, check=check).stderr


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Where the providers keep what would have been paid for."""
    return tmp_path / "providers"


@pytest.fixture
def team(tmp_path: Path, jobs: Path) -> Iterator[Team]:
    files = {".gitignore": IGNORED, ".gitattributes": "*.jsonl -text\n"}
    remote, developer = remote_and_clone(tmp_path / "git", files)
    with server.serve(jobs, speed=50) as sandbox:
        environment = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{sandbox.url}/v1",
            "GITHUB_REF_NAME": BRANCH,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        yield Team(remote, developer, environment)


def propose(team: Team, branch: str, message: str) -> None:
    """Commit what the developer has changed to a branch and push that."""
    team.developer.git("switch", "--quiet", "-c", branch)
    team.developer.git("add", "specs")
    team.developer.git("commit", "--quiet", "-m", message)
    team.developer.git("push", "--quiet", "origin", branch)


def test_from_a_pull_request_to_a_model_and_back_into_git(team: Team, jobs: Path) -> None:
    files = Repository(team.developer.root)
    reconcile = team.reconcile(team.developer)

    # a spec on a branch: checked offline, planned for its reviewer
    files.add("support-bot", "  suffix: support\n")
    propose(team, "add-support", "support-bot")
    reconcile("--sandbox", "validate")
    plan = reconcile("plan", "--format", "markdown").stdout
    assert "support-bot" in plan
    assert "create" in plan.lower()
    assert creates(jobs) == []

    # merged: one job, a model, and both the sidecar and the state in git
    merged = team.merge("add-support")
    told = team.ci("--wait")
    first = team.remote.tip()
    assert told.endswith(f"pushed to main: {first[:12]}\n")
    assert team.remote.commits()[:2] == ["reconcile: 1 sidecar", "Merge add-support"]
    assert len(creates(jobs)) == 1
    sidecar = yaml.safe_load(team.remote.files()[SIDECAR])["status"]
    assert sidecar["phase"] == "Succeeded"
    assert sidecar["source"]["commit"] == merged
    assert sidecar["previous"] == []

    # on a schedule: nothing changes, nothing is committed
    assert "nothing to write back" in team.ci("--refresh")
    assert "nothing to write back" in team.ci("--wait")
    assert team.remote.tip() == first

    # a second change: told as such, and exactly one job more
    team.developer.git("pull", "--quiet", "--ff-only")
    assert team.developer.git("status", "--porcelain") == ""
    files.add(
        "support-bot",
        "  suffix: support\n"
        "  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 2}}}\n",
    )
    propose(team, "more-epochs", "two epochs")
    assert "n_epochs" in reconcile("plan", "--format", "markdown").stdout
    team.merge("more-epochs")
    team.ci("--wait")
    second = team.remote.tip()
    assert len(creates(jobs)) == 2
    changed = yaml.safe_load(team.remote.files()[SIDECAR])["status"]
    assert changed["phase"] == "Succeeded"
    assert changed["fine_tuned_model"] != sidecar["fine_tuned_model"]
    assert [each["token"] for each in changed["previous"]] == [sidecar["token"]]
    assert [each["fine_tuned_model"] for each in changed["previous"]] == [
        sidecar["fine_tuned_model"]
    ]
    assert "nothing to write back" in team.ci("--refresh")
    assert team.remote.tip() == second
    history = team.remote.git("log", "--format=%s", BRANCH, "--", SIDECAR).splitlines()
    assert history == ["reconcile: 1 sidecar"] * 2
    assert KEY not in "".join(team.remote.files().values())

    # whoever pulls has the model at hand
    team.developer.git("pull", "--quiet", "--ff-only")
    model = reconcile("output", "support-bot", "--current").stdout.strip()
    assert model == changed["fine_tuned_model"]


def test_a_spec_pushed_during_the_training_is_kept(team: Team, jobs: Path) -> None:
    Repository(team.developer.root).add("support-bot")
    propose(team, "add-support", "support-bot")
    team.merge("add-support")
    runner = team.runner()
    team.reconcile(runner)("apply", "--wait", "--yes")
    Repository(team.developer.root).add("intent-router", data="intents.jsonl", seed="!")
    propose(team, "add-router", "intent-router")
    team.merge("add-router")
    assert "pushed to main" in team.apply(runner)
    assert {SIDECAR, "specs/intent-router.yaml"} <= set(team.remote.files())
    assert "pushed to main" in team.ci("--wait")
    assert "specs/intent-router.status.yaml" in team.remote.files()
    assert len(creates(jobs)) == 2


def test_two_runs_at_once_and_the_one_refused_pays_nothing_twice(team: Team, jobs: Path) -> None:
    Repository(team.developer.root).add("support-bot")
    propose(team, "add-support", "support-bot")
    team.merge("add-support")
    one, two = team.runner(), team.runner()
    team.reconcile(one)("apply", "--wait", "--yes")
    team.reconcile(two)("apply", "--wait", "--yes")
    assert len(creates(jobs)) == 1, "the second one found the job of the first"
    assert "pushed to main" in team.apply(one)
    tip = team.remote.tip()
    told = team.apply(two, check=1)
    assert f"{STATE} on main at origin was changed by another run" in told
    assert "no job is lost" in told
    assert team.remote.tip() == tip
    assert "nothing to write back" in team.ci("--wait")
    assert len(creates(jobs)) == 1


def test_a_protected_branch_is_told_and_the_next_run_makes_up_for_it(
    team: Team, jobs: Path
) -> None:
    Repository(team.developer.root).add("support-bot")
    propose(team, "add-support", "support-bot")
    team.merge("add-support")
    team.remote.hook("update", '[ "$1" != refs/heads/main ]')
    runner = team.runner()
    told = team.apply(runner, "--wait", check=1)
    assert "does not let this run write to main" in told
    assert "allow this account to push to main" in told
    assert (runner.root / SIDECAR).exists()
    (team.remote.root / "hooks" / "update").unlink()
    assert "pushed to main" in team.ci("--wait")
    assert SIDECAR in team.remote.files()
    assert len(creates(jobs)) == 1, "the fresh clone knew of no job, and found it by its token"
