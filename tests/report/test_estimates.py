"""The words of what a plan costs: never more certain than it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.cost import Estimate, TokenCount, estimate
from reconciler.model import Action, Reason
from reconciler.report import estimates, words
from tests.report import samples


def sampled(tokens: int, within: int, epochs: int | None = 1) -> Estimate:
    """An estimate of data of which not every token was counted."""
    counted = TokenCount(
        tokens=tokens, low=tokens - within, high=tokens + within, exact=False, tokenizer="t"
    )
    return estimate(counted, 9_000, epochs, samples.MINI)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "$0.00"),
        (0.00001, "$0.0001"),
        (0.0004, "$0.0004"),
        (0.0099, "$0.0099"),
        (0.01, "$0.01"),
        (0.768, "$0.77"),
        (999.99, "$999.99"),
        (1240.4, "$1,240"),
    ],
)
def test_dollars(amount: float, text: str) -> None:
    assert estimates.usd(amount) == text


@pytest.mark.parametrize(("budget", "text"), [(500.0, "$500"), (2.5, "$2.50"), (1e4, "$10,000")])
def test_a_budget_is_written_as_people_write_it(budget: float, text: str) -> None:
    assert estimates.budget_words(budget) == text


@pytest.mark.parametrize(
    ("found", "size", "money"),
    [
        pytest.param(
            samples.ESTIMATE, "51,204 tokens × 3 epochs", "≈ $0.77", id="counted, epochs given"
        ),
        pytest.param(
            samples.AUTOMATIC_ESTIMATE,
            "51,204 tokens × 3–10 epochs (likely 10)",
            "≈ $0.77–2.56",
            id="few examples, epochs left to the provider",
        ),
        pytest.param(
            estimate(samples.COUNTED, 20_000, None, samples.MINI),
            "51,204 tokens × 1–3 epochs (likely 1)",
            "≈ $0.26–0.77",
            id="many examples, epochs left to the provider",
        ),
        pytest.param(
            samples.SAMPLED_ESTIMATE,
            "≈ 12.3M tokens ± 1.2 % × 3 epochs",
            "≈ $184.50",
            id="sampled",
        ),
        pytest.param(
            sampled(12_300_000, 147_600, None),
            "≈ 12.3M tokens ± 1.2 % × 2–3 epochs (likely 2)",
            "≈ $121.52–186.71",
            id="sampled, epochs left to the provider",
        ),
        pytest.param(samples.UNPRICED_ESTIMATE, "51,204 tokens × 3 epochs", "cost unknown", id="?"),
        pytest.param(sampled(999_700, 9_000), "≈ 1M tokens ± 0.9 % × 1 epoch", "≈ $5.00", id="1M"),
        pytest.param(sampled(841_234, 100), "≈ 841k tokens ± 0.1 % × 1 epoch", "≈ $4.21", id="k"),
        pytest.param(sampled(5_123, 50), "≈ 5,120 tokens ± 0.98 % × 1 epoch", "≈ $0.03", id="few"),
        pytest.param(sampled(1, 0), "1 token × 1 epoch", "≈ $0.00", id="one"),
        pytest.param(sampled(0, 0), "0 tokens × 1 epoch", "≈ $0.00", id="none"),
    ],
)
def test_size_and_money(found: Estimate, size: str, money: str) -> None:
    assert (estimates.size(found), estimates.money(found)) == (size, money)


def test_what_one_epoch_trains_on_is_told_even_where_the_epochs_are_not_known() -> None:
    for examples in (1, 10, 33, 34, 8_333, 8_334, 12_500, 25_000, 1_000_000):
        for counted in (samples.COUNTED, samples.SAMPLED):
            found = estimate(counted, examples, None, samples.MINI)
            assert estimates.tokens(found) == estimates.tokens(estimate(counted, 1, 1, None))


def test_the_size_for_a_column() -> None:
    assert estimates.compact(samples.AUTOMATIC_ESTIMATE) == "51,204 × 3–10"
    assert estimates.compact(samples.SAMPLED_ESTIMATE) == "≈ 12.3M × 3"


def test_nobody_knows_what_a_create_without_an_estimate_costs() -> None:
    assert estimates.fact(samples.LOST) == "cost unknown"
    assert estimates.money(None) == "cost unknown"


def test_a_step_that_pays_for_nothing_says_nothing_of_cost() -> None:
    assert estimates.fact(samples.ADOPT) == ""
    assert estimates.notes(samples.ADOPT) == ()


def test_a_held_step_tells_what_it_will_cost_one_day() -> None:
    held = replace(samples.WAITING, estimate=samples.ESTIMATE)
    assert "51,204 tokens × 3 epochs ≈ $0.77" in words.step_facts(held)
    assert estimates.plan_cost(samples.make_plan(held)) == ""


def test_the_epochs_are_told_once() -> None:
    facts = words.step_facts(samples.CREATE)
    assert [fact for fact in facts if "epoch" in fact] == ["51,204 tokens × 3 epochs ≈ $0.77"]


def test_a_missing_price_says_where_to_write_it() -> None:
    assert estimates.notes(samples.UNPRICED)[0] == (
        "no price known for accounts/fireworks/models/llama-v3p1-8b-instruct:"
        " add it under models: in reconciler.yaml"
    )


def test_a_price_by_the_hour_gives_no_cost_and_says_so() -> None:
    hourly = replace(samples.MINI, usd_per_million_tokens=None, usd_per_hour=100.0)
    found = estimate(replace(samples.COUNTED, truncated=0), 812, 3, hourly)
    (note,) = estimates.notes(replace(samples.CREATE, estimate=found))
    assert note == (
        "gpt-4.1-mini-2025-04-14 costs $100.00 an hour (openai.com/api/pricing, 2026-11-20),"
        " so nobody can tell before the job is over"
    )


@pytest.mark.parametrize(
    ("truncated", "exact", "base", "expected"),
    [
        (12, True, True, "12 examples are longer than 65,536 tokens and will be cut"),
        (1, True, True, "1 example is longer than 65,536 tokens and will be cut"),
        (40, False, True, "about 40 examples are longer than 65,536 tokens and will be cut"),
        (2, True, False, "2 examples are longer than the model reads and will be cut"),
    ],
)
def test_examples_that_will_be_cut(truncated: int, exact: bool, base: bool, expected: str) -> None:
    counted = samples.COUNTED if exact else samples.SAMPLED
    found = estimate(replace(counted, truncated=truncated), 812, 3, samples.MINI)
    step = samples.AUTOMATIC if base else samples.CREATE
    assert estimates.notes(replace(step, estimate=found)) == (expected,)


@pytest.mark.parametrize(
    ("steps", "budget", "expected"),
    [
        ([samples.IN_SYNC, samples.GONE], 500.0, ""),
        ([samples.CREATE], None, "about $0.77"),
        ([samples.CREATE], 500.0, "about $0.77 of $500"),
        ([samples.CREATE, samples.LOST, samples.UNPRICED], 500.0,
         "about $0.77 of $500 + 2 of unknown cost"),
        ([samples.TRAIN_AGAIN], 500.0, "about $184.50 (up to $186.71) of $500"),
        ([samples.LOST, samples.RETRY], 500.0, "cost unknown"),
    ],
)  # fmt: skip
def test_what_a_plan_costs(steps: list[object], budget: float | None, expected: str) -> None:
    plan = samples.make_plan(*steps)  # type: ignore[arg-type]
    assert estimates.plan_cost(plan, budget) == expected


def test_whose_tokens_and_whose_price() -> None:
    assert estimates.basis(samples.ESTIMATE) == (
        "counted as o200k_base; $5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20)"
    )
    assert estimates.basis(samples.SAMPLED_ESTIMATE).startswith("sampled as o200k_base; ")
    assert estimates.basis(samples.UNPRICED_ESTIMATE) == "counted as llama-3"


def test_a_step_that_is_priced_is_a_create() -> None:
    step = samples.make_step(Action.CREATE, Reason.MISSING, estimate=samples.ESTIMATE)
    assert words.cost_notes(step) == ()
    assert words.cost_notes(replace(step, warning="soon gone")) == ("warning: soon gone",)


def test_what_trains_again_says_what_it_was_expected_to_cost_the_last_time() -> None:
    again = samples.TRAIN_AGAIN
    assert again.previous is not None
    cheaper = replace(samples.ESTIMATE, usd=0.7)
    step = replace(
        again,
        estimate=samples.ESTIMATE,
        previous=replace(again.previous, estimate=cheaper),
    )
    assert estimates.fact(step) == "51,204 tokens × 3 epochs ≈ $0.77 (was $0.70)"
    same = replace(step, previous=replace(again.previous, estimate=samples.ESTIMATE))
    assert estimates.last_time(same) == ""
    unknown = replace(step, previous=replace(again.previous, estimate=replace(cheaper, usd=None)))
    assert estimates.last_time(unknown) == ""
