"""What a range of a training file holds, so that ranges add up to the file.

`survey` makes one from the lines of a range, in whichever process; `facts` puts those of a file
together, in their order. A file read in one piece is one range: the sum is the same however it was
cut. Lines are counted from 1 inside a range; `absorb` shifts them.
"""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from reconciler.datasets.findings import Findings, Kind
from reconciler.datasets.sketch import Seen, Sketch
from reconciler.datasets.traits import Traits

MAX_LINE = 64 * 1024 * 1024
"""Bytes in the longest line that is read: several images fit, a file without line ends does not."""

FIRSTS = 5
"""Lines remembered of every shape, in case it turns out to be a misfit."""

MOST_NAMES = 64
"""Names of tools that are remembered of one file."""


class ShapeSeen(Struct, gc=False):
    """How many examples have a shape, and where the first stand: line, and column of messages."""

    count: int = 0
    firsts: list[tuple[int, int]] = field(default_factory=list)


class Part(Struct, gc=False):
    """What a range of a file holds. Everything is bounded, however large the range.

    `leading` blank lines come before the first example and `trailing` ones after the last; where
    there is none, all are leading. `overlong` is the line at which reading was given up, else 0.
    """

    lines: int = 0
    examples: int = 0
    leading: int = 0
    trailing: int = 0
    overlong: int = 0
    longest: int = 0
    crlf: int = 0
    first_crlf: int = 0
    shapes: dict[str, ShapeSeen] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    by_messages: dict[int, int] = field(default_factory=dict)
    by_answers: dict[int, int] = field(default_factory=dict)
    talks: int = 0
    system: int = 0
    first_without_system: int = 0
    tools: int = 0
    images: int = 0
    reasoning: int = 0
    weights: int = 0
    most_images: int = 0
    most_outputs: int = 0
    tool_names: list[str] = field(default_factory=list)
    tool_sets: list[tuple[str, int]] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    sketch: Sketch = field(default_factory=Sketch)
    again: list[tuple[int, int, int]] = field(default_factory=list)

    def count(self, traits: Traits, examples: int, first: int) -> None:
        """Count so many examples of the same traits, the first of them at line `first`."""
        for role in traits.roles:
            self.roles[role] = self.roles.get(role, 0) + examples
        for counts, number in (
            (self.by_messages, len(traits.roles)),
            (self.by_answers, traits.answers),
        ):
            top = _bucket(number)
            counts[top] = counts.get(top, 0) + examples
        self.tools += examples * bool(traits.tools)
        self.images += examples * bool(traits.images)
        self.reasoning += examples * traits.reasoning
        self.weights += examples * traits.weights
        self.most_images = max(self.most_images, traits.images)
        self.most_outputs = max(self.most_outputs, traits.outputs)
        if traits.talks:
            self.talks += examples
            self.system += examples * traits.system
            if not traits.system:
                self.first_without_system = _earlier(self.first_without_system, first)


def _bucket(number: int) -> int:
    """The most that is counted together with this many: 1, 2, 4, 8, 16 and so on."""
    return 1 << (number - 1).bit_length() if number else 0


def remember(names: list[str], more: tuple[str, ...] | list[str]) -> None:
    """Remember the names that come first."""
    for name in more:
        if len(names) < MOST_NAMES and name not in names:
            names.append(name)


def _earlier(one: int, other: int) -> int:
    """The earlier of two lines, of which 0 is none."""
    return min(one, other) if one and other else one or other


class Whole:
    """The sum of the ranges taken so far. `part` holds all but findings and sketch."""

    def __init__(self, file: str) -> None:
        self.part = Part()
        self.findings = Findings(file)
        self.seen = Seen()

    def absorb(self, later: Part) -> None:
        """Take the next range of the file."""
        ours, shift = self.part, self.part.lines
        if later.examples:
            if blank := ours.trailing + ours.leading * (not ours.examples) + later.leading:
                first = shift - blank + later.leading + 1
                self.findings.add(
                    first, 1, "a blank line between examples", "delete it", "blank-line"
                )
            ours.leading, ours.trailing = 0, later.trailing
        elif ours.examples:
            ours.trailing += later.leading
        else:
            ours.leading += later.leading
        if later.overlong and not ours.overlong:
            ours.overlong = later.overlong + shift
        ours.first_crlf = ours.first_crlf or (later.first_crlf and later.first_crlf + shift)
        if later.first_without_system:
            ours.first_without_system = (
                ours.first_without_system or later.first_without_system + shift
            )
        for name in ("longest", "most_images", "most_outputs"):
            setattr(ours, name, max(getattr(ours, name), getattr(later, name)))
        for name in _SUMS:
            setattr(ours, name, getattr(ours, name) + getattr(later, name))
        for name in ("roles", "by_messages", "by_answers"):
            setattr(ours, name, dict(Counter(getattr(ours, name)) + Counter(getattr(later, name))))
        for shape, seen in later.shapes.items():
            mine = ours.shapes.setdefault(shape, ShapeSeen())
            mine.count += seen.count
            room = FIRSTS - len(mine.firsts)
            mine.firsts += [(line + shift, column) for line, column in seen.firsts[:room]]
        remember(ours.tool_names, later.tool_names)
        for digest, line in later.tool_sets:
            remember_set(ours.tool_sets, digest, line + shift)
        self.findings.absorb(later.kinds, shift)
        self.seen.absorb(later.sketch, later.again, shift)


def remember_set(sets: list[tuple[str, int]], digest: str, line: int) -> None:
    """Remember the first two different sets of tools, with their lines."""
    if len(sets) < 2 and all(digest != known for known, _ in sets):  # noqa: PLR2004 - two
        sets.append((digest, line))


_SUMS = (
    "lines",
    "examples",
    "crlf",
    "talks",
    "system",
    "tools",
    "images",
    "reasoning",
    "weights",
)
