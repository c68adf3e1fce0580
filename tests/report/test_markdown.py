"""A comment in a pull request, rendered: its table, its folds, and nothing that is not ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.errors import Problem
from reconciler.model import Change, Outcome, Plan, Result, Source
from reconciler.report import markdown
from reconciler.report.comment import LIMIT
from reconciler.report.rows import StatusRow
from tests.fakes import make_spec
from tests.report import samples
from tests.report.test_escape import ACTIVE_WORD, TRICKS

RENDERER = MarkdownIt("commonmark").enable("table")
OWN_HTML = re.compile(
    r"<!-- reconciler:\w+:[\w./-]+ -->\n?|</?details>|</?summary>|</?code>|</?sub>|<br>"
)
EVERY_PLAN = samples.make_plan(*samples.EVERY_STEP)
LARGE = samples.make_plan(
    *(replace(samples.IN_SYNC, name=f"quiet-{number:03}") for number in range(120)),
    *(
        replace(step, name=f"{step.name}-{number:02}")
        for number in range(20)
        for step in (samples.CREATE, samples.TRAIN_AGAIN, samples.UNPRICED, samples.GONE)
    ),
)


def tricky_plan(trick: str) -> Plan:
    """A plan in which everything that can be somebody's word is this one."""
    job = replace(samples.FAILED, id=trick, provider_status=trick, fine_tuned_model=trick)
    spec = make_spec(
        trick,
        provider=trick,
        model=trick,
        method=trick,
        translation=(trick,),
        source=Source(path=trick, line=3),
        warnings=(replace(samples.WARNINGS[0], file=trick, message=trick, hint=trick),),
    )
    step = replace(
        samples.UNPRICED,
        name=trick,
        provider=trick,
        spec=spec,
        token=trick,
        base_model=trick,
        changes=(Change(field=trick, before=trick, after=trick),),
        message=trick,
        hint=trick,
        warning=trick,
        duplicates=(job,),
    )
    found = replace(samples.STILL_FAILED, name=trick, job=job, message=trick, duplicates=(job,))
    return samples.make_plan(step, found, replace(samples.GONE, message=trick, hint=trick))


def comments(trick: str) -> dict[str, str]:
    plan = tricky_plan(trick)
    outcomes = [
        Outcome(step=step, result=result, message=trick, hint=trick)
        for step, result in zip(plan.steps, (Result.REJECTED, Result.UNCHANGED, Result.HELD),
                                strict=True)
    ]  # fmt: skip
    row = StatusRow(
        name=trick, provider=trick, phase=trick, synced=False, base_model=trick, message=trick
    )
    problem = Problem(file=trick, line=1, column=1, message=trick, hint=trick)
    return {
        "plan": markdown.plan(plan, checksum=trick, key=trick),
        "apply": markdown.pass_result(outcomes, key=trick),
        "status": markdown.status([row], samples.NOW, key=trick),
        "validate": markdown.problems([problem, *plan.warnings], 2, key=trick),
    }


def inline(text: str) -> list[Token]:
    """Every piece of text, code or HTML of a document, in its order."""
    return [
        child
        for token in RENDERER.parse(text)
        for child in ([token] if token.type == "html_block" else token.children or [])
    ]


def rows(text: str) -> list[list[str]]:
    """The cells of every table, as Markdown splits them."""
    found: list[list[str]] = []
    tokens = RENDERER.parse(text)
    for index, token in enumerate(tokens):
        if token.type == "tr_open":
            found.append([])
        if token.type in ("td_open", "th_open"):
            found[-1].append(tokens[index + 1].content)
    return found


def assert_sound(text: str) -> None:
    """Every tag is one of ours, every fold is closed, and GitHub takes the comment."""
    assert len(text) <= LIMIT
    left = "".join(token.content for token in inline(text) if token.type.startswith("html"))
    tags = re.findall(r"<[^>]*>", left)
    assert all(OWN_HTML.fullmatch(tag) for tag in tags)
    assert tags.count("<details>") == tags.count("</details>")
    assert tags.count("<summary>") == tags.count("</summary>") == tags.count("<details>")


@pytest.mark.parametrize("trick", [*TRICKS, "x" * 70_000, "|" * 9_000, "<" * 9_000, "`" * 9_000])
def test_what_a_fork_names_things_does_nothing(trick: str) -> None:
    for text in comments(trick).values():
        assert_sound(text)
        pieces = inline(text)
        kinds = {piece.type for piece in pieces}
        plain = "\n".join(piece.content for piece in pieces if piece.type == "text")
        assert not kinds & {"link_open", "image", "em_open", "s_open"}
        assert not ACTIVE_WORD.search(plain)


