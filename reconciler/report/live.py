"""The part of a terminal that is written again and again while somebody waits.

Only `report.progress` uses it, and imports it only on a terminal: it needs rich. It decides what
fits on the screen, not what is worth telling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from reconciler.report.rows import ProgressRow, loss, steps
from reconciler.report.words import harmless

_GAP = "  "
_WHOLE_BAR = 24
_LEAST_BAR = 6
_LEAST_NAME = 12
_LEAST_MESSAGE = 12
_CELLS = 4


def open_live(stream: TextIO, *, color: bool, width: int | None, height: int | None) -> Live | None:
    """A live region, not yet started; None on a terminal that cannot move its cursor.

    It is drawn when told to and by no thread of its own. `width` and `height` are the terminal's
    where None.
    """
    console = Console(
        file=stream,
        force_terminal=True,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        width=width,
        height=height,
    )
    if console.is_dumb_terminal:
        return None
    return Live(console=console, auto_refresh=False, redirect_stdout=False)


def picture(rows: Sequence[ProgressRow], width: int, height: int) -> Text:
    """A line a job, as many as there is room for; the rest are counted.

    Where a line is too long its message gives way first, then its bar, then its name. What is
    shortened ends in an ellipsis; `events` and `status` tell it whole.
    """
    room = max(1, height - 2)
    shown = rows if len(rows) <= room else rows[: room - 1]
    table = [[Text(harmless(cell)) for cell in _cells(row)] for row in shown]
    widths = [max((line[index].cell_len for line in table), default=0) for index in range(_CELLS)]
    widths[0] = min(widths[0], max(_LEAST_NAME, width // 3))
    spare = width - sum(widths) - len(_GAP) * _CELLS - 1
    bar = min(_WHOLE_BAR, spare) if spare >= _LEAST_BAR else 0
    lines = [_line(row, cells, widths, bar) for row, cells in zip(shown, table, strict=True)]
    for line, row in zip(lines, shown, strict=True):
        _add_message(line, row.message, width - 1)
    if len(shown) < len(rows):
        lines.append(Text(f"and {len(rows) - len(shown):,} more"))
    return Text("\n").join(lines)


def _cells(row: ProgressRow) -> tuple[str, ...]:
    return row.name, row.phase, steps(row), loss(row)


def _line(row: ProgressRow, cells: Sequence[Text], widths: Sequence[int], bar: int) -> Text:
    for cell, width in zip(cells, widths, strict=True):
        cell.truncate(width, overflow="ellipsis", pad=True)
    name, phase, *numbers = cells
    return Text(_GAP).join(part for part in (name, phase, _bar(row, bar), *numbers) if part.plain)


def _bar(row: ProgressRow, width: int) -> Text:
    if not row.total_steps:
        return Text(" " * width)
    done = width * min(row.step or 0, row.total_steps) // row.total_steps
    return Text.assemble(("━" * done, "cyan"), "─" * (width - done))


def _add_message(line: Text, message: str, width: int) -> None:
    if message and width - line.cell_len >= _LEAST_MESSAGE:
        line.append(_GAP + harmless(message))
    else:
        line.rstrip()
    line.truncate(width, overflow="ellipsis")
