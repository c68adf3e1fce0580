"""What reconciler.yaml says of base models, and of what a plan may do at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import config
from reconciler.config import Config, Policy
from reconciler.cost import BaseModel
from reconciler.errors import ConfigError

HEAD = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"


def load(root: Path, text: str) -> Config:
    (root / "reconciler.yaml").write_text(HEAD + text)
    return config.load(None, start=root, environment={})


def refusal(root: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(root, text)
    return raised.value.message.splitlines()


def test_a_row_in_full(tmp_path: Path) -> None:
    (tmp_path / "tokenizers").mkdir()
    (tmp_path / "tokenizers" / "llama.json").write_text("{}")
    found = load(
        tmp_path,
        """\
providers: {azure: {type: openai, base_url: "https://r.openai.azure.com/openai/v1"}}
models:
  gpt-4.1-mini-2025-04-14:
    provider: azure
    price: {per_million_tokens: 5, per_hour: 1.70}
    default_epochs: 3
    max_tokens_per_example: 65536
    min_examples: 10
    max_examples: 50000
    tokenizer: o200k_base
    methods: [supervised, dpo]
    closes_on: 2027-03-31
    shuts_down_on: "2027-06-30"
  accounts/fireworks/models/llama-v3p1-8b-instruct:
    provider: fireworks
    tokenizer: ./tokenizers/llama.json
""",
    )
    assert found.models == (
        BaseModel(
            id="gpt-4.1-mini-2025-04-14",
            provider="azure",
            methods=("supervised", "dpo"),
            usd_per_million_tokens=5.0,
            usd_per_hour=1.7,
            default_epochs=3,
            max_tokens_per_example=65_536,
            min_examples=10,
            max_examples=50_000,
            tokenizer="o200k_base",
            closes_on="2027-03-31",
            shuts_down_on="2027-06-30",
            source="reconciler.yaml",
        ),
        BaseModel(
            id="accounts/fireworks/models/llama-v3p1-8b-instruct",
            provider="fireworks",
            tokenizer="./tokenizers/llama.json",
            source="reconciler.yaml",
        ),
    )


@pytest.mark.parametrize("text", ["", "models: {}\n"])
def test_a_file_without_rows_has_none(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).models == ()


def test_a_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    text = "models: {m: {provider: fireworks, price: {per_million_tokens: 0}}}\n"
    (row,) = load(tmp_path, text).models
    assert row.usd_per_million_tokens == 0.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{}", "3:10: models.m.provider: this field is missing"),
        (
            "{provider: azure}",
            (
                "3:24: models.m.provider: no provider is called azure"
                " (the providers are bedrock, fireworks, openai)"
            ),
        ),
        (
            "{provider: openai, prise: {}}",
            "3:32: models.m.prise: unknown field (did you mean price?)",
        ),
        ("{provider: openai, price: 5}", "3:39: models.m.price: must be a mapping, got 5"),
        ("{provider: openai, price: {}}", "3:39: models.m.price: must not be empty"),
        (
            "{provider: openai, price: {per_million_tokens: -1}}",
            "3:60: models.m.price.per_million_tokens: must be at least 0, got -1",
        ),
        (
            "{provider: openai, default_epochs: 0}",
            "3:48: models.m.default_epochs: must be at least 1, got 0",
        ),
        (
            "{provider: openai, methods: [sft]}",
            (
                '3:42: models.m.methods[0]: must be "supervised", "dpo" or "reinforcement",'
                ' got the text "sft"'
            ),
        ),
        (
            "{provider: openai, closes_on: 14 January 2027}",
            (
                "3:43: models.m.closes_on: must be a day such as 2027-01-14,"
                ' got the text "14 January 2027"'
            ),
        ),
        (
            "{provider: openai, shuts_down_on: 2027-02-30}",
            "3:47: models.m.shuts_down_on: 2027-02-30 is no day (write it like 2027-01-14)",
        ),
        (
            "{provider: openai, min_examples: 20, max_examples: 10}",
            "3:64: models.m.max_examples: must be at least min_examples, 20, got 10",
        ),
        (
            "{provider: openai, tokenizer: ../tokenizer.json}",
            (
                "3:43: models.m.tokenizer: ../tokenizer.json lies outside the repository"
                " (name a path inside it)"
            ),
        ),
        (
            "{provider: openai, tokenizer: ./none.json}",
            (
                "3:43: models.m.tokenizer: there is no file ./none.json"
                " (name one relative to reconciler.yaml)"
            ),
        ),
        (
            "{provider: openai, tokenizer: tokenizers/llama.json}",
            (
                "3:43: models.m.tokenizer: tokenizers/llama.json is no name of a tokenizer"
                " (a file: ./tokenizers/llama.json)"
            ),
        ),
    ],
)
def test_what_is_refused_of_a_row(tmp_path: Path, row: str, message: str) -> None:
    (problem, *_) = refusal(tmp_path, f"models: {{m: {row}}}\n")
    assert problem[: len(f"reconciler.yaml:{message}")] == f"reconciler.yaml:{message}"


def test_a_path_that_leaves_the_repository_is_told_once(tmp_path: Path) -> None:
    text = "models: {m: {provider: openai, tokenizer: ../../etc/passwd}}\n"
    assert len(refusal(tmp_path, text)) == 1


def test_a_model_has_a_name_without_spaces(tmp_path: Path) -> None:
    assert refusal(tmp_path, "models: {'gpt 4': {provider: openai}}\n") == [
        'reconciler.yaml:3:10: models["gpt 4"]: the name must be the id of a model, without spaces'
    ]


# --- policy -------------------------------------------------------------------------------------


def test_every_rule(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """\
policy:
  max_creates: 10
  max_cost_usd: 12.50
  providers: [openai, bedrock]
  models: [gpt-4.1-mini-2025-04-14, "amazon.nova-micro-v1:0:128k"]
  methods: [supervised]
  required_labels: [team, stage=production, note=a = b]
  require_clean: true
