"""The words of the wire: a create out; jobs as boto3 hands them over in.

`adapter` translates through here. Pure; it imports no boto3. It believes no service model: servers
that imitate Bedrock answer otherwise than it says, so everything may be missing or of another type.
What is not understood becomes None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.config import BedrockSettings
from reconciler.model import Job, JobError, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.bedrock import hyperparameters, s3_uri, section_rules, stamp
from reconciler.providers.bedrock.customization import Kind, kind, part

_STATUSES = {
    "InProgress": JobStatus.RUNNING,
    "Stopping": JobStatus.RUNNING,  # it still runs, and is still paid for
    "Stopped": JobStatus.CANCELLED,
    "Completed": JobStatus.SUCCEEDED,
    "Failed": JobStatus.FAILED,
}
_NOT_VALIDATED = ("NotStarted", "InProgress")
_METHODS = {
    "FINE_TUNING": "supervised",
    "REINFORCEMENT_FINE_TUNING": "reinforcement",
}
_FILTERS = {"equals": "equals", "not_equals": "notEquals", "and_all": "andAll", "or_all": "orAll"}
_ACCOUNT = 4  # arn:aws:bedrock:REGION:ACCOUNT:model-customization-job/…


def create_request(request: CreateRequest, settings: BedrockSettings) -> dict[str, Any]:
    """The parameters of create_model_customization_job. What the spec does not say is left out.

    Raises ValueError where there is no role or no place for the output: `rules` names both.
    """
    spec = request.spec
    role, output = section_rules.role(spec, settings), section_rules.output(spec, settings)
    if role is None or output is None:
        raise ValueError("no role or no output")
    body: dict[str, Any] = {
        "jobName": spec.token,
        "customModelName": stamp.model_name(spec),
        "roleArn": role,
        "clientRequestToken": spec.token,
        "baseModelIdentifier": request.base_model,
        "customizationType": kind(spec).value,
        "customModelKmsKeyId": spec.section.get("kms_key_id"),
        "jobTags": _tags({**spec.metadata, **part(spec, "job_tags"), **stamp.tags(spec)}),
        "customModelTags": _tags({**part(spec, "model_tags"), **stamp.tags(spec)}),
        "trainingDataConfig": _training(request),
        "validationDataConfig": _validation(request),
        "outputDataConfig": {"s3Uri": output},
        "hyperParameters": hyperparameters.texts(spec),
        "vpcConfig": _network(spec),
        "customizationConfig": _config(spec),
    }
    return {name: value for name, value in body.items() if value}


def created(request: CreateRequest, arn: str) -> Job:
    """The job of a create that Bedrock took, as far as its answer tells: that it is there."""
    return Job(
        id=arn,
        status=JobStatus.QUEUED,
        provider_status="",
        stamp=request.spec.token,
        model=request.base_model,
        training_file=request.training,
        validation_file=request.validation,
        organization_id=_account(arn),
    )


def job(answer: Mapping[str, Any]) -> Job | None:
    """A job as get_model_customization_job shows it; None if it has no ARN, and so is no job."""
    arn = _text(answer.get("jobArn"))
    if arn is None:
        return None
    status = _status(answer)
    over, done = status.terminal, status is JobStatus.SUCCEEDED
    return Job(
        id=arn,
        status=status,
        provider_status=_text(answer.get("status")) or "",
        stamp=_text(answer.get("clientRequestToken")) or _text(answer.get("jobName")),
        created_at=moment(answer.get("creationTime")),
        finished_at=moment(answer.get("endTime")) if over else None,
        model=_text(answer.get("baseModelArn")),
        fine_tuned_model=_text(answer.get("outputModelArn")) if done else None,
        training_file=_training_uri(answer),
        validation_file=_validation_uri(answer),
        result_files=_results(answer, arn) if done else (),
        error=_error(answer) if status is JobStatus.FAILED else None,
        hyperparameters=_hyperparameters(answer),
        organization_id=_account(arn),
        method=_method(answer),
    )


def summary(entry: Mapping[str, Any]) -> Job | None:
    """A job as a list shows it: without data, hyperparameters and reason of a failure."""
    return job({**entry, "outputModelArn": entry.get("customModelArn")})


def moment(value: Any) -> int | None:
    """Unix seconds of a time; one without a zone is UTC, as AWS means it."""
    if not isinstance(value, datetime):
        return None
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _training(request: CreateRequest) -> dict[str, Any]:
    logs = request.spec.section.get("training_invocation_logs")
    if logs is None:
        return {"s3Uri": request.training}
    config: dict[str, Any] = {"invocationLogSource": {"s3Uri": request.training}}
    if "use_prompt_response" in logs:
        config["usePromptResponse"] = logs["use_prompt_response"]
    if filters := logs.get("request_metadata_filters"):
        config["requestMetadataFilters"] = _filters(filters)
    return {"invocationLogsConfig": config}


def _filters(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _FILTERS[name]: dict(value)
        if isinstance(value, Mapping)
        else [_filters(inner) for inner in value]
        for name, value in filters.items()
    }


def _validation(request: CreateRequest) -> dict[str, Any]:
    first = [request.validation] if request.validation else []
    uris = [*first, *(request.spec.section.get("validators") or ())]
    return {"validators": [{"s3Uri": uri} for uri in uris]} if uris else {}


def _network(spec: JobSpec) -> dict[str, Any]:
    vpc = part(spec, "vpc")
    if not vpc:
        return {}
    return {
        "subnetIds": list(vpc["subnet_ids"]),
        "securityGroupIds": list(vpc["security_group_ids"]),
    }


def _config(spec: JobSpec) -> dict[str, Any]:
    match kind(spec):
        case Kind.DISTILLATION:
            settings = part(spec, "distillation")
            teacher: dict[str, Any] = {"teacherModelIdentifier": settings["teacher_model"]}
            if "max_response_length" in settings:
                teacher["maxResponseLengthForInference"] = settings["max_response_length"]
            return {"distillationConfig": {"teacherModelConfig": teacher}}
        case Kind.REINFORCEMENT:
            grader = {"lambdaGrader": {"lambdaArn": part(spec, "rft")["grader_lambda_arn"]}}
            config: dict[str, Any] = {"graderConfig": grader}
            if values := hyperparameters.rft(spec):
                config["hyperParameters"] = values
            return {"rftConfig": config}
        case _:
            return {}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _status(answer: Mapping[str, Any]) -> JobStatus:
    """The status, with the validation apart where the details show it: not every kind does."""
    status = _STATUSES.get(_text(answer.get("status")) or "", JobStatus.UNKNOWN)
    details = _mapping(answer.get("statusDetails")).get("validationDetails")
    validating = _mapping(details).get("status") in _NOT_VALIDATED
    running = answer.get("status") == "InProgress"
    return JobStatus.VALIDATING_FILES if running and validating else status


def _error(answer: Mapping[str, Any]) -> JobError | None:
    message = _text(answer.get("failureMessage"))
    return JobError(code=None, message=message) if message else None


def _training_uri(answer: Mapping[str, Any]) -> str | None:
    config = _mapping(answer.get("trainingDataConfig"))
    logs = _mapping(_mapping(config.get("invocationLogsConfig")).get("invocationLogSource"))
    return _text(config.get("s3Uri")) or _text(logs.get("s3Uri"))


def _validation_uri(answer: Mapping[str, Any]) -> str | None:
    """The first of the validators: the shape has room for one."""
    validators = _mapping(answer.get("validationDataConfig")).get("validators")
    first = validators[0] if isinstance(validators, Sequence) and validators else None
    return _text(_mapping(first).get("s3Uri"))


def _results(answer: Mapping[str, Any], arn: str) -> tuple[str, ...]:
    """The folder that Bedrock makes for a job's results, below the output that was asked for."""
    output = _text(_mapping(answer.get("outputDataConfig")).get("s3Uri"))
    if output is None:
        return ()
    return (f"{s3_uri.folder(output)}model-customization-job-{arn.rpartition('/')[2]}/",)


def _hyperparameters(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = _mapping(_mapping(answer.get("customizationConfig")).get("rftConfig"))
    raw = {
        **_mapping(answer.get("hyperParameters")),
        **_mapping(config.get("hyperParameters")),
    }
    return hyperparameters.portable(raw) if raw else None


def _account(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[_ACCOUNT] or None if arn.startswith("arn:") and len(parts) > _ACCOUNT else None


def _method(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    type_ = _text(answer.get("customizationType"))
    return {"type": _METHODS.get(type_, type_.lower())} if type_ else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
