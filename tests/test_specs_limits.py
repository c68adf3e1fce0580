"""What speaks against a spec before its provider does: methods, amounts, and traits of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import specs
from reconciler.config import BedrockSettings, Config, OpenAISettings, ProviderSettings
from reconciler.cost import BaseModel
from reconciler.datasets.facts import DatasetFacts
from reconciler.errors import Severity
from reconciler.model import JobSpec
from reconciler.specs import Loaded
from reconciler.specs.limits import Objection, objections
from tests.fakes import make_spec
from tests.repository import Repository, repository

MODEL = "gpt-4.1-mini-2025-04-14"
BASE = BaseModel(id=MODEL, provider="openai", methods=("supervised", "dpo"))


PROVIDERS: Mapping[str, ProviderSettings] = {
    "openai": OpenAISettings(name="openai"),
    "bedrock": BedrockSettings(name="bedrock", region="us-east-1", bucket="my-bucket"),
}


def facts(**fields: Any) -> DatasetFacts:
    values: dict[str, Any] = {"sha256": "ab" * 32, "size": 1_000, "examples": 12, **fields}
    return DatasetFacts(**values)


def spec(provider: str = "openai", **fields: Any) -> JobSpec:
    return replace(make_spec(), provider=provider, provider_type=provider, **fields)


def against(one: JobSpec, **found: DatasetFacts) -> list[Objection]:
    return list(objections(one, found))


class TestMethods:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"base": None, "method": "reinforcement"}, id="nobody knows the model"),
            pytest.param(
                {"base": replace(BASE, methods=()), "method": "reinforcement"},
                id="nobody says how it is trained",
            ),
            pytest.param({"base": BASE, "method": "dpo"}, id="one of its methods"),
            pytest.param(
                {
                    "base": BASE,
                    "method": "reinforcement",
                    "section": {"customization_type": "FINE_TUNING"},
                },
                id="Bedrock's own word for it, which its rules look at",
            ),
        ],
    )
    def test_what_may_be(self, fields: Mapping[str, Any]) -> None:
        assert against(spec(**fields)) == []

    def test_a_method_that_the_model_is_not_trained_by(self) -> None:
        assert against(spec(base=BASE, method="reinforcement")) == [
            Objection(
                path=("spec", "method", "type"),
                message=f"{MODEL} is trained by supervised or dpo, not by reinforcement",
                hint="if that has changed, say so under models: in reconciler.yaml",
            )
        ]


class TestAmounts:
    @pytest.mark.parametrize(
        ("limits", "found"),
        [
            pytest.param({}, facts(examples=10**9), id="no limit is known"),
            pytest.param({"max_examples": 12}, facts(), id="as many examples as allowed"),
            pytest.param({"max_bytes": 1_000}, facts(), id="as many bytes as allowed"),
            pytest.param(
                {"max_examples": 1}, facts(examples=None), id="nobody has counted the examples"
            ),
        ],
    )
    def test_what_may_be(self, limits: Mapping[str, Any], found: DatasetFacts) -> None:
        assert against(spec(base=replace(BASE, **limits)), training_file=found) == []

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            pytest.param(
                {"max_examples": 11}, f"12 examples, and {MODEL} takes at most 11", id="examples"
            ),
            pytest.param(
                {"max_bytes": 999}, f"1,000 bytes, and {MODEL} takes at most 999", id="bytes"
            ),
        ],
    )
    @pytest.mark.parametrize(
        ("provider", "severity", "hint"),
        [
            ("openai", Severity.ERROR, "train on fewer or shorter examples"),
            ("fireworks", Severity.ERROR, "train on fewer or shorter examples"),
            (
                "bedrock",
                Severity.WARNING,
                "fewer examples, or a quota that your provider has raised",
            ),
        ],
    )
    def test_too_much(
        self,
        limits: Mapping[str, Any],
        message: str,
        provider: str,
        severity: Severity,
        hint: str,
    ) -> None:
        found = against(spec(provider, base=replace(BASE, **limits)), training_file=facts())
        path = ("spec", "training_file")
        assert found == [Objection(path=path, message=message, hint=hint, severity=severity)]

    def test_both_are_told(self) -> None:
        base = replace(BASE, max_examples=1, max_bytes=1)
        assert len(against(spec(base=base), training_file=facts())) == 2

    def test_validation_data_is_not_trained_on(self) -> None:
        base = replace(BASE, max_examples=1, max_bytes=1)
        assert against(spec(base=base), validation_file=facts()) == []


class TestTraits:
    @pytest.mark.parametrize(
        ("one", "found", "message"),
        [
            pytest.param(
                spec(),
                facts(with_reasoning=1),
                "an example with reasoning_content, which is fireworks' own",
                id="reasoning at OpenAI",
            ),
            pytest.param(
                spec("bedrock"),
                facts(with_reasoning=1_200),
                "1,200 examples with reasoning_content, which is fireworks' own",
                id="reasoning at Bedrock",
            ),
            pytest.param(spec("fireworks"), facts(with_reasoning=1), None, id="at Fireworks"),
            pytest.param(spec(), facts(most_images=10), None, id="as many images as it takes"),
            pytest.param(
                spec(),
                facts(most_images=11),
                "an example with 11 images; OpenAI takes 10",
                id="one image too many",
            ),
            pytest.param(spec("bedrock"), facts(most_images=11), None, id="OpenAI's own limit"),
            pytest.param(
                spec("fireworks", method="dpo"),
                facts(most_outputs=2),
                "an output of several messages; Fireworks compares one with one",
                id="preferences of several messages at Fireworks",
            ),
            pytest.param(
                spec("fireworks", method="dpo"), facts(most_outputs=1), None, id="of one message"
            ),
            pytest.param(spec(method="dpo"), facts(most_outputs=2), None, id="at OpenAI"),
        ],
    )
    @pytest.mark.parametrize("field", ["training_file", "validation_file"])
    def test_of_either_file(
        self, one: JobSpec, found: DatasetFacts, message: str | None, field: str
    ) -> None:
        told = against(one, **{field: found})
        assert [objection.message for objection in told] == ([message] if message else [])
        assert all(objection.path == ("spec", field) and objection.hint for objection in told)
        assert all(objection.severity is Severity.ERROR for objection in told)


class TestLoading:
    """Where it is said, and what becomes of the spec."""

    @pytest.fixture
    def repo(self, tmp_path: Path) -> Repository:
        return repository(tmp_path)

    def load(self, repo: Repository, **row: Any) -> Loaded:
        rows = (BaseModel(id=MODEL, provider="openai", **row),) if row else ()
        return specs.load(Config(root=repo.root, providers=PROVIDERS, models=rows))

    def test_an_error_stands_at_its_field_and_stops_the_spec(self, repo: Repository) -> None:
        repo.add("support-bot")
        loaded = self.load(repo, max_examples=11)
        assert loaded.specs == ()
        assert [str(problem) for problem in loaded.problems] == [
            (
                f"specs/support-bot.yaml:8:18: 12 examples, and {MODEL} takes at most 11"
                " (train on fewer or shorter examples)"
            )
        ]

    def test_a_repositorys_own_row_lifts_the_limit(self, repo: Repository) -> None:
        repo.add("support-bot")
        assert self.load(repo, max_examples=12).problems == ()

    def test_a_method_that_a_model_of_the_table_has_not(self, repo: Repository) -> None:
        repo.add("support-bot", "  method: {type: dpo}\n", data="pairs.jsonl")
        answer = [{"role": "assistant", "content": "yes"}]
        example = {
            "input": {"messages": [{"role": "user", "content": "well?"}]},
            "preferred_output": answer,
            "non_preferred_output": [{"role": "assistant", "content": "no"}],
        }
        lines = [{**example, "input": {"messages": [{"role": "user", "content": f"{n}?"}]}}
                 for n in range(12)]  # fmt: skip
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (repo.root / "specs/pairs.jsonl").write_text(text)
        loaded = self.load(repo, methods=("supervised",))
        assert [str(problem) for problem in loaded.problems] == [
            (
                f"specs/support-bot.yaml:9:18: {MODEL} is trained by supervised, not by dpo"
                " (if that has changed, say so under models: in reconciler.yaml)"
            )
        ]
        assert self.load(repo).problems == ()

    def test_a_warning_goes_along_with_the_spec(self, repo: Repository) -> None:
        path = repo.add("support-bot")
        text = path.read_text().replace("provider: openai", "provider: bedrock")
        path.write_text(text.replace(MODEL, "amazon.nova-micro-v1:0:128k"))
        row = BaseModel(id="amazon.nova-micro-v1:0", provider="bedrock", max_examples=11)
        loaded = specs.load(Config(root=repo.root, providers=PROVIDERS, models=(row,)))
        (one,) = loaded.valid()
        assert [warning.message for warning in one.warnings] == [
            "12 examples, and amazon.nova-micro-v1:0:128k takes at most 11"
        ]
        assert loaded.problems == one.warnings
