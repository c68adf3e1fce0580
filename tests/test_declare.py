"""A job in the words of a spec: every field a provider shows, and none it does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.declare import document, spec_name
from reconciler.model import Job, JobStatus

TOKEN = "support-bot-0123456789abcdef"


def job(**fields: Any) -> Job:
    values: dict[str, Any] = {
        "id": "ftjob-AbC123xyZ9",
        "status": JobStatus.SUCCEEDED,
        "provider_status": "succeeded",
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
    }
    return Job(**{**values, **fields})


def spec(provider_type: str = "openai", **fields: Any) -> dict[str, Any]:
    body = document(job(**fields), name="support", provider="mine", provider_type=provider_type)
    assert (body["kind"], body["metadata"]) == ("FineTuningJob", {"name": "support"})
    section: dict[str, Any] = body["spec"]
    return section


def test_a_bare_job() -> None:
    assert spec() == {
        "provider": "mine",
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "method": {"type": "supervised"},
    }


def test_everything_that_openai_shows() -> None:
    shown = {"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": 1.8, "new": 1}
    found = spec(
        stamp=TOKEN,
        validation_file="file-2",
        seed=0,
        fine_tuned_model="ft:gpt-4.1-mini-2025-04-14:acme:support:9Xyz",
        hyperparameters=shown,
        method={"type": "supervised", "supervised": {"hyperparameters": shown}},
        integrations=({"type": "wandb", "wandb": {"project": "p", "entity": None, "run_id": "7"}},),
        metadata={"owner": "us", "reconciler-token": TOKEN, "reconciler-source": "default/x@1"},
    )
    assert found == {
        "provider": "mine",
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "validation_file": "file-2",
        "suffix": "support",
        "seed": 0,
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 3, "learning_rate_multiplier": 1.8}},
        },
        "integrations": [{"type": "wandb", "wandb": {"project": "p"}}],
        "metadata": {"owner": "us"},
    }


def test_a_grader_is_kept_without_its_nulls() -> None:
    grader = {"type": "string_check", "name": "right", "sampling_params": None}
    found = spec(
        method={
            "type": "reinforcement",
            "reinforcement": {"grader": grader, "response_format": None, "hyperparameters": {}},
        },
        hyperparameters={"reasoning_effort": "high", "eval_interval": 5, "beta": 0.1},
    )
    assert found["method"] == {
        "type": "reinforcement",
        "reinforcement": {
            "grader": {"type": "string_check", "name": "right"},
            "hyperparameters": {"eval_interval": 5, "reasoning_effort": "high"},
        },
    }


def test_a_fine_tuned_base_is_kept() -> None:
    assert spec(model="ft:gpt-4o-mini:acme:one:1")["model"] == "ft:gpt-4o-mini:acme:one:1"


def test_fireworks_own_words_go_into_its_section() -> None:
    found = spec(
        "fireworks",
        method={"type": "dpo", "dpo": {"hyperparameters": {}}},
        hyperparameters={"n_epochs": 2, "beta": 0.1, "lora_rank": 16, "loss": "DPO"},
    )
    assert found["method"]["dpo"] == {"hyperparameters": {"n_epochs": 2, "beta": 0.1}}
    assert found["fireworks"] == {"lora_rank": 16, "loss_config": {"method": "DPO"}}


def test_bedrock_writes_its_numbers_as_text() -> None:
    found = spec(
        "bedrock",
        method={"type": "supervised"},
        hyperparameters={"n_epochs": 2, "learningRate": "0.00001", "mode": "auto"},
    )
    assert found["method"]["supervised"] == {"hyperparameters": {"n_epochs": 2}}
    assert found["bedrock"] == {"hyperparameters": {"learningRate": 1e-05, "mode": "auto"}}


def test_another_kind_of_bedrock_job() -> None:
    found = spec(
        "bedrock", method={"type": "continued_pre_training"}, hyperparameters={"n_epochs": 2}
    )
    assert "method" not in found
    assert found["bedrock"] == {
        "customization_type": "CONTINUED_PRE_TRAINING",
        "hyperparameters": {"epochCount": 2},
    }


@pytest.mark.parametrize("value", ["nan", "inf", True, None, [], {}, "auto", ""])
def test_what_is_no_number_is_left_to_the_provider(value: Any) -> None:
    assert spec(hyperparameters={"n_epochs": value})["method"] == {"type": "supervised"}


@pytest.mark.parametrize(
    ("model", "stamp", "suffix"),
    [
        ("ft:base:acme::id", None, None),
        ("ft:base:acme:id", None, None),
        ("ft:ft:base:acme:one:1:acme:two:2", None, "two"),
        ("ft:base:acme:words-0123456789abcdef:id", "0123456789abcdef", "words"),
        ("accounts/a/models/words-0123456789abcdef", TOKEN, "words"),
        ("accounts/a/models/words", "words", None),
        ("arn:aws:bedrock:us-east-1:1:custom-model/amazon.x/1", TOKEN, None),
    ],
)
def test_the_suffix_where_the_model_shows_it(
    model: str, stamp: str | None, suffix: str | None
) -> None:
    assert spec(fine_tuned_model=model, stamp=stamp).get("suffix") == suffix


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "gpt-4-1-mini-2025-04-14"),
        ({"fine_tuned_model": "ft:base:acme:My  Støre!:id"}, "my-st-re"),
        ({"fine_tuned_model": "ft:base:acme:42:id"}, "job-42"),
        ({"fine_tuned_model": "ft:base:acme:日本:id"}, "job"),
        ({"fine_tuned_model": f"ft:base:acme:{'a' * 39}-b:id"}, "a" * 39),
        ({"fine_tuned_model": "accounts/a/models/words"}, "words"),
        ({"model": "arn:aws:bedrock:x::foundation-model/amazon.nova:0"}, "amazon-nova-0"),
        ({"model": None}, "job"),
    ],
)
def test_a_name_that_is_legal(fields: dict[str, Any], name: str) -> None:
    assert spec_name(job(**fields), ()) == name


def test_a_name_that_is_free() -> None:
    taken: list[str] = []
    for _ in range(4):
        taken.append(spec_name(job(model="m" * 60), taken))
    assert taken == [
        "m" * 40,
        "m" * 31 + "-c123xyz9",
        "m" * 29 + "-c123xyz9-2",
        "m" * 29 + "-c123xyz9-3",
    ]
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name) for name in taken)
    assert spec_name(job(id="---", model="m"), ["m"]) == "m-2"
