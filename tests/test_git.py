"""git as it is run: what it gets to see, what is told of it, and that it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError
from reconciler.git import Answer, Git, redacted

PATIENCE = 3000


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A program by the name of git; write a shell script into it."""
    path = tmp_path / "bin" / "git"
    path.parent.mkdir()
    path.touch(mode=0o755)
    return path


def git(script: Path, **environment: str) -> Git:
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    return Git(root=script.parent.parent, environment={"PATH": path, **environment})


def test_nobody_is_asked_and_nothing_of_a_caller_is_worked_on(script: Path) -> None:
    script.write_text('#!/bin/sh\nenv | sort\nread line || echo "no input"\n')
    told = git(
        script,
        GIT_DIR="/elsewhere",
        GIT_INDEX_FILE="/elsewhere/index",
        GIT_TRACE_CURL="1",
        GIT_ASKPASS="/ci/credentials",
        LC_ALL="de_DE.UTF-8",
        GIT_CONFIG_COUNT="0",
    )
    lines = told.read("anything").splitlines()
    assert "GIT_TERMINAL_PROMPT=0" in lines
    assert "GIT_OPTIONAL_LOCKS=0" in lines
    assert "LC_ALL=C" in lines
    assert "GIT_ASKPASS=/ci/credentials" in lines
    assert "GIT_CONFIG_COUNT=0" in lines
    assert "no input" in lines
    assert not any(line.startswith(("GIT_DIR", "GIT_INDEX_FILE", "GIT_TRACE")) for line in lines)


def test_no_hook_and_no_pager(script: Path) -> None:
    script.write_text('#!/bin/sh\necho "$@"\n')
    assert git(script).read("status") == f"--no-pager -c core.hooksPath={os.devnull} status\n"


def test_an_index_of_its_own(script: Path) -> None:
    script.write_text('#!/bin/sh\necho "$GIT_INDEX_FILE"\n')
    assert git(script).with_index(Path("/tmp/x")).read("ls-files") == "/tmp/x\n"


def test_what_takes_too_long_is_ended_with_all_it_has_started(script: Path) -> None:
    script.write_text("#!/bin/sh\nsleep 300 &\necho $! > child\nsleep 300\n")
    with pytest.raises(ReconcilerError, match=r"git fetch did not end within 3 seconds"):
        git(script).run("fetch", seconds=3)
    child = int((script.parent.parent / "child").read_text())
    for _ in range(PATIENCE):
        if not alive(child):
            break
        time.sleep(0.01)
    assert not alive(child)


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:  # a system without /proc
        return True
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_a_command_that_fails_says_what_git_said(script: Path) -> None:
    script.write_text("#!/bin/sh\necho 'fatal: bad object' >&2\nexit 128\n")
    with pytest.raises(ReconcilerError, match=r"git cat-file: bad object"):
        git(script).read("cat-file")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (
            "remote: error: GH006: no.\nerror: failed to push some refs to 'https://x:y@h/r'\n",
            "error: GH006: no.",
        ),
        (
            "fatal: unable to access 'https://u:p@h/r/': 403\n",
            "unable to access 'https://***@h/r/'",
        ),
        ("remote: \x1b[31mred\x1b[0m\x07\nremote: \x1b[31mred\x1b[0m\x07\n", "red"),
        ("hint: nothing\n", "git says no more (exit code 1)"),
    ],
    ids=["a refusal", "a password", "colours", "silence"],
)
def test_the_words_for_a_person(errors: str, expected: str) -> None:
    words = Answer(code=1, text="", errors=errors).words
    assert words.startswith(expected)
    assert "y@" not in words
    assert "p@" not in words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:token@github.com/a/b", "https://***@github.com/a/b"),
        ("https://a:p@ss@host/x and ssh://git@host/y", "https://***@host/x and ssh://***@host/y"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("https://host/path@v1", "https://host/path@v1"),
    ],
)
def test_who_and_what_stands_before_a_host_is_hidden(text: str, expected: str) -> None:
    assert redacted(text) == expected
