"""What the table of base models and the data's own traits say against a spec.

`build` asks for it once the provider's rules have passed. What a provider raises on request (AWS's
maxima) is a warning; everything else here is a job that would be refused, or fail hours later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.datasets.facts import DatasetFacts
from reconciler.errors import Severity
from reconciler.model import JobSpec

REASONING_TAKERS = ("fireworks",)
MOST_IMAGES = 10
"""Images in one example at OpenAI (its vision fine-tuning guide, read 2026-11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What speaks against a spec, at the field that `path` leads to."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


def objections(spec: JobSpec, facts: Mapping[str, DatasetFacts]) -> Iterator[Objection]:
    """All of them. `facts` are those of the local files, by the field that names them."""
    yield from _method(spec)
    if training := facts.get("training_file"):
        yield from _amount(spec, training)
    for field, found in facts.items():
        yield from _traits(spec, field, found)


def _method(spec: JobSpec) -> Iterator[Objection]:
    base = spec.base
    if base is None or not base.methods or spec.method in base.methods:
        return
    if spec.section.get("customization_type"):
        return  # Bedrock's own word for what is done, which its rules have looked at
    yield Objection(
        path=("spec", "method", "type"),
        message=f"{base.id} is trained by {' or '.join(base.methods)}, not by {spec.method}",
        hint="if that has changed, say so under models: in reconciler.yaml",
    )


def _amount(spec: JobSpec, found: DatasetFacts) -> Iterator[Objection]:
    base = spec.base
    if base is None or found.examples is None:
        return
    raised = Severity.WARNING if spec.provider_type == "bedrock" else Severity.ERROR
    says = (
        f"{base.id} takes at most",
        "fewer examples, or a quota that your provider has raised"
        if raised is Severity.WARNING
        else "train on fewer or shorter examples",
    )
    for most, there_are, what in (
        (base.max_examples, found.examples, "examples"),
        (base.max_bytes, found.size, "bytes"),
    ):
        if most is not None and there_are > most:
            yield Objection(
                path=("spec", "training_file"),
                message=f"{there_are:,} {what}, and {says[0]} {most:,}",
                hint=says[1],
                severity=raised,
            )


def _traits(spec: JobSpec, field: str, found: DatasetFacts) -> Iterator[Objection]:
    path = ("spec", field)
    if found.with_reasoning and spec.provider_type not in REASONING_TAKERS:
        yield Objection(
            path=path,
            message=f"{_examples(found.with_reasoning)} with reasoning_content, which is"
            f" {' and '.join(REASONING_TAKERS)}' own",
            hint="take it out: nothing in the data is dropped silently",
        )
    if spec.provider_type == "openai" and found.most_images > MOST_IMAGES:
        yield Objection(
            path=path,
            message=f"an example with {found.most_images} images; OpenAI takes {MOST_IMAGES}",
            hint="split it into several examples",
        )
    if spec.provider_type == "fireworks" and spec.method == "dpo" and found.most_outputs > 1:
        yield Objection(
            path=path,
            message="an output of several messages; Fireworks compares one with one",
            hint="leave one assistant message in preferred_output and non_preferred_output",
        )


def _examples(number: int) -> str:
    return "an example" if number == 1 else f"{number:,} examples"
