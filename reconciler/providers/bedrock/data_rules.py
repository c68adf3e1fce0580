"""Bedrock's rules on data: where it lies, in which form it is, and how much there has to be.

`rules` composes them and hands `conversion` on. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config import BedrockSettings
from reconciler.model import Dataset, JobSpec
from reconciler.providers.base import Violation
from reconciler.providers.bedrock import s3_uri
from reconciler.providers.bedrock.customization import Kind, kind
from reconciler.providers.bedrock.families import RFT_MIN_EXAMPLES, Family, Form, family
from reconciler.providers.bedrock.limits import MAX_VALIDATORS
from reconciler.providers.data_fields import DataField, data_fields

_SHA256_LENGTH = 64

_CHAT = "chat"
_READABLE = {
    Form.CONVERSATION: (_CHAT, "bedrock-conversation"),
    Form.SYSTEM_MESSAGES: (_CHAT, "system-messages"),
    Form.PROMPT_COMPLETION: (_CHAT, "completion"),
    Form.IMAGE_CAPTION: (),
}
"""The formats of local data, as `datasets` names them, that are or can be made into a form."""

_LINES = {
    Form.CONVERSATION: 'chat messages, or {"schemaVersion": "bedrock-conversation-2024", …}',
    Form.SYSTEM_MESSAGES: 'chat messages, or {"system": "…", "messages": […]}',
    Form.PROMPT_COMPLETION: 'chat messages, or {"prompt": "…", "completion": "…"}',
    Form.IMAGE_CAPTION: '{"image-ref": "s3://…", "caption": "…"}',
}


def conversion(spec: JobSpec, settings: BedrockSettings) -> str:
    """The name and version of the form that local data is given on its way up; "" for none.

    It follows from the model and the kind of customization alone and never from what the data
    looks like: it is part of a job's identity, and a checkout without the bytes must come to the
    same token as one with them. Data that is in that form already stays as it is.
    """
    del settings  # the same for every account
    if not any(_is_local(file.data) for file in data_fields(spec)):
        return ""
    form = _form(spec)
    return "" if form in (None, Form.IMAGE_CAPTION) else str(form)


def check(spec: JobSpec, settings: BedrockSettings) -> Iterator[Violation]:
    """What is wrong with a spec's data."""
    files = data_fields(spec)
    for file in files:
        yield from _reference(file)
        yield from _bucket(file, settings)
        yield from _format(file, spec)
    yield from _logs(files[0], spec)
    yield from _validation(spec)
    yield from _size(files[0], spec)


def unready(spec: JobSpec, settings: BedrockSettings) -> Violation | None:
    """That local data has nowhere to go: the repository's omission, not the spec's mistake."""
    local = [file for file in data_fields(spec) if _is_local(file.data)]
    if settings.bucket or not local:
        return None
    where = f"providers.{settings.name}.bucket"
    return local[0].violation(
        f"{local[0].shown} has to be uploaded to S3, and {where} is not set",
        f"set {where} in reconciler.yaml, or name data in S3: s3://BUCKET/KEY",
    )


def _is_local(data: Dataset) -> bool:
    return data.path is not None or data.sha256 is not None


def _form(spec: JobSpec) -> Form | None:
    """The form that this job reads local data in; None where it is not ours to say."""
    known = family(spec.model)
    match kind(spec):
        case Kind.REINFORCEMENT | Kind.CONTINUED_PRE_TRAINING:
            return None
        case Kind.DISTILLATION:
            return Form.CONVERSATION
        case Kind.FINE_TUNING:
            return known.form if known else None


def _reference(file: DataField) -> Iterator[Violation]:
    reference = file.data.reference
    if reference is None or _is_local(file.data):
        return
    if reference.startswith("file-"):
        yield file.violation(
            f"{reference} is the id of a file at OpenAI, which Bedrock cannot read",
            "s3://BUCKET/KEY for data that is there, ./FILE for a file beside the spec",
        )
    elif fault := s3_uri.fault(reference):
        yield file.violation(fault.message, fault.hint)


def _bucket(file: DataField, settings: BedrockSettings) -> Iterator[Violation]:
    """Whether the place that local data goes to is one that Bedrock reads from."""
    if not _is_local(file.data) or not settings.bucket:
        return
    where = f"providers.{settings.name}"
    uploaded = f"{uploads(settings)}{'0' * _SHA256_LENGTH}.jsonl"
    if fault := s3_uri.fault(uploaded):
        yield file.violation(
            f"{where}.bucket and {where}.prefix make no S3 URI that Bedrock takes: {fault.message}",
            fault.hint,
        )


