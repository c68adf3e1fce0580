"""From values to YAML that every reader reads back as it was meant.

`status` writes sidecars with it. The same value gives the same bytes, so that a git diff is a
real change. A text is quoted exactly when YAML 1.1 or YAML 1.2 would not read it back as itself.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any


def dump(value: Any) -> str:
    """`value` in block style, keys in their order, ending with a line break.

    Takes what JSON can hold, and tuples for lists. Raises TypeError for anything else, ValueError
    for a number or a character that has no place in a YAML file.
    """
    text = "\n".join(_root(value)) + "\n"
    text.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
    return text


_STEP = 2
_LONGEST_SIMPLE_KEY = 1000  # YAML allows 1024 characters before the ":"

_PLAIN = re.compile(
    r"""
    (?: [^\ \n\-?:,\[\]{}#&*!|>'"%@`] | -(?!\ |\Z) )    # no indicator at the beginning
    (?: [^\ \n:#] | :(?!\ |\Z) | (?<!\ )\# | \ (?!\Z) )*  # no ": ", no " #", no blank at the end
    """,
    re.VERBOSE,
)
_MISREAD = re.compile(
    r"""
    ~ | null | true | false | yes | no | on | off | y | n | = | <<  # words
    | (?: --- | \.\.\. ) (?: \ .* )?                                # marks between documents
    | [-+]? [0-9][0-9_]* (?: \.[0-9_]* )? (?: e[-+]?[0-9]+ )?       # 12, 012, 1_000, 1.5, 1e5
    | [-+]? \. (?: [0-9][0-9_]* (?: e[-+]?[0-9]+ )? | inf | nan )
    | [-+]? 0 (?: b[01_]+ | o[0-7]+ | x[0-9a-f_]+ )
    | [-+]? [0-9][0-9_]* (?: :[0-5]?[0-9] )+ (?: \.[0-9_]* )?       # 1:30 is 90 to YAML 1.1
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} (?: [t\ ] .* )?                # dates
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_INVISIBLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _root(value: Any) -> list[str]:
    if _nested(value):
        return _block(value, 0)
    head, *body = _entry("", value, 0)
    return [head.removeprefix(" "), *body]


def _block(value: Any, indent: int) -> list[str]:
    """The lines of a mapping or list that is not empty."""
    pad = " " * indent
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a key must be text, not {type(key).__name__}")
            name = _text(key)
            if len(name) > _LONGEST_SIMPLE_KEY:
                lines.append(f"{pad}? {name}")
                name = ""
            lines += _entry(f"{pad}{name}:", item, indent)
    else:
        for item in value:
            if _nested(item):
                head, *body = _block(item, indent + _STEP)
                lines += [f"{pad}- {head[indent + _STEP :]}", *body]
            else:
                lines += _entry(f"{pad}-", item, indent)
    return lines


def _entry(head: str, item: Any, indent: int) -> list[str]:
    """The lines of one item whose first line begins with `head`."""
    if _nested(item):
        return [head, *_block(item, indent + _STEP)]
    if isinstance(item, str) and _literal(item):
        pad = " " * (indent + _STEP)
        body = item.removesuffix("\n").split("\n")
        chomping = "" if item.endswith("\n") else "-"
        return [f"{head} |{chomping}", *(pad + line if line else "" for line in body)]
    return [f"{head} {_scalar(item)}"]


def _nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            if not -(2**63) <= value < 2**63:
                raise ValueError("an integer does not fit into 64 bits")
            return int.__repr__(value)
        case float():
            return _float(value)
        case Mapping():
            return "{}"
        case list() | tuple():
            return "[]"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as YAML")


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in a YAML file here")
    digits, exponent, power = float.__repr__(value).partition("e")
    # YAML 1.1 wants a dot in front of an exponent: 1e-05 is text to it.
    return f"{digits}.0e{power}" if exponent and "." not in digits else digits + exponent + power


def _text(value: str) -> str:
    text = str.__str__(value)
    if _PLAIN.fullmatch(text) and not _MISREAD.fullmatch(text) and not _CONTROL.search(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)


def _literal(text: str) -> bool:
    """Whether a block of lines says exactly this, with no blank that an editor might strip."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and not _CONTROL.search(text)
        and bool(lines[-1])
        and not lines[0].startswith(" ")
        and bool(lines[0])
        and not any(line.endswith(" ") for line in lines)
    )
