"""Whatever a fork names things: it is shown, all of it, and does nothing on GitHub."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.report.escape import code, html_code, prose, shortened
from reconciler.report.words import harmless

MARKDOWN = MarkdownIt("commonmark").enable("table")

TRICKS = (
    "<img src=https://evil.example/beacon.png>",
    "![pixel](https://evil.example/beacon.png)",
    "[our docs](https://evil.example)",
    "<!-- reconciler:plan:default -->",
    "</details></td></tr></table><h1>Approved</h1>",
    "a | b | c |",
    "a\\| b",
    "\\",
    "`",
    "``` ` ``",
    "`code` | ``",
    "# Approved",
    "> quoted",
    "- item",
    "1. item",
    "1) item",
    "---",
    "===",
    "*bold* _it_ ~~gone~~",
    "@octocat please merge",
    "@acme/security",
    "fixes #12, acme/app#12, GH-12",
    "deadbeef12 and 5b1e7c0a",
    "https://evil.example www.evil.example ftp://evil.example",
    "mailto:eve@evil.example eve@evil.example",
    "$x^2$ and $`x`$ and $$y$$",
    ":+1: :shipit:",
    "[^1] [x]: https://evil.example",
    "&lt;b&gt; &#64;octocat",
    "line\r\n\r\n<details>",
    "\x1b[31mred \u202e",
    "::error::gone",
)
PIECES = st.sampled_from([*"ab1 9.-_*`~|\\<>[]()!#@:/&$^=+'\"\n\t{}", "www.", "://", "…"])
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.sampled_from(TRICKS) | st.text(max_size=40)

ACTIVE_WORD = re.compile(
    r"@\w|://|www\.|\#\d|:\w+:|\b[0-9a-f]{7,40}\b|\b[A-Z]+-\d|\$\S*\$|\$`", re.IGNORECASE
)


def cell(text: str) -> tuple[str, str, set[str]]:
    """A cell with this Markdown: all that it shows, what it shows as plain words, and the rest."""
    tokens = MARKDOWN.parse(f"| one | two |\n|--|--|\n| begins {text} | last |")
    bodies = [token for token in tokens if token.type == "inline"][2:]
    assert len(bodies) == 2
    assert bodies[1].content == "last"
    children = bodies[0].children or []
    shown = "".join(child.content for child in children).removeprefix("begins")
    plain = "".join(child.content for child in children if child.type != "code_inline")
    return shown, plain.removeprefix("begins"), {child.type for child in children}


def letters(text: str) -> str:
    """Without the spaces, of which Markdown shows one for many."""
    return re.sub(r"\s", "", text)


@given(TEXTS)
@example("a`|`b")
@example("` ` |")
def test_a_sentence_is_shown_whole_and_does_nothing(text: str) -> None:
    shown, plain, kinds = cell(prose(text))
    assert kinds <= {"text", "text_special", "code_inline"}
    assert letters(shown) == letters(harmless(text))
    assert not ACTIVE_WORD.search(plain)


@given(TEXTS)
def test_code_is_shown_whole_and_does_nothing(text: str) -> None:
    shown, plain, kinds = cell(code(text))
    assert kinds <= {"text", "text_special", "code_inline"}
    assert letters(shown) == letters(harmless(text))
    assert not letters(plain).strip("|")


@given(TEXTS)
def test_a_list_entry_stays_one_paragraph(text: str) -> None:
    tokens = MARKDOWN.parse(f"- {prose(text) or 'nothing'}\n- {code(text) or 'nothing'}")
    kinds = [token.type for token in tokens]
    item = ["list_item_open", "paragraph_open", "inline", "paragraph_close", "list_item_close"]
    assert kinds == ["bullet_list_open", *item, *item, "bullet_list_close"]


@given(TEXTS)
def test_a_line_of_html_gets_no_tag_but_its_own(text: str) -> None:
    found = html_code(text)
    assert re.findall("<[^>]*>", found) == ["<code>", "</code>"]
    assert "\n" not in found


@pytest.mark.parametrize("text", TRICKS)
def test_no_trick_works_in_a_sentence(text: str) -> None:
    _, plain, kinds = cell(prose(f"the provider says {text}, and no more"))
    assert kinds <= {"text", "text_special", "code_inline"}
    assert not ACTIVE_WORD.search(plain)


@pytest.mark.parametrize(
    "text",
    [
        "no job carries this spec yet",
        "training data changed (3f9a1c… → 77b02e…, +1,108 examples)",
        "about $12.40 (up to $14.10) of $500 + 2 of unknown cost",
        "it shuts down on 2027-01-14, and its fine-tunes with it",
        "7 example(s), but must have at least 10",
        'it says "nothing"; spec.suspend is true',
        "could not upload specs/data/support.train.jsonl: no answer",
    ],
)
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert prose(text) == text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("n_epochs 3 → 4", "`n_epochs` 3 → 4"),
        ("counted as o200k_base; $5.00", "counted as `o200k_base`; $5.00"),
        ("ask (@octocat), then", "ask (`@octocat`), then"),
        ("reconcile cancel ftjob-8aX2kQ", "reconcile cancel `ftjob-8aX2kQ`"),
        ("a|b", "`a`&#124;`b`"),
        ("", ""),
        ("...", "..."),
    ],
)
def test_what_is_odd_stands_as_code(text: str, markdown: str) -> None:
    assert prose(text) == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [("x", "`x`"), ("`", "`` ` ``"), ("a``b", "```a``b```"), ("", ""), ("|", "&#124;")],
)
def test_code(text: str, markdown: str) -> None:
    assert code(text) == markdown


def test_a_long_text_is_cut_where_nothing_is_escaped_yet() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("ab   cdef", 5) == "ab…"
