"""The gate on specs: what passes, and for what does not, the place and the words."""

from __future__ import annotations

import pytest

from reconciler import schema, yamlio

HEAD = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata: {name: support-bot}
spec:
  provider: openai
  model: gpt-4.1-mini-2025-04-14
  training_file: ./train.jsonl
"""


def problems(text: str) -> list[str]:
    """Each problem of a spec as `line:column: message (hint)`."""
    (document,) = yamlio.load(text.encode(), "s.yaml")
    found = schema.problems("finetuningjob", document)
    return [str(problem).removeprefix("s.yaml:") for problem in found]


def problem(more: str) -> str:
    """The only problem of a good spec with one more field, as `path: message (hint)`."""
    (only,) = problems(HEAD + more)
    return only.split(": ", 1)[1]


STRING_CHECK = (
    "{type: string_check, name: right, input: '{{sample.output_text}}',"
    " reference: '{{item.answer}}', operation: eq}"
)
SIMILARITY = "{type: text_similarity, name: s, input: a, reference: b, evaluation_metric: rouge_l}"


@pytest.mark.parametrize(
    "more",
    [
        "",
        "  validation_file: ./valid.jsonl",
        "  validation_file: null",
        f"  validation_file: {{path: ../v.jsonl, sha256: {'a1' * 32}}}",
        "  suffix: a\n  seed: 0",
        f"  suffix: {'x' * 64}\n  seed: 2147483647",
        "  suffix: null\n  seed: null\n  integrations: null\n  metadata: null",
        "  attempt: 3\n  retry: {limit: 10}\n  suspend: true\n  deletion_policy: cancel",
        "  retry: {}",
        "  hyperparameters: {n_epochs: 50, batch_size: 256, learning_rate_multiplier: 0.01}",
        "  hyperparameters: {n_epochs: auto, batch_size: auto, learning_rate_multiplier: auto}",
        "  hyperparameters: {}",
        "  method: {type: supervised}",
        "  method: {type: supervised, supervised: {}}",
        "  method: {type: supervised, supervised: {hyperparameters: {n_epochs: 3.0}}}",
        "  method: {type: dpo}",
        "  method: {type: dpo, dpo: {hyperparameters: {beta: 2, n_epochs: 1, batch_size: 1}}}",
        "  method: {type: dpo, dpo: {hyperparameters: {beta: 1e-5}}}",
        f"  method: {{type: reinforcement, reinforcement: {{grader: {STRING_CHECK}}}}}",
        f"  method: {{type: reinforcement, reinforcement: {{grader: {SIMILARITY}}}}}",
        (
            f"  method: {{type: reinforcement, reinforcement: {{grader: {STRING_CHECK},"
            " response_format: {type: json_object}, hyperparameters: {reasoning_effort: high,"
            " compute_multiplier: 10, eval_interval: 1, eval_samples: auto}}}"
        ),
        (
            "  method: {type: reinforcement, reinforcement: {grader: {type: python, name: p,"
            " source: 'def grade(sample, item): return 1'}}}"
        ),
        (
            "  method: {type: reinforcement, reinforcement: {grader: {type: score_model, name: m,"
            " model: o3, range: [0, 10], sampling_params: {temperature: 0, reasoning_effort: null},"
            " input: [{role: developer, content: [hi, {type: input_text, text: a}]},"
            " {type: message, role: user, content: {type: input_image, image_url: u}}]}}}"
        ),
        (
            "  method: {type: reinforcement, reinforcement: {grader: {type: multi, name: all,"
            f" calculate_output: 0.5 * a + 0.5 * b, graders: {{a: {STRING_CHECK}, b: {SIMILARITY},"
            " c: {type: label_model, name: l, model: o3, labels: [x, y], passing_labels: [x],"
            " input: [{role: user, content: hi}]}}}}}"
        ),
        (
            "  method: {type: reinforcement, reinforcement: {grader: {type: multi, name: all,"
            f" calculate_output: a, graders: {STRING_CHECK}}}}}}}"
        ),
        "  integrations: [{type: wandb, wandb: {project: p, name: null, entity: e, tags: [a]}}]",
        "  metadata: {owner: support, '': x}".replace("'': x", "cost_center: '4410'"),
        "  openai: {extra_body: {trainingType: globalStandard, anything: [1, {a: null}]}}",
    ],
)
def test_what_passes(more: str) -> None:
    assert problems(HEAD + more + "\n") == []


def test_a_whole_spec_may_come_from_json() -> None:
    assert schema.check("finetuningjob", {}) != ()
    assert not schema.check(
        "finetuningjob",
        {
            "apiVersion": "finetuning.reconciler/v1",
            "kind": "FineTuningJob",
            "metadata": {"name": "a", "labels": {"team": "b"}},
            "spec": {"provider": "azure", "model": {"from": "b"}, "training_file": "file-1"},
        },
    )


# --- fields -------------------------------------------------------------------------------------

DEEP = "spec.method.supervised.hyperparameters"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("  sed: 3", "spec.sed: unknown field (did you mean seed?)"),
        (
            "  validationFile: x",
            "spec.validationFile: unknown field (did you mean validation_file?)",
        ),
        (
            "  Deletion-Policy: orphan",
            "spec.Deletion-Policy: unknown field (did you mean deletion_policy?)",
        ),
        ("  suspend:true: 1", 'spec["suspend:true"]: unknown field (put a space after the colon)'),
        ("  n_epochs: 3", f"spec.n_epochs: unknown field (it belongs in {DEEP})"),
        ("  n_epoch: 3", f"spec.n_epoch: unknown field (did you mean {DEEP}.n_epochs?)"),
        (
            "  beta: 1",
            "spec.beta: unknown field (it belongs in spec.method.dpo.hyperparameters)",
        ),
        (
            "  n_epochs: 3\n  method: {type: dpo}",
            "spec.n_epochs: unknown field (it belongs in spec.method.dpo.hyperparameters)",
        ),
        ("  name: x", "spec.name: unknown field (it belongs in metadata)"),
        ("  limit: 1", "spec.limit: unknown field (it belongs in spec.retry)"),
        ("  kind: x", "spec.kind: unknown field (it belongs at the top of the document)"),
        ("  zzzzzz: 1", "spec.zzzzzz: unknown field"),
        ("  project: x", "spec.project: unknown field"),
        (
            "  hyperparameters: {learning_rate: 1e-5}",
            (
                "spec.hyperparameters.learning_rate: unknown field"
                " (the fields here are n_epochs, batch_size, learning_rate_multiplier)"
            ),
        ),
        (
            "  hyperparameters: {seed: 1}",
            "spec.hyperparameters.seed: unknown field (it belongs in spec)",
        ),
        (
            "  method: {type: dpo, dpo: {hyperparameters: {n_epoch: 3}}}",
            "spec.method.dpo.hyperparameters.n_epoch: unknown field (did you mean n_epochs?)",
        ),
        (
            "  retry: {times: 3}",
            "spec.retry.times: unknown field (the only field here is limit)",
        ),
        (
            "  integrations: [{type: wandb, wandb: {project: p, tag: [a]}}]",
            "spec.integrations[0].wandb.tag: unknown field (did you mean tags?)",
        ),
        ("  role_arn: x", "spec.role_arn: unknown field"),
        ("  vertex: {region: x}", "spec.vertex: unknown field"),
    ],
)
def test_unknown_fields(more: str, message: str) -> None:
    assert problem(more) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "kind: FineTuningJob\nmetadata: {}\nspec:\n  provider: openai\n",
            [
                "1:1: apiVersion: this field is missing (add apiVersion: finetuning.reconciler/v1)",
                "2:1: metadata.name: this field is missing (such as name: support-bot)",
                "3:1: spec.model: this field is missing (such as model: gpt-4.1-mini-2025-04-14)",
                (
                    "3:1: spec.training_file: this field is missing"
                    " (such as training_file: ./data/support.train.jsonl)"
                ),
            ],
        ),
        (
            HEAD.replace("training_file", "trainingFile"),
            ["7:3: spec.trainingFile: unknown field (did you mean training_file?)"],
        ),
        (
            HEAD.replace("  model", "x:\n  model"),
            [
                "4:1: spec.model: this field is missing (such as model: gpt-4.1-mini-2025-04-14)",
                (
                    "4:1: spec.training_file: this field is missing"
                    " (such as training_file: ./data/support.train.jsonl)"
                ),
                "6:1: x: unknown field (the fields here are apiVersion, kind, metadata, spec)",
            ],
        ),
        (
            HEAD.replace("metadata: {name: support-bot}", "metadata: {provider: openai}").replace(
                "  provider: openai\n", ""
            ),
            [
                "3:1: metadata.name: this field is missing (such as name: support-bot)",
                "3:12: metadata.provider: unknown field (it belongs in spec)",
            ],
        ),
        (
            HEAD + "  method: {type: reinforcement}\n",
            [
                (
                    "8:3: spec.method.reinforcement: this field is missing"
                    " (its grader says what to reward)"
                )
            ],
        ),
        (
            HEAD + "  method: {type: reinforcement, reinforcement: {}}\n",
            ["8:33: spec.method.reinforcement.grader: this field is missing"],
        ),
        (
            HEAD + "  integrations: [{type: wandb}]\n",
            ["8:18: spec.integrations[0].wandb: this field is missing"],
        ),
    ],
)
def test_missing_fields_are_told_at_the_key_they_are_missed_under(
    text: str, expected: list[str]
) -> None:
    assert problems(text) == expected


# --- values -------------------------------------------------------------------------------------

EPOCHS = 'must be "auto" or an integer from 1 to 50'


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('  seed: "3"', 'seed: must be an integer, got the text "3" (write 3 without quotes)'),
        (
            "  seed: 1_000",
            'seed: must be an integer, got the text "1_000" (write 1000 without quotes)',
        ),
        ("  seed: 2.5", "seed: must be an integer, got 2.5"),
        ("  seed: true", "seed: must be an integer, got true"),
        ("  seed: -1", "seed: must be at least 0, got -1"),
        ("  seed: 2147483648", "seed: must be at most 2147483647, got 2147483648"),
        ("  suffix: 2026", 'suffix: must be text, got 2026 (put it in quotes: "2026")'),
        ("  suffix: 1.10", "suffix: must be text, got 1.1 (put it in quotes)"),
        ("  suffix: true", 'suffix: must be text, got true (put it in quotes: "true")'),
        ('  suffix: ""', "suffix: must not be empty"),
        (f"  suffix: {'x' * 65}", "suffix: must have at most 64 characters, has 65"),
        ("  suffix: [a]", "suffix: must be text, got a list"),
        ("  attempt:", "attempt: must be an integer, got nothing (write a value, or leave"),
        (
            "  suspend: yes",
            'suspend: must be true or false, got the text "yes" (write true, without quotes)',
        ),
        (
            "  suspend: Off",
            'suspend: must be true or false, got the text "Off" (write false, without quotes)',
        ),
        ("  suspend: 1", "suspend: must be true or false, got 1"),
        (
            "  deletion_policy: Cancel",
            (
                'deletion_policy: must be "orphan", "cancel" or "delete", got the text "Cancel"'
                " (did you mean cancel?)"
            ),
        ),
        ("  deletion_policy: 3", 'deletion_policy: must be "orphan", "cancel" or "delete", got 3'),
        ("  retry: {limit: 11}", "retry.limit: must be at most 10, got 11"),
        ("  retry: 3", "retry: must be a mapping, got 3"),
        (
            "  method: type:dpo",
            'method: must be a mapping, got the text "type:dpo" (put a space after the colon)',
        ),
        ("  openai: {extra_body: [a]}", "openai.extra_body: must be a mapping, got a list"),
        (
            "  integrations: {type: wandb}",
            'integrations: must be a list, got a mapping (begin each item with "- ")',
        ),
        (
            f"  integrations: [{', '.join(['{type: wandb, wandb: {project: p}}'] * 6)}]",
            "integrations: must have at most 5 items, has 6",
        ),
        (
            "  integrations: [{type: wandbb, wandb: {project: p}}]",
            ('integrations[0].type: must be "wandb", got the text "wandbb" (did you mean wandb?)'),
        ),
        (
            f"  suffix: [{'x' * 50}]",
            "suffix: must be text, got a list",
        ),
        (
            f"  suspend: {'x' * 50}",
            f'suspend: must be true or false, got the text "{"x" * 40}…"',
        ),
    ],
)
def test_values(more: str, message: str) -> None:
    assert problem(more)[: len(f"spec.{message}")] == f"spec.{message}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("n_epochs: 51", "n_epochs: must be at most 50, got 51"),
        ("n_epochs: 0", "n_epochs: must be at least 1, got 0"),
        ("n_epochs: 2.5", "n_epochs: must be an integer, got 2.5"),
        ("n_epochs: '3'", f'n_epochs: {EPOCHS}, got the text "3" (write 3 without quotes)'),
        ("n_epochs: Auto", f'n_epochs: {EPOCHS}, got the text "Auto" (did you mean auto?)'),
        ("n_epochs: many", f'n_epochs: {EPOCHS}, got the text "many"'),
        (
            "n_epochs: null",
            f"n_epochs: {EPOCHS}, got nothing (write a value, or leave the field out)",
        ),
        ("n_epochs: [3]", f"n_epochs: {EPOCHS}, got a list"),
        ("batch_size: 257", "batch_size: must be at most 256, got 257"),
        ("learning_rate_multiplier: 0", "learning_rate_multiplier: must be above 0, got 0"),
        (
            "learning_rate_multiplier: 1.8e",
            ('learning_rate_multiplier: must be "auto" or a number above 0, got the text "1.8e"'),
        ),
        ("beta: 0", "beta: must be above 0, got 0"),
        ("beta: 2.1", "beta: must be at most 2, got 2.1"),
        ("beta: x", 'beta: must be "auto" or a number above 0 and up to 2, got the text "x"'),
    ],
)
def test_hyperparameters_have_one_message_for_all_alternatives(values: str, message: str) -> None:
    more = f"  method: {{type: dpo, dpo: {{hyperparameters: {{{values}}}}}}}"
    assert problem(more) == f"spec.method.dpo.hyperparameters.{message}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("compute_multiplier: 10.5", "compute_multiplier: must be at most 10, got 10.5"),
        ("compute_multiplier: 1e-5", "compute_multiplier: must be above 1e-05, got 1e-05"),
        ("eval_interval: 0", "eval_interval: must be at least 1, got 0"),
        (
            "eval_samples: few",
            'eval_samples: must be "auto" or an integer of at least 1, got the text "few"',
        ),
        (
            "reasoning_effort: max",
            ('reasoning_effort: must be "default", "low", "medium" or "high", got the text "max"'),
        ),
    ],
)
def test_hyperparameters_of_reinforcement(values: str, message: str) -> None:
    more = (
        f"  method: {{type: reinforcement, reinforcement: {{grader: {STRING_CHECK},"
        f" hyperparameters: {{{values}}}}}}}"
    )
    assert problem(more) == f"spec.method.reinforcement.hyperparameters.{message}"


def test_a_providers_own_field_belongs_in_its_section() -> None:
    """And only for that provider: for another one the hint would lead astray."""
    text = HEAD.replace("provider: openai", "provider: bedrock")
    assert text != HEAD
    (found,) = problems(text + "  role_arn: x")
    assert found.endswith("spec.role_arn: unknown field (it belongs in spec.bedrock)")
