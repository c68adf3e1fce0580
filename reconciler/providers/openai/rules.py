"""OpenAI's rules, offline: what a job would be refused or fail for, before anything is called.

`providers.check` calls it for every spec. Pure; it imports no HTTP. It says what the schema of a
spec cannot: what follows from the provider, from its settings, and from the data. It must never
refuse what some OpenAI-shaped server takes: rules that only OpenAI itself has ask for its address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.config import OpenAISettings
from reconciler.model import Dataset, JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.data_fields import DataField, data_fields
from reconciler.providers.openai import stamp

MIN_EXAMPLES = 10  # the job's own error, `invalid_n_examples`, says so
MAX_FILE_BYTES = 8 * 1024**3
"""What one POST /files takes (OpenAI's OpenAPI description, 2026-08)."""

MAX_INTEGRATIONS = 5  # OpenAI's OpenAPI description, 2026-08, of the job that comes back
MAX_SEED = 2_147_483_647

_FORMATS = {
    "supervised": ("chat", "completion"),
    "dpo": ("preference",),
    "reinforcement": ("reinforcement",),
}
"""The formats of data that each method trains on, as `datasets` names them."""

_COMPLETION_MODELS = ("babbage-002", "davinci-002")
_AZURE_SUFFIX = re.compile(r"[A-Za-z0-9_-]*")
_URI = re.compile(r"[a-z][a-z0-9+.-]*(://|%3a%2f%2f)", re.IGNORECASE)
_PATH = re.compile(r"[/~.].*|.*\\.*|.*\.(jsonl?|csv|tsv|txt|parquet)")


def check(spec: JobSpec, settings: OpenAISettings) -> list[Violation]:
    """Every rule that the spec breaks, in the order of the spec's fields."""
    rules = (_model, _data, _method, _suffix, _seed, _integrations, _metadata, _extra_body)
    return [violation for rule in rules for violation in rule(spec, settings)]


def _model(spec: JobSpec, settings: OpenAISettings) -> Iterator[Violation]:
    if spec.model and stamp.is_openai(settings) and _foreign(spec.model):
        yield Violation(
            path=("spec", "model"),
            message=f"{spec.model} is another provider's model",
            hint="a model of OpenAI, as gpt-4.1-mini-2025-04-14, or one trained there, as ft:…",
        )


def _data(spec: JobSpec, settings: OpenAISettings) -> Iterator[Violation]:
    files = data_fields(spec)
    training, *validation = files
    for file in files:
        yield from _reference(file, settings)
        yield from _size(file)
        yield from _format(file, spec)
    examples = spec.training.examples
    if examples is not None and examples < MIN_EXAMPLES:
        yield training.violation(
            f"{training.shown} has {examples} example{'' if examples == 1 else 's'}, but must"
            f" have at least {MIN_EXAMPLES}"
        )
    for file in validation:
        if _same(training.data, file.data):
            yield file.violation(
                f"{file.shown} holds the same data as training_file",
                hint="hold some examples back from training: a model knows what it was trained on",
            )


def _reference(file: DataField, settings: OpenAISettings) -> Iterator[Violation]:
    reference = file.data.reference
    if reference is None or file.data.sha256:
        return
    if _is_path(reference):
        yield file.violation(
            f"{reference} is passed on as the id of a file at {settings.name}, and is a path",
            hint=f"./{reference.lstrip('/')} for a file beside the spec",
        )
    elif stamp.is_openai(settings) and not reference.startswith("file-"):
        yield file.violation(
            f"{reference} is no file id: OpenAI's begin with file-",
            hint="upload happens by itself: name a local file, as ./train.jsonl",
        )


def _size(file: DataField) -> Iterator[Violation]:
    size = file.data.size
    if size is not None and size > MAX_FILE_BYTES:
        yield file.violation(
            f"{file.shown} has {size:,} bytes, but an upload takes at most {MAX_FILE_BYTES:,}",
            hint="train on fewer or shorter examples",
        )


def _format(file: DataField, spec: JobSpec) -> Iterator[Violation]:
    format_ = file.data.format
    if format_ is None:
        return
    if format_ not in _FORMATS.get(spec.method, (format_,)):
        fitting = [method for method, formats in _FORMATS.items() if format_ in formats]
        yield file.violation(
            f"{file.shown} is in the {format_} format, but method is {spec.method}",
            hint=f"method {fitting[0]} trains on it" if fitting else "",
        )
    elif format_ == "completion" and _chat_only(spec.model):
        yield file.violation(
            f"{file.shown} is in the completion format, but {spec.model} is a chat model",
            hint='one {"messages": […]} per line',
        )


def _method(spec: JobSpec, _: OpenAISettings) -> Iterator[Violation]:
    if spec.method != "reinforcement":
        return
    if spec.validation is None:
        yield Violation(
            path=("spec", "method", "type"),
            message="reinforcement needs a validation_file",
            hint="spec.validation_file: ./valid.jsonl",
        )
    if "grader" not in spec.method_options:
        yield Violation(
            path=("spec", "method", "type"),
            message="reinforcement needs a grader",
            hint="spec.method.reinforcement.grader",
        )


def _suffix(spec: JobSpec, settings: OpenAISettings) -> Iterator[Violation]:
    path, suffix = ("spec", "suffix"), spec.suffix
    if suffix is None:
        return
    room = stamp.suffix_room(settings)
    if not 1 <= len(suffix) <= room:
        why = " (the stamp takes the rest)" if stamp.in_suffix(settings) else ""
        yield Violation(
            path=path,
            message=f"the suffix has {len(suffix)} characters; {settings.name} takes 1 to"
            f" {room}{why}",
        )
    if stamp.is_azure(settings) and not _AZURE_SUFFIX.fullmatch(suffix):
        yield Violation(
            path=path,
            message=f"{suffix!r} is no suffix for Azure",
            hint="letters, digits, - and _",
        )


def _seed(spec: JobSpec, _: OpenAISettings) -> Iterator[Violation]:
    if spec.seed is not None and not 0 <= spec.seed <= MAX_SEED:
        yield Violation(
            path=("spec", "seed"), message=f"the seed is {spec.seed}, but must be 0 to {MAX_SEED}"
        )


def _integrations(spec: JobSpec, _: OpenAISettings) -> Iterator[Violation]:
    if len(spec.integrations) > MAX_INTEGRATIONS:
        yield Violation(
            path=("spec", "integrations"),
            message=f"{len(spec.integrations)} integrations, but at most {MAX_INTEGRATIONS} fit",
        )


def _metadata(spec: JobSpec, settings: OpenAISettings) -> Iterator[Violation]:
    path = ("spec", "metadata")
    ours = 0 if stamp.in_suffix(settings) else len(stamp.OUR_KEYS)
    room = stamp.MAX_METADATA - ours
    if len(spec.metadata) > room:
        why = f" ({stamp.MAX_METADATA} less {ours} that tie the job to this spec)" if ours else ""
        yield Violation(
            path=path, message=f"{len(spec.metadata)} pairs of metadata, but {room} fit{why}"
        )
    for key, value in spec.metadata.items():
        if key in stamp.OUR_KEYS:
            yield Violation(path=(*path, key), message=f"{key} is the reconciler's own")
        if not 1 <= len(key) <= stamp.MAX_KEY:
            yield Violation(
                path=(*path, key),
                message=f"a key has 1 to {stamp.MAX_KEY} characters; this one has {len(key)}",
            )
        if len(value) > stamp.MAX_VALUE:
            yield Violation(
                path=(*path, key),
                message=f"a value has at most {stamp.MAX_VALUE} characters; this one has"
                f" {len(value)}",
            )


def _extra_body(spec: JobSpec, settings: OpenAISettings) -> Iterator[Violation]:
    """What `wire` would not let through: nothing is dropped without a word."""
    path, extra = ("spec", "openai", "extra_body"), spec.section.get("extra_body")
    if not isinstance(extra, Mapping):
        return
    for name in stamp.pinned(settings):
        if name in extra:
            yield Violation(
                path=(*path, name),
                message=f"extra_body may not set {name}",
                hint=f"say it as spec.{name}",
            )
    metadata = extra.get("metadata")
    if isinstance(metadata, Mapping):
        for name in stamp.OUR_KEYS:
            if name in metadata:
                yield Violation(
                    path=(*path, "metadata", name), message=f"{name} is the reconciler's own"
                )
    elif "metadata" in extra and not stamp.in_suffix(settings):
        yield Violation(
            path=(*path, "metadata"),
            message="metadata has to stay a mapping: it carries the job's tie to this spec",
        )


def _foreign(model: str) -> bool:
    return model.startswith(("arn:", "accounts/", "amazon.", "anthropic.", "meta."))


def _chat_only(model: str | None) -> bool:
    return model is not None and model.startswith(("gpt-", "ft:gpt-"))


def _is_path(reference: str) -> bool:
    """Whether a reference can only be meant as a local path: no server has such ids."""
    return not _URI.match(reference) and bool(_PATH.fullmatch(reference))


def _same(training: Dataset, validation: Dataset) -> bool:
    if training.sha256 and validation.sha256:
        return training.sha256 == validation.sha256
    return training.reference is not None and training.reference == validation.reference
