"""Why a form cannot hold all that a line of chat says, in words.

`reading` asks about a line that is more than roles and texts, so this may be slow; it has the last
word, and says what is converted. Pure: a line in, an example or faults out.

What OpenAI's chat format means by a member that is null, by an empty list and by `weight: 1` is
what it means without the member: nothing is lost with it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from reconciler.datasets.conversion.example import Example
from reconciler.datasets.conversion.forms import Form
from reconciler.datasets.conversion.texts import is_blank, reserved_fault
from reconciler.datasets.examples import inspect
from reconciler.datasets.fault import Fault, not_text, quoted
from reconciler.datasets.native import SPEAKERS
from reconciler.datasets.position import Pointer
from reconciler.datasets.shape import Shape


def read(line: bytes, *, form: Form, reserved: tuple[str, ...]) -> Example | tuple[Fault, ...]:
    """What the line says, or everything about it that the form cannot hold. It is not blank."""
    found = inspect(line)
    if isinstance(found, tuple):
        return found
    if found not in _CHATS:
        return (Fault(message="not a chat example, so there is no converting it"),)
    try:
        value = json.loads(line.decode(), object_pairs_hook=_Members, parse_int=float)
    except RecursionError:
        return (Fault(message="lists or objects are nested too deeply", column=1),)
    reader = _Reader(form, reserved)
    reader.read_line(value)
    return tuple(reader.faults) or Example(system=reader.system, turns=tuple(reader.turns))


class _Members(dict[str, Any]):
    """The members of an object, and the names of those that it has twice: a dict keeps but one."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: tuple[str, ...] = ()
        if len(self) < len(pairs):
            times = Counter(name for name, _ in pairs)
            self.repeated = tuple(name for name, count in times.items() if count > 1)


