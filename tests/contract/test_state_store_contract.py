"""What every state store owes the rest of the house, run for each of them.

A new store is one function that lays a Bench and one line in BENCHES.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest

from reconciler.errors import StateConflict, StateFormat, StateLocked
from reconciler.model import Binding, Dataset, Record, Source, State
from reconciler.state.base import LockOwner, Snapshot, StateStore
from reconciler.state.edit import with_record
from reconciler.state.file import FileStore
from reconciler.state.s3.store import S3Store
from tests.state.s3_moto import Moto, moto_server
from tests.state.s3_server import at_home

ROOT = Path(__file__).parents[2]
OWNER = LockOwner(id="1", who="ada@laptop", operation="apply", created_at=1700000000, process=42)
OTHER = LockOwner(id="2", who="ci@runner", operation="watch", created_at=1700000001, process=43)
STATE = State(lineage="l", serial=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A place for a state, and the ways to it.

    `open` makes a new store on it, as another run would have. `source` is the same in Python, for
    another process: an expression that sees `reconciler` and `pathlib`. `overwrite` puts raw bytes
    there behind every store's back. `outlive` lets pass what a dead holder's lock takes to run out.
    """

    open: Callable[[], StateStore]
    source: str
    overwrite: Callable[[bytes], None]
    outlive: Callable[[], None] = lambda: None


def file_bench(request: pytest.FixtureRequest) -> Bench:
    path = request.getfixturevalue("tmp_path") / "deep" / "state.json"

    def overwrite(data: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    return Bench(
        open=lambda: FileStore(path),
        source=f"reconciler.state.file.FileStore(pathlib.Path({str(path)!r}))",
        overwrite=overwrite,
    )


def s3_bench(request: pytest.FixtureRequest) -> Bench:
    moto: Moto = request.getfixturevalue("moto")
    key = f"{uuid4()}/state.json"
    return Bench(
        open=lambda: S3Store(moto.bucket, key),
        source=f"reconciler.state.open_store(reconciler.config.{moto.settings(key)!r}, None)",
        overwrite=lambda data: moto.put(key, data),
        outlive=lambda: moto.age(f"{key}.lock", 120),
    )


BENCHES: dict[str, Callable[[pytest.FixtureRequest], Bench]] = {
    "file": file_bench,
    "s3": s3_bench,
}


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Bench:
    lay: Callable[[pytest.FixtureRequest], Bench] = BENCHES[request.param]
    return lay(request)


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch)
        with moto_server() as server:
            yield server


def record(name: str) -> Record:
    return Record(
        token=f"{name}-0123456789abcdef",
        namespace="default",
        name=name,
        digest="ab" * 32,
        identity={"model": "m"},
        attempt=0,
        provider="openai",
        scope="https://api.openai.com/v1",
        source=Source(path=f"specs/{name}.yaml"),
        training=Dataset(reference="file-1"),
        binding=Binding.PENDING,
        pending_since=1700000000.25,
    )


def names(state: State) -> set[str]:
    return {each.name for each in state.records.values()}


def add(store: StateStore, name: str) -> None:
    """Read, add a record, write; again from the start for as long as others come in between."""
    while True:
        found = store.read()
        changed = with_record(found.state, record(name))
        try:
            store.write(replace(changed, serial=changed.serial + 1), found.version)
        except StateConflict:
            continue
        return


