"""Which attempt of a spec is the one to look at: `spec.retry.limit`. Pure.

A job that failed through its provider's fault may be created again by itself, as often as its spec
allows. Every such attempt has a token of its own, made from the one before, so that it is found
again without a state like any other job, and nothing is created twice.

`engine` asks for the attempt before it observes; `plan` follows a chain to its newest attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.failures import FailureClass, failure_class
from reconciler.identity import TOKEN_HASH_LENGTH, digest, root_name, token
from reconciler.model import JobSpec, JobStatus, Record, State

FIRST_WAIT_SECONDS = 300.0
"""After the first failure; each later wait is twice as long."""


def current(spec: JobSpec, state: State, now: float) -> JobSpec:
    """The spec as the attempt that counts now: the first, or a later one that is due.

    One whose turn has not come yet is not returned: the failed one stands until then.
    """
    while (due := due_at(spec, state)) is not None and due <= now:
        document = _again(spec.identity)
        digest_ = digest(document)
        spec = replace(
            spec,
            retry=document["retry"],
            identity=document,
            digest=digest_,
            token=token(spec.namespace, root_name(spec), digest_),
        )
    return spec


def due_at(spec: JobSpec, state: State) -> float | None:
    """When another attempt follows on this one, in unix seconds; None where none ever does."""
    record = state.records.get(spec.token)
    if record is None or record.job is None or spec.retry >= spec.retry_limit:
        return None
    if record.job.status is not JobStatus.FAILED:
        return None
    if failure_class(record.job) is not FailureClass.PROVIDER:
        return None
    ended = record.job.finished_at or record.job.created_at or 0
    return ended + FIRST_WAIT_SECONDS * (1 << spec.retry)


def newest(record: Record, records: Mapping[str, Record]) -> Record:
    """The record of the last attempt that was made by itself after this one failed."""
    while record.job is not None and record.job.status is JobStatus.FAILED:
        name = record.token[: -TOKEN_HASH_LENGTH - 1]
        following = records.get(token(record.namespace, name, digest(_again(record.identity))))
        if following is None or _attempts(following) <= _attempts(record):
            break
        record = following
    return record


def _attempts(record: Record) -> int:
    number: int = record.identity.get("retry", 0)
    return number


def _again(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {**identity, "retry": identity.get("retry", 0) + 1}
