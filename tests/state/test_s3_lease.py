"""The lock's object: taken, renewed, lost and given back, each time as the one last seen."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from reconciler.errors import StateConflict, StateError, StateLocked
from reconciler.model import State
from reconciler.state.base import LockOwner
from reconciler.state.s3 import lease as leases
from reconciler.state.s3.lease import LEASE, Lease, LockObject
from reconciler.state.s3.store import S3Store
from tests.fakes import Clock
from tests.state.s3_server import (
    BUCKET,
    BUSY,
    CONFLICT,
    KEY,
    LOCK,
    S3,
    After,
    Late,
    Lost,
    Refusal,
    Twice,
    Unheard,
    at_home,
    serve,
)

ADA = LockOwner(id="1", who="ada@laptop", operation="apply", created_at=1700000000, process=42)
BOB = LockOwner(id="2", who="bob@runner", operation="watch", created_at=1700000001, process=43)
URL = f"s3://{BUCKET}/{KEY}"
FIRST = State(lineage="l", serial=1)
DENIED = Refusal(403, "AccessDenied")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    at_home(monkeypatch)


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with serve() as served:
        yield served


@pytest.fixture
def s3(server: S3) -> S3:
    server.begin()
    return server


def lock(s3: S3, clock: Clock | None = None) -> LockObject:
    return LockObject(s3.bucket, KEY, clock=clock or s3.clock)


def take(s3: S3, owner: LockOwner = ADA, clock: Clock | None = None) -> Lease:
    """A lock that nothing renews by itself."""
    return lock(s3, clock).take(owner)


def holder(s3: S3) -> str | None:
    """Who the lock's object says holds it."""
    found = s3.objects.get(LOCK)
    return None if found is None else json.loads(found.data)["owner"]["who"]


def runs_out(s3: S3) -> float:
    found = lock(s3).holder()
    assert found is not None
    assert found.runs_out is not None
    return found.runs_out


# What it is


def test_the_object_says_who_works_at_what_and_until_when(s3: S3) -> None:
    take(s3)
    said = json.loads(s3.objects[LOCK].data)
    assert said["owner"] == {
        "id": "1",
        "who": "ada@laptop",
        "operation": "apply",
        "created_at": 1700000000,
        "process": 42,
    }
    assert said["expires_at"] == s3.clock() + LEASE
    assert said["lease"] == LEASE
    (put,) = (heard for heard in s3.heard if heard.method == "PUT")
    assert put.headers["if-none-match"] == "*"


def test_the_one_who_has_to_wait_learns_for_how_long(s3: S3) -> None:
    take(s3)
    s3.clock.sleep(20)
    with pytest.raises(StateLocked) as caught:
        take(s3, BOB)
    assert str(caught.value) == (
        f"{URL} is locked by ada@laptop: apply, since 2023-11-14 22:13:20 UTC, process 42"
        " (wait until that run has ended; if it was killed, its lock runs out in 41 seconds, and"
        " `reconcile state unlock` removes it at once)"
    )


def test_nobody_holds_a_lock_that_is_not_there(s3: S3) -> None:
    assert lock(s3).holder() is None


# Renewing and running out


def test_a_lock_that_is_renewed_does_not_run_out(s3: S3) -> None:
    held = take(s3)
    for _ in range(3):
        s3.clock.sleep(50)
        held.renew()
        with pytest.raises(StateLocked, match="ada@laptop"):
            take(s3, BOB)
    assert runs_out(s3) == LEASE + 1


def test_every_renewal_is_of_the_object_last_seen_and_another_object(s3: S3) -> None:
    held = take(s3)
    etags = [s3.objects[LOCK].etag]
    for _ in range(3):
        held.renew()  # the clock stands still
        etags.append(s3.objects[LOCK].etag)
    puts = [heard for heard in s3.heard if heard.method == "PUT"]
    assert [put.headers.get("if-match") for put in puts] == [None, *etags[:-1]]
    assert len(set(etags)) == 4


def test_a_lock_is_taken_over_once_it_has_run_out_and_no_sooner(s3: S3) -> None:
    take(s3)
    s3.clock.sleep(LEASE)  # and HTTP's seconds are whole
    with pytest.raises(StateLocked):
        take(s3, BOB)
    s3.clock.sleep(1)
    old = s3.objects[LOCK].etag
    take(s3, BOB)
    assert holder(s3) == "bob@runner"
    assert s3.heard[-1].headers["if-match"] == old


