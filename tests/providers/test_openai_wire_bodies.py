"""A spec becomes the body that OpenAI describes, and what ties the job to it is never moved."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.config import OpenAISettings
from reconciler.model import Dataset, JobSpec, Source
from reconciler.providers.base import CreateRequest
from reconciler.providers.openai import wire
from tests.fakes import make_spec

OPENAI = OpenAISettings(name="openai")
SUFFIX = OpenAISettings(name="openai", stamp="suffix")


def body(
    spec: JobSpec, settings: OpenAISettings = OPENAI, validation: str | None = None
) -> dict[str, Any]:
    request = CreateRequest(
        spec=spec, base_model="gpt-4.1-mini-2025-04-14", training="file-1", validation=validation
    )
    return wire.create_body(request, settings)


def test_the_least_body_says_nothing_that_was_not_asked_for() -> None:
    spec = make_spec()
    assert body(spec) == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "metadata": {
            "reconciler-token": spec.token,
            "reconciler-source": "default/support-bot",
        },
    }


def test_the_whole_body() -> None:
    spec = make_spec(
        method="supervised",
        hyperparameters={"n_epochs": 3, "learning_rate_multiplier": 0.5},
        suffix="support",
        seed=0,
        validation=Dataset(sha256="cd" * 32),
        integrations=({"type": "wandb", "wandb": {"project": "p", "name": None, "tags": ("a",)}},),
        metadata={"owner": "support"},
        source=Source(path="specs/a.yaml", commit="3f9a1c0"),
    )
    assert body(spec, validation="file-2") == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "validation_file": "file-2",
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 3, "learning_rate_multiplier": 0.5}},
        },
        "suffix": "support",
        "seed": 0,
        "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["a"]}}],
        "metadata": {
            "owner": "support",
            "reconciler-token": spec.token,
            "reconciler-source": "default/support-bot@3f9a1c0",
        },
    }


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(
            {"method": "dpo"}, {"method": {"type": "dpo"}}, id="a method that is not the default"
        ),
        pytest.param(
            {"method": "dpo", "hyperparameters": {"beta": 0.1}},
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}},
            id="dpo",
        ),
        pytest.param(
            {
                "method": "reinforcement",
                "method_options": {"grader": {"type": "python", "image_tag": None}},
                "hyperparameters": {"eval_interval": 2},
            },
            {
                "method": {
                    "type": "reinforcement",
                    "reinforcement": {
                        "grader": {"type": "python"},
                        "hyperparameters": {"eval_interval": 2},
                    },
                }
            },
            id="reinforcement",
        ),
        pytest.param(
            {"top_level_hyperparameters": True, "hyperparameters": {"n_epochs": 2}},
            {"hyperparameters": {"n_epochs": 2}},
            id="the older form, as it was written",
        ),
        pytest.param({"top_level_hyperparameters": True}, {}, id="the older form, undecided"),
    ],
)
def test_the_method_goes_out_as_the_spec_was_written(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    written = body(make_spec(**fields))
    assert {key: written[key] for key in ("method", "hyperparameters") if key in written} == sent


def test_extra_bodies_go_over_the_rest_the_specs_last() -> None:
    spec = make_spec(
        hyperparameters={"n_epochs": 3},
        section={"extra_body": {"trainingType": "developerTier", "method": {"x": [1]}}},
    )
    settings = OpenAISettings(
        name="azure", extra_body={"trainingType": "globalStandard", "method": {"y": None}}
    )
    written = body(spec, settings)
    assert written["trainingType"] == "developerTier"
    assert written["method"] == {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 3}},
        "y": None,
        "x": [1],
    }
    assert settings.extra_body["method"] == {"y": None}


@pytest.mark.parametrize("metadata", [{"reconciler-token": "other", "team": "x"}, None, "none"])
def test_no_extra_body_moves_what_ties_the_job_to_the_spec(metadata: object) -> None:
    extra = {
        "model": "other",
        "training_file": "other",
        "validation_file": "other",
        "metadata": metadata,
    }
    spec = make_spec(section={"extra_body": extra}, metadata={"owner": "support"})
    written = body(spec, OpenAISettings(name="openai", extra_body=extra))
    assert written["model"] == "gpt-4.1-mini-2025-04-14"
    assert written["training_file"] == "file-1"
    assert "validation_file" not in written
    assert written["metadata"]["reconciler-token"] == spec.token
    assert written["metadata"]["reconciler-source"] == "default/support-bot"


def test_a_stamp_in_the_suffix_leaves_metadata_to_the_user() -> None:
    spec = make_spec(suffix="support", metadata={"owner": "support"})
    written = body(spec, SUFFIX)
    assert written["suffix"] == f"support-{spec.token[-16:]}"
    assert written["metadata"] == {"owner": "support"}
    assert "metadata" not in body(make_spec(), SUFFIX)


def test_a_stamp_in_the_suffix_is_never_moved() -> None:
    spec = make_spec(section={"extra_body": {"suffix": "mine"}})
    assert body(spec, SUFFIX)["suffix"] == f"support-bot-{spec.token[-16:]}"


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        (SUFFIX, 64),
        (OpenAISettings(name="azure", stamp="suffix", auth="api-key"), 40),
    ],
)
def test_a_stamped_suffix_fits(settings: OpenAISettings, length: int) -> None:
    spec = make_spec(suffix="x" * 64)
    suffix = body(spec, settings)["suffix"]
    assert len(suffix) == length
    assert suffix.endswith(f"x-{spec.token[-16:]}")


def test_a_name_is_cut_at_a_word_where_the_stamp_needs_the_room() -> None:
    spec = make_spec("abcdefghij-abcdefghijk-m")  # its 23rd character is a hyphen
    azure = OpenAISettings(name="azure", stamp="suffix", auth="api-key")
    assert body(spec, azure)["suffix"] == f"abcdefghij-abcdefghijk-{spec.token[-16:]}"


def test_the_source_fits_a_metadata_value() -> None:
    spec = make_spec(namespace="n" * 600)
    assert body(spec)["metadata"]["reconciler-source"] == "n" * 512
