"""The published schema of the document describes what is written, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given

from reconciler.cost import Estimate
from reconciler.errors import Remedy
from reconciler.model import (
    Binding,
    Dataset,
    FileRef,
    Job,
    JobError,
    JobStatus,
    Record,
    Rejection,
    Source,
    State,
)
from reconciler.state.codec import VERSION, encode
from tests.state.samples import full_state
from tests.state.strategies import examples, states

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "schemas" / "state.v2.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
DEFINITIONS = {
    "record": Record,
    "source": Source,
    "dataset": Dataset,
    "rejection": Rejection,
    "estimate": Estimate,
    "job": Job,
    "error": JobError,
    "file": FileRef,
}


@examples(50)
@given(states)
def test_every_state_is_written_as_the_schema_says(state: State) -> None:
    VALIDATOR.validate(json.loads(encode(state)))


def test_the_schema_is_of_this_version() -> None:
    assert SCHEMA["properties"]["version"] == {
        "description": SCHEMA["properties"]["version"]["description"],
        "const": VERSION,
    }


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_schema_has_the_fields_of_the_model_in_their_order(name: str) -> None:
    names = [field.name for field in fields(DEFINITIONS[name])]
    definition = SCHEMA["$defs"][name]
    assert list(definition["properties"]) == definition["required"] == names


@pytest.mark.parametrize(
    ("words", "enum"),
    [
        (SCHEMA["$defs"]["job"]["properties"]["status"], JobStatus),
        (SCHEMA["$defs"]["record"]["properties"]["binding"], Binding),
        (SCHEMA["$defs"]["rejection"]["properties"]["remedy"], Remedy),
    ],
)
def test_the_schema_knows_every_word(words: dict[str, Any], enum: Any) -> None:
    assert words["enum"] == [member.value for member in enum]


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    yield from schema["$defs"].values()


def test_every_field_is_described() -> None:
    for schema in objects(SCHEMA):
        assert schema["description"]
        for name, field in schema["properties"].items():
            assert field.get("description"), name


@pytest.mark.parametrize("path", [(), ("records", "*"), ("records", "*", "job")])
def test_a_field_too_many_and_a_field_too_few_are_not_by_the_schema(path: tuple[str, ...]) -> None:
    document = json.loads(encode(full_state()))
    assert VALIDATOR.is_valid(document)
    place = document
    for key in path:
        place = next(iter(place.values())) if key == "*" else place[key]
    lost = place.popitem()
    assert not VALIDATOR.is_valid(document)
    place.update([lost])
    place["cost"] = 1
    assert not VALIDATOR.is_valid(document)
