"""From YAML to JobSpec: defaults, older forms, and what two ways of writing have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import specs
from reconciler.config import Config, OpenAISettings
from reconciler.errors import SpecError
from reconciler.model import JobSpec, Source
from reconciler.specs import Loaded
from tests.repository import Repository, repository

PROVIDERS = {name: OpenAISettings(name=name) for name in ("openai", "azure")}
OTHER_TRAINING = "other.jsonl"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = repository(tmp_path)
    made.data("train.jsonl")
    made.data(OTHER_TRAINING, seed="!")
    return made


def document(**spec: Any) -> dict[str, Any]:
    """A whole document; a field that is None is left out."""
    fields = {
        "provider": "openai",
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "./train.jsonl",
        **spec,
    }
    return {
        "apiVersion": "finetuning.reconciler/v1",
        "kind": "FineTuningJob",
        "metadata": {"name": "a"},
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def load(
    repo: Repository, value: Any, *, file: str = "a.yaml", commit: str | None = None
) -> Loaded:
    (repo.root / "specs" / file).write_text(
        value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False)
    )
    return specs.load(Config(root=repo.root, providers=PROVIDERS), commit=commit)


def one(repo: Repository, value: Any, **more: Any) -> JobSpec:
    (spec,) = load(repo, value, **more).valid()
    return spec


def problems(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


FULL = document(
    validation_file=f"./{OTHER_TRAINING}",
    suffix="support",
    seed=42,
    method={
        "type": "supervised",
        "supervised": {
            "hyperparameters": {
                "n_epochs": 3,
                "batch_size": "auto",
                "learning_rate_multiplier": 2.0,
            }
        },
    },
    integrations=[{"type": "wandb", "wandb": {"project": "support", "tags": ["a", "b"]}}],
    metadata={"owner": "support"},
    attempt=1,
    retry={"limit": 2},
    suspend=True,
    deletion_policy="cancel",
)
FULL["metadata"]["labels"] = {"team": "support"}


def test_a_short_spec_gets_every_default(repo: Repository) -> None:
    spec = one(repo, document(), commit="abc123")
    assert spec.source == Source(path="specs/a.yaml", line=1, commit="abc123")
    assert (spec.namespace, spec.name) == ("default", "a")
    assert (spec.provider, spec.provider_type) == ("openai", "openai")
    assert (spec.model, spec.model_from) == ("gpt-4.1-mini-2025-04-14", None)
    assert (spec.method, spec.hyperparameters, spec.method_options) == ("supervised", {}, {})
    assert (spec.top_level_hyperparameters, spec.section, spec.metadata) == (False, {}, {})
    assert (spec.validation, spec.suffix, spec.seed, spec.integrations) == (None, None, None, ())
    assert (spec.attempt, spec.retry_limit, spec.suspend) == (0, 0, False)
    assert (spec.deletion_policy, spec.labels) == ("orphan", {})


def test_a_full_spec_keeps_everything(repo: Repository) -> None:
    spec = one(repo, FULL)
    assert spec.hyperparameters == {"n_epochs": 3, "learning_rate_multiplier": 2.0}
    assert spec.validation
    assert spec.validation.path == f"specs/{OTHER_TRAINING}"
    assert (spec.suffix, spec.seed, spec.metadata) == ("support", 42, {"owner": "support"})
    assert spec.integrations == (
        {"type": "wandb", "wandb": {"project": "support", "tags": ["a", "b"]}},
    )
    assert (spec.attempt, spec.retry_limit, spec.suspend) == (1, 2, True)
    assert (spec.deletion_policy, spec.labels) == ("cancel", {"team": "support"})


def test_a_stamp_is_the_hash_of_what_is_trained(repo: Repository) -> None:
    spec = one(repo, document(seed=7))
    assert spec.identity == {
        "provider": "openai",
        "model": "gpt-4.1-mini-2025-04-14",
        "method": "supervised",
        "training": {"sha256": spec.training.sha256},
        "seed": 7,
    }
    assert spec.token.startswith("a-")


HYPERPARAMETERS = {"n_epochs": 3, "batch_size": 8}


@pytest.mark.parametrize(
    ("one_way", "another"),
    [
        pytest.param(
            document(hyperparameters=HYPERPARAMETERS),
            document(
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": HYPERPARAMETERS},
                }
            ),
            id="hyperparameters at the top, the older form",
        ),
        pytest.param(
            document(),
            document(method={"type": "supervised"}),
            id="no method is supervised",
        ),
        pytest.param(
            document(),
            document(
                hyperparameters={
                    "n_epochs": "auto",
                    "batch_size": "auto",
                    "learning_rate_multiplier": "auto",
                }
            ),
            id="auto is nothing said",
        ),
        pytest.param(
            document(hyperparameters={"learning_rate_multiplier": 2}),
            document(hyperparameters={"learning_rate_multiplier": 2.0}),
            id="a whole number however written",
        ),
        pytest.param(
            document(integrations=[{"type": "wandb", "wandb": {"project": "x"}}]),
            document(
                integrations=[{"type": "wandb", "wandb": {"project": "x", "name": None}}],
                attempt=0,
                suspend=False,
                metadata={},
            ),
            id="nulls and defaults are nothing said",
        ),
        pytest.param(
            FULL,
            {key: FULL[key] for key in reversed(FULL)}
            | {"spec": {key: FULL["spec"][key] for key in reversed(FULL["spec"])}},
            id="the order of fields",
        ),
        pytest.param(
            document(), f"# a comment\n{yaml.safe_dump(document())}", id="comments and style"
        ),
        pytest.param(
            document(),
            document() | {"metadata": {"name": "a", "labels": {"team": "support"}}},
            id="labels",
        ),
        pytest.param(
            document(),
            document(retry={"limit": 3}, suspend=True, deletion_policy="cancel"),
            id="what only steers us",
        ),
    ],
)
def test_two_ways_to_write_one_thing_are_one_job(
    repo: Repository, one_way: Any, another: Any
) -> None:
    assert one(repo, one_way).token == one(repo, another).token


def test_where_a_spec_and_its_data_lie_does_not_matter(repo: Repository) -> None:
    before = one(repo, document())
    (repo.root / "specs/a.yaml").unlink()
    (repo.root / "specs/moved").mkdir()
    (repo.root / "specs/moved/copy.jsonl").write_text((repo.root / "specs/train.jsonl").read_text())
    after = one(repo, document(training_file="./copy.jsonl"), file="moved/b.yml")
    assert after.source.path == "specs/moved/b.yml"
    assert after.token == before.token


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "azure"},
        {"model": "gpt-4.1-2025-04-14"},
        {"training_file": f"./{OTHER_TRAINING}"},
        {"validation_file": f"./{OTHER_TRAINING}"},
        {"suffix": "x"},
        {"seed": 0},
        {"hyperparameters": {"n_epochs": 1}},
        {"hyperparameters": {"n_epochs": 2}},
        {"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]},
        {"metadata": {"owner": "x"}},
        {"openai": {"extra_body": {"trainingType": "globalStandard"}}},
        {"attempt": 1},
    ],
    ids=str,
)
def test_what_decides_the_model_is_another_job(repo: Repository, change: Mapping[str, Any]) -> None:
    assert one(repo, document(**change)).token != one(repo, document()).token


def test_a_namespace_and_a_name_are_another_job(repo: Repository) -> None:
    here = one(repo, document())
    (there,) = specs.load(Config(root=repo.root, namespace="ml", providers=PROVIDERS)).valid()
    renamed = one(repo, document() | {"metadata": {"name": "b"}})
    assert len({here.token, there.token, renamed.token}) == 3
    assert here.digest == there.digest == renamed.digest


def test_the_rest_of_a_methods_section_are_its_options(repo: Repository) -> None:
    grader = {
        "type": "string_check",
        "name": "right",
        "input": "{{sample.output_text}}",
        "reference": "{{item.answer}}",
        "operation": "eq",
    }
    for name, count in (("train.jsonl", 12), (OTHER_TRAINING, 13)):
        line = '{"messages": [{"role": "user", "content": "2+2?"}], "answer": "4"}\n'
        (repo.root / "specs" / name).write_text(line * count)
    section = {"hyperparameters": {"n_epochs": 2, "reasoning_effort": "low"}, "grader": grader}
    spec = one(
        repo,
        document(
            model="o4-mini-2025-04-16",
            validation_file=f"./{OTHER_TRAINING}",
            method={"type": "reinforcement", "reinforcement": section},
        ),
    )
    assert spec.method == "reinforcement"
    assert spec.hyperparameters == {"n_epochs": 2, "reasoning_effort": "low"}
    assert spec.method_options == {"grader": grader}
    assert spec.training.format == "reinforcement"


def test_how_hyperparameters_were_written_is_remembered(repo: Repository) -> None:
    assert one(repo, document(hyperparameters=HYPERPARAMETERS)).top_level_hyperparameters


def test_an_unknown_provider_is_told_with_those_there_are(repo: Repository) -> None:
    assert problems(load(repo, document(provider="azur"))) == [
        (
            "specs/a.yaml:6:13: provider azur is not configured (did you mean azure?)"
            " (the providers are azure, openai; others go into reconciler.yaml)"
        )
    ]


def test_a_section_for_another_type_of_provider_is_not_ignored(repo: Repository) -> None:
    load(repo, document(openai={"extra_body": {}}))
    other = OpenAISettings(name="openai", type="other")
    loaded = specs.load(Config(root=repo.root, providers={"openai": other}))
    assert problems(loaded) == [
        (
            "specs/a.yaml:9:3: spec.openai is for providers of type openai,"
            " and openai is of type other (remove it: nothing in a spec is ignored)"
        )
    ]


def test_the_providers_rules_are_told_at_their_fields(repo: Repository) -> None:
    repo.data("train.jsonl", examples=9)
    assert problems(load(repo, document())) == [
        "specs/a.yaml:8:18: specs/train.jsonl has 9 examples, but must have at least 10"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "apiVersion: finetuning.reconciler/v1\nkind: Config\n",
            "specs/a.yaml:2:7: kind: Config is the configuration of a repository, not a spec"
            " (it belongs in reconciler.yaml at the root of the repository)",
            id="a configuration",
        ),
        pytest.param(
            "kind: FineTuningJobStatus\n",
            "specs/a.yaml:1:7: this is the status of a spec, not a spec"
            " (a file that ends in .status.yaml is not read as a spec)",
            id="a sidecar by another name",
        ),
        pytest.param(
            "kind: FinetuningJob\n",
            'specs/a.yaml:1:7: "FinetuningJob" is no kind of spec: expected kind: FineTuningJob'
            " (did you mean FineTuningJob?)",
            id="a typing error",
        ),
        pytest.param(
            "services: {}\n",
            "specs/a.yaml:1:1: kind is missing: expected kind: FineTuningJob"
            " (files of other tools live elsewhere)",
            id="another tool's file",
        ),
        pytest.param(
            "kind: 3\n",
            "specs/a.yaml:1:7: kind must be text: expected kind: FineTuningJob",
            id="a number",
        ),
        pytest.param(
            "- a\n",
            "specs/a.yaml:1:1: not a spec, which is a mapping: expected kind: FineTuningJob",
            id="a list",
        ),
        pytest.param(
            "kind: [",
            "specs/a.yaml:2:1: ",
            id="broken YAML",
        ),
    ],
)
def test_what_is_no_spec_is_told_with_what_is_expected(
    repo: Repository, text: str, expected: str
) -> None:
    (found,) = problems(load(repo, text))
    assert found.startswith(expected)


@pytest.mark.parametrize("text", ["", "# all commented out\n", "---\n---\n"])
def test_an_empty_document_is_nothing(repo: Repository, text: str) -> None:
    assert load(repo, text) == Loaded(files=("specs/a.yaml",))


def test_several_documents_of_one_file_are_several_specs(repo: Repository) -> None:
    second = document(seed=1) | {"metadata": {"name": "b"}}
    text = f"{yaml.safe_dump(document())}---\n# the second\n{yaml.safe_dump(second)}"
    loaded = load(repo, text)
    lines = text.splitlines()
    places = {spec.name: spec.source.line for spec in loaded.valid()}
    assert places == {"a": 1, "b": lines.index("# the second") + 2}


def test_one_bad_spec_hides_no_other(repo: Repository) -> None:
    (repo.root / "specs/bad.jsonl").write_text("{}\n")
    load(repo, document(provider="azur"), file="a.yaml")
    load(repo, "kind: Config\n", file="b.yaml")
    load(repo, document(training_file="./bad.jsonl") | {"metadata": {"name": "c"}}, file="c.yaml")
    load(repo, "a: [\n", file="d.yaml")
    loaded = load(repo, document() | {"metadata": {"name": "e"}}, file="e.yaml")
    assert {problem.file for problem in loaded.problems} == {
        "specs/a.yaml",
        "specs/b.yaml",
        "specs/bad.jsonl",
        "specs/d.yaml",
    }
    assert [spec.name for spec in loaded.specs] == ["e"]
    assert loaded.files == tuple(f"specs/{name}.yaml" for name in "abcde")
    assert loaded.data_files == ("specs/bad.jsonl", "specs/train.jsonl")
    with pytest.raises(SpecError) as error:
        loaded.valid()
    assert error.value.problems == loaded.problems


def test_everything_wrong_with_one_spec_is_told_at_once(repo: Repository) -> None:
    (repo.root / "specs/bad.jsonl").write_text("{}\n")
    loaded = load(
        repo,
        document(provider="azur", training_file="./bad.jsonl", validation_file="./none.jsonl"),
    )
    assert [(problem.file, problem.line) for problem in loaded.problems] == [
        ("specs/a.yaml", 6),
        ("specs/a.yaml", 9),
        ("specs/bad.jsonl", 1),
    ]


def test_a_file_larger_than_any_spec_is_not_read_whole(repo: Repository) -> None:
    with (repo.root / "specs/a.yaml").open("wb") as stream:
        stream.truncate(2**40)
    loaded = specs.load(Config(root=repo.root, providers=PROVIDERS))
    assert problems(loaded) == [
        (
            "specs/a.yaml: larger than 1,048,576 bytes, the most a YAML file may have here"
            " (split it into several files)"
        )
    ]
