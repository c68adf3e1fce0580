"""Whether a store keeps the promises that several runners' safety rests on.

`store` asks once, before its first write. There are stores that speak S3's protocol and ignore
If-Match and If-None-Match: they answer 200 to both of two writers, and one's work is gone. Nothing
is believed here that was not seen to be refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from reconciler.errors import StateError
from reconciler.state.s3.bucket import PAUSES, Bucket
from reconciler.state.s3.refusals import Stale, Unsettled, without_conditions


def conditional_deletes(bucket: Bucket, key: str) -> bool:
    """Whether the store honours If-Match on a delete, which newer ones do.

    Raises StateError where it does not honour the conditions of writes, or could not be asked.
    """
    for wait in (*PAUSES, None):
        name = f"{key}.probe-{secrets.token_hex(8)}"
        try:
            return _examined(bucket, name, bucket.location(key))
        except Unsettled as unsettled:
            if wait is None:
                raise unsettled.error from None
            bucket.pause(wait)
    raise AssertionError  # the last round returned or raised


def _examined(bucket: Bucket, name: str, location: str) -> bool:
    try:
        first = bucket.put(name, b"first", None)
        if not _refused(lambda: bucket.put(name, b"second", None)):
            raise without_conditions(location, "ignores If-None-Match")
        try:
            second = bucket.put(name, b"third", first)
        except Stale:
            raise without_conditions(location, "does not know its own ETags again") from None
        if first == second:
            raise without_conditions(location, "gives different objects the same ETag")
        if not _refused(lambda: bucket.put(name, b"fourth", first)):
            raise without_conditions(location, "ignores If-Match")
        return _deletes_conditionally(bucket, name, first)
    finally:
        with suppress(Stale, Unsettled, StateError):  # it lies there and does no harm
            bucket.delete(name)


def _deletes_conditionally(bucket: Bucket, name: str, stale: str) -> bool:
    try:
        return _refused(lambda: bucket.delete(name, stale))
    except StateError:  # a store that does not know the header says so, each in its own way
        return False


def _refused(request: Callable[[], object]) -> bool:
    try:
        request()
    except Stale:
        return True
    return False
