"""From characters to documents: YAML 1.2's core scalars, nothing that two readers read differently.

`load` is the way in. It must never build a tree before its depth is known: PyYAML's own C loader
overflows the stack on deeply nested brackets, so only the parser's events are used, which are
produced without recursion, and reading stops at `MAX_DEPTH`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from reconciler.errors import Problem, SpecError
from reconciler.yamlio.scalars import TYPED_START, Ambiguous, plain, shown
from reconciler.yamlio.syntax import syntax_problem
from reconciler.yamlio.text import MAX_DEPTH, decoded

MAX_ALIASED_NODES = 10_000
"""Values that all aliases of one file may stand for together: what stops a billion laughs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file: its value in JSON's types, and where each part of it stands.

    `line` is where the value begins, after `---` and comments. Parts that were written once and
    used through an alias are one object: a value is never changed in place.
    """

    value: Any
    file: str
    line: int
    text: bytes = field(repr=False, compare=False)
    index: int = field(repr=False, compare=False)

    def position(self, path: tuple[str | int, ...], *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of its key.

        A path that leads nowhere gives the place of its nearest existing parent. The text is read
        again for this, so that a document without problems costs nothing.
        """
        roots, places = _placed(self.text)
        value, mark = roots[self.index]
        key_mark = mark
        for step in path:
            inside = places.get(id(value), {})
            if step not in inside:
                break
            key_mark, mark = inside[step]
            value = value[step]
        chosen = key_mark if key else mark
        return chosen.line + 1, chosen.column + 1


def load(text: bytes, file: str) -> list[Document]:
    """The documents of one file, empty ones left out. `file` is its name in messages.

    Raises SpecError with the problems found: all of them, unless one leaves the rest unreadable.
    """
    return [
        Document(value=value, file=file, line=mark.line + 1, text=text, index=index)
        for index, (value, mark) in enumerate(_read(text, file).roots)
    ]


class _Mark(Protocol):
    """Where something stands, counted from 0: what both of PyYAML's parsers give."""

    line: int
    column: int


_Places = dict[Any, tuple[_Mark, _Mark]]
"""Of one mapping or list: by key or index, where the key and where the value begins."""


