"""What `reconcile datasets` shows: every fact of a file, in words, bars and one document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from reconciler.cost import BaseModel, TokenCount, estimate
from reconciler.datasets.tokens import Bar, Measured
from reconciler.errors import Problem, Severity
from reconciler.report.dataset_tables import DatasetRow, Overlap, Price, document, text

EXACT = Measured(
    count=TokenCount(tokens=51_204, low=51_204, high=51_204, exact=True, tokenizer="o200k_base"),
    sampled=False,
    bars=(
        Bar(low=56, high=60, examples=12),
        Bar(low=60, high=64, examples=300),
        Bar(low=64, high=72, examples=480),
        Bar(low=1_024, high=1_152, examples=20),
    ),
    longest=1_100,
)
SAMPLED = Measured(
    count=TokenCount(
        tokens=12_345_678, low=12_200_000, high=12_490_000, exact=False, tokenizer="cl100k_base"
    ),
    sampled=True,
    bars=(Bar(low=128, high=144, examples=90_000),),
    longest=140,
)


def price(model: str, usd: float | None, *, epochs: int | None = 3, **more: Any) -> Price:
    base = BaseModel(id=model, provider="openai", usd_per_million_tokens=usd, **more)
    return Price(
        provider="openai",
        model=model,
        usd_per_million_tokens=usd,
        usd_per_hour=more.get("usd_per_hour"),
        estimate=estimate(EXACT.count, 812, epochs, base),
    )


ROW = DatasetRow(
    file="specs/data/support.train.jsonl",
    size=1_234_567,
    sha256="ab" * 32,
    format="chat",
    examples=812,
    used_by=(("support-bot", "training_file"), ("support-mini", "validation_file")),
    measured=EXACT,
    messages={"2": 700, "3-4": 100, "5-8": 12},
    turns={"1": 812},
    roles={"system": 812, "user": 1_000, "assistant": 1_012},
    tools=("look_up", "refund"),
    with_tools=310,
    with_images=0,
    with_system=812,
    duplicates=4,
    overlaps=(Overlap(validation="specs/data/valid.jsonl", examples=2, line=7, training_line=31),),
    prices=(price("small", 3.0), price("large", 25.0), price("hourly", None, usd_per_hour=100.0)),
)
DAMAGED = DatasetRow(
    file="bad.jsonl",
    size=30,
    examples=2,
    problems=(
        Problem("bad.jsonl", 2, 1, "not JSON: a value is expected here"),
        Problem("bad.jsonl", 1, 1, "odd", severity=Severity.WARNING),
    ),
)

WHOLE = """\
specs/data/support.train.jsonl
  chat · 812 examples · 1,234,567 bytes · 51,204 tokens (o200k_base)
  used by         support-bot (training), support-mini (validation)
  tokens each     half have up to 71, 95 % up to 71, the longest 1,100
  messages        2 in 700 examples, 3-4 in 100, 5-8 in 12
  answers         1 in 812 examples
  roles           assistant 1,012, user 1,000, system 812
  tools           in 310 examples: look_up, refund
  system prompts  in every example
  duplicates      4 examples said before
  overlap         2 examples also in specs/data/valid.jsonl, so line 31 is its line 7
          32-63  312  ██████████████████████████
         64-127  480  ████████████████████████████████████████
        128-255    0
        256-511    0
      512-1,023    0
    1,024-2,047   20  █▋
  MODEL  PROVIDER  PER 1M  EPOCHS       COST
  small  openai     $3.00  3 epochs  ≈ $0.46
  large  openai    $25.00  3 epochs  ≈ $3.84
  1 more base model takes it, with no price by the token"""


def test_a_file_is_told_whole() -> None:
    assert text([ROW], width=100) == WHOLE


def test_what_was_sampled_says_so_and_how_far_off_it_may_be() -> None:
    shown = text([replace(ROW, measured=SAMPLED)], width=120)
    assert "≈ 12.3M tokens ± 1.2 %, sampled (cl100k_base)" in shown
    assert "the longest seen 140" in shown


def test_what_is_not_known_is_left_out() -> None:
    row = DatasetRow(file="x.jsonl", size=10, examples=1)
    assert text([row], width=100) == "x.jsonl\n  no known format · 1 example · 10 bytes"


def test_data_that_is_elsewhere_says_how_to_get_it() -> None:
    assert "not here: git lfs pull fetches it" in text(
        [DatasetRow(file="x.jsonl", size=10, not_here=True)], width=100
    )


def test_models_that_cost_the_same_share_a_line() -> None:
    row = replace(ROW, prices=(price("a", 3.0), price("b", 3.0), price("c", 3.0), price("d", 4.0)))
    shown = text([row], width=100)
    assert re.search(r"a and 2 more +openai +\$3\.00", shown)
    assert re.search(r"^  d +openai +\$4\.00", shown, re.MULTILINE)


def test_epochs_left_to_the_provider_make_a_range() -> None:
    shown = text([replace(ROW, prices=(price("small", 3.0, epochs=None),))], width=100)
    assert "3 epochs" in shown
    few = Price(
        provider="openai",
        model="small",
        usd_per_million_tokens=3.0,
        estimate=estimate(EXACT.count, 10, None, BaseModel(id="m", provider="p")),
    )
    assert "3\u201310 epochs (likely 10)" in text([replace(ROW, prices=(few,))], width=100)


def test_problems_stand_at_the_end_as_validate_shows_them() -> None:
    shown = text([DAMAGED, ROW], width=100).split("\n\n")[-1].split("\n")
    assert shown[0] == "bad.jsonl:2:1: not JSON: a value is expected here"
    assert shown[1] == "bad.jsonl:1:1: warning: odd"
    assert "of 2 files" in shown[-1]


def test_without_any_file_it_says_why() -> None:
    assert text([], width=100) == "no spec names a data file of this repository"


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 160])
def test_keeps_the_width_and_ends_no_line_in_a_space(width: int) -> None:
    shown = text([ROW, replace(ROW, measured=SAMPLED)], width=width)
    assert max(map(cell_len, shown.split("\n"))) <= max(width, 20)
    assert not re.search(r"[ \t]$", shown, re.MULTILINE)


def test_a_colour_says_nothing_the_words_do_not() -> None:
    coloured = text([ROW, DAMAGED], width=90, color=True)
    assert "\x1b[" in coloured
    assert re.sub("\x1b\\[[0-9]*m", "", coloured) == text([ROW, DAMAGED], width=90)


def test_names_out_of_the_data_are_shown_and_not_obeyed() -> None:
    row = replace(ROW, tools=("\x1b[31mred\n",), roles={"\u202euser": 1}, file="a\x07b")
    shown = text([row], width=100)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", shown)


def test_of_many_tools_a_dozen_are_named() -> None:
    row = replace(ROW, tools=tuple(f"tool{number:02}" for number in range(1, 21)))
    assert "tool01, tool02" in (shown := text([row], width=300))
    assert "tool12, and 8 more" in shown


def test_one_example_among_very_many_still_has_a_bar() -> None:
    bars = (Bar(low=32, high=36, examples=1), Bar(low=64, high=72, examples=1_000_000))
    shown = text([replace(ROW, measured=replace(EXACT, bars=bars))], width=100)
    assert re.search(r"32-63 +1  ▏$", shown, re.MULTILINE)


def test_the_document_has_every_key_known_or_not() -> None:
    full, empty = json.loads(document([ROW, DatasetRow(file="x", size=1)]))["datasets"]
    assert full.keys() == empty.keys()
    assert empty == {
        "file": "x",
        "size": 1,
        "sha256": None,
        "format": None,
        "examples": None,
        "not_here": False,
        "used_by": [],
        "tokens": None,
        "messages": {},
        "turns": {},
        "roles": {},
        "tools": [],
        "with_tools": None,
        "with_images": None,
        "with_system": None,
        "duplicates": None,
        "overlaps": [],
        "prices": [],
        "problems": [],
    }


def test_the_document_says_what_the_text_says() -> None:
    body = json.loads(document([ROW]))
    assert (body["kind"], body["apiVersion"]) == ("DatasetReport", "finetuning.reconciler/v1")
    (found,) = body["datasets"]
    assert found["tokens"] == {
        "tokens": 51_204,
        "low": 51_204,
        "high": 51_204,
        "exact": True,
        "tokenizer": "o200k_base",
        "truncated": 0,
        "sampled": False,
        "longest": 1_100,
        "median": 71,
        "p95": 71,
        "histogram": [
            {"from": 56, "to": 59, "examples": 12},
            {"from": 60, "to": 63, "examples": 300},
            {"from": 64, "to": 71, "examples": 480},
            {"from": 1_024, "to": 1_151, "examples": 20},
        ],
    }
    assert found["messages"] == {"2": 700, "3-4": 100, "5-8": 12}
    assert found["turns"] == {"1": 812}
    (overlap,) = found["overlaps"]
    assert (overlap["examples"], overlap["line"], overlap["training_line"]) == (2, 7, 31)
    assert found["used_by"][1] == {"name": "support-mini", "field": "validation_file"}
    assert [one["model"] for one in found["prices"]] == ["small", "large", "hourly"]
    assert found["prices"][0]["estimate"]["usd"] == pytest.approx(0.4608)
    assert found["prices"][2]["estimate"]["usd"] is None


def test_problems_in_the_document_keep_their_places() -> None:
    (found,) = json.loads(document([DAMAGED]))["datasets"]
    assert [(one["line"], one["severity"]) for one in found["problems"]] == [
        (2, "error"),
        (1, "warning"),
    ]
