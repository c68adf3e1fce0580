"""Real git for tests: bare remotes and clones, apart from whatever git a machine has set."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

BRANCH = "main"


def environment(home: Path) -> dict[str, str]:
    """What git gets to see: no configuration of this machine, no person."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


@dataclass(frozen=True)
class Checkout:
    """A clone, and git in it, as a person by the name of Ada."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a run in this checkout is handed."""
        return environment(self.root.parent)

    def git(self, *arguments: str) -> str:
        """Run git as Ada; its stdout. It must go well."""
        return run_git(self.root, *arguments)

    def write(self, files: dict[str, str]) -> list[Path]:
        """Write files by their paths; the paths."""
        paths = []
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths

    def commit(self, files: dict[str, str], message: str = "a change", *, push: bool = True) -> str:
        """Commit files as a person does, and push; the commit."""
        self.write(files)
        self.git("add", "--", *files)
        self.git("commit", "--quiet", "-m", message)
        if push:
            self.git("push", "--quiet", "origin", f"HEAD:{BRANCH}")
        return self.git("rev-parse", "HEAD").strip()

    def clone(self, name: str, *options: str) -> Checkout:
        """Another clone of this one's remote, beside it."""
        url = self.git("remote", "get-url", "origin").strip()
        folder = self.root.parent / name
        run_git(self.root.parent, "clone", "--quiet", *options, url, str(folder))
        return Checkout(folder)

    def index(self) -> bytes:
        """The index, byte by byte."""
        return (self.root / ".git" / "index").read_bytes()

    def others(self, *ours: str) -> tuple[str, str]:
        """All that the index and the status say of every file but ours, times of files included."""
        specs = [".", *(f":(exclude,literal){name}" for name in ours)]
        entries = self.git("ls-files", "--stage", "--debug", "-v", "--", *specs)
        return entries, self.git("status", "--porcelain=v2", "--", *specs)


@dataclass(frozen=True)
class Remote:
    """A bare repository, which says what was pushed to it."""

    root: Path

    def git(self, *arguments: str) -> str:
        """Run git in it; its stdout."""
        return run_git(self.root, *arguments)

    def tip(self, branch: str = BRANCH) -> str:
        """The commit of a branch."""
        return self.git("rev-parse", f"refs/heads/{branch}").strip()

    def files(self, branch: str = BRANCH) -> dict[str, str]:
        """Every file of a branch, with its content."""
        names = self.git("ls-tree", "-r", "-z", "--name-only", branch).split("\0")[:-1]
        return {name: self.git("show", f"{branch}:{name}") for name in names}

    def commits(self, branch: str = BRANCH) -> list[str]:
        """The subjects of a branch's commits, newest first."""
        return self.git("log", "--format=%s", branch).splitlines()

    def hook(self, name: str, script: str) -> None:
        """Install a hook of the server."""
        path = self.root / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def run_git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as Ada; its stdout."""
    done = subprocess.run(
        [
            *("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com"),
            *("-c", f"init.defaultBranch={BRANCH}", "-c", "protocol.file.allow=always"),
            *arguments,
        ],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def remote_and_clone(folder: Path, files: dict[str, str] | None = None) -> tuple[Remote, Checkout]:
    """A bare remote with one commit, and a clone of it."""
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, "init", "--quiet", "--bare", "remote.git")
    run_git(folder, "clone", "--quiet", f"file://{folder / 'remote.git'}", "clone")
    checkout = Checkout(folder / "clone")
    checkout.git("switch", "--quiet", "--orphan", BRANCH)
    checkout.commit(files or {"specs/a.yaml": "a: 1\n", "README.md": "hello\n"}, "specs")
    checkout.git("branch", "--quiet", f"--set-upstream-to=origin/{BRANCH}")
    return Remote(folder / "remote.git"), checkout
