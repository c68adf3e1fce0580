"""Failing disks and dying writers: whatever happens, a whole state is left in the file."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.model import State
from reconciler.state.file import FileStore
from tests.state.samples import record
from tests.state.state_file import FIRST, names, refusing, run, serial

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_disk_that_refuses_leaves_the_old_state_and_no_litter(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    run(path, 1)
    before = names(path.parent)
    store = FileStore(path, backups=0)
    version = store.read().version
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refusing(number))
        with pytest.raises(StateError) as caught:
            store.write(replace(FIRST, serial=2), version)
    assert os.strerror(number) in caught.value.message
    assert caught.value.hint.endswith("; the state that was last saved is whole")
    assert serial(path) == 1
    assert names(path.parent) == before
    store.write(replace(FIRST, serial=2), version)
    assert serial(path) == 2


def test_a_disk_that_cannot_keep_a_backup_keeps_the_state(path: Path) -> None:
    for number in (1, 2, 3):
        run(path, number)
    path.with_name("state.json.3").mkdir()
    with pytest.raises(StateError, match="could not be written"):
        run(path, 4)
    assert [serial(each) for each in (path, path.with_name("state.json.1"))] == [3, 2]
    assert not any(".tmp-" in name for name in names(path.parent))


def test_writers_that_fail_after_the_backup_do_not_push_the_older_ones_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        run(path, number)
    replace_ = os.replace

    def refuse(source: Path, destination: Path) -> None:
        if Path(destination) == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace_(source, destination)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        for _ in range(3):
            with pytest.raises(StateError):
                run(path, 4)
    run(path, 4)
    kept = [path, *(path.with_name(f"state.json.{number}") for number in (1, 2, 3))]
    assert [serial(each) for each in kept] == [4, 3, 2, 1]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes, as far as this process can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_half_way_through_leaves_the_old_state(path: Path) -> None:
    run(path, 1)
    store = FileStore(path)
    large = State(lineage="l", records={r.token: r for r in map(record, map(str, range(50)))})
    version = store.read().version
    with file_size_limit(1000), pytest.raises(StateError, match="File too large"):
        store.write(large, version)
    assert serial(path) == 1
    assert not any(".tmp-" in name for name in names(path.parent))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_named(path: Path) -> None:
    run(path, 1)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StateError, match="Permission denied") as caught:
            run(path, 2)
    finally:
        path.parent.chmod(0o700)
    assert "let this user read the file and write to its folder" in caught.value.hint
    assert serial(path) == 1


def test_what_dead_writers_left_is_removed_by_the_next(path: Path) -> None:
    run(path, 1)
    leftover = path.with_name(".state.json.tmp-1-dead")
    leftover.write_bytes(b"half a st")
    stranger = path.with_name(".other.json.tmp-1-dead")
    stranger.touch()
    run(path, 2)
    assert not leftover.exists()
    assert stranger.exists()


DYING = """
import os, sys
from dataclasses import replace
from pathlib import Path
from reconciler.state.base import LockOwner
from reconciler.state.file import FileStore

PATH, OWNER = Path(sys.argv[1]), LockOwner(id="1", who="w", operation="o", created_at=0)
CALLS = ("open", "write", "fsync", "link", "rename", "replace", "chmod", "unlink", "mkdir")

def dying(call, left):
    def counted(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)  # as SIGKILL: nothing is flushed, closed or cleaned up
        return call(*args, **kwargs)
    return counted

def run():
    store = FileStore(PATH)
    with store.lock(OWNER):
        found = store.read()
        first = replace(found.state, lineage="l", serial=found.state.serial + 1)
        store.write(replace(first, serial=first.serial + 1), store.write(first, found.version))

for calls in range(200):
    before = FileStore(PATH).read().state.serial
    child = os.fork()
    if child == 0:
        left = [calls]
        for name in CALLS:
            setattr(os, name, dying(getattr(os, name), left))
        run()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), status
    after = FileStore(PATH).read().state
    assert before <= after.serial <= before + 2, (calls, before, after)
    with FileStore(PATH).lock(OWNER):
        pass
    for backup in PATH.parent.glob("state.json.[0-9]"):
        assert FileStore(backup).read().state.serial <= after.serial, backup
    if status == 0:
        print(calls)
        break
"""


def test_a_writer_that_dies_at_any_call_leaves_a_state_and_a_free_lock(path: Path) -> None:
    """One process per call to the system, each killed at the next one, until one gets through."""
    run(path, 1)
    command = [sys.executable, "-c", DYING, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10  # so many places there were to die at
    assert not any(".tmp-" in name for name in names(path.parent))


def test_a_write_costs_two_fsyncs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(path, 1)
    store = FileStore(path)
    version = store.read().version
    synced: list[bool] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    store.write(replace(FIRST, serial=2), version)
    assert synced == [False, True]  # the new file, then the folder it was moved in
