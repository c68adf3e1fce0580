"""The facts of one training file, from one pass over its bytes.

`specs` calls it once for every file that specs name. Whatever is told of the content is told of the
bytes that the hash names, and it is the same whether one process read the file or two, or a cache
remembered it. Memory does not grow with the file: it is bounded by the longest line that is
accepted. Bad data never raises.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from reconciler.datasets import cache as known
from reconciler.datasets import ranges, summary
from reconciler.datasets.counting import Counting
from reconciler.datasets.findings import MAX_PROBLEMS, Findings
from reconciler.datasets.foreign import (
    BYTE_ORDER_MARK,
    LFS_POINTER_BEGINNING,
    LFS_POINTER_SIZE,
    foreign,
    lfs_pointer,
)
from reconciler.datasets.formats import Format
from reconciler.datasets.part import MAX_LINE, Whole
from reconciler.datasets.sketch import Sketch, unpacked
from reconciler.errors import Problem, Severity

__all__ = [
    "MAX_LINE",
    "MAX_PROBLEMS",
    "DatasetFacts",
    "Findings",
    "Format",
    "Overlap",
    "overlap",
    "read",
]

CACHE = Path(".reconciler/cache/facts")
"""Where facts are kept, relative to the repository. It may be deleted at any time."""

WORTH_CACHING = 1024 * 1024
"""Bytes from which looking up facts is faster than finding them out again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """What a file holds.

    `size` counts bytes, `examples` lines that are not blank. `sha256` is None where reading was
    given up, which a problem then says. `present` is false for a Git LFS pointer: `sha256` and
    `size` are those of the data that is elsewhere, and nothing else is known. `problems` are errors
    and warnings, in the order of the lines, after a line for every rule that found more than are
    listed. An empty file has no examples and no problem.

    All counts below are of examples without an error. `by_messages` and `by_answers` count
    examples by their number of messages and of assistant messages: under "3-4", those with 3 or 4.
    `roles` counts messages. `tool_names` are the first 64 offered. `most_images` is of one example,
    `most_outputs` of one output of a preference. `duplicates` are examples that stood in the file
    before, at least: of more than 131,072 examples only a part is compared. `longest_line` counts
    bytes.
    """

    sha256: str | None
    size: int
    examples: int | None = None
    format: Format | None = None
    present: bool = True
    problems: tuple[Problem, ...] = ()
    lines: int | None = None
    longest_line: int = 0
    duplicates: int = 0
    by_messages: Mapping[str, int] = field(default_factory=dict)
    by_answers: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    with_tools: int = 0
    with_images: int = 0
    with_reasoning: int = 0
    with_weights: int = 0
    with_system: int = 0
    tool_names: tuple[str, ...] = ()
    most_images: int = 0
    most_outputs: int = 0
    sketch: Sketch = field(default_factory=Sketch, repr=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems for which a provider would refuse the file, or fail the job."""
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that stop nothing."""
        return tuple(p for p in self.problems if p.severity is Severity.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Validation examples that are training examples too: at least so many different ones.

    `line` is the first of them in the validation file, `training_line` where it is in the other.
    """

    examples: int
    line: int
    training_line: int


def read(
    path: Path,
    file: str,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    counting: Counting | None = None,
) -> DatasetFacts:
    """Read the file at `path`, whole, once. `file` is its name in messages.

    `cache` is a folder for facts of large files, made where it is missing. `progress` is told the
    bytes done and the bytes in all, every few megabytes. `counting` is how its tokens will be
    counted: if a second process takes part in the reading, it does that on the way. Raises OSError
    if the file cannot be read or is no regular one; never waits for one that is not.
    """
    with open(path, "rb", 0, opener=_open_without_waiting) as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        head = stream.read(_HEAD)
        if (found := _not_lines(head, file, before.st_size)) is None:
            reading = _Reading(stream, path, file, before, head, progress, counting)
            found = reading.facts(cache if before.st_size >= WORTH_CACHING else None)
        after = os.fstat(stream.fileno())
    if found.sha256 is None or not found.present or _unchanged(before, after):
        return found
    return _given_up(
        file,
        found.size,
        0,
        "changed-while-read",
        "changed while it was being read",
        "run again when it is whole",
    )


def overlap(training: DatasetFacts, validation: DatasetFacts) -> Overlap | None:
    """What validation data has in common with training data; None if nothing is known to be.

    Examples are the same if their bytes are. Of large files only a part is compared, so that a
    single common example may go unseen.
    """
    limit = 1 << min(training.sketch.bits, validation.sketch.bits)
    places = dict(
        zip(unpacked(training.sketch.hashes), unpacked(training.sketch.lines), strict=True)
    )
    common = [
        (line, places[number])
        for number, line in zip(
            unpacked(validation.sketch.hashes), unpacked(validation.sketch.lines), strict=True
        )
        if number < limit and number in places
    ]
    if not common:
        return None
    line, training_line = min(common)
    return Overlap(examples=len(common), line=line, training_line=training_line)


class _Reading:
    """One file that is open, on its way to facts."""

    def __init__(
        self,
        stream: FileIO,
        path: Path,
        file: str,
        status: os.stat_result,
        head: bytes,
        progress: Callable[[int, int], None] | None,
        counting: Counting | None,
    ) -> None:
        self._file = file
        self._size = status.st_size
        self._mark = head.startswith(BYTE_ORDER_MARK)
        self._progress = progress
        self._done = 0
        self._source = ranges.Source(
            stream=stream,
            path=os.fspath(path),
            status=status,
            begin=len(BYTE_ORDER_MARK) if self._mark else 0,
            max_line=MAX_LINE,
            done=self._tell,
            counting=counting,
        )

    def facts(self, cache: Path | None) -> DatasetFacts:
        """What the file holds, from the cache if it knows."""
        digest = hashlib.sha256()
        hashed = cache is not None and known.expects(cache, self._size)
        if cache is not None and hashed:
            ranges.hash_all(self._source.stream, self._size, digest)
            loaded = known.load(cache, digest.hexdigest(), self._size, DatasetFacts)
            if loaded is not None:
                self._tell(self._size)
                return _renamed(loaded, self._file)
        found = self._surveyed(digest, hashed=hashed)
        if cache is not None and found.sha256 is not None:
            known.save(cache, found.sha256, self._size, found)
        return found

    def _surveyed(self, digest: hashlib._Hash, *, hashed: bool) -> DatasetFacts:
        whole = Whole(self._file)
        if self._mark:
            message = "begins with a byte order mark"
            hint = "save it as UTF-8 without one"
            whole.findings.add(1, 1, message, hint, "byte-order-mark")
        alone = self._size < ranges.WORTH_TWO or ranges.cores() == 1
        ranges.survey(self._source, digest, whole, hashed=hashed, alone=alone)
        part = whole.part
        if part.overlong:
            message = f"the line is longer than {MAX_LINE // 2**20} MiB"
            hint = "each line holds one example"
            return _given_up(self._file, self._size, part.overlong, "line-too-long", message, hint)
        whole.seen.settle()
        format_ = summary.conclude(whole)
        return DatasetFacts(
            sha256=digest.hexdigest(),
            size=self._size,
            examples=part.examples,
            format=format_,
            problems=whole.findings.problems,
            lines=part.lines,
            longest_line=part.longest,
            duplicates=sum(count for count, _ in whole.seen.again.values()),
            by_messages=summary.histogram(part.by_messages),
            by_answers=summary.histogram(part.by_answers),
            roles=dict(sorted(part.roles.items())),
            with_tools=part.tools,
            with_images=part.images,
            with_reasoning=part.reasoning,
            with_weights=part.weights,
            with_system=part.system,
            tool_names=tuple(part.tool_names),
            most_images=part.most_images,
            most_outputs=part.most_outputs,
            sketch=whole.seen.sketch,
        )

    def _tell(self, more: int) -> None:
        self._done += more
        if self._progress and more:
            self._progress(min(self._done, self._size), self._size)


def _not_lines(head: bytes, file: str, size: int) -> DatasetFacts | None:
    """The facts of a file that is something else; None if it may be lines of JSON."""
    if head.startswith(LFS_POINTER_BEGINNING):
        match lfs_pointer(head) if len(head) <= LFS_POINTER_SIZE else None:
            case (sha256, pointed_size):
                return DatasetFacts(sha256=sha256, size=pointed_size, present=False)
            case _:
                message = "is a damaged Git LFS pointer"
                return _given_up(file, size, 1, "damaged-pointer", message, "git lfs pull")
    first_line, ended, _ = head.partition(b"\n")
    if other := foreign(first_line + ended):
        return _given_up(file, size, 1, "wrong-container", other.message, other.hint)
    return None


def _given_up(file: str, size: int, line: int, rule: str, message: str, hint: str) -> DatasetFacts:
    problem = Problem(file, line, 1 if line else 0, message, hint, rule=rule)
    return DatasetFacts(sha256=None, size=size, problems=(problem,))


def _renamed(facts: DatasetFacts, file: str) -> DatasetFacts:
    """The facts under the name that this file has."""
    problems = tuple(replace(problem, file=file) for problem in facts.problems)
    return replace(facts, problems=problems)


def _unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (
        after.st_mtime_ns,
        after.st_ctime_ns,
        after.st_size,
    )


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for its writer; and Windows has no such pipes, nor the flag."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


_HEAD = 64 * 1024
"""Bytes of the beginning by which a file that is something else is known."""
