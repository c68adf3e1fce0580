"""Lines that are nothing but roles and texts, known at sight.

`survey` tries this on every line, and most are: decoded by their types and counted by their
pattern, a few microseconds each. What is known here has no fault and no warning, and
`examples` and `traits` say the same of it. Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from reconciler.datasets.examples import count_strings
from reconciler.datasets.shape import Shape
from reconciler.datasets.traits import SYSTEM_ROLES, UNBALANCED, UNBALANCED_BEGINS, Traits


class System(Struct, gc=False, tag="system", tag_field="role", forbid_unknown_fields=True):
    """What the model is to be."""

    content: str


class Developer(Struct, gc=False, tag="developer", tag_field="role", forbid_unknown_fields=True):
    """The newer word for it."""

    content: str


class User(Struct, gc=False, tag="user", tag_field="role", forbid_unknown_fields=True):
    """What is asked."""

    content: str


class Assistant(Struct, gc=False, tag="assistant", tag_field="role", forbid_unknown_fields=True):
    """An answer that is nothing but its text."""

    content: str


class _Input(Struct, gc=False, forbid_unknown_fields=True):
    messages: list[System | Developer | User | Assistant]


class Line(Struct, gc=False, forbid_unknown_fields=True):
    """A line of chat, a preference or a completion."""

    messages: list[System | Developer | User | Assistant] | UnsetType = UNSET
    input: _Input | UnsetType = UNSET
    preferred_output: list[Assistant] | UnsetType = UNSET
    non_preferred_output: list[Assistant] | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    completion: str | UnsetType = UNSET


class Group(Struct, gc=False):
    """All lines of one pattern. `quotes` stand in each of them, unless a text holds some.

    `strings` is how many strings such a line has; with one more, something was left unread.
    `answers` are the numbers of the messages that an assistant says, `first` the line that has the
    pattern first.
    """

    shape: Shape
    traits: Traits
    answers: tuple[int, ...]
    strings: int
    quotes: int
    count: int = 0
    first: int = 0


Pattern = tuple[Any, ...]

decode = msgspec.json.Decoder(Line).decode
FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def chat(kinds: Pattern) -> Group | None:
    """The group of conversations of messages of these types; None if they are no example."""
    shape = shape_of(kinds, Assistant, User)
    if shape is None:
        return None
    answers = tuple(number for number, kind in enumerate(kinds) if kind is Assistant)
    traits = Traits(roles=roles(kinds), answers=len(answers), talks=True, system=has_system(kinds))
    strings = 1 + 4 * len(kinds)
    return Group(shape, traits, answers, strings, 2 * strings)


def other(line: bytes, value: Line, groups: dict[Pattern, Group]) -> Group | None:
    """The group among these, or a new one of them, of a line that is no chat; None if not plain."""
    if value.prompt is not UNSET and value.completion is not UNSET:
        if count_strings(line) != _COMPLETION.strings or is_blank(value.completion):
            return None
        return groups.setdefault(("completion",), msgspec.structs.replace(_COMPLETION))
    preferred, against = value.preferred_output, value.non_preferred_output
    if value.input is UNSET or not (preferred and against):
        return None
    messages = value.input.messages
    kinds = tuple(map(type, messages))
    strings = 4 + 4 * (len(messages) + len(preferred) + len(against))
    if not kinds or count_strings(line) != strings or preferred == against:
        return None
    said = (*messages, *preferred, *against)
    if any(is_blank(message.content) for message in said if type(message) is Assistant):
        return None
    least, most = sorted(
        sum(len(message.content) for message in output) for output in (preferred, against)
    )
    if most >= UNBALANCED_BEGINS and most > UNBALANCED * least:
        return None
    pattern = ("preference", kinds, len(preferred), len(against))
    if pattern in groups:
        return groups[pattern]
    traits = Traits(
        roles=roles(tuple(map(type, said))),
        answers=kinds.count(Assistant) + len(preferred),
        talks=True,
        system=has_system(kinds),
        outputs=max(len(preferred), len(against)),
    )
    groups[pattern] = Group(Shape.PREFERENCE, traits, (), strings, 2 * strings)
    return groups[pattern]


def shape_of(kinds: Pattern, assistant: type, user: type) -> Shape | None:
    """The shape of a conversation of messages of these types; None if it is no example."""
    speaks = assistant in kinds
    if not kinds or not (speaks or kinds[-1] is user):
        return None
    if kinds[-1] is not user:
        return Shape.CONVERSATION
    return Shape.OPEN_CONVERSATION if speaks else Shape.QUESTION


def roles(kinds: Pattern) -> tuple[str, ...]:
    """The roles of messages of these types."""
    return tuple(kind.__struct_config__.tag for kind in kinds)


def has_system(kinds: Pattern) -> bool:
    """Whether one of these messages tells the model what to be."""
    return any(role in SYSTEM_ROLES for role in roles(kinds))


def is_blank(text: str) -> bool:
    """Whether a text says nothing."""
    return not text or text.isspace()


_COMPLETION = Group(Shape.COMPLETION, Traits(answers=1), (), 4, 8)
