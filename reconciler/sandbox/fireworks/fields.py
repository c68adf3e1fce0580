"""What may stand in a field of a request, and the refusal where something else does.

`create_request` and the dataset handlers use it. Each check returns the value it was given. A field
that nobody knows is refused; that null means absent is how JSON is read into protocol buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.sandbox.fireworks.wire import invalid

Check = Callable[[Any, str], Any]


def message(table: Mapping[str, Check]) -> Check:
    """An object with these fields."""

    def check(value: Any, place: str) -> dict[str, Any]:
        return read(value, table, place)

    return check


def read(value: Any, table: Mapping[str, Check], place: str = "") -> dict[str, Any]:
    """The fields of an object that are there, each checked by its table."""
    if not isinstance(value, dict):
        raise invalid(f"invalid value for {place or 'the request'}: expected an object")
    inside = f"{place}." if place else ""
    for name in value:
        if name not in table:
            raise invalid(f'unknown field "{inside}{name}"')
    return {
        name: check(value[name], inside + name)
        for name, check in table.items()
        if value.get(name) is not None
    }


def text(value: Any, place: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(value, place, "string")
    return value


def flag(value: Any, place: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(value, place, "bool")
    return value


def integer(least: int, most: int = 2**31 - 1) -> Check:
    """A whole number in a range."""

    def check(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(value, place, "int32")
        if not least <= value <= most:
            upper = f" and {most}" if most < 2**31 - 1 else ""
            bounds = f"between {least}{upper}" if upper else f"at least {least}"
            raise invalid(f"{place} must be {bounds}, got {value}")
        return value

    return check


def number(above: float | None = None, most: float | None = None) -> Check:
    """A number above a bound and up to another."""

    def check(value: Any, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _wrong(value, place, "float")
        if (above is not None and value <= above) or (most is not None and value > most):
            bounds = [f"greater than {above:g}"] if above is not None else []
            bounds += [f"at most {most:g}"] if most is not None else []
            raise invalid(f"{place} must be {' and '.join(bounds)}, got {value:g}")
        return value

    return check


def count(value: Any, place: str) -> int:
    """An int64, which JSON carries as text: a number that is not negative."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise _wrong(value, place, "int64")
    return int(value)


def choice(*choices: str) -> Check:
    """One of some names."""

    def check(value: Any, place: str) -> str:
        if value not in choices:
            raise _wrong(value, place, "enum")
        chosen: str = value
        return chosen

    return check


def _wrong(value: Any, place: str, kind: str) -> Exception:
    return invalid(f"invalid value for {kind} field {place}: {value!r}")
