"""What is wrong with bytes that should be a state, in words a person can act on.

`codec` calls it when reading did not simply succeed. It repairs nothing and guesses nothing: every
function returns something whole or raises (or returns) a StateFormat that names the place.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from reconciler.errors import StateFormat
from reconciler.model import FileRef, Record

EDITING = "to edit a state, take it with `reconcile state pull` and return it with `state push`"

UPGRADE = "upgrade finetune-reconciler"

_Document = TypeVar("_Document")


def parse(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in these bytes, no key of which was given twice."""
    if not data.strip(b"\0 \t\r\n"):
        what = "holds nothing but zeros" if b"\0" in data else "is empty"
        raise StateFormat(f"{where} {what}: a state is never empty, so something was lost")
    if marker := _CONFLICT.search(data):
        line = data.count(b"\n", 0, marker.start()) + 1
        raise StateFormat(
            f"{where}:{line}: two states were merged by hand or by git, and git left its marks",
            hint=f"take one side whole: git checkout --ours -- {shlex.quote(where)} (or --theirs), "
            "or go back to a backup; the next apply finds the other side's jobs by their tokens",
        )
    try:
        text = data.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise StateFormat(f"{where} is no text from byte {error.start} on") from None
    except json.JSONDecodeError as error:
        raise _malformed(error, where) from None
    except ValueError as error:  # from the two hooks, or a number of thousands of digits
        raise StateFormat(f"{where}: {error}") from None
    if not isinstance(document, dict):
        raise StateFormat(f"{where} holds {_kind(document)}, not a state")
    return document


def version(raw: Mapping[str, Any], where: str, newest: int) -> int:
    """The version the document says it is of: at most `newest`."""
    found = raw.get("version")
    if not isinstance(found, int) or isinstance(found, bool):
        raise StateFormat(f"{where} has no version: it is not a state of this program")
    if found > newest:
        raise StateFormat(
            f"{where} was written by a newer version of this program "
            f"(document version {found}; this one reads up to {newest})",
            hint=UPGRADE,
        )
    return found


def shaped(raw: Mapping[str, Any], document: type[_Document], where: str) -> _Document:
    """The raw document with its types, or the first place that has the wrong one."""
    try:
        return msgspec.convert(raw, document)
    except msgspec.ValidationError as error:
        # msgspec names fields but no keys, so the faulty member is found by trying each.
        place, fault = _first_fault(raw) or ("", error)
        raise StateFormat(f"{where}: {_placed(place, fault)}", hint=EDITING) from None


def difference(found: Any, expected: Any, place: str = "") -> str | None:
    """What the found JSON value has or lacks beside the expected one, with its place."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            here = f"{place}/{key}"
            if key not in expected:
                return f"{here} is not a field this program knows"
            if key not in found:
                return f"{here} is missing"
            if fault := difference(found[key], expected[key], here):
                return fault
        return None
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        faults = (difference(one, other, f"{place}/{index}") for index, (one, other) in pairs)
        return next(filter(None, faults), None)
    return None if found == expected else f"{place} is not written as this program would"


def changed(where: str) -> StateFormat:
    """The error for a state whose values are not those its checksum was made of."""
    return StateFormat(
        f"{where} was edited by hand, merged or damaged: its checksum is not that of its content",
        hint=EDITING,
    )


def too_deep(where: str) -> StateFormat:
    """The error for nesting no state has."""
    return StateFormat(f"{where} is nested too deeply to be a state")


def wording(error: Exception) -> str:
    """What a decoder has against a value, and where in it, as half a sentence."""
    return _placed("", error)


_CONFLICT = re.compile(rb"^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?\r?$", re.MULTILINE)
_FAULT = re.compile(r"^(?P<fault>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_WORDS = (
    (re.compile(r"^Invalid enum value (.*)$", re.DOTALL), r"\1 is not a word this program knows"),
    (re.compile(r"^Object missing required field `(.*)`$"), r"the field \1 is missing"),
    (re.compile(r"^Expected "), "expected "),
)


def _first_fault(raw: Mapping[str, Any]) -> tuple[str, Exception] | None:
    records, files = raw.get("records"), raw.get("files")
    if isinstance(records, dict):
        for token, record in records.items():
            if fault := _fault(record, Record):
                return f"/records/{token}", fault
    if isinstance(files, dict):
        for scope, known in files.items():
            if fault := _fault(known, dict[str, FileRef]):
                return f"/files/{scope}", fault
    return None


def _fault(value: Any, type_: Any) -> msgspec.ValidationError | None:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return error
    return None


def _placed(place: str, error: Exception) -> str:
    """`/records/a/job/status: "done" is not …` from msgspec's `Invalid … - at `$.job.status``."""
    match = _FAULT.match(str(error))
    fault, path = (match["fault"], match["path"] or "") if match else (str(error), "")
    for pattern, words in _WORDS:
        fault = pattern.sub(words, fault)
    place += re.sub(r"\.|\[(?=\d)", "/", path.replace("[...]", "/*")).replace("]", "")
    return f"{place}: {fault}" if place else fault


def _malformed(error: json.JSONDecodeError, where: str) -> StateFormat:
    rest = error.doc[error.pos :].strip()
    if not rest or not error.doc.rstrip().endswith("}"):
        return StateFormat(
            f"{where} ends in the middle, after {len(error.doc.encode())} bytes: the rest was lost"
        )
    return StateFormat(f"{where}:{error.lineno}:{error.colno}: no JSON from here on ({error.msg})")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" is there twice')
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _kind(value: Any) -> str:
    match value:
        case list():
            return "a list"
        case str():
            return "a string"
        case None:
            return "null"
        case _:
            return "a single value"
