"""One comment in a pull request: parts that are whole or absent, below GitHub's limit of size.

`report.markdown` builds its comments on it. What does not fit is counted in a line of its own, and
since a part is left out as a whole, no cut ever leaves a fold, a table or a fence open. It knows
nothing of plans or jobs, and it escapes nothing: what it is given is Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

LIMIT = 65_000
"""GitHub refuses the body of a comment above 65,536 characters; a workflow may add a line."""

_KEY = re.compile(r"[^A-Za-z0-9._/]+")
_LONGEST_KEY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Items between a beginning and an end: rows of a table, entries of a list, folds.

    `at_most` items are shown, and fewer where the comment would become too long; `rest` tells how
    many were left out. A part without items is left out altogether.
    """

    items: Sequence[str]
    begin: str = ""
    end: str = ""
    joiner: str = "\n"
    at_most: int = 1_000_000
    rest: Callable[[int], str] = lambda left: f"… and {left:,} more."


def comment(marker: str, head: Sequence[str], parts: Sequence[Part], foot: Sequence[str]) -> str:
    """The hidden marker, the paragraphs of the head, the parts, the paragraphs of the foot.

    Head and foot are always whole: whoever calls keeps them short.
    """
    filled = [part for part in parts if part.items]
    spare = LIMIT - sum(_size(text) + 2 for text in (marker, *head, *foot))
    spare -= sum(_size(part.begin + part.end + part.rest(len(part.items))) + 8 for part in filled)
    body: list[str] = []
    for part in filled:
        text, used = _fitted(part, spare)
        spare -= used
        body.append(text)
    return "\n\n".join([f"{marker}\n{head[0]}", *head[1:], *body, *foot])


def marker(kind: str, key: str) -> str:
    """`<!-- reconciler:plan:default -->`: how a workflow finds the comment it has to update."""
    safe = _KEY.sub("-", key)[:_LONGEST_KEY].strip("-") or "default"
    return f"<!-- reconciler:{kind}:{safe} -->"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Part:
    """A table; a title that ends with `:` stands over numbers, which are set to the right."""
    rule = "|".join("--:" if title.endswith(":") else "--" for title in titles)
    names = " | ".join(title.removesuffix(":") for title in titles)
    return Part(
        begin=f"| {names} |\n|{rule}|\n",
        items=["| " + " | ".join(row) + " |" for row in rows],
        rest=lambda left: f"… and {left:,} more rows that a comment has no room for.",
    )


def fold(summary: str, body: str) -> str:
    """What opens with a click. `summary` is a line of HTML, `body` is Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def folded(summary: str, part: Part) -> Part:
    """The part within a fold, its last line too."""
    begin = f"<details><summary>{summary}</summary>\n\n{part.begin}"
    return replace(part, begin=begin, end=f"{part.end}\n\n</details>")


def _fitted(part: Part, spare: int) -> tuple[str, int]:
    """As much of a part as `spare` characters hold, and how many of them its items took."""
    shown: list[str] = []
    used = 0
    for item in part.items[: part.at_most]:
        size = _size(item) + len(part.joiner)
        if used + size > spare:
            continue  # one that is much too long hides none of the others
        shown.append(item)
        used += size
    left = len(part.items) - len(shown)
    rest = f"\n\n{part.rest(left)}" if left else ""
    return f"{part.begin}{part.joiner.join(shown)}{rest}{part.end}", used


def _size(text: str) -> int:
    """Characters as the strictest count them: two for one beyond the basic plane."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
