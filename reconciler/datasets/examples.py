"""One line of a training file: which example it is, or what is wrong with it.

`survey` asks about every line that is more than plain chat, `conversion` about every line that it
cannot convert at sight. A line is decoded without positions; only one that something is wrong with
is read again, slowly, for the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from reconciler.datasets.fault import HALF_A_PAIR, Fault, is_unicode, quoted
from reconciler.datasets.position import Pointer
from reconciler.datasets.shape import Shape, shape

MAX_DEPTH = 128
"""How deep lists and objects may be nested: where strict readers of JSON stop by themselves."""


MOST_OBJECTS = 1_000_000
MOST_VALUES = 4_000_000
"""What a line may hold at most, counted by brackets and commas, those in texts among them."""


class Example(Struct, gc=False):
    """A line without a fault: its shape, and what it holds."""

    shape: Shape
    value: dict[str, Any]


def inspect(line: bytes) -> Shape | tuple[Fault, ...]:
    """What the example on this line is, or its faults.

    `line` is not blank. A line that is not JSON, or not UTF-8, has one fault, with its `column`.
    """
    found = look(line)
    return found.shape if isinstance(found, Example) else found


def look(line: bytes) -> Example | tuple[Fault, ...]:
    """The example on this line, or its faults, as `inspect` tells them."""
    if len(line) > MOST_OBJECTS and (
        line.count(b"{") + line.count(b"[") > MOST_OBJECTS or line.count(b",") > MOST_VALUES
    ):
        message = "holds more values than anybody reads"
        hint = "each line holds one example"
        return (Fault(rule="too-many-values", message=message, column=1, hint=hint),)
    try:
        value = _DECODER.decode(line)
        whole = strings(value, 0) == count_strings(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TooDeepError):
        whole = False
    faults: tuple[Fault, ...] = ()
    if not whole:
        found = _slowly(line)
        if isinstance(found, Fault):
            return (found,)
        value, faults = found
    shaped = shape(value)
    if isinstance(shaped, Shape):
        return faults or Example(shaped, value)
    told = {(fault.rule, fault.pointer) for fault in faults}
    return (*faults, *(fault for fault in shaped if (fault.rule, fault.pointer) not in told))


def count_strings(line: bytes) -> int:
    """How many strings a line of JSON holds, names of members among them.

    As many as the decoded value has, unless an object names a member twice, of which a decoder
    keeps one.
    """
    if b"\\" in line:
        line = line.replace(b"\\\\", b"")  # what is left of backslashes escapes what follows
        return (line.count(b'"') - line.count(b'\\"')) // 2
    return line.count(b'"') // 2


_DECODER = msgspec.json.Decoder()


class TooDeepError(ValueError):
    """Nested deeper than MAX_DEPTH."""


def strings(value: Any, depth: int) -> int:
    """How many strings a decoded value holds, names among them."""
    if depth >= MAX_DEPTH:
        raise TooDeepError
    count = 0
    if type(value) is dict:
        count = len(value)
        value = value.values()
    elif type(value) is str:
        return 1
    elif type(value) is not list:
        return 0
    for item in value:
        kind = type(item)
        if kind is str:
            count += 1
        elif kind is dict or kind is list:
            count += strings(item, depth + 1)
    return count


def _slowly(line: bytes) -> Fault | tuple[Any, tuple[Fault, ...]]:
    """Why this line is no JSON; or its value, and what of it no reader should have to bear."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return Fault(
            rule="not-utf8",
            message=f"byte 0x{line[error.start]:02x} is not UTF-8",
            column=len(line[: error.start].decode()) + 1,
            hint="save the file as UTF-8",
        )
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_integer, object_pairs_hook=_Members
        )
        return value, tuple(_unbearable(value, (), 0))
    except json.JSONDecodeError as error:
        return _broken(error)
    except _NotANumberError as error:
        column = 1 + next(m.start() for m in _STRING_OR_CONSTANT.finditer(text) if m["constant"])
        message = f"not JSON: {error} is no number of JSON"
        return Fault(rule="not-a-number", message=message, column=column)
    except (RecursionError, TooDeepError):
        message = "lists or objects are nested too deeply"
        hint = f"at most {MAX_DEPTH} levels"
        return Fault(rule="nested-too-deep", message=message, column=1, hint=hint)


class _Members(dict[str, Any]):
    """The members of an object, and the names of those that it has twice: a dict keeps but one."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, ...] = ()
        if len(self) < len(pairs):
            seen: set[str] = set()
            twice = (name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            self.repeated = tuple(dict.fromkeys(twice))


def _unbearable(value: Any, at: Pointer, depth: int) -> Iterator[Fault]:
    """Members that stand twice, and texts that UTF-8 cannot hold. Raises TooDeepError."""
    if isinstance(value, str):
        if not is_unicode(value):
            yield Fault(rule="lone-surrogate", pointer=at, message=HALF_A_PAIR)
        return
    if depth >= MAX_DEPTH and isinstance(value, dict | list):
        raise TooDeepError
    if isinstance(value, _Members):
        for name in value.repeated:
            if is_unicode(name):
                message = f"{quoted(name)} is written twice"
                hint = "keep one of them"
                yield Fault(rule="duplicate-key", pointer=(*at, name), message=message, hint=hint)
        for name, item in value.items():
            if is_unicode(name):
                yield from _unbearable(item, (*at, name), depth + 1)
            else:  # such a name cannot even be shown
                yield Fault(rule="lone-surrogate", pointer=at, message=HALF_A_PAIR)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unbearable(item, (*at, number), depth + 1)


class _NotANumberError(ValueError):
    """What Python's decoder would let pass: NaN and Infinity."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumberError(name)


def _integer(digits: str) -> float:
    """Python refuses to read an endless integer; here only its type matters."""
    return int(digits) if len(digits) < _LONG_INTEGER else float(digits)


def _broken(error: json.JSONDecodeError) -> Fault:
    """The decoder's error in our words, which do not change with Python's version."""
    before = error.doc[: error.pos].rstrip()
    comma = "not JSON: a comma before the closing bracket"
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
        return Fault(rule="not-json", message=comma, column=len(before))
    if error.msg.startswith("Illegal trailing comma"):
        return Fault(rule="not-json", message=comma, column=error.pos + 1)
    if error.pos >= len(error.doc.rstrip()):
        return Fault(
            rule="not-json",
            message="not JSON: the line ends in the middle of a value",
            column=error.pos + 1,
            hint="each line holds one whole object",
        )
    words = next((ours for theirs, ours in _WORDS if error.msg.startswith(theirs)), error.msg)
    return Fault(rule="not-json", message=f"not JSON: {words}", column=error.pos + 1)


_LONG_INTEGER = 400
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<constant>NaN|-?Infinity)')
_WORDS = (
    ("Expecting value", "a value is expected here"),
    ("Expecting ','", "a comma is expected here"),
    ("Expecting ':'", "a colon is expected here"),
    ("Expecting property name", "a name in double quotes is expected here"),
    ("Unterminated string", "this text has no closing quote"),
    ("Invalid control", "a raw control character inside text"),
    ("Invalid \\", "an escape that JSON does not know"),
    ("Extra data", "something follows the object; each line holds one"),
)
