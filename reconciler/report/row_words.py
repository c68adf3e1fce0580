"""The words of the status table: who needs somebody, what to do next, and how many there are.

The text and the Markdown of `reconcile status` take them from here, as `report.words` has those of
plans and passes. Pure, and the standard library only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from reconciler.health import Health
from reconciler.report import words
from reconciler.report.rows import StatusRow

_NEXT_BY_PHASE = {
    "Paused": words.RESUME,
    "Failed": words.DO_AGAIN,
    "Cancelled": words.AFTER_ALL,
    "Held": "reconcile plan says what it waits for",
    "Unknown": "reconcile apply looks for the job before anything else",
}
"""The sidecar's phases that need somebody, and what to do where nothing else says it. `{}` is the
name of the spec."""

_NEED_SOMEBODY = (Health.DEGRADED, Health.SUSPENDED, Health.MISSING)

_PHASES = (
    "Pending",
    "Running",
    "Paused",
    "Succeeded",
    "Failed",
    "Cancelled",
    "Held",
    "Unknown",
)
"""The sidecar's phases, in the order of a job's life."""


def needs_somebody(row: StatusRow) -> bool:
    """Whether a row is for somebody to look at."""
    return row.phase in _NEXT_BY_PHASE or row.synced is False or row.health in _NEED_SOMEBODY


def next_action(row: StatusRow) -> str:
    """What to do about a row; "" for one that needs nobody, or whose message says it already."""
    if not needs_somebody(row):
        return ""
    told = _NEXT_BY_PHASE.get(row.phase, "reconcile apply brings it in sync")
    hint = row.hint or told.format(row.name)
    return "" if hint in row.message else hint


def counted(rows: Sequence[StatusRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How many are how healthy, and how many are in which phase: `2 healthy`, `2 succeeded`."""
    return (
        _counted((row.health for row in rows if row.health), [health.value for health in Health]),
        _counted((row.phase for row in rows), _PHASES),
    )


def _counted(found: Iterable[str], order: Sequence[str]) -> tuple[str, ...]:
    """Lower-case words with their numbers, in an order; words that it does not have come last."""
    counts = Counter(found)
    every = dict.fromkeys([*order, *sorted(counts)])
    return tuple(f"{counts[word]:,} {word.lower()}" for word in every if counts[word])
