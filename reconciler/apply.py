"""Carry a plan out: the only room that spends money. It decides nothing.

`engine` calls `apply` under the state's lock. A create is three moves, in this order and no other:

1. the record is saved as PENDING, durably, before a byte leaves;
2. one POST goes out, never a second;
3. the record is saved as BOUND, with the job's id.

Whatever dies in between leaves a PENDING record, and the next pass looks for its token before it
does anything. `BaseException` is never caught here: a stop is a stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import assert_never

from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    JobStatus,
    Outcome,
    Plan,
    Record,
    Rejection,
    Result,
    Step,
)
from reconciler.plan import adoption
from reconciler.providers.base import SOURCE_KEY, CreateRequest, Provider
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_record, with_records
from reconciler.uploads import Uploads

WORKERS = 8

FRESH_SECONDS = 1.0
"""How old a pass's look may be to create on it, where the provider would make a second job."""

_RETRY_SECONDS = {Remedy.RETRY_NOW: 5.0, Remedy.RETRY_LATER: 3600.0, Remedy.FIX_ACCOUNT: 10.0}
"""When a refused create is due again where the provider does not say. A spec that is wrong is not.

An account is mended by a person, who then runs us again: the wait only keeps a loop from hammering.
"""

_NO_STAMP = (
    "the answer does not show the token: if {provider} drops metadata, a lost answer could one day"
    " be paid twice; set its stamp to suffix"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What carrying out needs: the ledger to write ahead in, and the way to each provider.

    `clock` gives unix seconds: an upload may take an hour, and a create's grace counts from when
    it went out, or from when its answer was given up, not from when the pass began. `begun` is when
    that was, before it looked at anything.
    """

    ledger: Ledger
    provider: Callable[[str], Provider]
    clock: Callable[[], float]
    begun: float
    uploads: Uploads
    workers: int = WORKERS


def apply(plan: Plan, hands: Hands) -> tuple[Outcome, ...]:
    """Carry out every step; an outcome each, in the plan's order.

    Raises StateError if the state cannot be written: nothing is sent from then on.
    """
    outcomes = {step.token: _settle(step, hands) for step in plan.steps if not _spends(step)}
    learnt = [outcome.record for outcome in outcomes.values() if outcome.record]
    if learnt:
        hands.ledger.commit(lambda state: with_records(state, learnt))
    spending = [step for step in plan.steps if _spends(step)]
    done = _in_parallel(lambda step: _spend(step, hands), spending, hands)
    outcomes |= {outcome.step.token: outcome for outcome in done}
    return tuple(outcomes[step.token] for step in plan.steps)


def _in_parallel(
    spend: Callable[[Step], Outcome], steps: Sequence[Step], hands: Hands
) -> list[Outcome]:
    pool = ThreadPoolExecutor(max_workers=hands.workers, thread_name_prefix="apply")
    try:
        outcomes = list(pool.map(spend, steps))
    except Exception:
        pool.shutdown(wait=True, cancel_futures=True)  # what was sent may still write its answer
        raise
    except BaseException:
        hands.ledger.close()  # the lock is given back now: no thread may write after that
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return outcomes


def _spends(step: Step) -> bool:
    return step.action in (Action.CREATE, Action.CANCEL)


def _settle(step: Step, hands: Hands) -> Outcome:
    """The outcome of a step that calls nobody. Its record is set where state has to learn it."""
    match step.action:
        case Action.NOOP:
            return Outcome(step=step, result=Result.UNCHANGED, record=_steered(step))
        case Action.HOLD:
            return Outcome(step=step, result=Result.HELD, message=step.message, hint=step.hint)
        case Action.ADOPT | Action.REFRESH:
            adopted = step.action is Action.ADOPT
            return Outcome(
                step=step,
                result=Result.ADOPTED if adopted else Result.REFRESHED,
                record=_bound(step, hands.provider(step.provider).scope, step.job),
                message=step.message,
                hint=step.hint,
            )
        case Action.ORPHAN:
            learnt = step.record and step.job and step.job != step.record.job
            record = _bound(step, step.record.scope, step.job) if learnt and step.record else None
            return Outcome(
                step=step,
                result=Result.ORPHANED,
                record=record,
                message=step.message,
                hint=step.hint,
            )
        case Action.CREATE | Action.CANCEL:
            raise ValueError(step.action)
        case _:
            assert_never(step.action)


def _spend(step: Step, hands: Hands) -> Outcome:
    try:
        if step.action is Action.CANCEL:
            return _cancel(step, hands)
        return _create(step, hands)
    except (ProviderUnavailable, ProviderAuthError) as error:
        return Outcome(
            step=step,
            result=Result.FAILED,
            record=step.record,
            message=error.message,
            hint=error.hint or "nothing was created; the next pass tries again",
        )


def _create(step: Step, hands: Hands) -> Outcome:
    """Upload, look again, write ahead, send once, write down. See the module's three moves."""
    spec = step.spec
    if spec is None or step.base_model is None:
        raise ValueError(step)
    provider = hands.provider(spec.provider)
    try:
        training = hands.uploads.reference(spec.training, spec, provider, hands.ledger)
        validation = None
        if spec.validation is not None:
            validation = hands.uploads.reference(spec.validation, spec, provider, hands.ledger)
    except CreateRejected as error:
        return _refused(step, _record(spec, provider.scope), error, hands)
    if appeared := _appeared(step, provider, hands):
        return appeared
    pending = replace(
        _record(spec, provider.scope),
        training=replace(spec.training, reference=training),
        validation=spec.validation and replace(spec.validation, reference=validation),
        pending_since=hands.clock(),
        estimate=step.estimate,
    )
    hands.ledger.commit(lambda state: with_record(state, pending))
    request = CreateRequest(
        spec=spec, base_model=step.base_model, training=training, validation=validation
    )
    try:
        job = provider.create(request)
    except CreateRejected as error:
        return _refused(step, pending, error, hands)
    except CreateOutcomeUnknown as error:
        # It may have been done in the last moment of a long wait: the grace counts from here.
        unknown = replace(pending, pending_since=hands.clock())
        hands.ledger.commit(lambda state: with_record(state, unknown))
        hint = "the next pass looks for it before anything else"
        return Outcome(
            step=step, result=Result.UNKNOWN, record=unknown, message=error.message, hint=hint
        )
    bound = replace(pending, binding=Binding.BOUND, job=job)
    hands.ledger.commit(lambda state: with_record(state, bound))
    return Outcome(
        step=step,
        result=Result.CREATED,
        record=bound,
        message=step.message,
        hint="" if job.stamp else _NO_STAMP.format(provider=spec.provider),
    )


def _appeared(step: Step, provider: Provider, hands: Hands) -> Outcome | None:
    """Adopt what somebody who does not share our state has created since this pass looked.

    Asked only where the look is not fresh any more, and where a second create is a second job.
    """
    fresh = hands.clock() - hands.begun < FRESH_SECONDS
    if fresh or not provider.grace or not provider.lists_stamps:
        return None
    records = hands.ledger.state.records.values()
    jobs = provider.find(step.token, {r.job.id for r in records if r.job and r.token != step.token})
    if not jobs:
        return None
    outcome = _settle(adoption(step, jobs), hands)
    if (adopted := outcome.record) is not None:
        hands.ledger.commit(lambda state: with_record(state, adopted))
    return outcome


def _cancel(step: Step, hands: Hands) -> Outcome:
    """Stop the step's job. A job that no record is about leaves the state as it is."""
    if step.job is None:
        raise ValueError(step)
    try:
        job = hands.provider(step.provider).cancel(step.job.id)
    except (ProviderUnavailable, ProviderAuthError):
        raise
    except ProviderError as error:
        return Outcome(
            step=step,
            result=Result.FAILED,
            record=step.record,
            message=error.message,
            hint=error.hint,
        )
    step, record = replace(step, job=job), step.record
    if record is not None:
        why = None if job.status in (JobStatus.SUCCEEDED, JobStatus.FAILED) else step.reason.value
        stopped = record = replace(
            record, binding=Binding.BOUND, job=job, stopped_because=record.stopped_because or why
        )
        hands.ledger.commit(lambda state: with_record(state, stopped))
    if job.status in (JobStatus.SUCCEEDED, JobStatus.FAILED):
        message = f"too late: {job.id} had already {job.status.value}"
        return Outcome(step=step, result=Result.FAILED, record=record, message=message)
    return Outcome(step=step, result=Result.CANCELLED, record=record, message=step.message)


def _refused(step: Step, record: Record, error: CreateRejected, hands: Hands) -> Outcome:
    now = hands.clock()
    wait = error.retry_after
    if wait is None:
        wait = _RETRY_SECONDS.get(error.remedy)
    final = error.remedy is Remedy.FIX_SPEC
    rejection = Rejection(
        remedy=error.remedy,
        code=error.code,
        message=error.message,
        at=now,
        retry_at=None if final or wait is None else now + wait,
    )
    rejected = replace(record, binding=Binding.REJECTED, rejection=rejection, pending_since=None)
    hands.ledger.commit(lambda state: with_record(state, rejected))
    return Outcome(
        step=step, result=Result.REJECTED, record=rejected, message=error.message, hint=error.hint
    )


def _record(spec: JobSpec, scope: str) -> Record:
    """What state should know of a spec's token before anything is known of its job."""
    return Record(
        token=spec.token,
        namespace=spec.namespace,
        name=spec.name,
        digest=spec.digest,
        identity=spec.identity,
        attempt=spec.attempt,
        provider=spec.provider,
        scope=scope,
        source=spec.source,
        training=spec.training,
        validation=spec.validation,
        deletion_policy=spec.deletion_policy,
        binding=Binding.PENDING,
    )


def _bound(step: Step, scope: str, job: Job | None) -> Record:
    """The record of a step whose job is known: state's own, or a new one where state had none."""
    if step.record is not None:
        record = _steered(step) or step.record
    elif step.spec is not None and job is not None:
        record = _found(_record(step.spec, scope), job)
    else:
        raise ValueError(step)
    return replace(record, binding=Binding.BOUND, rejection=None, job=job)


def _found(record: Record, job: Job) -> Record:
    """What the job itself tells of its making, which is not what is checked out today."""
    stamped = (job.metadata or {}).get(SOURCE_KEY, "")
    validation = record.validation
    return replace(
        record,
        source=replace(record.source, commit=stamped.partition("@")[2] or None),
        training=replace(record.training, reference=job.training_file),
        validation=validation and replace(validation, reference=job.validation_file),
    )


def _steered(step: Step) -> Record | None:
    """The record with what a spec may change without training again; None if that is nothing."""
    if step.spec is None or step.record is None:
        return None
    steered = replace(step.record, name=step.spec.name, deletion_policy=step.spec.deletion_policy)
    return None if steered == step.record else steered
