"""The reports as a person reads them, in a terminal or a log.

`report.choose` hands this module out; `report.Report` describes its functions. A line says what,
the lines under it say why and what to do next, and the last line sums up. A colour never says
anything that the words do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Unpack

from reconciler.errors import Problem, Severity
from reconciler.model import Action, Event, Outcome, Plan, Result, Step
from reconciler.report import estimates, words
from reconciler.report.layout import (
    GAP,
    MARGIN,
    Cell,
    Page,
    Paragraph,
    Span,
    Tone,
    facts,
    sentences,
    summary,
    widest,
)
from reconciler.report.tables import metrics, state_list, state_show, status

if TYPE_CHECKING:
    from reconciler.report import Layout

__all__ = [
    "events",
    "metrics",
    "pass_result",
    "plan",
    "problems",
    "state_list",
    "state_show",
    "status",
]

FOLD_ABOVE = 20
"""In a plan of more steps than this, those in sync are counted instead of listed."""

FEW = 3
"""Of the warnings of a data file, a plan tells this many; `validate` tells them all."""

FILES = 5
"""A plan tells the warnings of this many data files, and counts the rest."""

_TIME = len("2026-11-23T14:05:09Z")
_LEAD = "→ "

_LABEL_TONES = {
    "create": Tone.GOOD,
    words.TRAIN_AGAIN: Tone.GOOD,
    "adopt": Tone.BUSY,
    "refresh": Tone.BUSY,
    words.IN_SYNC: Tone.QUIET,
    "held": Tone.WARN,
    "orphaned": Tone.WARN,
    "cancel": Tone.BAD,
}

_RESULT_TONES = {
    Result.CREATED: Tone.GOOD,
    Result.ADOPTED: Tone.BUSY,
    Result.REFRESHED: Tone.BUSY,
    Result.UNCHANGED: Tone.QUIET,
    Result.HELD: Tone.WARN,
    Result.REJECTED: Tone.BAD,
    Result.UNKNOWN: Tone.WARN,
    Result.FAILED: Tone.BAD,
    Result.CANCELLED: Tone.WARN,
    Result.ORPHANED: Tone.WARN,
}

_LEVEL_TONES = {"warn": Tone.WARN, "warning": Tone.WARN, "error": Tone.BAD}


def plan(
    plan: Plan,
    *,
    checksum: str | None = None,  # noqa: ARG001 - for programs that keep a plan
    budget: float | None = None,
    **layout: Unpack[Layout],
) -> str:
    """A block per step, then `Plan: 1 to create, 1 in sync · about $0.77 of $500`."""
    page = Page(**layout)
    large = len(plan.steps) > FOLD_ABOVE
    listed = [step for step in plan.steps if not (large and _folds(step))]
    folded = len(plan.steps) - len(listed)
    blocks = [
        _Block(
            label=Span(words.label(step), _LABEL_TONES[words.label(step)]),
            name=step.name,
            body=[
                facts(words.step_facts(step)),
                *_changed(words.change_phrases(step)),
                *_why(words.step_sentences(step)),
                *_changed(words.translations(step)),
                *_warned(words.cost_notes(step)),
                *_why(words.duplicate_lines(step.duplicates)),
                *_next(words.step_next(step)),
            ],
        )
        for step in listed
    ]
    _write_blocks(page, blocks, folded=f"{folded:,} more, not listed" if folded else "")
    _write_warnings(page, plan.warnings)
    counted = words.plan_summary(plan) or ("no specs and no jobs, nothing to do",)
    page.body([summary("Plan:", counted, estimates.plan_cost(plan, budget))])
    return str(page)


def pass_result(outcomes: Sequence[Outcome], **layout: Unpack[Layout]) -> str:
    """A block per outcome that matters, then `Result: 1 created, 178 unchanged`."""
    page = Page(**layout)
    blocks = [
        _Block(
            label=Span(outcome.result, _RESULT_TONES[outcome.result]),
            name=outcome.step.name,
            body=[
                facts(words.outcome_facts(outcome)),
                *_why(words.outcome_sentences(outcome)),
                *_next(words.outcome_next(outcome)),
            ],
        )
        for outcome in outcomes
        if outcome.result is not Result.UNCHANGED or not words.healthy(words.outcome_job(outcome))
    ]
    _write_blocks(page, blocks)
    counted = words.pass_summary(outcomes) or ("no specs and no jobs",)
    done = any(outcome.result is not Result.UNCHANGED for outcome in outcomes)
    page.body([summary("Result:" if done else "Nothing to do:", counted)])
    return str(page)


def events(events: Sequence[Event], **layout: Unpack[Layout]) -> str:
    """`2026-11-23T14:05:09Z  info  Fine-tuning job started`, in the order given."""
    page = Page(**layout)
    if not events:
        page.body(sentences("no events yet"))
    width = widest((event.level for event in events), at_most=12)
    for event in events:
        time = Span(words.moment(event.created_at), Tone.QUIET)
        level = Span(event.level, _LEVEL_TONES.get(event.level, Tone.PLAIN))
        page.row([Cell(span=time, width=_TIME), Cell(span=level, width=width)], start=0)
        page.body(sentences(event.message), at=_TIME + GAP + width + GAP)
    return str(page)


def problems(problems: Sequence[Problem], files_checked: int, **layout: Unpack[Layout]) -> str:
    """`file:line:col: message (hint)` a line, never wrapped: editors and CI read them too."""
    page = Page(**layout)
    for problem in problems:
        place = str(replace(problem, message="", hint="", severity=Severity.ERROR))
        page.whole_line([Span(place, Tone.STRONG), Span(str(problem).removeprefix(place))])
    page.body(sentences(words.problem_summary(problems, files_checked)))
    return str(page)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What stands beside and under one name."""

    label: Span
    name: str
    body: Sequence[Paragraph]


