"""Every document that a verb prints for programs, from the verb itself: as its schema says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.e2e.command import Command
from tests.report.test_as_json import closed, schema_of
from tests.repository import repository

VERBS: dict[str, tuple[tuple[str, ...], int]] = {
    "apply": (("apply", "--wait"), 0),
    "apply-again": (("apply", "--refresh"), 0),
    "status": (("status",), 0),
    "events": (("events", "support-bot"), 0),
    "metrics": (("metrics", "support-bot"), 0),
    "state-list": (("state", "list"), 0),
    "state-show": (("state", "show", "support-bot"), 0),
    "output": (("output", "support-bot"), 0),
    "whence": (("whence", "MODEL"), 0),
    "models": (("models",), 0),
    "models-all": (("models", "--all"), 0),
    "models-of-a-provider": (("models", "--provider", "bedrock"), 0),
    "datasets": (("datasets",), 0),
    "validate": (("validate",), 0),
    "datasets-damaged": (("datasets", "damaged.jsonl"), 3),
    "validate-damaged": (("validate", "damaged.jsonl"), 3),
    "pause": (("pause", "support-bot"), 2),
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What each verb prints, in the order of VERBS, in one repository at the sandbox."""
    root = tmp_path_factory.mktemp("documents") / "repository"
    root.mkdir()
    reconcile = Command(repository(root))
    reconcile.environment = {"RECONCILER_SANDBOX": "1", "RECONCILER_SANDBOX_SPEED": "50"}
    reconcile.files.add("support-bot")
    (root / "damaged.jsonl").write_text('{"messages": []}\nnot JSON\n')
    found: dict[str, Any] = {}
    for name, (words, code) in VERBS.items():
        model = found["output"]["fine_tuned_model"] if "MODEL" in words else ""
        done = reconcile(*(model if w == "MODEL" else w for w in words), "--format", "json",
                         check=code)  # fmt: skip
        found[name] = json.loads(done.stdout) if done.stdout else None
    return found


@pytest.mark.parametrize("name", [name for name in VERBS if name != "pause"])
def test_is_as_its_schema_says_to_the_letter(printed: Mapping[str, Any], name: str) -> None:
    validator = Draft202012Validator(closed(schema_of(printed[name]["kind"])))
    assert [error.message for error in validator.iter_errors(printed[name])] == []


def test_a_verb_that_is_refused_prints_no_document(printed: Mapping[str, Any]) -> None:
    assert printed["pause"] is None


def test_every_kind_that_the_schema_knows_is_printed(printed: Mapping[str, Any]) -> None:
    schema = schema_of("ApplyResult")
    known = {choice["$ref"].rpartition("/")[2] for choice in schema["oneOf"]}
    assert {document["kind"] for document in printed.values() if document} == known


def test_every_field_is_described() -> None:
    schema = schema_of("ApplyResult")
    silent = [
        f"{name}.{field}"
        for name, definition in schema["$defs"].items()
        for field, value in definition["properties"].items()
        if not value.get("description") and "$ref" not in value
    ]
    assert silent == []
    assert all(definition["description"] for definition in schema["$defs"].values())


def test_status_tells_a_finished_job_from_sync_to_health(printed: Mapping[str, Any]) -> None:
    status = printed["status"]
    assert (status["summary"], status["sync"], status["health"]) == (
        {"Succeeded": 1},
        {"Synced": 1},
        {"Healthy": 1},
    )
    (job,) = status["jobs"]
    assert (job["sync"], job["health"], job["hint"]) == ("Synced", "Healthy", "")
