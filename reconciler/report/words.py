"""The words of the reports: labels, facts, sentences and numbers, without layout or colour.

Every format that a person reads takes its words from here, so that a plan says the same in a
terminal as in a pull request. Pure, and the standard library only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

from reconciler import changes
from reconciler.errors import Problem, Severity
from reconciler.model import (
    Action,
    Dataset,
    Job,
    JobError,
    JobStatus,
    Outcome,
    Plan,
    Reason,
    Result,
    Step,
)
from reconciler.report import estimates

ABSENT = "-"
"""Stands in a table for what nobody said."""

IN_SYNC = "in sync"
TRAIN_AGAIN = "train again"

_LINE_END = re.compile(r"[\r\n\t][ \r\n\t]*")
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # terminals obey these
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # hide or turn text
    "\ud800-\udfff"  # no encoding takes half a character
    "\U000e0000-\U000e007f]"
)

_OBEYED = re.compile(
    r"""(?<=:)(?=:(?:error|warning|notice|debug|group|endgroup|echo|add-mask|add-matcher|add-path
      |remove-matcher|save-state|set-env|set-output|stop-commands|internal-set-repo-path)\b)
      | (?<=\#\#)(?=\[)""",
    re.VERBOSE | re.IGNORECASE,
)
"""Where `::error` or `##[error]` goes on: a runner of GitHub Actions obeys such lines of a log."""

_COUNTED = {
    "create": "{} to create",
    TRAIN_AGAIN: "{} to train again",
    "adopt": "{} to adopt",
    "refresh": "{} to refresh",
    "cancel": "{} to cancel",
    IN_SYNC: "{} in sync",
    "held": "{} held",
    "orphaned": "{} orphaned",
}
"""How a plan's summary counts each label, in its order: what will happen, then what will not."""

_NEXT = {
    Result.HELD: "nothing was called for it; apply again when the reason is gone",
    Result.REJECTED: "correct what the provider names, then apply again",
    Result.UNKNOWN: "the next pass looks for the job before anything else",
    Result.FAILED: "nothing was created; apply again when the reason is gone",
}
"""What to do where neither the provider nor the plan had a better idea."""

DO_AGAIN = "correct the spec or its data, or raise spec.attempt, to train again"
AFTER_ALL = "to train it after all, raise spec.attempt"
RESUME = "to let it go on: reconcile resume {}"


def harmless(text: str) -> str:
    r"""The text on one line, with nothing that a reader's terminal or a CI runner obeys.

    Line ends and tabs become spaces; other control characters, marks that turn the direction of
    writing and halves of characters become escapes such as `\x1b`. The commands of a runner of
    GitHub Actions are broken by a space: `: :error`.
    """
    if "::" in text or "##[" in text:
        text = _OBEYED.sub(" ", text)
    if text.isascii() and text.isprintable():
        return text  # nearly every word of a report
    text = _LINE_END.sub(" ", text)
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def count(number: int, noun: str) -> str:
    """`1 job`, `1,920 jobs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def number(value: int | None) -> str:
    """`51,204`, or ABSENT."""
    return ABSENT if value is None else f"{value:,}"


def moment(seconds: float | None) -> str:
    """Unix seconds as UTC, to the second; the number itself where no calendar reaches."""
    if seconds is None:
        return ABSENT
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def age(seconds: float | None) -> str:
    """`45s`, `12m`, `3h 20m`, `5d 2h`: the two largest units that matter."""
    if seconds is None:
        return ABSENT
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days:,}d {hours % 24}h" if hours % 24 else f"{days:,}d"
    if hours:
        return f"{hours}h {minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{minutes}m" if minutes else f"{whole}s"


def label(step: Step) -> str:
    """What a step does, in one or two words."""
    match step.action:
        case Action.CREATE:
            return TRAIN_AGAIN if step.previous else "create"
        case Action.ADOPT | Action.REFRESH | Action.CANCEL:
            return step.action.value
        case Action.NOOP:
            return IN_SYNC
        case Action.HOLD:
            return "held"
        case Action.ORPHAN:
            return "orphaned"
        case _:
            assert_never(step.action)


def plan_summary(plan: Plan) -> tuple[str, ...]:
    """`1 to create`, `178 in sync`, …: the parts of a plan's last line; none for an empty plan."""
    counts = Counter(label(step) for step in plan.steps)
    parts = [words.format(f"{counts[key]:,}") for key, words in _COUNTED.items() if counts[key]]
    duplicates = sum(len(step.duplicates) for step in plan.steps)
    if duplicates:
        parts.append(count(duplicates, "duplicate job"))
    return tuple(parts)


