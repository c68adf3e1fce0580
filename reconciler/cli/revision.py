"""What git says the specs are at, so that a model can be traced back to a commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SECONDS = 30
_COMMAND = (
    *("git", "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", "."),
    # what we write ourselves does not make a commit dirty
    *(":(exclude,glob)**/*.status.yaml", ":(exclude,top).reconciler"),
)


def head(root: Path) -> str | None:
    """The commit checked out at `root`, with `-dirty` if tracked or new files differ from it.

    None where there is no git, no repository or no commit yet: that is no error.
    """
    try:
        answer = subprocess.run(  # noqa: S603 - fixed arguments
            _COMMAND,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.splitlines()
    prefix = "# branch.oid "
    commit = next((line.removeprefix(prefix) for line in lines if line.startswith(prefix)), "")
    if not commit or commit == "(initial)":
        return None
    dirty = any(not line.startswith("#") for line in lines)
    return f"{commit}-dirty" if dirty else commit
