"""What training shows: the steps of a job and its metrics file.

Pure, and deterministic from the job's record. The file is JSON lines in the flattened form that
Fireworks was seen to write in July 2026; the name of the evaluation's loss has not been seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox import curve
from reconciler.sandbox.fireworks.create_request import training_of
from reconciler.sandbox.store import Record

_USUAL_BATCH = 8  # where the trainer is left to choose
_USD_PER_MILLION_TOKENS = 0.5


def total_steps(request: Mapping[str, Any], examples: int) -> int:
    """Steps of a whole job: no batch spans two epochs."""
    training = training_of(request)
    batch = training["batchSizeSamples"] or _USUAL_BATCH
    epochs: int = training["epochs"]
    return epochs * max(1, math.ceil(examples / batch))


def estimated_cost(record: Record) -> dict[str, Any]:
    """What the job is thought to cost, as Google's Money writes it."""
    epochs = training_of(record["request"])["epochs"]
    nanos = round(record["tokens"] * epochs * _USD_PER_MILLION_TOKENS * 1_000)
    return {
        "currencyCode": "USD",
        "units": str(nanos // 1_000_000_000),
        "nanos": nanos % 1_000_000_000,
    }


def metrics_file(record: Record, progress: float) -> bytes:
    """The metrics of the steps done so far."""
    steps = record["steps"]
    done = [step for step in curve.reported(steps) if step <= steps * progress + 1e-6]
    return "".join(json.dumps(_point(record, step)) + "\n" for step in done).encode()


def _point(record: Record, step: int) -> dict[str, Any]:
    training, steps = training_of(record["request"]), record["steps"]
    per_epoch = max(1, steps // training["epochs"])
    epoch = (step - 1) // per_epoch
    point = {
        "step": step,
        "train/step": step,
        "train/epoch": epoch,
        "train/loss": curve.loss(f"{record['id']} train {step}", step / steps),
        "train/lr": training["learningRate"],
        "train/total_tokens": max(1, record["tokens"] // per_epoch),
    }
    if record["request"].get("evaluationDataset") and step % per_epoch == 0:
        loss = curve.loss(f"{record['id']} eval {step}", step / steps)
        point["eval/loss"] = round(loss + 0.05, 5)
    return point
