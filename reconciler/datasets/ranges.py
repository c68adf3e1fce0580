"""A file read in ranges, by one process or by two, to the same result.

`facts` calls it with an open file. In one process, every block is hashed and surveyed as it comes.
With a second one, this process hashes the file while the other begins at its front; then each takes
the next range until there is none. A second process that cannot start, or dies, costs time and
nothing else: what it has not delivered is surveyed here.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BufferedReader, BytesIO, FileIO
from typing import Protocol

from reconciler.datasets.counting import Counting
from reconciler.datasets.part import Part, Whole
from reconciler.datasets.survey import Survey

WORTH_TWO = 64 * 1024 * 1024
"""Bytes from which a second process is worth its start."""

LARGEST_RANGE, SMALLEST_RANGE = 16 * 1024 * 1024, 1024 * 1024
"""Bytes in a range that one of two processes takes at a time: large ones first, as each has to be
put together with the others, and small ones last, so that the two are done together."""

Range = tuple[int, int]


class Digest(Protocol):
    """What hashes."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take these bytes."""

    def hexdigest(self) -> str:
        """The hash of all that was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A regular file that is open, and how it is read.

    `begin` is where the first line begins, after a byte order mark. `done` is told how many more
    bytes have been surveyed, every few megabytes. `counting` is how a second process, where there
    is one, counts the tokens.
    """

    stream: FileIO | BufferedReader
    path: str
    status: os.stat_result
    begin: int
    max_line: int
    done: Callable[[int], None]
    counting: Counting | None = None


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def survey(source: Source, digest: Digest, whole: Whole, *, hashed: bool, alone: bool) -> None:
    """Survey the whole file into `whole`, and hash it unless it is `hashed` already.

    Unless `alone`, a second process takes part, and counts the tokens too. Raises OSError.
    """
    size = source.status.st_size
    if alone:
        if source.begin and not hashed:
            source.stream.seek(0)
            digest.update(source.stream.read(source.begin))
        whole.absorb(surveyed(source, (source.begin, size), None if hashed else digest))
        return
    from reconciler.datasets.second import SecondProcess  # few files are so large

    todo = deque(enumerate(cuts(source, SMALLEST_RANGE, LARGEST_RANGE)))
    count = len(todo)
    parts: dict[int, Part] = {}
    with SecondProcess(source.path, source.status, source.max_line, todo, parts) as second:
        if not hashed:
            hash_all(source.stream, size, digest)
        if source.counting:
            second.count(digest.hexdigest(), size, source.counting)
        taken = counted = 0
        while taken < count:
            if taken in parts:
                whole.absorb(parts.pop(taken))
                taken += 1
                if whole.part.overlong:
                    return
            elif (mine := second.next()) is not None:
                number, range_ = mine
                parts[number] = surveyed(source, range_)
            else:
                second.wait()
            source.done(second.bytes - counted)
            counted = second.bytes


def surveyed(source: Source, range_: Range, digest: Digest | None = None) -> Part:
    """What one range holds; what is read of it is hashed on the way."""
    found = Survey(source.max_line)
    if range_[1] - range_[0] >= _WORTH_KEEPING:
        _keep_memory()
    source.stream.seek(range_[0])
    left = range_[1] - range_[0]
    held: list[bytes] = []  # a line that does not end in the blocks read so far
    held_size = told = 0
    with _without_collector():
        while data := source.stream.read(min(_BLOCK, left)):
            left -= len(data)
            if digest:
                digest.update(data)
            lines = BytesIO(data).readlines()  # half of what split takes
            rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
            if lines:
                if held:
                    lines[0] = b"".join((*held, lines[0]))
                    held, held_size = [], 0
                found.take(lines)
            if rest:
                held.append(rest)
                held_size += len(rest)
            if found.given_up:
                break
            if held_size > source.max_line:
                found.overlong()
                break
            told += len(data)
            if told >= _TELL:
                source.done(told)
                told = 0
        if held and not found.given_up:
            found.take([b"".join((*held, b"\n"))], ended=False)
    source.done(told)
    return found.part()


def cuts(source: Source, least: int, most: int) -> Iterator[Range]:
    """Ranges of whole lines that make up the file, each of an eighth of what is left of it.

    None is much smaller than `least` bytes but the last, or larger than `most` but for a long line.
    """
    begin, size = source.begin, source.status.st_size
    while begin < size:
        end = begin + min(max((size - begin) // 8, least), most)
        source.stream.seek(end - 1)
        while end < size:
            data = source.stream.read(_CUT)
            at = data.find(b"\n")
            if at >= 0 or not data:
                end += at
                break
            end += len(data)
        yield begin, min(end, size)
        begin = end


def hash_all(stream: FileIO | BufferedReader, size: int, digest: Digest) -> None:
    """Hash so many bytes of the file from its beginning, or as many as there are."""
    stream.seek(0)
    block = memoryview(bytearray(_BLOCK))  # one for all: the system clears every new one
    while count := stream.readinto(block[:size]):
        digest.update(block[:count])
        size -= count


@cache
def _keep_memory() -> None:
    """Have glibc keep what is freed, from now on.

    Else it gives the memory of every block back to the system and asks for it again, which takes a
    quarter of the time, measured. It learns from a large piece that was asked for and given back,
    untouched; a second one would be cleared first, which costs as much as it brings. Elsewhere it
    costs nothing.
    """
    bytes(_LARGE)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing in the loop makes cycles, and looking for them takes a tenth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_BLOCK = 256 * 1024
_WORTH_KEEPING = 1024 * 1024
_LARGE = 4 * 1024 * 1024
_CUT = 64 * 1024
_TELL = 8 * 1024 * 1024
