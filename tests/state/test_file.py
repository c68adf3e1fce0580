"""The file and what lies beside it: backups, leftovers, permissions, links and failing disks."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import FileStateSettings
from reconciler.errors import StateConflict, StateError, StateFormat, StateLocked
from reconciler.model import State
from reconciler.state import open_store
from reconciler.state.base import LockOwner
from reconciler.state.codec import decode, encode
from reconciler.state.edit import with_record
from reconciler.state.file import FileStore
from tests.state.samples import record

ROOT = Path(__file__).parents[2]
OWNER = LockOwner(id="1", who="ada@laptop", operation="apply", created_at=1700000000, process=42)
FIRST = State(lineage="l", serial=1)


def serial(path: Path) -> int:
    return decode(path.read_bytes(), str(path)).serial


def run(path: Path, serial_: int) -> None:
    """What a run does: open the store, lock, read, write."""
    store = FileStore(path)
    with store.lock(OWNER):
        store.write(replace(FIRST, serial=serial_), store.read().version)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".reconciler" / "state.json"


def test_a_store_is_opened_where_the_settings_say(tmp_path: Path) -> None:
    assert open_store(FileStateSettings(), tmp_path).location == str(
        tmp_path / ".reconciler/state.json"
    )
    elsewhere = str(tmp_path / "x.json")
    assert open_store(FileStateSettings(path=elsewhere), Path("repo")).location == elsewhere
    assert names(tmp_path) == set()


def test_reading_leaves_no_trace(path: Path) -> None:
    FileStore(path).read()
    assert not path.parent.exists()


def test_the_file_holds_what_the_codec_writes(path: Path) -> None:
    FileStore(path).write(FIRST, "")
    assert path.read_bytes() == encode(FIRST)


def test_a_state_that_cannot_be_written_leaves_the_old_one(path: Path) -> None:
    run(path, 1)
    store = FileStore(path)
    with pytest.raises(StateError, match="wrong key"):
        store.write(State(lineage="l", records={"x": record()}), store.read().version)
    assert serial(path) == 1


# Backups


def test_each_run_puts_by_the_state_it_found_newest_first(path: Path) -> None:
    for number in range(1, 7):
        run(path, number)
    kept = {
        name: serial(path.with_name(name))
        for name in sorted(names(path.parent))
        if name[-1:].isdigit()
    }
    assert kept == {"state.json.1": 5, "state.json.2": 4, "state.json.3": 3}


def test_the_many_writes_of_one_run_put_by_one_state(path: Path) -> None:
    run(path, 1)
    store = FileStore(path)
    with store.lock(OWNER):
        version = store.read().version
        for number in (2, 3, 4):
            version = store.write(replace(FIRST, serial=number), version)
    assert serial(path.with_name("state.json.1")) == 1
    assert not path.with_name("state.json.2").exists()


def test_a_store_that_lives_on_puts_by_one_state_per_lock(path: Path) -> None:
    store = FileStore(path)
    for number in (1, 2, 3):
        with store.lock(OWNER):
            store.write(replace(FIRST, serial=number), store.read().version)
    assert [serial(path.with_name(f"state.json.{n}")) for n in (1, 2)] == [2, 1]


@pytest.mark.parametrize("backups", [0, 1])
def test_as_many_backups_as_asked_for(path: Path, backups: int) -> None:
    for number in (1, 2, 3):
        store = FileStore(path, backups=backups)
        store.write(replace(FIRST, serial=number), store.read().version)
    found = [name for name in names(path.parent) if name[-1:].isdigit()]
    assert found == ["state.json.1"][:backups]
    assert [serial(path.with_name(name)) for name in found] == [2][:backups]


def test_a_disk_without_hard_links_has_backups_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    for number in (1, 2, 3):
        run(path, number)
    assert [serial(path.with_name(f"state.json.{n}")) for n in (1, 2)] == [2, 1]
    assert not any(".tmp-" in name for name in names(path.parent))


def test_a_lost_file_begins_anew_and_its_backups_stay(path: Path) -> None:
    run(path, 1)
    run(path, 2)
    path.unlink()
    store = FileStore(path)
    found = store.read()
    assert (found.state.records, found.version) == ({}, "")
    store.write(found.state, "")
    assert serial(path.with_name("state.json.1")) == 1


# Damage


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def test_a_damaged_state_names_the_command_that_goes_back(path: Path) -> None:
    run(path, 1)
    run(path, 2)
    spoil(path)
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert caught.value.message.startswith(f"{path} ends in the middle")
    assert caught.value.hint == f"`cp {path}.1 {path}` goes back to serial 1"
    subprocess.run(shlex.split(caught.value.hint.split("`")[1]), check=True)
    assert FileStore(path).read().state.serial == 1


def test_a_backup_that_is_damaged_too_is_not_offered(path: Path) -> None:
    for number in (1, 2, 3):
        run(path, number)
    spoil(path)
    spoil(path.with_name("state.json.1"))
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert caught.value.hint == f"`cp {path}.2 {path}` goes back to serial 1"


def test_without_a_backup_git_and_the_tokens_are_left(path: Path) -> None:
    run(path, 1)
    spoil(path)
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert caught.value.hint == (
        "take it back from git, or move it away: the next apply finds jobs by their tokens"
    )


def test_a_path_with_spaces_is_quoted_in_the_command(tmp_path: Path) -> None:
    path = tmp_path / "my state.json"
    run(path, 1)
    run(path, 2)
    spoil(path)
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert f"cp '{path}.1' '{path}'" in caught.value.hint


def test_a_merge_says_both_ways_out(path: Path) -> None:
    run(path, 1)
    run(path, 2)
    path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes())
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert "git checkout --ours" in caught.value.hint
    assert f"`cp {path}.1 {path}`" in caught.value.hint


def test_a_newer_state_is_not_to_be_replaced_by_an_older_backup(path: Path) -> None:
    run(path, 1)
    run(path, 2)
    path.write_bytes(path.read_bytes().replace(b'"version": 2', b'"version": 3'))
    with pytest.raises(StateFormat) as caught:
        FileStore(path).read()
    assert caught.value.hint == "upgrade finetune-reconciler"


def test_a_damaged_state_is_not_overwritten(path: Path) -> None:
    run(path, 1)
    version = FileStore(path).read().version
    spoil(path)
    damaged = path.read_bytes()
    for expected in ("", version):
        with pytest.raises(StateConflict):
            FileStore(path).write(FIRST, expected)
    assert path.read_bytes() == damaged


def test_a_conflict_says_how_the_state_stands_now(path: Path) -> None:
    store = FileStore(path)
    version = store.write(FIRST, "")
    run(path, 5)
    with pytest.raises(StateConflict) as caught:
        store.write(FIRST, version)
    assert str(caught.value) == (
        f"{path} was changed by another run (now at serial 5) since it was read "
        "(run the command again: it begins with the state as it is now)"
    )
    path.unlink()
    with pytest.raises(StateConflict, match="was removed since it was read"):
        store.write(FIRST, version)
    assert not path.exists()


# What the path may be


def test_behind_a_symlink_the_target_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.json"
    link = tmp_path / "state.json"
    link.symlink_to(target)
    run(link, 1)
    run(link, 2)
    assert link.is_symlink()
    assert (serial(target), serial(link)) == (2, 2)
    assert names(tmp_path) == {"elsewhere", "state.json"}
    with FileStore(link).lock(OWNER), pytest.raises(StateLocked), FileStore(target).lock(OWNER):
        pass


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for use in (store.read, lambda: store.write(FIRST, "")):
        with pytest.raises(StateError, match="it is a folder") as caught:
            use()
        assert "state.path in reconciler.yaml" in caught.value.hint


def test_a_pipe_is_no_state(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StateError, match="it is not a regular file"):
        FileStore(tmp_path / "pipe").read()


def test_a_path_below_a_file_is_refused_in_every_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FileStore(tmp_path / "file" / "state.json")
    with pytest.raises(StateError, match="could not be read: Not a directory"):
        store.read()
    with pytest.raises(StateError, match="could not be written"):
        store.write(FIRST, "")
    with pytest.raises(StateError, match="could not be locked"), store.lock(OWNER):
        pass


def test_a_symlink_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "state.json"
    loop.symlink_to(loop)
    with pytest.raises(StateError, match="could not be read"):
        FileStore(loop).read()


def test_a_new_file_is_as_open_as_the_user_makes_files(path: Path) -> None:
    before = os.umask(0o027)
    try:
        FileStore(path).write(FIRST, "")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_mode_of_a_file_that_was_there_is_kept(path: Path) -> None:
    run(path, 1)
    path.chmod(0o600)
    run(path, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# Failing disks and dying writers


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


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


# The lock


def test_the_owner_lies_beside_the_lock_while_it_is_held(path: Path) -> None:
    with FileStore(path).lock(OWNER):
        assert path.with_name("state.json.lock-owner").exists()
    assert not path.with_name("state.json.lock-owner").exists()


def test_a_lock_file_and_an_owner_of_a_dead_run_lock_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("state.json.lock").touch()
    path.with_name("state.json.lock-owner").write_text('{"id": "dead"}')
    with FileStore(path).lock(OWNER):
        pass


def test_an_error_of_the_system_inside_the_lock_is_not_taken_for_one_of_the_lock(
    path: Path,
) -> None:
    for error in (TimeoutError("a socket"), OSError(errno.ENOSPC, "another disk")):
        with pytest.raises(type(error)) as caught, FileStore(path).lock(OWNER):
            raise error
        assert caught.value is error


def test_one_who_holds_the_lock_does_not_stand_in_the_way_of_readers_and_of_itself(
    path: Path,
) -> None:
    store = FileStore(path)
    with store.lock(OWNER):
        store.write(with_record(FIRST, record()), "")
        assert FileStore(path).read() == store.read()


def test_a_write_that_never_ends_elsewhere_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    run(path, 1)
    monkeypatch.setattr("reconciler.state.file.WRITE_PATIENCE", 0)
    with (
        FileLock(f"{path}.write-lock"),
        pytest.raises(StateError, match="another process has been writing it for 0 seconds"),
    ):
        run(path, 2)
    assert serial(path) == 1
