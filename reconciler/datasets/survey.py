"""What the lines of one range show: the loop that every byte of training data goes through.

`ranges` feeds it blocks of whole lines. What it finds out is a `Part`, which adds up with those of
the other ranges. It reads no file, and no line of it is kept.
"""

from __future__ import annotations

import hashlib
from itertools import count, repeat
from operator import attrgetter, itemgetter

from msgspec import UNSET
from xxhash import xxh3_64_intdigest

from reconciler.datasets import chat, plain
from reconciler.datasets.examples import Example, count_strings, look
from reconciler.datasets.findings import Findings
from reconciler.datasets.part import FIRSTS, Part, ShapeSeen, remember, remember_set
from reconciler.datasets.position import column
from reconciler.datasets.shape import Shape
from reconciler.datasets.sketch import Seen
from reconciler.datasets.traits import LONG_ANSWER, Traits, traits, warnings


class Survey:
    """The survey of one range of a file."""

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._part = Part()
        self._findings = Findings("", self._part.kinds)
        self._seen = Seen()
        self._groups: dict[plain.Pattern, plain.Group] = {}
        self._chat = chat.Reader(self._groups)
        self._blanks = 0
        self._blank_since = 0  # the first of the blank lines just passed, 0 for none
        self._unknown = 0  # lines of this block that `plain` did not know
        self._rest = 0  # blocks that it is not asked about
        self._apart = 0  # blocks whose lines are decoded one by one

    def take(self, lines: list[bytes], *, ended: bool = True) -> None:
        """Take a block of lines, one at least, each with its line end.

        That of the last was added to it if not `ended`. A line longer than is read ends the survey,
        and `given_up` says so.
        """
        if _has_returns(lines):
            self._drop_returns(lines)
        longest = max(map(len, lines)) - 1
        self._part.longest = max(self._part.longest, longest)
        if longest >= self._max_line:
            whole = self._max_line - ended
            fits = next((n for n, line in enumerate(lines) if len(line) > whole + 1), None)
            if fits is not None:
                self._take(lines[:fits], try_plain=False)
                self.overlong()
                return
        self._unknown = 0
        try_plain = not self._rest and longest <= LONG_ANSWER
        values = self._decoded(lines) if try_plain and not self._blank_since else None
        if values is None:
            self._take(lines, try_plain=try_plain)
        else:
            self._take_decoded(lines, values)
        if self._rest:
            self._rest -= 1
        elif self._unknown > len(lines) // 2:
            self._rest = _REST
        if len(self._groups) > _MANY_GROUPS:
            self._count_groups()

    @property
    def given_up(self) -> bool:
        """Whether a line was longer than is read."""
        return bool(self._part.overlong)

    def overlong(self) -> None:
        """The next line is longer than is read, and the survey with it over."""
        self._part.overlong = self._part.lines + 1

    def part(self) -> Part:
        """What the range holds. The survey is over."""
        self._count_groups()
        part, seen = self._part, self._seen
        part.examples = part.lines - self._blanks
        if self._blank_since:
            blanks = part.lines - self._blank_since + 1
            part.trailing, part.leading = (blanks, part.leading) if part.examples else (0, blanks)
        part.sketch = seen.sketch
        part.again = [(number, count, line) for number, (count, line) in seen.again.items()]
        return part

    def _decoded(self, lines: list[bytes]) -> list[plain.Line] | None:
        """All lines of a block decoded in one go; None where one of them wants a look of its own.

        A block after such a one is likely to hold another, so that it is not tried for a while.
        """
        if self._apart:
            self._apart -= 1
            return None
        try:
            return list(map(plain.decode, lines))
        except plain.FAILURES:
            self._apart = _REST
            return None

    def _take_decoded(self, lines: list[bytes], values: list[plain.Line]) -> None:
        """The loop for plain lines, none of them blank: written for speed.

        Each has its line end, which no rule looks at.
        """
        begin = self._part.lines + 1
        self._seen.add(map(xxh3_64_intdigest, lines), range(begin, begin + len(lines)))
        groups = self._groups
        counted = map(bytes.count, lines, repeat(b'"'))
        for at, messages, quotes in zip(count(), map(_MESSAGES, values), counted, strict=False):
            if messages is UNSET:
                self._other(begin + at, lines[at], values[at])
                continue
            group = groups.get(kinds := tuple(map(type, messages)))
            if group is None:
                group = self._new_group(kinds)
            if quotes != group.quotes and count_strings(lines[at]) != group.strings:
                self._not_plain(begin + at, lines[at][:-1])
                continue
            for answer in group.answers:
                content = messages[answer].content
                if not content or content.isspace():
                    self._not_plain(begin + at, lines[at][:-1])
                    break
            else:
                group.count = times = group.count + 1
                if times <= FIRSTS:
                    self._first_of(group, begin + at, lines[at])
        self._part.lines += len(lines)

    def _take(self, lines: list[bytes], *, try_plain: bool) -> None:
        """The loop for any lines, one by one."""
        keys: list[int] = []
        places: list[int] = []
        blank = bool(self._blank_since)
        for number, ended in enumerate(lines, self._part.lines + 1):
            line = ended[:-1]
            if blank or not line or line.isspace():
                blank = self._is_blank(number, line)
                if blank:
                    continue
            keys.append(xxh3_64_intdigest(ended))
            places.append(number)
            if not try_plain:
                self._not_plain(number, line)
                continue
            try:
                value = plain.decode(line)
            except plain.FAILURES:
                self._not_plain(number, line)
                continue
            self._one(number, line, value)
        self._part.lines += len(lines)
        self._seen.add(keys, places)

    def _one(self, number: int, line: bytes, value: plain.Line) -> None:
        """Take one decoded line."""
        messages = value.messages
        if messages is UNSET:
            self._other(number, line, value)
            return
        group = self._groups.get(kinds := tuple(map(type, messages)))
        if group is None:
            group = self._new_group(kinds)
        whole = count_strings(line) == group.strings
        if whole and not any(plain.is_blank(messages[at].content) for at in group.answers):
            self._count(group, number, line)
        else:
            self._not_plain(number, line)

    def _is_blank(self, number: int, line: bytes) -> bool:
        """Whether this line is blank; if it is the first after others, what is said of those."""
        if not line or line.isspace():
            self._blanks += 1
            self._blank_since = self._blank_since or number
            return True
        if self._blank_since == 1:
            self._part.leading = number - 1
        else:
            message = "a blank line between examples"
            self._findings.add(self._blank_since, 1, message, "delete it", "blank-line")
        self._blank_since = 0
        return False

    def _not_plain(self, number: int, line: bytes) -> None:
        """Take a line that `plain` does not know, or was not asked about."""
        self._unknown += 1
        if len(line) <= LONG_ANSWER and (group := self._chat.read(line)) is not None:
            self._count(group, number, line)
            return
        found = look(line)
        if not isinstance(found, Example):
            self._findings.add_faults(number, line, found)
            return
        made = traits(found.value, found.shape)
        self._part.count(made, 1, number)
        self._tools(made, number)
        self._shape(found.shape, number, line)
        self._findings.add_faults(number, line, warnings(found.value, found.shape))

    def _other(self, number: int, line: bytes, value: plain.Line) -> None:
        """Take a line that was decoded and is no chat."""
        group = plain.other(line, value, self._groups)
        if group is None:
            self._not_plain(number, line)
            return
        self._count(group, number, line)

    def _count(self, group: plain.Group, number: int, line: bytes) -> None:
        group.count += 1
        if group.count <= FIRSTS:
            self._first_of(group, number, line)

    def _tools(self, made: Traits, number: int) -> None:
        """Remember which tools an example offers, if they are not those of all before it."""
        if made.tools:
            remember(self._part.tool_names, made.tools)
            names = "\0".join(sorted(made.tools))
            digest = hashlib.sha256(names.encode()).hexdigest()
            remember_set(self._part.tool_sets, digest, number)

    def _new_group(self, kinds: plain.Pattern) -> plain.Group:
        made = plain.chat(kinds)
        if made is None:
            return _NO_GROUP
        self._groups[kinds] = made
        return made

    def _first_of(self, group: plain.Group, number: int, line: bytes) -> None:
        """Remember where a pattern stands first."""
        if group.count == 1:
            group.first = number
            self._tools(group.traits, number)
        self._shape(group.shape, number, line, count=0)

    def _shape(self, shape: Shape, number: int, line: bytes, count: int = 1) -> None:
        seen = self._part.shapes.setdefault(shape.name, ShapeSeen())
        seen.count += count
        if len(seen.firsts) < FIRSTS:
            seen.firsts.append((number, column(line.decode(), ("messages",))))

    def _count_groups(self) -> None:
        for group in self._groups.values():
            if group.count:
                self._part.count(group.traits, group.count, group.first)
                self._part.shapes[group.shape.name].count += group.count
        self._groups.clear()

    def _drop_returns(self, lines: list[bytes]) -> None:
        """Take the carriage returns before their line ends from the lines, and count them."""
        for number, line in enumerate(lines, self._part.lines + 1):
            if line.endswith(b"\r\n"):
                self._part.crlf += 1
                self._part.first_crlf = self._part.first_crlf or number
                lines[number - self._part.lines - 1] = line[:-2] + b"\n"


def _has_returns(lines: list[bytes]) -> bool:
    """Whether any line end has a carriage return before it."""
    try:
        return b"\r" in bytes(map(_LAST_BUT_ONE, lines))
    except IndexError:  # an empty line
        return any(line.endswith(b"\r\n") for line in lines)


_LAST_BUT_ONE = itemgetter(-2)
_MESSAGES = attrgetter("messages")
_NO_GROUP = plain.Group(Shape.CONVERSATION, Traits(), (), -1, -1)
"""Of conversations that are no example: no line has so many strings, so that none is plain."""

_MANY_GROUPS = 4_096
_REST = 3
"""Blocks for which `plain` is left alone after one of which it knew less than half."""
