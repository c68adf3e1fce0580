"""The reports as GitHub Actions understands them: annotations on the lines of a pull request.

`report.choose` hands this module out; `report.Report` describes its functions. `cli` prints what
they return and, where GitHub names the files, appends `step_outputs` and its siblings to
`GITHUB_OUTPUT`; what belongs into `GITHUB_STEP_SUMMARY` is the report in Markdown.

A runner obeys every line of a log that begins with `::`, so nothing that is not ours begins one.
GitHub keeps ten annotations of a level per step; ours stop there and say how many more there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Unpack

from reconciler.errors import Problem, Severity
from reconciler.model import Action, JobSpec, JobStatus, Outcome, Plan, Result, Step
from reconciler.plan import needs_somebody
from reconciler.report import estimates, words
from reconciler.report.escape import shortened
from reconciler.report.forms import without_form

if TYPE_CHECKING:
    from reconciler.report import Layout

LIMIT = 10
"""Annotations of one level that GitHub keeps of one step."""

_LONGEST = 2_000
_WENT_WRONG = (Result.REJECTED, Result.UNKNOWN, Result.FAILED)

status = without_form("status", "github")
events = without_form("events", "github")
metrics = without_form("metrics", "github")
state_list = without_form("state_list", "github")
state_show = without_form("state_show", "github")


def plan(
    plan: Plan,
    *,
    checksum: str | None = None,  # noqa: ARG001 - among the outputs
    budget: float | None = None,
    **_layout: Unpack[Layout],
) -> str:
    """Each create with its cost, each held step and each warning, at its spec or its data."""
    found = [annotation for step in plan.steps for annotation in _of_step(step)]
    found += [_of_problem(warning) for warning in plan.warnings]
    return _document(found, _plan_line(plan, budget))


def pass_result(outcomes: Sequence[Outcome], **_layout: Unpack[Layout]) -> str:
    """What was created and what went wrong, at the specs."""
    found = [annotation for outcome in outcomes for annotation in _of_outcome(outcome)]
    counted = ", ".join(words.pass_summary(outcomes)) or "no specs and no jobs"
    return _document(found, f"Result: {counted}")


def problems(problems: Sequence[Problem], files_checked: int, **_layout: Unpack[Layout]) -> str:
    """Every problem at its line, as far as GitHub shows them."""
    found = [_of_problem(problem) for problem in problems]
    return _document(found, words.problem_summary(problems, files_checked))


def step_outputs(plan: Plan, *, checksum: str | None = None) -> str:
    """What later steps of a workflow can ask of a plan: `creates=1`, `cost_usd=0.77`, …

    Lines for GITHUB_OUTPUT, the last one ended too. `changes` says whether apply would create, tie
    or cancel a job. The costs are estimates in US dollars: the likeliest and the highest.
    """
    usd, usd_high = plan.usd
    return _outputs(
        {
            "changes": plan.changes_anything,
            "creates": len(plan.of(Action.CREATE)),
            "adopts": len(plan.of(Action.ADOPT)),
            "cancels": len(plan.of(Action.CANCEL)),
            "held": len(plan.of(Action.HOLD)),
            "cost_usd": f"{usd:.2f}",
            "cost_usd_high": f"{usd_high:.2f}",
            "unpriced": len(plan.unpriced),
            "warnings": len(plan.warnings),
            "checksum": checksum or "",
        }
    )


def pass_outputs(outcomes: Sequence[Outcome]) -> str:
    """What later steps can ask of an apply: `created=1`, `held=0`, …, a line per Result."""
    counts = Counter(outcome.result for outcome in outcomes)
    return _outputs({result.value: counts[result] for result in Result})


def problem_outputs(problems: Sequence[Problem]) -> str:
    """What later steps can ask of a validate: `valid=true`, `errors=0`, `warnings=3`."""
    counts = Counter(problem.severity for problem in problems)
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    return _outputs({"valid": not errors, "errors": errors, "warnings": warnings})


class _Level(StrEnum):
    """The workflow commands that annotate, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    """`line` and `column` count from 1, 0 where the file as a whole is meant; "" is no file."""

    level: _Level
    title: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        line = max(self.line, 1) if self.file else 0
        column = self.column if self.line else 0
        found = {"file": self.file, "line": line, "col": column, "title": self.title}
        properties = ",".join(f"{k}={_property(str(v))}" for k, v in found.items() if v)
        return f"::{self.level} {properties}::{_data(self.message)}"