@pytest.mark.parametrize("trick", TRICKS)
def test_a_table_keeps_its_columns(trick: str) -> None:
    text = markdown.plan(tricky_plan(trick))
    cells = rows(text)
    assert [row[0] for row in cells] == ["action", "**create**", "held", "in&nbsp;sync"]
    assert [row[-1] for row in cells] == ["cost&nbsp;≈", "unknown", "", ""]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (markdown.plan(EVERY_PLAN), "plan"),
        (markdown.pass_result(samples.OUTCOMES), "apply"),
        (markdown.status(samples.ROWS, samples.NOW), "status"),
        (markdown.problems(samples.MIXED_PROBLEMS, 41), "validate"),
    ],
)
def test_every_comment_begins_with_its_marker_and_a_heading(text: str, kind: str) -> None:
    assert text.startswith(f"<!-- reconciler:{kind}:default -->\n### Fine-tuning")
    assert [token.tag for token in RENDERER.parse(text)][:2] == ["", "h3"]
    assert_sound(text)


def test_the_namespace_or_the_key_tells_comments_apart() -> None:
    spec = make_spec(namespace="research")
    plan = samples.make_plan(replace(samples.CREATE, spec=spec))
    assert markdown.plan(plan).startswith("<!-- reconciler:plan:research -->\n")
    assert markdown.plan(plan, key="models/a").startswith("<!-- reconciler:plan:models/a -->\n")


def test_a_plan_of_one_job() -> None:
    text = markdown.plan(samples.make_plan(samples.CREATE), checksum="c4" * 32, budget=500.0)
    assert "**1 to create** · about $0.77 of $500" in text
    assert "When this is merged, `reconcile apply` creates 1 job." in text
    assert rows(text) == [
        ["action", "name", "provider, model", "why", "tokens", "cost&nbsp;≈"],
        [
            "**create**",
            "`support-bot`",
            f"openai<br>`{samples.BASE}`",
            "no job carries this spec yet",
            "51,204&nbsp;×&nbsp;3",
            "$0.77",
        ],
    ]
    assert text.count("<details>") == 1
    assert f"checksum `{'c4' * 32}`" in text
    assert "tokens and costs are estimates" in text


def test_a_plan_of_two_hundred_jobs_counts_what_is_in_sync_and_says_what_it_cut() -> None:
    text = markdown.plan(LARGE)
    assert "20 to train again, 120 in sync, 20 held" in text
    assert "quiet-" not in text
    assert len(rows(text)) == 1 + markdown.ROWS
    assert "… and 30 more rows: `reconcile plan` prints them all." in text
    assert "… and 0 more" not in text
    assert_sound(text)


def test_the_dearest_come_first() -> None:
    names = [row[1] for row in rows(markdown.plan(LARGE))[1:22]]
    assert all(name.startswith("`intent-router-") for name in names[:20])
    assert names[20].startswith("`support-bot-")


def test_more_than_a_comment_holds_is_left_out_by_whole_folds() -> None:
    long = replace(samples.CREATE, message="word " * 190)
    plan = samples.make_plan(*(replace(long, name=f"job-{number}") for number in range(200)))
    text = markdown.plan(plan)
    found = re.search(r"… and the details of (\d+) more, which a comment has no room for", text)
    assert found
    folds = text.count("<details>") - 1
    assert folds + int(found[1]) == 200
    assert folds > 30
    assert_sound(text)
    assert text.endswith("estimates</sub>")


def test_the_costs_of_several_creates_are_added_up() -> None:
    text = markdown.plan(samples.make_plan(samples.CREATE, samples.TRAIN_AGAIN, samples.GONE))
    assert rows(text)[-1] == ["", "**all together**", "", "", "", "**$185.27**"]


def test_what_a_held_step_will_cost_stands_in_brackets_and_in_no_sum() -> None:
    held = replace(samples.WAITING, estimate=samples.ESTIMATE)
    text = markdown.plan(samples.make_plan(held))
    assert rows(text)[1][-1] == "($0.77)"
    assert "about" not in text.split("| action")[0]


def test_a_plan_without_anything_to_pay_has_no_columns_for_it() -> None:
    text = markdown.plan(samples.make_plan(samples.GONE, samples.FINISHED))
    assert rows(text)[0] == ["action", "name", "provider, model", "why"]
    assert "estimates" not in text


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (samples.make_plan(), "creates and cancels nothing."),
        (samples.make_plan(samples.IN_SYNC), "creates and cancels nothing."),
        (samples.make_plan(samples.GONE), "creates and cancels nothing. What is held waits."),
        (samples.make_plan(samples.PRUNED), "cancels 1 job."),
        (samples.make_plan(samples.CREATE, samples.PRUNED), "creates 1 job and cancels 1 job."),
        (
            samples.make_plan(samples.CREATE, samples.LOST, samples.PRUNED, samples.ADOPT),
            "creates 2 jobs, cancels 1 job and ties 1 job to a spec.",
        ),
    ],
)
def test_what_happens_when_this_is_merged(plan: Plan, expected: str) -> None:
    paragraphs = markdown.plan(plan).split("\n\n")
    assert f"When this is merged, `reconcile apply` {expected}" in paragraphs


