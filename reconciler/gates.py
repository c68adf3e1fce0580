"""What keeps a create from being sent although the decision table asks for one: holds per spec.

`plan` passes every step through `gated`. A gate never creates, and never lets through what the
table did not decide: it turns a create into a hold with its reason, or says more about it. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from reconciler import changes, retries
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    Job,
    JobSpec,
    JobStatus,
    Observation,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.steps import Circumstances, Steps

SHUTDOWN_NOTICE_DAYS = 90
"""A model that shuts down within so many days is trained on only by who says so."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a gate may look at beside its own step."""

    latest: Mapping[str, Sequence[Record]]
    state: State
    reality: Mapping[str, Observation]

    def deleted(self, token: str) -> bool:
        """Whether the model of a token's last attempt has been deleted."""
        record = self._newest(token)
        return record is not None and record.model_deleted

    def _newest(self, token: str) -> Record | None:
        record = self.state.records.get(token)
        return retries.newest(record, self.state.records) if record else None

    def job(self, token: str) -> Job | None:
        """The job of a token, or of the last attempt after it, as seen last."""
        record = self._newest(token)
        seen = self.reality.get(record.token if record else token)
        return seen.jobs[0] if seen and seen.jobs else record.job if record else None


def gated(step: Step, known: Known, circumstances: Circumstances) -> Step:
    """Hold a create that has to wait; say of one that has not what it would repeat."""
    spec = step.spec
    if spec is None or step.action is not Action.CREATE:
        return step
    held = Steps(step.token, step.name, step.provider, spec=spec, record=step.record)
    if spec.suspend:
        return held.hold(Reason.SUSPENDED, "spec.suspend is true", "set it to false to train")
    if spec.unready:
        return held.hold(Reason.NOT_CONFIGURED, spec.unready, spec.unready_hint)
    if hold := _closed(spec, held, circumstances):
        return hold
    absent = next((data for data in (spec.training, spec.validation) if _absent(data)), None)
    if absent and not _uploaded(absent, known.state):
        return held.hold(
            Reason.DATA_ABSENT,
            f"{absent.path} is not in this checkout and was never uploaded",
            "fetch the data, or apply where it is",
        )
    history = known.latest.get(step.name, ())
    if twin := _twin(spec, history):
        return held.hold(
            Reason.SAME_TRAINING,
            f"the very same was trained as {twin.token}, under a name that is not told any more",
            "previous_names hold every former name, the newest first; to train it again, raise"
            " spec.attempt",
        )
    step = _with_previous(step, spec, history)
    step = replace(step, warning=_notice(spec, circumstances))
    if spec.model_from is None:
        return replace(step, base_model=spec.model)
    token = spec.identity["model"]["from"]
    if known.deleted(token):
        return held.hold(
            Reason.WAITING_FOR_SPEC,
            f"it trains on the model of {spec.model_from}, which was deleted",
            f"to train that again, raise spec.attempt of {spec.model_from}",
        )
    return _chained(step, held, spec.model_from, known.job(token))


def _twin(spec: JobSpec, history: Sequence[Record]) -> Record | None:
    """A job of this spec that a slip in its names has hidden: same training, another token."""
    bindings = (Binding.BOUND, Binding.PENDING)
    return next(
        (
            record
            for record in history
            if record.digest == spec.digest
            and record.token != spec.token
            and record.binding in bindings
        ),
        None,
    )


def _closed(spec: JobSpec, held: Steps, circumstances: Circumstances) -> Step | None:
    """Hold what trains on a model that takes no jobs any more, or will soon not answer."""
    base = spec.base
    if base is None:
        return None
    today = _today(circumstances)
    if _days(base.shuts_down_on, today, 0) is not None:
        ended = f"{base.id} was shut down on {base.shuts_down_on}"
    elif _days(base.closes_on, today, 0) is not None:
        ended = f"{base.id} takes no new jobs since {base.closes_on}"
    else:
        ended = ""
    if ended:
        hint = "choose another model: reconcile models lists them"
        return held.hold(Reason.MODEL_CLOSED, ended, hint)
    soon = _days(base.shuts_down_on, today, SHUTDOWN_NOTICE_DAYS) is not None
    if soon and not spec.section.get("accept_shutdown"):
        return held.hold(
            Reason.MODEL_SHUTS_DOWN,
            f"{base.id} shuts down on {base.shuts_down_on}, and its fine-tunes with it",
            f"choose another model, or set spec.{spec.provider_type}.accept_shutdown",
        )
    return None


def _notice(spec: JobSpec, circumstances: Circumstances) -> str:
    """What to know of a base model's end, for a create that goes out all the same."""
    base, today = spec.base, _today(circumstances)
    if base is None:
        return ""
    if (left := _days(base.shuts_down_on, today, SHUTDOWN_NOTICE_DAYS)) is not None:
        when = f"on {base.shuts_down_on}, in {left} day{'s' * (left != 1)}"
        return f"{base.id} shuts down {when}, and its fine-tunes with it"
    if _days(base.closes_on, today, SHUTDOWN_NOTICE_DAYS) is not None:
        return f"{base.id} takes no new jobs from {base.closes_on} on"
    return ""


def _today(circumstances: Circumstances) -> date:
    return datetime.fromtimestamp(circumstances.now, UTC).date()


def _days(day: str | None, today: date, within: int) -> int | None:
    """How many days are left until a day, if it is no further away than that."""
    if day is None:
        return None
    left = (date.fromisoformat(day) - today).days
    return left if left <= within else None


def _absent(dataset: Dataset | None) -> bool:
    return dataset is not None and dataset.path is not None and not dataset.present


def _uploaded(dataset: Dataset, state: State) -> bool:
    return any(dataset.sha256 in files for files in state.files.values())


def _chained(step: Step, held: Steps, upstream: str, job: Job | None) -> Step:
    if job and job.status is JobStatus.SUCCEEDED and job.fine_tuned_model:
        return replace(step, base_model=job.fine_tuned_model)
    if job and job.status.terminal:
        return held.hold(
            Reason.WAITING_FOR_SPEC,
            f"it trains on the model of {upstream}, {_ENDED[job.status]}",
            f"mend {upstream}; this one follows by itself",
        )
    return held.hold(
        Reason.WAITING_FOR_SPEC,
        f"it trains on the model of {upstream}, which is not there yet",
        "it follows by itself on the first pass after that one has succeeded",
    )


_ENDED = {
    JobStatus.FAILED: "whose job failed",
    JobStatus.CANCELLED: "whose job was cancelled",
    JobStatus.SUCCEEDED: "whose job left no model",
}


def _with_previous(step: Step, spec: JobSpec, history: Sequence[Record]) -> Step:
    """Say that this name was trained before, and what is different now."""
    if spec.retry and step.reason is Reason.MISSING:
        return replace(
            step,
            reason=Reason.RETRY_FAILED,
            message=f"the job before it failed at the provider; retry {spec.retry} of"
            f" {spec.retry_limit}",
        )
    previous = next(
        (r for r in history if r.token != spec.token and r.binding is not Binding.REJECTED), None
    )
    if previous is None or step.reason is not Reason.MISSING:
        return replace(step, previous=previous)
    found = changes.between(previous, spec)
    still = previous.job is not None and not previous.job.status.terminal
    return replace(
        step,
        previous=previous,
        changes=found,
        message=changes.sentence(found) or step.message,
        hint=f"the job it replaces goes on: reconcile cancel {previous.token}" if still else "",
    )
