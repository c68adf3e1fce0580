"""`reconcile models`, as its users run it: no key, no network, whatever day it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.command import Command

CONFIG = """\
apiVersion: finetuning.reconciler/v1
kind: Config
providers:
  azure: {type: openai, base_url: "https://r.openai.azure.com/openai/v1"}
  eu: {type: bedrock, region: eu-central-1}
models:
  gpt-4.1-mini: {provider: azure, price: {per_hour: 1.7}, shuts_down_on: 2099-01-01}
  old-one: {provider: fireworks, closes_on: 2000-01-01}
"""


@pytest.fixture
def configured(reconcile: Command) -> Command:
    (reconcile.files.root / "reconciler.yaml").write_text(CONFIG)
    return reconcile


def listed(reconcile: Command, *arguments: str) -> dict[str, dict[str, Any]]:
    found = reconcile.json("models", "--all", *arguments)
    assert found["kind"] == "ModelList"
    return {model["id"]: model for model in found["models"]}


def test_the_table_with_its_sources(reconcile: Command) -> None:
    shown = reconcile("models", "--all").stdout
    assert "gpt-4.1-mini-2025-04-14" in shown
    assert "$5.00/1M tokens" in shown
    assert "epochCount 1 to 5 (2)" in shown
    assert "reinforcement maxPromptLength at least 1" in shown
    assert "https://aws.amazon.com/bedrock/pricing/" in shown


def test_closed_ones_are_counted_and_not_shown(configured: Command) -> None:
    shown = configured("models").stdout
    assert "old-one" not in shown
    assert "o4-mini" not in shown
    assert shown.rstrip().endswith("closed, shown with --all")
    assert "no new jobs since 2000-01-01" in configured("models", "--all").stdout


def test_a_provider_s_models_as_they_hold_there(configured: Command) -> None:
    found = listed(configured, "--provider", "azure")
    mini = found["gpt-4.1-mini-2025-04-14"]
    assert (mini["usd_per_hour"], mini["usd_per_million_tokens"]) == (1.7, None)
    assert (mini["shuts_down_on"], mini["closes_on"]) == ("2099-01-01", None)
    assert mini["max_tokens_per_example"] == 65_536
    assert found["gpt-4o-2024-08-06"]["usd_per_million_tokens"] is None
    assert {model["provider"] for model in found.values()} == {"azure"}


def test_another_region_of_bedrock_trains_the_same_models(configured: Command) -> None:
    assert listed(configured, "--provider", "eu").keys() == (
        listed(configured, "--provider", "bedrock").keys()
    )


def test_a_provider_that_is_not_there(configured: Command) -> None:
    done = configured("models", "--provider", "azur", check=2)
    assert "no provider is called azur" in done.stderr
    assert "the providers are azure, bedrock, eu, fireworks, openai" in done.stderr


@pytest.mark.parametrize("format_", ["markdown", "github", "sarif"])
def test_a_format_it_has_no_form_in(reconcile: Command, format_: str) -> None:
    done = reconcile("models", "--format", format_, check=2)
    assert f"the table of base models cannot be printed as {format_}" in done.stderr
    assert "choose --format text or json" in done.stderr
