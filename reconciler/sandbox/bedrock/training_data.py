"""What a job on this data would fail with: the `failureMessage`, known before the job begins.

The create handler asks once and stores the answer in the job, so that the job's future is known
from its record and the object may be replaced. Messages are those of AWS's troubleshooting page and
of failed jobs that people have published; what they do not say stands behind them in brackets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.sandbox.bedrock import catalogue, forms
from reconciler.sandbox.bedrock.catalogue import Family
from reconciler.sandbox.bedrock.forms import Check, Malformed

BYTES_PER_TOKEN = 4
"""The sandbox has no tokenizer: four bytes of text count as a token, at least one a record."""

_LEAST_PROMPTS = 100  # for distillation and for reinforcement, says AWS's guide

_SHOWN = {
    "prompt-completion": '{"prompt": "<input text>", "completion": "<output text>"}',
    "passage": '{"input": "<input text>"}',
    "image": '{"image-ref": "<S3 URI>", "caption": "<caption text>"}',
    "conversation": "bedrock-conversation-2024",
    "nova-conversation": "bedrock-conversation-2024",
    "messages": '{"system": "<text>", "messages": [{"role": "<role>", "content": "<text>"}]}',
    "prompts": "bedrock-conversation-2024",
    "graded": '{"messages": [{"role": "<role>", "content": "<text>"}]}',
}
"""How a failure message names each form; only the first has been seen."""

_CHECKS: dict[str, Check] = {
    "conversation": forms.conversation,
    "nova-conversation": forms.nova,
    "prompt-completion": forms.pair,
    "passage": forms.passage,
    "image": forms.image,
    "messages": forms.messages,
    "prompts": forms.prompts,
    "graded": forms.graded,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What an object holds. `tokens` are of one pass, `failure` is None if it can be used."""

    records: int
    tokens: int
    failure: str | None = None


def inspect(path: Path, key: str, *, family: Family, method: str) -> DataFacts:
    """Read an object line by line."""
    form, check = _form_of(family, method)
    records = tokens = 0
    try:
        for records, record in _lines(path, key):
            size = sum(len(text.encode()) for text in _checked(record, check, form, key, records))
            tokens += max(1, size // BYTES_PER_TOKEN)
    except _Failure as failure:
        return DataFacts(records=records, tokens=0, failure=str(failure))
    return DataFacts(records=records, tokens=tokens)


def count_failure(key: str, records: int, *, family: Family, method: str) -> str | None:
    """What a job with so many records, those for validation too, fails with, if anything."""
    least, most = family.least_records, family.most_records
    if method in (catalogue.DISTILLATION, catalogue.REINFORCEMENT):
        least, most = _LEAST_PROMPTS, None
    if records < least or (most is not None and records > most):
        limits = f"between {least} and {most}" if most else f"at least {least}"
        return f"The number of records in {key} must be {limits}, but is {records}."
    return None


class _Failure(Exception):
    """The first thing wrong with an object."""


def _form_of(family: Family, method: str) -> tuple[str, Check]:
    form = {
        catalogue.PRETRAINING: "passage",
        catalogue.DISTILLATION: "prompts",
        catalogue.REINFORCEMENT: "graded",
    }.get(method, family.form)
    return form, _CHECKS[form]


def _lines(path: Path, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number, from 1, and object of every line; an empty line is a bad one, as AWS says."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line.decode())
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise _Failure(
                    f"Unable to parse Amazon S3 file: {key}. Data files must conform to JSONL "
                    f"format. (line {number})"
                )
            yield number, record


def _checked(
    record: dict[str, Any], check: Check, form: str, key: str, number: int
) -> Iterator[str]:
    try:
        return check(record)
    except Malformed as wrong:
        raise _Failure(
            f"Input data at {key} must follow '{_SHOWN[form]}' format (line {number}: {wrong})"
        ) from None
