"""Values as the house hands them to the reports: every label, action, reason and result once.

The messages and hints are of the kind that `reconciler.plan` and `reconciler.apply` write.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.cost import BaseModel, TokenCount, estimate
from reconciler.errors import Problem, Remedy, Severity
from reconciler.model import (
    Action,
    Binding,
    Change,
    Dataset,
    Event,
    Job,
    JobError,
    JobStatus,
    MetricPoint,
    Outcome,
    Plan,
    Reason,
    Record,
    Rejection,
    Result,
    Source,
    Step,
)
from reconciler.report.rows import StatusRow
from tests.fakes import make_record, make_spec

NOW = 1_795_442_400.0  # 2026-11-23T14:00:00Z
STARTED = int(NOW) - 3 * 3600
BASE = "gpt-4.1-mini-2025-04-14"
TUNED = f"ft:{BASE}:acme:support:9aBcDeFg"

RUNNING = Job(
    id="ftjob-8aX2kQ",
    status=JobStatus.RUNNING,
    provider_status="running",
    created_at=STARTED,
    model=BASE,
)
SUCCEEDED = replace(
    RUNNING,
    id="ftjob-Zk3m9P",
    status=JobStatus.SUCCEEDED,
    provider_status="succeeded",
    finished_at=STARTED + 6400,
    fine_tuned_model=TUNED,
    trained_tokens=51_204,
    result_files=("file-R1",),
    hyperparameters={"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8},
    metadata={"owner": "support"},
)
FAILED = replace(
    RUNNING,
    id="ftjob-F4iL3d",
    status=JobStatus.FAILED,
    provider_status="failed",
    error=JobError(
        code="invalid_training_file",
        message="The job failed due to an invalid training file. Invalid file format. "
        "Example 100, message 2 Discriminator 'role' is missing in value",
        param="training_file",
    ),
)

SUPPORT = Dataset(
    path="specs/data/support.train.jsonl",
    sha256="3f9a1c" + "0" * 58,
    size=1_204_331,
    examples=812,
    format="chat",
    present=True,
)
INTENTS = replace(
    SUPPORT, path="specs/data/intents.jsonl", sha256="77b02e" + "0" * 58, examples=1_920
)


MINI = BaseModel(
    id=BASE,
    provider="openai",
    usd_per_million_tokens=5.0,
    max_tokens_per_example=65_536,
    source="openai.com/api/pricing",
    as_of="2026-11-20",
)
COUNTED = TokenCount(
    tokens=51_204, low=51_204, high=51_204, exact=True, tokenizer="o200k_base", truncated=12
)
SAMPLED = TokenCount(
    tokens=12_300_000, low=12_152_400, high=12_447_600, exact=False, tokenizer="o200k_base"
)
ESTIMATE = estimate(replace(COUNTED, truncated=0), 812, 3, MINI)
AUTOMATIC_ESTIMATE = estimate(COUNTED, 10, None, MINI)
SAMPLED_ESTIMATE = estimate(SAMPLED, 9_000, 3, MINI)
UNPRICED_ESTIMATE = estimate(replace(COUNTED, tokenizer="llama-3"), 812, 3, None)
WARNINGS = (
    *(
        Problem(
            file="specs/data/support.train.jsonl",
            line=line,
            column=1,
            message=f"the same example as line {line - 10}",
            hint="remove it, unless it is meant to weigh more",
            severity=Severity.WARNING,
            rule="duplicate-example",
        )
        for line in (412, 500, 501, 777)
    ),
    Problem(
        file="specs/data/intents.jsonl",
        line=0,
        column=0,
        message="7 examples have no system prompt, and the others have one",
        severity=Severity.WARNING,
        rule="mixed-system-prompts",
    ),
)


def make_step(action: Action, reason: Reason, name: str = "support-bot", **fields: Any) -> Step:
    """A step for a spec of that name, at OpenAI unless told otherwise."""
    spec = make_spec(name, training=SUPPORT, hyperparameters={"n_epochs": 3})
    values = {"token": spec.token, "name": name, "provider": "openai", "spec": spec}
    return Step(action=action, reason=reason, **{**values, **fields})


def make_plan(*steps: Step) -> Plan:
    """A plan of these steps."""
    return Plan(steps=steps, lineage="7c6a52e0-1d34-4b7e-9a53-0c1b6d0f8a11", serial=41)


def bound(step: Step, job: Job, **fields: Any) -> Record:
    """What state holds for a step's token once its job is known."""
    values = {"binding": Binding.BOUND, "pending_since": None, "job": job} | fields
    scope = "https://api.openai.com/v1 project acme"
    return make_record(step.spec, scope=scope, **values)


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
    *(CLOSED, DELETED, SHUTS_DOWN, TRANSLATED),
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

