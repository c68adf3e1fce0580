"""What may stand in a field, and the refusal where something else does: OpenAI's own words.

`create_request`, `graders` and the file handlers use it. Each check returns the value it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.sandbox.exchange import Refusal
from reconciler.sandbox.openai.wire import refused

Check = Callable[[Any, str], Any]
"""Given a value and the path of its field, the value; or Refusal."""


def required(document: Mapping[str, Any], field: str, path: str = "") -> Any:
    """The value of a field that must be there and not null."""
    param = f"{path}.{field}" if path else field
    if document.get(field) is None:
        raise refused(
            f"Missing required parameter: '{param}'.",
            param=param,
            code="missing_required_parameter",
        )
    return document[field]


def obj(value: Any, param: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise _wrong_type(value, param, "an object")
    return value


def array(value: Any, param: str, most: int | None = None) -> list[Any]:
    """A JSON array of at most `most` items."""
    if not isinstance(value, list):
        raise _wrong_type(value, param, "an array")
    if most is not None and len(value) > most:
        raise refused(
            f"Invalid '{param}': array too long. Expected an array with maximum length {most}, "
            f"but got an array with length {len(value)} instead.",
            param=param,
            code="array_above_max_length",
        )
    return value


def string(value: Any, param: str, *, least: int = 0, most: int | None = None) -> str:
    """A string of `least` to `most` characters."""
    if not isinstance(value, str):
        raise _wrong_type(value, param, "a string")
    if len(value) < least:
        raise refused(
            f"Invalid '{param}': string too short. Expected a string with minimum length {least}, "
            f"but got a string with length {len(value)} instead.",
            param=param,
            code="string_below_min_length",
        )
    if most is not None and len(value) > most:
        raise refused(
            f"Invalid '{param}': string too long. Expected a string with maximum length {most}, "
            f"but got a string with length {len(value)} instead.",
            param=param,
            code="string_above_max_length",
        )
    return value


def choice(*options: str) -> Check:
    """One of these strings."""

    def check(value: Any, param: str) -> Any:
        if value not in options or not isinstance(value, str):
            listed = ", ".join(f"'{option}'" for option in options)
            raise refused(
                f"Invalid value: {_shown(value)}. Supported values are: {listed}.",
                param=param,
                code="invalid_value",
            )
        return value

    return check


def integer(low: int, high: int | None = None) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: Any, param: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(value, param, "an integer")
        if value < low:
            raise _out_of_range(param, "integer", "below minimum", f">= {low}", value)
        if high is not None and value > high:
            raise _out_of_range(param, "integer", "above maximum", f"<= {high}", value)
        return value

    return check


def number(above: float, high: float | None = None) -> Check:
    """A number greater than `above`, at most `high`."""

    def check(value: Any, param: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(value, param, "a number")
        if not value > above:
            raise _out_of_range(param, "decimal", "below minimum", f"> {above:g}", value)
        if high is not None and value > high:
            raise _out_of_range(param, "decimal", "above maximum", f"<= {high:g}", value)
        return value

    return check


def auto_or(check: Check) -> Check:
    """The word "auto", or what the other check allows."""
    return lambda value, param: value if value == "auto" else check(value, param)


def metadata(value: Any) -> dict[str, str] | None:
    """At most 16 pairs of strings: 64 characters in a key, 512 in a value."""
    if value is None:
        return None
    pairs = obj(value, "metadata")
    if len(pairs) > 16:  # noqa: PLR2004 - OpenAI's limit, see the docstring
        raise refused(
            "Invalid 'metadata': too many properties. Expected an object with at most 16 "
            f"properties, but got an object with {len(pairs)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, item in pairs.items():
        string(key, "metadata", most=64)
        string(item, f"metadata.{key}", most=512)
    return pairs


def only(document: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse fields that the endpoint does not know: for the bodies whose schema closes them."""
    for field in document:
        if field not in known:
            raise refused(f"Unknown parameter: '{field}'.", param=field, code="unknown_parameter")


def _wrong_type(value: Any, param: str, expected: str) -> Refusal:
    return refused(
        f"Invalid type for '{param}': expected {expected}, but got {_kind(value)} instead.",
        param=param,
        code="invalid_type",
    )


def _out_of_range(param: str, kind: str, side: str, expected: str, value: Any) -> Refusal:
    word = side.replace("below minimum", "below_min").replace("above maximum", "above_max")
    return refused(
        f"Invalid '{param}': {kind} {side} value. Expected a value {expected}, but got {value} "
        "instead.",
        param=param,
        code=f"{kind}_{word}_value",
    )


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else _kind(value)
