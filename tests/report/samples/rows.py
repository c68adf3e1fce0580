"""Rows of the status table, as `reconciler.cli` fills them."""

from __future__ import annotations

from reconciler.report.rows import StatusRow
from tests.report.samples.jobs import BASE, NOW, STARTED, TUNED
from tests.report.samples.steps import WAITING

ROWS = (
    StatusRow(
        name="support-bot",
        provider="openai",
        phase="Succeeded",
        sync="Synced",
        health="Healthy",
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
        sync="Synced",
        health="Progressing",
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
        sync="Synced",
        health="Degraded",
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
        sync="OutOfSync",
        health="Missing",
        synced=False,
        base_model=BASE,
        message="no job has been created yet",
        hint="reconcile apply creates it",
    ),
    StatusRow(
        name="second-stage",
        provider="openai",
        phase="Held",
        sync="OutOfSync",
        health="Missing",
        message=WAITING.message,
        hint=WAITING.hint,
    ),
    StatusRow(
        name="in-between",
        provider="openai",
        phase="Unknown",
        sync="Unknown",
        health="Progressing",
    ),
    StatusRow(
        name="paused-there",
        provider="openai",
        phase="Paused",
        sync="Synced",
        health="Suspended",
        synced=True,
        hint="to let it go on: reconcile resume paused-there",
    ),
    StatusRow(
        name="stopped",
        provider="openai",
        phase="Cancelled",
        sync="Synced",
        health="Degraded",
        synced=True,
        hint="it stays cancelled; to train again, raise spec.attempt",
    ),
    StatusRow(
        name="overdue",
        provider="openai",
        phase="Running",
        sync="Synced",
        health="Degraded",
        synced=True,
        created_at=int(NOW) - 7 * 3600,
        hint="it is past its deadline; to stop it: reconcile cancel overdue",
    ),
)
"""With every word of sync, of health and of phase."""
