"""Lines of the status table and of the progress of a wait, as values.

`cli` fills rows from state, offline; every format of the report reads them. No behaviour but
their numbers in words.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """How one spec's job stands. Times are unix seconds; None means the provider does not say.

    `phase` is the sidecar's word. `synced` says whether a job is tied to what the spec asks for
    now, None where nobody knows. `fine_tuned_model` is that job's model, `last_succeeded_model`
    the newest one of this name that applications can use. `hint` is what to do next.
    """

    name: str
    provider: str
    phase: str
    synced: bool | None = None
    base_model: str | None = None
    fine_tuned_model: str | None = None
    last_succeeded_model: str | None = None
    trained_tokens: int | None = None
    created_at: int | None = None
    finished_at: int | None = None
    job_id: str | None = None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRow:
    """How far one job has got. `phase` is the sidecar's word; None means nobody says."""

    name: str
    phase: str
    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    message: str = ""


def steps(row: ProgressRow) -> str:
    """`step 240 of 380`, `step 240`, or nothing."""
    if row.step is None:
        return ""
    return f"step {row.step:,} of {row.total_steps:,}" if row.total_steps else f"step {row.step:,}"


def loss(row: ProgressRow) -> str:
    """`loss 0.4123`, or nothing."""
    return "" if row.train_loss is None else f"loss {row.train_loss:.4g}"
