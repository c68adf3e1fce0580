"""What is wrong with the lines of one file: the first of each rule, and how many there are.

`survey` fills one for every range of a file and puts them together, `conversion` one for a whole
file. Memory is bounded by the number of rules, however much is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from reconciler.datasets import rules
from reconciler.datasets.fault import Fault
from reconciler.datasets.position import column, written
from reconciler.errors import Problem

MAX_PROBLEMS = 20
"""Problems without a rule that are listed for one file; of the rest only the count."""

MAX_PER_RULE = 5
"""Problems of one rule that are listed for one file; of the rest only the count."""


class Found(Struct, array_like=True, gc=False):
    """One finding, at its line of a range."""

    line: int
    column: int
    message: str
    hint: str
    pointer: str


class Kind(Struct, array_like=True, gc=False):
    """What one rule has found: how often, and the first of it."""

    count: int
    listed: list[Found]


class Findings:
    """What is wrong with the lines of one file, or of a range of it."""

    def __init__(self, file: str, kinds: dict[str, Kind] | None = None) -> None:
        self._file = file
        self.kinds = {} if kinds is None else kinds

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those listed, by line; before them, for each rule that has more, how many."""
        more: list[Problem] = []
        listed: list[Problem] = []
        for name, kind in self.kinds.items():
            severity = rules.severity(name)
            if kind.count > len(kind.listed):
                summary = _summary(name, kind)
                more.append(Problem(self._file, 0, 0, summary, severity=severity, rule=name))
            listed += [
                Problem(
                    self._file,
                    found.line,
                    found.column,
                    f"{found.pointer}: {found.message}" if found.pointer else found.message,
                    found.hint,
                    severity,
                    name,
                    found.pointer,
                )
                for found in kind.listed
            ]
        more.sort(key=lambda problem: problem.rule)
        listed.sort(key=lambda each: (each.line, each.column if each.rule else 0))
        return (*more, *listed)

    def add(
        self,
        line: int,
        column_: int,
        message: str,
        hint: str = "",
        rule: str = "",
        pointer: str = "",
    ) -> None:
        """One problem at its place, both counted from 1."""
        kind = self._kind(rule)
        kind.count += 1
        if len(kind.listed) < _limit(rule):
            kind.listed.append(Found(line, column_, message, hint, pointer))

    def add_faults(self, number: int, line: bytes, faults: Iterable[Fault]) -> None:
        """The faults of one line, each at the column of its value."""
        for fault in faults:
            kind = self._kind(fault.rule)
            if len(kind.listed) >= _limit(fault.rule):
                kind.count += 1
                continue
            at = fault.column or column(line.decode(), fault.pointer)
            where = written(fault.pointer)
            self.add(number, at, fault.message, fault.hint, fault.rule, where)

    def absorb(self, kinds: dict[str, Kind], shift: int) -> None:
        """Take what a later range has found, whose first line is line `shift` + 1 here."""
        for rule, theirs in kinds.items():
            ours = self._kind(rule)
            ours.count += theirs.count
            for found in theirs.listed[: _limit(rule) - len(ours.listed)]:
                ours.listed.append(
                    Found(
                        found.line + shift, found.column, found.message, found.hint, found.pointer
                    )
                )

    def _kind(self, rule: str) -> Kind:
        kind = self.kinds.get(rule)
        if kind is None:
            kind = self.kinds[rule] = Kind(0, [])
        return kind


def _limit(rule: str) -> int:
    return MAX_PER_RULE if rule else MAX_PROBLEMS


def _summary(rule: str, kind: Kind) -> str:
    if not rule:
        return f"{kind.count} problems; the first {len(kind.listed)} are listed"
    return f"{rule}: {kind.count:,} in all; the first {len(kind.listed)} are listed"