class _PurePythonParser(Reader, Scanner, Parser):
    """PyYAML's parser without libyaml: the same events, slower."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    _PARSER: type[CParser | _PurePythonParser] = _PurePythonParser
else:
    _PARSER = CParser


@functools.lru_cache(maxsize=1)
def _placed(text: bytes) -> tuple[list[tuple[Any, _Mark]], dict[int, _Places]]:
    """The roots of one text, and by the identity of each mapping and list, where its parts are."""
    places: dict[int, _Places] = {}
    return _read(text, "", places).roots, places


def _read(text: bytes, file: str, places: dict[int, _Places] | None = None) -> _Reader:
    reader = _Reader(decoded(text, file), file, places)
    reader.read()
    return reader


_MERGE = object()
_REFUSED = object()
_UNFINISHED = object()

_NO_QUOTES = (None, "")  # what PyYAML's parser and libyaml's say of a plain scalar

_CORE = "tag:yaml.org,2002:"
_TAG_TYPES = {"null": type(None), "bool": bool, "int": int, "float": float}


class _Reader:
    """Turns the events of one text into values, collecting problems on the way."""

    __slots__ = (
        "_aliased",
        "_anchors",
        "_characters",
        "_file",
        "_next",
        "places",
        "problems",
        "roots",
    )

    def __init__(self, characters: str, file: str, places: dict[int, _Places] | None) -> None:
        self._next: Callable[[], Any] = _PARSER(characters).get_event
        self._characters = characters
        self._file = file
        self._anchors: dict[str, Any] = {}
        self._aliased = 0
        self.places = places
        self.problems: list[Problem] = []
        self.roots: list[tuple[Any, _Mark]] = []

    def read(self) -> None:
        """Read all documents into `roots`. Raises SpecError."""
        try:
            self._documents()
        except yaml.YAMLError as error:
            self.problems.append(syntax_problem(error, self._characters, self._file))
        if self.problems:
            raise SpecError(self.problems)

    def _documents(self) -> None:
        self._next()  # the start of the stream
        while type(start := self._next()) is not StreamEndEvent:
            if start.version not in (None, (1, 2)):
                self._refuse(start, "%YAML: only YAML 1.2 is read", "remove the line")
            self._anchors = {}
            root = self._next()
            value = self._node(root, 1)
            if not (type(root) is ScalarEvent and value is None and root.value == ""):
                self.roots.append((value, root.start_mark))
            self._next()  # the end of the document

    def _node(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        anchor = event.anchor
        if kind is ScalarEvent and event.tag is None and anchor is None:
            text = event.value
            if text and (text[0] not in TYPED_START or not event.implicit[0]):
                return text  # nearly every scalar is text, so it goes the shortest way
        if anchor is not None:
            if anchor in self._anchors:
                self._refuse(event, f'the anchor "&{anchor}" is set twice', "rename one of them")
            self._anchors[anchor] = _UNFINISHED
        if kind is ScalarEvent:
            value = self._scalar(event)
        elif depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels", "is a bracket left open?")
        elif kind is MappingStartEvent:
            value = self._mapping(event, depth)
        else:
            value = self._sequence(event, depth)
        if anchor is not None:
            self._anchors[anchor] = value
        return value

    def _mapping(self, start: Any, depth: int) -> dict[str, Any]:
        if start.tag is not None and start.tag != f"{_CORE}map":
            self._refuse_tag(start)
        mapping: dict[str, Any] = {}
        places: _Places = {}
        merged: list[Any] = []
        while type(key_event := self._next()) is not MappingEndEvent:
            key: Any = self._node(key_event, depth + 1)
            if type(key) is not str or key == "<<":
                key = self._unusual_key(key_event, key)
            event = self._next()
            value = self._node(event, depth + 1)
            if key is _MERGE:
                merged += self._mergeable(event, value)
            elif key in places:
                first = places[key][0]
                hint = f"first on line {first.line + 1}, column {first.column + 1}; keep one"
                self._refuse(key_event, f'"{shown(key)}" is written twice', hint)
            elif key is not _REFUSED:
                mapping[key] = value
                places[key] = key_event.start_mark, event.start_mark
        for source in merged:
            for key, value in source.items():
                if key not in mapping:
                    mapping[key] = value
                    if self.places is not None:
                        places[key] = self.places[id(source)][key]
        if self.places is not None:
            self.places[id(mapping)] = places
        return mapping

    def _sequence(self, start: Any, depth: int) -> list[Any]:
        if start.tag is not None and start.tag != f"{_CORE}seq":
            self._refuse_tag(start)
        items: list[Any] = []
        places: _Places = {}
        while type(event := self._next()) is not SequenceEndEvent:
            places[len(items)] = event.start_mark, event.start_mark
            items.append(self._node(event, depth + 1))
        if self.places is not None:
            self.places[id(items)] = places
        return items

    def _unusual_key(self, event: Any, key: Any) -> Any:
        if key == "<<":
            return _MERGE if event.style in _NO_QUOTES and event.tag is None else key
        if isinstance(key, (dict, list)):
            found = "a mapping" if isinstance(key, dict) else "a list"
            hint = 'put a value that begins with "{" or "[" in quotes'
            self._refuse(event, f"a key must be text, and this is {found}", hint)
        elif type(event) is ScalarEvent and event.value:
            message = f"a key must be text, and {shown(event.value)} is not"
            self._refuse(event, message, f'write "{shown(event.value)}" in quotes')
        else:
            self._refuse(event, "a key is missing", 'write it before the ":"')
        return _REFUSED

    def _mergeable(self, event: Any, value: Any) -> list[Any]:
        """The mappings that a `<<` brings in, the strongest first."""
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(source, dict) for source in sources):
            return sources
        hint = 'write <<: *name, or "<<" in quotes if it is a key'
        self._refuse(event, '"<<" can only bring in mappings', hint)
        return []

    def _alias(self, event: Any, depth: int) -> Any:
        name = event.anchor
        if name not in self._anchors:
            hint = 'put a value that begins with "*" in quotes'
            self._stop(event, f'no "&{name}" stands before "*{name}"', hint)
        value = self._anchors[name]
        if value is _UNFINISHED:
            self._stop(event, f'"*{name}" contains itself', "write the inner part out")
        pending = [(value, depth)]
        while pending:
            part, level = pending.pop()
            self._aliased += 1
            if self._aliased > MAX_ALIASED_NODES:
                message = f"aliases stand for more than {MAX_ALIASED_NODES:,} values"
                self._stop(event, message, "write the values out, or use fewer aliases")
            if isinstance(part, (dict, list)):
                if level > MAX_DEPTH:
                    hint = "write the inner part out"
                    self._stop(event, f"nested deeper than {MAX_DEPTH} levels", hint)
                children = part.values() if isinstance(part, dict) else part
                pending += [(child, level + 1) for child in children]
        return value

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        tag = event.tag
        if tag is None:
            return self._plain(event) if event.implicit[0] else text
        if tag in ("!", f"{_CORE}str"):
            return text
        kind = _TAG_TYPES.get(tag.removeprefix(_CORE))
        if kind is None:
            self._refuse_tag(event)
            return text
        known = len(self.problems)
        value = self._plain(event)
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind and len(self.problems) == known:
            what = tag.removeprefix(_CORE)
            self._refuse(event, f'"{shown(text)}" is not what !!{what} says', "remove the tag")
        return value

    def _plain(self, event: Any) -> Any:
        try:
            return plain(event.value)
        except Ambiguous as error:
            self._refuse(event, error.message, error.hint)
            return event.value

    def _refuse_tag(self, event: Any) -> None:
        tag = "!!" + event.tag.removeprefix(_CORE) if event.tag.startswith(_CORE) else event.tag
        hint = 'remove it; put a value that begins with "!" in quotes'
        self._refuse(event, f"the tag {shown(tag)} is not read here", hint)

    def _refuse(self, event: Any, message: str, hint: str) -> None:
        mark = event.start_mark
        problem = Problem(self._file, mark.line + 1, mark.column + 1, message, hint)
        self.problems.append(problem)

    def _stop(self, event: Any, message: str, hint: str) -> NoReturn:
        self._refuse(event, message, hint)
        raise SpecError(self.problems)
