"""Violations of a schema in words: what is wrong, what was found, and what to write instead.

The gate asks it about documents it has refused. Each mistake is told once: alternatives become one
sentence, a wrong type hides what follows from it, and a misspelt field is not missing as well.

The schemas help with keywords of their own. `x-must-be` says what a value has to be, `x-message`
replaces the message and `x-hint` the hint ({value} is what was found); `x-secret` keeps the value
out of the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from reconciler.schema.complaint import Complaint
from reconciler.schema.fields import Fields, closest, resolved
from reconciler.schema.shown import shortened, shown

Schema = Mapping[str, Any]


def complaints(schema: Schema, value: Any) -> tuple[Complaint, ...]:
    """Every way in which `value` breaks `schema`, each told once, in the order of the schema."""
    worder = _Worder(schema, value)
    findings: list[_Finding] = []
    for error in _VALIDATOR(dict(schema)).iter_errors(value):
        findings += worder.findings(error)
    return _told_once(findings)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """`$` is the end of the text, as in the gate; to Python it may stand before a line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"does not match {pattern}")


_extend: Callable[..., type[Any]] = validators.extend  # the stubs leave it untyped
_VALIDATOR = _extend(Draft202012Validator, {"pattern": _pattern})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """A complaint with what decides whether it is told: its keyword, and the field it suggests."""

    complaint: Complaint
    keyword: str
    meant: tuple[str | int, ...] | None = None


def _told_once(findings: Iterable[_Finding]) -> tuple[Complaint, ...]:
    findings = list(findings)
    mistyped = {f.complaint.path for f in findings if f.keyword == "type"}
    meant = {f.meant for f in findings if f.meant is not None}
    told: dict[tuple[Any, ...], Complaint] = {}
    for finding in findings:
        complaint = finding.complaint
        hidden = (finding.keyword == "required" and complaint.path in meant) or (
            finding.keyword != "type" and complaint.path in mistyped and not complaint.at_key
        )
        if not hidden:
            told.setdefault((complaint.path, complaint.at_key, complaint.message), complaint)
    return tuple(told.values())


class _Worder:
    """Words the errors of one value against one schema."""

    def __init__(self, root: Schema, value: Any) -> None:
        self._root = root
        self._fields = Fields(root, value)

    def findings(self, error: ValidationError) -> Iterator[_Finding]:
        """The complaints that one error of the library stands for."""
        keyword, path = str(error.validator), tuple(error.absolute_path)
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        if "propertyNames" in error.absolute_schema_path:
            yield self._name(error, schema, path)
        elif keyword == "additionalProperties" and error.validator_value is False:
            yield from self._unknown(error, schema, path)
        elif keyword == "required":
            yield from self._missing(error, schema, path)
        elif keyword in ("anyOf", "oneOf"):
            yield from self._union(error, schema, path)
        elif keyword in ("not", "None") or (keyword == "pattern" and "x-message" in schema):
            message = schema.get("x-message", "is not allowed here")
            hint = _filled(schema.get("x-hint", ""), error.instance)
            at_key = keyword != "pattern"
            yield _found(keyword, path, message, hint, at_key=at_key)
        else:
            message, hint = _worded(keyword, error, schema)
            if keyword != "type":
                hint = hint or _filled(schema.get("x-hint", ""), error.instance)
            yield _found(keyword, path, message, hint)

    def _name(
        self, error: ValidationError, schema: Schema, path: tuple[str | int, ...]
    ) -> _Finding:
        """A key that may not be one: the library gives the path of what it is a key of."""
        key = str(error.instance)
        match error.validator:
            case "maxLength":
                message = f"a key has at most {error.validator_value} characters, this {len(key)}"
            case "minLength":
                message = "a key must not be empty"
            case "pattern" if "x-must-be" in schema:
                message = f"the name must be {schema['x-must-be']}"
            case _:
                message = schema.get("x-message", "cannot be a key here")
        hint = schema.get("x-hint", "") if error.validator == "not" else ""
        return _found("propertyNames", (*path, key), message, hint, at_key=True)

    def _unknown(
        self, error: ValidationError, schema: Schema, path: tuple[str | int, ...]
    ) -> Iterator[_Finding]:
        known = schema.get("properties", {})
        value: Any = error.instance
        for name in value:
            if name not in known:
                meant, hint = self._fields.meant(path, name, known)
                complaint = Complaint(
                    path=(*path, name), message="unknown field", hint=hint, at_key=True
                )
                yield _Finding(complaint=complaint, keyword="unknown", meant=meant)

    def _missing(
        self, error: ValidationError, schema: Schema, path: tuple[str | int, ...]
    ) -> Iterator[_Finding]:
        value: Any = error.instance
        required: Any = error.validator_value
        for name in required:
            if name not in value:
                field = resolved(schema.get("properties", {}).get(name, {}), self._root)
                hint = _example(name, field) or schema.get("x-hint", "")
                yield _found("required", (*path, name), "this field is missing", hint, at_key=True)

    def _union(
        self, error: ValidationError, schema: Schema, path: tuple[str | int, ...]
    ) -> Iterator[_Finding]:
        """Of several alternatives, the one that was meant; or all of them in one sentence."""
        alternatives: Any = error.validator_value
        branches = [resolved(branch, self._root) for branch in alternatives]
        types = [branch.get("properties", {}).get("type", {}).get("const") for branch in branches]
        if all(types) and isinstance(error.instance, Mapping):
            given = error.instance.get("type")
            if given not in types:
                yield _typed(path, given, types, missing="type" not in error.instance)
                return
            fitting = [types.index(given)]
        else:
            fitting = [i for i, branch in enumerate(branches) if _might_be(branch, error.instance)]
        if len(fitting) == 1:
            for child in error.context or ():
                if child.relative_schema_path[0] == fitting[0]:
                    yield from self.findings(child)
            return
        nouns = dict.fromkeys(map(_expected, branches))
        expected = schema.get("x-must-be") or " or ".join(nouns)
        wanted = {name for branch in branches for name in _types(branch)}
        constants = [constant for branch in branches for constant in _constants(branch)]
        hint = _other_type_hint(error.instance, wanted, constants)
        yield _found("type", path, f"must be {expected}, got {_got(error.instance, schema)}", hint)


