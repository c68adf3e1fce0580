"""Ten thousand spoilt state files: each is refused, or reads as exactly what was written.

None is ever read as empty, or as something it never held, and none ends in anything but
StateFormat. The seed is fixed, so that a failure can be repeated.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.errors import StateFormat
from reconciler.model import Binding, Job, JobStatus, State
from reconciler.state import codec
from tests.fakes import make_record, make_spec

ROUNDS = 10_000

RUNNING = Job(id="ftjob-1", status=JobStatus.RUNNING, provider_status="running", created_at=1)
RECORDS = [
    make_record(make_spec("support-bot"), binding=Binding.BOUND, job=RUNNING),
    make_record(make_spec("intent-router")),
    make_record(make_spec("order-desk", seed=7)),
]
OURS = State(lineage="a1b2", serial=41, records={r.token: r for r in RECORDS})
THEIRS = replace(OURS, serial=42, records={r.token: r for r in RECORDS[:2]})
WRITTEN, OTHER = codec.encode(OURS), codec.encode(THEIRS)

Spoil = Callable[[random.Random], bytes]


def truncated(chance: random.Random) -> bytes:
    return WRITTEN[: chance.randrange(len(WRITTEN))]


def bit_flipped(chance: random.Random) -> bytes:
    data = bytearray(WRITTEN)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def merged(chance: random.Random) -> bytes:
    """Lines of two versions, as a merge that nobody looked at would leave them."""
    ours, theirs = WRITTEN.splitlines(keepends=True), OTHER.splitlines(keepends=True)
    at = chance.randrange(1, min(len(ours), len(theirs)))
    return b"".join(ours[:at] + theirs[at:])


def in_conflict(chance: random.Random) -> bytes:
    lines = WRITTEN.splitlines(keepends=True)
    start, end = sorted(chance.sample(range(len(lines)), 2))
    markers = (b"<<<<<<< ours\n", b"=======\n", b">>>>>>> theirs\n")
    middle = [markers[0], *lines[start:end], markers[1], *lines[start:end], markers[2]]
    return b"".join(lines[:start] + middle + lines[end:])


def of_another_version(chance: random.Random) -> bytes:
    version = chance.choice((0, -1, 1, 3, 99, 10**20))
    return re.sub(rb'"version": 2', b'"version": %d' % version, WRITTEN, count=1)


def overwritten(chance: random.Random) -> bytes:
    data = bytearray(WRITTEN)
    start = chance.randrange(len(data))
    length = chance.randrange(1, 64)
    data[start : start + length] = chance.choice((b"\0" * length, chance.randbytes(length), b""))
    return bytes(data)


def shuffled(chance: random.Random) -> bytes:
    lines = WRITTEN.splitlines(keepends=True)
    first, second = chance.sample(range(len(lines)), 2)
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def something_else(chance: random.Random) -> bytes:
    return chance.choice((b"", b"{}", b"[]", b"null", b"\0" * 512, chance.randbytes(200)))


WAYS: tuple[Spoil, ...] = (
    *(truncated, bit_flipped, merged, in_conflict, of_another_version),
    *(overwritten, shuffled, something_else),
)


@pytest.mark.parametrize("spoil", WAYS, ids=lambda way: way.__name__)
def test_ten_thousand_spoilt_states(spoil: Spoil) -> None:
    chance = random.Random(f"{spoil.__name__} 1")
    refused = 0
    for _ in range(ROUNDS // len(WAYS)):
        data = spoil(chance)
        try:
            state = codec.decode(data, "state.json")
        except StateFormat:
            refused += 1
        else:
            assert state in (OURS, THEIRS), data
    assert refused > 0
