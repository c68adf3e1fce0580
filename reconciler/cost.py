"""What a job would train on and what that costs: the values, and the arithmetic between them.

`models` says what a base model costs, `datasets.tokens` how much there is to train on, `estimates`
puts both into a plan. Pure, and below `model`, whose specs and steps carry these values.

All money is US dollars. An estimate is never written into a field of a provider's answer.
"""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000
TARGET_EPOCHS = 3
_MIN_SEEN, _MAX_SEEN = 100, 25_000
_MAX_EPOCHS, _MIN_EPOCHS = 25, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """The tokens that one epoch over a dataset trains on, each example cut at the model's limit.

    `low` and `high` hold the true number with 95 % confidence; all three are the same where
    `exact`. `truncated` counts the examples that are longer than the limit, as exactly as `tokens`.
    `tokenizer` names whose tokens they are, which may not be the model's own.
    """

    tokens: int
    low: int
    high: int
    exact: bool
    tokenizer: str
    truncated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """What is known of one base model at one provider. None and empty: nobody says.

    `provider` is a provider's type in the built-in table, its name in a repository's own. Dates are
    `YYYY-MM-DD`: no job is created from `closes_on` on, and from `shuts_down_on` on neither the
    model nor what was trained from it answers. `source` and `as_of` say who says so, and when.
    """

    id: str
    provider: str
    methods: tuple[str, ...] = ()
    usd_per_million_tokens: float | None = None
    usd_per_hour: float | None = None
    default_epochs: int | None = None
    max_tokens_per_example: int | None = None
    min_examples: int | None = None
    max_examples: int | None = None
    max_bytes: int | None = None
    tokenizer: str | None = None
    closes_on: str | None = None
    shuts_down_on: str | None = None
    aliases: tuple[str, ...] = ()
    source: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a create would train on over all its epochs, and what that would cost.

    `tokens` and `usd` are the likeliest; `low` and `high` bound them, by the sampling and by the
    epochs where those are left to the provider. `usd` is None where no price is known. `exact` says
    that every token was counted and the number of epochs is given. `price` says whose price, of
    when. `truncated` counts the examples that the model's limit cuts.
    """

    tokens: int
    tokens_low: int
    tokens_high: int
    epochs_low: int
    epochs_high: int
    exact: bool
    tokenizer: str
    usd: float | None = None
    usd_low: float | None = None
    usd_high: float | None = None
    price: str = ""
    truncated: int = 0


def estimate(
    counted: TokenCount, examples: int, epochs: int | None, model: BaseModel | None
) -> Estimate:
    """What training on this data costs. `epochs` is None where the provider chooses.

    An hourly price gives no cost: nobody can tell the hours before they are over.
    """
    low, likely, high = _epochs(epochs, examples, model)
    rate = model.usd_per_million_tokens if model else None
    tokens, least, most = counted.tokens * likely, counted.low * low, counted.high * high

    def usd(amount: int) -> float | None:
        return None if rate is None else round(amount * rate / MILLION, 4)

    return Estimate(
        tokens=tokens,
        tokens_low=least,
        tokens_high=most,
        epochs_low=low,
        epochs_high=high,
        exact=counted.exact and low == high,
        tokenizer=counted.tokenizer,
        usd=usd(tokens),
        usd_low=usd(least),
        usd_high=usd(most),
        price=_price(model),
        truncated=counted.truncated,
    )


def automatic_epochs(examples: int) -> int:
    """How often OpenAI goes over so many examples where `n_epochs` is auto.

    The heuristic that its cookbook publishes (Chat_finetuning_data_prep): three epochs, more for
    few examples and fewer for very many. A job of 10 examples was seen to run 10.
    """
    if examples * TARGET_EPOCHS < _MIN_SEEN:
        return min(_MAX_EPOCHS, _MIN_SEEN // max(examples, 1))
    if examples * TARGET_EPOCHS > _MAX_SEEN:
        return max(_MIN_EPOCHS, _MAX_SEEN // examples)
    return TARGET_EPOCHS


def _epochs(given: int | None, examples: int, model: BaseModel | None) -> tuple[int, int, int]:
    """The least, the likeliest and the most epochs."""
    if given is not None:
        return given, given, given
    if model is not None and model.default_epochs is not None:
        return model.default_epochs, model.default_epochs, model.default_epochs
    likely = automatic_epochs(examples)
    return min(likely, TARGET_EPOCHS), likely, max(likely, TARGET_EPOCHS)


def _price(model: BaseModel | None) -> str:
    if model is None:
        return ""
    whose = ", ".join(part for part in (model.source, model.as_of) if part)
    said = f" ({whose})" if whose else ""
    if model.usd_per_million_tokens is not None:
        return f"${model.usd_per_million_tokens:.2f} per 1M tokens{said}"
    return f"${model.usd_per_hour:.2f} an hour{said}" if model.usd_per_hour is not None else ""
