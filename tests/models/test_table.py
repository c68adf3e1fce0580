"""The built-in table as data: every row sound, dated and sourced, and inside the package."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
import yaml

from reconciler import models
from reconciler.config import BedrockSettings, FireworksSettings, OpenAISettings, ProviderSettings
from reconciler.cost import BaseModel
from reconciler.providers.bedrock.families import FAMILIES, family
from reconciler.sandbox.bedrock.catalogue import BASE_MODELS as BEDROCKS_IN_THE_SANDBOX
from reconciler.sandbox.fireworks.catalogue import BASE_MODELS as FIREWORKS_IN_THE_SANDBOX
from reconciler.sandbox.openai.catalogue import BASE_MODELS as OPENAIS_IN_THE_SANDBOX

ROWS = models.table()
SPECS = Path(__file__).parents[2] / "specs"
SETTINGS: dict[str, ProviderSettings] = {
    "openai": OpenAISettings(name="openai"),
    "bedrock": BedrockSettings(name="bedrock"),
    "fireworks": FireworksSettings(name="fireworks"),
}
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def test_it_is_a_file_of_the_package() -> None:
    inside = resources.files("reconciler") / "data" / "models.json"
    assert json.loads(inside.read_bytes())["models"]
    assert inside.read_bytes() == models.FILE.read_bytes()


@by_row
def test_says_where_it_comes_from_and_when(row: BaseModel) -> None:
    assert re.fullmatch(r"https://[a-z.]+/[^\s,]*(, second-hand)?", row.source)
    assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", row.as_of)


@by_row
def test_numbers_and_days_make_sense(row: BaseModel) -> None:
    assert set(row.methods) <= {"supervised", "dpo", "reinforcement"}
    assert row.methods
    for price in (row.usd_per_million_tokens, row.usd_per_hour):
        assert price is None or 0 < price <= 100
    for day in (row.closes_on, row.shuts_down_on):
        assert day is None or date.fromisoformat(day) > date(2026, 1, 1)
    if row.closes_on and row.shuts_down_on:
        assert row.closes_on <= row.shuts_down_on
    if row.min_examples and row.max_examples:
        assert row.min_examples < row.max_examples


def test_no_name_means_two_models() -> None:
    names = Counter(
        (row.provider, models.base_id(name)) for row in ROWS for name in (row.id, *row.aliases)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.provider == "bedrock"])
def test_every_bedrock_row_agrees_with_its_family(row: BaseModel) -> None:
    known = family(row.id)
    assert known is not None
    assert (row.min_examples or 1) == known.min_examples
    ranges = known.ranges or {}
    epochs = ranges.get("epochCount")
    assert row.default_epochs == (epochs.default if epochs else None)


def test_every_family_of_bedrock_has_a_row() -> None:
    rows = [row.id for row in ROWS if row.provider == "bedrock"]
    assert all(any(id_.startswith(known.prefixes) for id_ in rows) for known in FAMILIES)


def test_what_is_fine_tunable_at_openai_closes_before_it_shuts_down() -> None:
    open_ = {row.id: row for row in ROWS if row.provider == "openai" and row.closes_on}
    assert {id_: row.usd_per_million_tokens for id_, row in open_.items()} == {
        "gpt-4.1-2025-04-14": 25.0,
        "gpt-4.1-mini-2025-04-14": 5.0,
        "gpt-4o-2024-08-06": 25.0,
        "gpt-4o-mini-2024-07-18": 3.0,
    }
    assert {(row.closes_on, row.shuts_down_on) for row in open_.values()} == {
        ("2027-01-06", "2027-01-14")
    }


def test_what_openai_has_shut_down_stays_so_that_a_refusal_can_name_the_day() -> None:
    gone = {row.id for row in ROWS if row.shuts_down_on == "2026-10-23"}
    assert gone == {
        "gpt-4.1-nano-2025-04-14",
        "o4-mini-2025-04-16",
        "gpt-4-0613",
        "gpt-3.5-turbo-0125",
        "davinci-002",
        "babbage-002",
    }


def test_only_openais_tokens_are_counted_by_a_tokenizer_we_have() -> None:
    assert {row.tokenizer for row in ROWS if row.provider == "openai"} == {"o200k_base", None}
    assert {row.tokenizer for row in ROWS if row.provider != "openai"} == {None}


def test_every_model_that_the_sandbox_tunes_is_known() -> None:
    tuned = {
        "openai": [model.id for model in OPENAIS_IN_THE_SANDBOX if model.methods],
        "bedrock": list(BEDROCKS_IN_THE_SANDBOX),
        "fireworks": [name for name, model in FIREWORKS_IN_THE_SANDBOX.items() if model.tunable],
    }
    missing = [
        name
        for provider, names in tuned.items()
        for name in names
        if models.lookup(name, SETTINGS[provider]) is None
    ]
    assert missing == []


def test_every_model_of_the_examples_is_known() -> None:
    asked = [
        spec["spec"]
        for path in sorted(SPECS.glob("*.yaml"))
        if not path.name.endswith(".status.yaml")
        for spec in yaml.safe_load_all(path.read_text())
    ]
    unknown = [
        spec["model"]
        for spec in asked
        if isinstance(spec["model"], str)
        and models.lookup(spec["model"], SETTINGS[spec["provider"]]) is None
    ]
    assert asked
    assert unknown == []
