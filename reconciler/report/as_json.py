"""The reports as programs read them: one JSON document each, with stable keys.

`report.choose` hands this module out; `report.Report` describes its functions. What the documents
hold is written down in `schemas/plan.v1.schema.json` and `schemas/output.v1.schema.json`. Every key
is always there, null where nobody knows. The text is ASCII, so that any terminal and any encoding
carries it whole; a number JSON has no word for (NaN, infinity) becomes null.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from reconciler.cost import Estimate
from reconciler.errors import Problem, Severity
from reconciler.model import (
    Action,
    Dataset,
    Event,
    Job,
    MetricPoint,
    Outcome,
    Plan,
    Record,
    Rejection,
    Result,
    Source,
    Step,
)
from reconciler.report import words
from reconciler.report.rows import StatusRow
from reconciler.status import API_VERSION, job_object

if TYPE_CHECKING:
    from reconciler.report import Layout

_JOB_BRIEF = ("id", "status", "provider_status", "fine_tuned_model", "trained_tokens", "error")
"""What a plan says of a job; a record holds the whole object."""

_USD_DIGITS = 4
"""Sums of dollars are rounded as `reconciler.cost` rounds what they are made of."""


def plan(
    plan: Plan,
    *,
    checksum: str | None = None,
    budget: float | None = None,
    **_layout: Unpack[Layout],
) -> str:
    """`kind: Plan`."""
    usd, usd_high = plan.usd
    actions = Counter(step.action for step in plan.steps)
    again = sum(words.label(step) == words.TRAIN_AGAIN for step in plan.steps)
    summary = {action.value: actions[action] for action in Action} | {
        "train_again": again,
        "duplicates": sum(len(step.duplicates) for step in plan.steps),
    }
    return _document(
        "Plan",
        lineage=plan.lineage,
        serial=plan.serial,
        checksum=checksum,
        changes_anything=plan.changes_anything,
        summary=summary,
        cost={
            "usd": round(usd, _USD_DIGITS),
            "usd_high": round(usd_high, _USD_DIGITS),
            "unpriced": len(plan.unpriced),
            "budget_usd": budget,
        },
        warnings=[_problem(warning) for warning in plan.warnings],
        steps=[_step(step) for step in plan.steps],
    )


def pass_result(outcomes: Sequence[Outcome], **_layout: Unpack[Layout]) -> str:
    """`kind: ApplyResult`."""
    results = Counter(outcome.result for outcome in outcomes)
    return _document(
        "ApplyResult",
        summary={result.value: results[result] for result in Result},
        outcomes=[_outcome(outcome) for outcome in outcomes],
    )


def status(rows: Sequence[StatusRow], now: float, **_layout: Unpack[Layout]) -> str:
    """`kind: StatusList`."""
    jobs = [{name: getattr(row, name) for name in row.__dataclass_fields__} for row in rows]
    return _document(
        "StatusList",
        as_of=int(now),
        summary=_counted(row.phase for row in rows),
        sync=_counted(row.sync for row in rows),
        health=_counted(row.health for row in rows),
        jobs=jobs,
    )


def events(events: Sequence[Event], **_layout: Unpack[Layout]) -> str:
    """`kind: EventList`."""
    found = [
        {
            "id": event.id,
            "created_at": event.created_at,
            "level": event.level,
            "type": event.type,
            "message": event.message,
            "data": event.data,
        }
        for event in events
    ]
    return _document("EventList", events=found)


def metrics(points: Sequence[MetricPoint], **_layout: Unpack[Layout]) -> str:
    """See `report.Report`."""
    rows = [{"step": point.step, "values": point.values} for point in points]
    return _document("MetricList", points=rows)


def problems(problems: Sequence[Problem], files_checked: int, **_layout: Unpack[Layout]) -> str:
    """`kind: ValidationResult`."""
    severities = Counter(problem.severity for problem in problems)
    return _document(
        "ValidationResult",
        valid=not severities[Severity.ERROR],
        files_checked=files_checked,
        files_with_problems=len({problem.file for problem in problems}),
        errors=severities[Severity.ERROR],
        warnings=severities[Severity.WARNING],
        problems=[_problem(problem) for problem in problems],
    )


def state_list(records: Sequence[Record], **_layout: Unpack[Layout]) -> str:
    """`kind: StateList`."""
    return _document("StateList", records=[_record(record) for record in records])


def state_show(record: Record, **_layout: Unpack[Layout]) -> str:
    """`kind: Record`."""
    return _document("Record", record=_record(record))


def _document(kind: str, **fields: Any) -> str:
    document = {"apiVersion": API_VERSION, "kind": kind, **fields}
    text = json.dumps(_plain(document), indent=2, allow_nan=False)
    return text.replace("##[", "#\\u0023[")  # a CI runner obeys ##[command] anywhere in a line


def _counted(found: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(found).items()))


def _step(step: Step) -> dict[str, Any]:
    spec, record = step.spec, step.record
    known = spec or record
    asked: Mapping[str, Any] = record.identity if record and not spec else {}
    return {
        "action": step.action,
        "reason": step.reason,
        "name": step.name,
        "namespace": known.namespace if known else None,
        "provider": step.provider,
        "token": step.token,
        "digest": known.digest if known else None,
        "attempt": known.attempt if known else None,
        "base_model": step.base_model or (spec.model if spec else _word(asked.get("model"))),
        "base_model_from": spec.model_from if spec else None,
        "method": spec.method if spec else asked.get("method"),
        "hyperparameters": spec.hyperparameters if spec else asked.get("hyperparameters", {}),
        "translation": words.translations(step),
        "datasets": _datasets(known.training, known.validation) if known else None,
        "source": _source(known.source) if known else None,
        "job": _brief(step.job),
        "duplicates": [_brief(job) for job in step.duplicates],
        "previous": _previous(step.previous),
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in step.changes
        ],
        "estimate": _estimate(step.estimate),
        "message": step.message,
        "hint": words.step_next(step),
        "warning": step.warning,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    step = outcome.step
    return {
        "result": outcome.result,
        "action": step.action,
        "reason": step.reason,
        "name": step.name,
        "provider": step.provider,
        "token": step.token,
        "job": _brief(words.outcome_job(outcome)),
        "message": outcome.message or step.message,
        "hint": words.outcome_next(outcome),
    }


def _record(record: Record) -> dict[str, Any]:
    return {
        "token": record.token,
        "name": record.name,
        "namespace": record.namespace,
        "digest": record.digest,
        "attempt": record.attempt,
        "provider": record.provider,
        "scope": record.scope,
        "source": _source(record.source),
        "datasets": _datasets(record.training, record.validation),
        "identity": record.identity,
        "deletion_policy": record.deletion_policy,
        "binding": record.binding,
        "pending_since": record.pending_since,
        "rejection": _rejection(record.rejection),
        "estimate": _estimate(record.estimate),
        "stopped_because": record.stopped_because,
        "model_deleted": record.model_deleted,
        "job": job_object(record.job) if record.job else None,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in problem.__dataclass_fields__}


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {name: getattr(estimate, name) for name in estimate.__dataclass_fields__}


def _brief(job: Job | None) -> dict[str, Any] | None:
    if job is None:
        return None
    whole = job_object(job)
    return {key: whole[key] for key in _JOB_BRIEF}


def _previous(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {"token": record.token, "digest": record.digest, "job": _brief(record.job)}


def _datasets(training: Dataset, validation: Dataset | None) -> dict[str, Any]:
    return {
        "training": _dataset(training),
        "validation": _dataset(validation) if validation else None,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "path": dataset.path,
        "sha256": dataset.sha256,
        "examples": dataset.examples,
        "bytes": dataset.size,
        "reference": dataset.reference,
    }


def _source(source: Source) -> dict[str, Any]:
    return {"path": source.path, "line": source.line, "commit": source.commit}


def _rejection(rejection: Rejection | None) -> dict[str, Any] | None:
    if rejection is None:
        return None
    return {
        "remedy": rejection.remedy,
        "code": rejection.code,
        "message": rejection.message,
        "at": rejection.at,
        "retry_at": rejection.retry_at,
    }


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """JSON's own types, whatever mapping or sequence a value came in."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
