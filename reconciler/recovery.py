"""What only a person can settle: whose job it is, whether a create happened, what the state says.

The verbs `adopt`, `resolve`, `state` and `cancel --job` call it. It never creates a job; every
change of the state goes through the ledger, under the lock, like that of any pass.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply import apply
from reconciler.engine import Reconciler, Request, find_spec
from reconciler.errors import ConfigError, Remedy, StateConflict, StateFormat
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    Outcome,
    Plan,
    Reason,
    Record,
    Rejection,
    Result,
    State,
    Step,
)
from reconciler.state import codec
from reconciler.state.base import Snapshot
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_record, without_record


def adopt(house: Reconciler, name: str, job_id: str) -> Outcome:
    """Tie an existing job to what the spec of that name asks for now.

    The job need not carry the token: whoever runs this says that it is the one. Raises ConfigError
    where the spec has a job already, the job belongs to another token, or the provider has none by
    that id.
    """
    spec = find_spec(house.load(), name)
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        _refuse_taken(snapshot.state, spec, job_id)
        job = house.provider(spec.provider).get(job_id)
        if job is None:
            raise ConfigError(
                f"{spec.provider} has no job {job_id}",
                hint="check the id, and that the key belongs to the project the job ran in",
            )
        return _carry_out(house, snapshot, _adoption(spec, snapshot.state, job))


def resolve(house: Reconciler, name: str) -> Outcome:
    """Say that the unanswered create of a spec or token made no job, so that it is sent again.

    Raises ConfigError where no create of it is unanswered. A pass still looks for the token before
    it creates.
    """
    now = house.clock()
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        record = _pending(snapshot.state, name)
        settled = replace(
            record,
            binding=Binding.REJECTED,
            pending_since=None,
            rejection=Rejection(
                remedy=Remedy.RETRY_NOW,
                code="not-created",
                message="settled by hand: it was not created",
                at=now,
                retry_at=now,
            ),
        )
        Ledger(house.store, snapshot).commit(lambda state: with_record(state, settled))
    step = Step(
        action=Action.HOLD,
        reason=Reason.CREATE_REJECTED,
        token=record.token,
        name=record.name,
        provider=record.provider,
        record=settled,
    )
    return Outcome(
        step=step,
        result=Result.REFRESHED,
        record=settled,
        message="settled by hand: it was not created",
        hint="the next apply looks for it once more, then creates it",
    )


def cancel(house: Reconciler, name: str, job_id: str) -> Outcome:
    """Cancel one job by its id: that of a spec's name or a token, or one that repeats its token.

    Raises ConfigError where the state knows no such name, or the job carries no token of it.
    """
    state = house.store.read().state
    known = [record for record in state.records.values() if name in (record.token, record.name)]
    if not known:
        raise ConfigError(f"state knows no {name}", hint="reconcile status shows what it knows")
    for record in known:
        if record.job is not None and record.job.id == job_id:
            return house.cancel(record.token)
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        return _carry_out(house, snapshot, _duplicate(house, known, job_id))


def rebuild(house: Reconciler) -> tuple[Outcome, ...]:
    """Fill the state from the providers alone: every job that carries a spec's token is tied to it.

    Creates nothing: a spec without a job is left for the next apply. What the state knows already
    stays. Raises what loading and reading raise.
    """
    desired = house.desired(Request())
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        decided = house.decide(desired, snapshot.state, Request())
        found = decided.of(Action.ADOPT, Action.REFRESH)
        return apply(replace(decided, steps=found), house.hands(Ledger(house.store, snapshot)))


def forget(house: Reconciler, token: str) -> Record:
    """Remove the record of a token from the state; the record removed. No job is touched.

    Raises ConfigError for an unknown token. Where a spec still asks for it, the next pass looks for
    the job by its token and adopts it.
    """
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        record = snapshot.state.records.get(token)
        if record is None:
            raise ConfigError(
                f"the state has no record of {token}", hint="reconcile state list shows the tokens"
            )
        Ledger(house.store, snapshot).commit(lambda state: without_record(state, token))
        return record


def push(house: Reconciler, data: bytes, where: str, *, force: bool = False) -> State:
    """Replace the state by these bytes, which a person may have edited; the state written.

    Raises StateFormat where they hold no state, StateConflict where they are of another lineage or
    older than what is there, unless `force`.
    """
    pushed = codec.decode(data, where, edited=True)
    with house.store.lock(house.owner):
        try:
            snapshot = house.store.read()
        except StateFormat:
            if not force:
                raise
            raise StateConflict(
                f"{house.store.location} is damaged and cannot be replaced in place",
                hint="move it away, then push again",
            ) from None
        current = snapshot.state
        if snapshot.version and not force:
            _refuse_foreign(pushed, current, where, house.store.location)
        written = replace(pushed, serial=max(pushed.serial, current.serial) + 1)
        house.store.write(written, snapshot.version)
        return written


def _carry_out(house: Reconciler, snapshot: Snapshot, step: Step) -> Outcome:
    state = snapshot.state
    plan = Plan(steps=(step,), lineage=state.lineage, serial=state.serial)
    (outcome,) = apply(plan, house.hands(Ledger(house.store, snapshot)))
    return outcome


def _adoption(spec: JobSpec, state: State, job: Job) -> Step:
    return Step(
        action=Action.ADOPT,
        reason=Reason.REQUESTED,
        token=spec.token,
        name=spec.name,
        provider=spec.provider,
        spec=spec,
        record=state.records.get(spec.token),
        job=job,
        message=f"{job.id} is tied to this spec by hand",
    )


def _duplicate(house: Reconciler, known: list[Record], job_id: str) -> Step:
    """The cancelling of a job that carries the token of one of these records."""
    for record in known:
        job = house.provider(record.provider).get(job_id)
        if job is not None and job.stamp and record.token.endswith(job.stamp):
            return Step(
                action=Action.CANCEL,
                reason=Reason.REQUESTED,
                token=record.token,
                name=record.name,
                provider=record.provider,
                job=job,
            )
    raise ConfigError(
        f"no job {job_id} carries a token of {known[0].name}",
        hint="cancel it at the provider if you know what it is",
    )


def _refuse_taken(state: State, spec: JobSpec, job_id: str) -> None:
    for record in state.records.values():
        bound = record.binding is Binding.BOUND and record.job is not None
        if bound and record.token == spec.token:
            raise ConfigError(
                f"{spec.name} has a job already: {record.job and record.job.id}",
                hint=f"to tie another one, forget that first: reconcile state rm {record.token}",
            )
        if bound and record.job and record.job.id == job_id and record.provider == spec.provider:
            raise ConfigError(
                f"{job_id} belongs to {record.token} already",
                hint="a job is one spec's; reconcile state show tells more",
            )


def _pending(state: State, name: str) -> Record:
    found = [
        record
        for record in state.records.values()
        if name in (record.token, record.name) and record.binding is Binding.PENDING
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(
            f"no create of {name} is unanswered", hint="reconcile state list shows what is pending"
        )
    tokens = ", ".join(sorted(record.token for record in found))
    raise ConfigError(f"{len(found)} creates of {name} are unanswered", hint=f"name one: {tokens}")


def _refuse_foreign(pushed: State, current: State, where: str, location: str) -> None:
    if pushed.lineage != current.lineage:
        raise StateConflict(
            f"{where} is not a version of {location}: its lineage is another",
            hint="if it shall replace it all the same, add --force",
        )
    if pushed.serial < current.serial:
        raise StateConflict(
            f"{where} is at serial {pushed.serial}, {location} at {current.serial}",
            hint="pull it again and repeat the edit, or add --force to go back",
        )
