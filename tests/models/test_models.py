"""The table of base models, and how a spec's model is found in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reconciler import models
from reconciler.config import BedrockSettings, FireworksSettings, OpenAISettings, ProviderSettings
from reconciler.cost import BaseModel

OPENAI = OpenAISettings(name="openai")
AZURE = OpenAISettings(name="azure", base_url="https://r.openai.azure.com/openai/v1")
BEDROCK = BedrockSettings(name="bedrock")
FIREWORKS = FireworksSettings(name="fireworks")
MINI = "gpt-4.1-mini-2025-04-14"


def known(
    model: str | None, settings: ProviderSettings = OPENAI, own: tuple[BaseModel, ...] = ()
) -> BaseModel:
    found = models.lookup(model, settings, own)
    assert found is not None
    return found


# --- by which names a model is found -------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        MINI,
        "gpt-4.1-mini",
        f"ft:{MINI}:acme:support:AbCd1234",
        f"ft:{MINI}:acme::AbCd1234",
        f"ft:{MINI}:acme:support:AbCd1234:ckpt-step-88",
        "ft:gpt-4.1-mini:acme::AbCd1234",
    ],
)
def test_openais_names(name: str) -> None:
    assert known(name).id == MINI


HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"


@pytest.mark.parametrize(
    "name",
    [
        HAIKU,
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0:48k",
        f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}",
        "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
        f"arn:aws:bedrock:us-west-2:123456789012:custom-model/{HAIKU}/abcdefghijkl",
        f"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/{HAIKU}",
    ],
)
def test_bedrocks_names(name: str) -> None:
    assert known(name, BEDROCK).id == HAIKU


@pytest.mark.parametrize("name", ["qwen3-8b", "accounts/fireworks/models/qwen3-8b"])
def test_fireworks_names(name: str) -> None:
    assert known(name, FIREWORKS).id == "qwen3-8b"


@pytest.mark.parametrize("name", [f"{MINI}.ft-0ab3f80e4f2242929258fff45b56a9ce", MINI])
def test_azures_names(name: str) -> None:
    assert known(name, AZURE).id == MINI


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (None, OPENAI),
        ("", OPENAI),
        ("ft:", OPENAI),
        ("gpt-6-luna", OPENAI),
        ("gpt-4.1-mini-2026-01-01", OPENAI),
        (MINI, BEDROCK),
        ("qwen3-8b", OPENAI),
        ("amazon.nova-micro-v2:0", BEDROCK),
        ("my-custom-model", BEDROCK),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc", BEDROCK),
        ("accounts/acme/models/qwen3-8b", FIREWORKS),  # an account's own, whatever it is called
    ],
)
def test_what_the_table_does_not_know(name: str | None, settings: ProviderSettings) -> None:
    assert models.lookup(name, settings) is None


# --- where OpenAI's terms hold -------------------------------------------------------------------


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"])
def test_at_openai_its_terms_hold(url: str) -> None:
    found = known(MINI, OpenAISettings(name="mine", base_url=url))
    assert found.usd_per_million_tokens == 5.0
    assert found.closes_on == "2027-01-06"
    assert found.shuts_down_on == "2027-01-14"
    assert found.methods == ("supervised", "dpo")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1", "http://localhost/v1"])
def test_in_the_sandbox_they_hold_but_nothing_ever_closes(url: str) -> None:
    settings = OpenAISettings(name="mine", base_url=url)
    assert known(MINI, settings) == replace(known(MINI), closes_on=None, shuts_down_on=None)
    own = (row("mine", closes_on="2026-12-01"),)
    assert known(MINI, settings, own).closes_on == "2026-12-01"


@pytest.mark.parametrize(
    "url",
    [
        "https://r.openai.azure.com/openai/v1",
        "https://aigw.portkey.ai/v1",
        "https://api.openai.com.example/v1",
        "https://notapi.openai.com/v1",
    ],
)
def test_elsewhere_only_what_follows_from_the_model_holds(url: str) -> None:
    assert known(MINI, OpenAISettings(name="mine", base_url=url)) == BaseModel(
        id=MINI,
        provider="mine",
        max_tokens_per_example=65_536,
        min_examples=10,
        max_bytes=8 * 1024**3,
        tokenizer="o200k_base",
        aliases=("gpt-4.1-mini",),
        source="https://developers.openai.com/api/docs/pricing",
        as_of="2026-11-23",
    )


def test_a_built_in_provider_that_is_led_elsewhere_has_no_terms_of_openais() -> None:
    settings = OpenAISettings(name="openai", base_url="https://gateway.example/v1")
    assert known(MINI, settings).usd_per_million_tokens is None


# --- a repository's own rows ---------------------------------------------------------------------


def row(provider: str, **facts: object) -> BaseModel:
    return BaseModel(id=MINI, provider=provider, source="reconciler.yaml", **facts)  # type: ignore[arg-type]


def test_an_own_row_replaces_what_it_says_and_nothing_else() -> None:
    found = known(MINI, own=(row("openai", default_epochs=4, closes_on="2026-12-01"),))
    assert (found.default_epochs, found.closes_on) == (4, "2026-12-01")
    assert (found.usd_per_million_tokens, found.shuts_down_on) == (5.0, "2027-01-14")
    assert found.source == "https://developers.openai.com/api/docs/pricing"


@pytest.mark.parametrize("price", [0.0, 7.5])
def test_an_own_price_is_the_whole_price_and_its_source_is_told(price: float) -> None:
    found = known(
        "o4-mini",
        own=(
            BaseModel(
                id="o4-mini",
                provider="openai",
                usd_per_million_tokens=price,
                source="reconciler.yaml",
            ),
        ),
    )
    assert (found.usd_per_million_tokens, found.usd_per_hour) == (price, None)
    assert (found.source, found.as_of) == ("reconciler.yaml", "")
    assert found.id == "o4-mini-2025-04-16"


def test_rows_with_the_providers_name_beat_those_with_its_type() -> None:
    eu = BedrockSettings(name="eu")
    own = tuple(
        BaseModel(id=HAIKU, provider=name, usd_per_million_tokens=price, max_examples=most)
        for name, price, most in (("eu", 3.0, None), ("bedrock", 2.0, 77), ("us", 1.0, 66))
    )
    found = known(HAIKU, eu, own)
    assert (found.usd_per_million_tokens, found.max_examples, found.min_examples) == (3.0, 77, 32)
    assert known(HAIKU, BEDROCK, own).usd_per_million_tokens == 2.0


def test_rows_for_openai_say_nothing_of_another_server() -> None:
    own = (row("openai", usd_per_million_tokens=1.0), row("azure", usd_per_hour=2.0))
    assert known(MINI, AZURE, own).usd_per_hour == 2.0
    assert known(MINI, AZURE, own).usd_per_million_tokens is None
    assert known(MINI, AZURE, own).tokenizer == "o200k_base"
    assert known(MINI, AZURE, own[:1]).usd_per_million_tokens is None
    second = OpenAISettings(name="second")  # another account at OpenAI
    assert known(MINI, second, own).usd_per_million_tokens == 1.0


def test_a_row_under_an_alias_is_a_row_of_its_model() -> None:
    own = (BaseModel(id="gpt-4.1-mini", provider="azure", usd_per_hour=2.0),)
    assert known(MINI, AZURE, own).usd_per_hour == 2.0
    assert known(f"{MINI}.ft-00ff", AZURE, own).usd_per_hour == 2.0


def test_a_model_that_only_the_repository_knows() -> None:
    own = (BaseModel(id="gpt-oss-20b", provider="azure", usd_per_hour=1.7),)
    assert models.lookup("gpt-oss-20b", AZURE, own) == own[0]
    assert models.lookup("gpt-oss-20b", AZURE) is None


def test_the_table_holds_the_own_rows_in_place_of_the_built_in_ones() -> None:
    built_in = models.table()
    own = (
        BaseModel(id="gpt-4.1-mini", provider="openai", usd_per_million_tokens=6.0),
        BaseModel(id=MINI, provider="azure", usd_per_hour=2.0),
    )
    found = models.table(own)
    assert len(found) == len(built_in) + 1
    assert found[-1] == own[1]
    (replaced,) = (one for one in found if one.id == MINI and one.provider == "openai")
    assert replaced.usd_per_million_tokens == 6.0
    assert replaced.closes_on == "2027-01-06"
    assert models.table() == built_in


# --- days ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closes", "shuts", "today", "closed"),
    [
        ("2027-01-06", "2027-01-14", "2027-01-05", False),
        ("2027-01-06", "2027-01-14", "2027-01-06", True),
        (None, "2026-10-23", "2026-10-22", False),
        (None, "2026-10-23", "2026-10-23", True),
        (None, None, "2099-01-01", False),
    ],
)
def test_closed_from_the_day_on(
    closes: str | None, shuts: str | None, today: str, closed: bool
) -> None:
    model = BaseModel(id="m", provider="p", closes_on=closes, shuts_down_on=shuts)
    assert models.closed(model, date.fromisoformat(today)) is closed


@pytest.mark.parametrize(
    ("today", "days", "soon"),
    [
        ("2026-11-29", 45, False),
        ("2026-11-29", 46, True),
        ("2027-01-13", 0, False),
        ("2027-01-13", 1, True),
        ("2027-01-14", 90, False),  # it has
    ],
)
def test_a_shutdown_within_so_many_days(today: str, days: int, soon: bool) -> None:
    found = models.shuts_down_within(known(MINI), date.fromisoformat(today), days)
    assert found == (date(2027, 1, 14) if soon else None)


def test_a_model_without_an_end() -> None:
    assert models.shuts_down_within(known(HAIKU, BEDROCK), date(2026, 11, 29), 10_000) is None