class _Reader:
    """One line on its way to an example; `faults` is what stands in that way."""

    def __init__(self, form: Form, reserved: tuple[str, ...]) -> None:
        self.system: tuple[str, ...] = ()
        self.turns: list[tuple[str, ...]] = []
        self.faults: list[Fault] = []
        self._form = form
        self._reserved = reserved
        self._previous: str | None = SPEAKERS[-1]  # who spoke last, None where it is no matter

    def read_line(self, line: _Members) -> None:
        """Take the whole line apart."""
        self._repeated(line, ())
        for name, value in line.items():
            if name == "system" and self._form.takes_system_beside:
                self._system_beside(value)
            elif name != "messages" and not _says_nothing(name, value):
                self._lost(name, ())
        messages = line["messages"]
        for number, message in enumerate(messages):
            self._message(message, ("messages", number))
        if messages[-1]["role"] == "user":
            self._add(
                ("messages", len(messages) - 1, "role"),
                "a user has the last word, with no answer to learn from",
                "end with the assistant's answer",
            )

    def _message(self, message: _Members, at: Pointer) -> None:
        self._repeated(message, at)
        role = message["role"]
        one_text = role == "system" or not self._form.takes_parts
        texts = self._content(message.get("content"), (*at, "content"), one_text=one_text)
        if role in SPEAKERS:
            self._turn(role, texts, at)
        elif role == "system":
            self._system(texts, at)
        else:
            self._previous = None
            hint = 'call it "system"' if role == "developer" else _HINTS["tools"]
            self._add(
                (*at, "role"), f"{self._form.shown} has no {quoted(role)} among its roles", hint
            )
        for name, value in message.items():
            if name in ("role", "content") or _says_nothing(name, value):
                continue
            if name == "tool_call_id" and role == "tool":
                continue  # the whole message is refused
            if name == "weight" and role == "assistant" and value == 1:
                continue
            self._lost(name, at)

    def _turn(self, role: str, texts: tuple[str, ...], at: Pointer) -> None:
        if role == self._previous and not self.turns:
            self._add((*at, "role"), "the assistant speaks first", "begin with a user message")
        elif role == self._previous:
            self._add((*at, "role"), f"two {role} messages in a row", "join them into one")
        self.turns.append(texts)
        self._previous = role
        limit = self._form.takes_turns
        if limit is not None and len(self.turns) == limit + 1:
            self._add(
                at,
                f"{self._form.shown} holds one question and one answer, and this goes on",
                "leave the example out, or make several of it by hand",
            )

    def _system(self, texts: tuple[str, ...], at: Pointer) -> None:
        if not self._form.takes_system:
            self._add(
                at,
                f"a system message would be lost: {self._form.shown} has no place for it",
                "write it at the head of the user's text by hand",
            )
        elif self.system:
            self._add(at, "a second system text", "join it with the first")
        elif at[-1] != 0:
            self._add(at, "a system message after others", "move it to the front")
        if self.turns:
            self._previous = None
        self.system = texts

    def _system_beside(self, value: Any) -> None:
        faults = tuple(not_text(value, ("system",)))
        self.faults += faults
        if not faults:
            self._judge(value, ("system",))
            self.system = (value,)

    def _content(self, content: Any, at: Pointer, *, one_text: bool) -> tuple[str, ...]:
        """The texts of a message. One that says nothing but a call of a tool has none."""
        match content:
            case None:
                return ()
            case str():
                self._judge(content, at)
                return (content,)
            case []:
                self._add(at, "says nothing", "leave the example out")
                return ()
        texts = tuple(self._part(part, (*at, number)) for number, part in enumerate(content))
        if len(texts) > 1 and one_text:
            message = f"a second part: {self._form.shown} has one text here"
            self._add((*at, 1), message, "join the parts into one text")
        return texts

    def _part(self, part: _Members, at: Pointer) -> str:
        self._repeated(part, at)
        if part["type"] != "text":
            self._add(
                at,
                f"a part of type {quoted(part['type'])} would be lost: only text is converted",
                "leave the example out, or write the file in the provider's own form",
            )
            return ""
        for name in part:
            if name not in ("type", "text"):
                self._lost(name, at)
        if "text" not in part:
            self._add(at, "text is missing")
            return ""
        faults = tuple(not_text(part["text"], (*at, "text")))
        self.faults += faults
        if faults:
            return ""
        self._judge(part["text"], (*at, "text"))
        text: str = part["text"]
        return text

    def _judge(self, text: str, at: Pointer) -> None:
        if is_blank(text):
            self._add(at, "the text is blank", "leave the example out")
        self.faults += reserved_fault(text, at, self._reserved)

    def _lost(self, name: str, at: Pointer) -> None:
        if faults := tuple(not_text(name, at)):  # such a name cannot even be shown
            self.faults += faults
            return
        hint = _HINTS.get(name, "take it out of the file")
        if name == "weight":
            message = "a weight would be lost: every answer is trained on"
        else:
            message = f"{quoted(name)} would be lost: {self._form.shown} has no place for it"
        self._add((*at, name), message, hint)

    def _repeated(self, members: _Members, at: Pointer) -> None:
        for name in members.repeated:
            if not any(not_text(name, at)):  # else it is lost, and said so
                self._add((*at, name), f"{quoted(name)} is written twice", "keep one of them")

    def _add(self, at: Pointer, message: str, hint: str = "") -> None:
        self.faults.append(Fault(pointer=at, message=message, hint=hint))


def _says_nothing(name: str, value: Any) -> bool:
    return name in _OPTIONAL and (value is None or value == [])


_CHATS = (Shape.CONVERSATION, Shape.OPEN_CONVERSATION, Shape.QUESTION, Shape.SYSTEM_MESSAGES)
_OPTIONAL = frozenset(
    {
        "annotations",
        "audio",
        "function_call",
        "functions",
        "name",
        "refusal",
        "tool_calls",
        "tools",
    }
)
"""Members that OpenAI's chat format may leave out, so that its libraries often write them empty."""

_TOOLS = "leave out the examples that use tools"
_HINTS = {
    "tools": _TOOLS,
    "functions": _TOOLS,
    "tool_calls": _TOOLS,
    "function_call": _TOOLS,
    "parallel_tool_calls": "take it out: it is about tools",
    "weight": "split the example so that every answer in it may be trained on, or leave it out",
    "name": "write it into the text, or take it out",
    "refusal": "write it as content",
    "system": 'make it the first message, with the role "system"',
}
