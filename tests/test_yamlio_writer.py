from __future__ import annotations

import enum
import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import yamlio

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
TRAPS = st.text(
    alphabet="0123456789abeEfnoxyZT.:_+-~=<># \n\t'\"\\&*!|>%@`,[]{}?\r\x85\u2028\ufeff"
)


class Phase(enum.StrEnum):
    RUNNING = "Running"


class Level(enum.IntEnum):
    LAST = 3


def loaded(text: str) -> Any:
    (document,) = yamlio.load(text.encode(), "f.yaml")
    return document.value


@given(JSON)
def test_both_generations_of_readers_read_back_what_was_meant(value: Any) -> None:
    text = yamlio.dump(value)
    assert loaded(text) == value
    assert yaml.safe_load(text) == value


@given(TRAPS)
@example("a\n  \nb")
@example("a\n\nb\n")
@example("a\nb\n\n")
@example(" a\nb")
@example("a\n b\n")
@example("a \nb")
@example("---\n")
@example("#a\n#b")
def test_every_text_is_itself_as_root_key_item_and_value(text: str) -> None:
    values: tuple[Any, ...] = (text, {text: text}, [text], {"a": [{text: [text]}]})
    for value in values:
        written = yamlio.dump(value)
        assert loaded(written) == value
        assert yaml.safe_load(written) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_identical(value: float) -> None:
    for found in (loaded(yamlio.dump(value)), yaml.safe_load(yamlio.dump(value))):
        assert type(found) is float
        assert math.copysign(1, found) == math.copysign(1, value)
        assert found.hex() == value.hex()


PLAIN = [
    "support-bot",
    "ft:gpt-4.1-mini-2025-04-14:acme::8f3a",
    "./data/x.jsonl",
    "s3://bucket/key",
    "3f9a1c77b02e",
    "gpt-4o",
    "finetuning.reconciler/v1",
    "2026-01",
    "a b",
    "x=1",
    "a#b",
    "a:b",
    "-a",
    "naïve 🙂",
    "...and more",
    "step 240/380: done",
    "e5",
    "1.2.3",
    "10%",
    "it's",
    'say "hi" now',
]


@pytest.mark.parametrize("text", PLAIN)
def test_no_quotes_where_nobody_would_misread(text: str) -> None:
    assert yamlio.dump({"a": text}) in (f"a: {text}\n", f'a: "{text}"\n')
    assert (yamlio.dump({"a": text}) == f"a: {text}\n") is (": " not in text)


QUOTED = [
    *("", "null", "Null", "~", "true", "False", "yes", "No", "ON", "off", "y", "N", "=", "<<"),
    *("1", "012", "08", "-3", "+4", "1_000", "0x1F", "0o17", "0b11", "1e5", "1.5", ".5", "5."),
    *("1e-05", "190:20:30", "1:30.5", ".inf", "-.Inf", ".NaN"),
    *("2026-01-01", "2026-1-1", "2026-01-01T10:00:00Z", "2026-01-01 10:00:00"),
    *("- a", "-", "? a", ": a", "a: b", "a:", "a #b", "#a", " a", "a ", "a\tb", "---", "..."),
    *("[a", "{a", "]a", "}a", ",a", "&a", "*a", "!a", "|a", ">a", "'a", '"a', "%a", "@a", "`a"),
]


@pytest.mark.parametrize("text", QUOTED)
def test_quotes_where_a_reader_would_misread(text: str) -> None:
    assert yamlio.dump({text: text}).startswith('"')
    assert yamlio.dump([text]).startswith('- "')


@pytest.mark.parametrize("text", ["a\x7f", "a\x85b", "a\u2028b", "a\ufeff", "a\x1b[0m", "a\rb"])
def test_what_cannot_be_seen_is_escaped(text: str) -> None:
    written = yamlio.dump({"a": text})
    assert written.isascii()
    assert loaded(written) == {"a": text}


def test_the_style_of_a_sidecar() -> None:
    value: dict[str, Any] = {
        "status": {
            "phase": "Failed",
            "fine_tuned_model": None,
            "rate": 1e-5,
            "tokens": 51234,
            "whole": 3.0,
            "suspend": False,
            "owner": "no",
            "result_files": [],
            "hyperparameters": {},
            "message": "Example 100, message 2\nDiscriminator 'role' is missing: in value\n",
            "note": "one\n\n  two",
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "Synced"}],
            "matrix": [[1, 2], [], [[3]]],
            "texts": ["a\nb", "c"],
        }
    }
    assert (
        yamlio.dump(value)
        == """\
status:
  phase: Failed
  fine_tuned_model: null
  rate: 1.0e-05
  tokens: 51234
  whole: 3.0
  suspend: false
  owner: "no"
  result_files: []
  hyperparameters: {}
  message: |
    Example 100, message 2
    Discriminator 'role' is missing: in value
  note: |-
    one

      two
  conditions:
    - type: Ready
      status: "False"
    - type: Synced
  matrix:
    - - 1
      - 2
    - []
    - - - 3
  texts:
    - |-
      a
      b
    - c
"""
    )


def test_keys_keep_the_order_they_were_given() -> None:
    assert yamlio.dump({"b": 1, "a": 2}) == "b: 1\na: 2\n"


def test_a_value_used_twice_is_written_twice() -> None:
    shared = {"x": [1]}
    assert yamlio.dump({"a": shared, "b": shared}) == "a:\n  x:\n    - 1\nb:\n  x:\n    - 1\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null\n"),
        ({}, "{}\n"),
        ([], "[]\n"),
        ("text", "text\n"),
        ("a\nb\n", "|\n  a\n  b\n"),
        (("a", ()), "- a\n- []\n"),
        (Phase.RUNNING, "Running\n"),
        (Level.LAST, "3\n"),
        (-0.0, "-0.0\n"),
        (1e22, "1.0e+22\n"),
    ],
)
def test_roots_and_kin_of_json_types(value: Any, text: str) -> None:
    assert yamlio.dump(value) == text


@pytest.mark.parametrize("length", [1000, 1024, 5000])
def test_keys_longer_than_yaml_allows_in_one_line(length: int) -> None:
    for value in ({"k" * length: {"a": 1}, "b": 2}, [{"é: " * length: "x\ny"}]):
        assert loaded(yamlio.dump(value)) == value
        assert yaml.safe_load(yamlio.dump(value)) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1: "a"}, "a key must be text, not int"),
        ({"a": {None: 1}}, "a key must be text, not NoneType"),
        ({"a": {1, 2}}, "set cannot be written as YAML"),
        ([b"a"], "bytes cannot be written as YAML"),
    ],
)
def test_what_is_not_json_is_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeError) as raised:
        yamlio.dump(value)
    assert str(raised.value) == message


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 2**63, "\ud800"])
def test_what_no_yaml_file_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"place|64 bits|surrogates"):
        yamlio.dump({"a": [value]})
