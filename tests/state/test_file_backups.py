"""Backups beside the state's file, and the way back from a state that is damaged."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import StateConflict, StateFormat
from reconciler.state.file import FileStore
from tests.state.state_file import FIRST, OWNER, names, refusing, run, serial


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
