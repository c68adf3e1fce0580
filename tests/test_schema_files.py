"""The schemas as documents of their own: valid, described for editors, with examples that hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from reconciler import schema
from reconciler.model import Job
from reconciler.schema.fields import resolved

NAMES = ("finetuningjob", "config", "finetuningjobstatus")
EVERY = sorted(path.name.partition(".")[0] for path in schema.folder().iterdir())

Node = tuple[str, Mapping[str, Any]]


def nodes(value: Any, at: str = "#") -> Iterator[Node]:
    """Every schema inside a schema, with the pointer to it."""
    named = at.endswith(("/properties", "/$defs"))
    if isinstance(value, Mapping):
        if not named:
            yield at, value
        for key, item in value.items():
            if named or key not in ("examples", "enum", "const", "default"):
                yield from nodes(item, f"{at}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, f"{at}/{index}")


def fields(name: str) -> Iterator[Node]:
    """Every field, with what its `$ref` points to."""
    root = schema.load_schema(name)
    for at, node in nodes(root):
        properties = node.get("properties")
        if isinstance(properties, Mapping) and not re.search(r"/(if|then|dependentSchemas)\b", at):
            for field, value in properties.items():
                yield f"{at}/properties/{field}", resolved(value, root)


@pytest.mark.parametrize("name", EVERY)
def test_is_a_valid_schema_under_its_own_name(name: str) -> None:
    document = schema.load_schema(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    (file,) = schema.folder().glob(f"{name}.v*.schema.json")
    assert document["$id"].endswith(f"/{file.name}")
    assert document["title"]
    assert document["description"]


@pytest.mark.parametrize("name", EVERY)
def test_every_example_and_default_holds(name: str) -> None:
    document = schema.load_schema(name)
    shown = [
        (at, node, value)
        for at, node in nodes(document)
        for value in [*node.get("examples", ()), *([node["default"]] if "default" in node else [])]
    ]
    assert shown or name not in NAMES
    wrong = [
        (at, value)
        for at, node, value in shown
        if not jsonschema_rs.is_valid({**node, "$defs": document.get("$defs", {})}, value)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described_and_shown(name: str) -> None:
    silent = [at for at, field in fields(name) if not field.get("description")]
    assert silent == []
    unshown = [
        at
        for at, field in fields(name)
        if not field.get("examples") and field.get("type") not in ("object", "array")
        if "properties" not in field and field.get("not") != {}  # a refused name has no example
    ]
    assert unshown == []


@pytest.mark.parametrize("name", NAMES)
def test_no_field_passes_unknown(name: str) -> None:
    """A mapping with fields is closed; one without fields is free on purpose."""
    open_ = [
        at
        for at, node in nodes(schema.load_schema(name))
        if isinstance(node.get("properties"), Mapping)
        and node.get("additionalProperties") is not False
        and not re.search(r"/(if|then|dependentSchemas)\b", at)
        and not {"then", "allOf"} & node.keys()  # which close it, by what it is
    ]
    assert open_ == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_points_outside(name: str) -> None:
    references = {node["$ref"] for _, node in nodes(schema.load_schema(name)) if "$ref" in node}
    assert references
    assert all(reference.startswith("#/$defs/") for reference in references)


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_is_worded(name: str) -> None:
    """`must be text like ^[a-z]…$` helps nobody; a status file is not written by people."""
    unworded = [
        at
        for at, node in nodes(schema.load_schema(name))
        if isinstance(node.get("pattern"), str)
        and not {"x-must-be", "x-message"} & node.keys()
        and name != "finetuningjobstatus"
    ]
    assert unworded == []


def test_the_job_of_a_status_has_what_a_job_has() -> None:
    job = schema.load_schema("finetuningjobstatus")["$defs"]["job"]["properties"]
    ours = set(Job.__dataclass_fields__) - {"stamp"}
    assert set(job) == ours | {"object"}


def test_the_fields_of_a_create_request_are_those_of_openai() -> None:
    spec = set(schema.load_schema("finetuningjob")["$defs"]["spec"]["properties"])
    assert spec >= {
        "model",
        "training_file",
        "validation_file",
        "suffix",
        "seed",
        "method",
        "hyperparameters",
        "integrations",
        "metadata",
    }


def test_schemas_are_found_inside_the_package_first_then_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "reconciler"
    assert schema.folder(package) == tmp_path / "schemas"
    (package / "schemas").mkdir(parents=True)
    assert schema.folder(package) == package / "schemas"


def test_an_unknown_schema_is_no_schema() -> None:
    with pytest.raises(FileNotFoundError):
        schema.load_schema("nothing")


def test_the_files_are_plain_json() -> None:
    for path in schema.folder().iterdir():
        assert json.loads(path.read_bytes())
        assert path.read_bytes().endswith(b"}\n")
