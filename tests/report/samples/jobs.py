"""Jobs, their data, their events and their curve, as providers tell of them."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model import Dataset, Event, Job, JobError, JobStatus, MetricPoint

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
CURVE = (
    MetricPoint(step=1, values={"train_loss": 1.52347, "train_mean_token_accuracy": 0.61}),
    MetricPoint(step=2, values={"train_loss": 0.98, "train_mean_token_accuracy": 0.7}),
    MetricPoint(step=1200, values={"train_loss": 0.00041, "valid_loss": 0.52, "epoch": 3}),
)
