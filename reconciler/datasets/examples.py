"""One line of a training file: which example it is, or what is wrong with it.

`facts` calls it for every line, so the typed decoder comes first: it reads only what decides, and a
good line costs a few microseconds. A line that it refuses is read again, slowly, by `shape`, which
has the last word: what the types say may be stricter than `shape`, never laxer.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NoReturn

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from reconciler.datasets.fault import Fault
from reconciler.datasets.native import SPEAKERS
from reconciler.datasets.shape import Shape, shape


def inspect(line: bytes) -> Shape | tuple[Fault, ...]:
    """What the example on this line is, or its faults.

    `line` is not blank. A line that is not JSON, or not UTF-8, has one fault, with its `column`.
    """
    try:
        found = _shape(_DECODER.decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    if found is None and b'"messages"' in line:
        found = _native(line)
    if found is not None and _is_utf8(line):
        return found
    return _slowly(line)


class _Part(Struct, gc=False):
    type: str


_Content = str | list[_Part]


class _System(Struct, gc=False, tag="system", tag_field="role"):
    content: _Content


class _Developer(Struct, gc=False, tag="developer", tag_field="role"):
    content: _Content


class _User(Struct, gc=False, tag="user", tag_field="role"):
    content: _Content


class _Tool(Struct, gc=False, tag="tool", tag_field="role"):
    content: _Content
    tool_call_id: str


class _Function(Struct, gc=False, tag="function", tag_field="role"):
    content: _Content | None


class _CalledFunction(Struct, gc=False):
    name: str
    arguments: str


class _ToolCall(Struct, gc=False):
    id: str
    function: _CalledFunction


class _Assistant(Struct, gc=False, tag="assistant", tag_field="role"):
    content: _Content | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _CalledFunction | None = None
    refusal: str | None = None
    weight: Literal[0, 1] = 1


_Message = _System | _Developer | _User | _Assistant | _Tool | _Function


class _NamedFunction(Struct, gc=False):
    name: str


class _OfferedTool(Struct, gc=False):
    function: _NamedFunction


class _Input(Struct, gc=False):
    messages: list[_Message]
    tools: list[_OfferedTool] | None = None
    parallel_tool_calls: bool = True


class _Line(Struct, gc=False):
    """Every member that decides which format a line has, but for Bedrock's own formats."""

    messages: list[_Message] | UnsetType = UNSET
    tools: list[_OfferedTool] | None = None
    parallel_tool_calls: bool = True
    input: _Input | UnsetType = UNSET
    preferred_output: list[_Assistant | _Tool] | UnsetType = UNSET
    non_preferred_output: list[_Assistant | _Tool] | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    completion: str | UnsetType = UNSET
    schema_version: str | UnsetType = field(default=UNSET, name="schemaVersion")
    system: str | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(_Line)


def _shape(line: _Line) -> Shape | None:
    """The shape of a line whose types are right; None where `shape` has to say what is wrong."""
    if line.schema_version is not UNSET:
        return None
    if line.messages is not UNSET:
        return _conversation(line.messages) if line.system is UNSET else None
    if line.input is not UNSET:
        good = (
            _all_say_something(line.input.messages)
            and _compares(line.preferred_output)
            and _compares(line.non_preferred_output)
        )
        return Shape.PREFERENCE if good else None
    is_completion = (
        line.preferred_output is UNSET
        and line.non_preferred_output is UNSET
        and line.prompt is not UNSET
        and line.completion is not UNSET
    )
    return Shape.COMPLETION if is_completion else None


class _Said(Struct, gc=False, forbid_unknown_fields=True):
    role: Literal["user", "assistant"]
    content: str


class _SystemMessages(Struct, gc=False, forbid_unknown_fields=True):
    system: str
    messages: list[_Said]


class _Text(Struct, gc=False, forbid_unknown_fields=True):
    text: str


class _SaidInBlocks(Struct, gc=False):
    role: Literal["user", "assistant"]
    content: list[_Text]


