"""Bedrock's rules on `spec.bedrock`: role, output, key, network, and what each kind needs.

`rules` composes them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.config import BedrockSettings
from reconciler.model import JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.bedrock import s3_uri
from reconciler.providers.bedrock.customization import KINDS, Kind, kind, part
from reconciler.providers.bedrock.data_rules import uploads
from reconciler.providers.bedrock.limits import (
    FILTER_KEY,
    FILTER_VALUE,
    KMS_KEY,
    LAMBDA,
    MAX_FILTERS,
    MAX_SECURITY_GROUPS,
    MAX_SUBNETS,
    ROLE,
    SECURITY_GROUP,
    SUBNET,
    TEACHER,
    Limit,
)

Path = tuple[str | int, ...]

_SECTION: Path = ("spec", "bedrock")


def role(spec: JobSpec, settings: BedrockSettings) -> str | None:
    """The role that Bedrock reads and writes with: the spec's, else the account's."""
    return spec.section.get("role_arn") or settings.role_arn


def output(spec: JobSpec, settings: BedrockSettings) -> str | None:
    """Where in S3 the job writes: where the spec says, else beside the uploads."""
    own: str | None = spec.section.get("output_s3_uri")
    if own or not settings.bucket:
        return own
    return f"{uploads(settings)}output/"


def check(spec: JobSpec, settings: BedrockSettings) -> Iterator[Violation]:
    """What is wrong with a spec's section, or missing from it and from the account."""
    yield from _kind(spec)
    yield from _role(spec, settings)
    yield from _output(spec, settings)
    yield from _text(spec.section, "kms_key_id", KMS_KEY, _SECTION)
    yield from _network(spec)
    yield from _distillation(spec)
    yield from _reinforcement(spec)
    yield from _filters(spec)


def _kind(spec: JobSpec) -> Iterator[Violation]:
    asked = spec.section.get("customization_type")
    if asked is not None and asked not in KINDS:
        yield Violation(
            path=(*_SECTION, "customization_type"),
            message=f"{asked} is no kind of customization that can be created",
            hint=", ".join(KINDS),
        )


def unready(spec: JobSpec, settings: BedrockSettings) -> Violation | None:
    """That no role or no place for the results is named, in the spec or in the repository."""
    if not role(spec, settings):
        where = f"providers.{settings.name}.role_arn"
        return Violation(
            path=(*_SECTION, "role_arn"),
            message="Bedrock needs an IAM role to read the data and write the results with",
            hint=f"set {where} in reconciler.yaml, or spec.bedrock.role_arn, as {ROLE.example}",
        )
    if output(spec, settings) is None:
        where = f"providers.{settings.name}.bucket"
        return Violation(
            path=(*_SECTION, "output_s3_uri"),
            message="Bedrock needs a place in S3 to write the results to",
            hint=f"set {where} in reconciler.yaml, or spec.bedrock.output_s3_uri",
        )
    return None


def _role(spec: JobSpec, settings: BedrockSettings) -> Iterator[Violation]:
    arn, path = role(spec, settings), (*_SECTION, "role_arn")
    if arn and (complaint := ROLE.complaint(arn)):
        where = f"providers.{settings.name}.role_arn"
        origin = "" if spec.section.get("role_arn") else f"{where}: "
        yield Violation(path=path, message=f"{origin}{complaint}", hint=f"as {ROLE.example}")


def _output(spec: JobSpec, settings: BedrockSettings) -> Iterator[Violation]:
    uri, path = output(spec, settings), (*_SECTION, "output_s3_uri")
    if uri is not None and (fault := s3_uri.fault(uri)):
        yield Violation(path=path, message=fault.message, hint=fault.hint)


