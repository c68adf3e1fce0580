"""What the reports look like, kept in files that read as documentation.

Every case is rendered and compared with a file of tests/report/golden. After a change that is
meant, write the files anew and read their diff:

    REGENERATE_GOLDEN=1 python -m pytest tests/report/test_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from reconciler.model import Outcome, Result
from reconciler.report import choose
from tests.report import samples

GOLDEN = Path(__file__).parent / "golden"
SMALL_PLAN = samples.make_plan(
    samples.CREATE, samples.TRAIN_AGAIN, samples.IN_SYNC, samples.WAITING
)

CASES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "plan": ("plan", (SMALL_PLAN,)),
    "plan-every-reason": ("plan", (samples.make_plan(*samples.EVERY_STEP),)),
    "plan-large": ("plan", (samples.LARGE,)),
    "plan-in-sync": ("plan", (samples.make_plan(samples.IN_SYNC),)),
    "plan-empty": ("plan", (samples.make_plan(),)),
    "apply": ("pass_result", (samples.OUTCOMES,)),
    "apply-nothing-to-do": (
        "pass_result",
        ([Outcome(step=samples.IN_SYNC, result=Result.UNCHANGED)],),
    ),
    "apply-empty": ("pass_result", ([],)),
    "apply-waited": ("pass_result", (samples.WAITED_FOR,)),
    "pause": ("pass_result", ([samples.PAUSED_BY_HAND],)),
    "status": ("status", (samples.ROWS, samples.NOW)),
    "status-empty": ("status", ([], samples.NOW)),
    "events": ("events", (samples.EVENTS,)),
    "events-empty": ("events", ([],)),
    "metrics": ("metrics", (samples.CURVE,)),
    "metrics-empty": ("metrics", ([],)),
    "validate": ("problems", (samples.MIXED_PROBLEMS, 41)),
    "validate-sound": ("problems", ([], 41)),
    "state-list": (
        "state_list",
        ([samples.BOUND_RECORD, samples.PENDING_RECORD, samples.REJECTED_RECORD],),
    ),
    "state-list-empty": ("state_list", ([],)),
    "state-show": ("state_show", (samples.BOUND_RECORD,)),
    "state-show-rejected": ("state_show", (samples.REJECTED_RECORD,)),
}
WIDTHS = {80: CASES, 100: ("plan", "plan-every-reason"), 120: ("status",), 160: ("plan", "status")}
JSON_CASES = tuple(name for name in CASES if name not in ("plan-every-reason", "plan-large"))
"""A plan of two hundred steps teaches no more than one of four."""

PLATFORM_CASES = {
    "markdown": (
        "plan",
        "plan-in-sync",
        "apply",
        "apply-waited",
        "pause",
        "status",
        "validate",
    ),
    "github": ("plan", "apply", "apply-waited", "validate"),
}
SUFFIXES = {"markdown": "md", "github": "github.txt"}


def rendered(format_: str, name: str, **layout: Any) -> str:
    function, arguments = CASES[name]
    result = getattr(choose(format_), function)(*arguments, **layout)
    assert isinstance(result, str)
    return f"{result}\n"


def options(name: str) -> dict[str, Any]:
    """What `cli` hands over beside the plan itself."""
    return {"checksum": "c4" * 32, "budget": 500.0} if name == "plan" else {}


def compare(path: Path, found: str) -> None:
    if os.environ.get("REGENERATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("width", "name"), [(width, name) for width, names in WIDTHS.items() for name in names]
)
def test_text(width: int, name: str) -> None:
    compare(GOLDEN / f"{name}.{width}.txt", rendered("text", name, width=width))


@pytest.mark.parametrize("name", JSON_CASES)
def test_json(name: str) -> None:
    compare(GOLDEN / f"{name}.json", rendered("json", name, **options(name)))


@pytest.mark.parametrize(
    ("format_", "name"),
    [(format_, name) for format_, names in PLATFORM_CASES.items() for name in names],
)
def test_what_a_platform_shows(format_: str, name: str) -> None:
    path = GOLDEN / f"{name}.{SUFFIXES[format_]}"
    compare(path, rendered(format_, name, **options(name)))


def test_every_golden_file_belongs_to_a_case() -> None:
    texts = {f"{name}.{width}.txt" for width, names in WIDTHS.items() for name in names}
    documents = {f"{name}.json" for name in JSON_CASES}
    shown = {f"{n}.{SUFFIXES[f]}" for f, names in PLATFORM_CASES.items() for n in names}
    assert {path.name for path in GOLDEN.iterdir()} == texts | documents | shown
