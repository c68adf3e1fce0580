"""Fireworks' rules, offline: what a job would be refused or fail for, before anything is called.

`providers.check` calls it for every spec. Pure; it imports no HTTP. What Fireworks has no field for
is refused by name, with what to write instead: nothing is dropped, and nothing is converted into
something that only resembles it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.config import FireworksSettings
from reconciler.model import JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.data_fields import DataField, data_fields
from reconciler.providers.fireworks import fields, names

MIN_EXAMPLES = 3  # this and the next: Fireworks' guide to fine-tuning, 2026
MAX_EXAMPLES = 3_000_000
MAX_SEEN = 3_000_000
"""Examples times epochs (Fireworks' guide to fine-tuning, 2026)."""

MAX_BETA = 0.5
"""Excluded, as is 0 (the request types of Fireworks' SDK, 1.2)."""

MAX_LORA_RANK = 64
"""A power of two; 64 in Fireworks' guide of 2025-11, and 32 in that of 2026 for most models."""

MAX_DISPLAY_NAME = 63  # "fewer than 64 characters", Fireworks' descriptions of its resources

_FORMATS = {"supervised": ("chat",), "dpo": ("preference",)}
"""The formats of data that each method trains on, as `datasets` names them."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|%3A%2F%2F)", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")  # a key written there by mistake has small letters


def check(spec: JobSpec, settings: FireworksSettings) -> list[Violation]:
    """Every rule that the spec breaks, in the order of the spec's fields."""
    del settings  # no rule depends on the account
    rules = (
        _method,
        _model,
        _data,
        _suffix,
        _seed,
        _hyperparameters,
        _integrations,
        _metadata,
        _section_names,
        _section_of_the_other_kind,
        _section_values,
    )
    return [violation for rule in rules for violation in rule(spec)]


def _method(spec: JobSpec) -> Iterator[Violation]:
    if spec.method not in _FORMATS:
        yield _violation(
            "method.type",
            f"{spec.method} is not among what this program can run at Fireworks",
            "supervised or dpo; Fireworks' own reinforcement jobs need an evaluator deployed there"
            " and are started with its tools",
        )


def _model(spec: JobSpec) -> Iterator[Violation]:
    if spec.model is not None and not names.is_model(spec.model):
        yield _violation(
            "model",
            f"{spec.model} is no model of Fireworks",
            "an id of its library, as qwen3-8b, or a full name: accounts/ACCOUNT/models/MODEL",
        )


def _data(spec: JobSpec) -> Iterator[Violation]:
    for file in data_fields(spec):
        yield from _reference(file)
        yield from _format(file, spec.method)
    yield from _count(spec)
    if spec.validation is not None and spec.method == "dpo":
        yield _violation(
            "validation_file",
            "a dpo job at Fireworks takes no validation data",
            "remove it, or evaluate the model when it is done",
        )
    elif spec.validation is not None and spec.section.get("eval_auto_carveout"):
        yield _violation(
            "fireworks.eval_auto_carveout",
            "validation data is given, so that none can be carved out of the training data",
            "one of validation_file and eval_auto_carveout: true",
        )


def _reference(file: DataField) -> Iterator[Violation]:
    reference = file.data.reference
    if reference is None or file.data.sha256:
        return
    if _URI.match(reference):
        why = "is an address, and Fireworks trains on datasets of the account"
    elif reference.startswith("file-"):
        why = "is the id of a file at OpenAI"
    elif not names.is_dataset(reference):
        why = "is no dataset of Fireworks"
    else:
        return
    yield file.violation(
        f"{reference} {why}",
        "a local file, as ./train.jsonl, which is uploaded by itself; or a dataset: its id, or"
        " accounts/ACCOUNT/datasets/ID",
    )


def _format(file: DataField, method: str) -> Iterator[Violation]:
    wanted, format_ = _FORMATS.get(method), file.data.format
    if format_ is None or wanted is None or format_ in wanted:
        return
    fitting = [name for name, formats in _FORMATS.items() if format_ in formats]
    yield file.violation(
        f"{file.shown} is in the {format_} format, but method is {method}",
        f"method {fitting[0]} trains on it" if fitting else 'one {"messages": […]} per line',
    )


def _count(spec: JobSpec) -> Iterator[Violation]:
    examples = spec.training.examples
    if examples is None:
        return
    shown = spec.training.path or "the training data"
    epochs = spec.hyperparameters.get("n_epochs", 1)
    if examples < MIN_EXAMPLES:
        found = f"{examples} example{'' if examples == 1 else 's'}"
        yield _violation(
            "training_file", f"{shown} has {found}, but must have at least {MIN_EXAMPLES}"
        )
    elif examples > MAX_EXAMPLES:
        yield _violation(
            "training_file",
            f"{shown} has {examples:,} examples; Fireworks takes at most {MAX_EXAMPLES:,}",
        )
    elif examples * epochs > MAX_SEEN:
        yield _violation(
            f"{_hyperparameters_path(spec)}.n_epochs",
            f"{examples:,} examples times {epochs} epochs are {examples * epochs:,}; Fireworks"
            f" trains on at most {MAX_SEEN:,}",
            f"at most {MAX_SEEN // examples} epochs of this data",
        )


def _suffix(spec: JobSpec) -> Iterator[Violation]:
    if spec.suffix is None:
        return
    if len(spec.suffix) > names.SUFFIX_ROOM:
        yield _violation(
            "suffix",
            f"the suffix has {len(spec.suffix)} characters; {names.SUFFIX_ROOM} fit into the"
            " model's id at Fireworks (the rest ties it to this spec)",
        )
    elif not names.is_id(spec.suffix):
        yield _violation(
            "suffix",
            f"{spec.suffix!r} cannot begin the id of a model at Fireworks",
            "lower-case letters, digits and hyphens, beginning with a letter and not ending in a"
            " hyphen",
        )


def _seed(spec: JobSpec) -> Iterator[Violation]:
    if spec.seed is not None:
        yield _violation(
            "seed",
            "jobs at Fireworks have no seed",
            "remove it: the same spec may give a slightly different model there",
        )


def _hyperparameters(spec: JobSpec) -> Iterator[Violation]:
    path, given = _hyperparameters_path(spec), spec.hyperparameters
    if "learning_rate_multiplier" in given:
        yield _violation(
            f"{path}.learning_rate_multiplier",
            "Fireworks has no multiplier of the learning rate, only the rate itself",
            "remove it, or set spec.fireworks.learning_rate: a multiplier is never taken for one",
        )
    beta = given.get("beta")
    if beta is not None and spec.method == "dpo":
        if not 0 < beta < MAX_BETA:
            yield _violation(
                f"{path}.beta",
                f"beta is {beta}; Fireworks takes more than 0 and less than {MAX_BETA}",
            )
        elif _loss(spec) == "ORPO":
            yield _violation(
                f"{path}.beta",
                "beta belongs to the DPO loss, and fireworks.loss_config.method is ORPO",
                "remove one of the two",
            )


def _integrations(spec: JobSpec) -> Iterator[Violation]:
    if len(spec.integrations) > 1:
        yield _violation(
            "integrations",
            f"{len(spec.integrations)} integrations; a job at Fireworks reports to one",
        )
    for index, integration in enumerate(spec.integrations):
        wandb = integration.get("wandb", {})
        for name, instead in (
            ("name", "remove it: Fireworks names the run"),
            ("tags", "remove it, or put the words into wandb.project"),
        ):
            if wandb.get(name):
                yield Violation(
                    path=("spec", "integrations", index, "wandb", name),
                    message=f"Fireworks passes no {name} on to Weights & Biases",
                    hint=instead,
                )
    if fields.WANDB_KEY in spec.section and not spec.integrations:
        yield _violation(
            f"fireworks.{fields.WANDB_KEY}",
            "names the key of Weights & Biases, and the job does not report there",
            "add spec.integrations, or remove it",
        )


def _metadata(spec: JobSpec) -> Iterator[Violation]:
    if spec.metadata:
        yield _violation(
            "metadata",
            "jobs at Fireworks carry no metadata",
            "metadata.labels keeps such pairs in this repository; fireworks.display_name shows at"
            " Fireworks",
        )


def _section_names(spec: JobSpec) -> Iterator[Violation]:
    """Fields that Fireworks retired, that a spec says elsewhere, or that nobody knows."""
    for name in spec.section:
        if name not in fields.KNOWN:
            known = name in fields.INSTEAD
            yield _violation(
                f"fireworks.{name}",
                "is not said here" if known else "unknown field",
                fields.INSTEAD.get(name, "remove it: nothing in a spec is ignored"),
            )


def _section_of_the_other_kind(spec: JobSpec) -> Iterator[Violation]:
    dpo = spec.method == "dpo"
    for name in fields.SUPERVISED if dpo else (fields.LOSS,):
        if name in spec.section:
            yield _violation(
                f"fireworks.{name}",
                f"is for {'supervised' if dpo else 'dpo'} jobs; Fireworks has no such field for a"
                f" {spec.method} job",
                "remove it",
            )


def _section_values(spec: JobSpec) -> Iterator[Violation]:
    """What the schema of a spec cannot say, or would say less plainly."""
    section = spec.section
    rank = section.get("lora_rank")
    if isinstance(rank, int) and (rank.bit_count() != 1 or not 0 < rank <= MAX_LORA_RANK):
        yield _violation(
            "fireworks.lora_rank",
            f"lora_rank is {rank}; Fireworks takes powers of two up to {MAX_LORA_RANK}",
            "8 is its default; most models take up to 32",
        )
    name = section.get("display_name")
    if isinstance(name, str) and len(name) > MAX_DISPLAY_NAME:
        yield _violation(
            "fireworks.display_name",
            f"has {len(name)} characters; Fireworks takes at most {MAX_DISPLAY_NAME}",
        )
    schedule = section.get("lr_scheduler")
    if isinstance(schedule, Mapping) and len(schedule) != 1:
        yield _violation(
            "fireworks.lr_scheduler",
            f"names {len(schedule)} schedules; a job follows one",
            "constant, linear or cosine: lr_scheduler: {cosine: {min_lr_ratio: 0.1}}",
        )
    variable = section.get(fields.WANDB_KEY)
    if isinstance(variable, str) and not _VARIABLE.fullmatch(variable):
        yield _violation(  # what stands there may be the key itself, and is not repeated
            f"fireworks.{fields.WANDB_KEY}",
            "is no name of an environment variable",
            "the name of the variable that holds the key, never the key",
        )


def _loss(spec: JobSpec) -> Any:
    loss = spec.section.get(fields.LOSS)
    return loss.get("method") if isinstance(loss, Mapping) else None


def _hyperparameters_path(spec: JobSpec) -> str:
    older = spec.top_level_hyperparameters
    return "hyperparameters" if older else f"method.{spec.method}.hyperparameters"


def _violation(field: str, message: str, hint: str = "") -> Violation:
    return Violation(path=("spec", *field.split(".")), message=message, hint=hint)
