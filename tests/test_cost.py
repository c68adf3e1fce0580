"""What training costs: the arithmetic in rows, and the laws that hold for all numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cost import BaseModel, Estimate, TokenCount, automatic_epochs, estimate

MINI = BaseModel(
    id="gpt-4.1-mini-2025-04-14",
    provider="openai",
    usd_per_million_tokens=5.0,
    source="openai.com/api/pricing",
    as_of="2026-11-20",
)
COUNTED = TokenCount(tokens=1000, low=1000, high=1000, exact=True, tokenizer="o200k_base")
SAMPLED = replace(COUNTED, low=900, high=1200, exact=False)

amounts = st.integers(0, 10**12)
counts = st.builds(
    lambda numbers, exact: TokenCount(
        low=numbers[0], tokens=numbers[1], high=numbers[2], exact=exact, tokenizer="o200k_base"
    ),
    st.lists(amounts, min_size=3, max_size=3).map(sorted),
    st.booleans(),
)
given_epochs = st.none() | st.integers(1, 50)
numbers_of_examples = st.integers(0, 10**7)
models = st.none() | st.builds(
    BaseModel,
    id=st.just("m"),
    provider=st.just("openai"),
    usd_per_million_tokens=st.none() | st.floats(0, 1000),
    default_epochs=st.none() | st.integers(1, 10),
)


class TestAutomaticEpochs:
    @pytest.mark.parametrize(
        ("examples", "epochs"),
        [
            pytest.param(0, 25, id="no example at all divides by nothing"),
            pytest.param(1, 25, id="never more than 25"),
            pytest.param(4, 25, id="100 / 4 is 25"),
            pytest.param(5, 20, id="100 examples are to be seen at least"),
            pytest.param(10, 10, id="as was seen of a job of 10 examples"),
            pytest.param(33, 3, id="99 would be seen"),
            pytest.param(34, 3, id="102 are seen"),
            pytest.param(8_333, 3, id="24,999 are seen"),
            pytest.param(8_334, 2, id="25,002 would be too many"),
            pytest.param(12_501, 1, id="even two epochs are too many"),
            pytest.param(10**9, 1, id="never fewer than 1"),
        ],
    )
    def test_as_openais_cookbook_has_it(self, examples: int, epochs: int) -> None:
        assert automatic_epochs(examples) == epochs

    @given(numbers_of_examples)
    def test_more_examples_are_never_gone_over_more_often(self, examples: int) -> None:
        assert 25 >= automatic_epochs(examples) >= automatic_epochs(examples + 1) >= 1


class TestEpochs:
    @pytest.mark.parametrize(
        ("said", "examples", "model", "expected"),
        [
            pytest.param(4, 10, MINI, (4, 4), id="what the spec says"),
            pytest.param(4, 10, replace(MINI, default_epochs=2), (4, 4), id="before any default"),
            pytest.param(None, 10, replace(MINI, default_epochs=2), (2, 2), id="the model's own"),
            pytest.param(None, 10, MINI, (3, 10), id="few examples: 3 at the least, likely 10"),
            pytest.param(None, 812, MINI, (3, 3), id="the provider's target"),
            pytest.param(None, 20_000, MINI, (1, 3), id="many: likely 1, 3 at the most"),
            pytest.param(None, 10, None, (3, 10), id="a model that nobody knows"),
        ],
    )
    def test_bounds(
        self,
        said: int | None,
        examples: int,
        model: BaseModel | None,
        expected: tuple[int, int],
    ) -> None:
        found = estimate(COUNTED, examples, said, model)
        assert (found.epochs_low, found.epochs_high) == expected
        assert (found.tokens_low, found.tokens_high) == (1000 * expected[0], 1000 * expected[1])


class TestEstimate:
    def test_in_full(self) -> None:
        assert estimate(replace(SAMPLED, truncated=7), 10, None, MINI) == Estimate(
            tokens=10_000,
            tokens_low=2_700,
            tokens_high=12_000,
            epochs_low=3,
            epochs_high=10,
            exact=False,
            tokenizer="o200k_base",
            usd=0.05,
            usd_low=0.0135,
            usd_high=0.06,
            price="$5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20)",
            truncated=7,
        )

    @pytest.mark.parametrize(
        ("counted", "epochs", "exact"),
        [
            pytest.param(COUNTED, 3, True, id="every token counted, epochs given"),
            pytest.param(SAMPLED, 3, False, id="sampled"),
            pytest.param(COUNTED, None, False, id="epochs left to the provider"),
        ],
    )
    def test_what_is_exact(self, counted: TokenCount, epochs: int | None, exact: bool) -> None:
        assert estimate(counted, 10, epochs, MINI).exact is exact

    @pytest.mark.parametrize(
        ("model", "usd", "price"),
        [
            pytest.param(None, None, "", id="nothing is known of the model"),
            pytest.param(
                replace(MINI, usd_per_million_tokens=None), None, "", id="nobody says its price"
            ),
            pytest.param(
                replace(MINI, usd_per_million_tokens=None, usd_per_hour=100.0),
                None,
                "$100.00 an hour (openai.com/api/pricing, 2026-11-20)",
                id="the hours are not known before they are over",
            ),
            pytest.param(
                replace(MINI, usd_per_hour=100.0),
                0.015,
                "$5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20)",
                id="of two prices the one by the token",
            ),
            pytest.param(
                replace(MINI, source="reconciler.yaml", as_of=""),
                0.015,
                "$5.00 per 1M tokens (reconciler.yaml)",
                id="a repository's own price has no day",
            ),
            pytest.param(
                replace(MINI, source="", as_of=""),
                0.015,
                "$5.00 per 1M tokens",
                id="nobody says whose price it is",
            ),
            pytest.param(
                replace(MINI, usd_per_million_tokens=0.0, source="", as_of=""),
                0.0,
                "$0.00 per 1M tokens",
                id="free is a price",
            ),
        ],
    )
    def test_whose_price(self, model: BaseModel | None, usd: float | None, price: str) -> None:
        found = estimate(COUNTED, 812, 3, model)
        assert (found.usd, found.usd_low, found.usd_high, found.price) == (usd, usd, usd, price)


@given(counts, numbers_of_examples, given_epochs, models)
def test_the_likeliest_lies_between_the_bounds(
    counted: TokenCount, examples: int, epochs: int | None, model: BaseModel | None
) -> None:
    found = estimate(counted, examples, epochs, model)
    assert found.tokens_low <= found.tokens <= found.tokens_high
    assert 1 <= found.epochs_low <= found.epochs_high
    prices = (found.usd_low, found.usd, found.usd_high)
    known = [price for price in prices if price is not None]
    assert known == sorted(known)
    assert len(known) == (3 if model and model.usd_per_million_tokens is not None else 0)


@given(counts, amounts, numbers_of_examples, given_epochs, models)
def test_more_tokens_never_cost_less(
    counted: TokenCount, more: int, examples: int, epochs: int | None, model: BaseModel | None
) -> None:
    larger = replace(
        counted, tokens=counted.tokens + more, low=counted.low + more, high=counted.high + more
    )
    before, after = (estimate(each, examples, epochs, model) for each in (counted, larger))
    for bound in ("tokens_low", "tokens", "tokens_high", "usd_low", "usd", "usd_high"):
        was, is_ = getattr(before, bound), getattr(after, bound)
        assert was is is_ is None or was <= is_


@given(counts, numbers_of_examples, st.integers(1, 49), models)
def test_one_more_epoch_never_costs_less(
    counted: TokenCount, examples: int, epochs: int, model: BaseModel | None
) -> None:
    before, after = (estimate(counted, examples, number, model) for number in (epochs, epochs + 1))
    assert before.tokens_high <= after.tokens_high
    assert (before.usd_high or 0.0) <= (after.usd_high or 0.0)
    assert after.tokens == counted.tokens * (epochs + 1)