def uploads(settings: BedrockSettings) -> str:
    """The folder in S3 that local data goes to. The settings name a bucket."""
    prefix = settings.prefix.strip("/")
    return s3_uri.folder(f"s3://{settings.bucket}/{prefix}")


def _format(file: DataField, spec: JobSpec) -> Iterator[Violation]:
    format_ = file.data.format
    if format_ is None or not _is_local(file.data):
        return
    match kind(spec):
        case Kind.CONTINUED_PRE_TRAINING:
            yield file.violation(
                f"{file.shown} is in the {format_} format, and continued pre-training reads plain"
                ' text: {"input": "…"} in every line',
                "name such data in S3: s3://BUCKET/KEY",
            )
        case Kind.REINFORCEMENT if format_ not in (_CHAT, "reinforcement"):
            yield file.violation(
                f"{file.shown} is in the {format_} format, and reinforcement fine-tuning reads"
                " OpenAI's chat format",
                'one {"messages": […]} per line, with what the grader needs beside it',
            )
        case Kind.DISTILLATION if format_ not in _READABLE[Form.CONVERSATION]:
            yield file.violation(
                f"{file.shown} is in the {format_} format, and distillation reads conversations",
                f"in every line {_LINES[Form.CONVERSATION]}; prompts alone only in the latter",
            )
        case Kind.FINE_TUNING:
            yield from _misfit(file, format_, spec)


def _misfit(file: DataField, format_: str, spec: JobSpec) -> Iterator[Violation]:
    """A format that the model's family cannot be fine-tuned on."""
    if spec.method == "dpo":  # refused as a whole, whatever it trains on
        return
    known: Family | None = family(spec.model)
    if format_ in ("preference", "reinforcement"):
        yield file.violation(
            f"{file.shown} is in the {format_} format, and fine-tuning learns from answers",
            'one {"messages": […]} per line, ending with the assistant\'s answer',
        )
    elif known is not None and format_ not in _READABLE[known.form]:
        yield file.violation(
            f"{file.shown} is in the {format_} format, and {known.name} cannot be trained on it",
            f"in every line {_LINES[known.form]}",
        )


def _logs(training: DataField, spec: JobSpec) -> Iterator[Violation]:
    """With `training_invocation_logs`, the training data is the folder of the logs."""
    if "training_invocation_logs" not in spec.section:
        return
    path = ("spec", "bedrock", "training_invocation_logs")
    if _is_local(training.data):
        yield training.violation(
            f"{training.shown} is a local file, and training_invocation_logs reads a folder of"
            " logs in S3",
            "training_file: s3://BUCKET/FOLDER-OF-THE-LOGS/",
        )
    if kind(spec) not in (Kind.DISTILLATION, Kind.REINFORCEMENT):
        yield Violation(
            path=path,
            message=f"{kind(spec)} does not learn from invocation logs",
            hint="customization_type: DISTILLATION or REINFORCEMENT_FINE_TUNING does",
        )


def _validation(spec: JobSpec) -> Iterator[Violation]:
    path = ("spec", "bedrock", "validators")
    more: list[str] = list(spec.section.get("validators") or ())
    count = len(more) + (spec.validation is not None)
    if count > MAX_VALIDATORS:
        yield Violation(
            path=path,
            message=f"{count} sets of validation data, but at most {MAX_VALIDATORS} fit",
        )
    for index, uri in enumerate(more):
        if fault := s3_uri.fault(uri):
            yield Violation(path=(*path, index), message=fault.message, hint=fault.hint)
    known = family(spec.model)
    if count and known is not None and not known.validates:
        field = ("spec", "validation_file") if spec.validation is not None else path
        yield Violation(
            path=field, message=f"{known.name} takes no validation data", hint="remove it"
        )


def _size(training: DataField, spec: JobSpec) -> Iterator[Violation]:
    """Only what is too little: AWS raises the maxima on request."""
    examples, known = training.data.examples, family(spec.model)
    least, what = 0, ""
    if kind(spec) is Kind.REINFORCEMENT:
        least, what = RFT_MIN_EXAMPLES, "reinforcement fine-tuning"
    elif kind(spec) is Kind.FINE_TUNING and known is not None:
        least, what = known.min_examples, known.name
    if examples is not None and examples < least:
        yield training.violation(
            f"{training.shown} has {examples} example{'' if examples == 1 else 's'}, but {what}"
            f" takes at least {least}"
        )
