"""What fails a fine-tuning job although the data has Bedrock's own form and its shape is sound.

`conversion.check` asks about files that go up as they are. A conversation that nobody has answered
is sound, since distillation takes it; these are the rules of fine-tuning. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.datasets.conversion.texts import reserved_fault
from reconciler.datasets.examples import inspect
from reconciler.datasets.fault import Fault
from reconciler.datasets.shape import Shape


def faults(line: bytes, *, reserved: tuple[str, ...]) -> tuple[Fault, ...]:
    """What is wrong with a line. One that is in no form of Bedrock's has only its own faults."""
    match inspect(line):
        case tuple() as found:
            return found
        case Shape.BEDROCK_CONVERSATION | Shape.BEDROCK_PROMPT:
            return tuple(_faults(json.loads(line.decode(), parse_int=float), reserved))
        case _:
            return ()


def _faults(value: Mapping[str, Any], reserved: tuple[str, ...]) -> Iterator[Fault]:
    for number, block in enumerate(value.get("system") or ()):
        yield from reserved_fault(block["text"], ("system", number, "text"), reserved)
    messages = value["messages"]
    for number, message in enumerate(messages):
        for place, block in enumerate(message["content"]):
            at = ("messages", number, "content", place, "text")
            yield from reserved_fault(block.get("text", ""), at, reserved)
    if messages[-1]["role"] == "user":
        yield Fault(
            pointer=("messages", len(messages) - 1, "role"),
            message="a user has the last word, with no answer to learn from",
            hint="end with the assistant's answer",
        )
