"""Annotations that GitHub puts where they belong, and a log in which nobody else gives commands."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconciler.errors import Problem, Severity
from reconciler.model import Outcome, Plan, Result
from reconciler.report import github
from reconciler.report.words import harmless
from tests.report import samples
from tests.report.test_markdown import tricky_plan

COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^:,\r\n]*,?)+)::([^\r\n]*)")
TRICKS = ("::error::gone", "a\n::stop-commands::x", "100%\r\n,b:c", "##[add-mask]x", "x,line=9::y")


def annotated(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each annotation, as a runner reads them."""
    found = []
    for line in text.split("\n"):
        if line.startswith("::"):
            matched = COMMAND.fullmatch(line)
            assert matched, line
            level, properties, message = matched.groups()
            pairs = dict(pair.split("=", 1) for pair in properties.split(","))
            found.append((level, {k: unescaped(v) for k, v in pairs.items()}, unescaped(message)))
    return found


def unescaped(text: str) -> str:
    for written, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r")):
        text = text.replace(written, character)
    return text.replace("%25", "%")


def many(count: int, severity: Severity = Severity.ERROR) -> list[Problem]:
    return [
        Problem("data.jsonl", line, 3, "wrong", severity=severity, rule="bad-role")
        for line in range(1, count + 1)
    ]


def test_a_problem_stands_at_its_line_with_its_rule() -> None:
    assert annotated(github.problems(samples.MIXED_PROBLEMS, 41))[2:4] == [
        (
            "error",
            {"file": "specs/support.yaml", "line": "412", "col": "87", "title": "spec"},
            '/messages/2/role: "assitant" is not a role (system, user, assistant, tool)',
        ),
        (
            "warning",
            {
                "file": "specs/data/support.train.jsonl",
                "line": "412",
                "col": "1",
                "title": "duplicate-example",
            },
            "the same example as line 402 → remove it, unless it is meant to weigh more",
        ),
    ]


def test_a_problem_of_a_whole_file_stands_at_its_first_line() -> None:
    _, properties, _ = annotated(github.problems(samples.PROBLEMS, 41))[0]
    assert properties == {"file": "specs/empty.yaml", "line": "1", "title": "spec"}


def test_the_last_line_sums_up() -> None:
    text = github.problems(samples.MIXED_PROBLEMS, 41)
    assert text.split("\n")[-1] == "3 problems, 5 warnings in 4 of 41 files"
    assert github.problems([], 41) == "41 files, no problems"


@pytest.mark.parametrize(
    ("errors", "warnings", "more"),
    [
        (10, 10, None),
        (11, 0, "and 1 more error: GitHub shows 10 of each in one step"),
        (23, 12, "and 13 more errors, 2 more warnings: GitHub shows 10 of each in one step"),
    ],
)
def test_ten_of_a_level_and_one_line_for_the_rest(
    errors: int, warnings: int, more: str | None
) -> None:
    text = github.problems([*many(errors), *many(warnings, Severity.WARNING)], 1)
    levels = [level for level, _, _ in annotated(text)]
    assert levels == ["error"] * min(errors, 10) + ["warning"] * min(warnings, 10)
    assert (f"\n{more}\n" in text) if more else "more" not in text


@pytest.mark.parametrize("trick", TRICKS)
def test_nobody_else_gives_commands(trick: str) -> None:
    plan = tricky_plan(trick)
    problem = Problem(trick, 1, 1, trick, trick, rule=trick)
    outcomes = [Outcome(step=step, result=Result.FAILED, message=trick) for step in plan.steps]
    for text in (
        github.plan(plan),
        github.problems([problem], 1),
        github.pass_result(outcomes),
    ):
        assert annotated(text)
        assert "##[" not in text
        for line in text.split("\n"):
            assert line.startswith(("::", "Plan: ", "Result: ", "1 problem in 1 of 1 file"))


def test_what_github_reads_is_what_was_meant() -> None:
    problem = Problem("odd,na:me%.yaml", 3, 4, "100%: a, b", rule="a:b,c")
    ((_, properties, message),) = annotated(github.problems([problem], 1))
    assert properties == {"file": "odd,na:me%.yaml", "line": "3", "col": "4", "title": "a:b,c"}
    assert message == "100%: a, b"


