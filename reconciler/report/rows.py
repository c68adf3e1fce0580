"""Lines of the status table, of the progress of a wait and of a watch, as values.

`cli` fills rows from state and passes; every format of the report reads them. No behaviour but
their numbers in words.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """How one spec's job stands. Times are unix seconds; None means the provider does not say.

    `phase` is the sidecar's word; `sync` and `health` are those of `reconciler.health`. `synced`
    says whether a job is tied to what the spec asks for now, None where nobody knows.
    `fine_tuned_model` is that job's model, `last_succeeded_model` the newest one of this name that
    applications can use. `hint` is what to do next.
    """

    name: str
    provider: str
    phase: str
    sync: str = ""
    health: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRow:
    """How one job stands while somebody watches. Times are unix seconds; None: nobody says.

    `key` tells rows apart: the name of a spec, the token of a job that no spec asks for now.
    `losses` are the last training losses that were heard of, oldest first. `did` is what the last
    pass did to it, as a word, "" for nothing. `usd` is what the job was expected to cost.
    """

    key: str
    name: str
    phase: str
    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    losses: tuple[float, ...] = ()
    created_at: int | None = None
    finished_at: int | None = None
    job_id: str | None = None
    model: str | None = None
    did: str = ""
    usd: float | None = None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What keeps a watch from doing all it should. `about` is what is troubled, in one word.

    `name` is a provider's, where it is about one. `retry_at` is in unix seconds, None where
    somebody has to change something first.
    """

    about: str
    name: str = ""
    message: str
    hint: str = ""
    retry_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything that a watch shows at one moment.

    `next_look` is None while a pass goes on; after the watch is `over` there is none.
    """

    title: str
    rows: tuple[WatchRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    next_look: float | None = None
    over: bool = False


def steps(row: ProgressRow | WatchRow) -> str:
    """`step 240 of 380`, `step 240`, or nothing."""
    if row.step is None:
        return ""
    return f"step {row.step:,} of {row.total_steps:,}" if row.total_steps else f"step {row.step:,}"


def loss(row: ProgressRow | WatchRow) -> str:
    """`loss 0.4123`, or nothing."""
    return "" if row.train_loss is None else f"loss {row.train_loss:.4g}"
