"""A line of the status table, as a value.

`cli` fills rows from state, offline; every format of the report reads them. No behaviour here.
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
