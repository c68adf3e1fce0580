"""The JSON reports keep to their schemas, to the letter: nothing missing, nothing undocumented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.health import Health, Sync
from reconciler.model import Action, Event, JobStatus, Outcome, Reason, Result
from reconciler.report import as_json, dataset_tables, model_tables, origins
from reconciler.report.rows import StatusRow
from reconciler.status import job_object
from reconciler.whence import Origin
from tests.report import samples
from tests.report.test_dataset_tables import DAMAGED
from tests.report.test_dataset_tables import ROW as DATASET
from tests.report.test_model_tables import ROWS as MODEL_ROWS
from tests.report.test_model_tables import TODAY

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVERY_PLAN = samples.make_plan(*samples.EVERY_STEP)
ORIGINS = (
    Origin(
        record=samples.BOUND_RECORD,
        checkpoint=f"{samples.TUNED}:ckpt-step-90",
        base=Origin(record=samples.bound(samples.CREATE, samples.FAILED)),
    ),
    Origin(record=samples.PENDING_RECORD),
    Origin(
        record=samples.bound(
            samples.CREATE, replace(samples.RUNNING, status=JobStatus.UNKNOWN, model=None)
        )
    ),
)

DOCUMENTS = {
    "plan": ("Plan", as_json.plan(EVERY_PLAN, checksum="c4" * 32)),
    "plan-with-a-budget": ("Plan", as_json.plan(EVERY_PLAN, budget=500.0)),
    "plan-empty": ("Plan", as_json.plan(samples.make_plan())),
    "plan-offline": (
        "Plan",
        as_json.plan(samples.make_plan(replace(samples.ORPHANED, spec=None, record=None))),
    ),
    "apply": ("ApplyResult", as_json.pass_result(samples.OUTCOMES)),
    "apply-empty": ("ApplyResult", as_json.pass_result([])),
    "status": ("StatusList", as_json.status(samples.ROWS, samples.NOW)),
    "status-empty": ("StatusList", as_json.status([], samples.NOW)),
    "apply-waited": ("ApplyResult", as_json.pass_result(samples.WAITED_FOR)),
    "models": ("ModelList", model_tables.as_json(MODEL_ROWS, TODAY, closed=True)),
    "models-none": ("ModelList", model_tables.as_json([], TODAY)),
    "datasets": ("DatasetReport", dataset_tables.document([DATASET, DAMAGED])),
    "datasets-none": ("DatasetReport", dataset_tables.document([])),
    "whence": ("OriginList", origins.document(ORIGINS)),
    "whence-nobody": ("OriginList", origins.document([])),
    "events": ("EventList", as_json.events(samples.EVENTS)),
    "validate": ("ValidationResult", as_json.problems(samples.MIXED_PROBLEMS, 41)),
    "validate-sound": ("ValidationResult", as_json.problems([], 41)),
    "state-list": (
        "StateList",
        as_json.state_list([samples.BOUND_RECORD, samples.PENDING_RECORD, samples.REJECTED_RECORD]),
    ),
    "state-show": ("Record", as_json.state_show(samples.BOUND_RECORD)),
    "state-show-failed": (
        "Record",
        as_json.state_show(replace(samples.BOUND_RECORD, job=samples.FAILED)),
    ),
    "state-show-rejected": ("Record", as_json.state_show(samples.REJECTED_RECORD)),
    "state-show-pending": ("Record", as_json.state_show(samples.PENDING_RECORD)),
}


def schema_of(kind: str) -> dict[str, Any]:
    name = "plan" if kind == "Plan" else "output"
    document = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text())
    assert isinstance(document, dict)
    return document


def closed(schema: Any) -> Any:
    """The schema with every described object closed, so that an undocumented key is found."""
    match schema:
        case Mapping():
            found = {key: closed(value) for key, value in schema.items()}
            if "properties" in found and "oneOf" not in found:
                found.setdefault("additionalProperties", False)
            return found
        case list():
            return [closed(item) for item in schema]
        case _:
            return schema


@pytest.mark.parametrize("name", ["plan", "output"])
def test_the_schemas_are_schemas(name: str) -> None:
    document = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text())
    Draft202012Validator.check_schema(document)
    assert document["$id"].endswith(f"/{name}.v1.schema.json")


@pytest.mark.parametrize(("kind", "text"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_keeps_to_its_schema_to_the_letter(kind: str, text: str) -> None:
    document = json.loads(text)
    assert document["kind"] == kind
    assert document["apiVersion"] == "finetuning.reconciler/v1"
    errors = [
        error.message for error in Draft202012Validator(schema_of(kind)).iter_errors(document)
    ]
    assert errors == []


@pytest.mark.parametrize(("kind", "text"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_has_no_key_its_schema_does_not_describe(kind: str, text: str) -> None:
    validator = Draft202012Validator(closed(schema_of(kind)))
    assert [error.message for error in validator.iter_errors(json.loads(text))] == []


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ({"steps": [{}]}, "Plan"),
        ({"checksum": 3}, "Plan"),
        ({"kind": "ApplyResult"}, "StatusList"),
        ({"apiVersion": "v0"}, "EventList"),
    ],
)
def test_the_schemas_refuse_what_is_not_so(broken: dict[str, Any], kind: str) -> None:
    text = next(text for found, text in DOCUMENTS.values() if found == kind)
    validator = Draft202012Validator(schema_of(kind))
    assert not validator.is_valid(json.loads(text) | broken)


def test_every_word_of_sync_health_and_phase_is_in_the_schema_and_in_the_samples() -> None:
    definitions = schema_of("StatusList")["$defs"]
    row = definitions["row"]["properties"]
    counted = definitions["StatusList"]["properties"]
    assert row["sync"]["enum"] == counted["sync"]["propertyNames"]["enum"] == list(Sync)
    assert row["health"]["enum"] == counted["health"]["propertyNames"]["enum"] == list(Health)
    assert row["phase"]["enum"] == counted["summary"]["propertyNames"]["enum"]
    assert {row.sync for row in samples.ROWS} == set(Sync)
    assert {row.health for row in samples.ROWS} == set(Health)
    assert {one.phase for one in samples.ROWS} == set(row["phase"]["enum"])


def test_the_status_counts_each_word_apart() -> None:
    document = json.loads(as_json.status(samples.ROWS, samples.NOW))
    assert document["sync"] == {"OutOfSync": 2, "Synced": 6, "Unknown": 1}
    assert document["health"]["Degraded"] == 3
    assert document["summary"]["Running"] == 2


def test_every_action_reason_and_result_is_in_the_schemas() -> None:
    step = schema_of("Plan")["$defs"]["step"]["properties"]
    outcome = schema_of("ApplyResult")["$defs"]["outcome"]["properties"]
    assert step["action"]["enum"] == outcome["action"]["enum"] == list(Action)
    assert step["reason"]["enum"] == outcome["reason"]["enum"] == list(Reason)
    assert outcome["result"]["enum"] == list(Result)


def test_the_samples_hold_every_action_reason_and_result() -> None:
    assert {step.action for step in samples.EVERY_STEP} == set(Action)
    assert {step.reason for step in samples.EVERY_STEP} == set(Reason)
    assert {outcome.result for outcome in samples.OUTCOMES} == set(Result)


def test_a_plan_counts_what_it_holds() -> None:
    document = json.loads(as_json.plan(EVERY_PLAN, checksum="c4" * 32))
    summary = document["summary"]
    assert {action: summary[action] for action in Action} == {
        action: len(EVERY_PLAN.of(action)) for action in Action
    }
    assert (summary["train_again"], summary["duplicates"]) == (1, 2)
    assert document["checksum"] == "c4" * 32
    assert document["changes_anything"] is True
    assert json.loads(as_json.plan(samples.make_plan(samples.GONE)))["changes_anything"] is False


def test_a_plan_tells_what_it_costs() -> None:
    document = json.loads(as_json.plan(EVERY_PLAN, budget=500.0))
    assert document["cost"] == {
        "usd": 188.5964,
        "usd_high": 190.8104,
        "unpriced": 4,
        "budget_usd": 500.0,
    }
    creates = [step for step in document["steps"] if step["action"] == "create"]
    priced = [step for step in creates if step["estimate"] and step["estimate"]["usd"] is not None]
    assert len(creates) - len(priced) == document["cost"]["unpriced"]
    assert sum(step["estimate"]["usd"] for step in priced) == pytest.approx(188.5964)


def test_an_estimate_has_all_its_members() -> None:
    step = json.loads(as_json.plan(samples.make_plan(samples.AUTOMATIC)))["steps"][0]
    assert step["estimate"] == {
        "tokens": 512_040,
        "tokens_low": 153_612,
        "tokens_high": 512_040,
        "epochs_low": 3,
        "epochs_high": 10,
        "exact": False,
        "tokenizer": "o200k_base",
        "usd": 2.5602,
        "usd_low": 0.7681,
        "usd_high": 2.5602,
        "price": "$5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20)",
        "truncated": 12,
    }
    assert step["warning"] == samples.AUTOMATIC.warning


def test_the_warnings_of_a_plan_are_those_of_validate() -> None:
    document = json.loads(as_json.plan(samples.make_plan(samples.AUTOMATIC)))
    result = json.loads(as_json.problems(sorted(samples.WARNINGS), 2))
    assert document["warnings"] == result["problems"]
    assert (result["valid"], result["errors"], result["warnings"]) == (True, 0, 5)


def test_one_error_makes_a_validation_fail() -> None:
    result = json.loads(as_json.problems(samples.MIXED_PROBLEMS, 41))
    assert (result["valid"], result["errors"], result["warnings"]) == (False, 3, 5)


def test_what_both_schemas_define_is_the_same() -> None:
    plan, output = schema_of("Plan")["$defs"], schema_of("ApplyResult")["$defs"]
    shared = plan.keys() & output.keys()
    assert {"estimate", "problem", "dataset", "source", "job"} <= shared
    assert {name: plan[name] for name in shared} == {name: output[name] for name in shared}


def test_a_runner_finds_no_command_in_a_document() -> None:
    outcome = Outcome(step=samples.GONE, result=Result.HELD, message="##[add-mask]gone")
    text = as_json.pass_result([outcome])
    assert "##[" not in text
    assert json.loads(text)["outcomes"][0]["message"] == "##[add-mask]gone"


def test_a_step_without_a_spec_tells_what_its_record_knows() -> None:
    step = json.loads(as_json.plan(samples.make_plan(samples.ORPHANED)))["steps"][0]
    record = samples.ORPHANED.record
    assert record is not None
    assert step["digest"] == record.digest
    assert step["base_model"] == "gpt-4.1-mini-2025-04-14"
    assert step["method"] == "supervised"
    assert step["datasets"]["training"]["sha256"] == record.training.sha256


def test_a_model_that_another_spec_has_yet_to_make_is_named_by_that_spec() -> None:
    step = json.loads(as_json.plan(samples.make_plan(samples.WAITING)))["steps"][0]
    assert (step["base_model"], step["base_model_from"]) == (None, "support-bot")


def test_a_plan_speaks_of_a_job_as_the_sidecar_does() -> None:
    unknown = replace(samples.RUNNING, status=JobStatus.UNKNOWN, provider_status="warming_up")
    step = replace(samples.IN_SYNC, job=unknown)
    job = json.loads(as_json.plan(samples.make_plan(step)))["steps"][0]["job"]
    whole = job_object(unknown)
    assert job == {key: whole[key] for key in job}
    assert (job["status"], job["provider_status"]) == ("running", "warming_up")


def test_an_outcome_tells_of_the_job_as_it_is_after_the_step() -> None:
    outcome = json.loads(as_json.pass_result(samples.OUTCOMES))["outcomes"][0]
    assert outcome["job"]["status"] == "validating_files"


def test_numbers_json_has_no_word_for_become_null() -> None:
    data = {"nan": float("nan"), "deep": [{"inf": float("-inf")}, (1.5,)]}
    event = Event(id="e", created_at=1, level="info", message="m", data=data)
    found = json.loads(as_json.events([event]))["events"][0]["data"]
    assert found == {"nan": None, "deep": [{"inf": None}, [1.5]]}


def test_is_ascii_and_brings_every_character_back() -> None:
    message = "→ \x1b[31m\u009b \u202e \ud800 é 漢"
    outcome = Outcome(step=samples.GONE, result=Result.HELD, message=message)
    text = as_json.pass_result([outcome])
    assert text.isascii()
    assert {character for character in text if not character.isprintable()} == {"\n"}
    assert json.loads(text)["outcomes"][0]["message"] == message


def test_takes_no_notice_of_layout() -> None:
    rows = [StatusRow(name="n", provider="p", phase="Running")]
    assert as_json.status(rows, 1.0, color=True, width=20) == as_json.status(rows, 1.0)
