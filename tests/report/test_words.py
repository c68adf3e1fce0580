"""The words every report shares."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest

from reconciler.model import Action, JobStatus, Outcome, Reason, Result, Step
from reconciler.report import words
from tests.report import samples


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        pytest.param("plain [bold]words[/bold]", "plain [bold]words[/bold]", id="markup is text"),
        pytest.param("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", id="colour"),
        pytest.param("a\x1b]0;title\x07b", r"a\x1b]0;title\x07b", id="window title"),
        pytest.param("\x9b2J", r"\x9b2J", id="eight-bit escape"),
        pytest.param("safe\rEVIL", "safe EVIL", id="carriage return"),
        pytest.param("one\n  two\tthree", "one two three", id="lines become one"),
        pytest.param("back\x08space\x7f", r"back\x08space\x7f", id="backspace and delete"),
        pytest.param("model\u202eexe.txt", r"model\u202eexe.txt", id="turns the text round"),
        pytest.param("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff", id="hides"),
        pytest.param("half \ud83d", r"half \ud83d", id="half a character"),
        pytest.param("tag\U000e0041", r"tag\U000e0041", id="invisible tag"),
        pytest.param("naïve 漢字 👩‍🚀 می‌خواهم", "naïve 漢字 👩‍🚀 می‌خواهم", id="languages are kept"),
    ],
)
def test_harmless(text: str, harmless: str) -> None:
    assert words.harmless(text) == harmless


def test_nothing_that_controls_a_terminal_survives() -> None:
    everything = "".join(map(chr, range(0x110000)))
    left = {unicodedata.category(character) for character in words.harmless(everything)}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert words.harmless(everything).encode()


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1920, "1,920 jobs")]
)
def test_count(number: int, text: str) -> None:
    assert words.count(number, "job") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (12_000, "3h 20m"),
        (86_400, "1d"),
        (86_400 * 5 + 7200, "5d 2h"),
        (86_400 * 1200, "1,200d"),
    ],
)
def test_age(seconds: float | None, text: str) -> None:
    assert words.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "1970-01-01T00:00:00Z"),
        (samples.NOW, "2026-11-23T14:00:00Z"),
        (1e30, "1e+30"),
        (float("nan"), "nan"),
    ],
)
def test_moment(seconds: float | None, text: str) -> None:
    assert words.moment(seconds) == text


def test_a_first_training_and_a_further_one_have_different_labels() -> None:
    assert words.label(samples.CREATE) == "create"
    assert words.label(samples.TRAIN_AGAIN) == "train again"


def test_the_summary_counts_every_step_once() -> None:
    plan = samples.make_plan(*samples.EVERY_STEP)
    parts = [part for part in words.plan_summary(plan) if "duplicate" not in part]
    assert sum(int(part.split()[0]) for part in parts) == len(plan.steps)
    assert words.plan_summary(samples.make_plan()) == ()


def test_the_changes_are_told_once() -> None:
    assert words.step_sentences(samples.TRAIN_AGAIN) == ()
    with_more = replace(samples.TRAIN_AGAIN, message="somebody wants it")
    assert words.step_sentences(with_more) == ("somebody wants it",)
    assert words.change_phrases(with_more) == (
        "training data changed (3f9a1c… → 77b02e…, +1,108 examples)",
        "n_epochs 3 → 4",
    )


def test_a_failure_is_told_once() -> None:
    error = samples.FAILED.error
    assert error is not None
    told = replace(samples.BROKE, message=f"it failed: {words.reason(error)}")
    assert words.step_sentences(told) == (told.message,)
    assert len(words.step_sentences(samples.BROKE)) == 2


def test_a_failure_without_words_is_still_told() -> None:
    silent = replace(samples.STILL_FAILED, job=replace(samples.FAILED, error=None))
    assert words.step_sentences(silent) == ("the provider does not say why it failed",)


@pytest.mark.parametrize(
    "step",
    [step for step in samples.EVERY_STEP if step.action is Action.HOLD or step.duplicates],
    ids=lambda step: step.name,
)
def test_a_step_that_needs_somebody_has_advice_even_where_it_brought_none(step: Step) -> None:
    assert words.step_next(step) == step.hint
    assert words.step_next(replace(step, hint=""))


@pytest.mark.parametrize("result", [Result.HELD, Result.REJECTED, Result.UNKNOWN, Result.FAILED])
def test_an_outcome_that_went_wrong_without_advice_still_gets_some(result: Result) -> None:
    step = samples.make_step(Action.CREATE, Reason.MISSING)
    assert words.outcome_next(Outcome(step=step, result=result))


@pytest.mark.parametrize("status", JobStatus)
def test_a_job_needs_somebody_unless_it_succeeded_or_is_on_its_way(status: JobStatus) -> None:
    job = replace(samples.RUNNING, status=status)
    needs = {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.PAUSED, JobStatus.UNKNOWN}
    assert words.healthy(job) is (status not in needs)


@pytest.mark.parametrize(
    ("outcome", "ended"),
    [
        pytest.param(samples.WAITED_FOR[0], True, id="created, and waited for"),
        pytest.param(samples.WAITED_FOR[2], True, id="it ran before"),
        pytest.param(samples.WAITED_FOR[3], False, id="it had ended before"),
        pytest.param(samples.WAITED_FOR[4], True, id="it ran when state was last written"),
        pytest.param(samples.OUTCOMES[0], False, id="it goes on"),
        pytest.param(samples.OUTCOMES[9], False, id="no job at all"),
    ],
)
def test_a_job_ends_while_somebody_waits(outcome: Outcome, ended: bool) -> None:
    assert words.ended(outcome) is ended


def test_a_job_that_this_program_cancelled_is_not_waited_for() -> None:
    cancelled = replace(samples.RUNNING, status=JobStatus.CANCELLED)
    record = samples.bound(samples.CREATE, cancelled)
    outcome = Outcome(step=samples.REQUESTED, result=Result.CANCELLED, record=record)
    assert not words.ended(outcome)
    assert words.pass_summary([outcome]) == ("1 cancelled",)


def test_an_outcome_speaks_of_the_job_that_state_holds_now() -> None:
    outcome = Outcome(
        step=samples.PRUNED,
        result=Result.CANCELLED,
        record=samples.bound(samples.CREATE, replace(samples.RUNNING, status=JobStatus.CANCELLED)),
    )
    assert words.outcome_facts(outcome) == ("openai", "cancelled", "ftjob-8aX2kQ")


@pytest.mark.parametrize(
    ("step", "advice"),
    [(samples.PRUNED, ""), (samples.REQUESTED, "to train it after all, raise spec.attempt")],
)
def test_a_cancelled_job_can_be_trained_again_if_its_spec_is_there(step: Step, advice: str) -> None:
    cancelled = replace(samples.RUNNING, status=JobStatus.CANCELLED)
    record = samples.bound(samples.CREATE, cancelled)
    assert words.outcome_next(Outcome(step=step, result=Result.CANCELLED, record=record)) == advice