@contextmanager
def another_process(bench: Bench, code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run code that has `store` on the same bench. It is killed at the end, whatever it does."""
    script = f"""
import itertools, os, pathlib, sys
from dataclasses import replace
import reconciler.state.file
from reconciler.state.base import LockOwner
from tests.contract.test_state_store_contract import OTHER, STATE, add
store = {bench.source}
{code}
"""
    command = [sys.executable, "-c", script, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# Reading and writing


def test_where_nothing_was_written_there_is_a_new_state(bench: Bench) -> None:
    one, other = bench.open().read(), bench.open().read()
    assert one == Snapshot(state=State(lineage=one.state.lineage), version="")
    assert one.state.lineage
    assert one.state.lineage != other.state.lineage


def test_what_is_written_is_read_by_everyone(bench: Bench) -> None:
    store = bench.open()
    state = with_record(STATE, record("bot"))
    version = store.write(state, "")
    assert version
    for reader in (store, bench.open()):
        assert reader.read() == Snapshot(state=state, version=version)


def test_reading_changes_nothing(bench: Bench) -> None:
    version = bench.open().write(STATE, "")
    assert bench.open().read().version == bench.open().read().version == version


def test_a_chain_of_writes_needs_no_reading(bench: Bench) -> None:
    store = bench.open()
    version = ""
    for serial in range(1, 6):
        version = store.write(replace(STATE, serial=serial), version)
    assert bench.open().read() == Snapshot(state=replace(STATE, serial=5), version=version)


def test_a_write_over_someone_elses_is_refused_and_theirs_stays(bench: Bench) -> None:
    one, other = bench.open(), bench.open()
    version = one.write(STATE, "")
    theirs = replace(STATE, serial=2)
    newer = other.write(theirs, version)
    with pytest.raises(StateConflict):
        one.write(replace(STATE, serial=9), version)
    assert bench.open().read() == Snapshot(state=theirs, version=newer)


def test_a_first_write_where_something_is_already_is_refused(bench: Bench) -> None:
    bench.open().write(STATE, "")
    with pytest.raises(StateConflict):
        bench.open().write(replace(STATE, serial=9), "")
    assert bench.open().read().state == STATE


def test_a_state_that_came_back_to_what_it_was_is_told_apart_by_its_serial(bench: Bench) -> None:
    store = bench.open()
    first = store.write(STATE, "")
    second = store.write(with_record(replace(STATE, serial=2), record("bot")), first)
    third = store.write(replace(STATE, serial=3), second)
    assert len({first, second, third}) == 3
    with pytest.raises(StateConflict):
        store.write(replace(STATE, serial=9), first)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"version": 1', bytes(100), b"<<<<<<< HEAD\n{}"])
def test_what_is_no_state_is_neither_read_nor_written_over(bench: Bench, data: bytes) -> None:
    bench.overwrite(data)
    with pytest.raises(StateFormat) as caught:
        bench.open().read()
    assert caught.value.message.startswith(bench.open().location)
    assert caught.value.hint
    with pytest.raises(StateConflict):
        bench.open().write(STATE, "")
    with pytest.raises(StateFormat):
        bench.open().read()


def test_an_edit_behind_the_back_of_a_store_is_a_conflict(bench: Bench) -> None:
    store = bench.open()
    version = store.write(STATE, "")
    bench.overwrite(b"edited")
    with pytest.raises(StateConflict):
        store.write(replace(STATE, serial=2), version)


# Writers at the same time


def test_of_writers_at_the_same_time_one_wins(bench: Bench) -> None:
    version = bench.open().write(STATE, "")
    start = Barrier(8)

    def write(number: int) -> int | None:
        store = bench.open()
        start.wait()
        try:
            store.write(replace(STATE, serial=2 + number), version)
        except StateConflict:
            return None
        return 2 + number

    with ThreadPoolExecutor(8) as pool:
        won = [serial for serial in pool.map(write, range(8)) if serial is not None]
    assert won == [bench.open().read().state.serial]


def test_no_update_of_threads_is_lost(bench: Bench) -> None:
    wanted = {f"{thread}-{number}" for thread in "abcd" for number in range(5)}

    def work(thread: str) -> None:
        store = bench.open()
        for name in sorted(wanted):
            if name.startswith(thread):
                add(store, name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    state = bench.open().read().state
    assert names(state) == wanted
    assert state.serial == len(wanted)


def test_no_update_of_processes_is_lost(bench: Bench) -> None:
    code = "[add(store, f'{sys.argv[1]}-{number}') for number in range(10)]"
    with (
        another_process(bench, code, "a") as one,
        another_process(bench, code, "b") as other,
    ):
        assert [one.wait(60), other.wait(60)] == [0, 0]
    state = bench.open().read().state
    assert names(state) == {f"{process}-{number}" for process in "ab" for number in range(10)}
    assert state.serial == 20


def test_a_reader_never_sees_half_a_state_however_its_writers_die(bench: Bench) -> None:
    """Writers of growing states are killed at random moments; a reader looks all the while."""
    forever = """
from tests.contract.test_state_store_contract import record, with_record
found = store.read()
state, version = found.state, found.version
for number in itertools.count():
    state = with_record(state, record(f"job-{state.serial % 50}"))
    state = replace(state, serial=state.serial + 1)
    version = store.write(state, version)
"""
    store = bench.open()
    store.write(STATE, "")
    serial = STATE.serial
    moments = random.Random(20261123)
    for _ in range(3):
        begun = serial
        with another_process(bench, forever) as writer:
            end = time.monotonic() + moments.random() / 10
            while serial < begun + 3 or time.monotonic() < end:
                found = store.read().state
                assert found.lineage == STATE.lineage
                assert found.serial >= serial
                assert len(found.records) == min(found.serial - 1, 50)
                serial = found.serial
                assert writer.poll() is None
    found = store.read().state
    add(bench.open(), "after")
    assert names(bench.open().read().state) == names(found) | {"after"}


# The lock


def test_a_lock_held_by_another_run_is_refused_naming_it(bench: Bench) -> None:
    with (
        bench.open().lock(OWNER),
        pytest.raises(StateLocked) as caught,
        bench.open().lock(OTHER),
    ):
        pass
    assert caught.value.message == (
        f"{bench.open().location} is locked by ada@laptop: apply, "
        "since 2023-11-14 22:13:20 UTC, process 42"
    )
    assert caught.value.hint


def test_the_same_store_cannot_lock_twice(bench: Bench) -> None:
    store = bench.open()
    with store.lock(OWNER):
        with pytest.raises(StateLocked), store.lock(OWNER):
            pass
        with pytest.raises(StateLocked), bench.open().lock(OTHER):
            pass


def test_a_lock_that_was_given_back_is_free(bench: Bench) -> None:
    store = bench.open()
    for _ in range(3):
        with store.lock(OWNER):
            pass
        with bench.open().lock(OTHER):
            pass


@pytest.mark.parametrize("error", [ValueError(), OSError(), KeyboardInterrupt(), SystemExit()])
def test_whatever_ends_a_run_gives_its_lock_back(bench: Bench, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, bench.open().lock(OWNER):
        raise error
    assert caught.value is error
    with bench.open().lock(OTHER):
        pass


def test_of_threads_that_want_the_lock_one_has_it(bench: Bench) -> None:
    start, end = Barrier(6), Barrier(6)

    def want(_: int) -> bool:
        start.wait()
        try:
            with bench.open().lock(OWNER):
                end.wait()
                return True
        except StateLocked:
            end.wait()
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(want, range(6))) == [False] * 5 + [True]


def test_the_lock_is_no_hindrance_to_the_one_who_holds_it(bench: Bench) -> None:
    store = bench.open()
    with store.lock(OWNER):
        version = store.write(STATE, store.read().version)
        assert bench.open().read() == Snapshot(state=STATE, version=version)


def test_a_lock_held_by_another_process_is_refused_and_dies_with_it(bench: Bench) -> None:
    hold = """
with store.lock(OTHER):
    print("held", flush=True)
    sys.stdin.read()
"""
    with another_process(bench, hold) as holder:
        assert says(holder) == "held"
        with pytest.raises(StateLocked, match="ci@runner: watch"), bench.open().lock(OWNER):
            pass
        holder.kill()
        holder.wait(60)
    bench.outlive()
    with bench.open().lock(OWNER):
        pass
