"""The nouns of the house: frozen values that the rooms hand to each other.

Everyone imports this module and it imports the standard library, `errors` and `cost` only. It holds
no behaviour but what follows from a value alone; no clock, no I/O, no provider's words.

Times are unix seconds. Mappings are read-only by convention: `dataclasses.replace`, never mutate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.cost import BaseModel, Estimate
from reconciler.errors import Problem, Remedy

Tell = Callable[[str, int, int], None]
"""Somebody to tell how far something has got: its name, bytes done, bytes in all."""


class JobStatus(StrEnum):
    """A job's status in the words of OpenAI's `fine_tuning.job` object, for every provider.

    `PAUSED` is returned by OpenAI's /pause though its enum lacks it. `UNKNOWN` is a word we do
    not know: such a job is not over.
    """

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """Whether the job is over for good."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, in the provider's words."""

    code: str | None
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a provider runs: one shape for all of them. `None` means the provider does not say.

    `stamp` is the token the job carries, or the last 16 characters of it where a provider leaves
    room for no more. `provider_status` is the provider's own word, kept as it came.
    """

    id: str
    status: JobStatus
    provider_status: str
    stamp: str | None = None
    created_at: int | None = None
    finished_at: int | None = None
    estimated_finish: int | None = None
    model: str | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()
    error: JobError | None = None
    hyperparameters: Mapping[str, Any] | None = None
    seed: int | None = None
    organization_id: str | None = None
    integrations: tuple[Mapping[str, Any], ...] = ()
    method: Mapping[str, Any] | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's log. `data` holds numbers such as step, total_steps and train_loss."""

    id: str
    created_at: int
    level: str
    message: str
    type: str = "message"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model saved on the way. `model` can be used like the final one."""

    id: str
    model: str
    step: int
    created_at: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One row of a job's loss curve. `values` may hold columns this program has never heard of."""

    step: int
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a spec came from. `path` is relative to the repository, with `/`."""

    path: str
    line: int = 0
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A training or validation file: local bytes (`path`, `sha256`) or the provider's reference.

    `path` is relative to the repository, with `/`. `present` is false where a pinned file is not
    in this checkout: such a spec can be planned, and uploaded only by someone who has the bytes.
    """

    path: str | None = None
    sha256: str | None = None
    size: int | None = None
    examples: int | None = None
    format: str | None = None
    present: bool = False
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What the user wants, complete: defaults applied, data hashed, identity stamped.

    `model` is the base model, or None while `model_from` names the spec whose model it will be.
    `hyperparameters` are those of `method`, without those left to the provider ("auto").
    `method_options` is the rest of the method's section (the grader of reinforcement).
    `top_level_hyperparameters` says that the spec was written in the older form of the API, so
    that a server which knows no `method` is spoken to as its user wrote.
    `section` is the part of the spec named after the provider's type.
    `conversion` names what happens to the data on its way up, "" for nothing: the provider reads
    another form than the one it is written in. `translation` says in lines what else becomes of the
    portable words. `unready` is what reconciler.yaml lacks for this spec, with `unready_hint`.
    `base` is what the table of base models says of the model at the beginning of the chain.
    `warnings` are what the data's checks found that stops nothing. `deadline` is in seconds from a
    job's creation. `retry` counts the attempts made by themselves, see `reconciler.retries`.
    `previous_names` are what the spec was called before, the newest first.
    `identity` is the document whose hash is `digest`; see `reconciler.identity`.
    """

    namespace: str
    name: str
    provider: str
    provider_type: str
    model: str | None
    model_from: str | None = None
    method: str = "supervised"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    method_options: Mapping[str, Any] = field(default_factory=dict)
    top_level_hyperparameters: bool = False
    training: Dataset
    validation: Dataset | None = None
    suffix: str | None = None
    seed: int | None = None
    integrations: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    section: Mapping[str, Any] = field(default_factory=dict)
    conversion: str = ""
    translation: tuple[str, ...] = ()
    unready: str = ""
    unready_hint: str = ""
    base: BaseModel | None = None
    warnings: tuple[Problem, ...] = ()
    attempt: int = 0
    retry: int = 0
    retry_limit: int = 0
    deadline: float | None = None
    previous_names: tuple[str, ...] = ()
    suspend: bool = False
    deletion_policy: str = "orphan"
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Source
    identity: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """Uploaded bytes: what a provider calls them. `expires_at` None means kept until deleted."""

    reference: str
    sha256: str
    size: int
    uploaded_at: int
    expires_at: int | None = None


class Binding(StrEnum):
    """How far the tie between a token and a job has got."""

    PENDING = "pending"  # about to be created, or created and not yet known
    REJECTED = "rejected"  # the provider surely created nothing
    BOUND = "bound"  # the job's id is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why the provider created nothing. `retry_at` None means: not again by itself."""

    remedy: Remedy
    code: str
    message: str
    at: float
    retry_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What state knows of one token.

    `pending_since` is when its last create went out, or when waiting for its answer was given up.
    `estimate` is what its create was expected to train on and to cost. `stopped_because` says why
    this program cancelled the job, where it did; `model_deleted` that the model is gone.
    """

    token: str
    namespace: str
    name: str
    digest: str
    identity: Mapping[str, Any]
    attempt: int
    provider: str
    scope: str
    source: Source
    training: Dataset
    validation: Dataset | None = None
    deletion_policy: str = "orphan"
    binding: Binding
    pending_since: float | None = None
    rejection: Rejection | None = None
    estimate: Estimate | None = None
    stopped_because: str | None = None
    model_deleted: bool = False
    job: Job | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All we remember. `lineage` never changes, `serial` rises by one with every write.

    `files` is keyed by the provider's scope, then by sha256.
    """

    lineage: str
    serial: int = 0
    records: Mapping[str, Record] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, FileRef]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What looking for one token showed: jobs, oldest first; none; or why we could not look."""

    jobs: tuple[Job, ...] = ()
    error: str | None = None


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    ADOPT = "adopt"
    REFRESH = "refresh"
    NOOP = "noop"
    HOLD = "hold"
    ORPHAN = "orphan"
    CANCEL = "cancel"


class Reason(StrEnum):
    """Why a step does what it does: the right-hand column of the decision table."""

    MISSING = "Missing"
    PENDING_NOT_FOUND = "PendingNotFound"
    RETRY_REJECTED = "RetryRejected"
    RETRY_FAILED = "RetryFailed"
    TOKEN_MATCH = "TokenMatch"  # noqa: S105 - the token is a public name, not a secret
    STATUS_CHANGED = "StatusChanged"
    UP_TO_DATE = "UpToDate"
    PROVIDER_UNAVAILABLE = "ProviderUnavailable"
    CREATE_OUTCOME_UNKNOWN = "CreateOutcomeUnknown"
    CREATE_REJECTED = "CreateRejected"
    JOB_MISSING = "JobMissing"
    SUSPENDED = "Suspended"
    WAITING_FOR_SPEC = "WaitingForSpec"
    DATA_ABSENT = "DataAbsent"
    NOT_CONFIGURED = "NotConfigured"
    MODEL_CLOSED = "ModelClosed"
    MODEL_DELETED = "ModelDeleted"
    SAME_TRAINING = "SameTraining"
    MODEL_SHUTS_DOWN = "ModelShutsDown"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    NO_SPEC = "NoSpec"
    PRUNED = "Pruned"
    REQUESTED = "Requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field in which a spec differs from what its name was last trained with."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decision: action and reason, the values it was made from, and words for a person.

    `job` is the one observed (the oldest, where several carry the token; the rest are
    `duplicates`). `previous` is the record this spec's name was last trained as. `base_model` is
    the model a create would name. `message` says why, `hint` what the user can do, `warning` what
    to know about a step that is done all the same. `estimate` is what a create would train on and
    cost, None where nobody can tell.
    """

    action: Action
    reason: Reason
    token: str
    name: str
    provider: str
    spec: JobSpec | None = None
    record: Record | None = None
    job: Job | None = None
    duplicates: tuple[Job, ...] = ()
    previous: Record | None = None
    changes: tuple[Change, ...] = ()
    base_model: str | None = None
    estimate: Estimate | None = None
    message: str = ""
    hint: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would happen, in the order of the specs, decided against one serial of one state."""

    steps: tuple[Step, ...]
    lineage: str
    serial: int

    def of(self, *actions: Action) -> tuple[Step, ...]:
        """The steps with one of these actions."""
        return tuple(step for step in self.steps if step.action in actions)

    @property
    def changes_anything(self) -> bool:
        """Whether apply would create, tie or cancel a job."""
        return bool(self.of(Action.CREATE, Action.ADOPT, Action.CANCEL))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the checks of the data found that stops nothing, each once, by file and line."""
        found = {warning for step in self.steps if step.spec for warning in step.spec.warnings}
        return tuple(sorted(found))

    @property
    def usd(self) -> tuple[float, float]:
        """The likeliest and the highest cost of all creates whose price is known."""
        estimates = [step.estimate for step in self.of(Action.CREATE) if step.estimate]
        return sum(e.usd or 0.0 for e in estimates), sum(e.usd_high or 0.0 for e in estimates)

    @property
    def unpriced(self) -> tuple[Step, ...]:
        """The creates whose cost nobody can tell."""
        creates = self.of(Action.CREATE)
        return tuple(step for step in creates if step.estimate is None or step.estimate.usd is None)


class Result(StrEnum):
    """How a step ended."""

    CREATED = "created"
    ADOPTED = "adopted"
    REFRESHED = "refreshed"
    UNCHANGED = "unchanged"
    HELD = "held"
    REJECTED = "rejected"  # the provider refused the create
    UNKNOWN = "unknown"  # the create may have reached the provider
    FAILED = "failed"  # the step could not be carried out; nothing was created
    CANCELLED = "cancelled"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a step. `record` is what state now holds for its token, if anything."""

    step: Step
    result: Result
    record: Record | None = None
    message: str = ""
    hint: str = ""
