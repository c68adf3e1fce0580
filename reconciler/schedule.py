"""When to look again. Pure.

`watch` asks how long it may sleep. Nothing here decides what happens then: that is `plan`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from reconciler.errors import Remedy
from reconciler.model import Binding, Record

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
_SHARE_OF_AGE = 0.1
"""A job is looked at after a tenth of its age: often while it is young, seldom after hours."""

FIRST_REST_SECONDS = 2.0
LONGEST_REST_SECONDS = 300.0
_SPREAD = 0.2
"""The part of a rest by which those who rest at the same time differ."""


def open_records(records: Iterable[Record]) -> list[Record]:
    """The records whose story goes on by itself: running, unanswered, or refused for a moment."""
    return [record for record in records if _open(record)]


def seconds_until_next_look(
    records: Iterable[Record], grace: Mapping[str, float], now: float
) -> float:
    """How long nothing can be missed, between one second and one minute.

    `grace` is in seconds by provider name, as in `plan`.
    """
    waits = [_wait(record, grace, now) for record in open_records(records)]
    return min(max(min(waits, default=LONGEST_SECONDS), SHORTEST_SECONDS), LONGEST_SECONDS)


def rest(name: str, failures: int) -> float:
    """Seconds to leave somebody alone who has failed so often in a row; `failures` from 1.

    Each is twice the one before, up to five minutes. Who is called otherwise rests a little less:
    always the same for the same name and number, so that a run can be told again.
    """
    doubled = FIRST_REST_SECONDS * 2.0 ** min(max(failures, 1) - 1, 32)
    share = zlib.crc32(f"{name} {failures}".encode()) / 2**32
    return min(doubled, LONGEST_REST_SECONDS) * (1 - _SPREAD * share)


def _open(record: Record) -> bool:
    match record.binding:
        case Binding.PENDING:
            return True
        case Binding.REJECTED:
            return record.rejection is not None and record.rejection.remedy is Remedy.RETRY_NOW
        case Binding.BOUND:
            return record.job is not None and not record.job.status.terminal


def _wait(record: Record, grace: Mapping[str, float], now: float) -> float:
    match record.binding:
        case Binding.PENDING:
            return _until((record.pending_since or now) + grace.get(record.provider, 0.0), now)
        case Binding.REJECTED:
            retry_at = record.rejection.retry_at if record.rejection else None
            return _until(retry_at or now, now)
        case Binding.BOUND:
            created = record.job.created_at if record.job else None
            return (now - (created or now)) * _SHARE_OF_AGE


def _until(due: float, now: float) -> float:
    """Seconds until a moment. What is long overdue waits for somebody, and is looked at seldom."""
    return due - now if due > now else (now - due) * _SHARE_OF_AGE
