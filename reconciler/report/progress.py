"""What somebody sees while `apply --wait` waits: the one report that writes by itself.

`cli` opens it on stderr and calls `update` after every look. On a terminal it keeps a line with a
bar for each job that is still going; elsewhere it writes a line with the time when something
changed, so that the log of a CI run stays short. It reads no clock of its own and never touches
stdout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from reconciler.report import words
from reconciler.report.rows import ProgressRow, loss, steps

if TYPE_CHECKING:
    from rich.live import Live

ENDED = ("Succeeded", "Failed", "Cancelled")
"""The phases after which nothing more is shown of a job."""

_PHASE_WIDTH = len("Succeeded")


class Progress:
    """Shows rows while the context lasts; `update` is called from one thread.

    `clock` gives unix seconds. `width` and `height` are the terminal's own where None.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Callable[[], float],
        color: bool = True,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._color = color
        self._width = width
        self._height = height
        self._live: Live | None = None
        self._told: dict[str, tuple[object, ...]] = {}

    def __enter__(self) -> Self:
        if self._stream.isatty():
            from reconciler.report.live import open_live

            self._live = open_live(
                self._stream, color=self._color, width=self._width, height=self._height
            )
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, rows: Sequence[ProgressRow]) -> None:
        """Show how the jobs stand now; `rows` holds all of them, each under its own name."""
        news = [row for row in rows if self._told.get(row.name) != _news(row)]
        self._told |= {row.name: _news(row) for row in news}
        width = max((len(words.harmless(row.name)) for row in rows), default=0)
        if self._live is None:
            for row in news:
                self._stream.write(f"{self._line(row, width)}\n")
            self._stream.flush()
        else:
            self._draw(self._live, rows, [row for row in news if row.phase in ENDED])

    def _draw(self, live: Live, rows: Sequence[ProgressRow], ended: Sequence[ProgressRow]) -> None:
        """Ends stay on the screen, above the bars of what is still going."""
        from reconciler.report.live import picture

        going = [row for row in rows if row.phase not in ENDED]
        live.update(picture(going, live.console.width, live.console.height), refresh=True)
        for row in ended:
            live.console.print(self._line(row, len(row.name)), soft_wrap=True)

    def _line(self, row: ProgressRow, name_width: int) -> str:
        name = words.harmless(row.name).ljust(name_width)
        phase = row.phase.ljust(_PHASE_WIDTH)
        message = words.harmless(row.message)
        parts = [words.moment(self._clock()), name, phase, steps(row), loss(row), message]
        return "  ".join(part for part in parts if part).rstrip()


def _news(row: ProgressRow) -> tuple[object, ...]:
    """What has to differ for a line to be worth writing: the phase, or a tenth of the way."""
    if row.step is None:
        return (row.phase, row.message)
    if row.total_steps:
        return (row.phase, row.step * 10 // row.total_steps)
    return (row.phase, row.step)
