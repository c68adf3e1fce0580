"""The lock of the state's file: what lies beside it, what the dead leave, and whom it lets pass."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.state.edit import with_record
from reconciler.state.file import FileStore
from tests.state.samples import record
from tests.state.state_file import FIRST, OWNER, run, serial


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
