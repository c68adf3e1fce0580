"""The comments of what was done, how jobs stand and what is wrong with files.

Part of `report.markdown`, which hands its functions on. What is not this program's own word passes
through `report.escape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from reconciler.errors import Problem, Severity
from reconciler.model import Outcome, Result
from reconciler.report import row_words, words
from reconciler.report.comment import Part, comment, folded, marker, table
from reconciler.report.escape import code, prose
from reconciler.report.rows import StatusRow

if TYPE_CHECKING:
    from reconciler.report import Layout

FEW = 3
"""Of the warnings of a data file, a plan tells this many; `validate` tells more."""

_FILES = 10
_ERRORS = 100

_FIRST = (Result.REJECTED, Result.UNKNOWN, Result.FAILED, Result.HELD)
"""What somebody has to look at."""


def pass_result(outcomes: Sequence[Outcome], **layout: Unpack[Layout]) -> str:
    """A row per outcome that matters, what went wrong first."""
    shown = sorted(
        (
            outcome
            for outcome in outcomes
            if outcome.result is not Result.UNCHANGED
            or words.ended(outcome)
            or not words.healthy(words.outcome_job(outcome))
        ),
        key=lambda outcome: not _urgent(outcome),
    )
    counted = ", ".join(words.pass_summary(outcomes)) or "no specs and no jobs"
    known = (outcome.step.spec or outcome.record or outcome.step.record for outcome in outcomes)
    namespace = next((found.namespace for found in known if found), "default")
    return comment(
        marker("apply", layout.get("key") or namespace),
        head=["### Fine-tuning: what apply did", f"**{counted}**"],
        parts=[
            table(("result", "name", "job", "why"), [_outcome_row(outcome) for outcome in shown]),
            _advice(
                [(outcome.step.name, words.outcome_next(outcome)) for outcome in shown],
            ),
        ],
        foot=[],
    )


def status(rows: Sequence[StatusRow], now: float, **layout: Unpack[Layout]) -> str:
    """A row per job, and what to do about those that need somebody."""
    titles = ("name", "sync", "health", "phase", "provider", "tokens:", "age:", "model")
    told = [
        (row.name, " → ".join(part for part in (row.message, row_words.next_action(row)) if part))
        for row in rows
        if row_words.needs_somebody(row)
    ]
    return comment(
        marker("status", layout.get("key") or "default"),
        head=["### Fine-tuning jobs", _counted(rows)],
        parts=[table(titles, [_status_row(row, now) for row in rows]), _advice(told)],
        foot=[],
    )


def problems(problems: Sequence[Problem], files_checked: int, **layout: Unpack[Layout]) -> str:
    """What stops everything, one by one; the warnings of each file folded."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    warnings = [problem for problem in problems if problem.severity is Severity.WARNING]
    where = f"{words.count(len(warnings), 'warning')}: nothing is stopped by them"
    return comment(
        marker("validate", layout.get("key") or "default"),
        head=["### Fine-tuning specs", f"**{words.problem_summary(problems, files_checked)}**"],
        parts=[
            Part(
                items=[f"- {code(_place(problem))} {_said(problem)}" for problem in errors],
                at_most=_ERRORS,
                rest=lambda left: f"… and {left:,} more: `reconcile validate` tells them all.",
            ),
            folded(where, findings(warnings)),
        ],
        foot=[],
    )


def findings(warnings: Sequence[Problem]) -> Part:
    """How many warnings each file has, and the first few of them."""
    items = []
    for file, found in words.by_file(warnings).items():
        lines = [f"- {code(file)}: {words.count(len(found), 'warning')}"]
        lines += [f"  - {_within(warning)}" for warning in found[:FEW]]
        items.append("\n".join(lines))
    return Part(
        items=items,
        at_most=_FILES,
        rest=lambda left: f"… and {words.count(left, 'more file')} with warnings.",
        end="\n\n`reconcile validate` tells them all.",
    )


def _within(warning: Problem) -> str:
    place = f"{code(f'{warning.line}:{warning.column}')} " if warning.line else ""
    return place + _said(warning)


def _said(problem: Problem) -> str:
    hint = f" → {prose(problem.hint)}" if problem.hint else ""
    return prose(problem.message) + hint


def _place(problem: Problem) -> str:
    return str(replace(problem, message="", hint="", severity=Severity.ERROR)).removesuffix(": ")


def _urgent(outcome: Outcome) -> bool:
    return outcome.result in _FIRST or not words.healthy(words.outcome_job(outcome))


def _outcome_row(outcome: Outcome) -> tuple[str, ...]:
    job = words.outcome_job(outcome)
    result = outcome.result.value
    facts = words.job_facts(job) if job else ()
    why = "; ".join(words.outcome_sentences(outcome))
    return (
        f"**{result}**" if _urgent(outcome) else result,
        code(outcome.step.name),
        " · ".join(prose(fact) for fact in (outcome.step.provider, *facts)),
        prose(why),
    )


def _counted(rows: Sequence[StatusRow]) -> str:
    """`**3 specs: 2 healthy, 1 progressing** · 2 succeeded, 1 running`."""
    health, phases = row_words.counted(rows)
    said = f"**{words.count(len(rows), 'spec')}{': ' if health else ''}{', '.join(health)}**"
    return " · ".join(part for part in (said, prose(", ".join(phases))) if part)


def _status_row(row: StatusRow, now: float) -> tuple[str, ...]:
    health = prose(row.health) or words.ABSENT
    return (
        code(row.name),
        prose(row.sync) or words.ABSENT,
        f"**{health}**" if row_words.needs_somebody(row) else health,
        prose(row.phase),
        prose(row.provider),
        words.number(row.trained_tokens),
        words.age(None if row.created_at is None else now - row.created_at),
        code(row.fine_tuned_model or row.base_model or ""),
    )


def _advice(told: Sequence[tuple[str, str]]) -> Part:
    items = [f"- {code(name)}: {prose(advice)}" for name, advice in told if advice]
    return Part(begin="**What to do**\n\n", items=items, at_most=50)
