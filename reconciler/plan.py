"""The decision: what each spec needs, why, and in whose words. Pure.

`engine` calls `plan` with the specs, the state and what looking showed; `apply` carries the steps
out without a second thought. Nothing in here reads a clock, a file or a provider, so the whole
decision table is one parametrised test.

The rule behind every line of it: a create is decided only where we looked and found nothing, and
nothing in state says that a job may exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.errors import Remedy
from reconciler.gates import Known, gated
from reconciler.identity import canonical_json
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    Observation,
    Plan,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.orphans import latest_by_name, news_of_others, orphans
from reconciler.steps import Circumstances, Steps


def plan(
    desired: Sequence[JobSpec],
    state: State,
    reality: Mapping[str, Observation],
    circumstances: Circumstances,
) -> Plan:
    """One step per spec, in their order, then the orphans.

    `reality` holds an observation for every token that was looked for. A job that is over is not
    looked for, and its record speaks for it.
    """
    names = {old: spec.name for spec in desired for old in spec.previous_names}
    latest = latest_by_name(state, circumstances.namespace, names)
    known = Known(latest, state, reality)
    steps = [
        gated(_decide(spec, state, reality.get(spec.token), circumstances), known, circumstances)
        for spec in desired
    ]
    if circumstances.complete:
        steps += orphans(desired, reality, latest, circumstances)
    else:
        steps += news_of_others(desired, reality, state)
    return Plan(steps=tuple(steps), lineage=state.lineage, serial=state.serial)


def checksum(decided: Plan) -> str:
    """sha256 of everything apply would act on: two plans with one checksum do the same."""
    document = [
        decided.lineage,
        [[step.action, step.reason, step.token, step.base_model] for step in decided.steps],
    ]
    return hashlib.sha256(canonical_json(document)).hexdigest()


def adoption(step: Step, jobs: tuple[Job, ...]) -> Step:
    """The step that ties its token to the oldest of the jobs found, and reports the rest.

    `apply` asks for it too, where a job has appeared since the plan was made.
    """
    job = jobs[0]
    message = f"{job.id} carries this spec's token; it will be tied to it, not paid again"
    adopt = replace(
        step, action=Action.ADOPT, reason=Reason.TOKEN_MATCH, job=job, message=message, hint=""
    )
    return _reporting(replace(adopt, base_model=None, changes=()), jobs)


def needs_somebody(step: Step) -> bool:
    """Whether a step is held for a reason that does not go away by itself as intended."""
    waiting = (Reason.SUSPENDED, Reason.WAITING_FOR_SPEC)
    return step.action is Action.HOLD and step.reason not in waiting


def _decide(
    spec: JobSpec, state: State, seen: Observation | None, circumstances: Circumstances
) -> Step:
    """The decision table, row by row."""
    record = state.records.get(spec.token)
    step = Steps(spec.token, spec.name, spec.provider, spec=spec, record=record)
    if record is not None and record.model_deleted:
        return step.make(
            Action.HOLD,
            Reason.MODEL_DELETED,
            job=record.job,
            message="its model was deleted while no spec asked for it",
            hint="to train it anew, raise spec.attempt",
        )
    if seen is None:
        return _unseen(step, record, circumstances)
    if seen.error is not None:
        return step.hold(
            Reason.PROVIDER_UNAVAILABLE,
            f"could not look for this job: {seen.error}",
            "nothing is created while nobody can look; the next pass tries again",
        )
    if seen.jobs:
        found = _found(step, record, seen.jobs)
        return _too_late(step, found, spec.deadline, circumstances.now) or found
    return _not_found(step, record, circumstances)


def _unseen(step: Steps, record: Record | None, circumstances: Circumstances) -> Step:
    match record:
        case Record(binding=Binding.BOUND, job=Job()):
            return step.make(Action.NOOP, Reason.UP_TO_DATE, job=record.job)
        case _ if not circumstances.offline:
            return step.hold(
                Reason.PROVIDER_UNAVAILABLE,
                "nobody has looked for this job yet",
                "run the pass again; if this stays, report it as a bug",
            )
        case _:
            return _not_found(step, record, circumstances)


def _found(step: Steps, record: Record | None, jobs: tuple[Job, ...]) -> Step:
    known = record.job if record and record.binding is Binding.BOUND else None
    same = next((job for job in jobs if known and job.id == known.id), None)
    if same is None:
        return adoption(step.make(Action.ADOPT, Reason.TOKEN_MATCH), jobs)
    if same == known:
        return _reporting(step.make(Action.NOOP, Reason.UP_TO_DATE, job=same), jobs)
    message = _progress(known, same)
    refresh = step.make(Action.REFRESH, Reason.STATUS_CHANGED, job=same, message=message)
    return _reporting(refresh, jobs)


def _too_late(step: Steps, found: Step, deadline: float | None, now: float) -> Step | None:
    """The step that stops a job which has taken longer than its spec allows.

    An adopted one is tied first: the next pass stops it.
    """
    job = found.job
    if deadline is None or job is None or job.status.terminal or found.action is Action.ADOPT:
        return None
    if job.created_at is None or now < job.created_at + deadline:
        return None
    return step.make(
        Action.CANCEL,
        Reason.DEADLINE_EXCEEDED,
        job=job,
        message=f"{job.id} has run for {(now - job.created_at) / 3600:.1f} h, and spec.deadline"
        f" is {deadline / 3600:.1f} h",
        hint="to give it longer, raise spec.deadline, which trains nothing again",
    )


def _reporting(step: Step, jobs: tuple[Job, ...]) -> Step:
    """The step with those of the jobs that it is not about, and how to stop one."""
    duplicates = tuple(job for job in jobs if step.job and job.id != step.job.id)
    if not duplicates:
        return step
    ids = ", ".join(job.id for job in duplicates)
    return replace(
        step,
        duplicates=duplicates,
        hint=f"the same token is on {ids} too, and each is paid for; to stop one:"
        f" reconcile cancel {step.token} --job {duplicates[0].id}",
    )


def _progress(known: Job | None, job: Job) -> str:
    if known is None or known.status is job.status:
        return "the provider reports new details"
    return f"{known.status.value} → {job.status.value}"


def _not_found(step: Steps, record: Record | None, circumstances: Circumstances) -> Step:
    if record is None:
        message = (
            "state knows no job for this spec; the provider was not asked"
            if circumstances.offline
            else "no job carries this spec yet"
        )
        return step.make(Action.CREATE, Reason.MISSING, message=message)
    match record.binding:
        case Binding.PENDING:
            return _pending(step, record, circumstances)
        case Binding.REJECTED:
            return _rejected(step, record, circumstances)
        case Binding.BOUND:
            job_id = record.job.id if record.job else "the job"
            return step.make(
                Action.HOLD,
                Reason.JOB_MISSING,
                job=record.job,
                message=f"{job_id} is not at {record.provider} any more, or not for this account",
                hint="check the key, project and region; to train anew, raise spec.attempt",
            )


def _pending(step: Steps, record: Record, circumstances: Circumstances) -> Step:
    grace = circumstances.grace.get(record.provider, 0.0)
    elapsed = circumstances.now - (record.pending_since or 0.0)
    if circumstances.offline:
        return step.hold(
            Reason.CREATE_OUTCOME_UNKNOWN,
            "a create was sent and its answer never arrived",
            "plan without --offline to look for the job",
        )
    if elapsed < grace:
        return step.hold(
            Reason.CREATE_OUTCOME_UNKNOWN,
            "a create was sent and its answer never arrived; the provider does not show the job",
            f"a new job may take up to {grace:.0f} s to show; a pass after that settles it",
        )
    if circumstances.hold_unknown:
        return step.hold(
            Reason.CREATE_OUTCOME_UNKNOWN,
            "a create was sent and its answer never arrived; the provider shows no such job",
            f"look there yourself, then: reconcile resolve {record.name} --not-created",
        )
    return step.make(
        Action.CREATE,
        Reason.PENDING_NOT_FOUND,
        message="an earlier create never arrived: its token is on no job",
    )


def _rejected(step: Steps, record: Record, circumstances: Circumstances) -> Step:
    rejection = record.rejection
    if rejection and rejection.retry_at is not None and rejection.retry_at <= circumstances.now:
        return step.make(
            Action.CREATE,
            Reason.RETRY_REJECTED,
            message=f"{record.provider} refused it before ({rejection.message}); worth another try",
        )
    message = rejection.message if rejection else "no reason was kept"
    return step.hold(
        Reason.CREATE_REJECTED,
        f"{record.provider} refused to create it: {message}",
        _way_out(record),
    )


def _way_out(record: Record) -> str:
    remedy = record.rejection.remedy if record.rejection else Remedy.FIX_SPEC
    match remedy:
        case Remedy.RETRY_NOW | Remedy.RETRY_LATER:
            return "it will be tried again by itself when the provider allows it"
        case Remedy.FIX_ACCOUNT:
            return "put the account or the key in order; it will be tried again"
        case Remedy.FIX_SPEC:
            return "correct the spec, or raise spec.attempt to send the same again"
