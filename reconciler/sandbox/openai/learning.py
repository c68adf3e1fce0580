"""What training shows: losses, checkpoints and the result file.

Pure, and deterministic from the job's record: two processes, or two looks a week apart, see the
same numbers. They are made up: the loss falls smoothly, with a little noise seeded by the job's id.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.openai.catalogue import ancestor, base_model
from reconciler.sandbox.openai.wire import ORGANIZATION
from reconciler.sandbox.store import digits

KEPT_EPOCHS = 3
"""OpenAI keeps the checkpoints of the last three epochs."""

_MOST_ROWS = 1_000  # a job of a million steps reports a thousand of them
_VALIDATIONS = 20


def resolve(method: Mapping[str, Any], examples: int) -> dict[str, Any]:
    """The hyperparameters with a number for every "auto".

    The epochs follow the rule of OpenAI's cookbook: three, but more for few examples and fewer for
    very many. The others are near what real jobs were seen to get.
    """
    chosen = {
        "n_epochs": _epochs(examples),
        "batch_size": min(256, max(1, examples // 500)),
        "learning_rate_multiplier": 1.8,
        "beta": 0.1,
        "compute_multiplier": 1.0,
        "eval_interval": 5,
        "eval_samples": 1,
    }
    return {
        name: chosen[name] if value == "auto" else value
        for name, value in method["hyperparameters"].items()
    }


def total_steps(resolved: Mapping[str, Any], examples: int) -> int:
    """Steps of a whole job: no batch spans two epochs."""
    epochs, batch_size = int(resolved["n_epochs"]), int(resolved["batch_size"])
    return epochs * max(1, math.ceil(examples / batch_size))


def model_name(record: Mapping[str, Any]) -> str:
    """The fine-tuned model: `ft:<base>:<organization>:<suffix>:<8 characters>`."""
    model = record["request"]["model"]
    base = base_model(model) or ancestor(model)
    suffix = record["request"]["suffix"] or ""
    organization = ORGANIZATION.removeprefix("org-")
    return f"ft:{base.id if base else model}:{organization}:{suffix}:{code(record, 'model', 8)}"


def code(record: Mapping[str, Any], purpose: str, length: int) -> str:
    """Characters as in an id, always the same for one job and purpose."""
    return digits(_hash(record, purpose), length)


def reported_steps(record: Mapping[str, Any]) -> list[int]:
    """The steps that events and the result file tell of: all of them, or a thousand."""
    total = record["steps"]
    if total <= _MOST_ROWS:
        return list(range(1, total + 1))
    return [total * row // _MOST_ROWS for row in range(1, _MOST_ROWS + 1)]


def checkpoint_steps(record: Mapping[str, Any]) -> list[int]:
    """The ends of the last epochs, in order; the last is the final model."""
    epochs = record["resolved"]["n_epochs"]
    per_epoch = record["steps"] // epochs
    return [per_epoch * epoch for epoch in range(max(1, epochs - KEPT_EPOCHS + 1), epochs + 1)]


def checkpoint_model(record: Mapping[str, Any], step: int) -> str:
    """The name of the model saved at a step."""
    name = model_name(record)
    return name if step == record["steps"] else f"{name}:ckpt-step-{step}"


def metrics(record: Mapping[str, Any], step: int) -> dict[str, float]:
    """What was measured at a step: validation now and then, the full one at the end of an epoch."""
    if record["request"]["method"]["type"] == "reinforcement":
        return _rewards(record, step)
    loss = _loss(record, step, "train")
    measured = {"train_loss": loss, "train_mean_token_accuracy": _accuracy(loss)}
    if record["request"]["validation_file"] is None:
        return measured
    if _validates(record, step):
        loss = _loss(record, step, "valid") + 0.05
        measured |= {"valid_loss": loss, "valid_mean_token_accuracy": _accuracy(loss)}
    if _ends_epoch(record, step):
        loss = _loss(record, step, "full") + 0.05
        measured |= {"full_valid_loss": loss, "full_valid_mean_token_accuracy": _accuracy(loss)}
    return {name: round(value, 5) for name, value in measured.items()}


def result_file(record: Mapping[str, Any]) -> bytes:
    """The body of the result file: CSV in base64, as OpenAI sends it; empty where not measured."""
    if record["request"]["method"]["type"] == "reinforcement":
        columns = {name: name for name in ("train_mean_reward", "full_valid_mean_reward")}
    else:
        columns = {
            "train_loss": "train_loss",
            "train_accuracy": "train_mean_token_accuracy",
            "valid_loss": "valid_loss",
            "valid_mean_token_accuracy": "valid_mean_token_accuracy",
        }
    lines = [",".join(("step", *columns))]
    for step in reported_steps(record):
        measured = metrics(record, step)
        cells = (str(measured.get(name, "")) for name in columns.values())
        lines.append(",".join((str(step), *cells)))
    return base64.b64encode(("\n".join(lines) + "\n").encode())


def _epochs(examples: int) -> int:
    if examples * 3 < 100:  # noqa: PLR2004 - the cookbook's numbers
        return min(25, 100 // max(1, examples))
    if examples * 3 > 25_000:  # noqa: PLR2004 - the cookbook's numbers
        return max(1, 25_000 // examples)
    return 3


def _loss(record: Mapping[str, Any], step: int, purpose: str) -> float:
    way = step / record["steps"]
    noise = _hash(record, f"{purpose} loss {step}") % 2_001 / 1_000 - 1
    return round(0.35 + 1.65 * math.exp(-3 * way) + 0.03 * noise, 5)


def _accuracy(loss: float) -> float:
    return round(max(0.0, 1 - 0.28 * loss), 5)


def _rewards(record: Mapping[str, Any], step: int) -> dict[str, float]:
    measured = {"train_mean_reward": round(1 - _loss(record, step, "train") / 2.1, 5)}
    if _ends_epoch(record, step):
        measured["full_valid_mean_reward"] = round(1 - _loss(record, step, "full") / 2.05, 5)
    return measured


def _validates(record: Mapping[str, Any], step: int) -> bool:
    every: int = max(1, record["steps"] // _VALIDATIONS)
    return step % every == 0 or _ends_epoch(record, step)


def _ends_epoch(record: Mapping[str, Any], step: int) -> bool:
    per_epoch: int = record["steps"] // record["resolved"]["n_epochs"]
    return step % per_epoch == 0


def _hash(record: Mapping[str, Any], purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{record['id']} {purpose}".encode()).digest())
