"""Records of each binding, and outcomes with every result once.

The messages and hints are of the kind that `reconciler.apply` writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.errors import Remedy
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    Job,
    JobStatus,
    Outcome,
    Reason,
    Record,
    Rejection,
    Result,
    Source,
    Step,
)
from tests.fakes import make_record
from tests.report.samples.costs import ESTIMATE
from tests.report.samples.jobs import FAILED, NOW, RUNNING, SUCCEEDED, SUPPORT
from tests.report.samples.steps import (
    ADOPT,
    BROKE,
    CREATE,
    FINISHED,
    GONE,
    IN_BETWEEN,
    IN_SYNC,
    ORPHANED,
    PRUNED,
    REFUSED,
    STILL_FAILED,
    TRAIN_AGAIN,
    WAITING,
    make_step,
)


def bound(step: Step, job: Job, **fields: Any) -> Record:
    """What state holds for a step's token once its job is known."""
    values = {"binding": Binding.BOUND, "pending_since": None, "job": job} | fields
    scope = "https://api.openai.com/v1 project acme"
    return make_record(step.spec, scope=scope, **values)


REJECTED_RECORD = make_record(
    REFUSED.spec,
    binding=Binding.REJECTED,
    pending_since=None,
    rejection=Rejection(
        remedy=Remedy.FIX_SPEC,
        code="invalid_n_examples",
        message="training file has 7 example(s), but must have at least 10 examples",
        at=NOW,
    ),
)
PENDING_RECORD = make_record(IN_BETWEEN.spec, pending_since=NOW - 30)
BOUND_RECORD = bound(
    CREATE,
    SUCCEEDED,
    estimate=ESTIMATE,
    source=Source(path="specs/support.yaml", line=1, commit="5b1e7c0"),
    training=replace(SUPPORT, reference="file-Qz81"),
    validation=Dataset(reference="file-Wy27"),
)
OUTCOMES = (
    Outcome(
        step=CREATE,
        result=Result.CREATED,
        record=bound(
            CREATE,
            replace(RUNNING, status=JobStatus.VALIDATING_FILES, provider_status="validating_files"),
        ),
        message=CREATE.message,
    ),
    Outcome(step=TRAIN_AGAIN, result=Result.CREATED, record=bound(TRAIN_AGAIN, RUNNING)),
    Outcome(step=ADOPT, result=Result.ADOPTED, message=ADOPT.message, hint=ADOPT.hint),
    Outcome(step=FINISHED, result=Result.REFRESHED, message=FINISHED.message),
    Outcome(step=BROKE, result=Result.REFRESHED, message=BROKE.message),
    Outcome(step=IN_SYNC, result=Result.UNCHANGED),
    Outcome(step=STILL_FAILED, result=Result.UNCHANGED),
    Outcome(step=GONE, result=Result.HELD, message=GONE.message, hint=GONE.hint),
    Outcome(step=WAITING, result=Result.HELD, message=WAITING.message, hint=WAITING.hint),
    Outcome(
        step=replace(CREATE, name="too-few-examples"),
        result=Result.REJECTED,
        record=REJECTED_RECORD,
        message="openai refused the job: training file has 7 example(s), but must have at least "
        "10 examples",
        hint="add examples to specs/data/support.train.jsonl",
    ),
    Outcome(
        step=replace(CREATE, name="in-between"),
        result=Result.UNKNOWN,
        record=PENDING_RECORD,
        message="openai closed the connection before it answered",
    ),
    Outcome(
        step=replace(CREATE, name="nobody-home"),
        result=Result.FAILED,
        message="could not upload specs/data/support.train.jsonl: no answer within 30 s",
    ),
    Outcome(step=PRUNED, result=Result.CANCELLED, message=PRUNED.message),
    Outcome(step=ORPHANED, result=Result.ORPHANED, message=ORPHANED.message, hint=ORPHANED.hint),
)

PAUSED_BY_HAND = Outcome(
    step=make_step(Action.REFRESH, Reason.REQUESTED, "asked-to-rest", job=RUNNING),
    result=Result.REFRESHED,
    record=bound(CREATE, replace(RUNNING, status=JobStatus.PAUSED, provider_status="paused")),
    message="ftjob-8aX2kQ is paused",
    hint="it goes on with: reconcile resume asked-to-rest",
)
WAITED_FOR = (
    Outcome(step=CREATE, result=Result.CREATED, record=bound(CREATE, SUCCEEDED)),
    Outcome(
        step=replace(CREATE, name="broke-later"),
        result=Result.CREATED,
        record=bound(CREATE, FAILED),
    ),
    Outcome(step=IN_SYNC, result=Result.UNCHANGED, record=bound(CREATE, SUCCEEDED)),
    Outcome(step=FINISHED, result=Result.UNCHANGED),
    Outcome(
        step=replace(FINISHED, name="ended-meanwhile", record=bound(CREATE, RUNNING)),
        result=Result.REFRESHED,
        record=bound(CREATE, SUCCEEDED),
    ),
)
"""What `apply --wait` tells at its end: the first pass, and the jobs as they ended."""
