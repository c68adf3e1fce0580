"""How much a file holds, told from a few of its lines, and how wrong that may be.

`tokens` asks it about files that are too large to count. A line is drawn with a chance proportional
to its bytes: the one around a byte that is drawn uniformly. What is measured on the lines, divided
by their bytes, is then an unbiased picture of what the file holds per byte, however unequal its
lines are (the estimator of Hansen and Hurwitz, 1943, On the theory of sampling from finite
populations). The seed is the file's hash: the same file gives the same answer on every machine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Generic, TypeVar

from reconciler.datasets.part import MAX_LINE

LINES = 1_000
"""Lines that are drawn at most: of mixed chats the total is then known to 1 or 2 %."""

PILOT = 250
"""Lines that are drawn at least, and tell how many it takes."""

MARGIN = 0.005
"""Of the total, to either side: with an interval this narrow, nobody asks for a narrower one."""

FEWEST_LINES = 50
"""Lines drawn before their length decides how many more the budget allows."""

BUDGET = 16 * 1024 * 1024
"""Bytes to read in all, roughly: a thousand lines of 16 KiB."""

MOST_BYTES = 64 * 1024 * 1024
"""Bytes after which no further line is drawn, however few there were."""

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Draw(Generic[_Seen]):
    """One line of a sample: its bytes, those of its line end too, and what was seen on it."""

    size: int
    seen: _Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What the whole file holds: the likeliest, and bounds with 95 % confidence."""

    likely: float
    low: float
    high: float


def draw(
    stream: BinaryIO,
    size: int,
    sha256: str,
    look: Callable[[bytes], _Seen],
    wanted_in_all: Callable[[list[Draw[_Seen]]], int] = lambda _: LINES,
) -> list[Draw[_Seen]]:
    """Draw lines of a file of `size` > 0 bytes, with replacement, and look at each.

    After PILOT lines, `wanted_in_all` says from them how many it takes. A line that is drawn twice
    is looked at once and counts twice. One that is longer than MAX_LINE is looked at as if it were
    empty. Raises OSError.
    """
    known: dict[int, Draw[_Seen]] = {}
    draws: list[Draw[_Seen]] = []
    wanted, read = LINES, 0
    for offset in _offsets(sha256, size):
        start = _line_start(stream, offset)
        if start not in known:
            stream.seek(start)
            line = stream.readline(MAX_LINE + 1)
            seen = look(b"" if len(line) > MAX_LINE else line)
            known[start] = Draw(max(len(line), 1), seen)
            read += len(line)
        draws.append(known[start])
        if len(draws) == FEWEST_LINES:
            drawn = sum(one.size for one in draws)
            wanted = min(LINES, max(FEWEST_LINES, BUDGET * FEWEST_LINES // drawn))
        if len(draws) == PILOT:
            wanted = min(wanted, wanted_in_all(draws))
        if len(draws) >= wanted or read >= MOST_BYTES:
            return draws
    return draws


def enough(densities: Sequence[float]) -> int:
    """How many lines it takes to know the total to MARGIN, from what a pilot's hold per byte.

    Not fewer than the pilot's, not more than LINES (the first stage of Stein's procedure, 1945, A
    two-sample test for a linear hypothesis whose power is independent of the variance).
    """
    number, mean = len(densities), math.fsum(densities) / len(densities)
    if not mean:
        return LINES
    variance = math.fsum((density - mean) ** 2 for density in densities) / (number - 1)
    lines = math.ceil(variance * (_quantile(number - 1) / (MARGIN * mean)) ** 2)
    return min(max(lines, number), LINES)


def total(densities: Sequence[float], size: int) -> Interval:
    """What a file of `size` bytes holds, from what each drawn line holds per byte.

    Densities are at most about 1: a token has a byte at least. Where the sample cannot tell, the
    interval is as wide as the file.
    """
    number = len(densities)
    mean = math.fsum(densities) / number
    if number < _LEAST or not any(densities):
        return Interval(likely=mean * size, low=0.0, high=float(size))
    variance = math.fsum((density - mean) ** 2 for density in densities) / (number - 1)
    margin = _quantile(number - 1) * math.sqrt(variance / number)
    return Interval(
        likely=mean * size, low=max(0.0, mean - margin) * size, high=(mean + margin) * size
    )


def _offsets(sha256: str, size: int) -> Iterator[int]:
    """Of the generator only `random()` is promised to be the same in every version of Python."""
    generator = random.Random(int(sha256, 16))  # noqa: S311 - a draw, no secret
    while True:
        yield int(generator.random() * size)


def _line_start(stream: BinaryIO, offset: int) -> int:
    """Where the line that holds this byte begins. A line end belongs to the line before it."""
    end, block = offset, _BLOCK
    while end > 0 and offset - end < MAX_LINE:
        begin = max(0, end - block)
        stream.seek(begin)
        found = stream.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end, block = begin, min(block * 4, _LARGEST_BLOCK)
    return end


def _quantile(freedom: int) -> float:
    """Student's quantile for 95 %, to both sides (Abramowitz and Stegun, 26.7.5); freedom > 3."""
    z, z3, z5, z7 = _Z, _Z**3, _Z**5, _Z**7
    first = (z3 + z) / (4 * freedom)
    second = (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom**2)
    third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third


_Z = 1.959964
_LEAST = 5
_BLOCK, _LARGEST_BLOCK = 4 * 1024, 1024 * 1024