def _write_blocks(page: Page, blocks: Sequence[_Block], folded: str = "") -> None:
    """Blocks in three columns, then the count of those that are in sync and not listed."""
    labels = [block.label.text for block in blocks] + ([words.IN_SYNC] if folded else [])
    label_width = widest(labels, at_most=12)
    name_width = widest((block.name for block in blocks), at_most=max(12, page.width // 4))
    detail = MARGIN + label_width + GAP + name_width + GAP
    for block in blocks:
        name = Cell(span=Span(block.name, Tone.STRONG), width=name_width)
        page.row([Cell(span=block.label, width=label_width), name])
        page.body(block.body, at=detail)
    if folded:
        page.row([Cell(span=Span(words.IN_SYNC, Tone.QUIET), width=label_width)])
        page.body(sentences(folded), at=MARGIN + label_width + GAP)


def _write_warnings(page: Page, warnings: Sequence[Problem]) -> None:
    """What the checks of the data found: how much in each file, and the first few."""
    files = list(words.by_file(warnings).items())
    for file, found in files[:FILES]:
        page.body([facts([Span(file, Tone.STRONG), words.count(len(found), "warning")])], at=MARGIN)
        for warning in found[:FEW]:
            page.body(sentences(_within(warning)), at=MARGIN + GAP)
    left = sum(len(found) for _, found in files[FILES:])
    if left:
        told = f"{words.count(left, 'warning')} in {words.count(len(files) - FILES, 'more file')}"
        page.body(sentences(told), at=MARGIN)
    if left or any(len(found) > FEW for _, found in files):
        page.body(sentences("reconcile validate tells them all", lead=_LEAD), at=MARGIN)


def _within(warning: Problem) -> str:
    """A warning beneath the name of its file."""
    place = f"{warning.line}:{warning.column}: " if warning.line else ""
    return f"{place}{warning.message}" + (f" ({warning.hint})" if warning.hint else "")


def _folds(step: Step) -> bool:
    """Whether a step needs nobody's eyes."""
    return step.action is Action.NOOP and not step.duplicates and words.healthy(step.job)


def _why(found: Iterable[str]) -> Iterator[Paragraph]:
    for text in found:
        yield from sentences(text)


def _warned(notes: Iterable[str]) -> Iterator[Paragraph]:
    for text in notes:
        yield from sentences(text, Tone.WARN)


def _changed(phrases: Sequence[str]) -> tuple[Paragraph, ...]:
    pieces = tuple(Span(phrase) for phrase in phrases)
    return (Paragraph(pieces=pieces, joiner="; "),) if pieces else ()


def _next(hint: str) -> tuple[Paragraph, ...]:
    return sentences(hint, lead=_LEAD)
