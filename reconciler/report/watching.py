"""How a watch is shown: a screen that is written over, or a log of what has changed.

`cli` opens one of the two for the whole of a watch and hands it every board. They write to the
stream they are given and nowhere else, read no clock but the one handed in, and keep only what is
on the board, with the last lines of news.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from reconciler.report.news import Item, News
from reconciler.report.rows import Board

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_LATELY = 50


class Shown(Protocol):
    """What shows a watch, for as long as its context lasts."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the stream as somebody would want to find it."""

    def show(self, board: Board) -> None:
        """How everything stands now."""

    def say(self, kind: str, name: str, message: str = "") -> None:
        """Tell of something that is on no board: started, reloaded, stopped."""

    def tick(self) -> None:
        """A second has gone by, or the window has another size."""


class WatchLog:
    """A line for each change, or with `as_json` an object. Flushed at once: somebody may follow."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float], as_json: bool) -> None:
        self._stream = stream
        self._clock = clock
        self._as_json = as_json
        self._news = News()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, board: Board) -> None:
        """See Shown. A board on which nothing is new costs no line."""
        self._write(self._news.of(board, self._clock()))

    def say(self, kind: str, name: str, message: str = "") -> None:
        """See Shown."""
        self._write([Item(at=self._clock(), kind=kind, name=name, message=message)])

    def tick(self) -> None:
        """See Shown. A log does not tick."""

    def _write(self, items: list[Item]) -> None:
        for item in items:
            self._stream.write(f"{item.json() if self._as_json else item.line()}\n")
        self._stream.flush()


class WatchScreen:
    """A terminal's whole screen while it lasts; what it showed last is left behind when it ends.

    `width` and `height` are the terminal's own where None.
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
        from rich.console import Console

        self._console = Console(
            file=stream,
            force_terminal=True,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            width=width,
            height=height,
        )
        self._clock = clock
        self._news = News()
        self._lately: deque[str] = deque(maxlen=_LATELY)
        self._board = Board(title="")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        if self._board.title:
            self._board = replace(self._board, over=True)
            height = len(self._board.rows) * 2 + len(self._board.problems) + _LATELY
            self._console.print(self._picture(height, lately=False), soft_wrap=True)

    def show(self, board: Board) -> None:
        """See Shown."""
        self._board = board
        if board.next_look is not None:
            self._lately.extend(item.line() for item in self._news.of(board, self._clock()))
        self.tick()

    def say(self, kind: str, name: str, message: str = "") -> None:
        """See Shown."""
        self._lately.append(Item(at=self._clock(), kind=kind, name=name, message=message).line())
        self.tick()

    def note(self, kind: str, message: str) -> None:
        """Tell of something with the next drawing. It may come from any thread."""
        self._lately.append(Item(at=self._clock(), kind=kind, message=message).line())

    def tick(self) -> None:
        """See Shown."""
        if self._live is not None:
            self._live.update(self._picture(self._console.height, lately=True), refresh=True)

    def _picture(self, height: int, *, lately: bool) -> Text:
        from reconciler.report.board import picture

        news = tuple(self._lately) if lately else ()
        return picture(self._board, news, self._clock(), self._console.width, height)

    def _open(self) -> None:
        from rich.live import Live

        self._live = Live(
            console=self._console,
            auto_refresh=False,
            screen=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        self.tick()

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
