"""What git says the specs are at: the commit a model is traced back to, and where to write back.

`session` asks for the commit, `apply` for the branch and for what was edited. Where git cannot
answer, nobody is stopped: the answer is None, or nothing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 30
_STATUS = ("status", "--porcelain=v2", "-z", "--untracked-files=normal")
_OURS = ("--", ".", ":(exclude,glob)**/*.status.yaml", ":(exclude).reconciler")
"""What we write ourselves makes no commit dirty."""

_FIELDS = {"1": 8, "2": 9, "u": 10, "?": 1}
"""How many fields stand before the path, by the kind of line (git-status(1), porcelain v2)."""

_MERGE_REF = re.compile(r"\d+/merge")


def head(root: Path) -> str | None:
    """The commit checked out at `root`, with `-dirty` if tracked or new files differ from it.

    None where there is no git, no repository or no commit yet: that is no error.
    """
    answer = _ask(root, *_STATUS, "--branch", *_OURS)
    if answer is None:
        return None
    prefix = "# branch.oid "
    parts = answer.split("\0")
    commit = next((part.removeprefix(prefix) for part in parts if part.startswith(prefix)), "")
    if not commit or commit == "(initial)":
        return None
    return f"{commit}-dirty" if _changed(parts) else commit


def dirty(root: Path) -> tuple[str, ...]:
    """The files below `root` that differ from the commit, relative to the top of the repository.

    Our own files do not count. A new folder stands for what is in it. Empty without git.
    """
    answer = _ask(root, *_STATUS, *_OURS)
    return () if answer is None else _changed(answer.split("\0"))


def branch(environment: Mapping[str, str], root: Path) -> str | None:
    """The branch that the checkout at `root` is of, None where nothing says so.

    It is the one checked out. For a detached HEAD, as CI leaves it, it is the one that GitHub's or
    GitLab's variables name; never a fork's, whose branches are called like ours and are not ours.
    """
    ref = _ask(root, "symbolic-ref", "--quiet", "HEAD")
    if ref is not None and ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/").removesuffix("\n")
    return _on_github(environment) or _on_gitlab(environment)


def remote(root: Path, branch: str) -> str | None:
    """The remote to push a branch to: the one it follows, else `origin`, else the only one."""
    followed = (_ask(root, "config", f"branch.{branch}.remote") or "").strip()
    if followed and followed != ".":
        return followed
    names = (_ask(root, "remote") or "").split()
    if "origin" in names:
        return "origin"
    return names[0] if len(names) == 1 else None


def _on_github(environment: Mapping[str, str]) -> str | None:
    """https://docs.github.com/en/actions/reference/variables-reference.

    For a pull request the ref is that of a merge which no branch holds, hence GITHUB_HEAD_REF.
    """
    if source := environment.get("GITHUB_HEAD_REF"):
        return None if _from_fork(environment) else source
    name = environment.get("GITHUB_REF_NAME")
    if not name or environment.get("GITHUB_REF_TYPE") == "tag" or _MERGE_REF.fullmatch(name):
        return None
    return name


def _from_fork(environment: Mapping[str, str]) -> bool:
    """Whether the pull request comes from another repository; so is one that cannot be read."""
    path = environment.get("GITHUB_EVENT_PATH")
    if not path:
        return False
    import json

    try:
        event = json.loads(Path(path).read_bytes())
        source = event["pull_request"]["head"]["repo"]["full_name"]
    except (OSError, ValueError, KeyError, TypeError):  # a fork that is gone has no repo
        return True
    return bool(source != environment.get("GITHUB_REPOSITORY"))


def _on_gitlab(environment: Mapping[str, str]) -> str | None:
    """https://docs.gitlab.com/ci/variables/predefined_variables.

    CI_COMMIT_BRANCH is not set for a merge request.
    """
    if name := environment.get("CI_COMMIT_BRANCH"):
        return name
    source = environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
    if source is None or source != environment.get("CI_PROJECT_PATH"):
        return None
    return environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or None


def _changed(parts: list[str]) -> tuple[str, ...]:
    """The paths of a status with `-z`; of what was renamed, the new one."""
    found, left = [], iter(parts)
    for part in left:
        kind = part[:1]
        if kind in _FIELDS:
            found.append(part.split(" ", _FIELDS[kind])[-1])
        if kind == "2":
            next(left, None)  # the path it had
    return tuple(sorted(found))


def _ask(root: Path, *arguments: str) -> str | None:
    """The stdout of a git command, None if it did not go well."""
    command = ("git", *arguments)
    try:
        return subprocess.run(  # noqa: S603 - no shell
            command,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
