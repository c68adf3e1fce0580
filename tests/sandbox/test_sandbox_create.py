"""What a create is refused for, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.workbench import MODEL, Api, chat_file, refusal

STRING_CHECK = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.reference}}",
    "operation": "eq",
}
SCORE_MODEL = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o-2024-08-06",
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
}


def hyper(method: str = "supervised", **values: Any) -> dict[str, Any]:
    section: dict[str, Any] = {"hyperparameters": values}
    if method == "reinforcement":
        section["grader"] = STRING_CHECK
    return {"method": {"type": method, method: section}}


def graded(grader: Any) -> dict[str, Any]:
    return {"method": {"type": "reinforcement", "reinforcement": {"grader": grader}}}


def without(field: str, grader: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in grader.items() if key != field}


@pytest.fixture(scope="module")
def sound_file(shared: Api) -> str:
    return shared.upload(chat_file())


SUPERVISED = "method.supervised.hyperparameters"
DPO = "method.dpo.hyperparameters"
RFT = "method.reinforcement.hyperparameters"
GRADER = "method.reinforcement.grader"
WANDB = "integrations[0]"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"model": None}, "missing_required_parameter", "model"),
        ({"model": 7}, "invalid_type", "model"),
        ({"training_file": None}, "missing_required_parameter", "training_file"),
        ({"training_file": ["file-1"]}, "invalid_type", "training_file"),
        ({"validation_file": 7}, "invalid_type", "validation_file"),
        ({"suffix": ""}, "string_below_min_length", "suffix"),
        ({"suffix": "x" * 65}, "string_above_max_length", "suffix"),
        ({"suffix": 7}, "invalid_type", "suffix"),
        ({"seed": -1}, "integer_below_min_value", "seed"),
        ({"seed": 2**31}, "integer_above_max_value", "seed"),
        ({"seed": "42"}, "invalid_type", "seed"),
        ({"seed": True}, "invalid_type", "seed"),
        ({"seed": 1.5}, "invalid_type", "seed"),
        ({"metadata": []}, "invalid_type", "metadata"),
        (
            {"metadata": {f"k{n}": "v" for n in range(17)}},
            "object_above_max_properties",
            "metadata",
        ),
        ({"metadata": {"k" * 65: "v"}}, "string_above_max_length", "metadata"),
        ({"metadata": {"k": "v" * 513}}, "string_above_max_length", "metadata.k"),
        ({"metadata": {"k": 1}}, "invalid_type", "metadata.k"),
        ({"integrations": {}}, "invalid_type", "integrations"),
        ({"integrations": [{}]}, "missing_required_parameter", f"{WANDB}.type"),
        ({"integrations": [{"type": "mlflow"}]}, "invalid_value", f"{WANDB}.type"),
        ({"integrations": [{"type": "wandb"}]}, "missing_required_parameter", f"{WANDB}.wandb"),
        (
            {"integrations": [{"type": "wandb", "wandb": {}}]},
            "missing_required_parameter",
            f"{WANDB}.wandb.project",
        ),
        (
            {"integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": [1]}}]},
            "invalid_type",
            f"{WANDB}.wandb.tags",
        ),
        (
            {"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 6},
            "array_above_max_length",
            "integrations",
        ),
        ({"hyperparameters": None}, "invalid_type", "hyperparameters"),
        (
            {"hyperparameters": {"n_epochs": 0}},
            "integer_below_min_value",
            "hyperparameters.n_epochs",
        ),
        ({"method": "dpo"}, "invalid_type", "method"),
        ({"method": {}}, "missing_required_parameter", "method.type"),
        ({"method": {"type": "sft"}}, "invalid_value", "method.type"),
        ({"method": {"type": "dpo", "dpo": 1}}, "invalid_type", "method.dpo"),
        (hyper(n_epochs=51), "integer_above_max_value", f"{SUPERVISED}.n_epochs"),
        (hyper(n_epochs="3"), "invalid_type", f"{SUPERVISED}.n_epochs"),
        (hyper(batch_size=0), "integer_below_min_value", f"{SUPERVISED}.batch_size"),
        (hyper(batch_size=257), "integer_above_max_value", f"{SUPERVISED}.batch_size"),
        (
            hyper(learning_rate_multiplier=0),
            "decimal_below_min_value",
            f"{SUPERVISED}.learning_rate_multiplier",
        ),
        (hyper("dpo", beta=0), "decimal_below_min_value", f"{DPO}.beta"),
        (hyper("dpo", beta=2.1), "decimal_above_max_value", f"{DPO}.beta"),
        (
            hyper("reinforcement", reasoning_effort="maximal"),
            "invalid_value",
            f"{RFT}.reasoning_effort",
        ),
        (
            hyper("reinforcement", compute_multiplier=0.00001),
            "decimal_below_min_value",
            f"{RFT}.compute_multiplier",
        ),
        (
            hyper("reinforcement", eval_interval=0),
            "integer_below_min_value",
            f"{RFT}.eval_interval",
        ),
        (hyper("reinforcement", eval_samples=0), "integer_below_min_value", f"{RFT}.eval_samples"),
        ({"method": {"type": "reinforcement"}}, "missing_required_parameter", GRADER),
        (graded({"type": "guess"}), "invalid_value", f"{GRADER}.type"),
        (graded(without("name", STRING_CHECK)), "missing_required_parameter", f"{GRADER}.name"),
        (graded({**STRING_CHECK, "operation": "is"}), "invalid_value", f"{GRADER}.operation"),
        (
            graded({**STRING_CHECK, "type": "text_similarity", "evaluation_metric": "rouge_6"}),
            "invalid_value",
            f"{GRADER}.evaluation_metric",
        ),
        (graded({"type": "python", "name": "p"}), "missing_required_parameter", f"{GRADER}.source"),
        (graded(without("input", SCORE_MODEL)), "missing_required_parameter", f"{GRADER}.input"),
        (
            graded({**SCORE_MODEL, "input": [{"role": "tool", "content": "x"}]}),
            "invalid_value",
            f"{GRADER}.input[0].role",
        ),
        (graded({**SCORE_MODEL, "range": [1, 0]}), "invalid_value", f"{GRADER}.range"),
        (
            graded({"type": "multi", "name": "m", "calculate_output": "a", "graders": {"a": {}}}),
            "missing_required_parameter",
            f"{GRADER}.graders.a.type",
        ),
        ({"model": "gpt-9"}, "model_not_available", "model"),
        ({"model": "gpt-4o-2024-11-20"}, "model_not_available", "model"),
        ({"model": "ft:gpt-4.1-mini-2025-04-14:other::abc"}, "model_not_available", "model"),
        ({"model": "o4-mini"}, "invalid_value", "method.type"),
        (hyper("reinforcement"), "invalid_value", "method.type"),
        (
            {"model": "o4-mini", **hyper("reinforcement")},
            "missing_required_parameter",
            "validation_file",
        ),
        ({"training_file": "file-nothing"}, None, "training_file"),
        ({"validation_file": "file-nothing"}, None, "validation_file"),
    ],
    ids=str,
)
def test_a_bad_request_creates_nothing(
    shared: Api, sound_file: str, change: dict[str, Any], code: str | None, param: str
) -> None:
    before = shared.created_jobs()
    body = {"model": MODEL, "training_file": sound_file} | change
    reply = shared.request("POST", "/fine_tuning/jobs", json=body)
    assert refusal(reply) == (400, code, param)
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert shared.created_jobs() == before
    assert len(shared.get("/fine_tuning/jobs?limit=100")["data"]) == len(before)


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b"null", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(shared: Api, content: bytes) -> None:
    assert refusal(shared.request("POST", "/fine_tuning/jobs", content=content)) == (
        400,
        None,
        None,
    )


def test_a_body_too_large_is_refused(shared: Api) -> None:
    reply = shared.request("POST", "/fine_tuning/jobs", content=b" " * 5_000_000)
    assert refusal(reply) == (413, None, None)


@pytest.mark.parametrize("role", ["training_file", "validation_file"])
def test_a_file_of_another_purpose_is_refused(shared: Api, role: str) -> None:
    files = {"training_file": shared.upload(chat_file())}
    files[role] = shared.upload(chat_file(), purpose="user_data")
    reply = shared.request("POST", "/fine_tuning/jobs", json={"model": MODEL, **files})
    assert refusal(reply) == (400, None, role)


@pytest.mark.parametrize(
    ("alias", "snapshot"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4.1", "gpt-4.1-2025-04-14"),
        ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
        ("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0125"),
    ],
)
def test_an_alias_is_answered_with_its_snapshot(shared: Api, alias: str, snapshot: str) -> None:
    assert shared.create(model=alias)["model"] == snapshot


@pytest.mark.parametrize(
    "change",
    [
        {"n_epoch": 3, "trainingType": "globalStandard"},
        {"suffix": None, "seed": None, "validation_file": None, "metadata": None},
        {"integrations": None},
        {"metadata": {}},
        {"metadata": {f"{n:064}": "v" * 512 for n in range(16)}},
        {"seed": 0, "suffix": "x"},
        {"seed": 2_147_483_647, "suffix": "x" * 64},
        {"method": {"type": "supervised"}},
        hyper(n_epochs="auto", batch_size=256, learning_rate_multiplier=0.1),
        hyper("dpo", beta=2),
        {"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 5},
    ],
    ids=str,
)
def test_what_openai_takes_is_taken(shared: Api, change: dict[str, Any]) -> None:
    assert shared.create(**change)["status"] == "validating_files"


@pytest.mark.parametrize(
    "grader",
    [
        STRING_CHECK,
        {**STRING_CHECK, "type": "text_similarity", "evaluation_metric": "rouge_l"},
        {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"},
        SCORE_MODEL,
        {**SCORE_MODEL, "range": [0, 10]},
        {"type": "multi", "name": "m", "calculate_output": "a", "graders": STRING_CHECK},
        {
            "type": "multi",
            "name": "m",
            "calculate_output": "a + b",
            "graders": {
                "a": STRING_CHECK,
                "b": {**SCORE_MODEL, "type": "label_model", "labels": ["x"], "passing_labels": []},
            },
        },
    ],
    ids=str,
)
def test_every_grader_is_taken_and_echoed(shared: Api, grader: dict[str, Any]) -> None:
    validation = shared.upload(chat_file())
    job = shared.create(model="o4-mini", validation_file=validation, **graded(grader))
    assert job["method"]["reinforcement"]["grader"] == grader


def test_integrations_come_back_as_they_were_understood(shared: Api) -> None:
    wandb = {"project": "p", "name": None, "entity": "e", "tags": ["t"]}
    job = shared.create(integrations=[{"type": "wandb", "wandb": {**wandb, "unknown": 1}}])
    assert job["integrations"] == [{"type": "wandb", "wandb": wandb}]
