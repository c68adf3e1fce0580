"""Violations in words where several rules meet: alternatives, names, secrets, order, agreement."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import schema, yamlio
from reconciler.schema import words
from reconciler.schema.complaint import dotted
from reconciler.schema.fields import Fields
from reconciler.schema.shown import looks_secret, shown

SPEC: dict[str, Any] = {
    "provider": "openai",
    "model": "gpt-4.1-mini-2025-04-14",
    "training_file": "./train.jsonl",
}
KEY = "sk-proj-abcdefghijklmnop1234"


def document(spec: dict[str, Any], name: Any = "a") -> dict[str, Any]:
    return {
        "apiVersion": "finetuning.reconciler/v1",
        "kind": "FineTuningJob",
        "metadata": {"name": name},
        "spec": SPEC | spec,
    }


def complaints(value: Any, name: str = "finetuningjob") -> list[str]:
    return [
        found.text + (f" ({found.hint})" if found.hint else "")
        for found in schema.check(name, value)
    ]


def complaint(**spec: Any) -> str:
    (only,) = complaints(document(spec))
    return only


@pytest.mark.parametrize(
    "name", ["Support", "support_bot", "1a", "a-", "-a", "a--b", "", "é", "a b", "a\n"]
)
def test_names(name: str) -> None:
    (only,) = complaints(document({}, name))
    assert only == (
        "metadata.name: must be lower-case letters, digits and single hyphens, beginning with a"
        f" letter, got {shown(name)}"
    )


def test_a_name_can_be_wrong_twice() -> None:
    found = complaints(document({}, "A" * 41))
    assert [text.split(",")[0] for text in found] == [
        "metadata.name: must be lower-case letters",
        "metadata.name: must have at most 40 characters",
    ]


REFERENCE = "must be a path, the provider's reference, or {path, sha256}"
RELATIVE = "must be a path relative to this file, beginning with ./ or ../"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"model": 4},
            (
                "model: must be the name of a model, or {from: NAME OF A SPEC}, got 4"
                ' (put it in quotes: "4")'
            ),
        ),
        ({"model": ["a"]}, "model: must be the name of a model, or {from: NAME OF A SPEC}, got a"),
        ({"model": ""}, "model: must not be empty"),
        ({"model": {}}, "model.from: this field is missing (such as from: support-bot)"),
        (
            {"model": {"from": "b", "form": "b"}},
            "model.form: unknown field (did you mean from?)",
        ),
        ({"model": {"from": "B"}}, "model.from: must be lower-case letters, digits and single"),
        ({"training_file": 5}, f'training_file: {REFERENCE}, got 5 (put it in quotes: "5")'),
        ({"training_file": None}, f"training_file: {REFERENCE}, got nothing (write a value, or"),
        ({"training_file": ""}, "training_file: must not be empty"),
        ({"training_file": ["./a"]}, f"training_file: {REFERENCE}, got a list"),
        (
            {"training_file": {"path": "./a"}},
            "training_file.sha256: this field is missing (such as sha256: e3b0c442",
        ),
        (
            {"training_file": {"path": "a", "sha256": "a" * 64}},
            f'training_file.path: {RELATIVE}, got the text "a"',
        ),
        (
            {"training_file": {"path": "/a", "sha256": "a" * 64}},
            f'training_file.path: {RELATIVE}, got the text "/a"',
        ),
        (
            {"training_file": {"path": "./a", "sha256": "abc"}},
            (
                'training_file.sha256: must be 64 hexadecimal digits, got the text "abc"'
                " (sha256sum FILE prints it)"
            ),
        ),
        ({"validation_file": 5}, f'validation_file: {REFERENCE}, got 5 (put it in quotes: "5")'),
        ({"validation_file": ""}, "validation_file: must not be empty"),
        (
            {"validation_file": {"path": "./a", "sha265": "a" * 64}},
            "validation_file.sha265: unknown field (did you mean sha256?)",
        ),
    ],
)
def test_alternatives_are_one_sentence(spec: dict[str, Any], message: str) -> None:
    assert complaint(**spec)[: len(f"spec.{message}")] == f"spec.{message}"


@pytest.mark.parametrize("kind", ["supervised", "dpo", "reinforcement"])
@pytest.mark.parametrize("section", ["supervised", "dpo"])
def test_a_section_of_another_type_is_told_at_its_key(kind: str, section: str) -> None:
    method: dict[str, Any] = {"type": kind, section: {}}
    if kind == "reinforcement":
        method["reinforcement"] = {"grader": {"type": "python", "name": "p", "source": "x"}}
    found = schema.check("finetuningjob", document({"method": method}))
    if kind == section:
        assert found == ()
        return
    (only,) = found
    assert (only.path, only.at_key) == (("spec", "method", section), True)
    assert only.text == f"spec.method.{section}: is for type: {section}, and the type is another"
    assert only.hint == f"remove it, or write type: {section}"


def test_both_forms_of_hyperparameters() -> None:
    both = {"hyperparameters": {"n_epochs": 3}, "method": {"type": "supervised"}}
    assert complaint(**both) == (
        "spec.hyperparameters: cannot stand beside spec.method: it is the older form of the same"
        " thing (move its values into the section of spec.method)"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "reconciler-token",
            "x",
            ".reconciler-token: is the reconciler's own (choose another key)",
        ),
        ("reconciler-source", "x", ".reconciler-source: is the reconciler's own (choose another"),
        ("k" * 65, "x", f'["{"k" * 60}"]: a key has at most 64 characters, this 65'),
        ("", "x", '[""]: a key must not be empty'),
        ("a", "v" * 513, ".a: must have at most 512 characters, has 513"),
        ("a", 4410, '.a: must be text, got 4410 (put it in quotes: "4410")'),
        ("a", None, ".a: must be text, got nothing (write a value, or leave the field out)"),
    ],
)
def test_metadata(key: str, value: Any, message: str) -> None:
    expected = f"spec.metadata{message}"
    assert complaint(metadata={key: value})[: len(expected)] == expected


def test_more_metadata_than_fits() -> None:
    assert complaint(metadata={f"k{number}": "x" for number in range(15)}) == (
        "spec.metadata: must have at most 14 entries, has 15"
        " (OpenAI takes 16, and two tie the job to this spec)"
    )


def grader(**fields: Any) -> str:
    section = {"grader": fields}
    prefix = "spec.method.reinforcement.grader"
    found = complaint(method={"type": "reinforcement", "reinforcement": section})
    assert found.startswith(prefix)
    return found.removeprefix(prefix).removeprefix(".")


CHECK = {"type": "string_check", "name": "c", "input": "a", "reference": "b", "operation": "eq"}
JUDGE = {"type": "score_model", "name": "m", "model": "o3"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"name": "c"},
            (
                "type: this field is missing (add type: string_check, or another of"
                " text_similarity, python, score_model, multi)"
            ),
        ),
        (
            CHECK | {"type": "stringcheck"},
            (
                'type: must be "string_check", "text_similarity", "python", "score_model" or'
                ' "multi", got the text "stringcheck" (did you mean string_check?)'
            ),
        ),
        (
            CHECK | {"operation": "equals"},
            'operation: must be "eq", "ne", "like" or "ilike", got the text "equals"',
        ),
        (CHECK | {"inputs": "a"}, "inputs: unknown field (did you mean input?)"),
        (
            {
                "type": "multi",
                "name": "m",
                "calculate_output": "a",
                "graders": {"a": {**CHECK, "type": "multi"}},
            },
            (
                'graders.a.type: must be "string_check", "text_similarity", "python",'
                ' "score_model" or "label_model", got the text "multi"'
            ),
        ),
        (
            {"type": "multi", "name": "m", "calculate_output": "a", "graders": {"a": 5}},
            "graders.a: must be a mapping, got 5",
        ),
        (
            {**JUDGE, "input": [{"role": "user", "content": "a"}], "range": [1]},
            "range: must have at least 2 items, has 1",
        ),
        (
            {**JUDGE, "input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
            (
                'input[0].content[0].type: must be "input_text", "output_text", "input_image" or'
                ' "input_audio", got the text "text"'
            ),
        ),
        (
            {**JUDGE, "input": [{"role": "user", "content": 5}]},
            'input[0].content: must be text or a mapping or a list, got 5 (put it in quotes: "5")',
        ),
    ],
)
def test_graders_are_told_by_their_type(fields: dict[str, Any], message: str) -> None:
    assert grader(**fields) == message


def test_a_grader_that_is_no_mapping() -> None:
    method = {"type": "reinforcement", "reinforcement": {"grader": "string_check"}}
    assert complaint(method=method) == (
        'spec.method.reinforcement.grader: must be a mapping, got the text "string_check"'
    )


# --- all in one run -----------------------------------------------------------------------------


def test_every_problem_once_in_the_order_of_the_file() -> None:
    text = """\
