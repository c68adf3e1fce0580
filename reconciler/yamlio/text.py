"""From bytes to characters that every YAML reader takes for the same thing.

`reader` calls it before any parser sees the file. It judges bytes and characters, never structure.
"""

from __future__ import annotations

import codecs
import re

from reconciler.errors import Problem, SpecError

MAX_DEPTH = 64
"""Mappings and lists inside each other; the deepest spec needs about ten."""

MAX_BYTES = 1024 * 1024
"""Bytes in one file: a thousand times the size of a usual spec."""


def decoded(text: bytes, file: str) -> str:
    """The characters of a file, without a byte order mark. Raises SpecError."""
    if len(text) > MAX_BYTES:
        message = f"{len(text):,} bytes are more than one YAML file may have ({MAX_BYTES:,})"
        raise SpecError([Problem(file, 0, 0, message, "split it into several files")])
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SpecError([Problem(file, 0, 0, "this is UTF-16", "save the file as UTF-8")])
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start].decode()
        place = _place(before, len(before))
        message = f"the byte 0x{text[error.start]:02x} is not UTF-8"
        raise SpecError([Problem(file, *place, message, "save the file as UTF-8")]) from None
    if text.translate(None, _ORDINARY) and (found := _UNREADABLE.search(characters)):
        message, hint = _unreadable(found.group())
        raise SpecError([Problem(file, *_place(characters, found.start()), message, hint)])
    if (b"<<<<<<< " in text or b">>>>>>> " in text) and (found := _CONFLICT.search(characters)):
        place = _place(characters, found.start())
        hint = "choose a side and remove the <<<<<<<, ======= and >>>>>>> lines"
        raise SpecError([Problem(file, *place, "a merge conflict is left in the file", hint)])
    return characters


_ORDINARY = b"\t\n\r" + bytes(range(0x20, 0x7F))
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_READ_TWO_WAYS = "\x85\u2028\u2029"
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)


def _unreadable(character: str) -> tuple[str, str]:
    """Message and hint for a character that YAML forbids or that readers disagree on."""
    if character == "\0":
        return "a NUL byte", "save the file as UTF-8 text"
    name = f"U+{ord(character):04X}"
    if character in _READ_TWO_WAYS:
        what = f"{name} is a line break to some YAML readers and a letter to others"
    else:
        what = f"the invisible character {name}"
    return what, f'remove it, or write "\\u{ord(character):04x}" in double quotes'


def _place(characters: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1."""
    line_start = characters.rfind("\n", 0, offset) + 1
    return characters.count("\n", 0, offset) + 1, offset - line_start + 1
