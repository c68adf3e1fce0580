"""What a person tells a job that exists, and what becomes of a model that nobody asks for.

The verbs `pause` and `resume` call it, and `apply --prune --delete-models` after its pass. It never
creates a job and never cancels one. Every change of the state goes through the ledger, under the
lock, like that of any pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler import schedule
from reconciler.engine import Reconciler, Request
from reconciler.errors import ConfigError, ProviderError, ProviderUnavailable
from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    JobStatus,
    Outcome,
    Reason,
    Record,
    Result,
    State,
)
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_record
from reconciler.steps import on_record

DELETE = "delete"
"""The `deletion_policy` of a spec whose model may go when the spec has gone."""


def pause(house: Reconciler, name: str) -> Outcome:
    """Ask the running job of a spec's name or of a token to pause, and save how it stands.

    Raises ConfigError where there is none, or more than one to choose from. That the provider
    refuses, or cannot pause, is an outcome.
    """
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        ledger = Ledger(house.store, snapshot)
        record, job = _pausable(snapshot.state, name)
        try:
            paused = house.provider(record.provider).pause(job.id)
        except ProviderError as error:
            return _failed(record, error, "the next pass looks how it stands")
        record = _saved(ledger, record, paused)
    if paused.status.terminal:
        message = f"too late: {job.id} had already {paused.status.value}"
        return _outcome(record, Result.FAILED, message)
    if paused.status is not JobStatus.PAUSED:
        message = f"{job.id} was asked to pause, and still shows as {paused.status.value}"
        return _outcome(record, Result.REFRESHED, message, "the next pass looks again")
    hint = f"it goes on with: reconcile resume {_shortest(record, name)}"
    return _outcome(record, Result.REFRESHED, f"{job.id} is paused", hint)


def resume(house: Reconciler, name: str) -> Outcome:
    """Ask the paused job of a spec's name or of a token to go on, and save how it stands.

    Where none is paused, the last job of the name is asked: some providers let one go on that has
    failed or was cancelled. Raises ConfigError where there is no job, one that has succeeded, or
    more than one to choose from. That the provider refuses, or cannot resume, is an outcome.

    A job that was over is looked at again from the moment it may go on, whatever happens to us.
    """
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        ledger = Ledger(house.store, snapshot)
        record, job = _resumable(house, snapshot.state, name)
        doubtful = replace(record, job=replace(job, status=JobStatus.UNKNOWN, finished_at=None))
        if job.status.terminal:
            ledger.commit(lambda state: with_record(state, doubtful))
        try:
            resumed = house.provider(record.provider).resume(job.id)
        except ProviderError as error:
            if not isinstance(error, ProviderUnavailable):
                ledger.commit(lambda state: with_record(state, record))
            return _failed(record, error, "the next pass looks how it stands")
        if resumed.status.terminal and job.status.terminal:
            message = f"{job.id} was told to go on, and still shows as {resumed.status.value}"
            return _outcome(doubtful, Result.REFRESHED, message, "the next pass looks again")
        record = _saved(ledger, replace(record, stopped_because=None), resumed)
    if resumed.status.terminal:
        message = f"too late: {job.id} had already {resumed.status.value}"
        return _outcome(record, Result.FAILED, message)
    return _outcome(record, Result.REFRESHED, f"{job.id} goes on: {resumed.status.value}")


def prune_models(house: Reconciler, records: Iterable[Record]) -> tuple[Outcome, ...]:
    """Delete the models of these records for good, where nothing speaks against it.

    Called only for a user who has asked for it twice, with the orphans of the pass that was
    approved. An outcome for every model that a spec with `deletion_policy: delete` has left: what
    was deleted, or why it is kept, is its message. The record stays, with the job, and says that
    its model is gone.

    Never touched are the models of a name that a spec has, had, or trains further; those that a
    job trains on now; those another record shares or another namespace names; and those of a job
    that does not carry its record's token, which this program has not made. Raises SpecError where
    any spec is not valid: nobody knows then what is asked for.
    """
    desired = house.desired(Request()).specs
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        ledger = Ledger(house.store, snapshot)
        specs = (*desired, *house.current(desired, snapshot.state))
        asked = (snapshot.state.records.get(record.token) for record in records)
        left = [record for record in asked if record and _left(record, specs, house)]
        wanted = _Wanted(specs, snapshot.state, {record.token for record in left})
        return tuple(_pruned(house, record, wanted, ledger) for record in left)


def _pausable(state: State, name: str) -> tuple[Record, Job]:
    """The one job of this name that runs; or that is paused, and so has been told before."""
    known = _named(state, name)
    open_ = schedule.open_records(record for record in known if record.job)
    running = [record for record in open_ if _status(record) is not JobStatus.PAUSED]
    return _the_one(running or open_, f"jobs of {name} are running")


def _resumable(house: Reconciler, state: State, name: str) -> tuple[Record, Job]:
    """The one job of this name that is paused, else the last one, unless it has succeeded."""
    known = _named(state, name)
    paused = [record for record in known if _status(record) is JobStatus.PAUSED]
    record, job = _the_one(paused or [house.record(name)], f"jobs of {name} are paused")
    if job.status is JobStatus.SUCCEEDED:
        raise ConfigError(
            f"{job.id} has succeeded, and there is nothing to resume",
            hint="to train again, raise spec.attempt",
        )
    return record, job


def _named(state: State, name: str) -> list[Record]:
    found = [record for record in state.records.values() if name in (record.token, record.name)]
    if not found:
        raise ConfigError(f"state knows no {name}", hint="reconcile status shows what it knows")
    return found


def _the_one(records: Sequence[Record], what: str) -> tuple[Record, Job]:
    bound = [(r, r.job) for r in records if r.binding is Binding.BOUND and r.job]
    if len(bound) == 1:
        return bound[0]
    tokens = ", ".join(sorted(record.token for record, _ in bound))
    raise ConfigError(
        f"{len(bound) or 'no'} {what}",
        hint=f"name one of {tokens}" if bound else "reconcile status shows what is",
    )


def _status(record: Record) -> JobStatus | None:
    return record.job.status if record.job else None


def _shortest(record: Record, name: str) -> str:
    """What a person called the record by, so that it is found by it again."""
    return name if name == record.name else record.token


def _saved(ledger: Ledger, record: Record, job: Job) -> Record:
    learnt = replace(record, binding=Binding.BOUND, job=job)
    ledger.commit(lambda state: with_record(state, learnt))
    return learnt


def _failed(record: Record, error: ProviderError, hint: str) -> Outcome:
    """A refusal as an outcome. `hint` is for an answer that was lost."""
    lost = isinstance(error, ProviderUnavailable)
    return _outcome(record, Result.FAILED, error.message, error.hint or (hint if lost else ""))


def _outcome(record: Record, result: Result, message: str, hint: str = "") -> Outcome:
    step = on_record(record, Action.REFRESH, Reason.REQUESTED)
    return Outcome(step=step, result=result, record=record, message=message, hint=hint)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Whoever may want a model: the specs, and what state knows. `left` are tokens of orphans."""

    specs: Sequence[JobSpec]
    state: State
    left: set[str]

    def by(self, record: Record, model: str) -> str | None:
        """Who wants the model of a record, in words; None if nobody does."""
        signs = (model, record.token[-TOKEN_HASH_LENGTH:])
        for spec in self.specs:
            said = [spec.model, spec.identity, spec.section, spec.method_options]
            if _mentions(said, signs):
                return f"the spec {spec.name} names it"
        for other in self.state.records.values():
            if other.token == record.token:
                continue
            if other.job and other.job.fine_tuned_model == model and other.token not in self.left:
                return f"it is the model of {other.token} too"
            if not _mentions([other.identity, other.job and other.job.model], signs):
                continue
            if other.namespace != record.namespace:
                return f"{other.name} in the namespace {other.namespace} names it"
            if schedule.open_records([other]):
                return f"{other.token} trains on it"
        return None


