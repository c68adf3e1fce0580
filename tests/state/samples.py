"""States made by hand, small enough to read, and documents around them that a hand has been at."""

from __future__ import annotations

import json
import re
from typing import Any

from reconciler.cost import Estimate
from reconciler.errors import Remedy
from reconciler.model import (
    Binding,
    Dataset,
    FileRef,
    Job,
    JobError,
    JobStatus,
    Record,
    Rejection,
    Source,
    State,
)
from reconciler.state import codec

SHA = "5f" * 32


def record(name: str = "bot", *, attempt: int = 0) -> Record:
    """A record as the moment before a create leaves it."""
    return Record(
        token=f"{name}-0123456789abcdef",
        namespace="default",
        name=name,
        digest="ab" * 32,
        identity={"model": "gpt-4.1-mini-2025-04-14", "hyperparameters": {"n_epochs": 3}},
        attempt=attempt,
        provider="openai",
        scope="https://api.openai.com/v1",
        source=Source(path=f"specs/{name}.yaml", line=1, commit="c0ffee"),
        training=Dataset(path=f"specs/{name}.jsonl", sha256=SHA, size=1024, examples=12),
        binding=Binding.PENDING,
        pending_since=1700000000.25,
    )


def full_state() -> State:
    """A state in which no field of any type is left empty."""
    data = Dataset(
        path="specs/bot.jsonl",
        sha256=SHA,
        size=1024,
        examples=12,
        format="chat",
        present=True,
        reference="file-1",
    )
    job = Job(
        id="ftjob-1",
        status=JobStatus.FAILED,
        provider_status="failed",
        stamp="bot-0123456789abcdef",
        created_at=1700000001,
        finished_at=1700000002,
        estimated_finish=1700000003,
        model="gpt-4.1-mini-2025-04-14",
        fine_tuned_model="ft:gpt-4.1-mini-2025-04-14:org:bot:abc",
        trained_tokens=51234,
        training_file="file-1",
        validation_file="file-2",
        result_files=("file-3",),
        error=JobError(code="invalid_training_file", message="Zeile 3: ungültig", param="file"),
        hyperparameters={"n_epochs": 3, "learning_rate_multiplier": 1.8},
        seed=42,
        organization_id="org-1",
        integrations=({"type": "wandb", "wandb": {"project": "bot"}},),
        method={"type": "supervised"},
        metadata={"reconciler-token": "bot-0123456789abcdef"},
    )
    bound = Record(
        token="bot-0123456789abcdef",
        namespace="default",
        name="bot",
        digest="ab" * 32,
        identity={"model": "gpt-4.1-mini-2025-04-14", "hyperparameters": {"n_epochs": 3}},
        attempt=1,
        provider="openai",
        scope="https://api.openai.com/v1",
        source=Source(path="specs/bot.yaml", line=7, commit="c0ffee"),
        training=data,
        validation=data,
        deletion_policy="cancel",
        binding=Binding.BOUND,
        pending_since=1700000000.25,
        rejection=Rejection(
            remedy=Remedy.RETRY_LATER,
            code="daily_rate_limit_exceeded",
            message="no more today",
            at=1700000000.5,
            retry_at=1700003600.0,
        ),
        estimate=Estimate(
            tokens=153_612,
            tokens_low=150_000,
            tokens_high=160_000,
            epochs_low=3,
            epochs_high=3,
            exact=False,
            tokenizer="o200k_base",
            usd=0.77,
            usd_low=0.75,
            usd_high=0.8,
            price="$5.00 per 1M tokens (OpenAI, 2026-11-23)",
            truncated=2,
        ),
        stopped_because="DeadlineExceeded",
        model_deleted=True,
        job=job,
    )
    file = FileRef(
        reference="file-1",
        sha256=SHA,
        size=1024,
        uploaded_at=1700000000,
        expires_at=1702592000,
    )
    return State(
        lineage="7a0e5e0c-2a55-4d7c-9d0e-5b2f0c1f7c11",
        serial=12,
        records={bound.token: bound},
        files={"https://api.openai.com/v1": {SHA: file}},
    )


def sealed(document: dict[str, Any]) -> bytes:
    """A document under a checksum that fits, whatever it holds: the work of a clever hand."""
    text = json.dumps({**document, "checksum": "0" * 64}, indent=1, ensure_ascii=False) + "\n"
    if not re.search('\n "checksum": "0{64}",\n', text):
        raise ValueError(text)
    data = text.encode()
    line = b'\n "checksum": "%b",' % (b"0" * 64)
    front, rest = data.split(line)
    return front + line.replace(b"0" * 64, codec._checksum(front, rest)) + rest


def as_json(state: State) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(codec.encode(state))
    return document
