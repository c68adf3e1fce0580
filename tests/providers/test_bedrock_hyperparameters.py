"""Hyperparameters on Bedrock: what means the same is translated, what does not is refused."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.providers.base import Violation
from reconciler.providers.bedrock import families, hyperparameters
from reconciler.providers.bedrock.families import FAMILIES, Form, family
from tests.providers.bedrock_bench import ACCOUNT, CLAUDE, LLAMA, NOVA, TITAN, make

RFT = {"customization_type": "REINFORCEMENT_FINE_TUNING"}


def said(
    model: str, portable: dict[str, Any], own: dict[str, Any] | None = None
) -> list[Violation]:
    """What a model refuses of hyperparameters."""
    spec = make(model=model, hyperparameters=portable, section={"hyperparameters": own or {}})
    return list(hyperparameters.violations(spec, model))


class TestFamilies:
    @pytest.mark.parametrize(
        ("model", "name"),
        [
            (NOVA, "Nova Micro, Lite and Pro"),
            ("amazon.nova-pro-v1:0:300k", "Nova Micro, Lite and Pro"),
            ("amazon.nova-2-lite-v1:0:256k", "Nova 2"),
            ("amazon.nova-canvas-v1:0", "Nova Canvas"),
            ("amazon.titan-text-premier-v1:0:32k", "Titan Text Premier"),
            (TITAN, "Titan Text Lite and Express"),
            ("amazon.titan-image-generator-v2:0", "Titan Image Generator"),
            ("amazon.titan-embed-image-v1:0", "Titan Multimodal Embeddings"),
            (CLAUDE, "Claude 3 Haiku"),
            ("cohere.command-text-v14:7:4k", "Cohere Command"),
            ("cohere.command-light-text-v14:7:4k", "Cohere Command Light"),
            (LLAMA, "Llama 3.1"),
            ("meta.llama3-2-90b-instruct-v1:0:128k", "Llama 3.2"),
            ("meta.llama3-3-70b-instruct-v1:0:128k", "Llama 3.3"),
            (f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}", "Nova Micro, Lite and Pro"),
            (
                f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/{CLAUDE}/abcdefghijkl",
                "Claude 3 Haiku",
            ),
        ],
    )
    def test_a_model_is_of_a_family(self, model: str, name: str) -> None:
        found = family(model)
        assert found is not None
        assert found.name == name

    @pytest.mark.parametrize(
        "model", [None, "", "my-custom-model", "openai.gpt-oss-20b-1:0", "xx.amazon.nova-micro-v1"]
    )
    def test_any_other_is_of_none(self, model: str | None) -> None:
        assert family(model) is None

    def test_no_beginning_of_an_id_hides_another(self) -> None:
        prefixes = [prefix for known in FAMILIES for prefix in known.prefixes]
        for prefix in prefixes:
            assert [other for other in prefixes if other.startswith(prefix)] == [prefix]

    @pytest.mark.parametrize("known", FAMILIES, ids=lambda known: known.name)
    def test_a_default_lies_in_its_range(self, known: families.Family) -> None:
        for range_ in (known.ranges or {}).values():
            assert range_.minimum <= range_.maximum
            assert range_.default is None or range_.minimum <= range_.default <= range_.maximum

    def test_conversions_are_named_and_versioned(self) -> None:
        assert [str(form) for form in Form if "/" in form] == [
            "bedrock-conversation-2024/1",
            "system-messages/1",
            "prompt-completion/1",
        ]


class TestSent:
    def test_everything_goes_out_as_text_under_bedrocks_names(self) -> None:
        spec = make(
            model=CLAUDE,
            hyperparameters={"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5},
            section={"hyperparameters": {"earlyStoppingThreshold": 0.001, "x": "Auto"}},
        )
        assert hyperparameters.texts(spec) == {
            "epochCount": "3",
            "batchSize": "8",
            "learningRateMultiplier": "0.5",
            "earlyStoppingThreshold": "0.001",
            "x": "Auto",
        }

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (1e-5, "0.00001"),
            (1e-07, "0.0000001"),
            (5.0, "5"),
            (100, "100"),
            (20000.0, "20000"),
            (0.1, "0.1"),
            (0, "0"),
            ("1e-5", "1e-5"),
            ("auto", "auto"),
        ],
    )
    def test_a_number_goes_out_without_an_exponent(self, value: object, text: str) -> None:
        spec = make(section={"hyperparameters": {"learningRate": value}})
        assert hyperparameters.texts(spec) == {"learningRate": text}

    def test_what_is_left_to_the_provider_is_left_out(self) -> None:
        assert hyperparameters.texts(make()) == {}

    def test_reinforcement_has_numbers_of_its_own(self) -> None:
        spec = make(
            hyperparameters={"n_epochs": 2, "batch_size": 32},
            section={
                **RFT,
                "rft": {
                    "grader_lambda_arn": "arn:…",
                    "learning_rate": 1e-5,
                    "max_prompt_length": 4096,
                    "training_sample_per_prompt": 4,
                    "inference_max_tokens": 2048,
                    "reasoning_effort": "high",
                    "eval_interval": 10.0,
                },
            },
        )
        assert hyperparameters.texts(spec) == {}
        assert hyperparameters.rft(spec) == {
            "epochCount": 2,
            "batchSize": 32,
            "learningRate": 1e-5,
            "maxPromptLength": 4096,
            "trainingSamplePerPrompt": 4,
            "inferenceMaxTokens": 2048,
            "reasoningEffort": "high",
            "evalInterval": 10,
        }

    def test_the_default_effort_is_no_effort_at_all(self) -> None:
        spec = make(method="reinforcement", hyperparameters={"reasoning_effort": "default"})
        assert hyperparameters.rft(spec) == {}


class TestRead:
    def test_portable_names_come_back_and_others_stay(self) -> None:
        raw = {
            "epochCount": "2",
            "batchSize": "8",
            "learningRateMultiplier": "0.5",
            "learningRate": "0.00001",
        }
        assert hyperparameters.portable(raw) == {
            "n_epochs": 2,
            "batch_size": 8,
            "learning_rate_multiplier": 0.5,
            "learningRate": "0.00001",
        }

    @pytest.mark.parametrize("word", ["Auto", "", "nan", None])
    def test_what_is_no_number_stays_as_it_is(self, word: object) -> None:
        assert hyperparameters.portable({"epochCount": word}) == {"n_epochs": word}


FITS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (NOVA, {"n_epochs": 5}, {"learningRate": 1e-6, "learningRateWarmupSteps": 100}),
    (NOVA, {"n_epochs": 1}, {"learningRate": 1e-4, "learningRateWarmupSteps": "0"}),
    (CLAUDE, {"n_epochs": 10, "batch_size": 256, "learning_rate_multiplier": 2}, {}),
    (CLAUDE, {"batch_size": 4, "learning_rate_multiplier": 0.1}, {"earlyStoppingPatience": 1}),
    (TITAN, {"batch_size": 64}, {"learningRate": 0}),
    (LLAMA, {"n_epochs": 40, "batch_size": 1}, {}),  # AWS raises the number of epochs on request
    ("cohere.command-light-text-v14:7:4k", {"batch_size": 32}, {"evalPercentage": 20.5}),
    ("amazon.titan-image-generator-v1:0", {}, {"stepCount": "auto"}),
    ("amazon.titan-embed-image-v1:0", {}, {"epochCount": "Auto", "batchSize": 576}),
    ("amazon.titan-embed-image-v1:0", {"n_epochs": 10}, {}),
    ("my-own-model", {"n_epochs": 50}, {"learningRate": 7, "anything": "goes", "batchSize": 9999}),
    ("amazon.nova-2-lite-v1:0:256k", {"n_epochs": 50}, {"learningRate": 7}),
]


@pytest.mark.parametrize(("model", "portable", "own"), FITS)
def test_what_a_family_takes_is_not_refused(
    model: str, portable: dict[str, Any], own: dict[str, Any]
) -> None:
    assert said(model, portable, own) == []


MISFITS: list[tuple[str, dict[str, Any], dict[str, Any], str, str, str]] = [
    (
        NOVA,
        {"batch_size": 8},
        {},
        "batch_size",
        "Nova Micro, Lite and Pro on Bedrock has no batch_size",
        "remove it; Nova Micro, Lite and Pro has epochCount, learningRate, learningRateWarmupSteps",
    ),
    (
        NOVA,
        {"learning_rate_multiplier": 0.5},
        {},
        "learning_rate_multiplier",
        (
            "has no learning_rate_multiplier: Bedrock's multiplier exists for Claude 3 Haiku alone,"
            " and a multiplier is never sent as a rate"
        ),
        "spec.bedrock.hyperparameters.learningRate",
    ),
    (
        NOVA,
        {"n_epochs": 6},
        {},
        "n_epochs",
        ("n_epochs is 6, but Nova Micro, Lite and Pro takes 1 to 5 (whole numbers)"),
        "from AWS documentation, read 2026-11",
    ),
    (CLAUDE, {"batch_size": 2}, {}, "batch_size", "takes 4 to 256", "AWS documentation"),
    (LLAMA, {"batch_size": 2}, {}, "batch_size", "takes 1 alone", "AWS documentation"),
    (
        LLAMA,
        {},
        {"epochCount": 0},
        "epochCount",
        "epochCount is 0, but Llama 3.1 takes 1 to 10",
        "",
    ),
    (NOVA, {}, {"learningRate": 1}, "learningRate", "takes 0.000001 to 0.0001", "AWS"),
    (NOVA, {}, {"learningRate": "fast"}, "learningRate", "learningRate is fast", "AWS"),
    (NOVA, {}, {"learningRate": True}, "learningRate", "learningRate is True", "AWS"),
    (NOVA, {}, {"epochCount": 2.5}, "epochCount", "(whole numbers)", "AWS"),
    (NOVA, {}, {"epochCount": "auto"}, "epochCount", "epochCount is auto", "AWS"),
    (
        NOVA,
        {},
        {"learningrate": 1e-5},
        "learningrate",
        "has no hyperparameter learningrate",
        "did you mean learningRate?",
    ),
    (
        CLAUDE,
        {},
        {"learningRate": 1e-5},
        "learningRate",
        ("Claude 3 Haiku has no hyperparameter learningRate"),
        "did you mean learningRateMultiplier?",
    ),
    (
        NOVA,
        {"n_epochs": 2},
        {"epochCount": 3},
        "epochCount",
        "epochCount and n_epochs both set Bedrock's epochCount",
        "keep one",
    ),
    (
        "amazon.nova-canvas-v1:0",
        {"n_epochs": 2},
        {},
        "n_epochs",
        ("Nova Canvas on Bedrock has no n_epochs"),
        "it counts steps: spec.bedrock.hyperparameters.stepCount",
    ),
    (
        "amazon.titan-image-generator-v1:0",
        {},
        {"stepCount": 5},
        "stepCount",
        "takes 10 to 40000 or auto (whole numbers)",
        "AWS",
    ),
    (
        "amazon.titan-image-generator-v1:0",
        {},
        {},
        "hyperparameters",
        "Titan Image Generator needs stepCount: 10 to 40000 or auto",
        "stepCount: …",
    ),
    ("amazon.titan-embed-image-v1:0", {}, {}, "hyperparameters", "needs epochCount", "epochCount"),
    (
        "my-own-model",
        {"batch_size": 8},
        {},
        "batch_size",
        "whether my-own-model has a batchSize is not documented",
        "spec.bedrock.hyperparameters.batchSize",
    ),
    (
        "my-own-model",
        {"learning_rate_multiplier": 2},
        {},
        "learning_rate_multiplier",
        "never sent as a rate",
        "spec.bedrock.hyperparameters.learningRate",
    ),
    (
        "amazon.nova-2-lite-v1:0:256k",
        {"learning_rate_multiplier": 2},
        {},
        "learning_rate_multiplier",
        "never sent as a rate",
        "learningRate",
    ),
]


@pytest.mark.parametrize(("model", "portable", "own", "field", "message", "hint"), MISFITS)
def test_what_a_family_does_not_take_is_refused_by_name(
    model: str, portable: dict[str, Any], own: dict[str, Any], field: str, message: str, hint: str
) -> None:
    (violation,) = said(model, portable, own)
    assert violation.path[-1] == field
    assert message in violation.message
    assert hint in violation.hint


def test_a_model_that_is_not_known_yet_is_checked_later() -> None:
    spec = make(model=None, model_from="base", hyperparameters={"batch_size": 8})
    assert list(hyperparameters.violations(spec, None)) == []
    assert list(hyperparameters.violations(spec, NOVA))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, ("spec", "method", "supervised", "hyperparameters", "batch_size")),
        ({"top_level_hyperparameters": True}, ("spec", "hyperparameters", "batch_size")),
    ],
)
def test_a_refusal_points_at_what_was_written(fields: dict[str, Any], path: Any) -> None:
    spec = make(hyperparameters={"batch_size": 8}, **fields)
    assert [v.path for v in hyperparameters.violations(spec, NOVA)] == [path]


RFT_MISFITS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (
        {"learning_rate_multiplier": 2},
        {},
        "learning_rate_multiplier",
        "spec.bedrock.rft.learning_rate",
    ),
    ({"compute_multiplier": 2}, {}, "compute_multiplier", "remove it"),
    ({"batch_size": 8}, {}, "batch_size", "service model"),
    ({"n_epochs": 2}, {"rft": {"epoch_count": 2}}, "epoch_count", "keep one"),
    ({}, {"rft": {"learning_rate": 1}}, "learning_rate", "service model"),
    ({}, {"rft": {"training_sample_per_prompt": 1}}, "training_sample_per_prompt", "service model"),
    ({}, {"rft": {"max_prompt_length": 0}}, "max_prompt_length", "service model"),
    ({}, {"rft": {"reasoning_effort": "extreme"}}, "reasoning_effort", "service model"),
    ({}, {"hyperparameters": {"learningRate": 1e-5}}, "learningRate", "spec.bedrock.rft"),
]


@pytest.mark.parametrize(("portable", "section", "field", "hint"), RFT_MISFITS)
def test_reinforcement_refuses_what_it_does_not_have(
    portable: dict[str, Any], section: dict[str, Any], field: str, hint: str
) -> None:
    spec = make(hyperparameters=portable, section={**RFT, **section})
    (violation,) = hyperparameters.violations(spec, NOVA)
    assert violation.path[-1] == field
    assert hint in violation.hint


def test_an_effort_is_told_in_words() -> None:
    spec = make(section={**RFT, "rft": {"reasoning_effort": "extreme"}})
    (violation,) = hyperparameters.violations(spec, NOVA)
    assert violation.message == (
        "reasoning_effort is extreme, but reinforcement takes low, medium or high"
    )
