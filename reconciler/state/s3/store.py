"""The port's implementation: an object that is replaced whole, and only as the one that was read.

`state.open_store` makes one. What a write may replace is told by an ETag, and every write raises
the serial. The second is not for show: S3's ETag is a hash of the bytes, so that a state that came
back to what it was would pass for one that never changed. No two states of one chain are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from reconciler.errors import StateConflict, StateError, StateFormat
from reconciler.model import State
from reconciler.state import codec, damage
from reconciler.state.base import LockOwner, Snapshot
from reconciler.state.s3.bucket import Bucket
from reconciler.state.s3.lease import LEASE, Holder, Lease, LockObject
from reconciler.state.s3.probe import conditional_deletes
from reconciler.state.s3.refusals import Stale, Unsettled


class S3Store:
    """A StateStore in a bucket. `lease` is how many seconds a lock outlives a killed holder."""

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        *,
        clock: Callable[[], float] = time.time,
        lease: float = LEASE,
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._lock = LockObject(bucket, key, clock=clock, lease=lease)
        self._lease: Lease | None = None
        self._encoder = codec.Encoder()
        self._guard = Lock()
        self._deletes_conditionally: bool | None = None

    @property
    def location(self) -> str:
        """The object's URL."""
        return self._bucket.location(self._key)

    def read(self) -> Snapshot:
        """See StateStore. A missing object is a new state, in a versioned bucket too."""
        found = self._bucket.get(self._key)
        if found is None:
            return Snapshot(state=State(lineage=_new_lineage()), version="")
        try:
            state = codec.decode(found.data, self.location)
        except StateFormat as error:
            raise StateFormat(error.message, hint=self._way_out(error)) from None
        return Snapshot(state=state, version=_version(state, found.etag))

    def write(self, state: State, expected: str) -> str:
        """See StateStore. Under a lock, nothing is written once that lock is lost."""
        data = self._encoder.encode(state)
        serial, etag = _parsed(expected)
        if state.serial <= serial:
            raise StateConflict(
                f"{self.location} is at serial {serial} and cannot go on with {state.serial}",
                hint="a write raises the serial: without that it would pass for an older one",
            )
        self._examine()
        if self._lease is not None:
            self._lease.check()
        try:
            return _version(state, self._bucket.replace(self._key, data, etag))
        except Stale:
            raise self._conflict(state) from None

    @contextmanager
    def lock(self, owner: LockOwner) -> Iterator[None]:
        """See StateStore. It is renewed in a thread of its own for as long as it is held."""
        conditionally = self._examine()
        lease = self._lock.take(owner)
        self._lease = lease
        try:
            lease.keep()
            yield
        finally:
            self._lease = None
            lease.release(conditionally=conditionally)

    def holder(self) -> Holder | None:
        """Who holds the lock, also one that has run out; None if nobody does."""
        return self._lock.holder()

    def unlock(self, holder: Holder) -> None:
        """Remove a lock that its holder left behind. A holder that lives writes nothing more.

        Raises StateConflict if the lock is no longer the one that was found.
        """
        try:
            self._lock.remove(holder.etag, conditionally=self._examine())
        except Stale:
            raise StateConflict(
                f"the lock of {self.location} is no longer the one that was shown",
                hint="somebody is at work: look again with `reconcile state unlock`",
            ) from None
        except Unsettled as unsettled:
            raise unsettled.error from None

    def _examine(self) -> bool:
        """Refuse a store that could lose what is written; whether its deletes are conditional.

        Asked once for as long as this store is open.
        """
        with self._guard:
            if self._deletes_conditionally is None:
                self._deletes_conditionally = conditional_deletes(self._bucket, self._key)
            return self._deletes_conditionally

    def _conflict(self, state: State) -> StateConflict:
        what = "was changed by another run"
        with suppress(StateError):
            found = self._bucket.get(self._key)
            if found is None:
                what = "was removed"
            else:
                there = codec.decode(found.data, self.location)
                what += f" (now at serial {there.serial})"
                if there.lineage != state.lineage:
                    what = "was replaced by a state of another lineage"
        return StateConflict(
            f"{self.location} {what} since it was read",
            hint="run the command again: it begins with the state as it is now",
        )

    def _way_out(self, error: StateFormat) -> str:
        if error.hint == damage.UPGRADE:
            return error.hint  # nothing is lost, and going back would lose something
        earlier = (
            "where the bucket keeps versions, copy an earlier one over it; or move it away: the"
            " next apply finds jobs by their tokens"
        )
        return f"{error.hint}; {earlier}" if error.hint == damage.EDITING else earlier


def _version(state: State, etag: str) -> str:
    return f"{state.serial} {etag}"


def _parsed(version: str) -> tuple[int, str | None]:
    """The serial and the ETag of a version. Of an object that is not there: -1, None."""
    serial, _, etag = version.partition(" ")
    return (int(serial), etag) if version else (-1, None)


def _new_lineage() -> str:
    from uuid import uuid4  # only where a state begins

    return str(uuid4())
