"""The column of a value inside its line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.datasets.position import Pointer, column, written


@pytest.mark.parametrize(
    ("text", "pointer", "expected"),
    [
        ('{"a": 1}', (), 1),
        ('  {"a": 1}', (), 3),
        ('{"a": 1}', ("a",), 7),
        ('{"a" : [10, {"b": "x"}]}', ("a", 1, "b"), 19),
        (r'{"a\"b": 1}', ('a"b',), 10),
        ('{"é": {}, "b": 2}', ("b",), 16),
        ('{"a": 1, "a": 2}', ("a",), 15),
        ('{"a": {"c": 1}}', ("a", "b"), 7),
        ('{"a": [1]}', ("a", 4), 7),
        ('{"a": "x"}', ("a", "b"), 7),
        ('{"a": {}, "b": []}', ("b", 0), 16),
    ],
)
def test_column(text: str, pointer: Pointer, expected: int) -> None:
    assert column(text, pointer) == expected


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(_json, st.booleans(), st.data())
def test_at_the_column_of_a_pointer_stands_its_value(
    value: Any, ascii_: bool, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_)
    pointer: list[str | int] = []
    while isinstance(value, list | dict) and value and data.draw(st.booleans()):
        step = data.draw(
            st.sampled_from(list(value) if isinstance(value, dict) else range(len(value)))
        )
        pointer.append(step)
        value = value[step]
    found, _ = json.JSONDecoder().raw_decode(text, column(text, tuple(pointer)) - 1)
    assert found == value


def test_written_escapes_what_a_pointer_must() -> None:
    assert written(("messages", 0, "a/b~c")) == "/messages/0/a~1b~0c"
