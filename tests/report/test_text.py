"""What a person reads: nothing lost, nothing obeyed, always a next step."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from reconciler.errors import Problem
from reconciler.model import Action, Event, Outcome, Reason, Result
from reconciler.report import text
from reconciler.report.rows import StatusRow
from tests.fakes import make_spec
from tests.report import samples

EVERY_PLAN = samples.make_plan(*samples.EVERY_STEP)
NASTY = "[bold]kept[/bold] [/] \x1b]0;gone\x07\x1b[31m\rred \u202e \x9b2J"
LONGEST_NAME = "a-name-that-is-as-long-as-a-name-may-be1"

REPORTS: dict[str, Callable[..., str]] = {
    "plan": lambda **layout: text.plan(EVERY_PLAN, **layout),
    "apply": lambda **layout: text.pass_result(samples.OUTCOMES, **layout),
    "status": lambda **layout: text.status(samples.ROWS, samples.NOW, **layout),
    "events": lambda **layout: text.events(samples.EVENTS, **layout),
    "state-list": lambda **layout: text.state_list(
        [samples.BOUND_RECORD, samples.PENDING_RECORD, samples.REJECTED_RECORD], **layout
    ),
    "state-show": lambda **layout: text.state_show(samples.BOUND_RECORD, **layout),
    "state-show-rejected": lambda **layout: text.state_show(samples.REJECTED_RECORD, **layout),
}
ALL_REPORTS = REPORTS | {"validate": lambda **layout: text.problems(samples.PROBLEMS, 41, **layout)}


@pytest.mark.parametrize("width", [1, 20, 40, 80, 100, 160])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_keeps_the_width_and_every_character(report: Callable[..., str], width: int) -> None:
    narrow, wide = report(width=width), report(width=10_000)
    assert max(map(cell_len, narrow.split("\n"))) <= max(width, 20)
    assert not re.search(r"[ \t]$", narrow, re.MULTILINE)
    placeholders = r"\s|-|·|PROVIDER|TOKENS|MODEL|tokens"  # what stands beneath needs no column
    assert sorted(re.sub(placeholders, "", narrow)) == sorted(re.sub(placeholders, "", wide))


@pytest.mark.parametrize("report", ALL_REPORTS.values(), ids=ALL_REPORTS)
def test_a_colour_says_nothing_the_words_do_not(report: Callable[..., str]) -> None:
    coloured = report(width=90, color=True)
    assert "\x1b[" in coloured
    assert re.sub("\x1b\\[[0-9]*m", "", coloured) == report(width=90)


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text.plan(EVERY_PLAN, color=True, width=90)
    for name, value in (("NO_COLOR", "1"), ("COLUMNS", "30"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert text.plan(EVERY_PLAN, color=True, width=90) == before


@pytest.mark.parametrize("color", [False, True])
def test_what_a_provider_says_is_shown_and_not_obeyed(color: bool) -> None:
    job = replace(samples.FAILED, id=NASTY, provider_status=NASTY, fine_tuned_model=NASTY)
    step = replace(
        samples.ADOPT,
        name=NASTY,
        provider=NASTY,
        job=job,
        message=NASTY,
        hint=NASTY,
        duplicates=(job,),
    )
    record = replace(samples.BOUND_RECORD, job=job, token=NASTY, scope=NASTY)
    row = StatusRow(name=NASTY, provider=NASTY, phase=NASTY, message=NASTY, hint=NASTY)
    problem = Problem(file=NASTY, line=1, column=1, message=NASTY, hint=NASTY)
    outcome = Outcome(step=step, result=Result.FAILED, message=NASTY, hint=NASTY)
    for found in (
        text.plan(samples.make_plan(step), color=color),
        text.pass_result([outcome], color=color),
        text.status([row], samples.NOW, color=color),
        text.events([Event(id="e", created_at=1, level=NASTY, message=NASTY)], color=color),
        text.problems([problem], 1, color=color),
        text.state_list([record], color=color),
        text.state_show(record, color=color),
    ):
        plain = re.sub("\x1b\\[(1|2|31|32|33|36|0)m", "", found) if color else found
        assert {c for c in plain if not c.isprintable()} <= {"\n"}
        assert "[bold]kept[/bold] [/]" in plain
        assert r"\x1b]0;gone\x07" in plain
        assert r"\u202e" in plain


def test_every_held_or_failed_step_says_what_to_do_next() -> None:
    troubled = [
        step
        for step in samples.EVERY_STEP
        if step.action is Action.HOLD or (step.job and step.job == samples.FAILED)
    ]
    assert len(troubled) == 14
    for step in troubled:
        assert "→ " in text.plan(samples.make_plan(replace(step, hint="", message="")))


def test_a_plan_of_up_to_twenty_steps_lists_them_all() -> None:
    steps = [replace(samples.IN_SYNC, name=f"spec-{number}") for number in range(20)]
    found = text.plan(samples.make_plan(*steps))
    assert all(f"spec-{number} " in found for number in range(20))
    folded = text.plan(samples.make_plan(*steps, samples.IN_SYNC))
    assert folded == "  in sync  21 more, not listed\nPlan: 21 in sync"


def test_a_large_plan_still_lists_what_needs_eyes() -> None:
    found = text.plan(samples.LARGE)
    assert "178 more, not listed" in found
    assert "spec-001" not in found
    for name in ("support-bot", "legacy-faq", "still-failed", "ticket-tags"):
        assert name in found
    assert found.endswith("Plan: 1 to create, 180 in sync, 1 held, 1 duplicate job · about $0.77")


def test_duplicates_are_listed_by_id_with_what_to_do() -> None:
    step = replace(samples.ADOPT, hint="")
    found = text.plan(samples.make_plan(step), width=120)
    assert "also on ftjob-Bb2222 · running · since 2026-11-23T11:00:00Z\n" in found
    assert "also on ftjob-Cc3333 · succeeded\n" in found
    assert "→ look at them and cancel what is not wanted: each is paid for" in found


def test_names_of_forty_characters_do_not_push_the_details_away() -> None:
    steps = [replace(samples.CREATE, name=LONGEST_NAME), samples.CREATE]
    found = text.plan(samples.make_plan(*steps), width=80).split("\n")
    assert found[0] == f"  create  {LONGEST_NAME}"
    assert found[1].startswith(" " * 32 + "openai · ")


def test_a_plan_says_what_validation_data_and_attempts_add() -> None:
    spec = make_spec(training=samples.SUPPORT, validation=samples.INTENTS, attempt=2)
    step = samples.make_step(Action.CREATE, Reason.MISSING, spec=spec)
    found = text.plan(samples.make_plan(step), width=160)
    assert "812 examples · 1,920 to validate · cost unknown · attempt 2" in found


def test_a_pass_lists_what_matters_and_counts_the_rest() -> None:
    unchanged = [Outcome(step=samples.IN_SYNC, result=Result.UNCHANGED)] * 178
    found = text.pass_result([*unchanged, samples.OUTCOMES[0]], width=160)
    assert found.count("\n") == 1
    assert found.endswith("Result: 1 created, 178 unchanged")


def test_what_was_created_is_not_explained_again() -> None:
    assert "no job carries this spec yet" not in text.pass_result(samples.OUTCOMES[:1])


def test_a_created_job_still_warns_of_the_one_it_replaces() -> None:
    found = text.pass_result(samples.OUTCOMES[1:2])
    assert "→ the job it replaces goes on: reconcile cancel ftjob-8aX2kQ" in found


def test_the_model_stands_in_the_table_where_there_is_room() -> None:
    assert "AGE  MODEL" in text.status(samples.ROWS, samples.NOW, width=170)
    assert "MODEL" not in text.status(samples.ROWS, samples.NOW, width=120)


def test_the_columns_of_a_narrow_page_are_the_words_that_matter_most() -> None:
    (title, *lines) = text.status(samples.ROWS, samples.NOW, width=80).split("\n")
    assert title.split() == ["NAME", "SYNC", "HEALTH", "PHASE", "PROVIDER", "AGE"]
    assert lines[1].strip() == "51,204 tokens ·"
    (title, *lines) = text.status(samples.ROWS, samples.NOW, width=70).split("\n")
    assert title.split() == ["NAME", "SYNC", "HEALTH", "PHASE", "AGE"]
    assert lines[1].strip() == "openai · 51,204 tokens ·"


def test_short_names_keep_all_but_the_model_in_eighty_columns() -> None:
    (title, first, beneath, *_) = text.status(samples.ROWS[:2], samples.NOW, width=80).split("\n")
    assert title.split() == ["NAME", "SYNC", "HEALTH", "PHASE", "PROVIDER", "TOKENS", "AGE"]
    assert first.split() == [
        "support-bot", "Synced", "Healthy", "Succeeded", "openai", "51,204", "3h",
    ]  # fmt: skip
    assert beneath.strip() == samples.TUNED


@pytest.mark.parametrize(
    ("health", "code"),
    [("Healthy", 32), ("Progressing", 36), ("Degraded", 31), ("Suspended", 33), ("Missing", 33)],
)
def test_health_has_a_colour(health: str, code: int) -> None:
    row = StatusRow(name="n", provider="p", phase="Held", sync="OutOfSync", health=health)
    found = text.status([row], 0, color=True)
    assert f"\x1b[{code}m{health}\x1b[0m" in found
    assert "\x1b[33mOutOfSync\x1b[0m" in found


def test_what_somebody_asked_for_is_answered() -> None:
    found = text.pass_result([samples.PAUSED_BY_HAND], width=100)
    assert "ftjob-8aX2kQ is paused" in found
    assert found.count("reconcile resume") == 1


def test_a_job_that_is_paused_can_be_told_to_go_on() -> None:
    found = text.plan(samples.make_plan(samples.PAUSED))
    assert "→ to let it go on: reconcile resume paused-there" in found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"phase": "Running"}, "", id="healthy"),
        pytest.param({"phase": "Running", "message": "step 3"}, "", id="healthy, with a message"),
        pytest.param(
            {"phase": "Failed", "message": "no data", "hint": "add data"},
            "no data → add data",
            id="failed",
        ),
        pytest.param(
            {"phase": "Held", "message": "suspended: set it to false", "hint": "set it to false"},
            "suspended: set it to false",
            id="a hint the message holds is not said twice",
        ),
        pytest.param(
            {"phase": "Pending", "synced": False},
            "→ reconcile apply brings it in sync",
            id="not in sync",
        ),
        pytest.param(
            {"phase": "Running", "last_succeeded_model": "ft:old"},
            "last succeeded: ft:old",
            id="an older model can be used",
        ),
        pytest.param(
            {"phase": "Running", "health": "Degraded", "hint": "reconcile cancel n"},
            "→ reconcile cancel n",
            id="late",
        ),
        pytest.param(
            {"phase": "Succeeded", "health": "Missing", "hint": "raise spec.attempt"},
            "→ raise spec.attempt",
            id="its model was deleted",
        ),
        pytest.param(
            {"phase": "Paused"}, "→ to let it go on: reconcile resume n", id="paused, by its phase"
        ),
        pytest.param(
            {"phase": "Succeeded", "last_succeeded_model": "ft:1", "fine_tuned_model": "ft:1"},
            "",
            id="the newest model is the one",
        ),
    ],
)
def test_beneath_a_row_stands_what_somebody_has_to_know(
    fields: dict[str, Any], expected: str
) -> None:
    row = StatusRow(name="n", provider="p", **fields)
    table = text.status([row], samples.NOW).split("\n")
    assert " ".join(" ".join(table[2:-1]).split()) == expected


def test_an_unknown_phase_is_counted_too() -> None:
    rows = [StatusRow(name="n", provider="p", phase=phase) for phase in ("Resting", "Running")]
    assert text.status(rows, 0).endswith("2 specs: 1 running, 1 resting")
    known = [
        replace(row, health=health) for row, health in zip(rows, ("Odd", "Healthy"), strict=True)
    ]
    assert text.status(known, 0).endswith("2 specs: 1 healthy, 1 odd · 1 running, 1 resting")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (41, "3 problems in 2 of 41 files"),
        (2, "3 problems in 2 of 2 files"),
        (1, "3 problems in 2 files"),
    ],
)
def test_problems_are_counted_among_the_files(files: int, expected: str) -> None:
    assert text.problems(samples.PROBLEMS, files).endswith(f"\n{expected}")


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        (samples.MIXED_PROBLEMS, "3 problems, 5 warnings in 4 of 41 files"),
        (samples.WARNINGS, "5 warnings in 2 of 41 files"),
        (samples.WARNINGS[:1], "1 warning in 1 of 41 files"),
        (samples.PROBLEMS[:1], "1 problem in 1 of 41 files"),
    ],
)
def test_errors_and_warnings_are_counted_apart(
    problems: tuple[Problem, ...], expected: str
) -> None:
    assert text.problems(problems, 41).split("\n")[-1] == expected


def test_a_warning_says_that_it_is_one() -> None:
    found = text.problems(samples.WARNINGS[:1], 1, color=True)
    place = "\x1b[1mspecs/data/support.train.jsonl:412:1: \x1b[0m"
    assert found.startswith(f"{place}warning: the same example as line 402 (remove it")


def test_a_plan_folds_the_warnings_of_each_data_file() -> None:
    found = text.plan(samples.make_plan(samples.AUTOMATIC), width=120)
    assert "  specs/data/support.train.jsonl · 4 warnings\n    412:1: the same example" in found
    assert "501:1" in found
    assert "777:1" not in found
    assert "  → reconcile validate tells them all\nPlan: " in found


def test_a_plan_that_tells_every_warning_sends_nobody_to_validate() -> None:
    spec = replace(samples.AUTOMATIC.spec, warnings=samples.WARNINGS[:3])  # type: ignore[type-var]
    found = text.plan(samples.make_plan(replace(samples.AUTOMATIC, spec=spec)))
    assert "3 warnings" in found
    assert "reconcile validate" not in found


def test_the_warnings_of_many_files_are_counted_beyond_the_first() -> None:
    many = tuple(replace(samples.WARNINGS[0], file=f"data/{number}.jsonl") for number in range(9))
    spec = replace(samples.AUTOMATIC.spec, warnings=many)  # type: ignore[type-var]
    found = text.plan(samples.make_plan(replace(samples.AUTOMATIC, spec=spec)))
    assert found.count("data/") == 5
    assert "  4 warnings in 4 more files\n  → reconcile validate tells them all" in found


def test_a_plan_says_what_it_costs_of_what_is_allowed() -> None:
    plan = samples.make_plan(samples.CREATE, samples.UNPRICED, samples.LOST)
    found = text.plan(plan, budget=500.0)
    assert found.endswith("Plan: 3 to create · about $0.77 of $500 + 2 of unknown cost")


def test_a_warning_of_a_step_stands_on_its_own_line() -> None:
    found = text.plan(samples.make_plan(samples.AUTOMATIC), width=160)
    assert re.search(r"^ +warning: gpt-4.1-mini-2025-04-14 shuts down", found, re.MULTILINE)


def test_a_record_tells_what_this_program_did_to_its_job() -> None:
    record = replace(
        samples.BOUND_RECORD, stopped_because="longer than its deadline", model_deleted=True
    )
    lines = [" ".join(line.split()) for line in text.state_show(record).split("\n")]
    assert "cancelled here longer than its deadline" in lines
    assert "model deleted while no spec asked for it" in lines


def test_a_problem_keeps_its_line_to_itself() -> None:
    found = text.problems(samples.PROBLEMS, 41, width=30).split("\n")
    assert found[:-1] == [str(problem) for problem in samples.PROBLEMS]


@pytest.mark.parametrize(
    ("files", "expected"),
    [(0, "no files to check"), (1, "1 file, no problems"), (1000, "1,000 files, no problems")],
)
def test_no_problems(files: int, expected: str) -> None:
    assert text.problems([], files) == expected


def test_events_of_a_foreign_clock_are_shown() -> None:
    event = Event(id="e", created_at=10**18, level="info", message="far away")
    assert text.events([event]) == "1000000000000000000   info  far away"
