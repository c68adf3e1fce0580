"""The facts of one training file, from one pass over its bytes.

`specs` calls it once for every file that specs name. The hash and everything said about the
content come from the same bytes: a file is never read twice, so that what was checked is what the
hash names. Memory is bounded by the longest line that is accepted. Bad data never raises.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from reconciler.datasets.examples import inspect
from reconciler.datasets.fault import Fault
from reconciler.datasets.foreign import (
    BYTE_ORDER_MARK,
    LFS_POINTER_BEGINNING,
    LFS_POINTER_SIZE,
    foreign,
    lfs_pointer,
)
from reconciler.datasets.position import column, written
from reconciler.datasets.shape import Shape
from reconciler.errors import Problem

MAX_LINE = 64 * 1024 * 1024
"""Bytes in the longest line that is read: several images fit, a file without line ends does not."""

MAX_PROBLEMS = 20
"""Problems listed for one file; of the rest only the count."""


class Format(StrEnum):
    """What the examples of a file are."""

    CHAT = "chat"
    COMPLETION = "completion"
    PREFERENCE = "preference"
    REINFORCEMENT = "reinforcement"  # conversations in which a user has the last word
    SYSTEM_MESSAGES = "system-messages"  # Bedrock's form for Claude
    BEDROCK_CONVERSATION = "bedrock-conversation"  # its form for Nova and newer Llamas
    BEDROCK_PROMPTS = "bedrock-prompts"  # the same, some unanswered: for distillation alone
    IMAGE = "image"  # places of pictures in S3, and captions
    TEXT = "text"  # nothing but texts, for continued pre-training


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """What a file holds.

    `size` counts bytes, `examples` lines that are not blank. `sha256` is None where reading was
    given up, which a problem then says. `present` is false for a Git LFS pointer: `sha256` and
    `size` are those of the data that is elsewhere, and nothing else is known. `problems` stand in
    the order of the lines. An empty file has no examples and no problem.
    """

    sha256: str | None
    size: int
    examples: int | None = None
    format: Format | None = None
    present: bool = True
    problems: tuple[Problem, ...] = ()


def read(path: Path, file: str) -> DatasetFacts:
    """Read the file at `path`, whole, once. `file` is its name in messages.

    Raises OSError if it cannot be read or is no regular file; never waits for one that is not.
    """
    with open(path, "rb", _BUFFER, opener=_open_without_waiting) as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{file} is not a regular file")
        facts = _facts(stream, file, before.st_size)
        after = os.fstat(stream.fileno())
    if facts.sha256 is None or not facts.present or _unchanged(before, after, facts.size):
        return facts
    return _given_up(
        file, facts.size, 0, "changed while it was being read", "run again when it is whole"
    )


class Findings:
    """What is wrong with the lines of one file: the first problems, and how many there are."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._listed: list[Problem] = []
        self._found = 0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those listed, in the order they were found; before them the count, if not all are."""
        if self._found <= MAX_PROBLEMS:
            return tuple(self._listed)
        summary = f"{self._found} problems; the first {MAX_PROBLEMS} are listed"
        return (Problem(self._file, 0, 0, summary), *self._listed)

    def add(self, line: int, column_: int, message: str, hint: str = "") -> None:
        """One problem at its place, both counted from 1."""
        self._found += 1
        if len(self._listed) < MAX_PROBLEMS:
            self._listed.append(Problem(self._file, line, column_, message, hint))

    def add_faults(self, number: int, line: bytes, faults: tuple[Fault, ...]) -> None:
        """The faults of one line, each at the column of its value."""
        for fault in faults:
            at = fault.column or 0
            if not at and len(self._listed) < MAX_PROBLEMS:
                at = column(line.decode(), fault.pointer)
            where = written(fault.pointer)
            message = f"{where}: {fault.message}" if where else fault.message
            self.add(number, at, message, fault.hint)


def _facts(stream: BinaryIO, file: str, size: int) -> DatasetFacts:
    findings = Findings(file)
    survey = _Survey(findings)
    digest = hashlib.sha256()
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        digest.update(line)
        if len(line) > MAX_LINE:
            message = f"the line is longer than {MAX_LINE // 2**20} MiB"
            return _given_up(file, size, number, message, "each line holds one example")
        if number == 1:
            if line.startswith(LFS_POINTER_BEGINNING):
                return _pointed_to(line + stream.read(LFS_POINTER_SIZE), file, size)
            if other := foreign(line):
                return _given_up(file, size, 1, other.message, other.hint)
            if line.startswith(BYTE_ORDER_MARK):
                findings.add(1, 1, "begins with a byte order mark", "save it as UTF-8 without one")
                line = line.removeprefix(BYTE_ORDER_MARK)
        survey.take(number, line)
    return DatasetFacts(
        sha256=digest.hexdigest(),
        size=stream.tell(),
        examples=survey.examples,
        format=survey.format,
        problems=findings.problems,
    )


class _Survey:
    """What the lines have shown so far."""

    def __init__(self, findings: Findings) -> None:
        self.examples = 0
        self._findings = findings
        self._formats = frozenset(Format)
        self._settled = 0  # the line that last narrowed the formats
        self._blank_since = 0  # the first of the blank lines just passed, 0 for none

    @property
    def format(self) -> Format | None:
        match sorted(self._formats):
            case [only]:
                return only
            case [Format.CHAT, Format.REINFORCEMENT]:
                return Format.REINFORCEMENT  # in every one, a user has the last word
            case [Format.CHAT, Format.SYSTEM_MESSAGES]:
                return Format.SYSTEM_MESSAGES  # in every one, the system's text stands apart
            case [Format.BEDROCK_CONVERSATION, Format.BEDROCK_PROMPTS]:
                return Format.BEDROCK_CONVERSATION  # every one is answered
            case _:
                return None

    def take(self, number: int, line: bytes) -> None:
        if not line or line.isspace():
            self._blank_since = self._blank_since or number
            return
        if self._blank_since:  # at the very end of a file they are nobody's trouble
            self._findings.add(self._blank_since, 1, "a blank line between examples", "delete it")
            self._blank_since = 0
        self.examples += 1
        found = inspect(line)
        if isinstance(found, Shape):
            self._narrow(number, line, found)
        else:
            self._findings.add_faults(number, line, found)

    def _narrow(self, number: int, line: bytes, shape: Shape) -> None:
        formats = _FORMATS[shape]
        if common := self._formats & formats:
            if common != self._formats:
                self._formats = common
                self._settled = number
            return
        self._findings.add_faults(number, line, (self._misfit(shape),))

    def _misfit(self, shape: Shape) -> Fault:
        rest = f"the examples before it (line {self._settled})"
        match shape, self.format:
            case Shape.QUESTION, Format.CHAT:
                message = f"no assistant message to learn from, unlike {rest}"
                return Fault(message=message, pointer=("messages",))
            case Shape.CONVERSATION, Format.REINFORCEMENT:
                message = f"a user should have the last word, as in {rest}"
                return Fault(message=message, pointer=("messages",))
            case _:
                kinds = " or ".join(sorted(_FORMATS[shape]))
                return Fault(message=f"a {kinds} example, unlike {rest}: {self.format}")


def _pointed_to(text: bytes, file: str, size: int) -> DatasetFacts:
    match lfs_pointer(text):
        case (sha256, pointed_size):
            return DatasetFacts(sha256=sha256, size=pointed_size, present=False)
        case _:
            return _given_up(file, size, 1, "is a damaged Git LFS pointer", "git lfs pull")


def _given_up(file: str, size: int, line: int, message: str, hint: str) -> DatasetFacts:
    problem = Problem(file, line, 1 if line else 0, message, hint)
    return DatasetFacts(sha256=None, size=size, problems=(problem,))


def _unchanged(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    return before.st_mtime_ns == after.st_mtime_ns and before.st_size == after.st_size == size


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for its writer; and Windows has no such pipes, nor the flag."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


_BUFFER = 1024 * 1024
_FORMATS = {
    Shape.CONVERSATION: frozenset({Format.CHAT}),
    Shape.OPEN_CONVERSATION: frozenset({Format.CHAT, Format.REINFORCEMENT}),
    Shape.QUESTION: frozenset({Format.REINFORCEMENT}),
    Shape.COMPLETION: frozenset({Format.COMPLETION}),
    Shape.PREFERENCE: frozenset({Format.PREFERENCE}),
    Shape.SYSTEM_MESSAGES: frozenset({Format.CHAT, Format.SYSTEM_MESSAGES}),
    Shape.BEDROCK_CONVERSATION: frozenset({Format.BEDROCK_CONVERSATION, Format.BEDROCK_PROMPTS}),
    Shape.BEDROCK_PROMPT: frozenset({Format.BEDROCK_PROMPTS}),
    Shape.IMAGE: frozenset({Format.IMAGE}),
    Shape.TEXT: frozenset({Format.TEXT}),
}
