from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import yamlio
from reconciler.errors import Problem, SpecError
from reconciler.yamlio import reader


@pytest.fixture(params=[reader._PARSER, reader._PurePythonParser], ids=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers: a machine may have only the second."""
    monkeypatch.setattr(reader, "_PARSER", request.param)


both_parsers = pytest.mark.usefixtures("parser")


def value(source: str) -> Any:
    (document,) = yamlio.load(source.encode(), "f.yaml")
    return document.value


def refusal(source: str | bytes) -> str:
    given_bytes = source.encode() if isinstance(source, str) else source
    with pytest.raises(SpecError) as raised:
        yamlio.load(given_bytes, "f.yaml")
    return str(raised.value)


@both_parsers
@pytest.mark.parametrize(
    ("scalar", "meaning"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nil", "nil"),
        ("'null'", "null"),
        ('"true"', "true"),
        ("3", 3),
        ("+3", 3),
        ("-0", 0),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", "-0x1F"),
        ("0b101", "0b101"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("0e5", 0.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.5", 0.5),
        ("-1.5e+3", -1500.0),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        (".", "."),
        ("-", None),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
        ("=", "="),
        ("50%", "50%"),
        ("./data/x.jsonl", "./data/x.jsonl"),
        ("ft:gpt-4o:acme::abc", "ft:gpt-4o:acme::abc"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("! 12", "12"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ('!!int "12"', 12),
        ("!!float 3", 3.0),
        ("!!bool true", True),
        ("!!null ''", None),
        ("!!map {a: 1}", {"a": 1}),
        ("!!seq [1]", [1]),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(scalar: str, meaning: Any) -> None:
    found = value(f"- {scalar}" if scalar == "-" else f"key: {scalar}")
    found = found[0] if isinstance(found, list) else found["key"]
    if scalar == "-":
        assert found == [meaning]
    else:
        assert found == meaning
        assert type(found) is type(meaning)


@both_parsers
@pytest.mark.parametrize("key", ["no", "on", "yes", "y", "2026-01-01", '"1"', "'true'", '"<<"'])
def test_keys_stay_text(key: str) -> None:
    assert value(f"{key}: 1") == {key.strip("'\""): 1}


def test_json_is_yaml() -> None:
    document = {"a": [1, 2.5, None, True, "x: y"], "b": {"c": 'é\n\t\\ "'}, "": []}
    assert value(json.dumps(document, indent=2)) == document


@both_parsers
def test_several_documents_and_empty_ones_left_out() -> None:
    documents = yamlio.load(b"a: 1\n---\n---\n# nothing\n---\n\n# why\nb: 2\n", "f.yaml")
    assert [(d.value, d.file, d.line) for d in documents] == [
        ({"a": 1}, "f.yaml", 1),
        ({"b": 2}, "f.yaml", 8),
    ]
    assert documents[1].position(("b",)) == (8, 4)


@pytest.mark.parametrize("source", ["", "\n", "# only a comment\n", "---\n", "---\n...\n"])
def test_a_file_without_content_has_no_documents(source: str) -> None:
    assert yamlio.load(source.encode(), "f.yaml") == []


def test_a_written_null_is_a_document() -> None:
    assert [document.value for document in yamlio.load(b"null", "f.yaml")] == [None]


@both_parsers
@pytest.mark.parametrize("source", ["\ufeffa: é", "%YAML 1.2\n---\na: é", "a: é\r\n", "a: é\r"])
def test_marks_and_line_breaks_of_other_systems(source: str) -> None:
    assert value(source) == {"a": "é"}


# --- positions ----------------------------------------------------------------------------------

SPEC = """\
# a comment
---
spec:
  method: {type: supervised, supervised: {n_epochs: 3}}
  tags:
    - a
    - name: b
      "quoted key": c
  note: |
    text
"""


@both_parsers
@pytest.mark.parametrize(
    ("path", "at_value", "at_key"),
    [
        ((), (3, 1), (3, 1)),
        (("spec",), (4, 3), (3, 1)),
        (("spec", "method", "supervised", "n_epochs"), (4, 53), (4, 43)),
        (("spec", "tags", 0), (6, 7), (6, 7)),
        (("spec", "tags", 1, "quoted key"), (8, 21), (8, 7)),
        (("spec", "note"), (9, 9), (9, 3)),
        (("spec", "missing"), (4, 3), (3, 1)),
        (("spec", "tags", 7), (6, 5), (5, 3)),
        (("spec", "note", "deeper", 0), (9, 9), (9, 3)),
        (("missing", "spec"), (3, 1), (3, 1)),
    ],
)
def test_positions_count_from_one(
    path: tuple[str | int, ...], at_value: tuple[int, int], at_key: tuple[int, int]
) -> None:
    (document,) = yamlio.load(SPEC.encode(), "f.yaml")
    assert document.line == 3
    assert document.position(path) == at_value
    assert document.position(path, key=True) == at_key


def test_columns_count_characters_not_bytes() -> None:
    (document,) = yamlio.load('\ufeff{"é🙂": {b: 1}}'.encode(), "f.yaml")
    assert document.position(("é🙂", "b")) == (1, 12)
    assert document.position(("é🙂", "b"), key=True) == (1, 9)


# --- aliases and merge keys ---------------------------------------------------------------------


@both_parsers
def test_an_alias_stands_for_its_value_and_points_to_where_that_is_written() -> None:
    (document,) = yamlio.load(b"a: &x {n: 1}\nb: *x\n", "f.yaml")
    assert document.value == {"a": {"n": 1}, "b": {"n": 1}}
    assert document.position(("b",)) == (2, 4)
    assert document.position(("b", "n")) == (1, 11)


@both_parsers
def test_a_merge_key_fills_in_what_is_not_written() -> None:
    source = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  z: 3\nd:\n  <<: *a\n"
    (document,) = yamlio.load(source.encode(), "f.yaml")
    assert document.value["c"] == {"z": 3, "x": 1, "y": 1}
    assert document.value["d"] == {"x": 1, "y": 1}
    assert document.position(("c", "x")) == (1, 11)
    assert document.position(("c", "z")) == (5, 6)


def test_a_text_key_may_be_an_alias() -> None:
    assert value("a: &x name\n*x : 1\n") == {"a": "name", "name": 1}


def test_anchors_end_with_their_document() -> None:
    assert refusal("a: &x 1\n---\nb: *x\n") == (
        'f.yaml:3:4: no "&x" stands before "*x" (put a value that begins with "*" in quotes)'
    )


@pytest.mark.parametrize("style", ["list", "mapping"])
def test_a_billion_laughs_are_refused(style: str) -> None:
    lines = ["a0: &a0 [lol]"]
    for level in range(1, 12):
        inner = ", ".join(
            f"*a{level - 1}" if style == "list" else f"k{copy}: *a{level - 1}" for copy in range(10)
        )
        body = f"[{inner}]" if style == "list" else f"{{{inner}}}"
        lines.append(f"a{level}: &a{level} {body}")
    assert "aliases stand for more than 10,000 values (write the values out" in refusal(
        "\n".join(lines)
    )


def test_as_many_aliases_as_allowed() -> None:
    fits = yamlio.MAX_ALIASED_NODES // 2
    assert value(f"a: &a [1]\nb: [{', '.join(['*a'] * fits)}]")["b"] == [[1]] * fits
    assert "aliases stand for more than" in refusal(
        f"a: &a [1]\nb: [{', '.join(['*a'] * (fits + 1))}]"
    )


def test_aliases_do_not_hide_depth() -> None:
    half = yamlio.MAX_DEPTH // 2
    deep = "[" * half + "]" * half
    inside = "[" * (half - 1) + "*a" + "]" * (half - 1)
    assert value(f"- &a {deep}\n- {inside}")
    assert "nested deeper than 64 levels" in refusal(f"- &a {deep}\n- [{inside}]")


def test_a_machine_without_libyaml_reads_the_same() -> None:
    program = """
import sys

sys.modules["yaml._yaml"] = None
from reconciler import yamlio

(document,) = yamlio.load(b"a: [1, no]", "f.yaml")
print(document.value, document.position(("a", 1)))
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "{'a': [1, 'no']} (1, 8)\n"


# --- bounds -------------------------------------------------------------------------------------


@both_parsers
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_depth_up_to_the_bound(opening: str, closing: str) -> None:
    assert value(opening * 64 + closing * 64)
    assert refusal(opening * 65 + closing * 65) == (
        f"f.yaml:1:{64 * len(opening) + 1}: nested deeper than 64 levels (is a bracket left open?)"
    )


def test_deep_nesting_never_overflows_the_stack() -> None:
    program = """
import sys
from reconciler import yamlio
from reconciler.yamlio import reader
from reconciler.errors import SpecError

stairs = "".join(" " * depth + "a:\\n" for depth in range(1_400))
list_stairs = "".join(" " * depth + "-\\n" for depth in range(1_400))
brackets = ("[", "{", "- ", "? ", "{a: ", "[{", "!!seq [")
sources = [stairs, list_stairs, *(bracket * 30_000 for bracket in brackets)]
for parser in (reader._PARSER, reader._PurePythonParser):
    reader._PARSER = parser
    for source in sources:
        try:
            yamlio.load(source.encode(), "deep.yaml")
        except SpecError as error:
            print(error.problems[-1].message)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    assert ran.returncode == 0
    messages = ran.stdout.splitlines()
    assert len(messages) == 18
    assert set(messages) == {"nested deeper than 64 levels"}


def test_size_up_to_the_bound() -> None:
    start = b"a: x # "
    fits = start + b"." * (yamlio.MAX_BYTES - len(start))
    assert yamlio.load(fits, "f.yaml")[0].value == {"a": "x"}
    assert refusal(fits + b".") == (
        "f.yaml: 1,048,577 bytes are more than one YAML file may have (1,048,576)"
        " (split it into several files)"
    )


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    problems: tuple[Problem, ...] = ()
    documents: list[yamlio.Document] = []
    try:
        documents = yamlio.load(source, "f.yaml")
    except SpecError as error:
        problems = error.problems
    assert all(problem.message for problem in problems)
    assert all(document.position(())[0] == document.line for document in documents)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@#? \n\t,~0.1<=", max_size=60))
def test_any_punctuation_is_read_or_refused_with_its_place(source: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        yamlio.load(source.encode(), "f.yaml")
    except SpecError as error:
        problems = error.problems
    assert all(problem.line and problem.column for problem in problems)
