"""What a plain scalar means: YAML 1.2's core schema, without what two readers read differently.

`reader` asks it about every scalar without quotes. `yes`, `no`, `on`, `off` and dates are text.
"""

from __future__ import annotations

import math
import re
from typing import Any

TYPED_START = frozenset("0123456789+-.~nNtTfF")
"""What a plain scalar begins with that may be anything but text."""


class Ambiguous(ValueError):
    """A scalar that readers disagree on, or that JSON has no value for."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def plain(text: str) -> Any:
    """The value of a scalar without quotes: None, bool, int, float or the text itself.

    Raises Ambiguous.
    """
    if text and text[0] not in TYPED_START:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    based = _BASED.fullmatch(text)
    if based or _DECIMAL.fullmatch(text):
        _refuse_leading_zero(text)
        return _integer(text, 0 if based else 10)
    if _FLOAT.fullmatch(text):
        _refuse_leading_zero(text)
        return _finite(text)
    if _NOT_FINITE.fullmatch(text):
        raise Ambiguous(f"{text} is no number that a job can use", f'for text write "{text}"')
    return text


def shown(text: str) -> str:
    """`text` as a message can carry it: one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"


_LONGEST_SHOWN = 40
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZEROS = re.compile(r"([-+]?)0+(?=[0-9])")
_LONGEST_INTEGER = 24  # characters; more than 64 bits need in any base here


def _refuse_leading_zero(text: str) -> None:
    if _LEADING_ZEROS.match(text):
        number = shown(_LEADING_ZEROS.sub(r"\1", text, count=1).removeprefix("+"))
        raise Ambiguous(
            f"{shown(text)} has a leading zero, which some readers take for octal",
            f'for the number write {number}, for text write "{shown(text)}"',
        )


def _integer(text: str, base: int) -> int:
    if len(text) <= _LONGEST_INTEGER and -(2**63) <= (number := int(text, base)) < 2**63:
        return number
    raise Ambiguous(f"{shown(text)} does not fit into 64 bits", "for text put it in quotes")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Ambiguous(f"{shown(text)} is too large for a number", "for text put it in quotes")
    return number