def _network(spec: JobSpec) -> Iterator[Violation]:
    vpc, path = part(spec, "vpc"), (*_SECTION, "vpc")
    if "vpc" not in spec.section:
        return
    for name, limit, most in (
        ("subnet_ids", SUBNET, MAX_SUBNETS),
        ("security_group_ids", SECURITY_GROUP, MAX_SECURITY_GROUPS),
    ):
        ids: Sequence[str] = vpc.get(name) or ()
        if not 1 <= len(ids) <= most:
            yield Violation(
                path=(*path, name) if name in vpc else path,
                message=f"{name} has {len(ids)} ids, and Bedrock takes 1 to {most}",
            )
        for index, id_ in enumerate(ids):
            if complaint := limit.complaint(id_):
                yield Violation(path=(*path, name, index), message=complaint)


def _distillation(spec: JobSpec) -> Iterator[Violation]:
    path = (*_SECTION, "distillation")
    yield from _belongs(spec, "distillation", Kind.DISTILLATION, "teacher_model")
    settings = part(spec, "distillation")
    yield from _text(settings, "teacher_model", TEACHER, path)
    longest = settings.get("max_response_length")
    if longest is not None and longest < 1:
        yield Violation(
            path=(*path, "max_response_length"),
            message=f"max_response_length is {longest}, and counts tokens from 1",
        )


def _reinforcement(spec: JobSpec) -> Iterator[Violation]:
    yield from _belongs(spec, "rft", Kind.REINFORCEMENT, "grader_lambda_arn")
    yield from _text(part(spec, "rft"), "grader_lambda_arn", LAMBDA, (*_SECTION, "rft"))


def _belongs(spec: JobSpec, name: str, whose: Kind, needed: str) -> Iterator[Violation]:
    """That a part stands in the section exactly where its kind is asked for, and is complete."""
    if kind(spec) is not whose:
        if name in spec.section:
            yield Violation(
                path=(*_SECTION, name),
                message=f"{name} is for {whose}, and this is {kind(spec)}",
                hint=f"spec.bedrock.customization_type: {whose}",
            )
    elif not part(spec, name).get(needed):
        yield Violation(
            path=(*_SECTION, name) if name in spec.section else _SECTION,
            message=f"{whose} needs spec.bedrock.{name}.{needed}",
        )


def _filters(spec: JobSpec) -> Iterator[Violation]:
    """Which invocation logs to learn from: one condition, or several joined by and, or or."""
    path = (*_SECTION, "training_invocation_logs", "request_metadata_filters")
    filters = part(spec, "training_invocation_logs").get("request_metadata_filters")
    if filters is None:
        return
    if len(filters) != 1:
        yield Violation(
            path=path,
            message=f"{len(filters)} conditions side by side, and exactly one of equals,"
            " not_equals, and_all and or_all is taken",
            hint="and_all: [{equals: …}, {not_equals: …}]",
        )
    for name, condition in filters.items():
        if name in ("equals", "not_equals"):
            yield from _condition((*path, name), condition)
            continue
        if not 1 <= len(condition) <= MAX_FILTERS:
            yield Violation(
                path=(*path, name),
                message=f"{name} has {len(condition)} conditions, and takes 1 to {MAX_FILTERS}",
            )
        for index, joined in enumerate(condition):
            for inner, pair in joined.items():
                yield from _condition((*path, name, index, inner), pair)


def _condition(path: Path, pair: Mapping[str, str]) -> Iterator[Violation]:
    if len(pair) != 1:
        yield Violation(
            path=path,
            message=f"{len(pair)} pairs in one condition, and exactly one is taken",
            hint="several are joined by and_all or or_all",
        )
    for key, value in pair.items():
        for complaint in filter(None, (FILTER_KEY.complaint(key), FILTER_VALUE.complaint(value))):
            yield Violation(path=(*path, key), message=complaint)


def _text(holder: Mapping[str, Any], name: str, limit: Limit, path: Path) -> Iterator[Violation]:
    value = holder.get(name)
    if value is not None and (complaint := limit.complaint(value)):
        hint = f"as {limit.example}" if limit.example else ""
        yield Violation(path=(*path, name), message=complaint, hint=hint)
