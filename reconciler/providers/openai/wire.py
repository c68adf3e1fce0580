"""The words of the wire: a request body out; jobs, events and checkpoints in.

`adapter` and `files` translate through here. Pure. It believes no schema: what real servers answer
differs from OpenAI's description of it, and gateways differ more, so everything may be missing,
null or of another type. What is not understood becomes None, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.config import OpenAISettings
from reconciler.model import Checkpoint, Event, Job, JobError, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.openai import stamp

_MILLISECONDS = 1e11
"""Unix times above this are in milliseconds, as gateways write them: in seconds it is 5138 AD."""

_STATUSES = {
    **{status.value: status for status in JobStatus if status is not JobStatus.UNKNOWN},
    "canceled": JobStatus.CANCELLED,
    # Azure's older words, and what gateways in front of it pass on
    "created": JobStatus.QUEUED,
    "pending": JobStatus.QUEUED,
    "notrunning": JobStatus.QUEUED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file the server holds. `usable` is false where it says that training cannot use it."""

    id: str
    name: str
    size: int | None
    created_at: int | None
    expires_at: int | None
    purpose: str | None
    usable: bool


def create_body(
    request: CreateRequest, settings: OpenAISettings, extra_body: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body of a create. Nulls are left out, so that a server's own defaults apply.

    `extra_body` is the settings' with its variables expanded. It and then the spec's own go over
    the rest, key by key; pinned fields and the stamp stay what they are.
    """
    spec = request.spec
    body: dict[str, Any] = {
        "model": request.base_model,
        "training_file": request.training,
        "validation_file": request.validation,
        **_method(spec),
        "suffix": stamp.suffix(spec, settings),
        "seed": spec.seed,
        "integrations": spec.integrations or None,
        "metadata": stamp.metadata(spec, settings) or None,
    }
    plain: dict[str, Any] = _without_nulls(body)
    merged = _merged(plain, settings.extra_body if extra_body is None else extra_body)
    merged = _merged(merged, spec.section.get("extra_body") or {})
    return _pinned(merged, plain, settings)


def job(document: Any) -> Job | None:
    """A `fine_tuning.job` as servers send it; None if it has no id, and so is no job."""
    if not isinstance(document, Mapping) or not (id_ := _text(document.get("id"))):
        return None
    provider_status = _text(document.get("status")) or ""
    status = _status(provider_status)
    return Job(
        id=id_,
        status=status,
        provider_status=provider_status,
        stamp=stamp.read(document),
        created_at=moment(document.get("created_at")),
        finished_at=moment(document.get("finished_at")),
        estimated_finish=moment(document.get("estimated_finish")),
        model=_text(document.get("model")),
        fine_tuned_model=(
            _text(document.get("fine_tuned_model")) if status is JobStatus.SUCCEEDED else None
        ),
        trained_tokens=whole(document.get("trained_tokens")),
        training_file=_text(document.get("training_file")),
        validation_file=_text(document.get("validation_file")),
        result_files=_texts(document.get("result_files")),
        error=_job_error(document.get("error")),
        hyperparameters=_hyperparameters(document),
        seed=whole(document.get("seed")),
        organization_id=_text(document.get("organization_id")),
        integrations=_mappings(document.get("integrations")),
        method=_mapping(document.get("method")),
        metadata=_metadata(document.get("metadata")),
    )


def event(document: Mapping[str, Any]) -> Event:
    """A `fine_tuning.job.event`. Its type is kept as it is: OpenAI sends undocumented ones."""
    return Event(
        id=_text(document.get("id")) or "",
        created_at=moment(document.get("created_at")) or 0,
        level=_text(document.get("level")) or "info",
        message=_text(document.get("message")) or "",
        type=_text(document.get("type")) or "message",
        data=_mapping(document.get("data")) or {},
    )


def checkpoint(document: Mapping[str, Any]) -> Checkpoint | None:
    """A `fine_tuning.job.checkpoint`; None if it names no model or no step."""
    model = _text(document.get("fine_tuned_model_checkpoint"))
    metrics = _mapping(document.get("metrics")) or {}
    step = whole(document.get("step_number"))
    step = whole(metrics.get("step")) if step is None else step
    if model is None or step is None:
        return None
    return Checkpoint(
        id=_text(document.get("id")) or "",
        model=model,
        step=step,
        created_at=moment(document.get("created_at")) or 0,
        metrics=numbers(metrics),
    )


def stored_file(document: Any) -> StoredFile | None:
    """A `file`; None if it has no id."""
    if not isinstance(document, Mapping) or not (id_ := _text(document.get("id"))):
        return None
    status = (_text(document.get("status")) or "").lower()
    return StoredFile(
        id=id_,
        name=_text(document.get("filename")) or "",
        size=whole(document.get("bytes")),
        created_at=moment(document.get("created_at")),
        expires_at=moment(document.get("expires_at")),
        purpose=_text(document.get("purpose")),
        usable=status not in ("error", "failed", "deleting", "deleted", "expired", "cancelled"),
    )


def moment(value: Any) -> int | None:
    """Unix seconds from seconds, milliseconds, either as text, or ISO 8601; None for 0 and less."""
    number = _number(value)
    if number is None and isinstance(value, str):
        try:
            number = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            return None
    if number is None or number <= 0:
        return None
    return int(number / 1000 if number > _MILLISECONDS else number)


def whole(value: Any) -> int | None:
    """A whole number, also as text or as a float without a fraction."""
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers of a mapping, by key."""
    return {
        str(key): number for key, value in values.items() if (number := _number(value)) is not None
    }


def _method(spec: JobSpec) -> dict[str, Any]:
    """`method`, or the older top-level `hyperparameters` where the spec was written so.

    A supervised job without any setting names no method: that is the default, and servers that
    know no methods take it.
    """
    hyperparameters = dict(spec.hyperparameters)
    if spec.top_level_hyperparameters:
        return {"hyperparameters": hyperparameters} if hyperparameters else {}
    options = dict(spec.method_options)
    if hyperparameters:
        options["hyperparameters"] = hyperparameters
    if not options and spec.method == "supervised":
        return {}
    return {"method": {"type": spec.method, **({spec.method: options} if options else {})}}


def _pinned(
    merged: dict[str, Any], plain: Mapping[str, Any], settings: OpenAISettings
) -> dict[str, Any]:
    """The merged body with what makes it this spec's job put back."""
    kept = stamp.pinned(settings)
    for key in kept:
        merged.pop(key, None)
    body = {key: plain[key] for key in kept if key in plain} | merged
    if not stamp.in_suffix(settings):
        metadata = body.get("metadata")
        ours = {key: plain["metadata"][key] for key in stamp.OUR_KEYS}
        body["metadata"] = {**(metadata if isinstance(metadata, Mapping) else {}), **ours}
    return body


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: mappings key by key, everything else whole. Neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _without_nulls(value: Any) -> Any:
    """JSON's own types, with every key left out that holds None."""
    match value:
        case Mapping():
            return {key: _without_nulls(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [_without_nulls(item) for item in value]
        case _:
            return value


def _status(word: str) -> JobStatus:
    return _STATUSES.get(word.strip().lower(), JobStatus.UNKNOWN)


def _job_error(value: Any) -> JobError | None:
    """Why a job failed. A healthy job has null, {}, or an object of nulls there."""
    if isinstance(value, str):
        return JobError(code=None, message=value) if value else None
    if not isinstance(value, Mapping):
        return None
    code, message = _text(value.get("code")), _text(value.get("message"))
    if not code and not message:
        return None
    return JobError(code=code, message=message or "", param=_text(value.get("param")))


def _hyperparameters(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """OpenAI leaves the top-level object null for jobs that are not supervised."""
    top = _mapping(document.get("hyperparameters"))
    if top:
        return top
    method = _mapping(document.get("method")) or {}
    section = _mapping(method.get(_text(method.get("type")) or "")) or {}
    return _mapping(section.get("hyperparameters")) or top


def _metadata(value: Any) -> Mapping[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    return {str(key): str(item) for key, item in value.items() if item is not None}


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None


def _mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    items = value if isinstance(value, list) else []
    return tuple(dict(item) for item in items if isinstance(item, Mapping))


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(text for item in items if (text := _text(item)))


def _text(value: Any) -> str | None:
    """A text that says something; numbers as text, for servers with numeric ids."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