def _document(annotations: Sequence[_Annotation], last: str) -> str:
    lines: list[str] = []
    more: list[str] = []
    for level in _Level:
        found = [annotation for annotation in annotations if annotation.level is level]
        lines += map(str, found[:LIMIT])
        if len(found) > LIMIT:
            more.append(words.count(len(found) - LIMIT, f"more {level}"))
    if more:
        lines.append(f"and {', '.join(more)}: GitHub shows {LIMIT} of each in one step")
    return "\n".join([*lines, last])


def _of_step(step: Step) -> Iterator[_Annotation]:
    advice = _sentence(*words.step_sentences(step), hint=words.step_next(step))
    match step.action:
        case Action.CREATE:
            known = [estimates.fact(step), *words.change_phrases(step), *words.step_sentences(step)]
            told = "; ".join(known)
            yield _at(step.spec, _Level.NOTICE, f"{words.label(step)}: {step.name}", told)
            for note in words.cost_notes(step):
                yield _at(step.spec, _Level.WARNING, step.name, note.removeprefix("warning: "))
        case Action.HOLD:
            level = _Level.ERROR if needs_somebody(step) else _Level.NOTICE
            yield _at(step.spec, level, f"held: {step.name}", advice)
        case _ if not words.healthy(step.job):
            yield _at(step.spec, _job_level(step), f"{_status(step)}: {step.name}", advice)
        case _ if step.duplicates:
            yield _at(step.spec, _Level.WARNING, f"several jobs: {step.name}", advice)
        case _ if step.warning:
            yield _at(step.spec, _Level.WARNING, step.name, step.warning)
        case _:
            pass


def _of_outcome(outcome: Outcome) -> Iterator[_Annotation]:
    step, result = outcome.step, outcome.result
    advice = _sentence(*words.outcome_sentences(outcome), hint=words.outcome_next(outcome))
    title = f"{result}: {step.name}"
    if result in _WENT_WRONG:
        yield _at(step.spec, _Level.ERROR, title, advice)
    elif result is Result.HELD:
        level = _Level.ERROR if needs_somebody(step) else _Level.NOTICE
        yield _at(step.spec, level, title, advice)
    elif (job := words.outcome_job(outcome)) and not words.healthy(job):
        level = _Level.ERROR if job.status is JobStatus.FAILED else _Level.WARNING
        yield _at(step.spec, level, f"{words.status(job.status)}: {step.name}", advice)
    elif result is Result.CREATED or words.ended(outcome):
        told = " · ".join(words.outcome_facts(outcome))
        how = title if result is Result.CREATED or job is None else f"{job.status}: {step.name}"
        yield _at(step.spec, _Level.NOTICE, how, told)


def _of_problem(problem: Problem) -> _Annotation:
    return _Annotation(
        level=_Level(problem.severity.value),
        title=problem.rule or "spec",
        message=_sentence(problem.message, hint=problem.hint),
        file=problem.file,
        line=problem.line,
        column=problem.column,
    )


def _at(spec: JobSpec | None, level: _Level, title: str, message: str) -> _Annotation:
    file, line = (spec.source.path, spec.source.line) if spec else ("", 0)
    return _Annotation(level=level, title=title, message=message, file=file, line=line)


def _job_level(step: Step) -> _Level:
    failed = step.job is not None and step.job.status is JobStatus.FAILED
    return _Level.ERROR if failed else _Level.WARNING


def _status(step: Step) -> str:
    return words.status(step.job.status) if step.job else words.label(step)


def _plan_line(plan: Plan, budget: float | None) -> str:
    counted = ", ".join(words.plan_summary(plan)) or "no specs and no jobs, nothing to do"
    cost = estimates.plan_cost(plan, budget)
    return f"Plan: {counted}" + (f" · {cost}" if cost else "")


def _sentence(*texts: str, hint: str) -> str:
    told = "; ".join(text for text in texts if text)
    return " → ".join(text for text in (told, hint) if text)


def _outputs(values: Mapping[str, Any]) -> str:
    return "".join(f"{name}={_output(value)}\n" for name, value in values.items())


def _output(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else words.harmless(str(value))


def _data(text: str) -> str:
    """As GitHub's toolkit writes the value of a command."""
    return _replaced(shortened(text, _LONGEST), (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")))


def _property(text: str) -> str:
    """As GitHub's toolkit writes a property of a command."""
    return _replaced(_data(text), ((":", "%3A"), (",", "%2C")))


def _replaced(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    for found, written in pairs:
        text = text.replace(found, written)
    return text
