"""Many threads, one state: who is written together, and what everybody is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from reconciler.errors import StateConflict, StateError
from reconciler.model import State
from reconciler.state.base import LockOwner, Snapshot
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_record
from reconciler.state.file import FileStore
from tests.state.samples import record

PATIENCE = 30  # seconds until a test that hangs says so


@dataclass
class SlowStore:
    """A store that writes when it is let, so that a test decides who waits for whom."""

    location: str = "slow"
    written: list[State] = field(default_factory=list)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    let: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    fault: BaseException | None = None

    def read(self) -> Snapshot:
        return Snapshot(state=State(lineage="slow", serial=7), version="0")

    def write(self, state: State, expected: str) -> str:
        assert expected == str(len(self.written))
        self.begun.release()
        assert self.let.acquire(timeout=PATIENCE)
        if self.fault is not None:
            raise self.fault
        self.written.append(state)
        return str(len(self.written))

    def lock(self, owner: LockOwner) -> AbstractContextManager[None]:
        raise NotImplementedError(owner)


class Office:
    """A ledger over a slow store, and threads that commit to it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.store = SlowStore()
        self.ledger = Ledger(self.store, self.store.read())
        self._pool = pool

    def writing(self, change: Callable[[State], State]) -> Future[State]:
        """A commit whose write has begun."""
        future = self._pool.submit(self.ledger.commit, change)
        assert self.store.begun.acquire(timeout=PATIENCE)
        return future

    def waiting(self, *changes: Callable[[State], State]) -> list[Future[State]]:
        """Commits that wait for a write that has begun."""
        futures = [self._pool.submit(self.ledger.commit, change) for change in changes]
        until(lambda: {*changes} <= {entry.change for entry in list(self.ledger._queue)})
        return futures

    def let(self, writes: int = 1) -> None:
        self.store.let.release(writes)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def adding(name: str) -> Callable[[State], State]:
    return lambda state: with_record(state, record(name))


def failing(_: State) -> State:
    raise LookupError("not this one")


def overreaching(change: Callable[[State], State], state: State) -> State:
    return replace(change(state), lineage="mine", serial=99)


def unchanged(state: State) -> State:
    return state


def names(state: State) -> set[str]:
    return {each.name for each in state.records.values()}


@pytest.fixture
def office() -> Iterator[Office]:
    with ThreadPoolExecutor(16) as pool:
        office = Office(pool)
        yield office
        office.let(100)


def test_a_commit_returns_when_its_change_is_saved(office: Office) -> None:
    future = office.writing(adding("a"))
    assert not future.done()
    assert names(office.ledger.state) == set()
    office.let()
    saved = future.result(PATIENCE)
    assert saved is office.store.written[0] is office.ledger.state
    assert names(saved) == {"a"}


def test_all_who_wait_share_the_next_write(office: Office) -> None:
    first = office.writing(adding("a"))
    rest = office.waiting(*map(adding, "bcdefgh"))
    office.let(2)
    saved = {future.result(PATIENCE).serial for future in rest}
    assert [names(state) for state in office.store.written] == [{"a"}, set("abcdefgh")]
    assert (first.result(PATIENCE).serial, saved) == (8, {9})


def test_who_is_saved_does_not_wait_for_the_next_write(office: Office) -> None:
    office.writing(adding("a"))
    saved = office.waiting(*map(adding, "bcdef"))
    office.let()
    assert office.store.begun.acquire(timeout=PATIENCE)
    late = office.waiting(adding("g"))[0]
    office.let()
    for future in saved:
        assert names(future.result(PATIENCE)) == set("abcdef")
    assert not late.done()


def test_the_serial_rises_by_one_per_write_and_the_lineage_stays(office: Office) -> None:
    office.let(3)
    for change in map(adding, "abc"):
        office.ledger.commit(partial(overreaching, change))
    assert [(state.lineage, state.serial) for state in office.store.written] == [
        ("slow", 8),
        ("slow", 9),
        ("slow", 10),
    ]


def test_no_change_costs_no_write(office: Office) -> None:
    before = office.ledger.state
    assert office.ledger.commit(unchanged) is before
    assert office.store.written == []


def test_no_change_among_changes_is_told_the_state_they_made(office: Office) -> None:
    office.writing(adding("a"))
    same, changed = office.waiting(unchanged, adding("b"))
    office.let(2)
    assert same.result(PATIENCE) is changed.result(PATIENCE)


