"""The parser's complaints in words for a person: what is wrong, where, and what to write instead.

`reader` calls it when PyYAML gives up. libyaml and PyYAML's own parser word the same mistake
differently, so a rule looks for what both say.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from reconciler.errors import Problem
from reconciler.yamlio.text import MAX_DEPTH


def syntax_problem(error: yaml.YAMLError, characters: str, file: str) -> Problem:
    """The first thing in `characters` that is not YAML. `{char}` is what stands there."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem(file, 0, 0, f"this is not YAML: {error}")
    mark, begin = error.problem_mark, error.context_mark or error.problem_mark
    lines = _LINE_BREAK.split(characters)
    line = lines[mark.line] if mark.line < len(lines) else ""
    if tab := _TAB_INDENT.match(line):
        message, hint = "a tab in the indentation", "indent with spaces"
        return Problem(file, mark.line + 1, tab.end(), message, hint)
    said = f"{error.context or ''}: {error.problem or ''}"
    rule = next((rule for rule in _RULES if re.search(rule.said, said)), None)
    if rule is None:
        return Problem(file, mark.line + 1, mark.column + 1, f"this is not YAML: {error.problem}")
    if rule is _MISFIT and line[: mark.column].strip():
        rule = _LEFTOVER
    if rule is _UNEXPECTED and not "".join([line[mark.column :], *lines[mark.line + 1 :]]).strip():
        rule = _UNFINISHED
    place = begin if rule.at_begin else mark
    char = line[mark.column : mark.column + 1]
    message = rule.message.replace("{char}", char)
    hint = rule.hint.replace("{begin}", str(begin.line + 1))
    return Problem(file, place.line + 1, place.column + 1, message, hint)


class _Rule(NamedTuple):
    """`said` is searched in the parser's words; `at_begin` points at where the thing began."""

    said: str
    message: str
    hint: str
    at_begin: bool = False


_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_TAB_INDENT = re.compile(r" *\t")

_MISFIT = _Rule(
    "block (?:mapping|collection): ",
    "this line does not fit the block it stands in",
    "align it with line {begin}, where the block begins",
)
_LEFTOVER = _Rule("", "text after the end of a value", "put the whole value in quotes")

_UNEXPECTED = _Rule(
    "(?:block|flow) node: ",
    'unexpected "{char}"',
    "put a value that begins with it in quotes",
)
_UNFINISHED = _Rule("", "the file ends too early", "is a bracket left open?")

_RULES = (
    _Rule(  # newer libyamls stop by themselves, at a depth of their own
        "maximum nesting depth",
        f"nested deeper than {MAX_DEPTH} levels",
        "is a bracket left open?",
    ),
    _Rule(
        "unknown escape",
        "a backslash that means nothing in double quotes",
        r"write \\ for a backslash, or use single quotes",
    ),
    _Rule(
        "quoted scalar: found unexpected",
        "this quote is never closed",
        "add the closing quote; in single quotes write '' for a quote",
        at_begin=True,
    ),
    _Rule(
        "flow sequence: ",
        'a "," or "]" is missing before this',
        "the list begins on line {begin}",
    ),
    _Rule(
        "flow mapping: ",
        'a "," or "}" is missing before this',
        "the mapping begins on line {begin}",
    ),
    _Rule(
        "mapping values are not allowed",
        'a ":" where no key can stand',
        'put a value that holds ": " in quotes, and align keys of one mapping',
    ),
    _Rule(
        "could not find expected ':'",
        'a key without its ":"',
        "write key: value, with a space after the colon",
        at_begin=True,
    ),
    _Rule(
        "cannot start any token",
        'a value cannot begin with "{char}"',
        "put it in quotes",
    ),
    _Rule(
        "sequence entries are not allowed",
        "a list cannot begin here",
        'put each "- " on a line of its own',
    ),
    _Rule(
        "scanning an alias",
        'a value that begins with "*" is an alias',
        "put it in quotes if it is text",
        at_begin=True,
    ),
    _Rule(
        "scanning an anchor",
        'a value that begins with "&" is an anchor',
        "put it in quotes if it is text",
        at_begin=True,
    ),
    _Rule(
        "a tag: |tag handle",
        'a value that begins with "!" is a tag',
        "put it in quotes if it is text",
        at_begin=True,
    ),
    _Rule(
        "block scalar: ",
        'text on the line of a "|" or ">"',
        "begin the text on the next line, or put it in quotes",
    ),
    _Rule("incompatible YAML", "%YAML: only YAML 1.2 is read", "remove the line"),
    _Rule(
        "expected '?<document start>",
        "text where a document has to begin with ---",
        "put --- on the line before it",
    ),
    _MISFIT,
    _UNEXPECTED,
)
