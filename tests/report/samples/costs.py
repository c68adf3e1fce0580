"""Prices, counted tokens, and the estimates that come of them."""

from __future__ import annotations

from dataclasses import replace

from reconciler.cost import BaseModel, TokenCount, estimate
from tests.report.samples.jobs import BASE

MINI = BaseModel(
    id=BASE,
    provider="openai",
    usd_per_million_tokens=5.0,
    max_tokens_per_example=65_536,
    source="openai.com/api/pricing",
    as_of="2026-11-20",
)
COUNTED = TokenCount(
    tokens=51_204, low=51_204, high=51_204, exact=True, tokenizer="o200k_base", truncated=12
)
SAMPLED = TokenCount(
    tokens=12_300_000, low=12_152_400, high=12_447_600, exact=False, tokenizer="o200k_base"
)
ESTIMATE = estimate(replace(COUNTED, truncated=0), 812, 3, MINI)
AUTOMATIC_ESTIMATE = estimate(COUNTED, 10, None, MINI)
SAMPLED_ESTIMATE = estimate(SAMPLED, 9_000, 3, MINI)
UNPRICED_ESTIMATE = estimate(replace(COUNTED, tokenizer="llama-3"), 812, 3, None)
