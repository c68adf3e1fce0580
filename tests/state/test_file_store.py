"""The state in a file: what is written, what the path may be, and who may read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from reconciler.config import FileStateSettings
from reconciler.errors import StateConflict, StateError, StateLocked
from reconciler.model import State
from reconciler.state import open_store
from reconciler.state.codec import encode
from reconciler.state.file import FileStore
from tests.state.samples import record
from tests.state.state_file import FIRST, OWNER, names, run, serial


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