class _BedrockConversation(Struct, gc=False):
    schema_version: str = field(name="schemaVersion")
    messages: list[_SaidInBlocks]
    system: list[_Text] | None = None


_SYSTEM_MESSAGES_DECODER = msgspec.json.Decoder(_SystemMessages)
_BEDROCK_DECODER = msgspec.json.Decoder(_BedrockConversation)


def _native(line: bytes) -> Shape | None:
    """The shape of a line that is Bedrock's own already, and holds nothing but text."""
    try:
        if b'"schemaVersion"' not in line:
            return _system_messages(_SYSTEM_MESSAGES_DECODER.decode(line).messages)
        return _bedrock_conversation(_BEDROCK_DECODER.decode(line).messages)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _system_messages(messages: list[_Said]) -> Shape | None:
    answered = bool(messages) and len(messages) % 2 == 0
    alternate = _alternate([message.role for message in messages])
    return Shape.SYSTEM_MESSAGES if answered and alternate else None


def _bedrock_conversation(messages: list[_SaidInBlocks]) -> Shape | None:
    if not messages or not _alternate([message.role for message in messages]):
        return None
    if not all(any(block.text for block in message.content) for message in messages):
        return None
    return Shape.BEDROCK_PROMPT if len(messages) % 2 else Shape.BEDROCK_CONVERSATION


def _alternate(roles: list[str]) -> bool:
    return all(role == SPEAKERS[number % 2] for number, role in enumerate(roles))


def _conversation(messages: list[_Message]) -> Shape | None:
    if not _all_say_something(messages):
        return None
    speaks = any(type(message) is _Assistant for message in messages)
    if type(messages[-1]) is not _User:
        return Shape.CONVERSATION if speaks else None
    return Shape.OPEN_CONVERSATION if speaks else Shape.QUESTION


def _compares(messages: list[_Assistant | _Tool] | UnsetType) -> bool:
    return (
        messages is not UNSET
        and _all_say_something(messages)
        and any(type(message) is _Assistant for message in messages)
    )


def _all_say_something(messages: list[Any]) -> bool:
    for message in messages:
        if (
            message.content is None
            and type(message) is _Assistant
            and not message.tool_calls
            and message.function_call is None
            and message.refusal is None
        ):
            return False
    return bool(messages)


def _is_utf8(line: bytes) -> bool:
    """The typed decoder skips what it has no use for, unread."""
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _slowly(line: bytes) -> Shape | tuple[Fault, ...]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return (
            Fault(
                message=f"byte 0x{line[error.start]:02x} is not UTF-8",
                column=len(line[: error.start].decode()) + 1,
                hint="save the file as UTF-8",
            ),
        )
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        return (_broken(error),)
    except _NotANumber as error:
        column = 1 + next(m.start() for m in _STRING_OR_CONSTANT.finditer(text) if m["constant"])
        return (Fault(message=f"not JSON: {error} is no number of JSON", column=column),)
    except RecursionError:
        return (Fault(message="lists or objects are nested too deeply", column=1),)
    return shape(value)


class _NotANumber(ValueError):
    """What Python's decoder would let pass: NaN and Infinity."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumber(name)


def _integer(digits: str) -> float:
    """Python refuses to read an endless integer; here only its type matters."""
    return int(digits) if len(digits) < _LONG_INTEGER else float(digits)


def _broken(error: json.JSONDecodeError) -> Fault:
    """The decoder's error in our words, which do not change with Python's version."""
    before = error.doc[: error.pos].rstrip()
    if before.endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]"):
        return Fault(message="not JSON: a comma before the closing bracket", column=len(before))
    if error.msg.startswith("Illegal trailing comma"):
        return Fault(message="not JSON: a comma before the closing bracket", column=error.pos + 1)
    if error.pos >= len(error.doc.rstrip()):
        return Fault(
            message="not JSON: the line ends in the middle of a value",
            column=error.pos + 1,
            hint="each line holds one whole object",
        )
    words = next((ours for theirs, ours in _WORDS if error.msg.startswith(theirs)), error.msg)
    return Fault(message=f"not JSON: {words}", column=error.pos + 1)


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
