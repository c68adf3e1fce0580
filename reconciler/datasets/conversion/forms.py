"""The forms that examples can be written in, and how each is written.

`conversion` gives them their names. The bytes are fixed for ever: `tests/datasets/` holds them as
golden values. Pure.

Sources, read 2026-11: AWS's pages on preparing data for fine-tuning on Bedrock, and the validators
that AWS publishes for Nova, Llama and Claude 3 Haiku.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from reconciler.datasets.conversion.example import Example
from reconciler.datasets.native import SCHEMA_VERSION, SPEAKERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to write an example, and what it has room for.

    `shown` names it in messages. `takes_parts`: what is said in a turn may come in several texts
    (a system text may not: AWS's validator for Llama wants one).
    `takes_system_beside`: a line may have its system text beside the messages already.
    `takes_turns`: how many turns an example has, None for any.
    """

    shown: str
    encode: Callable[[Example], bytes]
    takes_system: bool = True
    takes_system_beside: bool = False
    takes_parts: bool = False
    takes_turns: int | None = None


def _conversation(example: Example) -> bytes:
    line: dict[str, Any] = {"schemaVersion": SCHEMA_VERSION}
    if example.system:
        line["system"] = _blocks(example.system)
    line["messages"] = [
        {"role": SPEAKERS[number % 2], "content": _blocks(texts)}
        for number, texts in enumerate(example.turns)
    ]
    return _ENCODER.encode(line)


def _blocks(texts: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def _system_apart(example: Example) -> bytes:
    line: dict[str, Any] = {}
    if example.system:
        (line["system"],) = example.system
    line["messages"] = [
        {"role": SPEAKERS[number % 2], "content": text}
        for number, (text,) in enumerate(example.turns)
    ]
    return _ENCODER.encode(line)


def _pair(example: Example) -> bytes:
    (prompt,), (completion,) = example.turns
    return _ENCODER.encode({"prompt": prompt, "completion": completion})


_ENCODER = msgspec.json.Encoder()

CONVERSATION = Form(shown="Bedrock's conversation", encode=_conversation, takes_parts=True)
SYSTEM_APART = Form(shown="the form for Claude", encode=_system_apart, takes_system_beside=True)
PAIR = Form(
    shown="a pair of prompt and completion", encode=_pair, takes_system=False, takes_turns=2
)
