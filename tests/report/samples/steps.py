"""Steps with every action and every reason once, and plans of them.

The messages and hints are of the kind that `reconciler.plan` writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model import Action, Binding, Change, JobStatus, Plan, Reason, Step
from tests.fakes import make_record, make_spec
from tests.report.samples.costs import (
    AUTOMATIC_ESTIMATE,
    ESTIMATE,
    MINI,
    SAMPLED_ESTIMATE,
    UNPRICED_ESTIMATE,
)
from tests.report.samples.jobs import BASE, FAILED, INTENTS, RUNNING, SUCCEEDED, SUPPORT
from tests.report.samples.problems import WARNINGS


def make_step(action: Action, reason: Reason, name: str = "support-bot", **fields: Any) -> Step:
    """A step for a spec of that name, at OpenAI unless told otherwise."""
    spec = make_spec(name, training=SUPPORT, hyperparameters={"n_epochs": 3})
    values = {"token": spec.token, "name": name, "provider": "openai", "spec": spec}
    return Step(action=action, reason=reason, **{**values, **fields})


def make_plan(*steps: Step) -> Plan:
    """A plan of these steps."""
    return Plan(steps=steps, lineage="7c6a52e0-1d34-4b7e-9a53-0c1b6d0f8a11", serial=41)


CREATE = make_step(
    Action.CREATE,
    Reason.MISSING,
    base_model=BASE,
    estimate=ESTIMATE,
    message="no job carries this spec yet",
)
AUTOMATIC = make_step(
    Action.CREATE,
    Reason.MISSING,
    "left-to-openai",
    base_model=BASE,
    spec=make_spec("left-to-openai", training=SUPPORT, base=MINI, warnings=WARNINGS),
    estimate=AUTOMATIC_ESTIMATE,
    message="no job carries this spec yet",
    warning="gpt-4.1-mini-2025-04-14 shuts down on 2027-01-14, and its fine-tunes with it",
)
UNPRICED = make_step(
    Action.CREATE,
    Reason.MISSING,
    "no-price",
    base_model="accounts/fireworks/models/llama-v3p1-8b-instruct",
    provider="fireworks",
    estimate=UNPRICED_ESTIMATE,
    message="no job carries this spec yet",
)
FAILED_BEFORE = make_step(
    Action.CREATE,
    Reason.RETRY_FAILED,
    "once-more",
    base_model=BASE,
    estimate=ESTIMATE,
    message="ftjob-F4iL3d failed for a reason that is not the data's; attempt 2 of 3",
)
_INTENT_ROUTER = make_spec(
    "intent-router",
    provider="bedrock",
    provider_type="bedrock",
    model="amazon.nova-micro-v1:0",
    hyperparameters={"n_epochs": 4},
    training=INTENTS,
)
TRAIN_AGAIN = make_step(
    Action.CREATE,
    Reason.MISSING,
    "intent-router",
    provider="bedrock",
    spec=_INTENT_ROUTER,
    token=_INTENT_ROUTER.token,
    base_model="amazon.nova-micro-v1:0",
    estimate=SAMPLED_ESTIMATE,
    previous=make_record(make_spec("intent-router"), binding=Binding.BOUND, job=RUNNING),
    changes=(
        Change(field="training data", before="3f9a1c…", after="77b02e…, +1,108 examples"),
        Change(field="n_epochs", before="3", after="4"),
    ),
    message="training data changed (3f9a1c… → 77b02e…, +1,108 examples), n_epochs 3 → 4",
    hint="the job it replaces goes on: reconcile cancel ftjob-8aX2kQ",
)
LOST = make_step(
    Action.CREATE,
    Reason.PENDING_NOT_FOUND,
    "lost-in-the-post",
    base_model=BASE,
    message="an earlier create never arrived: its token is on no job",
)
RETRY = make_step(
    Action.CREATE,
    Reason.RETRY_REJECTED,
    "daily-limit",
    base_model=BASE,
    message="openai refused it before (daily limit reached); worth another try",
)
ADOPT = make_step(
    Action.ADOPT,
    Reason.TOKEN_MATCH,
    "found-again",
    job=replace(RUNNING, id="ftjob-Aa1111"),
    duplicates=(
        replace(RUNNING, id="ftjob-Bb2222"),
        replace(SUCCEEDED, id="ftjob-Cc3333", created_at=None),
    ),
    message="ftjob-Aa1111 carries this spec's token; it will be tied to it, not paid again",
    hint="the same token is on ftjob-Bb2222, ftjob-Cc3333 too: look at them and cancel what is "
    "not wanted",
)
FINISHED = make_step(
    Action.REFRESH,
    Reason.STATUS_CHANGED,
    "just-finished",
    job=SUCCEEDED,
    message="running → succeeded",
)
BROKE = make_step(
    Action.REFRESH, Reason.STATUS_CHANGED, "bad-data", job=FAILED, message="running → failed"
)
IN_SYNC = make_step(
    Action.NOOP, Reason.UP_TO_DATE, "ticket-tags", provider="fireworks", job=RUNNING
)
STILL_FAILED = make_step(Action.NOOP, Reason.UP_TO_DATE, "still-failed", job=FAILED)
PAUSED = make_step(
    Action.NOOP,
    Reason.UP_TO_DATE,
    "paused-there",
    job=replace(RUNNING, status=JobStatus.PAUSED, provider_status="paused"),
)
NEW_WORD = make_step(
    Action.NOOP,
    Reason.UP_TO_DATE,
    "new-word",
    job=replace(RUNNING, status=JobStatus.UNKNOWN, provider_status="warming_up"),
)
UNAVAILABLE = make_step(
    Action.HOLD,
    Reason.PROVIDER_UNAVAILABLE,
    "nobody-home",
    message="could not look for this job: openai did not answer within 30 s, three times",
    hint="nothing is created while nobody can look; the next pass tries again",
)
IN_BETWEEN = make_step(
    Action.HOLD,
    Reason.CREATE_OUTCOME_UNKNOWN,
    "in-between",
    message="a create was sent and its answer never arrived; the provider does not show the job",
    hint="a new job may take up to 120 s to show; a pass after that settles it",
)
REFUSED = make_step(
    Action.HOLD,
    Reason.CREATE_REJECTED,
    "too-few-examples",
    message="openai refused to create it: training file has 7 example(s), but must have at least "
    "10 examples",
    hint="correct the spec, or raise spec.attempt to send the same again",
)
GONE = make_step(
    Action.HOLD,
    Reason.JOB_MISSING,
    "legacy-faq",
    job=RUNNING,
    message="ftjob-8aX2kQ is not at openai any more, or not for this account",
    hint="check the key, project and region; to train anew, raise spec.attempt",
)
SUSPENDED = make_step(
    Action.HOLD,
    Reason.SUSPENDED,
    "not-now",
    message="spec.suspend is true",
    hint="set it to false to train",
)
WAITING = make_step(
    Action.HOLD,
    Reason.WAITING_FOR_SPEC,
    "second-stage",
    spec=make_spec("second-stage", upstream=make_spec(), training=SUPPORT, attempt=1),
    message="it trains on the model of support-bot, which is not there yet",
    hint="it follows by itself on the first pass after that one has succeeded",
)
ABSENT = make_step(
    Action.HOLD,
    Reason.DATA_ABSENT,
    "data-elsewhere",
    spec=make_spec("data-elsewhere", training=SUPPORT, validation=replace(SUPPORT, examples=90)),
    message="specs/data/support.train.jsonl is not in this checkout and was never uploaded",
    hint="fetch the data, or apply where it is",
)
NOT_CONFIGURED = make_step(
    Action.HOLD,
    Reason.NOT_CONFIGURED,
    "nowhere-to-go",
    message="specs/data/support.train.jsonl has to be uploaded to S3, and"
    " providers.bedrock.bucket is not set",
    hint="set providers.bedrock.bucket in reconciler.yaml, or name data in S3: s3://BUCKET/KEY",
)
CLOSED = make_step(
    Action.HOLD,
    Reason.MODEL_CLOSED,
    "too-late",
    message="gpt-4o-2024-08-06 takes no new jobs since 2026-10-01",
    hint="choose another model",
)
DELETED = make_step(
    Action.HOLD,
    Reason.MODEL_DELETED,
    "deleted-before",
    job=SUCCEEDED,
    message="its model was deleted while no spec asked for it",
    hint="to train it anew, raise spec.attempt",
)
SAME_BEFORE = make_step(
    Action.HOLD,
    Reason.SAME_TRAINING,
    "misnamed",
    message="the very same was trained as older-0123456789abcdef, under a name that is not told any"
    " more",
    hint="previous_names hold every former name, the newest first; to train it again, raise"
    " spec.attempt",
)
SHUTS_DOWN = make_step(
    Action.HOLD,
    Reason.MODEL_SHUTS_DOWN,
    "not-for-long",
    message="gpt-4o-2024-08-06 shuts down on 2027-01-14, and its fine-tunes with it",
    hint="choose another model, or set spec.openai.accept_shutdown",
)
TRANSLATED = make_step(
    Action.CREATE,
    Reason.MISSING,
    "on-bedrock",
    base_model="amazon.nova-micro-v1:0",
    spec=make_spec(
        "on-bedrock",
        translation=(
            "n_epochs → epochCount 2",
            "Bedrock's defaults: learningRate 1e-05, learningRateWarmupSteps 10",
            "chat data → bedrock-conversation-2024",
        ),
    ),
    message="no job carries this spec yet",
)
ORPHANED = make_step(
    Action.ORPHAN,
    Reason.NO_SPEC,
    "spec-deleted",
    spec=None,
    record=make_record(make_spec("spec-deleted"), binding=Binding.BOUND, job=RUNNING),
    job=RUNNING,
    message="no spec asks for it any more",
    hint="it goes on and is paid for; to stop it: reconcile cancel ftjob-8aX2kQ",
)
PRUNED = make_step(
    Action.CANCEL,
    Reason.PRUNED,
    "pruned",
    spec=None,
    record=make_record(make_spec("pruned"), binding=Binding.BOUND, job=RUNNING),
    job=RUNNING,
    message="no spec asks for it any more; its deletion_policy is cancel",
)
REQUESTED = make_step(
    Action.CANCEL,
    Reason.REQUESTED,
    "asked-for",
    job=RUNNING,
    message="somebody asked for it",
)
OVERDUE = make_step(
    Action.CANCEL,
    Reason.DEADLINE_EXCEEDED,
    "overdue",
    job=RUNNING,
    message="it has run for longer than its deadline of 6h",
)
EVERY_STEP = (
    *(CREATE, TRAIN_AGAIN, LOST, RETRY, AUTOMATIC, UNPRICED, FAILED_BEFORE),
    *(ADOPT, FINISHED, BROKE),
    *(IN_SYNC, STILL_FAILED, PAUSED, NEW_WORD),
    *(UNAVAILABLE, IN_BETWEEN, REFUSED, GONE, SUSPENDED, WAITING, ABSENT, NOT_CONFIGURED),
    *(CLOSED, DELETED, SAME_BEFORE, SHUTS_DOWN, TRANSLATED),
    *(ORPHANED, PRUNED, REQUESTED, OVERDUE),
)
LARGE = make_plan(
    *(
        make_step(Action.NOOP, Reason.UP_TO_DATE, f"spec-{number:03}", job=SUCCEEDED)
        for number in range(178)
    ),
    CREATE,
    GONE,
    STILL_FAILED,
    replace(IN_SYNC, duplicates=(replace(RUNNING, id="ftjob-Dd4444"),)),
)
