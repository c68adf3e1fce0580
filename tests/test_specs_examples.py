"""The examples in `specs/`: whole, distinct, and such that every editor checks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import config, specs
from reconciler.model import JobSpec

ROOT = Path(__file__).parent.parent
LOADED = specs.load(config.load(None, start=ROOT, environment={}))


def test_there_is_no_problem_and_there_are_examples_enough() -> None:
    assert LOADED.problems == ()
    assert len(LOADED.specs) >= 5
    assert len(LOADED.files) >= 5


@pytest.mark.parametrize("name", LOADED.files)
def test_an_editor_finds_the_schema(name: str) -> None:
    first, *_ = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert first == "# yaml-language-server: $schema=../schemas/finetuningjob.v1.schema.json"
    schema = first.partition("$schema=")[2]
    assert ((ROOT / name).parent / schema).is_file()


@pytest.mark.parametrize("spec", LOADED.specs, ids=lambda spec: str(spec.name))
def test_its_data_is_enough_for_the_provider(spec: JobSpec) -> None:
    for data in (spec.training, spec.validation or spec.training):
        assert data.present
        assert (data.examples or 0) >= 10


def test_no_data_lies_about_unused() -> None:
    there = {f"specs/data/{path.name}" for path in (ROOT / "specs/data").iterdir()}
    assert set(LOADED.data_files) == there


def test_together_they_show_what_a_spec_can_say() -> None:
    assert {spec.method for spec in LOADED.specs} >= {"supervised", "dpo"}
    for shown in (
        lambda spec: spec.validation,
        lambda spec: spec.integrations,
        lambda spec: spec.metadata,
        lambda spec: spec.labels,
        lambda spec: spec.model_from,
        lambda spec: spec.top_level_hyperparameters,
        lambda spec: spec.source.line > 10,
    ):
        assert any(map(shown, LOADED.specs))