def test_a_plan_tells_at_each_spec_what_it_costs_or_waits_for() -> None:
    plan = samples.make_plan(
        samples.CREATE, samples.GONE, samples.WAITING, samples.STILL_FAILED, samples.IN_SYNC
    )
    text = github.plan(plan, budget=500.0)
    assert [(level, found["title"]) for level, found, _ in annotated(text)] == [
        ("error", "held: legacy-faq"),
        ("error", "failed: still-failed"),
        ("notice", "create: support-bot"),
        ("notice", "held: second-stage"),
    ]
    assert (
        "::notice file=specs/support-bot.yaml,line=1,title=create%3A support-bot::"
        "51,204 tokens × 3 epochs ≈ $0.77; no job carries this spec yet"
    ) in text
    assert text.endswith("\nPlan: 1 to create, 2 in sync, 2 held · about $0.77 of $500")


def test_a_plan_warns_of_what_is_done_all_the_same() -> None:
    found = annotated(github.plan(samples.make_plan(samples.AUTOMATIC)))
    assert [message for level, _, message in found if level == "warning"][:2] == [
        "12 examples are longer than 65,536 tokens and will be cut",
        "gpt-4.1-mini-2025-04-14 shuts down on 2027-01-14, and its fine-tunes with it",
    ]
    assert sum(found["file"].endswith(".jsonl") for _, found, _ in found) == 5


def test_a_step_without_a_spec_has_no_file() -> None:
    ((_, properties, _),) = annotated(
        github.plan(
            samples.make_plan(replace(samples.ORPHANED, job=samples.FAILED, name="spec-deleted"))
        )
    )
    assert properties == {"title": "failed: spec-deleted"}


def test_a_pass_tells_what_was_created_and_what_went_wrong() -> None:
    text = github.pass_result(samples.OUTCOMES)
    levels = [(level, found["title"]) for level, found, _ in annotated(text)]
    assert ("error", "rejected: too-few-examples") in levels
    assert ("error", "unknown: in-between") in levels
    assert ("error", "failed: still-failed") in levels
    assert ("notice", "created: support-bot") in levels
    assert ("notice", "held: second-stage") in levels
    assert text.split("\n")[-1].startswith("Result: 2 created, 1 adopted")


def test_a_long_message_is_cut() -> None:
    text = github.problems([Problem("f", 1, 1, "x" * 10_000)], 1)
    assert len(text) < 2_100


def outputs(text: str) -> dict[str, str]:
    assert text.endswith("\n")
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_outputs_of_a_plan() -> None:
    plan = samples.make_plan(samples.CREATE, samples.TRAIN_AGAIN, samples.LOST, samples.GONE)
    assert outputs(github.step_outputs(plan, checksum="c4" * 32)) == {
        "changes": "true",
        "creates": "3",
        "adopts": "0",
        "cancels": "0",
        "held": "1",
        "cost_usd": "185.27",
        "cost_usd_high": "187.48",
        "unpriced": "1",
        "warnings": "0",
        "checksum": "c4" * 32,
    }


@pytest.mark.parametrize("plan", [samples.make_plan(), samples.make_plan(samples.IN_SYNC)])
def test_a_plan_that_changes_nothing_says_so(plan: Plan) -> None:
    found = outputs(github.step_outputs(plan))
    assert (found["changes"], found["cost_usd"], found["checksum"]) == ("false", "0.00", "")


def test_the_outputs_of_a_pass_and_of_a_validation() -> None:
    found = outputs(github.pass_outputs(samples.OUTCOMES))
    assert set(found) == set(Result)
    assert (found["created"], found["rejected"], found["held"]) == ("2", "1", "2")
    assert outputs(github.problem_outputs(samples.MIXED_PROBLEMS)) == {
        "valid": "false",
        "errors": "3",
        "warnings": "5",
    }
    assert outputs(github.problem_outputs(samples.WARNINGS))["valid"] == "true"


def test_no_output_can_add_another() -> None:
    found = outputs(github.step_outputs(samples.make_plan(), checksum="a\nsecret=b"))
    assert "secret" not in found
    assert found["checksum"] == harmless("a\nsecret=b")