def _found(
    keyword: str, path: tuple[str | int, ...], message: str, hint: str = "", *, at_key: bool = False
) -> _Finding:
    complaint = Complaint(path=path, message=message, hint=hint, at_key=at_key)
    return _Finding(complaint=complaint, keyword=keyword)


def _typed(path: tuple[str | int, ...], given: Any, types: list[str], *, missing: bool) -> _Finding:
    """What is wrong with the `type` that chooses among alternatives."""
    if missing:
        hint = f"add type: {types[0]}, or another of {', '.join(types[1:])}"
        return _found("required", (*path, "type"), "this field is missing", hint, at_key=True)
    message = f"must be {_one_of(types)}, got {shown(given)}"
    return _found("enum", (*path, "type"), message, _did_you_mean(given, types))


def _worded(keyword: str, error: ValidationError, schema: Schema) -> tuple[str, str]:
    """Message and hint for a violation of a keyword that concerns one value only."""
    limit: Any = error.validator_value
    value: Any = error.instance
    got = _got(value, schema)
    match keyword:
        case "type":
            wanted = [limit] if isinstance(limit, str) else list(limit)
            expected = " or ".join(_TYPES[name] for name in wanted if name != "null")
            return f"must be {expected}, got {got}", _other_type_hint(value, set(wanted), [])
        case "const" | "enum":
            options = [limit] if keyword == "const" else list(limit)
            return f"must be {_one_of(options)}, got {got}", _did_you_mean(value, options)
        case "pattern":
            return f"must be {schema.get('x-must-be', f'text like {limit}')}, got {got}", ""
        case _ if keyword in _BOUNDS:
            return _BOUNDS[keyword](limit, value), ""
        case _:
            return error.message, ""


_TYPES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}

_BOUNDS: dict[str, Callable[[Any, Any], str]] = {
    "minimum": lambda limit, value: f"must be at least {limit}, got {shown(value)}",
    "maximum": lambda limit, value: f"must be at most {limit}, got {shown(value)}",
    "exclusiveMinimum": lambda limit, value: f"must be above {limit}, got {shown(value)}",
    "exclusiveMaximum": lambda limit, value: f"must be below {limit}, got {shown(value)}",
    "minLength": lambda limit, value: _too_few("characters", limit, value),
    "maxLength": lambda limit, value: f"must have at most {limit} characters, has {len(value)}",
    "minItems": lambda limit, value: _too_few("items", limit, value),
    "maxItems": lambda limit, value: f"must have at most {limit} items, has {len(value)}",
    "minProperties": lambda limit, value: _too_few("entries", limit, value),
    "maxProperties": lambda limit, value: f"must have at most {limit} entries, has {len(value)}",
    "uniqueItems": lambda _, __: "must not say the same twice",
}


