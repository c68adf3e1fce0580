"""Loss curves: what an OpenAI-shaped server wrote down while it trained.

`adapter.metrics` reads through here. Pure. Columns are read by name and kept whatever they are
called: their names differ between years, methods and servers.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model import Event, MetricPoint
from reconciler.providers.openai import wire

_STEP = "step"
_NOT_MEASURED = (_STEP, "total_steps")


def from_file(content: bytes) -> tuple[MetricPoint, ...]:
    """The points of a result file, by step; empty if it is none.

    OpenAI documents CSV and answers base64 of CSV (seen in the wild); both are read. Cells may be
    empty: not every column is measured at every step.
    """
    text = _csv_text(content)
    if text is None:
        return ()
    points: dict[int, dict[str, float]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        _add(points, {key.strip(): cell for key, cell in row.items() if isinstance(key, str)})
    return _by_step(points)


def from_events(events: Iterable[Event]) -> tuple[MetricPoint, ...]:
    """The points in a job's events of type metrics, by step."""
    points: dict[int, dict[str, float]] = {}
    for event in events:
        if event.type == "metrics":
            _add(points, event.data)
    return _by_step(points)


def _add(points: dict[int, dict[str, float]], row: Mapping[str, Any]) -> None:
    step = wire.whole(row.get(_STEP))
    if step is not None:
        measured = {key: value for key, value in row.items() if key not in _NOT_MEASURED}
        points.setdefault(step, {}).update(wire.numbers(measured))


def _by_step(points: dict[int, dict[str, float]]) -> tuple[MetricPoint, ...]:
    return tuple(MetricPoint(step=step, values=points[step]) for step in sorted(points))


def _csv_text(content: bytes) -> str | None:
    text = _decoded(content)
    if text is not None and _looks_like_csv(text):
        return text
    try:
        inside = base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    text = _decoded(inside)
    return text if text is not None and _looks_like_csv(text) else None


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _looks_like_csv(text: str) -> bool:
    header = text.lstrip().partition("\n")[0]
    return _STEP in (cell.strip() for cell in header.split(","))
