"""Foreign words in GitHub's Markdown: shown as they are, and doing nothing.

In a pull request from a fork every name, path and message may be an attack: an image that tells who
looked, a mention that calls a team, a link that looks like ours, a `|` that breaks the table, HTML
that hides what stands below. `report.markdown` passes everything that is not its own through here.

The rule is a list of what is allowed, not of what is forbidden: a word of letters, digits and plain
punctuation stands as it is; everything else stands as code, where GitHub makes no HTML, no links,
no mentions, no references and no formulas.
"""

from __future__ import annotations

import html
import re
from itertools import groupby

from reconciler.report.words import harmless

CUT = "…"

SENTENCE = 1_000
NAME = 300
"""So many characters of one sentence and of one name are shown: no single one fills a comment."""

_LONGEST_WORD = 100
"""A longer word is none of a language."""

_PLAIN = re.compile(
    r"""[("']*
        (?: [+-]?\$?\d(?:[\d.,:%–-]*[\d%])?      # 1,920  -5  $0.26–0.85  12:30  95%
          | [^\W_](?:[^\W_]|[-.,/'()+=…→–])*     # words, paths, spec.suspend, (s), 3f9a1c…
        )
        [)"'.,;:!?…%]*""",
    re.VERBOSE,
)
_SYMBOLS = frozenset("·→≈×±–—…%=+-")
_LINKED = re.compile(
    r"""www\. | ^\W*(?:https?|ftp|mailto|xmpp)\b     # addresses
      | (?=.*\d)(?=.*[^\W\d]).*- | \bghsa-           # GH-12, CVE-2027, a tracker's PROJ-12, ids
      | \b[0-9a-f]{7,64}\b                           # a commit
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEGINS_LIST = re.compile(r"\d{1,9}[.)]|[+=-]")
_WRAPPED = re.compile(r"([(]?)(.*?)([),.;:]*)")
"""It fits every line; what is only punctuation has no inside."""

_BACKTICKS = re.compile("`+")


def prose(text: str, at_most: int = SENTENCE) -> str:
    """A sentence for a paragraph, a list item or a table cell: plain words, the rest as code."""
    found = shortened(text, at_most).split()
    if found and _BEGINS_LIST.fullmatch(found[0]):
        found[0] = f"{found[0]}\0"  # no plain word: it would begin a list
    pieces = []
    for plain, words in groupby(found, _harmless_word):
        run = " ".join(words).replace("\0", "")
        pieces.append(run if plain else _odd(run))
    return " ".join(pieces)


def code(text: str) -> str:
    """The text as code, in a paragraph, a list item or a table cell; "" for nothing.

    A `|` would end a cell even within code, so it stands between two pieces of code instead.
    """
    return _coded(shortened(text, NAME))


def html_code(text: str) -> str:
    """The text as code within a line of HTML, such as the summary of a fold."""
    return f"<code>{html.escape(shortened(text, NAME))}</code>"


def shortened(text: str, at_most: int) -> str:
    """The text on one line, cut to so many characters before anything is escaped."""
    text = harmless(text)
    return text if len(text) <= at_most else text[: at_most - len(CUT)].rstrip() + CUT


def _harmless_word(word: str) -> bool:
    if len(word) > _LONGEST_WORD:
        return False
    return word in _SYMBOLS or bool(_PLAIN.fullmatch(word) and not _LINKED.search(word))


def _odd(text: str) -> str:
    """Words as code, without the punctuation of the sentence they stand in."""
    found = _WRAPPED.fullmatch(text)
    before, inner, after = found.groups() if found else ("", text, "")
    return f"{before}{_coded(inner)}{after}"


def _coded(text: str) -> str:
    return "&#124;".join(_span(piece) if piece else "" for piece in text.split("|"))


def _span(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