def test_a_takeover_is_told(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    take(s3)
    s3.clock.sleep(100)
    take(s3, BOB)
    assert caplog.messages == [f"took over the lock of {URL}: ada@laptop did not renew it"]


def test_of_two_who_would_take_it_over_one_does(s3: S3) -> None:
    take(s3)
    s3.clock.sleep(100)
    s3.next(f"PUT {LOCK}", After(lambda: None), After(lambda: take(s3, BOB)))
    with pytest.raises(StateLocked, match="bob@runner"):
        take(s3, replace(ADA, who="eve@runner"))
    assert holder(s3) == "bob@runner"


def test_a_lock_that_is_renewed_as_it_is_taken_over_stays(s3: S3) -> None:
    held = take(s3)
    s3.clock.sleep(100)
    s3.next(f"PUT {LOCK}", After(lambda: None), After(held.renew))
    with pytest.raises(StateLocked, match="ada@laptop"):
        take(s3, BOB)
    held.renew()


def test_a_lock_given_back_as_it_is_looked_at_is_taken(s3: S3) -> None:
    held = take(s3)
    s3.next(f"GET {LOCK}", After(lambda: held.release(conditionally=True)))
    take(s3, BOB)
    assert holder(s3) == "bob@runner"


def test_a_lock_that_everybody_tugs_at_is_locked(s3: S3) -> None:
    s3.next(f"PUT {LOCK}", *[Refusal(412, "PreconditionFailed")] * 99)
    with pytest.raises(StateLocked, match="is locked by another run"):
        take(s3)


@pytest.mark.parametrize("off", [-1e8, -3600, 3600, 1e8])
def test_no_clock_of_a_runner_says_when_a_lock_has_run_out(s3: S3, off: float) -> None:
    take(s3)
    wrong = Clock(s3.clock() + off)
    with pytest.raises(StateLocked):
        take(s3, BOB, wrong)
    s3.clock.sleep(LEASE + 1)
    take(s3, BOB, wrong)


def test_a_store_that_tells_no_time_leaves_us_our_clocks(s3: S3) -> None:
    s3.tells_time = False
    take(s3)
    s3.clock.sleep(LEASE - 1)
    with pytest.raises(StateLocked, match="ada@laptop"):
        take(s3, BOB)
    s3.clock.sleep(1)
    take(s3, BOB)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[" * 100_000, b"\xff", b'{"ID": "of another program"}'],
    ids=["empty", "object", "deep", "binary", "foreign"],
)
def test_a_lock_that_cannot_be_read_is_held_by_we_know_not_whom(s3: S3, data: bytes) -> None:
    s3.put(LOCK, data)
    s3.clock.sleep(1e6)
    with pytest.raises(StateLocked) as caught:
        take(s3)
    assert str(caught.value) == (
        f"{URL} is locked by another run (wait until that run has ended;"
        " `reconcile state unlock` removes a lock left behind)"
    )


# Losing it


def test_a_run_whose_lock_was_taken_over_writes_nothing_more(s3: S3) -> None:
    one, other = s3.store(), s3.store()
    with one.lock(ADA):
        version = one.write(FIRST, "")
        s3.clock.sleep(100)
        with other.lock(BOB):
            for _ in range(2):
                with pytest.raises(StateLocked) as caught:
                    one.write(replace(FIRST, serial=2), version)
            assert s3.requests("PUT") == 1
        assert other.read().state == FIRST
    assert str(caught.value) == (
        f"this run has lost the lock of {URL}: {URL} is locked by bob@runner: watch, since"
        " 2023-11-14 22:13:21 UTC, process 43 (nothing more is sent, and what was sent is on"
        " record; run the command again when the other run has ended)"
    )


def test_a_run_whose_lock_was_removed_says_so(s3: S3) -> None:
    held = take(s3)
    del s3.objects[LOCK]
    with pytest.raises(
        StateLocked,
        match=r"this run has lost the lock of [^ ]+: it was removed",
    ):
        held.renew()
    assert LOCK not in s3.objects
    with pytest.raises(StateLocked):
        held.check()
    s3.put(LOCK, b"")
    with pytest.raises(StateLocked, match="it was removed"):
        held.renew()


def test_a_later_lock_of_the_same_owner_is_another_lock(s3: S3) -> None:
    held = take(s3)
    s3.clock.sleep(100)
    later = take(s3)
    with pytest.raises(StateLocked, match="this run has lost the lock"):
        held.renew()
    held.release(conditionally=True)
    later.renew()


def test_a_write_late_in_the_lease_renews_it_first(s3: S3) -> None:
    one = s3.store()
    with one.lock(ADA):
        version = one.write(FIRST, "")
        s3.clock.sleep(LEASE / 2)
        version = one.write(replace(FIRST, serial=2), version)
        assert s3.requests("PUT", LOCK) == 1
        s3.clock.sleep(LEASE / 2)
        version = one.write(replace(FIRST, serial=3), version)
        assert s3.requests("PUT", LOCK) == 2
        assert runs_out(s3) == LEASE + 1
        s3.clock.sleep(LEASE / 2)
        one.write(replace(FIRST, serial=4), version)
        assert s3.requests("PUT", LOCK) == 2


def test_a_clock_that_is_put_back_lengthens_no_lease(s3: S3) -> None:
    clock = Clock()
    held = take(s3, clock=clock)
    clock.sleep(-3600)
    held.check()
    assert s3.requests("PUT", LOCK) == 2


def test_a_run_that_slept_through_its_lease_goes_on_if_nobody_minded(s3: S3) -> None:
    held = take(s3)
    s3.clock.sleep(3600)
    held.check()
    assert runs_out(s3) == LEASE + 1


def test_a_lease_that_cannot_be_renewed_in_time_ends_the_writing(s3: S3) -> None:
    one = s3.store()
    with one.lock(ADA):
        version = one.write(FIRST, "")
        s3.clock.sleep(LEASE)
        s3.next(f"PUT {LOCK}", DENIED)
        with pytest.raises(StateError, match=f"{LOCK} could not be written: AccessDenied"):
            one.write(replace(FIRST, serial=2), version)
        assert s3.requests("PUT") == 1


# Answers that are lost or unclear


@pytest.mark.parametrize("fault", [Lost(), Unheard(), Twice(), CONFLICT, BUSY], ids=repr)
def test_a_lock_is_taken_once_whatever_becomes_of_the_answer(s3: S3, fault: Lost) -> None:
    s3.next(f"PUT {LOCK}", fault)
    held = take(s3)
    held.renew()
    with pytest.raises(StateLocked, match="ada@laptop"):
        take(s3, BOB)


@pytest.mark.parametrize("fault", [Lost(), Unheard(), Twice(), Late(), CONFLICT, BUSY], ids=repr)
def test_a_renewal_counts_whatever_becomes_of_the_answer(s3: S3, fault: Lost) -> None:
    held = take(s3)
    s3.next(f"PUT {LOCK}", fault)
    s3.clock.sleep(50)
    held.renew()
    s3.deliver()
    assert runs_out(s3) == LEASE + 1
    held.renew()


def test_a_renewal_that_arrives_after_it_was_given_up_is_our_own(s3: S3) -> None:
    held = take(s3)
    s3.next(f"PUT {LOCK}", *[Late()] * 9)
    with pytest.raises(StateError):
        held.renew()
    s3.faults.clear()
    s3.deliver()
    held.renew()
    held.release(conditionally=True)
    assert LOCK not in s3.objects


# Giving it back


@pytest.mark.parametrize("conditionally", [True, False])
def test_a_lock_given_back_leaves_nothing(s3: S3, conditionally: bool) -> None:
    held = take(s3)
    held.renew()
    held.release(conditionally=conditionally)
    assert LOCK not in s3.objects
    held.renew()  # a renewal that was about to begin
    assert LOCK not in s3.objects


def test_a_conditional_delete_names_what_was_last_seen(s3: S3) -> None:
    held = take(s3)
    held.renew()
    etag = s3.objects[LOCK].etag
    held.release(conditionally=True)
    assert s3.heard[-1].method == "DELETE"
    assert s3.heard[-1].headers["if-match"] == etag


def test_without_conditional_deletes_a_fresh_write_guards_the_delete(s3: S3) -> None:
    held = take(s3)
    s3.clock.sleep(LEASE + 50)  # it could be taken over at any moment
    s3.next(f"DELETE {LOCK}", After(lambda: refused(s3)))
    held.release(conditionally=False)
    assert s3.requests("DELETE", LOCK) == 1
    assert LOCK not in s3.objects


def refused(s3: S3) -> None:
    with pytest.raises(StateLocked, match="by nobody: released"):
        take(s3, BOB)


@pytest.mark.parametrize("conditionally", [True, False])
def test_a_lock_that_is_somebody_elses_by_now_stays(s3: S3, conditionally: bool) -> None:
    held = take(s3)
    s3.clock.sleep(100)
    take(s3, BOB)
    held.release(conditionally=conditionally)
    assert holder(s3) == "bob@runner"


def test_a_lock_that_was_removed_meanwhile_is_given_back_in_peace(s3: S3) -> None:
    held = take(s3)
    del s3.objects[LOCK]
    held.release(conditionally=True)
    assert LOCK not in s3.objects


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ([("DELETE", DENIED)], "AccessDenied"),
        ([("DELETE", Unheard())], "connection closed error"),
        ([("DELETE", Refusal(412, "PreconditionFailed")), ("GET", DENIED)], "AccessDenied"),
    ],
)
def test_a_lock_that_cannot_be_given_back_runs_out_by_itself(
    s3: S3,
    caplog: pytest.LogCaptureFixture,
    faults: list[tuple[str, Refusal | Unheard]],
    why: str,
) -> None:
    one = s3.store()
    with one.lock(ADA):
        for method, fault in faults:
            s3.next(f"{method} {LOCK}", fault)
    (said,) = caplog.messages
    assert said.startswith(f"the lock of {URL} could not be removed, and runs out in 60 seconds: ")
    assert why in said
    s3.clock.sleep(LEASE + 1)
    take(s3, BOB)


