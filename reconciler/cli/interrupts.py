"""What a watch makes of signals: Ctrl-C and SIGTERM stop it, SIGHUP makes it look at once.

A stop lets the pass that is under way come to its end, so that what it sent is written down; one
that takes too long is interrupted, gives back its lock and leaves the rest to the next run. A
second Ctrl-C does not wait at all. Handlers only ring: they may run between any two lines.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from reconciler.watch import Doorbell, Ring, Wake

PATIENCE_SECONDS = 1.0
"""How long a pass may go on once somebody wants to stop."""

_AGAIN_SECONDS = 0.4
"""An interrupt can be swallowed by a wait for worker threads: it is repeated so often."""


class Interrupts:
    """Holds the signals for as long as its context lasts. Main thread only."""

    def __init__(self, bell: Doorbell) -> None:
        self._bell = bell
        self._before: dict[int, Any] = {}
        self._busy = False
        self.stopping = False

    def __enter__(self) -> Self:
        handlers: dict[str, Callable[[int, FrameType | None], None]] = {
            "SIGINT": self._stop,
            "SIGTERM": self._stop,
            "SIGHUP": self._look,
            "SIGALRM": self._hurry,
        }
        for name, handler in handlers.items():
            if (number := getattr(signal, name, None)) is not None:  # not all exist on Windows
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _alarm(0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Work that a stop may interrupt with KeyboardInterrupt, after a while."""
        if self.stopping:
            raise KeyboardInterrupt
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            _alarm(0)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.stopping and self._busy:
            raise KeyboardInterrupt
        self.stopping = True
        self._bell.ring(Ring(wake=Wake.STOP))
        if self._busy:
            _alarm(PATIENCE_SECONDS)

    def _look(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._bell.ring(Ring(wake=Wake.ASKED))

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._busy:
            raise KeyboardInterrupt


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS if seconds else 0)
