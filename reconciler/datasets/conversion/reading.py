"""What a line of chat says, if a form can hold all of it.

`conversion` reads every line through here, whether it only checks or writes. Most lines say nothing
but roles and texts, and are known at once; any other is taken apart by `objections`, which has the
last word: what is accepted here may be less than there, never more.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reconciler.datasets.conversion import objections
from reconciler.datasets.conversion.example import Example
from reconciler.datasets.conversion.forms import Form
from reconciler.datasets.conversion.texts import holds_reserved, is_blank
from reconciler.datasets.fault import Fault
from reconciler.datasets.native import SPEAKERS


def read(line: bytes, *, form: Form, reserved: tuple[str, ...]) -> Example | tuple[Fault, ...]:
    """What the line says, or everything about it that the form cannot hold. It is not blank."""
    return plain(line, form=form, reserved=reserved) or objections.read(
        line, form=form, reserved=reserved
    )


def plain(line: bytes, *, form: Form, reserved: tuple[str, ...]) -> Example | None:
    """What the line says, if it is nothing but roles and texts in a good order; else None."""
    try:
        messages = _DECODER.decode(line).messages
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if _count_strings(line) != 1 + 4 * len(messages):
        return None
    system: tuple[str, ...] = ()
    turns: list[tuple[str, ...]] = []
    for message in messages:
        if is_blank(message.content) or holds_reserved(message.content, reserved):
            return None
        if message.role == SPEAKERS[len(turns) % 2]:
            turns.append((message.content,))
        elif message.role == "system" and not turns and not system and form.takes_system:
            system = (message.content,)
        else:
            return None
    if not turns or len(turns) % 2 or form.takes_turns not in (None, len(turns)):
        return None
    return Example(system=system, turns=tuple(turns))


class _Message(Struct, gc=False):
    role: str
    content: str


class _Line(Struct, gc=False):
    messages: list[_Message]


_DECODER = msgspec.json.Decoder(_Line)


def _count_strings(line: bytes) -> int:
    """How many strings a line of JSON holds, names of members among them.

    A line that decodes to n messages has 1 + 4n of them for sure: the name of its own member, and
    two names and two values of each message. If there are no more, then nothing was left unread:
    no other member, and none that is written twice.
    """
    if b"\\\\" in line:
        line = line.replace(b"\\\\", b"")  # backslashes; what is left of them escapes what follows
    return (line.count(b'"') - line.count(b'\\"')) // 2
