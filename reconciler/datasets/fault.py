"""One mistake in one line of data, and the words for it that every check shares.

`shape`, `native` and `conversion` find faults, `facts` turns them into problems with a place. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.datasets.position import Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mistake in one line.

    `pointer` leads to the value; where the line is no JSON that a pointer could walk, `column` says
    where it breaks, in characters from 1. `rule` is a name of `rules`; only `conversion`, whose
    findings are about a provider's form and not about the data, has none.
    """

    message: str
    rule: str = ""
    pointer: Pointer = ()
    column: int | None = None
    hint: str = ""


def not_text(
    value: Any, at: Pointer, wanted: str = "must be text", *, rule: str = "wrong-type"
) -> Iterator[Fault]:
    """The fault of a value that should be text and is not, or is text that UTF-8 cannot hold."""
    if not isinstance(value, str):
        yield Fault(rule=rule, pointer=at, message=f"{wanted}, not {kind(value)}")
    elif not is_unicode(value):
        yield Fault(rule="lone-surrogate", pointer=at, message=HALF_A_PAIR)


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold this text: half of a surrogate pair it cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def quoted(value: Any) -> str:
    """A value as JSON, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = json.dumps(value)
    return text if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]}…"


def kind(value: Any) -> str:
    """What a value is, in the words of a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


HALF_A_PAIR = "holds half of a surrogate pair, which is no character"
_QUOTED_LENGTH = 40
