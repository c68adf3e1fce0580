"""The lock's object: taken, renewed, lost and given back, each time as the one last seen."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.errors import StateError, StateLocked
from reconciler.model import State
from reconciler.state.s3.lease import LEASE
from tests.fakes import Clock
from tests.state.s3_server import (
    ADA,
    BOB,
    BUSY,
    CONFLICT,
    LOCK,
    S3,
    URL,
    After,
    Late,
    Lost,
    Refusal,
    Twice,
    Unheard,
)

FIRST = State(lineage="l", serial=1)
DENIED = Refusal(403, "AccessDenied")


def runs_out(s3: S3) -> float:
    found = s3.lock().holder()
    assert found is not None
    assert found.runs_out is not None
    return found.runs_out


# What it is


def test_the_object_says_who_works_at_what_and_until_when(s3: S3) -> None:
    s3.take()
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
    s3.take()
    s3.clock.sleep(20)
    with pytest.raises(StateLocked) as caught:
        s3.take(BOB)
    assert str(caught.value) == (
        f"{URL} is locked by ada@laptop: apply, since 2023-11-14 22:13:20 UTC, process 42"
        " (wait until that run has ended; if it was killed, its lock runs out in 41 seconds, and"
        " `reconcile state unlock` removes it at once)"
    )


def test_nobody_holds_a_lock_that_is_not_there(s3: S3) -> None:
    assert s3.lock().holder() is None


# Renewing and running out


def test_a_lock_that_is_renewed_does_not_run_out(s3: S3) -> None:
    held = s3.take()
    for _ in range(3):
        s3.clock.sleep(50)
        held.renew()
        with pytest.raises(StateLocked, match="ada@laptop"):
            s3.take(BOB)
    assert runs_out(s3) == LEASE + 1


def test_every_renewal_is_of_the_object_last_seen_and_another_object(s3: S3) -> None:
    held = s3.take()
    etags = [s3.objects[LOCK].etag]
    for _ in range(3):
        held.renew()  # the clock stands still
        etags.append(s3.objects[LOCK].etag)
    puts = [heard for heard in s3.heard if heard.method == "PUT"]
    assert [put.headers.get("if-match") for put in puts] == [None, *etags[:-1]]
    assert len(set(etags)) == 4


def test_a_lock_is_taken_over_once_it_has_run_out_and_no_sooner(s3: S3) -> None:
    s3.take()
    s3.clock.sleep(LEASE)  # and HTTP's seconds are whole
    with pytest.raises(StateLocked):
        s3.take(BOB)
    s3.clock.sleep(1)
    old = s3.objects[LOCK].etag
    s3.take(BOB)
    assert s3.holder() == "bob@runner"
    assert s3.heard[-1].headers["if-match"] == old


def test_a_takeover_is_told(s3: S3, caplog: pytest.LogCaptureFixture) -> None:
    s3.take()
    s3.clock.sleep(100)
    s3.take(BOB)
    assert caplog.messages == [f"took over the lock of {URL}: ada@laptop did not renew it"]


def test_of_two_who_would_take_it_over_one_does(s3: S3) -> None:
    s3.take()
    s3.clock.sleep(100)
    s3.next(f"PUT {LOCK}", After(lambda: None), After(lambda: s3.take(BOB)))
    with pytest.raises(StateLocked, match="bob@runner"):
        s3.take(replace(ADA, who="eve@runner"))
    assert s3.holder() == "bob@runner"


def test_a_lock_that_is_renewed_as_it_is_taken_over_stays(s3: S3) -> None:
    held = s3.take()
    s3.clock.sleep(100)
    s3.next(f"PUT {LOCK}", After(lambda: None), After(held.renew))
    with pytest.raises(StateLocked, match="ada@laptop"):
        s3.take(BOB)
    held.renew()


def test_a_lock_given_back_as_it_is_looked_at_is_taken(s3: S3) -> None:
    held = s3.take()
    s3.next(f"GET {LOCK}", After(lambda: held.release(conditionally=True)))
    s3.take(BOB)
    assert s3.holder() == "bob@runner"


def test_a_lock_that_everybody_tugs_at_is_locked(s3: S3) -> None:
    s3.next(f"PUT {LOCK}", *[Refusal(412, "PreconditionFailed")] * 99)
    with pytest.raises(StateLocked, match="is locked by another run"):
        s3.take()


@pytest.mark.parametrize("off", [-1e8, -3600, 3600, 1e8])
def test_no_clock_of_a_runner_says_when_a_lock_has_run_out(s3: S3, off: float) -> None:
    s3.take()
    wrong = Clock(s3.clock() + off)
    with pytest.raises(StateLocked):
        s3.take(BOB, wrong)
    s3.clock.sleep(LEASE + 1)
    s3.take(BOB, wrong)


def test_a_store_that_tells_no_time_leaves_us_our_clocks(s3: S3) -> None:
    s3.tells_time = False
    s3.take()
    s3.clock.sleep(LEASE - 1)
    with pytest.raises(StateLocked, match="ada@laptop"):
        s3.take(BOB)
    s3.clock.sleep(1)
    s3.take(BOB)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[" * 100_000, b"\xff", b'{"ID": "of another program"}'],
    ids=["empty", "object", "deep", "binary", "foreign"],
)
def test_a_lock_that_cannot_be_read_is_held_by_we_know_not_whom(s3: S3, data: bytes) -> None:
    s3.put(LOCK, data)
    s3.clock.sleep(1e6)
    with pytest.raises(StateLocked) as caught:
        s3.take()
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
    held = s3.take()
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
    held = s3.take()
    s3.clock.sleep(100)
    later = s3.take()
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
    held = s3.take(clock=clock)
    clock.sleep(-3600)
    held.check()
    assert s3.requests("PUT", LOCK) == 2


def test_a_run_that_slept_through_its_lease_goes_on_if_nobody_minded(s3: S3) -> None:
    held = s3.take()
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
    held = s3.take()
    held.renew()
    with pytest.raises(StateLocked, match="ada@laptop"):
        s3.take(BOB)


@pytest.mark.parametrize("fault", [Lost(), Unheard(), Twice(), Late(), CONFLICT, BUSY], ids=repr)
def test_a_renewal_counts_whatever_becomes_of_the_answer(s3: S3, fault: Lost) -> None:
    held = s3.take()
    s3.next(f"PUT {LOCK}", fault)
    s3.clock.sleep(50)
    held.renew()
    s3.deliver()
    assert runs_out(s3) == LEASE + 1
    held.renew()


def test_a_renewal_that_arrives_after_it_was_given_up_is_our_own(s3: S3) -> None:
    held = s3.take()
    s3.next(f"PUT {LOCK}", *[Late()] * 9)
    with pytest.raises(StateError):
        held.renew()
    s3.faults.clear()
    s3.deliver()
    held.renew()
    held.release(conditionally=True)
    assert LOCK not in s3.objects
