"""Which examples a file holds, in bounded memory: to find those it holds twice, or another holds.

`survey` adds every line. A line is known by the 64 bits of its XXH3: the same in every process and
every run, and much cheaper than a hash that withstands malice, which nobody has here. Of a large
file only the lines are kept whose number lies below a limit; the limit follows from the file's
content alone, not from the order of reading, so that two sketches of any two files can be held
against each other.

Two different examples are taken for one only by chance: among all that are kept, once in two
billion files. What it says is a warning and no more.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import count

from msgspec import Struct
from xxhash import xxh3_64_intdigest

MOST = 131_072
"""Examples kept. Of a file with more, a half is known, a quarter, and so on."""

ALL = 1 << 64
"""The limit below which every number lies."""


class Sketch(Struct, frozen=True, array_like=True, gc=False):
    """The examples of a file whose numbers lie below two to the power of `bits`.

    `hashes` holds their numbers, each of 8 bytes, and `lines` the line where each stands first,
    each of 8 bytes, both in the order of the lines, the lowest byte first.
    """

    bits: int = 64
    hashes: bytes = b""
    lines: bytes = b""


def number_of(line: bytes) -> int:
    """The 64 bits by which a line is known. `line` has no line end; `survey` hashes it with one."""
    return xxh3_64_intdigest(line + b"\n")


class Seen:
    """The lines seen so far: each with its first line, and those that came again."""

    def __init__(self) -> None:
        self.limit = ALL
        self.first: dict[int, int] = {}
        self.again: dict[int, tuple[int, int]] = {}  # how often again, and at which line first

    def add(self, numbers: list[int], begin: int) -> None:
        """Add the lines from `begin` on, by their numbers: many at once, as most are new."""
        before = len(self.first)
        if self.limit == ALL:
            _each(map(self.first.setdefault, numbers, count(begin)))
            if len(self.first) == before + len(numbers):
                return
        for line, number in enumerate(numbers, begin):
            if number < self.limit and self.first.setdefault(number, line) != line:
                self.repeat(number, line)

    def repeat(self, number: int, line: int) -> None:
        """Line `line` holds an example that was there before."""
        times, where = self.again.get(number, (0, line))
        self.again[number] = (times + 1, where)

    def shrink(self) -> None:
        """Keep no more than fit. Called often, but not for every line."""
        while len(self.first) > MOST:
            self._lower(self.limit // 2)

    def absorb(self, later: Sketch, again: list[tuple[int, int, int]], shift: int) -> None:
        """Take what a later range has seen, whose first line is line `shift` + 1 here."""
        self._lower(min(self.limit, 1 << later.bits))
        before, first = len(self.first), self.first.setdefault
        numbers = unpacked(later.hashes)
        lines = array("Q", map(shift.__add__, unpacked(later.lines)))
        if self.limit == ALL:
            _each(map(first, numbers, lines))
        if self.limit < ALL or len(self.first) < before + len(numbers):
            for number, line in zip(numbers, lines, strict=True):
                if number < self.limit and first(number, line) != line:
                    self.repeat(number, line)
        for number, times, line in again:
            if number < self.limit:
                more, where = self.again.get(number, (0, line + shift))
                self.again[number] = (more + times, where)
        self.shrink()

    @property
    def sketch(self) -> Sketch:
        """What is kept."""
        return Sketch(self.limit.bit_length() - 1, packed(self.first), packed(self.first.values()))

    def _lower(self, limit: int) -> None:
        if limit == self.limit:
            return
        self.limit = limit
        self.first = {n: line for n, line in self.first.items() if n < limit}
        self.again = {n: seen for n, seen in self.again.items() if n < limit}


def _each(calls: Iterator[object]) -> None:
    """Have every one of these calls made, without a loop in Python."""
    deque(calls, maxlen=0)


def packed(numbers: object) -> bytes:
    """Numbers of 64 bits as bytes, the lowest first."""
    values = array("Q", numbers)  # type: ignore[call-overload]
    if sys.byteorder == "big":
        values.byteswap()
    return bytes(values.tobytes())


def unpacked(data: bytes) -> array[int]:
    """The numbers that `packed` wrote. Raises ValueError if there is half of one."""
    values = array("Q")
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
