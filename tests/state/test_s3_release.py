"""The end of a lock in S3: given back, renewed no more, or removed by hand."""

from __future__ import annotations

import logging
import time
from threading import Event

import pytest

from reconciler.errors import StateConflict, StateError, StateLocked
from reconciler.model import State
from reconciler.state.s3 import lease as leases
from reconciler.state.s3.lease import LEASE
from reconciler.state.s3.store import S3Store
from tests.state.s3_server import ADA, BOB, BUCKET, KEY, LOCK, S3, URL, After, Refusal, Unheard

FIRST = State(lineage="l", serial=1)
DENIED = Refusal(403, "AccessDenied")


# Giving it back


@pytest.mark.parametrize("conditionally", [True, False])
def test_a_lock_given_back_leaves_nothing(s3: S3, conditionally: bool) -> None:
    held = s3.take()
    held.renew()
    held.release(conditionally=conditionally)
    assert LOCK not in s3.objects
    held.renew()  # a renewal that was about to begin
    assert LOCK not in s3.objects


def test_a_conditional_delete_names_what_was_last_seen(s3: S3) -> None:
    held = s3.take()
    held.renew()
    etag = s3.objects[LOCK].etag
    held.release(conditionally=True)
    assert s3.heard[-1].method == "DELETE"
    assert s3.heard[-1].headers["if-match"] == etag


def test_without_conditional_deletes_a_fresh_write_guards_the_delete(s3: S3) -> None:
    held = s3.take()
    s3.clock.sleep(LEASE + 50)  # it could be taken over at any moment
    s3.next(f"DELETE {LOCK}", After(lambda: refused(s3)))
    held.release(conditionally=False)
    assert s3.requests("DELETE", LOCK) == 1
    assert LOCK not in s3.objects


def refused(s3: S3) -> None:
    with pytest.raises(StateLocked, match="by nobody: released"):
        s3.take(BOB)


@pytest.mark.parametrize("conditionally", [True, False])
def test_a_lock_that_is_somebody_elses_by_now_stays(s3: S3, conditionally: bool) -> None:
    held = s3.take()
    s3.clock.sleep(100)
    s3.take(BOB)
    held.release(conditionally=conditionally)
    assert s3.holder() == "bob@runner"


def test_a_lock_that_was_removed_meanwhile_is_given_back_in_peace(s3: S3) -> None:
    held = s3.take()
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
    s3.take(BOB)


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
    s3.take()
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
    held = s3.take()
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
    assert s3.holder() == "ada@laptop"


def test_a_removal_without_an_answer_is_not_claimed(s3: S3) -> None:
    s3.take()
    one = s3.store()
    found = one.holder()
    assert found is not None
    s3.next(f"DELETE {LOCK}", Unheard())
    with pytest.raises(StateError, match=f"{LOCK} could not be removed: connection closed"):
        one.unlock(found)
