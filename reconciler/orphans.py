"""Records that no spec asks for: reported always, cancelled only where a spec had said so.

`plan` appends these steps to those of the specs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    Observation,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.steps import Circumstances, Steps


def orphans(
    desired: Sequence[JobSpec],
    reality: Mapping[str, Observation],
    latest: Mapping[str, Sequence[Record]],
    circumstances: Circumstances,
) -> Iterator[Step]:
    """Records no spec asks for: the last of a name that is gone, and whatever is not over yet."""
    tokens = {spec.token for spec in desired}
    names = {spec.name for spec in desired}  # what `latest` calls renamed ones, too
    for name, history in sorted(latest.items()):
        for index, record in enumerate(history):
            if record.token in tokens or record.binding is Binding.REJECTED:
                continue
            seen = reality.get(record.token)
            job = seen.jobs[0] if seen and seen.jobs else record.job
            over = job is not None and job.status.terminal
            newly_over = over and record.job != job
            if over and not newly_over and (name in names or index > 0):
                continue
            yield _orphan(record, job, replaced=name in names, prune=circumstances.prune)


def news_of_others(
    desired: Sequence[JobSpec], reality: Mapping[str, Observation], state: State
) -> Iterator[Step]:
    """What was seen of jobs whose specs were left out, so that their records go on telling it.

    Whether anything asks for them, nobody knows in such a pass: nothing else is done about them.
    """
    tokens = {spec.token for spec in desired}
    for token, seen in reality.items():
        record = state.records.get(token)
        if token in tokens or record is None or record.binding is not Binding.BOUND:
            continue
        job = next((j for j in seen.jobs if record.job and j.id == record.job.id), None)
        if job is not None and job != record.job:
            step = Steps(token, record.name, record.provider, record=record)
            yield step.make(
                Action.REFRESH,
                Reason.STATUS_CHANGED,
                job=job,
                message="its spec was left out of this pass",
            )


def latest_by_name(
    state: State, namespace: str, renamed: Mapping[str, str]
) -> dict[str, list[Record]]:
    """Every record of the namespace by the name it has now, newest first.

    `renamed` leads from what specs were called before to what they are called.
    """
    grouped: dict[str, list[Record]] = {}
    for record in state.records.values():
        if record.namespace == namespace:
            grouped.setdefault(renamed.get(record.name, record.name), []).append(record)
    for history in grouped.values():
        history.sort(key=age, reverse=True)
    return grouped


def age(record: Record) -> tuple[float, str]:
    """Sorts records by when their job was made; the token only breaks ties."""
    created = record.job.created_at if record.job else None
    return (created if created is not None else record.pending_since or 0.0, record.token)


def _orphan(record: Record, job: Job | None, *, replaced: bool, prune: bool) -> Step:
    step = Steps(record.token, record.name, record.provider, record=record)
    running = job is not None and not job.status.terminal
    why = "an earlier version of this spec" if replaced else "no spec asks for it any more"
    if running and prune and record.deletion_policy in ("cancel", "delete"):
        message = f"{why}; its deletion_policy is {record.deletion_policy}"
        return step.make(Action.CANCEL, Reason.PRUNED, job=job, message=message)
    if job is None:
        hint = "its create was never answered; it is looked for until it is found"
    elif running:
        hint = f"it goes on and is paid for; to stop it: reconcile cancel {record.token}"
    else:
        hint = f"its model stays; to forget the record: reconcile state rm {record.token}"
    return step.make(Action.ORPHAN, Reason.NO_SPEC, job=job, message=why, hint=hint)
