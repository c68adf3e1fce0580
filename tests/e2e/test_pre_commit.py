"""The hook of .pre-commit-hooks.yaml, run by pre-commit in a repository of its own.

pre-commit would install the hook from our repository, which takes a network. So its language is the
machine's here, and all the rest of the manifest is as it stands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.checkouts import run_git
from tests.e2e.github_runner import CHECKOUT
from tests.repository import Repository

HOOKS = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def files(tmp_path: Path) -> Repository:
    """A repository with a sound spec, everything staged, and our hook in its configuration."""
    root = tmp_path / "repository"
    run_git(tmp_path, "init", "--quiet", str(root))
    files = Repository(root)
    files.add("support-bot")
    (root / "README.md").write_text("hello\n")
    hooks = [hook | {"language": "system"} for hook in HOOKS]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    return files


def commit(files: Repository, *names: str) -> subprocess.CompletedProcess[str]:
    """What pre-commit says to a commit of these files."""
    run_git(files.root, "add", "--all")
    scripts = str(Path(sys.executable).parent)
    environment = {
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "HOME": str(files.root.parent),
        "PRE_COMMIT_HOME": str(files.root.parent / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
    }
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--files", *names],
        cwd=files.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "name", ["specs/support-bot.yaml", "specs/train.jsonl", "reconciler.yaml", "more/x.yml"]
)
def test_a_commit_of_sound_specs_passes(files: Repository, name: str) -> None:
    (files.root / "more").mkdir()
    (files.root / "more" / "x.yml").write_text("")
    config = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
    (files.root / "reconciler.yaml").write_text(config)
    done = commit(files, name)
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout


def test_data_that_breaks_a_spec_stops_the_commit_at_its_line(files: Repository) -> None:
    data = files.root / "specs" / "train.jsonl"
    data.write_text(data.read_text().replace('"assistant"', '"assitant"', 1))
    done = commit(files, "specs/train.jsonl")
    assert done.returncode == 1
    assert "specs/train.jsonl:1:" in done.stdout
    assert "assitant" in done.stdout


def test_a_commit_of_other_files_is_not_held_up(files: Repository) -> None:
    files.add("support-bot", "  sead: 1\n")
    sidecar = files.root / "specs" / "support-bot.status.yaml"
    sidecar.write_text("")
    done = commit(files, "README.md", "specs/support-bot.status.yaml")
    assert done.returncode == 0, done.stdout
    assert "Skipped" in done.stdout
