"""The words of an estimate: how many tokens, how many epochs, how much money.

`report.words` and the formats that people read take them from here. Pure, and the standard library
only. An estimate must never read like a bill: money stands behind `≈` or `about`, and so does a
count that was sampled.
"""

from __future__ import annotations

from reconciler.cost import Estimate
from reconciler.model import Action, Plan, Step

UNKNOWN = "cost unknown"

TO = "–"
"""Between the ends of a range."""

_DIGITS = 3
_UNITS = ((10**9, 10**9, "B"), (10**6, 10**6, "M"), (10**4, 10**3, "k"))
"""From which count on a unit is used, its size and its letter."""

_CENT = 0.01
_LEAST = 0.0001
"""`reconciler.cost` rounds to this, in dollars."""

_WHOLE_DOLLARS = 1000
"""From this many dollars on, cents say nothing."""


def usd(amount: float) -> str:
    """`$0.77`, `$1,240`, and `$0.0004` where cents are too coarse."""
    if 0 < amount < _CENT:
        return f"${max(amount, _LEAST):.4f}".rstrip("0")
    return f"${amount:,.0f}" if amount >= _WHOLE_DOLLARS else f"${amount:,.2f}"


def budget_words(budget: float) -> str:
    """`$500` for a round sum, else as `usd` writes it."""
    return f"${budget:,.0f}" if budget == int(budget) else usd(budget)


def size(estimate: Estimate) -> str:
    """`51,204 tokens × 3 epochs`, `≈ 12.3M tokens ± 1.2 % × 3–10 epochs`."""
    return f"{tokens(estimate)} × {epochs(estimate)}"


def compact(estimate: Estimate) -> str:
    """`51,204 × 3`, `≈ 12.3M × 3–10`: the size for a column that says what it holds."""
    each, least, most = _of_one_epoch(estimate)
    low, high = estimate.epochs_low, estimate.epochs_high
    counted = f"{each:,}" if least == most else f"≈ {_rounded(each)}"
    return f"{counted} × {low}" + ("" if low == high else f"–{high}")


def tokens(estimate: Estimate) -> str:
    """What one epoch trains on: `51,204 tokens`, or `≈ 12.3M tokens ± 1.2 %` where sampled."""
    each, least, most = _of_one_epoch(estimate)
    if least == most:
        return f"{each:,} token" if each == 1 else f"{each:,} tokens"
    share = 100 * max(most - each, each - least) / max(each, 1)
    return f"≈ {_rounded(each)} tokens ± {max(share, 0.1):.2g} %"


def epochs(estimate: Estimate) -> str:
    """`3 epochs`; `3–10 epochs (likely 10)` where the provider chooses."""
    low, high = estimate.epochs_low, estimate.epochs_high
    if low != high:
        return f"{low}–{high} epochs (likely {_likely_epochs(estimate)})"
    return f"{low:,} epoch" if low == 1 else f"{low:,} epochs"


def money(estimate: Estimate | None) -> str:
    """`≈ $0.77`; a range where the provider chooses the epochs; UNKNOWN without a price."""
    if estimate is None or estimate.usd is None:
        return UNKNOWN
    low, high = estimate.usd_low, estimate.usd_high
    if estimate.epochs_low == estimate.epochs_high or low is None or high is None:
        return f"≈ {usd(estimate.usd)}"
    least, most = usd(low), usd(high)
    return f"≈ {least}" if least == most else f"≈ {least}–{most.removeprefix('$')}"


def fact(step: Step) -> str:
    """`51,204 tokens × 3 epochs ≈ $0.77`, for a step that creates, or would if it were not held.

    UNKNOWN where nobody can tell what a create costs, "" for any other step.
    """
    if step.estimate is None:
        return UNKNOWN if step.action is Action.CREATE else ""
    priced = f" {money(step.estimate)}" if step.estimate.usd is not None else ""
    before = last_time(step)
    return size(step.estimate) + priced + (f" ({before})" if before else "")


def last_time(step: Step) -> str:
    """`was $0.70`: what the job before was expected to cost, where that was another sum."""
    before = step.previous.estimate if step.previous else None
    now = step.estimate
    if before is None or now is None or before.usd is None or now.usd is None:
        return ""
    then = usd(before.usd)
    return "" if then == usd(now.usd) else f"was {then}"


def notes(step: Step) -> tuple[str, ...]:
    """What somebody has to know about an estimate, in sentences: no price, or examples cut."""
    estimate = step.estimate
    if estimate is None:
        return ()
    found = []
    if estimate.usd is None:
        found.append(_unpriced(step, estimate))
    if estimate.truncated:
        found.append(_truncated(step, estimate))
    return tuple(found)


def basis(estimate: Estimate) -> str:
    """Whose tokens and whose price: `counted as o200k_base; $5.00 per 1M tokens (…)`."""
    _, least, most = _of_one_epoch(estimate)
    how = "counted" if least == most else "sampled"
    said = [f"{how} as {estimate.tokenizer}" if estimate.tokenizer else "", estimate.price]
    return "; ".join(part for part in said if part)


def plan_cost(plan: Plan, budget: float | None = None) -> str:
    """`about $12.40 (up to $14.10) of $500 + 2 of unknown cost`; "" where nothing is created."""
    creates = plan.of(Action.CREATE)
    if not creates:
        return ""
    unpriced = len(plan.unpriced)
    if unpriced == len(creates):
        return UNKNOWN
    likely, highest = (usd(amount) for amount in plan.usd)
    most = f" (up to {highest})" if highest != likely else ""
    allowed = "" if budget is None else f" of {budget_words(budget)}"
    more = f" + {unpriced:,} of unknown cost" if unpriced else ""
    return f"about {likely}{most}{allowed}{more}"


def _of_one_epoch(estimate: Estimate) -> tuple[int, int, int]:
    """The likeliest, the least and the most tokens that one epoch trains on."""
    least = estimate.tokens_low // max(estimate.epochs_low, 1)
    most = estimate.tokens_high // max(estimate.epochs_high, 1)
    return estimate.tokens // _likely_epochs(estimate), least, most


def _likely_epochs(estimate: Estimate) -> int:
    """`reconciler.cost` takes the likeliest epochs from one end of their range: this says which."""
    low, high = max(estimate.epochs_low, 1), max(estimate.epochs_high, 1)
    return high if estimate.tokens * low >= estimate.tokens_low * high else low


def _rounded(count: int) -> str:
    """Three digits are more than a sample knows: `12.3M`, `841k`, `5,120`."""
    digits = max(0, len(str(count)) - _DIGITS)
    count = round(count, -digits)
    for least, unit, letter in _UNITS:
        if count >= least:
            return f"{count / unit:,.{_DIGITS}g}{letter}"
    return f"{count:,}"


def _unpriced(step: Step, estimate: Estimate) -> str:
    model = step.base_model or (step.spec.model if step.spec else None) or "its model"
    if estimate.price:
        return f"{model} costs {estimate.price}, so nobody can tell before the job is over"
    return f"no price known for {model}: add it under models: in reconciler.yaml"


def _truncated(step: Step, estimate: Estimate) -> str:
    base = step.spec.base if step.spec else None
    limit = base.max_tokens_per_example if base else None
    _, least, most = _of_one_epoch(estimate)
    about = "" if least == most else "about "
    many = "example is" if estimate.truncated == 1 else "examples are"
    than = f"{limit:,} tokens" if limit else "the model reads"
    return f"{about}{estimate.truncated:,} {many} longer than {than} and will be cut"
