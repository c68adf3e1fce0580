"""The lock of a state in S3: an object that says who works, and that runs out unless renewed.

`store` takes it for a run. The lease counts from when the store wrote the object, by the store's
own clock: whether a lock has run out is decided by no runner's clock. The object is renewed, taken
over and removed only as the very one that was last seen, by its ETag. A run whose lock is gone or
in other hands learns of it before its next write, and writes nothing more.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread
from typing import Annotated

import msgspec

from reconciler.errors import StateError, StateLocked
from reconciler.state.base import LockOwner
from reconciler.state.lock import refusal
from reconciler.state.s3.bucket import Bucket, Found
from reconciler.state.s3.refusals import Stale, Unsettled

LEASE = 60.0
"""Seconds that a lock lasts if nobody renews it: how long a killed run keeps the next one out."""

_ROUNDING = 1.0
"""Seconds to add to a lease: HTTP's times are whole, and two of them are compared."""

_ROUNDS = 5
_PATIENCE = 2.0
"""Seconds to wait, at the end of a run, for a renewal that is under way."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a lock object says.

    `id` tells a lock from every other, those of the same owner too; `renewals` tells its own
    objects apart, so that no two have one ETag. `expires_at` is for people: it is unix seconds by
    the clock of who wrote it.
    """

    id: str
    owner: LockOwner
    lease: Annotated[float, msgspec.Meta(gt=0)]
    renewals: int
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A lock as found.

    `owner` is None where the object does not say. `runs_out` is in seconds from now, below zero for
    one that has run out, and None for one that never does: an object that is no lock of ours.
    """

    id: str
    owner: LockOwner | None
    etag: str
    runs_out: float | None


class LockObject:
    """The lock of the state at `key`, whoever holds it. `lease` is in seconds."""

    def __init__(
        self, bucket: Bucket, key: str, *, clock: Callable[[], float], lease: float = LEASE
    ) -> None:
        self.bucket = bucket
        self.key = f"{key}.lock"
        self.location = bucket.location(key)
        self.clock = clock
        self._lease = lease

    def take(self, owner: LockOwner) -> Lease:
        """Take it, if it is free or has run out. Raises StateLocked naming who holds it."""
        claim = Claim(
            id=secrets.token_hex(16), owner=owner, lease=self._lease, renewals=0, expires_at=0
        )
        over: Holder | None = None
        for _ in range(_ROUNDS):
            since = self.clock()
            try:
                etag = self.put(claim, over.etag if over else None)
            except Stale:
                over = self.holder()
                if over is not None and (over.runs_out is None or over.runs_out > 0):
                    raise self._refused(over) from None
                continue
            if over is not None:
                who = over.owner.who if over.owner else "another run"
                _log.warning("took over the lock of %s: %s did not renew it", self.location, who)
            return Lease(self, claim, etag, since)
        raise refusal(self.location, None, hint="others are at it: run the command again")

    def holder(self) -> Holder | None:
        """Who holds it, None if nobody does."""
        found = self.bucket.get(self.key)
        if found is None:
            return None
        claim = _claim(found)
        if claim is None:
            return Holder(id="", owner=None, etag=found.etag, runs_out=None)
        left = claim.lease + _ROUNDING
        left = claim.expires_at - self.clock() if found.age is None else left - found.age
        return Holder(id=claim.id, owner=claim.owner, etag=found.etag, runs_out=left)

    def put(self, claim: Claim, etag: str | None) -> str:
        """Write this claim in place of the object with that ETag. See `Bucket.replace`."""
        claim = replace(claim, expires_at=self.clock() + claim.lease)
        return self.bucket.replace(self.key, msgspec.json.encode(claim), etag)

    def remove(self, etag: str, *, conditionally: bool) -> None:
        """Remove the object with this ETag. Raises Stale, Unsettled or StateError.

        Where a delete cannot be conditional, a write before it is: whoever looks in between sees a
        lock with all its time left, and leaves it alone.
        """
        if conditionally:
            self.bucket.delete(self.key, etag)
            return
        now = self.clock()
        nobody = LockOwner(id="", who="nobody", operation="released", created_at=now)
        claim = Claim(
            id=secrets.token_hex(16), owner=nobody, lease=self._lease, renewals=0, expires_at=now
        )
        self.put(claim, etag)
        self.bucket.delete(self.key)

    def _refused(self, holder: Holder) -> StateLocked:
        hint = "wait until that run has ended; `reconcile state unlock` removes a lock left behind"
        if holder.runs_out is not None:
            hint = (
                "wait until that run has ended; if it was killed, its lock runs out in"
                f" {max(1, round(holder.runs_out))} seconds, and `reconcile state unlock` removes"
                " it at once"
            )
        return refusal(self.location, holder.owner, hint)


class Lease:
    """A lock that is held. `keep` renews it in a thread of its own until it is released or lost."""

    def __init__(self, lock: LockObject, claim: Claim, etag: str, since: float) -> None:
        self._lock = lock
        self._claim = claim
        self._etag = etag
        self._since = since  # by our clock, before it was sent: the store counts from later on
        self._lost: StateLocked | None = None
        self._guard = Lock()  # held by who sends something about the lock
        self._over = Event()
        self._keeper = Thread(target=self._renew_in_time, name="state lock", daemon=True)

    def keep(self) -> None:
        """Renew from now on, each time a third of the lease is over."""
        self._keeper.start()

    def check(self) -> None:
        """Raise StateLocked if the lock is lost, StateError if that cannot be found out in time.

        Asks nobody as long as the lease has a quarter of its time left by our clock.
        """
        if self._lost is not None or not 0 <= self._age() <= self._claim.lease * 3 / 4:
            self.renew()

    def renew(self) -> None:
        """Make the lease last from now on. Raises as `check` does."""
        with self._guard:
            for _ in range(_ROUNDS):
                if self._lost is not None:
                    raise StateLocked(self._lost.message, hint=self._lost.hint)
                if self._over.is_set():
                    return
                since = self._lock.clock()
                claim = replace(self._claim, renewals=self._claim.renewals + 1)
                try:
                    self._etag = self._lock.put(claim, self._etag)
                except Stale:
                    self._look()
                    continue
                self._claim, self._since = claim, since
                return
        raise StateError(
            f"the lock of {self._lock.location} could not be renewed",
            hint="run the command again",
        )

    def release(self, *, conditionally: bool) -> None:
        """Give the lock back. Never raises over it: a lock that stays runs out by itself."""
        self._over.set()
        if not self._guard.acquire(timeout=_PATIENCE):
            self._leave("a renewal is still under way")
            return
        try:
            self._remove(conditionally=conditionally)
        finally:
            self._guard.release()
        if self._keeper.is_alive():
            self._keeper.join(_PATIENCE)

    def _remove(self, *, conditionally: bool) -> None:
        for _ in range(_ROUNDS):
            if self._lost is not None:
                return
            try:
                self._lock.remove(self._etag, conditionally=conditionally)
            except Stale:
                try:
                    self._look()
                except StateError as error:
                    self._leave(error.message)
                    return
                continue
            except (Unsettled, StateError) as error:
                self._leave(str(error))
            return

    def _look(self) -> None:
        """See what lies there instead of what we wrote last: our own, or nobody's, or another's.

        Our own it is where the answer to a renewal was lost and its effect came late.
        """
        holder = self._lock.holder()
        if holder is not None and holder.id == self._claim.id:
            self._etag = holder.etag
            return
        what = "it was removed"
        if holder is not None:
            what = refusal(self._lock.location, holder.owner, "").message
        self._lost = StateLocked(
            f"this run has lost the lock of {self._lock.location}: {what}",
            hint="nothing more is sent, and what was sent is on record; run the command again when"
            " the other run has ended",
        )

    def _leave(self, why: str) -> None:
        _log.warning(
            "the lock of %s could not be removed, and runs out in %g seconds: %s",
            self._lock.location,
            self._claim.lease,
            why,
        )

    def _age(self) -> float:
        return self._lock.clock() - self._since

    def _renew_in_time(self) -> None:
        wait = self._claim.lease / 3
        while not self._over.wait(wait):
            try:
                self.renew()
            except StateLocked as error:
                _log.warning("%s", error.message)
                return
            except StateError as error:
                _log.warning("the lock of %s is not renewed: %s", self._lock.location, error)
                wait = self._claim.lease / 12
            else:
                wait = self._claim.lease / 3


def _claim(found: Found) -> Claim | None:
    try:
        return msgspec.json.decode(found.data, type=Claim)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
