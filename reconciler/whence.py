"""From a model back to where it came from: spec, commit, data, cost, and the models before it.

The verb `whence` asks. State is the only source: what it does not hold is not guessed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler import retries
from reconciler.model import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one model came from. `checkpoint` is what was asked for, if it is one of the job's.

    `base` is the origin of the model that it was trained on, where a spec of ours made that too.
    """

    record: Record
    checkpoint: str | None = None
    base: Origin | None = None


def origins(asked: str, state: State) -> tuple[Origin, ...]:
    """Every record that a model id, a checkpoint of one, a job id or a token leads to.

    More than one only where an id is not the only one of its kind: two accounts, say.
    """
    return tuple(
        Origin(record=record, checkpoint=checkpoint, base=_base(record, state))
        for record, checkpoint in _found(asked, state)
    )


def _found(asked: str, state: State) -> Iterator[tuple[Record, str | None]]:
    for record in state.records.values():
        job = record.job
        model = job.fine_tuned_model if job else None
        if asked in (record.token, job.id if job else None, model):
            yield record, None
        elif model and asked.startswith(f"{model}:"):  # OpenAI's …:ckpt-step-N
            yield record, asked
        elif model and model.endswith(f"/{asked}"):  # the last part of an ARN or a full name
            yield record, None


def _base(record: Record, state: State) -> Origin | None:
    """The spec's own upstream, and that one's; a circle, which only an edited state has, ends."""
    passed = {record.token: record}
    while (upstream := _upstream(record, state)) is not None and upstream.token not in passed:
        passed[upstream.token] = record = upstream
    base = None
    for link in reversed(list(passed.values())[1:]):
        base = Origin(record=link, base=base)
    return base


def _upstream(record: Record, state: State) -> Record | None:
    match record.identity.get("model"):
        case {"from": str(token)} if token in state.records:
            return retries.newest(state.records[token], state.records)
        case _:
            return None
