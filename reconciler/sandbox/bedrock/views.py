"""Jobs and models as Bedrock shows them, whole and in lists.

The handlers call it with a record and its course. Pure. What has no value yet is left out, as AWS
does it: a model's ARN before the job has completed, an end before it has ended.
"""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.bedrock import catalogue, learning
from reconciler.sandbox.bedrock.catalogue import BASE_MODELS, BaseModel, arn_of
from reconciler.sandbox.bedrock.course import TERMINAL, Course
from reconciler.sandbox.bedrock.job_store import model_arn
from reconciler.sandbox.bedrock.wire import shown_time
from reconciler.sandbox.store import Record

_ECHOED = (
    "clientRequestToken",
    "roleArn",
    "hyperParameters",
    "trainingDataConfig",
    "validationDataConfig",
    "outputDataConfig",
    "customizationType",
    "vpcConfig",
    "customizationConfig",
)


def job(record: Record, course: Course, now: float) -> dict[str, Any]:
    """GetModelCustomizationJob's reply."""
    request, status = record["request"], course.status(now)
    view: dict[str, Any] = {name: request[name] for name in _ECHOED if name in request}
    view |= {
        "jobArn": record["arn"],
        "jobName": record["name"],
        "outputModelName": request["customModelName"],
        "status": status,
        "creationTime": shown_time(record["created"]),
        "lastModifiedTime": shown_time(course.changed_at(now)),
        "baseModelArn": arn_of(BASE_MODELS[record["base"]], record["region"]),
    }
    if "customModelKmsKeyId" in request:
        view["outputModelKmsKeyArn"] = _key_arn(request["customModelKmsKeyId"], record["region"])
    if request["customizationType"] == catalogue.DISTILLATION:
        view["statusDetails"] = _details(course, now)
    if status in TERMINAL:
        view["endTime"] = shown_time(course.finished_at)
    if status == "Failed":
        view["failureMessage"] = record["error"]["message"][:2048]
    if status == "Completed":
        view["outputModelArn"] = model_arn(record)
        view |= _metrics(record)
    return view


def job_summary(record: Record, course: Course, now: float) -> dict[str, Any]:
    """One of ListModelCustomizationJobs: no token, tags, hyperparameters or failure."""
    status = course.status(now)
    view: dict[str, Any] = {
        "jobArn": record["arn"],
        "baseModelArn": arn_of(BASE_MODELS[record["base"]], record["region"]),
        "jobName": record["name"],
        "status": status,
        "creationTime": shown_time(record["created"]),
        "lastModifiedTime": shown_time(course.changed_at(now)),
        "customModelName": record["request"]["customModelName"],
        "customizationType": record["request"]["customizationType"],
    }
    if record["request"]["customizationType"] == catalogue.DISTILLATION:
        view["statusDetails"] = _details(course, now)
    if status in TERMINAL:
        view["endTime"] = shown_time(course.finished_at)
    if status == "Completed":
        view["customModelArn"] = model_arn(record)
    return view


def model(record: Record, course: Course) -> dict[str, Any]:
    """GetCustomModel's reply."""
    request = record["request"]
    shown = (
        *("hyperParameters", "trainingDataConfig", "validationDataConfig", "outputDataConfig"),
        *("customizationType", "customizationConfig"),
    )
    view = {name: request[name] for name in shown if name in request}
    view |= {
        "modelArn": model_arn(record),
        "modelName": request["customModelName"],
        "jobName": record["name"],
        "jobArn": record["arn"],
        "baseModelArn": arn_of(BASE_MODELS[record["base"]], record["region"]),
        "creationTime": shown_time(course.finished_at),
        "modelStatus": "Active",
    }
    if "customModelKmsKeyId" in request:
        view["modelKmsKeyArn"] = _key_arn(request["customModelKmsKeyId"], record["region"])
    return view | _metrics(record)


def model_summary(record: Record, course: Course) -> dict[str, Any]:
    """One of ListCustomModels."""
    base = BASE_MODELS[record["base"]]
    return {
        "modelArn": model_arn(record),
        "modelName": record["request"]["customModelName"],
        "creationTime": shown_time(course.finished_at),
        "baseModelArn": arn_of(base, record["region"]),
        "baseModelName": base.id.partition(":")[0],
        "customizationType": record["request"]["customizationType"],
        "ownerAccountId": record["arn"].split(":")[4],
        "modelStatus": "Active",
    }


def foundation_model(base: BaseModel, region: str) -> dict[str, Any]:
    """One of ListFoundationModels, and what GetFoundationModel shows."""
    listed = (catalogue.SUPERVISED, catalogue.PRETRAINING, catalogue.DISTILLATION)
    return {
        "modelArn": arn_of(base, region),
        "modelId": base.id,
        "modelName": base.name,
        "providerName": base.provider,
        # The service model has no word for reinforcement here.
        "customizationsSupported": [name for name in base.family.methods if name in listed],
        "inferenceTypesSupported": ["PROVISIONED"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


def _metrics(record: Record) -> dict[str, Any]:
    validators = record["request"]["validationDataConfig"]["validators"]
    view: dict[str, Any] = {"trainingMetrics": {"trainingLoss": learning.training_loss(record)}}
    if validators:
        view["validationMetrics"] = [
            {"validationLoss": learning.validation_loss(record, index)}
            for index in range(len(validators))
        ]
    return view


def _details(course: Course, now: float) -> dict[str, Any]:
    return {
        name: {"status": status}
        if status == "NotStarted"
        else {
            "status": status,
            "creationTime": shown_time(begun),
            "lastModifiedTime": shown_time(changed),
        }
        for name, (status, begun, changed) in course.details(now).items()
    }


def _key_arn(key: str, region: str) -> str:
    """A key's ARN; one that was named by id or alias gets the ARN of an id made up for it."""
    if key.startswith("arn:") and ":key/" in key:
        return key
    from uuid import NAMESPACE_URL, uuid5

    return f"arn:aws:kms:{region}:000000000000:key/{uuid5(NAMESPACE_URL, key)}"
