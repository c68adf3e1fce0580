"""Where a model came from, in words or as JSON: what `reconcile whence` prints.

The JSON is `kind: OriginList` of `schemas/output.v1.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from reconciler.model import Dataset, Record
from reconciler.report import words
from reconciler.report.layout import Cell, Page, Span, Tone, sentences
from reconciler.status import API_VERSION
from reconciler.whence import Origin

if TYPE_CHECKING:
    from reconciler.report import Layout

_LABEL = len("validation")


def text(found: Sequence[Origin], **layout: Unpack[Layout]) -> str:
    """A block per origin, and under it the one its base model came from."""
    page = Page(**layout)
    for index, origin in enumerate(found):
        if index:
            page.blank()
        current: Origin | None = origin
        while current is not None:
            _block(page, current)
            current = current.base
            if current is not None:
                page.body(sentences("trained on the model of:", Tone.QUIET))
    return str(page)


def document(found: Sequence[Origin]) -> str:
    """`kind: OriginList`."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "OriginList",
        "origins": [_as_json(origin) for origin in found],
    }
    return json.dumps(body, indent=2)


def _block(page: Page, origin: Origin) -> None:
    record = origin.record
    job = record.job
    model = origin.checkpoint or (job.fine_tuned_model if job else None) or record.token
    page.whole_line([Span(model, Tone.STRONG)])
    for label, value in _lines(record):
        cell = Cell(span=Span(label, Tone.QUIET), width=_LABEL)
        page.row([cell])
        page.body(sentences(value), at=_LABEL + 4)


def _lines(record: Record) -> Iterator[tuple[str, str]]:
    job = record.job
    yield "spec", f"{record.namespace}/{record.name}, {record.source.path}:{record.source.line}"
    commit = record.source.commit
    if commit is None:
        yield "commit", "none: the specs were in no git repository, or the job was found"
    elif commit.endswith("-dirty"):
        yield "commit", f"{commit.removesuffix('-dirty')}, and files differed from it"
    else:
        yield "commit", f"{commit} (git show {commit[:12]}:{record.source.path})"
    yield "training", _data(record.training)
    if record.validation is not None:
        yield "validation", _data(record.validation)
    if job is not None:
        base = f", on {job.model}" if job.model else ""
        yield "job", f"{job.id} at {record.provider}, {words.status(job.status)}{base}"
        if job.created_at is not None:
            ended = f" to {words.moment(job.finished_at)}" if job.finished_at else ""
            yield "when", f"{words.moment(job.created_at)}{ended}"
    yield "cost", _cost(record)
    yield "token", record.token
    if record.model_deleted:
        yield "deleted", "the model has been deleted"


def _data(data: Dataset) -> str:
    parts = [data.path or data.reference or "-"]
    if data.examples is not None:
        parts.append(words.count(data.examples, "example"))
    if data.sha256:
        parts.append(f"sha256 {data.sha256}")
    if data.path and data.reference:
        parts.append(f"uploaded as {data.reference}")
    return ", ".join(parts)


def _cost(record: Record) -> str:
    trained = record.job.trained_tokens if record.job else None
    said = [words.count(trained, "token") + " trained"] if trained is not None else []
    if (estimate := record.estimate) is not None and estimate.usd is not None:
        said.append(f"estimated at ${estimate.usd:,.2f} ({estimate.price})")
    return ", ".join(said) or "not known"


def _as_json(origin: Origin) -> dict[str, Any]:
    record, job = origin.record, origin.record.job
    return {
        "fine_tuned_model": job.fine_tuned_model if job else None,
        "checkpoint": origin.checkpoint,
        "model_deleted": record.model_deleted,
        "name": record.name,
        "namespace": record.namespace,
        "token": record.token,
        "digest": record.digest,
        "attempt": record.attempt,
        "provider": record.provider,
        "source": {"path": record.source.path, "line": record.source.line}
        | {"commit": record.source.commit},
        "datasets": {
            "training": _dataset(record.training),
            "validation": record.validation and _dataset(record.validation),
        },
        "job_id": job.id if job else None,
        "status": job.status.value if job else None,
        "base_model": job.model if job else None,
        "created_at": job.created_at if job else None,
        "finished_at": job.finished_at if job else None,
        "trained_tokens": job.trained_tokens if job else None,
        "estimated_cost_usd": record.estimate.usd if record.estimate else None,
        "base": origin.base and _as_json(origin.base),
    }


def _dataset(data: Dataset) -> dict[str, Any]:
    return {
        "path": data.path,
        "sha256": data.sha256,
        "examples": data.examples,
        "bytes": data.size,
        "reference": data.reference,
    }