def _too_few(what: str, limit: int, value: Any) -> str:
    return f"must have at least {limit} {what}, has {len(value)}" if value else "must not be empty"


def _might_be(branch: Schema, value: Any) -> bool:
    """Whether an alternative is worth comparing with `value` in detail."""
    return not _constants(branch) and _json_type(value) & set(_types(branch)) != set()


def _types(branch: Schema) -> list[str]:
    if "type" in branch:
        return [branch["type"]] if isinstance(branch["type"], str) else list(branch["type"])
    if constants := _constants(branch):
        return sorted(set().union(*map(_json_type, constants)))
    alternatives = branch.get("anyOf") or branch.get("oneOf") or ()
    return [name for alternative in alternatives for name in _types(alternative)] or [*_TYPES]


def _constants(branch: Schema) -> list[Any]:
    return [branch["const"]] if "const" in branch else list(branch.get("enum", ()))


def _json_type(value: Any) -> set[str]:
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int() | float():
            return {"integer", "number"}
        case str():
            return {"string"}
        case Mapping():
            return {"object"}
        case _:
            return {"array"}


def _expected(branch: Schema) -> str:
    """An alternative as a noun: `"auto"`, `an integer from 1 to 50`."""
    if constants := _constants(branch):
        return _one_of(constants)
    noun = branch.get("x-must-be") or " or ".join(_TYPES[name] for name in _types(branch))
    low, high = branch.get("minimum"), branch.get("maximum")
    above = branch.get("exclusiveMinimum")
    if above is not None:
        noun += f" above {above}" + (f" and up to {high}" if high is not None else "")
    elif low is not None:
        noun += f" from {low} to {high}" if high is not None else f" of at least {low}"
    return str(noun)


def _one_of(options: list[Any]) -> str:
    *most, last = [json.dumps(option) for option in options]
    return f"{', '.join(most)} or {last}" if most else last


def _did_you_mean(value: Any, options: list[Any]) -> str:
    close = isinstance(value, str) and closest(value, [o for o in options if isinstance(o, str)])
    return f"did you mean {close}?" if close else ""


def _got(value: Any, schema: Schema) -> str:
    hidden = schema.get("x-secret") and isinstance(value, str)
    return "something else" if hidden else shown(value)


def _filled(hint: str, value: Any) -> str:
    return hint.replace("{value}", shortened(value) if isinstance(value, str) else "…")


def _example(name: str, field: Schema) -> str:
    for constant in _constants(field)[:1]:
        return f"add {name}: {constant}"
    for example in field.get("examples", ()):
        if isinstance(example, (str, int, float)):
            return f"such as {name}: {example}"
    return ""


_NUMBER = re.compile(r"\s*([-+]?[0-9][0-9_,]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\s*")
_BOOLEANS = {"yes": "true", "on": "true", "true": "true"} | {
    "no": "false",
    "off": "false",
    "false": "false",
}
_NO_SPACE = re.compile(r"\w+:\S.*")


def _other_type_hint(value: Any, wanted: set[str], constants: list[Any]) -> str:
    """How to write what was probably meant, for a value of the wrong type."""
    match value:
        case None:
            return "write a value, or leave the field out"
        case str():
            return _text_hint(value, wanted) or _did_you_mean(value, constants)
        case bool() | int() | float() if "string" in wanted and not constants:
            exact = not isinstance(value, float)
            return f'put it in quotes: "{json.dumps(value)}"' if exact else "put it in quotes"
        case _ if "array" in wanted:
            return 'begin each item with "- "'
        case _:
            return ""


def _text_hint(text: str, wanted: set[str]) -> str:
    if wanted & {"integer", "number"} and (number := _NUMBER.fullmatch(text)):
        return f"write {number.group(1).replace('_', '').replace(',', '')} without quotes"
    if "boolean" in wanted and text.lower() in _BOOLEANS:
        return f"write {_BOOLEANS[text.lower()]}, without quotes"
    if "object" in wanted and "string" not in wanted and _NO_SPACE.fullmatch(text):
        return "put a space after the colon"
    if "array" in wanted and "string" not in wanted:
        return 'begin each item with "- "'
    return ""