def _left(record: Record, specs: Sequence[JobSpec], house: Reconciler) -> bool:
    """Whether a record is an orphan that has left a model which its spec let go."""
    names = {name for spec in specs for name in (spec.name, *spec.previous_names)}
    asked_for = record.name in names or record.token in {spec.token for spec in specs}
    model = record.job is not None and record.job.fine_tuned_model
    ours = record.namespace == house.config.namespace
    let_go = record.deletion_policy == DELETE and not record.model_deleted
    return bool(ours and let_go and model and not asked_for)


def _pruned(house: Reconciler, record: Record, wanted: _Wanted, ledger: Ledger) -> Outcome:
    job = record.job
    if job is None or job.fine_tuned_model is None:
        raise ValueError(record)
    model = job.fine_tuned_model
    if keeper := _keeper(record, job, wanted.by(record, model)):
        return _orphan(record, Result.ORPHANED, f"{model} is kept: {keeper}")
    try:
        was_there = _delete(house, record, model)
    except (ProviderError, ConfigError) as error:
        hint = error.hint or "it is kept; the next run tries again"
        return _orphan(record, Result.FAILED, error.message, hint)
    gone = replace(record, model_deleted=True)
    ledger.commit(lambda state: with_record(state, gone))
    message = f"deleted {model}" if was_there else f"{model} had been deleted already"
    return _orphan(gone, Result.ORPHANED, message)


def _keeper(record: Record, job: Job, wanted: str | None) -> str | None:
    """Why a model is kept, None if it is not."""
    if not job.stamp or not record.token.endswith(job.stamp):
        return "its job does not carry this record's token; delete it at the provider"
    return wanted


def _delete(house: Reconciler, record: Record, model: str) -> bool:
    if record.provider not in house.config.providers:
        raise ConfigError(
            f"{model} is at {record.provider}, which reconciler.yaml names no more",
            hint="delete it there, or name the provider again",
        )
    provider = house.provider(record.provider)
    if provider.scope != record.scope:
        raise ConfigError(
            f"{model} is at {record.scope}, and {record.provider} is now {provider.scope}",
            hint="it is kept; delete it there, or name that account again",
        )
    return provider.delete_model(model)


def _orphan(record: Record, result: Result, message: str, hint: str = "") -> Outcome:
    step = on_record(record, Action.ORPHAN, Reason.PRUNED)
    return Outcome(step=step, result=result, record=record, message=message, hint=hint)


def _mentions(value: Any, signs: Sequence[str]) -> bool:
    """Whether any text in a value holds one of these signs."""
    return any(sign in text for text in _texts(value) for sign in signs)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, item in value.items():
                yield from (str(key), *_texts(item))
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case _:
            return
