"""What a value of a request may be, and AWS's words for what it may not.

`create_request` and the handlers describe their inputs with these shapes, whose limits are those of
botocore's service model. `check` finds everything wrong at once, as AWS does. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class WrongType(Exception):
    """A value is not even of the kind of JSON that is expected: AWS cannot deserialize it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string. `matcher` means the same as `pattern`, which would take ages on some strings."""

    pattern: str = ""
    least: int = 0
    most: int | None = None
    choices: tuple[str, ...] = ()
    matcher: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a range; whole unless `fraction`."""

    least: float | None = None
    most: float | None = None
    fraction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of one shape."""

    of: Shape
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A map from any string to one shape."""

    of: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Named members. Of a `union`, exactly one may be there. Unknown members are ignored."""

    members: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    union: bool = False


Shape = Text | Number | Flag | Listing | Table | Structure


def check(value: Any, shape: Shape, place: str = "") -> list[str]:
    """Everything wrong with a value, each in AWS's words. Raises WrongType."""
    return list(_check(value, shape, place))


def message(wrong: list[str]) -> str:
    """AWS's sentence for some things wrong."""
    plural = "s" if len(wrong) > 1 else ""
    return f"{len(wrong)} validation error{plural} detected: {'; '.join(wrong)}"


def _check(value: Any, shape: Shape, place: str) -> Iterator[str]:
    match shape:
        case Text():
            yield from _text(_typed(value, str), shape, place)
        case Number(fraction=fraction):
            yield from _number(_typed(value, float if fraction else int), shape, place)
        case Flag():
            _typed(value, bool)
        case Listing():
            items = _typed(value, list)
            yield from _length(items, shape.least, shape.most, place)
            for index, item in enumerate(items, start=1):
                yield from _check(item, shape.of, f"{place}.{index}.member")
        case Table():
            for key, item in _typed(value, dict).items():
                yield from _check(item, shape.of, f"{place}.{key}.member")
        case Structure():
            yield from _structure(_typed(value, dict), shape, place)


def _structure(value: Mapping[str, Any], shape: Structure, place: str) -> Iterator[str]:
    inside = f"{place}." if place else ""
    present = [name for name in shape.members if value.get(name) is not None]
    for name in shape.required:
        if name not in present:
            yield _failed(None, inside + name, "Member must not be null")
    if shape.union and len(present) != 1:
        yield _failed(value, place, "Member must have exactly one of its members set")
    for name in present:
        yield from _check(value[name], shape.members[name], inside + name)


def _text(value: str, shape: Text, place: str) -> Iterator[str]:
    yield from _length(value, shape.least, shape.most, place)
    if shape.choices and value not in shape.choices:
        choices = ", ".join(shape.choices)
        yield _failed(value, place, f"Member must satisfy enum value set: [{choices}]")
    if shape.pattern and not re.fullmatch(shape.matcher or shape.pattern, value):
        yield _failed(
            value, place, f"Member must satisfy regular expression pattern: {shape.pattern}"
        )


def _number(value: float, shape: Number, place: str) -> Iterator[str]:
    if shape.least is not None and value < shape.least:
        yield _failed(
            value, place, f"Member must have value greater than or equal to {shape.least:g}"
        )
    if shape.most is not None and value > shape.most:
        yield _failed(value, place, f"Member must have value less than or equal to {shape.most:g}")


def _length(value: str | list[Any], least: int, most: int | None, place: str) -> Iterator[str]:
    if len(value) < least:
        yield _failed(value, place, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _failed(value, place, f"Member must have length less than or equal to {most}")


def _failed(value: Any, place: str, constraint: str) -> str:
    shown = "Value null" if value is None else f"Value '{value}'"
    return f"{shown} at '{place}' failed to satisfy constraint: {constraint}"


_JSON_NAMES = {
    str: "STRING_VALUE",
    bool: "TRUE_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    list: "START_ARRAY",
    dict: "START_OBJECT",
}
_MODEL_NAMES = {str: "String", bool: "Boolean", int: "Integer", float: "Float"}


def _typed(value: Any, kind: type) -> Any:
    fits = (
        isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind is float
        else type(value) is kind
    )
    if not fits:
        given = _JSON_NAMES.get(type(value), "NULL_VALUE")
        expected = _MODEL_NAMES.get(kind)
        if expected is None:
            raise WrongType("Unexpected value type in payload")
        raise WrongType(f"{given} cannot be converted to {expected}")
    return value