apiVersion: finetuning.reconciler/v2
metadata: {name: A, label: {}}
spec:
  suffix: ""
  seed: x
  method:
    type: dpo
    dpo: {hyperparameters: {n_epochs: 99, epoch: 1}}
    supervised: {}
  model: m
  training_file: ./a.jsonl
kind: FineTuningJob
"""
    (loaded,) = yamlio.load(text.encode(), "s.yaml")
    assert [str(p).split(" (")[0] for p in schema.problems("finetuningjob", loaded)] == [
        (
            's.yaml:1:13: apiVersion: must be "finetuning.reconciler/v1", got the text'
            ' "finetuning.reconciler/v2"'
        ),
        (
            "s.yaml:2:18: metadata.name: must be lower-case letters, digits and single hyphens,"
            ' beginning with a letter, got the text "A"'
        ),
        "s.yaml:2:21: metadata.label: unknown field",
        "s.yaml:3:1: spec.provider: this field is missing",
        "s.yaml:4:11: spec.suffix: must not be empty",
        's.yaml:5:9: spec.seed: must be an integer, got the text "x"',
        "s.yaml:8:39: spec.method.dpo.hyperparameters.n_epochs: must be at most 50, got 99",
        "s.yaml:8:43: spec.method.dpo.hyperparameters.epoch: unknown field",
        "s.yaml:9:5: spec.method.supervised: is for type: supervised, and the type is another",
    ]


@pytest.mark.parametrize("value", [[], "text", 3, None, True])
def test_a_document_that_is_no_mapping(value: Any) -> None:
    (only,) = complaints(value)
    assert only.startswith(f"must be a mapping, got {shown(value)}")


def test_thousands_of_unknown_fields_are_told_in_reasonable_time() -> None:
    spec = {f"unknown_field_{number}": number for number in range(3000)}
    found = complaints(document(spec))
    assert len(found) == 3000


# --- secrets ------------------------------------------------------------------------------------

SECRETS = [
    KEY,
    "sk-ant-api03-abcdefgh",
    "fw_abcdefghijkl12",
    "hf_abcdefghijkl12",
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_abcdefghijklmnop1234",
    "github_pat_11ABC",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
    "Bearer abcdefgh12",
    "Basic dXNlcjpwYXNz",
    "https://user:hunter2@host/",
    "-----BEGIN RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_the_wrong_field_is_not_repeated(secret: str) -> None:
    for spec in ({"seed": secret}, {"suspend": secret}, {"deletion_policy": secret}):
        found = complaint(**spec)
        assert secret not in found
        assert "got a text that looks like a secret" in found


@pytest.mark.parametrize(
    "text",
    [
        "support-bot",
        "ft:gpt-4.1-mini-2025-04-14:acme:support:9bD3xK2a",
        "s3://bucket/task-data.jsonl",
        "file-abc123def456ghi789",
        "accounts/fireworks/models/llama-v3p1-8b-instruct",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "https://example.org:8080/v1",
        "basic text about a bearer",
        "3f9a1c77b02e4d1f8c5a6b7e8d9f0a1b2c3d4e5f",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert not looks_secret(text)


# --- the gate and the words agree ---------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-3, 400) | st.floats(-1, 60) | st.text(max_size=3)
SCHEMA = schema.load_schema("finetuningjob")
NAMES = st.sampled_from(sorted({str(path[-1]) for path in Fields(SCHEMA, {})._known} | {"x"}))
WORDS = st.sampled_from(
    ["auto", "dpo", "supervised", "reinforcement", "wandb", "string_check", "multi", "orphan"]
)
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*SCHEMA["$defs"]["spec"]["properties"], "n_epochs"])


@given(st.dictionaries(FIELDS, VALUES, max_size=3))
def test_whatever_the_gate_refuses_has_words_of_our_own(spec: dict[str, Any]) -> None:
    value = document(spec)
    found = words.complaints(SCHEMA, value)
    assert found == schema.check("finetuningjob", value)
    for text in map(str, found):
        assert "under any of the given schemas" not in text
        assert "is not of type" not in text


def test_where_the_two_libraries_disagree_the_gate_has_the_last_word() -> None:
    digits = {"type": "string", "pattern": r"^\d$"}
    assert words.complaints(digits, "٣") == ()
    (only,) = schema._told(jsonschema_rs.validator_for(digits), digits, "٣")
    assert only.path == ()
    assert "٣" in only.message


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", "b-c", 0, "d_e", 12), "a.b-c[0].d_e[12]"),
        (("a.b", "c d", ""), '["a.b"]["c d"][""]'),
        (("providers", "<name>"), "providers.<name>"),
    ],
)
def test_paths_as_people_write_them(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text
