"""Loss curves: the CSV files that Bedrock leaves in a job's output folder.

`adapter.metrics` reads through here. Pure. Which files there are, and what they are called, differs
between kinds of customization, so they are told by their names and read by their columns; a column
that nobody knows is kept under its own name.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable

from reconciler.model import MetricPoint

_STEP = "step_number"
_NAMES = {
    "epoch_number": "epoch",
    "training_loss": "train_loss",
    "validation_loss": "valid_loss",
}


def is_metrics(key: str) -> bool:
    """Whether an object of a job's output holds measurements, by its name."""
    name = key.rpartition("/")[2].lower()
    return name.endswith(".csv") and "metrics" in name


def points(files: Iterable[tuple[str, bytes]]) -> tuple[MetricPoint, ...]:
    """The measurements of all files, by step. Each file is its key and its content.

    Training comes first. A row without a step was measured on the finished model, and stands at the
    last step. A value measured on validation data says so in its name; a second validation file's
    values are numbered.
    """
    found: dict[int, dict[str, float]] = {}
    rest: dict[str, float] = {}
    validations = 0
    for key, content in sorted(files, key=lambda file: (_validates(file[0]), file[0])):
        validations += _validates(key)
        suffix = f"_{validations}" if validations > 1 else ""
        for row in _rows(content):
            values = {
                f"{_name(column, key)}{suffix}": number
                for column, number in row.items()
                if column != _STEP
            }
            step = row.get(_STEP)
            place = rest if step is None else found.setdefault(int(step), {})
            for name, number in values.items():
                place.setdefault(name, number)
    if rest:
        last = found.setdefault(max(found, default=0), {})
        found[max(found)] = {**rest, **last}
    return tuple(MetricPoint(step=step, values=found[step]) for step in sorted(found))


def _validates(key: str) -> bool:
    return "validation" in key.lower()


def _name(column: str, key: str) -> str:
    name = _NAMES.get(column, column)
    shared = not _validates(key) or name == "epoch" or name.startswith("valid")
    return name if shared else f"valid_{name}"


def _rows(content: bytes) -> list[dict[str, float]]:
    """The finite numbers of each row, by column; nothing where the content is no CSV."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    try:
        table = list(csv.DictReader(io.StringIO(text)))
    except csv.Error:
        return []
    rows = [
        {
            column.strip(): number
            for column, cell in row.items()
            if isinstance(column, str) and (number := _number(cell)) is not None
        }
        for row in table
    ]
    return [row for row in rows if row.keys() - {_STEP}]


def _number(cell: object) -> float | None:
    if not isinstance(cell, str):
        return None
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
