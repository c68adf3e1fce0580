"""Where a pass can be struck: every effect it has goes through a seam, before and after.

The world in memory tells its seam of each request and each save; the seam numbers them and lets
one fault strike at one stop. It knows nothing of what the stops mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, order=True)
class Stop:
    """One moment of a pass: `before create 1`, `after save 2`. Numbers count from 1."""

    when: str
    operation: str
    number: int

    def __str__(self) -> str:
        return f"{self.when} {self.operation} {self.number}"


class Seam:
    """Counts the stops of a pass, and strikes where it was told to."""

    def __init__(self) -> None:
        self.visited: list[Stop] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._stop: Stop | None = None
        self._strike: Callable[[], None] = lambda: None

    def begin(self, stop: Stop | None = None, strike: Callable[[], None] = lambda: None) -> None:
        """A pass begins, in which `strike` is called at `stop`. It may raise."""
        self.visited = []
        self._counts.clear()
        self._stop, self._strike = stop, strike

    def strike_afterwards(self, strike: Callable[[], None]) -> None:
        """Strike once more, when what the pass is about to do has had its effect."""
        self._stop, self._strike = replace(self.visited[-1], when="after"), strike

    def at(self, when: str, operation: str) -> None:
        """The pass has come to a stop."""
        self._counts[when, operation] += 1
        stop = Stop(when, operation, self._counts[when, operation])
        self.visited.append(stop)
        if stop == self._stop:
            self._stop = None
            self._strike()
