"""What only the whole file shows: its format, and the warnings that compare its examples.

`facts` asks once all ranges are together. What follows depends on the content alone, not on how it
was cut. Pure, but for the findings that it adds to.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.datasets.findings import MAX_PER_RULE
from reconciler.datasets.formats import MIXED, Format, settle
from reconciler.datasets.part import Whole


def conclude(whole: Whole) -> Format | None:
    """Add what is wrong with the file as a whole; the format that its examples have."""
    format_, misfits = settle(whole.part.shapes)
    if misfits is not None:
        misfits.listed = sorted(misfits.listed, key=lambda found: found.line)[:MAX_PER_RULE]
        whole.findings.kinds[MIXED] = misfits
    _duplicates(whole)
    _systems(whole)
    _tools(whole)
    _line_ends(whole)
    return format_


def histogram(counts: Mapping[int, int]) -> dict[str, int]:
    """Counts by the most that each stands for, as counts by words: 4 is "3-4"."""
    return {
        str(most) if most <= 2 else f"{most // 2 + 1}-{most}": counts[most]  # noqa: PLR2004
        for most in sorted(counts)
    }


def _duplicates(whole: Whole) -> None:
    again = sorted((line, count, number) for number, (count, line) in whole.seen.again.items())
    for line, count, number in again:
        first = whole.seen.first[number]
        more = f", and {count - 1:,} more" if count > 1 else ""
        message = f"the same example as in line {first}{more}"
        whole.findings.add(line, 1, message, "leave it out", "duplicate-example")


def _systems(whole: Whole) -> None:
    part = whole.part
    if 0 < part.system < part.talks:
        whole.findings.add(
            part.first_without_system,
            1,
            f"no system message, and {part.system:,} of {part.talks:,} examples have one",
            "the same system message in all, as the model will be asked",
            "missing-system-prompt",
        )


def _tools(whole: Whole) -> None:
    match whole.part.tool_sets:
        case [(_, first), (_, line)]:
            message = f"offers other tools than line {first}"
            whole.findings.add(line, 1, message, rule="mixed-tool-sets")
        case _:
            pass


def _line_ends(whole: Whole) -> None:
    part = whole.part
    if part.crlf:
        ends = "1 line ends" if part.crlf == 1 else f"{part.crlf:,} lines end"
        message = f"{ends} in CR LF"
        hint = "put *.jsonl -text into .gitattributes, and write the file with LF"
        whole.findings.add(part.first_crlf, 1, message, hint, "crlf-line-ends")
    if part.trailing:
        blank = "a blank line" if part.trailing == 1 else f"{part.trailing:,} blank lines"
        line = part.lines - part.trailing + 1
        message = f"{blank} after the last example"
        whole.findings.add(line, 1, message, "delete them", "trailing-blank-lines")
