"""The reports as a comment in a pull request: GitHub's Markdown, below its limit of size.

`report.choose` hands this module out; `report.Report` describes its functions. A comment begins
with a hidden marker, so that a workflow updates it instead of adding another. Whatever is not this
program's own word passes through `report.escape`: a fork may name things as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

from reconciler.errors import Problem
from reconciler.model import Action, Plan, Step
from reconciler.report import estimates, words
from reconciler.report.comment import Part, comment, fold, folded, marker, table
from reconciler.report.escape import code, html_code, prose
from reconciler.report.forms import without_form
from reconciler.report.markdown_tables import findings, pass_result, problems, status

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

ROWS = 50
"""A table of more rows is not read; the details below it have the rest."""

FOLDS = 3
"""Up to so many steps have their details side by side; more stand in a fold of their own."""

_WHY = 140
_CHANGES = 40
_TO_DO = 20

_ORDER = (
    *(Action.CREATE, Action.CANCEL, Action.ADOPT, Action.HOLD),
    *(Action.ORPHAN, Action.REFRESH, Action.NOOP),
)
"""What is paid for first."""

_LOUD = (Action.CREATE, Action.CANCEL)

events = without_form("events", "markdown")
metrics = without_form("metrics", "markdown")
state_list = without_form("state_list", "markdown")
state_show = without_form("state_show", "markdown")


def plan(
    plan: Plan,
    *,
    checksum: str | None = None,
    budget: float | None = None,
    **layout: Unpack[Layout],
) -> str:
    """What merging would do and cost; a row per step that is not in sync; the details folded."""
    listed = sorted((step for step in plan.steps if not _folds(step)), key=_weight)
    return comment(
        marker("plan", layout.get("key") or _namespace(plan)),
        head=["### Fine-tuning plan", _summary(plan, budget), _merged(plan, budget)],
        parts=[
            _rows(listed, plan),
            _to_do(listed),
            *_warnings(plan.warnings),
            _details(listed),
        ],
        foot=[_foot(plan, checksum)],
    )


def _weight(step: Step) -> tuple[int, float]:
    """What a reader should see first weighs least: the dearest of what is paid for."""
    usd = step.estimate.usd_high if step.estimate else None
    return _ORDER.index(step.action), -(usd or 0.0)


def _folds(step: Step) -> bool:
    return step.action is Action.NOOP and not step.duplicates and words.healthy(step.job)


def _namespace(plan: Plan) -> str:
    known = (step.spec or step.record for step in plan.steps)
    return next((found.namespace for found in known if found), "default")


def _summary(plan: Plan, budget: float | None) -> str:
    counted = ", ".join(words.plan_summary(plan)) or "no specs and no jobs"
    cost = estimates.plan_cost(plan, budget)
    return f"**{counted}**" + (f" · {cost}" if cost else "")


def _merged(plan: Plan, budget: float | None) -> str:
    creates, cancels = (len(plan.of(action)) for action in _LOUD)
    adopts = len(plan.of(Action.ADOPT))
    does = [
        f"creates {words.count(creates, 'job')}" if creates else "",
        f"cancels {words.count(cancels, 'job')}" if cancels else "",
        f"ties {words.count(adopts, 'job')} to a spec" if adopts else "",
    ]
    told = " and ".join(", ".join(part for part in does if part).rsplit(", ", 1))
    text = f"When this is merged, `reconcile apply` {told or 'creates and cancels nothing'}."
    if plan.of(Action.HOLD):
        text += " What is held waits."
    if budget is not None and plan.usd[1] > budget:
        allowed = estimates.budget_words(budget)
        text += f" **The highest estimate is above the {allowed} that this repository allows.**"
    return text


def _rows(listed: Sequence[Step], plan: Plan) -> Part:
    titles = ["action", "name", "provider, model", "why"]
    priced = any(_estimated(step) for step in listed)
    if priced:
        titles += ["tokens:", "cost&nbsp;≈:"]
    rows = [_row(step)[: len(titles)] for step in listed]
    whole = len(rows) <= ROWS
    if whole and len(plan.of(Action.CREATE)) > 1:
        rows.append(("", "**all together**", "", "", "", f"**{_total(plan)}**"))
    return replace(
        table(titles, rows),
        at_most=len(rows) if whole else ROWS,
        rest=lambda left: f"… and {left:,} more rows: `reconcile plan` prints them all.",
    )


def _row(step: Step) -> tuple[str, ...]:
    label = words.label(step)
    why = "; ".join(words.change_phrases(step)) or next(iter(words.step_sentences(step)), "")
    return (
        _unbroken(f"**{label}**" if step.action in _LOUD else label),
        code(step.name),
        f"{prose(step.provider)}<br>{_model(step)}",
        prose(why, _WHY),
        _unbroken(estimates.compact(step.estimate)) if step.estimate else "",
        _unbroken(_cost(step)),
    )


def _estimated(step: Step) -> bool:
    return step.action is Action.CREATE or step.estimate is not None


def _cost(step: Step) -> str:
    """The cost of a create; in brackets that of a step which is held, for it is in no sum."""
    if not _estimated(step):
        return ""
    cost = estimates.money(step.estimate).removeprefix("≈ ").removeprefix("cost ")
    if before := estimates.last_time(step):
        cost = f"{cost} ({before})"
    return cost if step.action is Action.CREATE else f"({cost})"


def _total(plan: Plan) -> str:
    return _unbroken(estimates.plan_cost(plan).removeprefix("about ").partition(" (")[0])


def _unbroken(text: str) -> str:
    """The text with no place where a narrow column could break it."""
    return text.replace(" ", "&nbsp;").replace(estimates.TO, f"{estimates.TO}&#8288;")


def _model(step: Step) -> str:
    asked = step.record.identity.get("model") if step.record and not step.spec else None
    named = step.base_model or (step.spec.model if step.spec else asked)
    return code(named) if isinstance(named, str) else prose(words.base_model(step))


def _to_do(listed: Sequence[Step]) -> Part:
    """What somebody has to do about steps that are held, or whose job came to nothing."""
    quiet = (Action.CREATE, Action.CANCEL)
    items = [
        f"- {code(step.name)}: {prose(words.step_next(step))}"
        for step in listed
        if step.action not in quiet and words.step_next(step)
    ]
    return Part(
        begin="**What to do about those held, failed or left over**\n\n",
        items=items,
        at_most=_TO_DO,
        rest=lambda left: f"… and {left:,} more, each in the details below.",
    )


def _warnings(warnings: Sequence[Problem]) -> Iterator[Part]:
    files = len(words.by_file(warnings))
    where = f"{words.count(len(warnings), 'warning')} in {words.count(files, 'data file')}"
    yield folded(f"{where}: nothing is stopped by them", findings(warnings))


def _details(listed: Sequence[Step]) -> Part:
    items = [fold(_title(step), "\n".join(_lines(step))) for step in listed]
    part = Part(
        items=items,
        joiner="\n\n",
        rest=lambda left: (
            f"… and the details of {left:,} more, which a comment has no room for:"
            " `reconcile plan` prints them all."
        ),
    )
    if len(items) <= FOLDS:
        return part
    return folded(f"Details of {words.count(len(items), 'step')}", part)


def _title(step: Step) -> str:
    """A line of HTML: the name, and our own words."""
    changed = f", {words.count(len(step.changes), 'field')} changed" if step.changes else ""
    return f"{html_code(step.name)} · {words.label(step)}{changed}"


def _lines(step: Step) -> Iterator[str]:
    """What a plan says of a step in a terminal, and where it stands in the repository."""
    yield "- " + " · ".join(prose(fact) for fact in words.step_facts(step))
    if step.spec:
        source = step.spec.source
        yield f"- spec {code(f'{source.path}:{source.line}' if source.line else source.path)}"
    for phrase in words.change_phrases(step)[:_CHANGES]:
        yield f"- {prose(phrase)}"
    if len(step.changes) > _CHANGES:
        yield f"- and {len(step.changes) - _CHANGES:,} more changes"
    told = [*words.step_sentences(step), *words.translations(step)]
    if step.estimate and (basis := estimates.basis(step.estimate)):
        told.append(f"estimated: {basis}")
    told += [*words.cost_notes(step), *words.duplicate_lines(step.duplicates)]
    for sentence in told[:_CHANGES]:
        yield f"- {prose(sentence)}"
    if hint := words.step_next(step):
        yield f"- → {prose(hint)}"
    yield f"- token {code(step.token)}"


def _foot(plan: Plan, checksum: str | None) -> str:
    said = [f"checksum {code(checksum)}" if checksum else "", f"state serial {plan.serial:,}"]
    said.append("tokens and costs are estimates" if plan.of(Action.CREATE) else "")
    return f"<sub>{' · '.join(part for part in said if part)}</sub>"
