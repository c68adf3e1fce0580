"""Bedrock's rules, offline: what a job would be refused or fail for, before anything is called.

`providers.check` calls `check` for every spec, and `specs` asks `conversion` what becomes of its
data on the way up. Pure; it imports no boto3. It says what the schema of a spec cannot: what
follows from the provider, its settings, the model's family and the data. What a portable field
cannot mean on Bedrock is refused by name, with what to write instead; nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config import BedrockSettings
from reconciler.model import JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.bedrock import data_rules, hyperparameters, section_rules, stamp
from reconciler.providers.bedrock.customization import Kind, kind
from reconciler.providers.bedrock.data_rules import conversion
from reconciler.providers.bedrock.families import Form, family
from reconciler.providers.bedrock.limits import MAX_TAGS, MODEL, MODEL_NAME, TAG_KEY, TAG_VALUE

__all__ = ["check", "conversion", "reserves_words", "unready"]

_ELSEWHERE = re.compile(r"gpt-\d.*|o\d(-.*)?|ft:.*|accounts/.*|(babbage|davinci)-002")
_PROFILE = re.compile(r"(us|us-gov|eu|apac|jp|au|ca|global)\.(?P<base>[a-z0-9-]+\..+)")


def check(spec: JobSpec, settings: BedrockSettings) -> list[Violation]:
    """Every rule that the spec breaks, in the order of the spec's fields."""
    return [
        *_model(spec),
        *data_rules.check(spec, settings),
        *_suffix(spec),
        *_seed(spec),
        *_method(spec),
        *hyperparameters.violations(spec, spec.model),
        *_integrations(spec),
        *_tags(spec),
        *section_rules.check(spec, settings),
    ]


def unready(spec: JobSpec, settings: BedrockSettings) -> Violation | None:
    """What reconciler.yaml has to say before this spec can be created; None if nothing."""
    return data_rules.unready(spec, settings) or section_rules.unready(spec, settings)


def reserves_words(spec: JobSpec) -> bool:
    """Whether the job would fail for the words that Amazon Nova's text models keep."""
    known = family(spec.model)
    if known is None or kind(spec) is not Kind.FINE_TUNING:
        return False
    return known.name.startswith("Nova") and known.form is Form.CONVERSATION


def _model(spec: JobSpec) -> Iterator[Violation]:
    path, model = ("spec", "model"), spec.model
    if model is None:
        return
    profile = _PROFILE.fullmatch(model)
    if _ELSEWHERE.fullmatch(model):
        yield Violation(
            path=path,
            message=f"{model} is another provider's model",
            hint=f"{MODEL.words}, as {MODEL.example}",
        )
    elif profile:
        yield Violation(
            path=path,
            message=f"{model} is an inference profile, which answers and cannot be trained",
            hint=f"did you mean {profile['base']}?",
        )
    elif complaint := MODEL.complaint(model):
        yield Violation(path=path, message=complaint, hint=f"as {MODEL.example}")


def _suffix(spec: JobSpec) -> Iterator[Violation]:
    path, suffix = ("spec", "suffix"), spec.suffix
    if suffix is None:
        return
    if len(suffix) > stamp.SUFFIX_ROOM:
        yield Violation(
            path=path,
            message=f"the suffix has {len(suffix)} characters; Bedrock's model names leave room for"
            f" {stamp.SUFFIX_ROOM} (63 less the hash that ties the model to this spec)",
        )
    elif MODEL_NAME.complaint(stamp.model_name(spec)):
        yield Violation(
            path=path,
            message=f"{suffix!r} cannot begin the name of a model on Bedrock",
            hint=f"{MODEL_NAME.words}, ending in a letter or digit",
        )


def _seed(spec: JobSpec) -> Iterator[Violation]:
    if spec.seed is not None:
        yield Violation(
            path=("spec", "seed"),
            message="Bedrock takes no seed",
            hint="remove it: jobs there cannot be repeated exactly",
        )


def _method(spec: JobSpec) -> Iterator[Violation]:
    path = ("spec", "method", "type")
    if spec.method == "dpo":
        yield Violation(
            path=path,
            message="Bedrock has no dpo",
            hint="train on the preferred answers with method supervised, reward them with"
            " spec.bedrock.customization_type: REINFORCEMENT_FINE_TUNING, or use another provider",
        )
    if spec.method == "reinforcement" and kind(spec) is not Kind.REINFORCEMENT:
        yield Violation(
            path=path,
            message=f"method is reinforcement, and spec.bedrock.customization_type"
            f" {spec.section.get('customization_type')}",
            hint="keep one of them",
        )
    for option in spec.method_options if spec.method == "reinforcement" else ():
        yield Violation(
            path=("spec", "method", "reinforcement", option),
            message=f"Bedrock has no {option}: answers are graded by a Lambda function",
            hint="instead of method write spec.bedrock: {customization_type:"
            " REINFORCEMENT_FINE_TUNING, rft: {grader_lambda_arn: …}}",
        )


def _integrations(spec: JobSpec) -> Iterator[Violation]:
    for index, integration in enumerate(spec.integrations):
        yield Violation(
            path=("spec", "integrations", index),
            message=f"Bedrock has no {integration.get('type', 'integrations')}",
            hint="remove it; the loss curve is in `reconcile metrics`, the job's in S3",
        )


def _tags(spec: JobSpec) -> Iterator[Violation]:
    """Metadata becomes a job's tags: those have a narrower alphabet, and are shared."""
    own = spec.section.get("job_tags") or {}
    for key, value in spec.metadata.items():
        yield from _tag(("spec", "metadata", key), key, value)
        if key in own:
            yield Violation(
                path=("spec", "bedrock", "job_tags", key),
                message=f"spec.metadata sets the tag {key} already",
                hint="keep one of them",
            )
    for place in ("job_tags", "model_tags"):
        for key, value in (spec.section.get(place) or {}).items():
            yield from _tag(("spec", "bedrock", place, key), key, value)
    room = MAX_TAGS - len(stamp.OUR_KEYS)
    counts = {
        "job_tags": len(spec.metadata.keys() | own.keys()),
        "model_tags": len(spec.section.get("model_tags") or {}),
    }
    for place, count in counts.items():
        if count > room:
            yield Violation(
                path=("spec", "bedrock", place),
                message=f"{count} tags, but {room} fit ({MAX_TAGS} less"
                f" {len(stamp.OUR_KEYS)} that tie it to this spec)",
            )


def _tag(path: tuple[str | int, ...], key: str, value: str) -> Iterator[Violation]:
    if key in stamp.OUR_KEYS:
        yield Violation(
            path=path, message=f"{key} is the reconciler's own", hint="choose another key"
        )
    if key.lower().startswith("aws:"):
        yield Violation(
            path=path, message=f"{key}: tags that begin with aws: are AWS's own", hint="rename it"
        )
    complaints = (TAG_KEY.complaint(key), TAG_VALUE.complaint(value))
    for complaint in filter(None, complaints):
        yield Violation(path=path, message=f"on Bedrock this is a tag: {complaint}")
