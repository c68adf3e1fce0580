"""Loss curves: what Fireworks wrote down while it trained.

`adapter.metrics` reads through here. Pure. The file is JSON lines, in one of two shapes that have
been seen: `{step, data: {"train/loss": …}}` and `{step, "train/loss": …}`; CSV is read too. Columns
that every provider has get the names they have elsewhere, all others keep their own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model import MetricPoint
from reconciler.providers.fireworks import wire

_STEP = ("step", "train/step", "global_step")
_NOT_MEASURED = (*_STEP, "timestamp", "time", "data", "_step", "_timestamp", "_runtime")

_NAMES = {
    "train/loss": "train_loss",
    "loss": "train_loss",
    "train/epoch": "epoch",
    "train/lr": "learning_rate",
    "train/learning_rate": "learning_rate",
    "train/mean_token_accuracy": "train_mean_token_accuracy",
    "eval/loss": "valid_loss",
    "eval_loss": "valid_loss",
    "validation/loss": "valid_loss",
}


def from_file(content: bytes) -> tuple[MetricPoint, ...]:
    """The points of a metrics file, by step; empty if it is none. Broken lines are passed over."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ()
    points: dict[int, dict[str, float]] = {}
    for row in _rows(text):
        inner = row.get("data")
        values = {**row, **inner} if isinstance(inner, Mapping) else row
        step = _step(values)
        measured = dict(_measured(values))
        if step is not None and measured:
            points.setdefault(step, {}).update(measured)
    return tuple(MetricPoint(step=step, values=points[step]) for step in sorted(points))


def _rows(text: str) -> Iterable[Mapping[str, Any]]:
    head = text.lstrip()
    if head[:1] in ("{", "["):
        return _json_lines(text)
    return csv.DictReader(io.StringIO(head))


def _json_lines(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, Mapping):
            yield row


def _step(values: Mapping[str, Any]) -> int | None:
    for name in _STEP:
        step = wire.number(values.get(name))
        if step is not None and step.is_integer() and step >= 0:
            return int(step)
    return None


def _measured(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        name = key.strip() if isinstance(key, str) else ""
        found = wire.number(value)
        if name and name not in _NOT_MEASURED and found is not None:
            yield _NAMES.get(name, name), found
