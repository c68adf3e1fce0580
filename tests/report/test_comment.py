"""A comment is whole at any length, below GitHub's limit, and says what it left out."""

from __future__ import annotations

import pytest

from reconciler.report.comment import LIMIT, Part, comment, fold, folded, marker, table


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("default", "<!-- reconciler:plan:default -->"),
        ("team/a_b.c", "<!-- reconciler:plan:team/a_b.c -->"),
        ("two--dashes -->", "<!-- reconciler:plan:two-dashes -->"),
        ("<script>", "<!-- reconciler:plan:script -->"),
        ("\n", "<!-- reconciler:plan:default -->"),
        ("x" * 200, f"<!-- reconciler:plan:{'x' * 80} -->"),
    ],
)
def test_the_marker_is_a_comment_whatever_the_key(key: str, expected: str) -> None:
    assert marker("plan", key) == expected


def test_head_parts_and_foot_stand_in_paragraphs() -> None:
    part = Part(begin="begin\n", items=["one", "two"], end="\nend")
    text = comment("<!-- m -->", ["head", "more"], [part, Part(items=[])], ["foot"])
    assert text == "<!-- m -->\nhead\n\nmore\n\nbegin\none\ntwo\nend\n\nfoot"


def test_a_part_shows_at_most_so_many_items_and_counts_the_rest() -> None:
    part = Part(items=["a", "b", "c"], at_most=1)
    assert comment("m", ["h"], [part], []) == "m\nh\n\na\n\n… and 2 more."


@pytest.mark.parametrize("size", [1, 10, 500, 5_000, LIMIT, 2 * LIMIT])
@pytest.mark.parametrize("letter", ["x", "\N{ROCKET}"])
def test_items_are_whole_or_absent_and_the_limit_holds(size: int, letter: str) -> None:
    items = [f"({letter * size})" for _ in range(100)]
    parts = [Part(items=items), folded("details", Part(items=[fold("s", item) for item in items]))]
    text = comment("m", ["head"], parts, ["foot"])
    assert len(text.encode("utf-16-le")) // 2 <= LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert text.count("(") == text.count(")")
    assert text.endswith("\n\nfoot")
    assert ("more." in text) is (text.count("(") < 200)


def test_a_table_sets_numbers_to_the_right() -> None:
    part = table(("name", "cost:"), [("a", "$1"), ("b", "$2")])
    assert part.begin == "| name | cost |\n|--|--:|\n"
    assert part.items == ["| a | $1 |", "| b | $2 |"]
