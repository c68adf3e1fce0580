"""What a watch tells: the differences between one board and the next, a line or an object each.

`cli` hands every board of a watch to one `News`. It remembers what it has told of the rows, the
problems and the troubles that are there now, and of nothing else, so that weeks are no burden.
Pure but for that memory: no clock, no stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.errors import Problem
from reconciler.report import words
from reconciler.report.rows import Board, Trouble, WatchRow, loss, steps

KINDS = ("started", "job", "gone", "problem", "mended", "trouble", "over", "reloaded", "stopped")
"""Every kind of news. The schema `watch.v1` lists the fields of each."""

_KIND_WIDTH = max(len(kind) for kind in KINDS)
_PHASE_WIDTH = len("Succeeded")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of news. `at` is in unix seconds; what it is about is where its kind says."""

    at: float
    kind: str
    name: str = ""
    message: str = ""
    row: WatchRow | None = None
    problem: Problem | None = None
    trouble: Trouble | None = None
    name_width: int = 0

    def line(self) -> str:
        """One line for a log: the time, the kind, the name, and what there is to say."""
        parts = [words.moment(self.at), self.kind.ljust(_KIND_WIDTH), *self._parts()]
        return "  ".join(words.harmless(part) for part in parts if part).rstrip()

    def document(self) -> dict[str, Any]:
        """The object of `watch.v1`. Nulls stand for what nobody says."""
        found: dict[str, Any] = {"time": words.moment(self.at), "event": self.kind}
        if self.name:
            found["name"] = self.name
        if self.message:
            found["message"] = self.message
        if self.row is not None:
            found |= _row_document(self.row)
        if self.problem is not None:
            found |= _problem_document(self.problem)
        if self.trouble is not None:
            found |= _trouble_document(self.trouble)
        return found

    def json(self) -> str:
        """The object on one line."""
        return json.dumps(self.document(), ensure_ascii=False)

    def _parts(self) -> Iterable[str]:
        if (row := self.row) is not None:
            name = words.harmless(row.key).ljust(self.name_width)
            did = "" if row.did == row.phase.lower() else row.did
            yield from (name, row.phase.ljust(_PHASE_WIDTH), steps(row), loss(row), did)
            yield from (row.model or "", _with_hint(row.message, row.hint))
        elif self.problem is not None:
            yield str(self.problem)
        elif (trouble := self.trouble) is not None:
            yield from (trouble.name or trouble.about, _with_hint(trouble.message, trouble.hint))
        else:
            yield from (self.name, self.message)


class News:
    """Knows what was told, so that everything is told once."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[WatchRow, tuple[object, ...]]] = {}
        self._problems: dict[Problem, None] = {}
        self._troubles: dict[tuple[str, str, str], Trouble] = {}

    def of(self, board: Board, at: float) -> list[Item]:
        """What is different on this board, in the order troubles, problems, jobs."""
        return [
            *self._of_troubles(board, at),
            *self._of_problems(board, at),
            *self._of_rows(board, at),
        ]

    def _of_rows(self, board: Board, at: float) -> Iterator[Item]:
        rows = {row.key: (row, _news(row)) for row in board.rows}
        width = max((len(words.harmless(key)) for key in rows), default=0)
        gone, _ = _compared(self._rows, rows)
        for key, (row, news) in rows.items():
            told = self._rows.get(key)
            if told is None or told[1] != news or (row.did and row.did != told[0].did):
                yield Item(at=at, kind="job", row=row, name_width=width)
        for key in gone:
            yield Item(at=at, kind="gone", name=key)
        self._rows = rows

    def _of_problems(self, board: Board, at: float) -> Iterator[Item]:
        problems = dict.fromkeys(board.problems)
        gone, new = _compared(self._problems, problems)
        for problem in new:
            yield Item(at=at, kind="problem", problem=problem)
        still = {problem.file for problem in problems}
        for file in dict.fromkeys(problem.file for problem in gone):
            if file not in still:
                yield Item(at=at, kind="mended", name=file)
        self._problems = problems

    def _of_troubles(self, board: Board, at: float) -> Iterator[Item]:
        # A provider words its silence anew for every job it is asked about.
        troubles = {(t.about, t.name, "" if t.name else t.message): t for t in board.troubles}
        gone, new = _compared(self._troubles, troubles)
        still = {key[:2] for key in troubles}
        for key in gone:
            if key[:2] not in still:
                over = self._troubles[key]
                yield Item(at=at, kind="over", name=over.name or over.about, message=over.message)
        for key in new:
            yield Item(at=at, kind="trouble", trouble=troubles[key])
        self._troubles = troubles


def _compared(told: Iterable[T], now: Iterable[T]) -> tuple[list[T], list[T]]:
    """What is not there any more, and what was not there yet, each in its order."""
    before, after = dict.fromkeys(told), dict.fromkeys(now)
    return [x for x in before if x not in after], [x for x in after if x not in before]


def _news(row: WatchRow) -> tuple[object, ...]:
    """What has to differ for a job to be worth telling: its state, or a tenth of the way."""
    way: object = row.step
    if row.step is not None and row.total_steps:
        way = row.step * 10 // row.total_steps
    spoken = row.message if row.step is None else ""
    return (row.phase, way, spoken, row.hint, row.model, row.job_id)


def _with_hint(message: str, hint: str) -> str:
    return f"{message} ({hint})" if message and hint else message or hint


def _row_document(row: WatchRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "key": row.key,
        "phase": row.phase,
        "did": row.did or None,
        "step": row.step,
        "total_steps": row.total_steps,
        "train_loss": row.train_loss,
        "job_id": row.job_id,
        "fine_tuned_model": row.model,
        "estimated_usd": row.usd,
        "message": row.message or None,
        "hint": row.hint or None,
    }


def _problem_document(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "message": problem.message,
        "hint": problem.hint or None,
        "rule": problem.rule or None,
    }


def _trouble_document(trouble: Trouble) -> dict[str, Any]:
    found = {"about": trouble.about, "message": trouble.message, "hint": trouble.hint or None}
    again = None if trouble.retry_at is None else words.moment(trouble.retry_at)
    return found | {"name": trouble.name or None, "retry_at": again}
