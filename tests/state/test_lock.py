"""What the one who comes second is told."""

from __future__ import annotations

import pytest

from reconciler.state.base import LockOwner
from reconciler.state.lock import decode_owner, encode_owner, refusal

OWNER = LockOwner(
    id="7", who="ada@laptop", operation="apply", created_at=1700000000.5, process=4242
)


def test_an_owner_is_read_back() -> None:
    assert decode_owner(encode_owner(OWNER)) == OWNER


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id": 7}', b"\xff", b"[" * 100_000])
def test_an_owner_that_cannot_be_read_is_simply_not_known(data: bytes) -> None:
    assert decode_owner(data) is None


def test_the_refusal_says_who_what_since_when_and_what_to_do() -> None:
    assert str(refusal("state.json", OWNER, "wait")) == (
        "state.json is locked by ada@laptop: apply, since 2023-11-14 22:13:20 UTC, process 4242"
        " (wait)"
    )


def test_an_owner_without_a_process_is_named_without_one() -> None:
    owner = LockOwner(id="7", who="ci@runner", operation="watch", created_at=0)
    assert refusal("s3://b/k", owner, "").message == (
        "s3://b/k is locked by ci@runner: watch, since 1970-01-01 00:00:00 UTC"
    )


def test_a_lock_without_a_known_owner_is_a_lock() -> None:
    assert str(refusal("state.json", None, "wait")) == "state.json is locked by another run (wait)"


def test_a_time_that_no_calendar_has_is_told_as_it_is() -> None:
    owner = LockOwner(id="7", who="ada@laptop", operation="apply", created_at=1e300)
    assert "since unix time 1e+300" in refusal("state.json", owner, "").message