# The thread that renews it


def waited_for(done: Event) -> None:
    assert done.wait(30)


def quick(s3: S3, lease: float = 0.03) -> S3Store:
    """A store whose locks are renewed a hundred times a second."""
    return S3Store(s3.bucket, KEY, clock=s3.clock, lease=lease)


def test_a_lock_is_renewed_for_as_long_as_it_is_held_and_no_longer(s3: S3) -> None:
    again = Event()
    s3.next(f"PUT {LOCK}", *[After(lambda: None)] * 3, After(again.set))
    with quick(s3).lock(ADA):
        waited_for(again)
    before = len(s3.heard)
    time.sleep(0.1)
    assert len(s3.heard) == before
    assert LOCK not in s3.objects


def test_a_renewal_that_fails_is_tried_again(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    again = Event()
    s3.next(f"PUT {LOCK}", After(lambda: None), DENIED, After(again.set))
    with quick(s3).lock(ADA):
        waited_for(again)
    assert LOCK not in s3.objects
    assert f"the lock of {URL} is not renewed: s3://{BUCKET}/{LOCK} could not be" in caplog.text


def test_a_lock_that_is_lost_is_renewed_no_more(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    one = quick(s3)
    lost = Event()

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "has lost the lock" in record.getMessage():
                lost.set()

    listening = Heard()
    leases._log.addHandler(listening)
    try:
        with one.lock(ADA):
            s3.put(LOCK, b"another's")
            waited_for(lost)
            before = len(s3.heard)
            with pytest.raises(StateLocked):
                one.write(FIRST, "")
            assert len(s3.heard) == before
    finally:
        leases._log.removeHandler(listening)
    assert s3.objects[LOCK].data == b"another's"
    assert "is locked by another run" in caplog.text


def test_the_end_of_a_run_does_not_wait_for_a_renewal_that_hangs(
    s3: S3, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "_PATIENCE", 0.01)
    begun, end = Event(), Event()

    def hang() -> None:
        begun.set()
        waited_for(end)

    s3.next(f"PUT {LOCK}", After(lambda: None), After(hang))
    try:
        with quick(s3).lock(ADA):
            waited_for(begun)
        assert "a renewal is still under way" in caplog.text
    finally:
        end.set()


# Removing it by hand


def test_a_lock_left_behind_is_removed(s3: S3) -> None:
    take(s3)
    one = s3.store()
    found = one.holder()
    assert found is not None
    assert found.owner == ADA
    one.unlock(found)
    assert one.holder() is None


def test_a_lock_that_cannot_be_read_is_removed_too(s3: S3) -> None:
    s3.put(LOCK, b"whatever")
    one = s3.store()
    found = one.holder()
    assert found is not None
    assert (found.owner, found.runs_out) == (None, None)
    one.unlock(found)
    assert LOCK not in s3.objects


@pytest.mark.parametrize("ignored", ["", "DELETE If-Match"])
def test_a_lock_that_changed_since_it_was_shown_is_not_removed(s3: S3, ignored: str) -> None:
    s3.ignores = (ignored,)
    held = take(s3)
    one = s3.store()
    found = one.holder()
    assert found is not None
    held.renew()
    with pytest.raises(StateConflict) as caught:
        one.unlock(found)
    assert str(caught.value) == (
        f"the lock of {URL} is no longer the one that was shown"
        " (somebody is at work: look again with `reconcile state unlock`)"
    )
    assert holder(s3) == "ada@laptop"


def test_a_removal_without_an_answer_is_not_claimed(s3: S3) -> None:
    take(s3)
    one = s3.store()
    found = one.holder()
    assert found is not None
    s3.next(f"DELETE {LOCK}", Unheard())
    with pytest.raises(StateError, match=f"{LOCK} could not be removed: connection closed"):
        one.unlock(found)
