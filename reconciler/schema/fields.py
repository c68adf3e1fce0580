"""Which fields a schema knows, and which of them somebody may have meant.

`words` asks it about every unknown field. It looks in the place where the field was written first,
then elsewhere: a field in the wrong place is as common as a wrong letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from reconciler.schema.complaint import dotted

Path = tuple[str | int, ...]

ANY_NAME = "<name>"
"""Stands in a path for the name of an entry that the user chooses."""


class Fields:
    """The fields of one schema, for one value that breaks it."""

    def __init__(self, schema: Mapping[str, Any], value: Any) -> None:
        self._known = list(dict.fromkeys(_fields(schema, schema, _of_others(value), ())))
        self._value = value
        self._guesses_left = _MOST_GUESSES

    def meant(self, parent: Path, name: str, here: Mapping[str, Any]) -> tuple[Path | None, str]:
        """The field that `name`, unknown among those of `parent`, may stand for, and the hint."""
        before_colon = name.partition(":")[0]
        if before_colon != name and before_colon in here:
            return (*parent, before_colon), "put a space after the colon"
        usual = _usual(name)
        for known in here:
            if _usual(known) == usual:
                return (*parent, known), f"did you mean {known}?"
        for known in here:
            if usual == f"{_usual(known)}s" or _usual(known) == f"{usual}s":
                return (*parent, known), f"did you mean {known}?"
        if elsewhere := self._same_name_elsewhere(parent, usual):
            return elsewhere, f"it belongs {_inside(elsewhere[:-1])}"
        if close := self._close(usual, list(here), _CLOSE):
            return (*parent, close), f"did you mean {close}?"
        names = {str(path[-1]): path for path in reversed(self._known)}
        if (close := self._close(usual, list(names), _VERY_CLOSE)) and (
            path := self._same_name_elsewhere(parent, close)
        ):
            return path, f"did you mean {dotted(path)}?"
        match list(here):
            case [only]:
                return None, f"the only field here is {only}"
            case [*several] if 1 < len(several) <= _FEW:
                return None, f"the fields here are {', '.join(several)}"
            case _:
                return None, ""

    def _same_name_elsewhere(self, parent: Path, name: str) -> Path | None:
        found = [path for path in self._known if path[-1] == name]
        near = [path for path in found if _distance(parent, path[:-1]) <= _NEAR]
        return min(near, key=lambda path: self._rank(parent, path), default=None)

    def _rank(self, parent: Path, path: Path) -> tuple[int, int]:
        """The nearest first; of equals, the section that a `type` in the value asks for."""
        inside, fits = self._value, 0
        for step in path:
            if not isinstance(inside, Mapping):
                break
            fits += inside.get("type") == step
            inside = inside.get(str(step))
        return _distance(parent, path[:-1]), -fits

    def _close(self, name: str, candidates: list[str], cutoff: float) -> str | None:
        if self._guesses_left == 0:
            return None
        self._guesses_left -= 1
        return next(iter(get_close_matches(name, candidates, n=1, cutoff=cutoff)), None)


def closest(word: str, candidates: list[str]) -> str | None:
    """The candidate that looks most like `word`, if one does. Case does not count."""
    folded = {candidate.casefold(): candidate for candidate in candidates}
    close = get_close_matches(word[:_LONGEST].casefold(), folded, n=1, cutoff=_CLOSE)
    return folded[close[0]] if close else None


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """`schema` with what its `$ref` points to; what stands beside the `$ref` wins."""
    if "$ref" not in schema:
        return schema
    target: Any = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**resolved(target, root), **schema}


_CLOSE = 0.75  # learning_rate is not learning_rate_multiplier
_VERY_CLOSE = 0.85
_FEW = 8
_NEAR = 4  # steps up and down; further away the same name means another thing
_MOST_GUESSES = 50  # nobody reads more, and each costs a comparison with every field
_DEEPEST = 10
_LONGEST = 100


def _of_others(value: Any) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a part of the schema is only for providers that this value does not name."""
    spec = value.get("spec") if isinstance(value, Mapping) else None
    provider = spec.get("provider") if isinstance(spec, Mapping) else None
    return lambda part: part.get("x-provider", provider) != provider


def _fields(
    schema: Mapping[str, Any],
    root: Mapping[str, Any],
    foreign: Callable[[Mapping[str, Any]], bool],
    at: Path,
) -> Iterator[Path]:
    """The path of every field but those inside lists, deprecated ones, and `foreign` ones."""
    schema = resolved(schema, root)
    if schema.get("deprecated") or len(at) > _DEEPEST or foreign(schema):
        return
    for name, field in schema.get("properties", {}).items():
        if "not" not in resolved(field, root) and not field.get("deprecated"):
            yield (*at, name)
            yield from _fields(field, root, foreign, (*at, name))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _fields(branch, root, foreign, at)
    for keyword in ("then", "else"):
        if keyword in schema:
            yield from _fields(schema[keyword], root, foreign, at)
    if isinstance(entry := schema.get("additionalProperties"), Mapping):
        yield from _fields(entry, root, foreign, (*at, ANY_NAME))


def _usual(name: str) -> str:
    """`learningRateMultiplier` and `learning-rate-multiplier` are learning_rate_multiplier."""
    snake = _CAMEL.sub("_", name[:_LONGEST].strip())
    return _APART.sub("_", snake).casefold()


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_APART = re.compile(r"[\s-]+")


def _distance(one: Path, other: Path) -> int:
    """Steps up from `one` and down to `other`."""
    shared = 0
    for left, right in zip(one, other, strict=False):
        if right not in (left, ANY_NAME):
            break
        shared += 1
    return len(one) + len(other) - 2 * shared


def _inside(parent: Path) -> str:
    return f"in {dotted(parent)}" if parent else "at the top of the document"
