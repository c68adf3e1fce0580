"""Chat that calls tools, weighs answers or thinks aloud, known by its types.

`survey` tries this on a line that `plain` does not know, before it takes the line apart. What is
known here has no fault and no warning, and `examples` and `traits` say the same of it. Pure, but
for the lists of tools it remembers: most files offer the same ones in every line.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from reconciler.datasets import tools
from reconciler.datasets.examples import TooDeepError, count_strings, strings
from reconciler.datasets.plain import (
    Developer,
    Group,
    Pattern,
    System,
    User,
    has_system,
    is_blank,
    roles,
    shape_of,
)
from reconciler.datasets.traits import Traits


class _Tool(Struct, gc=False, tag="tool", tag_field="role", forbid_unknown_fields=True):
    content: str
    tool_call_id: str


class _Called(Struct, gc=False, forbid_unknown_fields=True):
    name: str
    arguments: str


class _Call(Struct, gc=False, forbid_unknown_fields=True):
    id: str
    function: _Called
    type: str | UnsetType = UNSET


class _Assistant(Struct, gc=False, tag="assistant", tag_field="role", forbid_unknown_fields=True):
    content: str | UnsetType | None = UNSET
    tool_calls: list[_Call] | UnsetType = UNSET
    weight: Literal[0, 1] | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET


_Message = System | Developer | User | _Assistant | _Tool


class _Line(Struct, gc=False, forbid_unknown_fields=True):
    messages: list[_Message]
    tools: Raw | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET


class _Offered(Struct, gc=False):
    """A list of tools: the names in it, and how many strings it holds."""

    names: tuple[str, ...] = ()
    strings: int = 0


class Reader:
    """Knows lines of one range of a file."""

    def __init__(self, groups: dict[Pattern, Group]) -> None:
        self._groups = groups
        self._offered: dict[bytes, _Offered | None] = {}

    def read(self, line: bytes) -> Group | None:
        """The group of this line, a new one where it is the first of its kind; None if unknown."""
        try:
            value = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        offered, count = _NOTHING, 1 + (value.parallel_tool_calls is not UNSET)
        if value.tools is not UNSET:
            found = self._tools(bytes(value.tools))
            if found is None:
                return None
            offered, count = found, count + 1 + found.strings
        said = _Said(offered.names)
        if not all(said.take(message) for message in value.messages):
            return None
        if count + said.strings != count_strings(line) or (said.weighs and not said.teaches):
            return None
        return self._group(tuple(map(type, value.messages)), offered.names, said)

    def _group(self, kinds: Pattern, names: tuple[str, ...], said: _Said) -> Group | None:
        pattern = ("chat", kinds, names, said.weighs, said.reasons)
        if pattern in self._groups:
            return self._groups[pattern]
        shape = shape_of(kinds, _Assistant, User)
        if shape is None:
            return None
        traits = Traits(
            roles=roles(kinds),
            answers=kinds.count(_Assistant),
            talks=True,
            system=has_system(kinds),
            tools=names,
            reasoning=said.reasons,
            weights=said.weighs,
        )
        self._groups[pattern] = made = Group(shape, traits, (), 0, 0)
        return made

    def _tools(self, raw: bytes) -> _Offered | None:
        """What a list of tools holds; None if something is wrong with it."""
        if raw not in self._offered:
            if len(self._offered) >= _MANY_LISTS:
                self._offered.clear()
            self._offered[raw] = _offered(raw)
        return self._offered[raw]


class _Said:
    """What the messages of one line have said so far.

    `strings` stand in them. `weighs` says that an answer has a weight, `teaches` that one counts.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.strings = 0
        self.weighs = self.teaches = self.reasons = False
        self._names = names
        self._ids: set[str] = set()

    def take(self, message: _Message) -> bool:
        """Take the next message; whether nothing is to be said of it."""
        if isinstance(message, _Assistant):
            return self._take_answer(message)
        if isinstance(message, _Tool):
            self.strings += 6
            return message.tool_call_id in self._ids
        self.strings += 4
        return True

    def _take_answer(self, message: _Assistant) -> bool:
        content, calls = message.content, message.tool_calls
        self.strings += 2
        if content is None:
            self.strings += 1
        elif content is not UNSET:
            self.strings += 2
        if message.weight is not UNSET:
            self.strings += 1
            self.weighs = True
        self.teaches = self.teaches or message.weight != 0
        if message.reasoning_content is not UNSET:
            self.strings += 2
            self.reasons = True
        if calls is UNSET:
            return isinstance(content, str) and not is_blank(content)
        self.strings += 1
        for call in calls:
            self.strings += 7 + 2 * (call.type is not UNSET)
            self._ids.add(call.id)
            if call.function.name not in self._names or not _is_json(call.function.arguments):
                return False
        return bool(calls)


def _offered(raw: bytes) -> _Offered | None:
    try:
        value = msgspec.json.decode(raw)
        held = strings(value, 1)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TooDeepError):
        return None
    example = {"tools": value}
    if held != count_strings(raw) or any(tools.offered(example, ())):
        return None
    return _Offered(tuple(tools.names(example)), held)


def _is_json(text: str) -> bool:
    if text == "{}":
        return True
    try:
        _ANYTHING.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


_NOTHING = _Offered()
_MANY_LISTS = 256
_DECODER = msgspec.json.Decoder(_Line)
_ANYTHING = msgspec.json.Decoder()
