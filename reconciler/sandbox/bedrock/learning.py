"""What training shows: losses, and the CSV files that Bedrock leaves in S3.

Pure, and deterministic from the job's record. Columns and names are those of AWS's guide; where the
guide and AWS's sample code differ (a folder `validation` more), the files lie where the sample code
looks, for it was run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from reconciler.sandbox import curve
from reconciler.sandbox.store import Record

_TRAINING_FILE = "training_artifacts/step_wise_training_metrics.csv"
_VALIDATION_FILE = (
    "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
)
_USUAL_BATCH = 8  # where a family has no batch size of its own


def total_steps(hyperparameters: Record, records: int) -> int:
    """Steps of a whole job: no batch spans two epochs."""
    batch = _number(hyperparameters.get("batchSize"), _USUAL_BATCH)
    per_epoch = max(1, math.ceil(records / batch))
    given = hyperparameters.get("stepCount")
    if given is not None:
        return _number(given, per_epoch)
    return per_epoch * _number(hyperparameters.get("epochCount"), 2)


def training_loss(record: Record) -> float:
    """The loss that a completed job ends with."""
    return curve.loss(f"{record['id']} training {record['steps']}", 1.0)


def validation_loss(record: Record, validator: int) -> float:
    """The loss on one of the validation sets, by its position."""
    return round(curve.loss(f"{record['id']} validation {validator}", 1.0) + 0.05, 5)


def result_files(record: Record) -> dict[str, bytes]:
    """The files that a completed job leaves, by their place under its output location."""
    folder = f"model-customization-job-{record['id']}"
    files = {f"{folder}/{_TRAINING_FILE}": _csv("training_loss", _training_rows(record))}
    if record["request"]["validationDataConfig"]["validators"]:
        rows = _validation_rows(record)
        files[f"{folder}/{_VALIDATION_FILE}"] = _csv("validation_loss", rows)
    return files


def _training_rows(record: Record) -> Iterator[tuple[int, int, float]]:
    per_epoch = _steps_per_epoch(record)
    for step in curve.reported(record["steps"]):
        loss = curve.loss(f"{record['id']} training {step}", step / record["steps"])
        yield step - 1, (step - 1) // per_epoch, loss


def _validation_rows(record: Record) -> Iterator[tuple[int, int, float]]:
    """The loss at the end of every epoch; the last is that of the first validation set."""
    per_epoch = _steps_per_epoch(record)
    ends = [*range(per_epoch, record["steps"], per_epoch), record["steps"]]
    for epoch, step in enumerate(ends):
        loss = curve.loss(f"{record['id']} validation {step}", step / record["steps"]) + 0.05
        last = step == record["steps"]
        yield step - 1, epoch, validation_loss(record, 0) if last else round(loss, 5)


def _steps_per_epoch(record: Record) -> int:
    epochs = _number(record["request"]["hyperParameters"].get("epochCount"), 1)
    steps: int = record["steps"]
    return max(1, steps // epochs)


def _csv(loss: str, rows: Iterator[tuple[int, int, float]]) -> bytes:
    lines = [f"step_number,epoch_number,{loss},perplexity"]
    lines += [f"{step},{epoch},{value},{round(math.exp(value), 5)}" for step, epoch, value in rows]
    return ("\n".join(lines) + "\n").encode()


def _number(text: Any, otherwise: int) -> int:
    """A whole number as text; `otherwise` where there is none or it is left to AWS ("auto")."""
    return int(text) if text is not None and str(text).isdigit() else otherwise
