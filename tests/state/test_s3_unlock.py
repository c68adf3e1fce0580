"""`reconcile state unlock`, as a process: what is shown, asked and removed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconciler.state.file import FileStore
from tests.e2e.command import Command
from tests.repository import repository
from tests.state.s3_server import ADA, BUCKET, ENVIRONMENT, KEY, LOCK, S3, URL

HELD = f"{URL} is locked by ada@laptop: apply, since 2023-11-14 22:13:20 UTC, process 42; "


@pytest.fixture
def reconcile(tmp_path: Path) -> Command:
    return Command(repository(tmp_path), dict(ENVIRONMENT))


@pytest.fixture
def shared(reconcile: Command, s3: S3) -> Command:
    """`reconcile` with its state in S3."""
    (reconcile.files.root / "reconciler.yaml").write_text(
        "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
        f"state: {{backend: s3, bucket: {BUCKET}, key: {KEY}, endpoint_url: '{s3.url}'}}\n"
    )
    return reconcile


def test_nobody_holds_it(shared: Command) -> None:
    assert shared("state", "unlock").stdout == f"nobody holds the lock of {URL}\n"


def test_in_a_script_it_is_removed_with_yes_alone(shared: Command, s3: S3) -> None:
    s3.take()
    done = shared("state", "unlock", check=6)
    assert done.stdout == ""
    assert done.stderr == (
        f"{HELD}it runs out in 61 seconds, and that run may be alive\n"
        "error: the lock was not removed\n"
        "       if that run is surely dead, --yes removes it\n"
    )
    assert LOCK in s3.objects
    s3.clock.sleep(91)
    done = shared("state", "unlock", "--yes")
    assert done.stderr == f"{HELD}it ran out 30 seconds ago: the next run takes it over\n"
    assert done.stdout == f"removed the lock of {URL}\n"
    assert LOCK not in s3.objects


def test_what_is_no_lock_of_ours_is_removed_too(shared: Command, s3: S3) -> None:
    s3.put(LOCK, b"what is this?")
    done = shared("state", "unlock", "--yes")
    assert done.stderr == f"{URL} is locked by another run; it never runs out\n"
    assert LOCK not in s3.objects


@pytest.mark.parametrize(("typed", "code"), [("ada@laptop", 0), ("yes", 6)])
def test_at_a_terminal_the_name_is_to_be_typed(
    shared: Command, s3: S3, typed: str, code: int
) -> None:
    s3.take()
    ended, said = at_a_terminal(shared, typed, "state", "unlock")
    assert ended == code, said
    assert HELD in said.replace("\r\n", " ")
    assert "Type ada@laptop to remove it: " in said
    assert (LOCK in s3.objects) is (code != 0)


def at_a_terminal(command: Command, typed: str, *arguments: str) -> tuple[int, str]:
    """Run with a terminal for all three streams; the exit code and what it showed."""
    ours, theirs = pty.openpty()
    heard: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                heard.append(os.read(ours, 4096))
            except OSError:
                return  # the terminal was hung up

    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=command.files.root,
        env={**command._environment(), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        listener = threading.Thread(target=listen)
        listener.start()
        os.write(ours, f"{typed}\n".encode())
        code = process.wait(60)
        listener.join()
        os.close(ours)
    return code, b"".join(heard).decode()


def test_the_lock_of_a_file_goes_with_its_process(reconcile: Command) -> None:
    state = reconcile.files.root / ".reconciler" / "state.json"
    with FileStore(state).lock(ADA):
        done = reconcile("state", "unlock", "--yes", check=6)
    assert done.stdout == ""
    assert done.stderr == (
        f"error: {state} is locked by ada@laptop: apply, since 2023-11-14 22:13:20 UTC,"
        " process 42\n"
        "       wait until that run has ended, or end it: the lock goes with its process\n"
    )
    assert reconcile("state", "unlock").stdout == f"nobody holds the lock of {state}\n"