ROWS = (
    StatusRow(
        name="support-bot",
        provider="openai",
        phase="Succeeded",
        synced=True,
        base_model=BASE,
        fine_tuned_model=TUNED,
        last_succeeded_model=TUNED,
        trained_tokens=51_204,
        created_at=STARTED,
        finished_at=STARTED + 6400,
        job_id="ftjob-Zk3m9P",
    ),
    StatusRow(
        name="intent-router",
        provider="bedrock",
        phase="Running",
        synced=True,
        base_model="amazon.nova-micro-v1:0",
        last_succeeded_model="arn:aws:bedrock:us-east-1:111122223333:custom-model/"
        "amazon.nova-micro-v1:0/abc123def456",
        created_at=int(NOW) - 12 * 60,
        job_id="intent-router-3f9a1c2e77b02e01",
    ),
    StatusRow(
        name="a-name-that-is-as-long-as-a-name-may-be1",
        provider="fireworks",
        phase="Failed",
        synced=True,
        base_model="accounts/fireworks/models/llama-v3p1-8b-instruct",
        trained_tokens=1_234_567,
        created_at=int(NOW) - 17 * 86_400,
        job_id="a-name-that-is-as-long-as-a-name-may-be1-3f9a1c2e77b02e01",
        message="invalid_training_file: example 100 has a message without a role",
        hint="correct the data, then raise spec.attempt",
    ),
    StatusRow(
        name="not-yet",
        provider="openai",
        phase="Pending",
        synced=False,
        base_model=BASE,
        message="no job has been created yet",
    ),
    StatusRow(name="second-stage", provider="openai", phase="Held", hint=WAITING.hint),
    StatusRow(name="in-between", provider="openai", phase="Unknown", synced=None),
    StatusRow(name="paused-there", provider="openai", phase="Paused", synced=True),
    StatusRow(name="stopped", provider="openai", phase="Cancelled", synced=True),
)

EVENTS = (
    Event(id="ftevent-1", created_at=STARTED, level="info", message="Created fine-tuning job"),
    Event(
        id="ftevent-2",
        created_at=STARTED + 60,
        level="info",
        type="metrics",
        message="Step 240/240: training loss=0.00, validation loss=0.00, full validation loss=0.00",
        data={"step": 240, "total_steps": 240, "train_loss": 0.0, "valid_loss": float("nan")},
    ),
    Event(
        id="ftevent-3",
        created_at=STARTED + 120,
        level="warn",
        message="2 examples were longer than the model reads and were cut:\nlines 17 and 240",
    ),
)

PROBLEMS = (
    Problem(file="specs/empty.yaml", line=0, column=0, message="the file is empty"),
    Problem(
        file="specs/support.yaml",
        line=14,
        column=11,
        message="spec.method.supervised.hyperparameters.n_epoch: unknown field",
        hint="did you mean n_epochs?",
    ),
    Problem(
        file="specs/support.yaml",
        line=412,
        column=87,
        message='/messages/2/role: "assitant" is not a role (system, user, assistant, tool)',
    ),
)

MIXED_PROBLEMS = (*PROBLEMS, *WARNINGS)

CURVE = (
    MetricPoint(step=1, values={"train_loss": 1.52347, "train_mean_token_accuracy": 0.61}),
    MetricPoint(step=2, values={"train_loss": 0.98, "train_mean_token_accuracy": 0.7}),
    MetricPoint(step=1200, values={"train_loss": 0.00041, "valid_loss": 0.52, "epoch": 3}),
)
