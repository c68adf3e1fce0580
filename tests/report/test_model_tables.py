"""The table of base models: every fact in its column, days counted from the one handed in."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from reconciler.cost import BaseModel
from reconciler.models.hyperparameters import Hyperparameter, of_openai
from reconciler.report.model_tables import ModelRow, as_json, bounds, text

TODAY = date(2026, 11, 29)
MINI = BaseModel(
    id="gpt-4.1-mini-2025-04-14",
    provider="openai",
    aliases=("gpt-4.1-mini",),
    methods=("supervised", "dpo"),
    usd_per_million_tokens=5.0,
    max_tokens_per_example=65_536,
    min_examples=10,
    closes_on="2027-01-06",
    shuts_down_on="2027-01-14",
    source="https://openai.example/pricing",
    as_of="2026-11-23",
)
HAIKU = BaseModel(
    id="claude-3-haiku",
    provider="bedrock",
    methods=("supervised",),
    default_epochs=2,
    min_examples=32,
    max_examples=10_000,
    source="https://aws.example/limits",
    as_of="2026-11",
)
GONE = BaseModel(
    id="o4-mini",
    provider="openai",
    methods=("reinforcement",),
    usd_per_hour=100.0,
    shuts_down_on="2026-10-23",
    source="https://openai.example/pricing",
)
BARE = BaseModel(id="bare", provider="azure")
ROWS = (
    ModelRow(model=MINI, hyperparameters=(Hyperparameter(name="n_epochs", minimum=1, maximum=50),)),
    ModelRow(model=HAIKU),
    ModelRow(model=GONE),
    ModelRow(model=BARE),
)


def test_every_fact_has_its_column() -> None:
    assert text(ROWS, TODAY, width=160).splitlines() == [
        (
            "  MODEL                    PROVIDER  METHODS                    PRICE  TOKENS"
            "      EXAMPLES  EPOCHS  AS OF       SOURCE"
        ),
        (
            "  gpt-4.1-mini-2025-04-14  openai    supervised, dpo  $5.00/1M tokens  65,536"
            "       from 10       -  2026-11-23  [1]"
        ),
        "                           also called gpt-4.1-mini",
        "                           no new jobs from 2027-01-06, in 38 days",
        "                           shuts down on 2027-01-14, in 46 days",
        "                           n_epochs 1 to 50",
        (
            "  claude-3-haiku           bedrock   supervised                     -       -"
            "  32 to 10,000       2  2026-11     [2]"
        ),
        (
            "  bare                     azure     -                              -       -"
            "             -       -  -           -"
        ),
        "[1] https://openai.example/pricing",
        "[2] https://aws.example/limits",
        "3 base models: 1 openai, 1 bedrock, 1 azure",
        "1 closed, shown with --all",
    ]


def test_closed_ones_are_shown_when_asked_for() -> None:
    found = text(ROWS, TODAY, closed=True, width=160)
    assert "$100.00/hour" in found
    assert "was shut down on 2026-10-23" in found
    assert "--all" not in found


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2027, 1, 5), ["no new jobs from 2027-01-06, in 1 day", "in 9 days"]),
        (date(2027, 1, 6), ["no new jobs since 2027-01-06", "in 8 days"]),
        (date(2027, 1, 14), ["no new jobs since 2027-01-06", "was shut down on 2027-01-14"]),
    ],
)
def test_days_are_counted_from_the_one_handed_in(today: date, said: list[str]) -> None:
    found = text(ROWS[:1], today, closed=True, width=160)
    assert all(words in found for words in said)


def test_a_narrow_page_cuts_nothing() -> None:
    found = text(ROWS, TODAY, closed=True, width=60)
    assert max(map(len, found.splitlines())) <= 60
    for fact in (MINI.id, "$5.00/1M tokens", "65,536", "32 to 10,000", "[2]"):
        assert fact in found


def test_nothing_known_and_nothing_open() -> None:
    assert text((), TODAY) == "0 base models: none"
    assert text(ROWS[2:3], TODAY) == "0 base models: none\n1 closed, shown with --all"


def test_what_the_repository_wrote_can_do_nothing_to_a_terminal() -> None:
    row = ModelRow(model=BaseModel(id="a\x1b[31mb", provider="azure", source="c\x07"))
    found = text((row,), TODAY, width=200)
    assert "\x1b" not in found
    assert "\x07" not in found


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Hyperparameter(name="a", minimum=1, maximum=5, default=2), "a 1 to 5 (2)"),
        (
            Hyperparameter(name="a", minimum=1e-6, maximum=1e-4, default=1e-5),
            "a 1e-06 to 0.0001 (1e-05)",
        ),
        (Hyperparameter(name="a", minimum=1, maximum=1), "a 1"),
        (Hyperparameter(name="a", minimum=1), "a at least 1"),
        (Hyperparameter(name="a", maximum=9), "a at most 9"),
        (Hyperparameter(name="a", minimum=0, above=True), "a above 0"),
        (Hyperparameter(name="a", minimum=0, maximum=2, above=True), "a above 0 to 2"),
        (
            Hyperparameter(name="a", minimum=10, maximum=40, words=("auto",), required=True),
            "a 10 to 40 or auto (required)",
        ),
        (Hyperparameter(name="a", words=("low", "high"), default="low"), "a high (low)"),
        (Hyperparameter(name="beta", method="dpo", minimum=0), "dpo beta at least 0"),
    ],
)
def test_a_hyperparameter_in_words(one: Hyperparameter, said: str) -> None:
    assert bounds(one) == said


@pytest.mark.parametrize(
    ("methods", "more"),
    [
        (("supervised",), []),
        (("supervised", "dpo"), ["dpo beta above 0 to 2 (auto)"]),
        (
            ("reinforcement",),
            [
                "reinforcement reasoning_effort low or medium or high (default)",
                "reinforcement compute_multiplier above 1e-05 to 10 (auto)",
                "reinforcement eval_interval at least 1 (auto)",
                "reinforcement eval_samples at least 1 (auto)",
            ],
        ),
    ],
)
def test_openais_hyperparameters_by_method(methods: tuple[str, ...], more: list[str]) -> None:
    assert [bounds(one) for one in of_openai(methods)] == [
        "n_epochs 1 to 50 (auto)",
        "batch_size 1 to 256 (auto)",
        "learning_rate_multiplier above 0 (auto)",
        *more,
    ]


def document(*, closed: bool = False) -> dict[str, Any]:
    found = json.loads(as_json(ROWS, TODAY, closed=closed))
    assert isinstance(found, dict)
    return found


def test_as_json_every_key_is_always_there() -> None:
    found = document()
    assert {key: found[key] for key in ("apiVersion", "kind", "today", "hidden")} == {
        "apiVersion": "finetuning.reconciler/v1",
        "kind": "ModelList",
        "today": "2026-11-29",
        "hidden": 1,
    }
    assert len({tuple(model) for model in found["models"]}) == 1
    assert found["models"][0] == {
        "id": "gpt-4.1-mini-2025-04-14",
        "provider": "openai",
        "aliases": ["gpt-4.1-mini"],
        "methods": ["supervised", "dpo"],
        "usd_per_million_tokens": 5.0,
        "usd_per_hour": None,
        "default_epochs": None,
        "max_tokens_per_example": 65_536,
        "min_examples": 10,
        "max_examples": None,
        "max_bytes": None,
        "tokenizer": None,
        "closes_on": "2027-01-06",
        "shuts_down_on": "2027-01-14",
        "source": "https://openai.example/pricing",
        "as_of": "2026-11-23",
        "closed": False,
        "closes_in_days": 38,
        "shuts_down_in_days": 46,
        "hyperparameters": [
            {
                "name": "n_epochs",
                "method": "",
                "minimum": 1,
                "maximum": 50,
                "default": None,
                "words": [],
                "above": False,
                "required": False,
            }
        ],
    }


def test_as_json_closed_ones_are_marked() -> None:
    found = document(closed=True)
    assert found["hidden"] == 0
    assert [model["id"] for model in found["models"] if model["closed"]] == ["o4-mini"]


def test_as_json_knows_every_fact_of_a_model() -> None:
    assert BaseModel.__dataclass_fields__.keys() <= document()["models"][0].keys()
