"""The future of a job, for any history of pausing, resuming and cancelling it."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.openai.events import events
from reconciler.sandbox.openai.timeline import TERMINAL, lay_out

CREATED = 1_790_000_000.25

FAILURES = {
    "data": {
        "code": "invalid_n_examples",
        "message": "Too few.",
        "param": None,
        "phase": "validating_files",
    },
    "midway": {"code": "server_error", "message": "Broken.", "param": None, "phase": "running"},
}


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Pauses and resumes in turn, then perhaps a cancel."""
    ages = sorted(draw(st.lists(st.floats(1.6, 100), max_size=6)))
    controls: list[dict[str, Any]] = [
        {"action": ("pause", "resume")[index % 2], "at": CREATED + age}
        for index, age in enumerate(ages)
    ]
    cancelled = draw(st.booleans())
    if ages and cancelled:
        at = CREATED + ages[-1] + draw(st.floats(0, 9))
        controls.append({"action": "cancel", "at": at})
    return controls


def record(controls: list[dict[str, Any]], failure: str | None = None) -> dict[str, Any]:
    return {
        "id": "ftjob-1",
        "created": CREATED,
        "steps": 30,
        "resolved": {"n_epochs": 3},
        "request": {
            "model": "gpt-4.1-2025-04-14",
            "suffix": None,
            "training_file": "file-1",
            "validation_file": None,
            "method": {"type": "supervised"},
        },
        "controls": controls,
        "error": FAILURES[failure] if failure else None,
        "speed": None,
    }


failures = st.sampled_from([None, "data", "midway"])
speeds = st.sampled_from([0.5, 1.0, 20.0, 1e6])


@given(histories(), failures, speeds)
def test_every_moment_belongs_to_one_status(
    controls: list[dict[str, Any]], failure: str | None, speed: float
) -> None:
    timeline = lay_out(record(controls, failure), speed)
    assert timeline.spans[0].start == 0
    for span, following in zip(timeline.spans, timeline.spans[1:], strict=False):
        assert span.end == following.start
    assert timeline.end == timeline.spans[-1].end
    assert timeline.outcome in TERMINAL


@given(histories(), speeds)
def test_a_job_succeeds_only_after_all_its_training(
    controls: list[dict[str, Any]], speed: float
) -> None:
    timeline = lay_out(record(controls), speed)
    if timeline.outcome == "succeeded" and timeline.end < math.inf:
        reached = [timeline.reached(step) for step in range(1, 31)]
        assert reached == sorted(reached)
        assert reached[-1] <= timeline.finished_at
    else:
        assert timeline.outcome == "cancelled" or timeline.spans[-1].status == "paused"


@given(histories(), failures, speeds, st.floats(0, 120))
def test_what_was_seen_of_a_job_never_changes(
    controls: list[dict[str, Any]], failure: str | None, speed: float, age: float
) -> None:
    now = CREATED + age
    past = [control for control in controls if control["at"] <= now]
    then, later = record(past, failure), record(controls, failure)
    assert lay_out(then, speed).status(now) == lay_out(later, speed).status(now)
    told = [event["id"] for event in events(then, lay_out(then, speed), now)]
    retold = [event["id"] for event in events(later, lay_out(later, speed), now)]
    assert told == retold


def test_a_job_failing_midway_never_does_its_later_steps() -> None:
    timeline = lay_out(record([], "midway"), 1.0)
    assert timeline.reached(15) <= timeline.finished_at
    assert timeline.reached(16) == math.inf
    assert timeline.outcome == "failed"
