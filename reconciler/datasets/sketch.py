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
from collections.abc import Iterable

from msgspec import Struct
from xxhash import xxh3_64_intdigest

MOST = 131_072
"""Examples kept. Of a file with more, a half is known, a quarter, and so on."""

ALL = 1 << 64
"""The limit below which every number lies."""


class Sketch(Struct, frozen=True, array_like=True, gc=False):
    """The examples of a file, or of a range, whose numbers lie below two to the power of `bits`.

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
    """The lines seen so far: each with its first line, and those that came again.

    Lines are put down as they come, 16 bytes each, and compared later, many at once: comparing each
    as it comes takes several times as long, as what it is compared to is never in the processor's
    cache. `first` and `again` (how often again, and at which line first) are of those compared.
    """

    def __init__(self) -> None:
        self.limit = ALL
        self.first: dict[int, int] = {}
        self.again: dict[int, tuple[int, int]] = {}
        self._numbers, self._lines = array("Q"), array("Q")

    def add(self, numbers: Iterable[int], lines: Iterable[int]) -> None:
        """Add lines, each by its number and where it stands."""
        self._numbers.extend(numbers)
        self._lines.extend(lines)
        if len(self._numbers) > MOST:
            self.settle()

    def absorb(self, later: Sketch, again: list[tuple[int, int, int]], shift: int) -> None:
        """Take what a later range has seen, whose first line is line `shift` + 1 here."""
        self._lower(min(self.limit, 1 << later.bits))
        for number, times, line in again:
            if number < self.limit:
                self._repeat(number, times, line + shift)
        lines = unpacked(later.lines)
        self.add(unpacked(later.hashes), map(shift.__add__, lines) if shift else lines)

    def settle(self) -> None:
        """Compare all lines that were added, and keep no more than fit."""
        numbers, lines = self._numbers, self._lines
        if self._is_new and len(numbers) <= MOST and len(set(numbers)) == len(numbers):
            return  # all different, as in most files
        self._numbers, self._lines = array("Q"), array("Q")
        before, first = len(self.first), self.first.setdefault
        if self.limit == ALL:
            deque(map(first, numbers, lines), maxlen=0)
        if self.limit < ALL or len(self.first) < before + len(numbers):
            for number, line in zip(numbers, lines, strict=True):
                if number < self.limit and first(number, line) != line:
                    self._repeat(number, 1, line)
        while len(self.first) > MOST:
            self._lower(self.limit // 2)

    @property
    def sketch(self) -> Sketch:
        """What is kept. Before it is settled, a line may be in it twice."""
        if self._is_new:
            return Sketch(hashes=packed(self._numbers), lines=packed(self._lines))
        self.settle()
        return Sketch(self.limit.bit_length() - 1, packed(self.first), packed(self.first.values()))

    @property
    def _is_new(self) -> bool:
        """Whether nothing has been compared or left out yet."""
        return self.limit == ALL and not (self.first or self.again)

    def _repeat(self, number: int, times: int, line: int) -> None:
        """An example that was there before stands here so many times more, at `line` first."""
        before, where = self.again.get(number, (0, line))
        self.again[number] = (before + times, min(where, line))

    def _lower(self, limit: int) -> None:
        if limit == self.limit:
            return
        self.limit = limit
        self.first = {n: line for n, line in self.first.items() if n < limit}
        self.again = {n: seen for n, seen in self.again.items() if n < limit}


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
