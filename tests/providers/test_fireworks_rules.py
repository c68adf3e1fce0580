"""What Fireworks has no field for, or would refuse, is known offline and said at its field."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reconciler.config import FireworksSettings
from reconciler.model import Dataset
from reconciler.providers.fireworks import fields, rules
from tests.providers.fireworks_bench import spec

SETTINGS = FireworksSettings(name="fireworks", account_id="acme")
WANDB = ({"type": "wandb", "wandb": {"project": "p", "entity": "e"}},)


def found(**values: Any) -> list[tuple[str, str]]:
    violations = rules.check(spec(**values), SETTINGS)
    return [(".".join(map(str, v.path)), v.message) for v in violations]


def hint(**values: Any) -> str:
    (violation,) = rules.check(spec(**values), SETTINGS)
    return violation.hint


def data(**values: Any) -> Dataset:
    given = {"path": "data/x.jsonl", "sha256": "ab" * 32, "size": 10, "examples": 12}
    return Dataset(**{**given, **values})


def test_a_good_spec_breaks_nothing() -> None:
    assert (
        found(
            model="accounts/acme/models/my-tune",
            training=data(format="chat", examples=3_000_000),
            validation=data(sha256="cd" * 32, format="chat", examples=1),
            suffix="s" * 46,
            hyperparameters={"n_epochs": 1, "batch_size": 32},
            integrations=WANDB,
            labels={"team": "support"},
            section={
                "learning_rate": 1e-4,
                "lora_rank": 16,
                "lr_scheduler": {"cosine": {"min_lr_ratio": 0.1}},
                "display_name": "d" * 63,
                "purpose": "pilot",
                "wandb_api_key_env": "OTHER_WANDB",
                "eval_auto_carveout": False,
            },
        )
        == []
    )


def test_a_good_dpo_spec_breaks_nothing() -> None:
    section = {"loss_config": {"method": "DPO", "dpo": {"ref_cache_batch_size": 8}}}
    assert found(method="dpo", hyperparameters={"beta": 0.1}, section=section) == []


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        pytest.param(
            {"method": "reinforcement", "method_options": {"grader": {}}},
            "spec.method.type",
            "reinforcement is not among what this program can run at Fireworks",
            id="reinforcement",
        ),
        pytest.param(
            {"model": "ft:gpt-4.1:acme::1"},
            "spec.model",
            "ft:gpt-4.1:acme::1 is no model of Fireworks",
            id="another provider's model",
        ),
        pytest.param(
            {"model": "accounts/acme/datasets/d"},
            "spec.model",
            "accounts/acme/datasets/d is no model of Fireworks",
            id="a dataset for a model",
        ),
        pytest.param(
            {"training": Dataset(reference="s3://bucket/x.jsonl")},
            "spec.training_file",
            "s3://bucket/x.jsonl is an address, and Fireworks trains on datasets of the account",
            id="S3",
        ),
        pytest.param(
            {"training": Dataset(reference="S3%3A%2F%2Fbucket")},
            "spec.training_file",
            "S3%3A%2F%2Fbucket is an address, and Fireworks trains on datasets of the account",
            id="S3, escaped as for a gateway",
        ),
        pytest.param(
            {"training": Dataset(reference="file-AbC123")},
            "spec.training_file",
            "file-AbC123 is the id of a file at OpenAI",
            id="OpenAI's file",
        ),
        pytest.param(
            {"validation": Dataset(reference="accounts/acme/models/m")},
            "spec.validation_file",
            "accounts/acme/models/m is no dataset of Fireworks",
            id="a model for a dataset",
        ),
        pytest.param(
            {"training": data(format="preference")},
            "spec.training_file",
            "data/x.jsonl is in the preference format, but method is supervised",
            id="preferences for supervised",
        ),
        pytest.param(
            {"training": data(format="completion")},
            "spec.training_file",
            "data/x.jsonl is in the completion format, but method is supervised",
            id="completions",
        ),
        pytest.param(
            {"training": data(format="chat"), "method": "dpo"},
            "spec.training_file",
            "data/x.jsonl is in the chat format, but method is dpo",
            id="chat for dpo",
        ),
        pytest.param(
            {"training": data(examples=1)},
            "spec.training_file",
            "data/x.jsonl has 1 example, but must have at least 3",
            id="too few",
        ),
        pytest.param(
            {"training": data(examples=3_000_001)},
            "spec.training_file",
            "data/x.jsonl has 3,000,001 examples; Fireworks takes at most 3,000,000",
            id="too many",
        ),
        pytest.param(
            {"training": data(examples=1_000_001), "hyperparameters": {"n_epochs": 3}},
            "spec.method.supervised.hyperparameters.n_epochs",
            "1,000,001 examples times 3 epochs are 3,000,003; Fireworks trains on at most"
            " 3,000,000",
            id="too often",
        ),
        pytest.param(
            {"method": "dpo", "validation": data(sha256="cd" * 32, format="preference")},
            "spec.validation_file",
            "a dpo job at Fireworks takes no validation data",
            id="validation for dpo",
        ),
        pytest.param(
            {"validation": data(sha256="cd" * 32), "section": {"eval_auto_carveout": True}},
            "spec.fireworks.eval_auto_carveout",
            "validation data is given, so that none can be carved out of the training data",
            id="validation twice",
        ),
        pytest.param(
            {"suffix": "s" * 47},
            "spec.suffix",
            "the suffix has 47 characters; 46 fit into the model's id at Fireworks (the rest ties"
            " it to this spec)",
            id="a long suffix",
        ),
        *[
            pytest.param(
                {"suffix": suffix},
                "spec.suffix",
                f"{suffix!r} cannot begin the id of a model at Fireworks",
                id=f"suffix {suffix}",
            )
            for suffix in ("Support", "7up", "a_b", "-a", "a-", "é")
        ],
        pytest.param({"seed": 0}, "spec.seed", "jobs at Fireworks have no seed", id="seed"),
        pytest.param(
            {"hyperparameters": {"learning_rate_multiplier": 1}},
            "spec.method.supervised.hyperparameters.learning_rate_multiplier",
            "Fireworks has no multiplier of the learning rate, only the rate itself",
            id="multiplier",
        ),
        pytest.param(
            {
                "hyperparameters": {"learning_rate_multiplier": 1},
                "top_level_hyperparameters": True,
            },
            "spec.hyperparameters.learning_rate_multiplier",
            "Fireworks has no multiplier of the learning rate, only the rate itself",
            id="multiplier in the older form",
        ),
        pytest.param(
            {"method": "dpo", "hyperparameters": {"beta": 0.5}},
            "spec.method.dpo.hyperparameters.beta",
            "beta is 0.5; Fireworks takes more than 0 and less than 0.5",
            id="beta",
        ),
        pytest.param(
            {
                "method": "dpo",
                "hyperparameters": {"beta": 0.1},
                "section": {"loss_config": {"method": "ORPO"}},
            },
            "spec.method.dpo.hyperparameters.beta",
            "beta belongs to the DPO loss, and fireworks.loss_config.method is ORPO",
            id="beta for ORPO",
        ),
        pytest.param(
            {"integrations": WANDB * 2},
            "spec.integrations",
            "2 integrations; a job at Fireworks reports to one",
            id="two integrations",
        ),
        pytest.param(
            {"integrations": ({"type": "wandb", "wandb": {"project": "p", "name": "run"}},)},
            "spec.integrations.0.wandb.name",
            "Fireworks passes no name on to Weights & Biases",
            id="a run's name",
        ),
        pytest.param(
            {"integrations": ({"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}},)},
            "spec.integrations.0.wandb.tags",
            "Fireworks passes no tags on to Weights & Biases",
            id="a run's tags",
        ),
        pytest.param(
            {"section": {"wandb_api_key_env": "WANDB_API_KEY"}},
            "spec.fireworks.wandb_api_key_env",
            "names the key of Weights & Biases, and the job does not report there",
            id="a key for nothing",
        ),
        pytest.param(
            {"metadata": {"owner": "support"}},
            "spec.metadata",
            "jobs at Fireworks carry no metadata",
            id="metadata",
        ),
        pytest.param(
            {"section": {"lora_rank": 12}},
            "spec.fireworks.lora_rank",
            "lora_rank is 12; Fireworks takes powers of two up to 64",
            id="an odd rank",
        ),
        pytest.param(
            {"section": {"lora_rank": 128}},
            "spec.fireworks.lora_rank",
            "lora_rank is 128; Fireworks takes powers of two up to 64",
            id="a high rank",
        ),
        pytest.param(
            {"section": {"display_name": "d" * 64}},
            "spec.fireworks.display_name",
            "has 64 characters; Fireworks takes at most 63",
            id="a long display name",
        ),
        pytest.param(
            {"section": {"lr_scheduler": {"linear": {}, "cosine": {}}}},
            "spec.fireworks.lr_scheduler",
            "names 2 schedules; a job follows one",
            id="two schedules",
        ),
        pytest.param(
            {"section": {"loss_config": {"method": "ORPO"}}},
            "spec.fireworks.loss_config",
            "is for dpo jobs; Fireworks has no such field for a supervised job",
            id="a loss for supervised",
        ),
        *[
            pytest.param(
                {"method": "dpo", "section": {name: True if name != "purpose" else "pilot"}},
                f"spec.fireworks.{name}",
                "is for supervised jobs; Fireworks has no such field for a dpo job",
                id=f"{name} for dpo",
            )
            for name in ("eval_auto_carveout", "is_turbo", "purpose")
        ],
        *[
            pytest.param(
                {"section": {name: 1}}, f"spec.fireworks.{name}", "is not said here", id=name
            )
            for name in fields.INSTEAD
        ],
        pytest.param(
            {"section": {"quantum": 1}}, "spec.fireworks.quantum", "unknown field", id="unknown"
        ),
    ],
)
def test_a_broken_rule_is_said_at_its_field(
    values: dict[str, Any], path: str, message: str
) -> None:
    assert found(**values) == [(path, message)]


@pytest.mark.parametrize(
    ("values", "instead"),
    [
        ({"seed": 1}, "remove it"),
        ({"metadata": {"a": "b"}}, "metadata.labels"),
        ({"hyperparameters": {"learning_rate_multiplier": 1}}, "spec.fireworks.learning_rate"),
        ({"method": "reinforcement"}, "supervised or dpo"),
        ({"training": Dataset(reference="s3://b/x")}, "./train.jsonl"),
        ({"training": data(examples=1_500_001), "hyperparameters": {"n_epochs": 2}}, "at most 1 "),
        ({"section": {"batch_size": 1}}, "hyperparameters.batch_size"),
        ({"section": {"early_stop": True}}, "no longer has it"),
        ({"section": {"jinja_template": "x"}}, "renderer_hugging_face_repo_id"),
        ({"section": {"epochs": 1}}, "hyperparameters.n_epochs"),
        ({"section": {"warm_start_from": "x"}}, "spec.model"),
        ({"training": data(format="preference")}, "method dpo trains on it"),
    ],
)
def test_the_alternative_is_named(values: dict[str, Any], instead: str) -> None:
    assert instead in hint(**values)


def test_all_that_is_wrong_is_said_in_the_order_of_the_fields() -> None:
    paths = [path for path, _ in found(seed=1, suffix="A", model="x y", metadata={"a": "b"})]
    assert paths == ["spec.model", "spec.suffix", "spec.seed", "spec.metadata"]


def test_a_key_that_stands_where_its_variable_should_is_not_repeated() -> None:
    key = "ab12" * 10
    (violation,) = rules.check(
        spec(integrations=WANDB, section={"wandb_api_key_env": key}), SETTINGS
    )
    assert violation.path == ("spec", "fireworks", "wandb_api_key_env")
    assert key not in f"{violation}"


def test_what_is_not_known_of_the_data_breaks_no_rule() -> None:
    assert found(training=Dataset(reference="my-data")) == []
    assert found(training=Dataset(reference="accounts/acme/datasets/my-data")) == []
    assert found(training=Dataset(path="x.jsonl", sha256="ab" * 32)) == []


def test_a_model_of_another_spec_is_not_judged_before_it_is_known() -> None:
    assert found(upstream=spec("upstream")) == []


@pytest.mark.parametrize("model", ["gpt-oss-20b", "qwen3-8b", "accounts/fireworks/models/qwen3-8b"])
def test_models_of_the_library_are_models(model: str) -> None:
    assert found(model=model) == []


def test_checking_imports_no_http() -> None:
    code = (
        "import sys\n"
        "from reconciler.providers.fireworks import rules\n"
        "print([m for m in ('httpx', 'tenacity', 'anyio', 'ssl') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
