"""Where in a line of JSON a value stands.

`facts` asks once a line has a fault: decoding for every line keeps no positions, so the one bad
line is walked again. Never called for a line without a fault.
"""

from __future__ import annotations

import json
import re

Pointer = tuple[str | int, ...]
"""The way to a value: names of members and numbers of items, from the outside in."""


def column(text: str, pointer: Pointer) -> int:
    """The column, from 1, in characters, at which the value begins.

    `text` is valid JSON. Where the way ends early, the last value on it is meant; of a repeated
    name, the last member, as decoders read it.
    """
    index = _skip_space(text, 0)
    for step in pointer:
        found = _item(text, index, step) if isinstance(step, int) else _member(text, index, step)
        if found is None:
            break
        index = found
    return index + 1


def written(pointer: Pointer) -> str:
    """The pointer as RFC 6901 writes it: `/messages/2/role`."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)


def _member(text: str, index: int, name: str) -> int | None:
    """Where the value of member `name` of the object at `index` begins."""
    if text[index] != "{":
        return None
    found = None
    index = _skip_space(text, index + 1)
    while text[index] != "}":
        key, index = _DECODER.raw_decode(text, index)
        index = _skip_space(text, _skip_space(text, index) + 1)  # over the colon
        if key == name:
            found = index
        index = _after_value(text, index)
    return found


def _item(text: str, index: int, number: int) -> int | None:
    """Where item `number` of the array at `index` begins."""
    if text[index] != "[":
        return None
    index = _skip_space(text, index + 1)
    while text[index] != "]":
        if number == 0:
            return index
        number -= 1
        index = _after_value(text, index)
    return None


def _after_value(text: str, index: int) -> int:
    """The next sign of the container after the value at `index` and its comma."""
    _, index = _DECODER.raw_decode(text, index)
    index = _skip_space(text, index)
    return _skip_space(text, index + 1) if text[index] == "," else index


def _skip_space(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    return match.end() if match else index


_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_int=float)  # a float may be endless, an int may not
