"""Who holds a lock, in bytes and in words.

Every store keeps its lock in its own way; what the owner looks like on disk, and what the person
who has to wait is told, is the same everywhere and lives here. Nothing in here takes a lock.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from reconciler.errors import StateLocked
from reconciler.state.base import LockOwner


def encode_owner(owner: LockOwner) -> bytes:
    """The owner as one JSON object."""
    return msgspec.json.encode(owner)


def decode_owner(data: bytes) -> LockOwner | None:
    """The owner, or None where the bytes do not say: a lock is held even if we know not by whom."""
    try:
        return msgspec.json.decode(data, type=LockOwner)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def refusal(location: str, owner: LockOwner | None, hint: str) -> StateLocked:
    """The error for the one who came second. `hint` is what that person can do at this store."""
    if owner is None:
        return StateLocked(f"{location} is locked by another run", hint=hint)
    process = f", process {owner.process}" if owner.process else ""
    return StateLocked(
        f"{location} is locked by {owner.who}: {owner.operation}, "
        f"since {_moment(owner.created_at)}{process}",
        hint=hint,
    )


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # a time no calendar has
        return f"unix time {seconds}"
