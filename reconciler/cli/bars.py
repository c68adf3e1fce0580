"""Bars on stderr for what takes its time: on a terminal, and after a second.

`datasets` and `validate` read large files, `plan` counts their tokens, `apply` uploads them. Never
called where nobody watches: a log has no use for bars.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Self

from reconciler.uploads import nobody

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_SECONDS = 1.0


class Bars:
    """Bars for as long as the context lasts. May be told things from any thread."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._guard = Lock()
        self._shown: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._shown is not None:
                self._shown.stop()

    def on(self, what: str) -> Callable[[int, int], None] | None:
        """Somebody to tell how many bytes of one thing are done, and of how many; None: nobody."""
        if not sys.stderr.isatty():
            return None
        return lambda done, size: self._tell(what, done, size)

    def of(self, what: str) -> Callable[[str, int, int], None]:
        """The same for many files, whose names are told: `uploading data/train.jsonl`."""
        if not sys.stderr.isatty():
            return nobody
        return lambda name, done, size: self._tell(f"{what} {name}", done, size)

    def _tell(self, what: str, done: int, size: int) -> None:
        with self._guard:
            if self._shown is None:
                if time.monotonic() - self._began < _PATIENCE_SECONDS:
                    return
                self._shown = _opened()
            if what not in self._tasks:
                self._tasks[what] = self._shown.add_task(what, total=size)
                self._shown.refresh()
            self._shown.update(self._tasks[what], completed=done, total=size)
            if done >= size:  # what is done makes room for what is not
                self._shown.remove_task(self._tasks.pop(what))


def _opened() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bars.start()
    return bars