def pass_summary(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """`1 created`, `178 unchanged`, …: the parts of a pass's last line, in the order of Result.

    How the jobs ended that are over now, and were not before, stands last: `1 job succeeded`.
    """
    outcomes = tuple(outcomes)
    counts = Counter(outcome.result for outcome in outcomes)
    ends = Counter(job.status for job in map(outcome_job, filter(ended, outcomes)) if job)
    return (
        *(f"{counts[result]:,} {result}" for result in Result if counts[result]),
        *(f"{count(ends[end], 'job')} {status(end)}" for end in JobStatus if ends[end]),
    )


def step_facts(step: Step) -> tuple[str, ...]:
    """Provider, model, method and size of what would be trained; or the job, where there is one."""
    if step.job is not None:
        found, *rest = job_facts(step.job)
        last_seen = f"last seen {found}" if step.action is Action.HOLD else found
        return (step.provider, last_seen, *rest)
    if step.spec is None:
        return (step.provider, *([step.record.token] if step.record else []))
    spec = step.spec
    facts = [step.provider, base_model(step), spec.method, *_size(spec.training)]
    if spec.validation is not None and spec.validation.examples is not None:
        facts.append(f"{spec.validation.examples:,} to validate")
    estimated = estimates.fact(step)
    epochs = spec.hyperparameters.get("n_epochs")
    if isinstance(epochs, int) and step.estimate is None:
        facts.append(count(epochs, "epoch"))
    if estimated:
        facts.append(estimated)
    if spec.attempt:
        facts.append(f"attempt {spec.attempt}")
    return tuple(facts)


def outcome_facts(outcome: Outcome) -> tuple[str, ...]:
    """The job an outcome speaks of, or what would have been trained."""
    step, job = outcome.step, outcome_job(outcome)
    if job is None:
        return step_facts(step)
    if outcome.result is Result.HELD:
        return step_facts(replace(step, job=job))
    if outcome.result is not Result.CREATED:
        return (step.provider, *job_facts(job))
    estimated = [estimates.fact(step)] if step.estimate else []
    return (step.provider, base_model(step), *job_facts(job), *estimated)


def outcome_job(outcome: Outcome) -> Job | None:
    """The job as state holds it after the step, or as the step saw it."""
    return (outcome.record.job if outcome.record else None) or outcome.step.job


def ended(outcome: Outcome) -> bool:
    """Whether state learnt of the end of the job by this pass, or while somebody waited for it."""
    step, job = outcome.step, outcome_job(outcome)
    if job is None or outcome.result is Result.CANCELLED:
        return False
    before = (step.record.job if step.record else None) or step.job
    return job.status.terminal and not (before is not None and before.status.terminal)


def base_model(step: Step) -> str:
    """The model a step trains on, or whose model that will be."""
    spec = step.spec
    named = step.base_model or (spec.model if spec else None)
    return named or (f"the model of {spec.model_from}" if spec and spec.model_from else ABSENT)


def job_facts(job: Job) -> tuple[str, ...]:
    """Status and id, then tokens and model once they are there."""
    facts = [status(job.status), job.id]
    if job.trained_tokens is not None:
        facts.append(count(job.trained_tokens, "token"))
    if job.fine_tuned_model:
        facts.append(job.fine_tuned_model)
    return tuple(facts)


def status(job_status: JobStatus) -> str:
    """`validating files` for `validating_files`."""
    return job_status.value.replace("_", " ")


def reason(error: JobError) -> str:
    """`invalid_training_file: …`: the provider's code, where it has one, and its words."""
    return f"{error.code}: {error.message}" if error.code else error.message


def change_phrases(step: Step) -> tuple[str, ...]:
    """`n_epochs 3 → 4`, for each field that differs from what the name was last trained with."""
    return tuple(changes.sentence((change,)) for change in step.changes)


def cost_notes(step: Step) -> tuple[str, ...]:
    """What to know of a step that is done all the same: its cost, then its warning."""
    return (*estimates.notes(step), *((f"warning: {step.warning}",) if step.warning else ()))


def problem_summary(problems: Sequence[Problem], files_checked: int) -> str:
    """`2 problems, 3 warnings in 2 of 41 files`: what validate says last."""
    files = count(files_checked, "file")
    if not problems:
        return f"{files}, no problems" if files_checked else "no files to check"
    warnings = sum(problem.severity is Severity.WARNING for problem in problems)
    errors = len(problems) - warnings
    found = [count(errors, "problem")] if errors else []
    found += [count(warnings, "warning")] if warnings else []
    bad = len({problem.file for problem in problems})
    among = f"{bad:,} of {files}" if bad <= files_checked else count(bad, "file")
    return f"{', '.join(found)} in {among}"


def by_file(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """The problems of each file, in the order given."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.file, []).append(problem)
    return found


def translations(step: Step) -> tuple[str, ...]:
    """What becomes of the spec's words at its provider, for a step that would send them."""
    return step.spec.translation if step.spec and step.action is Action.CREATE else ()


def step_sentences(step: Step) -> tuple[str, ...]:
    """Why: the step's message, unless it only lists the changes, and what is wrong with the job."""
    message = "" if step.message == changes.sentence(step.changes) else step.message
    trouble = _trouble(step.job)
    return tuple(text for text in (message, "" if trouble in message else trouble) if text)


def step_next(step: Step) -> str:
    """What to do about a step; never empty for one that is held or whose job came to nothing."""
    if step.hint:
        return step.hint
    if step.action is Action.HOLD:
        return "nothing is called for it; plan again when the reason is gone"
    if step.duplicates:
        return "look at them and cancel what is not wanted: each is paid for"
    return job_next(step.job, step.name)


def outcome_sentences(outcome: Outcome) -> tuple[str, ...]:
    """Why it went so. For what was created or refreshed as planned, the facts say enough.

    What somebody asked for is answered: `ftjob-1 is paused`.
    """
    trouble = _trouble(outcome_job(outcome))
    as_planned = outcome.result in (Result.CREATED, Result.REFRESHED, Result.UNCHANGED)
    if as_planned and outcome.step.reason is not Reason.REQUESTED:
        return (trouble,) if trouble else ()
    message = outcome.message or outcome.step.message
    found = [message, "" if trouble in message else trouble]
    return tuple(sentence for sentence in found if sentence)


def outcome_next(outcome: Outcome) -> str:
    """What to do about an outcome; never empty for one that went wrong."""
    hint = outcome.hint or outcome.step.hint or _NEXT.get(outcome.result, "")
    pruned = outcome.step.reason is Reason.PRUNED
    return hint or ("" if pruned else job_next(outcome_job(outcome), outcome.step.name))


def job_next(job: Job | None, name: str = "NAME") -> str:
    """What to do about a job that will not get further by itself; "" where it will.

    `name` is the spec's, or the token of a job that no spec asks for now.
    """
    match job.status if job else None:
        case JobStatus.FAILED:
            return DO_AGAIN
        case JobStatus.CANCELLED:
            return AFTER_ALL
        case JobStatus.PAUSED:
            return RESUME.format(name)
        case JobStatus.UNKNOWN:
            return "it is taken for running; look at the provider's own page of the job"
        case _:
            return ""


def healthy(job: Job | None) -> bool:
    """Whether a job needs nobody: it has succeeded or is on its way."""
    return not job_next(job)


def duplicate_lines(duplicates: Sequence[Job]) -> tuple[str, ...]:
    """`also on ftjob-2 · running · since 2026-11-23T14:05:09Z`, for each other job of a token."""
    return tuple(
        f"also on {job.id} · {status(job.status)}"
        + ("" if job.created_at is None else f" · since {moment(job.created_at)}")
        for job in duplicates
    )


def _size(dataset: Dataset) -> tuple[str, ...]:
    if dataset.examples is not None:
        return (count(dataset.examples, "example"),)
    return (dataset.reference,) if dataset.reference else ()


def _trouble(job: Job | None) -> str:
    """What is wrong with a job, in its provider's words where there are any."""
    match job:
        case Job(error=JobError() as error):
            return reason(error)
        case Job(status=JobStatus.FAILED):
            return "the provider does not say why it failed"
        case Job(status=JobStatus.UNKNOWN):
            return f"the provider says {job.provider_status!r}, a word this version does not know"
        case _:
            return ""
