"""Columns line up in any script, and what does not fit goes on underneath."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from reconciler.report.layout import (
    Cell,
    Column,
    Page,
    Paragraph,
    Span,
    Tone,
    facts,
    sentences,
    summary,
    widest,
)

TEXT = "the quick brown fox jumps over the lazy dog, and 漢字漢字 follow it with 👩‍🚀 at the end"
WIDTHS = (1, 20, 33, 80, 160)


def lines(page: Page) -> list[str]:
    return str(page).split("\n")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("at", [0, 4, 30, 500])
def test_sentences_keep_every_word_and_the_width(width: int, at: int) -> None:
    page = Page(width=width)
    page.body(sentences(TEXT), at=at)
    assert str(page).split() == TEXT.split()
    assert all(cell_len(line) <= page.width for line in lines(page))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_word_longer_than_a_line_is_broken_but_never_cut(width: int) -> None:
    word = "漢x" * 150
    page = Page(width=width)
    page.body(sentences(f"see {word} there"), at=12)
    assert "".join(str(page).split()) == f"see{word}there"
    assert all(cell_len(line) <= page.width for line in lines(page))


def test_a_word_that_fits_no_line_of_its_column_starts_further_left() -> None:
    page = Page(width=40)
    page.body(sentences("a 123456789-123456789-123456789-12 z"), at=16)
    assert lines(page) == [
        " " * 16 + "a",
        " " * 8 + "123456789-123456789-123456789-12",
        " " * 16 + "z",
    ]


def test_the_first_line_stands_beside_its_label() -> None:
    page = Page(width=34)
    page.row([Cell(span=Span("held"), width=6)])
    page.body([*sentences("one two three four five six"), *sentences("seven", lead="→ ")], at=10)
    assert lines(page) == [
        "  held    one two three four five",
        "          six",
        "          → seven",
    ]


def test_a_lead_is_followed_by_lines_that_hang_under_it() -> None:
    page = Page(width=30)
    page.body(sentences("one two three four\nfive", lead="→ "), at=10)
    assert lines(page) == [
        "      → one two three four",
        "        five",
    ]


def test_a_name_too_long_for_its_column_keeps_a_line_to_itself() -> None:
    page = Page(width=60)
    name = Cell(span=Span("a-very-long-name"), width=8)
    page.row([name, Cell(span=Span("7"), width=3, right=True)])
    assert lines(page) == ["  a-very-long-name", "              7"]


@pytest.mark.parametrize("length", [10, 58, 59, 200])
def test_a_cell_wider_than_the_page_is_folded(length: int) -> None:
    page = Page(width=60)
    page.row([Cell(span=Span("n" * length), width=8), Cell(span=Span("x"), width=1)])
    assert str(page).count("n") == length
    assert str(page).endswith("x")
    assert all(cell_len(line) <= 60 for line in lines(page))


def test_facts_break_between_facts() -> None:
    page = Page(width=30)
    page.body([facts(["openai", "ftjob-1", "1,920 examples", Span("3 epochs")])])
    assert lines(page) == ["openai · ftjob-1 ·", "1,920 examples · 3 epochs"]


def test_a_fact_wider_than_the_column_breaks_between_its_words() -> None:
    page = Page(width=30)
    page.body([facts(["openai", "the model of a spec with a very long name indeed", "end"])])
    assert lines(page) == ["openai · the model of a spec", "with a very long name indeed ·", "end"]


def test_a_summary_breaks_between_its_parts() -> None:
    page = Page(width=24)
    page.body([summary("Plan:", ["1 to create", "178 in sync", "2 held"])])
    assert lines(page) == ["Plan: 1 to create,", "178 in sync, 2 held"]


def test_a_table_sets_numbers_to_the_right() -> None:
    page = Page(width=40)
    columns = [Column(title="NAME"), Column(title="TOKENS", right=True)]
    rows = [([Span("漢字"), Span("7")], sentences("beneath")), ([Span("b"), Span("1,234,567")], ())]
    page.table(columns, rows)
    assert lines(page) == [
        "  NAME     TOKENS",
        "  漢字          7",
        "        beneath",
        "  b     1,234,567",
    ]


def test_a_whole_line_is_never_wrapped() -> None:
    page = Page(width=20)
    page.whole_line([Span("f.yaml:1:2: "), Span("word " * 20)])
    assert len(lines(page)) == 1


def test_nothing_ends_in_blanks() -> None:
    page = Page(width=40)
    page.row([Cell(span=Span("a"), width=10), Cell(span=Span(""), width=10)])
    page.row([Cell(span=Span(""), width=10)])
    page.body([Paragraph(pieces=())], at=5)
    assert lines(page) == ["  a"]


def test_colour_changes_nothing_but_colour() -> None:
    plain, coloured = Page(width=40), Page(width=40, color=True)
    for page in (plain, coloured):
        page.row([Cell(span=Span("held", Tone.WARN), width=6)])
        page.body(sentences(TEXT, Tone.QUIET), at=10)
    assert "\x1b[33mheld\x1b[0m" in str(coloured)
    assert re.sub("\x1b\\[[0-9]*m", "", str(coloured)) == str(plain)


def test_a_span_holds_nothing_that_a_terminal_obeys() -> None:
    page = Page(width=60, color=True)
    page.row([Cell(span=Span("na\x1bme", Tone.BAD), width=6)])
    page.body(sentences("\x1b[2J\x1b[1;1H all is well"))
    assert set(re.findall("\x1b.{2}", str(page))) == {"\x1b[3", "\x1b[0"}


def test_widest_measures_what_is_shown() -> None:
    assert widest(["漢字", "\x1b"], at_most=9) == 4
    assert widest(["x" * 20], at_most=9) == 9
    assert widest([], at_most=9) == 0