""",
    )
    assert found.policy == Policy(
        max_creates=10,
        max_cost_usd=12.5,
        providers=("openai", "bedrock"),
        models=("gpt-4.1-mini-2025-04-14", "amazon.nova-micro-v1:0:128k"),
        methods=("supervised",),
        required_labels=("team", "stage=production", "note=a = b"),
        require_clean=True,
    )


def test_no_rule_is_no_limit(tmp_path: Path) -> None:
    assert load(tmp_path, "policy: {}\n").policy == load(tmp_path, "").policy == Policy()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("max_cost_usd: 0", "3:24: policy.max_cost_usd: must be above 0, got 0"),
        ("max_cost_usd: '5'", '3:24: policy.max_cost_usd: must be a number, got the text "5"'),
        ("max_cost: 5", "3:10: policy.max_cost: unknown field (did you mean max_cost_usd?)"),
        ("providers: openai", '3:21: policy.providers: must be a list, got the text "openai"'),
        ("providers: []", "3:21: policy.providers: must not be empty"),
        (
            "providers: [openai, azur]",
            (
                "3:30: policy.providers[1]: no provider is called azur"
                " (the providers are bedrock, fireworks, openai)"
            ),
        ),
        ("models: [a, a]", "3:18: policy.models: must not say the same twice"),
        ("methods: [ppo]", '3:20: policy.methods[0]: must be "supervised", "dpo" or'),
        (
            "required_labels: ['=x']",
            (
                "3:28: policy.required_labels[0]: must be the key of a label, or key=value,"
                ' got the text "=x"'
            ),
        ),
        ("require_clean: 1", "3:25: policy.require_clean: must be true or false, got 1"),
    ],
)
def test_what_is_refused_of_a_policy(tmp_path: Path, rule: str, message: str) -> None:
    (problem,) = refusal(tmp_path, f"policy: {{{rule}}}\n")
    assert problem[: len(f"reconciler.yaml:{message}")] == f"reconciler.yaml:{message}"
