"""What ends a sleep early: somebody rings, and says why.

`files` rings from its threads and `cli` from signal handlers; the loop waits. A handler may run
in the middle of a wait of the same thread, so nothing here takes a lock of Python's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue

MOST_FILES = 20
_ENOUGH_RINGS = 100
"""So many rings unheard, and one more changed file says nothing new: a pass reads them all."""


class Wake(StrEnum):
    """Why a pass is made, or why none is made any more."""

    START = "start"
    DUE = "due"
    FILES = "files"
    ASKED = "asked"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One reason to wake. `files` are the first of those that changed, as absolute paths."""

    wake: Wake
    files: tuple[str, ...] = ()
    config: bool = False


class Doorbell:
    """Rings go in from any thread and any signal handler, and come out of `wait` as one."""

    def __init__(self) -> None:
        self._rings: SimpleQueue[Ring] = SimpleQueue()

    def ring(self, ring: Ring) -> None:
        """End the sleep that is under way, or the next one."""
        if ring.wake is not Wake.FILES or ring.config or self._rings.qsize() < _ENOUGH_RINGS:
            self._rings.put(ring)

    def wait(self, seconds: float) -> Ring | None:
        """Everything that has rung within so many seconds, as one ring; None if nobody has.

        A stop beats everything, a wish to look beats changed files.
        """
        try:
            found = self._rings.get(timeout=max(seconds, 0.0))
        except Empty:
            return None
        while True:
            try:
                found = _merged(found, self._rings.get_nowait())
            except Empty:
                return found


def _merged(one: Ring, other: Ring) -> Ring:
    order = list(Wake)
    files = tuple(sorted({*one.files, *other.files}))[:MOST_FILES]
    wake = max(one.wake, other.wake, key=order.index)
    return Ring(wake=wake, files=files, config=one.config or other.config)