def test_a_cost_above_the_budget_is_said_loudly() -> None:
    plan = samples.make_plan(samples.TRAIN_AGAIN)
    assert "above the $100 that this repository allows" in markdown.plan(plan, budget=100.0)
    assert "repository allows" not in markdown.plan(plan, budget=500.0)


def test_what_to_do_is_told_of_each_step_that_is_held_or_failed() -> None:
    text = markdown.plan(samples.make_plan(samples.GONE, samples.BROKE, samples.CREATE))
    told = text.split("left over**\n\n")[1].split("\n\n")[0].split("\n")
    assert told == [
        "- `legacy-faq`: check the key, project and region; to train anew, raise spec.attempt",
        "- `bad-data`: correct the spec or its data, or raise spec.attempt, to train again",
    ]


def test_the_details_tell_the_changes_the_translation_and_the_warning() -> None:
    text = markdown.plan(
        samples.make_plan(samples.TRAIN_AGAIN, samples.TRANSLATED, samples.AUTOMATIC)
    )
    for expected in (
        "<summary><code>intent-router</code> · train again, 2 fields changed</summary>",
        "- `n_epochs` 3 → 4",
        "- `n_epochs` → epochCount 2",
        "- 12 examples are longer than 65,536 tokens and will be cut",
        f"- warning: `{samples.BASE}` shuts down on 2027-01-14",
        "- spec `specs/intent-router.yaml:1`",
        "<summary>5 warnings in 2 data files: nothing is stopped by them</summary>",
    ):
        assert expected in text


def test_many_details_stand_in_one_fold() -> None:
    text = markdown.plan(EVERY_PLAN)
    listed = len(rows(text)) - 2
    assert f"<summary>Details of {listed} steps</summary>" in text
    assert text.count("<details>") == listed + 2


def test_a_pass_tells_what_went_wrong_first() -> None:
    found = [row[0] for row in rows(markdown.pass_result(samples.OUTCOMES))[1:]]
    loud = [result.startswith("**") for result in found]
    assert loud == sorted(loud, reverse=True)
    assert found.count("**rejected**") == found.count("created") - 1 == 1


def test_after_a_wait_every_job_that_ended_has_its_row_and_its_model() -> None:
    text = markdown.pass_result(samples.WAITED_FOR)
    assert "**2 created, 1 refreshed, 2 unchanged, 3 jobs succeeded, 1 job failed**" in text
    found = {row[1]: (row[0], row[2]) for row in rows(text)[1:]}
    done = f"succeeded · `ftjob-Zk3m9P` · 51,204 tokens · `{samples.TUNED}`"
    assert found == {
        "`broke-later`": ("**created**", "openai · failed · `ftjob-F4iL3d`"),
        "`support-bot`": ("created", f"openai · {done}"),
        "`ticket-tags`": ("unchanged", f"fireworks · {done}"),
        "`ended-meanwhile`": ("refreshed", f"openai · {done}"),
    }
    assert_sound(text)


def test_what_somebody_asked_for_is_answered() -> None:
    assert "| `ftjob-8aX2kQ` is paused |" in markdown.pass_result([samples.PAUSED_BY_HAND])


def test_the_health_of_what_needs_somebody_is_loud() -> None:
    text = markdown.status(samples.ROWS, samples.NOW)
    health = {row[0]: row[2] for row in rows(text)[1:]}
    assert health["`support-bot`"] == "Healthy"
    assert health["`overdue`"] == "**Degraded**"
    head = "**9 specs: 1 healthy, 2 progressing, 3 degraded, 1 suspended, 2 missing** · 1 pending,"
    assert head in text


def test_errors_are_listed_and_warnings_folded() -> None:
    text = markdown.problems(samples.MIXED_PROBLEMS, 41)
    before, _, inside = text.partition("<details>")
    assert "**3 problems, 5 warnings in 4 of 41 files**" in before
    assert "- `specs/support.yaml:14:11` `spec.method" in before
    assert "specs/data" not in before
    assert "- `specs/data/support.train.jsonl`: 4 warnings" in inside
    assert "<summary>5 warnings: nothing is stopped by them</summary>" in inside


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: markdown.pass_result([]), "**no specs and no jobs**"),
        (lambda: markdown.problems([], 41), "**41 files, no problems**"),
        (lambda: markdown.status([], 0), "**0 specs**"),
        (lambda: markdown.plan(samples.make_plan()), "**no specs and no jobs**"),
    ],
)
def test_nothing_to_tell_is_told_in_a_line(make: Callable[[], str], expected: str) -> None:
    text = make()
    assert expected in text
    assert "| " not in text
    assert "<details>" not in text
