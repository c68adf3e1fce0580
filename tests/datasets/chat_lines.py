"""What the tests of reading chat for a conversion share: lines of chat, and their faults."""

from __future__ import annotations

from typing import Any

from reconciler.datasets.conversion import reading
from reconciler.datasets.conversion.forms import Form

SYSTEM = {"role": "system", "content": "You sell lamps."}
ASKED = {"role": "user", "content": "Is it bright?"}
ANSWERED = {"role": "assistant", "content": "Very."}
CALL = {"id": "c1", "type": "function", "function": {"name": "measure", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "measure"}}


def part(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **members}


def chat(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


def faults(line: bytes, form: Form) -> list[tuple[str, str, str]]:
    found = reading.read(line, form=form, reserved=())
    assert isinstance(found, tuple)
    return [("/".join(map(str, each.pointer)), each.message, each.hint) for each in found]
