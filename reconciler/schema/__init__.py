"""The schema gate: whether a document is what its JSON Schema says, and if not, in words.

`specs` and `config` pass every document through it. A good document costs microseconds: a compiled
validator says yes. Only a bad one is looked at again, slowly, for words and places. What the
schemas in the folder `schemas` do not say is not checked here: rules of a provider live with it.

    words     a violation -> a complaint that says what is wrong and what to write
    fields    which fields a schema knows, and which one somebody may have meant
    shown     values as a message may show them: short, and never a secret
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import Problem
from reconciler.schema.complaint import Complaint
from reconciler.yamlio import Document

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["Complaint", "check", "load_schema", "problems"]

PACKAGE = Path(__file__).parents[1]


def problems(name: str, document: Document) -> list[Problem]:
    """Everything in `document` that breaks the schema `name`, in the order of the file."""
    found = []
    for complaint in check(name, document.value):
        line, column = document.position(complaint.path, key=complaint.at_key)
        found.append(Problem(document.file, line, column, complaint.text, complaint.hint))
    return sorted(found)


def check(name: str, value: Any) -> tuple[Complaint, ...]:
    """Everything in `value`, in JSON's types, that breaks the schema `name`; empty for a yes."""
    return _told(_gate(name), load_schema(name), value)


@functools.cache
def load_schema(name: str) -> dict[str, Any]:
    """The schema `<name>.v<version>.schema.json`. Shared: never change it.

    Raises FileNotFoundError for a schema that does not exist.
    """
    found = sorted(folder().glob(f"{name}.v*.schema.json"))
    if not found:
        raise FileNotFoundError(name)
    schema: dict[str, Any] = json.loads(found[-1].read_bytes())
    return schema


def folder(package: Path = PACKAGE) -> Path:
    """Where the schemas are: inside an installed package, beside the package in a checkout."""
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


@functools.cache
def _gate(name: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    return jsonschema_rs.validator_for(load_schema(name))


def _told(
    gate: jsonschema_rs.Validator, schema: dict[str, Any], value: Any
) -> tuple[Complaint, ...]:
    if gate.is_valid(value):
        return ()
    from reconciler.schema import words

    if found := words.complaints(schema, value):
        return found
    # The two libraries disagree: the gate's no stands, in the gate's own words.
    return tuple(
        Complaint(path=tuple(error.instance_path), message=error.message)
        for error in gate.iter_errors(value)
    )
