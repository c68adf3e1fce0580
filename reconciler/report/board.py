"""A board of a watch as lines for a screen of a given size.

`report.watching` draws it again and again; it needs rich's Text for cells and colours, and decides
what fits, not what is worth telling. What does not fit is counted, never just left out. Colour
repeats what the words say.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from reconciler.report import words
from reconciler.report.estimates import usd
from reconciler.report.rows import Board, Trouble, WatchRow

_GAP = "  "
_STYLES = {
    "Running": "cyan",
    "Succeeded": "green",
    "Failed": "red",
    "Cancelled": "red",
    "Held": "yellow",
    "Unknown": "yellow",
    "Paused": "yellow",
    "Pending": "",
}
_ORDER = ("Running", "Pending", "Failed", "Held", "Unknown", "Paused", "Cancelled", "Succeeded")
"""Who is shown where not all can be: what moves, then what needs somebody, then what is done."""

_SPARKS = "▁▂▃▄▅▆▇█"
_SPARK_CELLS = 10
_BARS = (20, 12, 6, 0)
_LEAST_MESSAGE = 24
_MOST_NAME = 40
_MOST_TROUBLES = 4


def picture(board: Board, lately: Sequence[str], now: float, width: int, height: int) -> Text:
    """The whole screen: header, jobs, troubles and problems, and the latest lines of news.

    `now` is in unix seconds. No line is wider than `width`, and there are at most `height`.
    """
    head = [_header(board, now, width), Text()]
    wrong = _wrong(board, now, max(4, height // 3))
    room = max(3, height - len(head) - len(wrong))
    body = _table(board.rows, now, width, room)
    lines = [*head, *body, *wrong]
    left = height - len(lines)
    if lately and left > 2:  # noqa: PLR2004 - a blank line, a heading, and one line of news
        lines += [Text(), Text("lately", style="bold")]
        lines += [Text(f"  {line}", style="dim") for line in lately[-(left - 2) :]]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True).join(lines[:height])


def spark(values: Sequence[float]) -> str:
    """The values as a small curve, `▇▅▃▂`; nothing for fewer than two, or for no finite ones."""
    shown = [value for value in values if abs(value) < float("inf")][-_SPARK_CELLS:]
    if len(shown) < 2:  # noqa: PLR2004 - one point is no curve
        return ""
    low, high = min(shown), max(shown)
    scale = (len(_SPARKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_SPARKS[round((value - low) * scale)] for value in shown)


def _header(board: Board, now: float, width: int) -> Text:
    counts = Counter(row.phase for row in board.rows)
    found = Text(board.title, style="bold")
    for phase in _ORDER:
        if counts[phase]:
            found.append(" · ", style="dim").append(
                f"{counts[phase]:,} {phase.lower()}", _STYLES[phase]
            )
    going = [row.usd for row in board.rows if row.phase in ("Running", "Pending") and row.usd]
    if going:
        found.append(" · ", style="dim").append(f"about {usd(sum(going))} running")
    due = board.next_look
    when = "looking…" if due is None else f"next look in {_until(due, now)}"
    when = "stopped" if board.over else when
    space = width - found.cell_len - cell_len(when)
    return found.append(" " * max(2, space)).append(when, style="dim")


def _table(rows: Sequence[WatchRow], now: float, width: int, room: int) -> list[Text]:
    if not rows:
        return [Text("no specs yet: save one, and its job is created", style="dim")]
    shown = list(rows)
    if len(rows) + 1 > room:
        shown = sorted(rows, key=_urgency)[: max(1, room - 2)]
    lines = _lines(shown, now, width, hints=len(rows) + _hints(rows) + 1 <= room)
    if len(shown) < len(rows):
        lines.append(Text(f"and {len(rows) - len(shown):,} more", style="dim"))
    return lines


def _lines(rows: Sequence[WatchRow], now: float, width: int, *, hints: bool) -> list[Text]:
    """The column heads and a line a row; where `hints`, one more for each that has one."""
    heads = ("NAME", "STATE", "PROGRESS", "LOSS", "AGE")
    for bar in _BARS:
        table = [[Text(head, style="bold") for head in heads]]
        table += [_cells(row, now, bar) for row in rows]
        widths = [max(line[index].cell_len for line in table) for index in range(len(heads))]
        widths = [
            w if any(line[i].plain for line in table[1:]) else 0 for i, w in enumerate(widths)
        ]
        widths[0] = min(widths[0], _MOST_NAME, max(12, width // 3))
        if sum(widths) + len(_GAP) * len(heads) + _LEAST_MESSAGE <= width:
            break
    lines = [_joined(table[0], widths)]
    for cells, row in zip(table[1:], rows, strict=True):
        line = _joined(cells, widths)
        message = words.harmless(row.message or row.model or "")
        below = [f"→ {words.harmless(row.hint)}"] if row.hint else []
        if row.hint and hints and line.cell_len + cell_len(message) > width:
            below.insert(0, message)
        else:
            line.append(message)
        line.rstrip()
        lines.append(line)
        indent = " " * (widths[0] + len(_GAP))
        lines += [Text(f"{indent}{text}", style="dim") for text in below if hints]
    return lines


def _joined(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        if width:
            cell.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(cell).append(_GAP)
    return line


def _cells(row: WatchRow, now: float, bar: int) -> list[Text]:
    age = None if row.created_at is None else (row.finished_at or now) - row.created_at
    loss = Text("" if row.train_loss is None else f"{row.train_loss:.4g}")
    if loss.plain and (curve := spark(row.losses)):
        loss.append(f" {curve}", style="cyan")
    return [
        Text(words.harmless(row.key)),
        Text(row.phase, style=_STYLES.get(row.phase, "")),
        _progress(row, bar),
        loss,
        Text("" if age is None else words.age(age)),
    ]


def _progress(row: WatchRow, bar: int) -> Text:
    if row.step is None or row.phase not in ("Running", "Paused"):
        return Text()
    if not row.total_steps:
        return Text(f"step {row.step:,}")
    share = min(row.step, row.total_steps) / row.total_steps
    done = int(bar * share)
    found = Text.assemble(("━" * done, "cyan"), ("─" * (bar - done), "dim"))
    return found.append(f"{' ' if bar else ''}{row.step:,}/{row.total_steps:,}")


def _wrong(board: Board, now: float, room: int) -> list[Text]:
    """Troubles, then problems, each under a blank line; those without room are counted."""
    lines: list[Text] = []
    if board.troubles:
        lines.append(Text())
        for trouble in board.troubles[:_MOST_TROUBLES]:
            lines += _trouble(trouble, now)
    if board.problems:
        among = len({problem.file for problem in board.problems})
        what = f"{words.count(len(board.problems), 'problem')} in {words.count(among, 'file')}"
        lines += [Text(), Text(f"{what}; the rest goes on", style="bold yellow")]
        space = max(1, room - len(lines))
        shown = board.problems if len(board.problems) <= space else board.problems[: space - 1]
        lines += [Text(f"  {words.harmless(str(problem))}") for problem in shown]
        if len(shown) < len(board.problems):
            lines.append(Text(f"  and {len(board.problems) - len(shown):,} more", style="dim"))
    return lines


def _trouble(trouble: Trouble, now: float) -> list[Text]:
    found = Text.assemble((trouble.name or trouble.about, "bold red"))
    if trouble.retry_at is not None:
        found.append(f" · again in {_until(trouble.retry_at, now)}", style="dim")
    lines = [found.append(": ").append(words.harmless(trouble.message))]
    if trouble.hint:
        lines.append(Text(f"  → {words.harmless(trouble.hint)}", style="dim"))
    return lines


def _until(moment: float, now: float) -> str:
    return words.age(max(1.0, math.ceil(moment - now)))


def _hints(rows: Sequence[WatchRow]) -> int:
    """How many lines hints may take at most, each with a message that did not fit."""
    return 2 * sum(bool(row.hint) for row in rows)


def _urgency(row: WatchRow) -> int:
    return _ORDER.index(row.phase) if row.phase in _ORDER else len(_ORDER)