def test_a_change_that_raises_hurts_only_its_caller(office: Office) -> None:
    office.writing(adding("a"))
    before, bad, after = office.waiting(adding("b"), failing, adding("c"))
    office.let(2)
    with pytest.raises(LookupError, match="not this one"):
        bad.result(PATIENCE)
    assert names(before.result(PATIENCE)) == names(after.result(PATIENCE)) == set("abc")


def test_a_change_that_raises_alone_costs_no_write(office: Office) -> None:
    with pytest.raises(LookupError):
        office.ledger.commit(failing)
    assert office.store.written == []


def test_a_write_that_fails_is_told_to_everyone_in_it_and_ends_the_ledger(office: Office) -> None:
    office.let()
    office.ledger.commit(adding("a"))
    assert office.store.begun.acquire(timeout=PATIENCE)
    office.store.fault = StateConflict("someone else wrote", hint="look again")
    futures = [office.writing(adding("b")), *office.waiting(adding("c"), adding("d"))]
    office.let()
    for future in futures:
        with pytest.raises(StateConflict) as caught:
            future.result(PATIENCE)
        assert str(caught.value) == "someone else wrote (look again)"
    office.store.fault = None
    with pytest.raises(StateConflict):
        office.ledger.commit(adding("e"))
    assert names(office.ledger.state) == {"a"}
    assert len(office.store.written) == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(1), MemoryError("full")])
def test_an_interrupt_in_the_one_who_writes_leaves_nobody_waiting(
    office: Office, interrupt: BaseException
) -> None:
    office.store.fault = interrupt
    writer = office.writing(adding("a"))
    others = office.waiting(adding("b"), adding("c"))
    office.let()
    assert writer.exception(PATIENCE) is interrupt
    for other in others:
        with pytest.raises(StateError, match="interrupted, and what was saved is not known"):
            other.result(PATIENCE)
    with pytest.raises(StateError):
        office.ledger.commit(adding("d"))


def test_an_interrupt_in_a_change_leaves_nobody_waiting(office: Office) -> None:
    def stopped(_: State) -> State:
        raise KeyboardInterrupt

    office.writing(adding("a"))
    futures = office.waiting(adding("b"), stopped, adding("c"))
    office.let(2)
    errors = [future.exception(PATIENCE) for future in futures]
    assert sorted(type(error).__name__ for error in errors) == [
        "KeyboardInterrupt",
        "StateError",
        "StateError",
    ]
    assert [names(state) for state in office.store.written] == [{"a"}]


def test_a_waiter_that_is_interrupted_takes_its_change_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(office.ledger._room, "wait_for", interrupted)
        with pytest.raises(KeyboardInterrupt):
            office.ledger.commit(adding("a"))
    office.let()
    assert names(office.ledger.commit(adding("b"))) == {"b"}


def test_after_close_nothing_is_saved(office: Office) -> None:
    office.ledger.close()
    office.ledger.close()
    with pytest.raises(StateError, match="the run is being stopped"):
        office.ledger.commit(adding("a"))
    assert office.store.written == []


def test_close_waits_for_the_write_under_way_and_refuses_those_behind_it(office: Office) -> None:
    first = office.writing(adding("a"))
    rest = office.waiting(adding("b"), adding("c"))
    closing = threading.Thread(target=office.ledger.close)
    closing.start()
    until(lambda: office.ledger._closed)
    assert closing.is_alive()
    office.let()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert names(first.result(PATIENCE)) == {"a"}
    for future in rest:
        with pytest.raises(StateError, match="the run is being stopped"):
            future.result(PATIENCE)


def test_over_a_real_file_nothing_is_lost_and_writes_are_shared(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "state.json")
    ledger = Ledger(store, store.read())
    wanted = {f"job-{number}" for number in range(100)}
    with ThreadPoolExecutor(16) as pool:
        for saved, name in zip(
            pool.map(lambda name: ledger.commit(adding(name)), sorted(wanted)),
            sorted(wanted),
            strict=True,
        ):
            assert name in names(saved)
    found = store.read().state
    assert found == ledger.state
    assert names(found) == wanted
    assert 1 <= found.serial <= len(wanted)
