"""The body of a create: held against the service model, completed, and judged as a whole.

The create handler reads it before anything is stored. What the body alone says is judged here;
whether its data and its base model exist is for the handler. Where AWS publishes no words for a
refusal, the sandbox says in its own what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.bedrock import catalogue
from reconciler.sandbox.bedrock.catalogue import Family, Setting
from reconciler.sandbox.bedrock.shapes import Flag, Listing, Number, Structure, Table, Text
from reconciler.sandbox.bedrock.wire import invalid

_MODEL_ID = r"[a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}"
_NAMED_ID = rf"({_MODEL_ID}([.]?[a-z0-9-]{{1,63}})([:][a-z0-9-]{{1,63}}){{0,2}})"
_CUSTOM_ARN = rf"([0-9]{{12}}:custom-model/{_NAMED_ID}/[a-z0-9]{{12}})"
_FOUNDATION_ARN = rf"(:foundation-model/{_MODEL_ID}([:][a-z0-9-]{{1,63}}){{0,2}})"

JOB_NAME = Text(
    least=1,
    most=63,
    pattern=r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*",
    matcher=r"[a-zA-Z0-9][a-zA-Z0-9+.-]*",
)
MODEL_NAME = Text(least=1, most=63, pattern=r"([0-9a-zA-Z][_-]?){1,63}")
TAGS = Listing(
    most=200,
    of=Structure(
        required=("key", "value"),
        members={
            "key": Text(least=1, most=128, pattern=r"[a-zA-Z0-9\s._:/=+@-]*"),
            "value": Text(most=256, pattern=r"[a-zA-Z0-9\s._:/=+@-]*"),
        },
    ),
)
CUSTOMIZATION_TYPES = (
    catalogue.SUPERVISED,
    catalogue.PRETRAINING,
    catalogue.DISTILLATION,
    catalogue.REINFORCEMENT,
    "IMPORTED",
)
_S3_URI = Text(
    least=1,
    most=1024,
    pattern=r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]"
    r"(?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?",
)
_LOCATION = Structure(required=("s3Uri",), members={"s3Uri": _S3_URI})
_NETWORK_ID = Text(most=32, pattern="[-0-9a-zA-Z]+")
_FILTER_TEXT = r"[a-zA-Z0-9\s._:/=+$@-]"
_FILTER = Table(of=Text(most=256, pattern=_FILTER_TEXT + "{0,256}"))
_FILTERS = {"equals": _FILTER, "notEquals": _FILTER}
_SEVERAL_FILTERS = Listing(least=1, most=16, of=Structure(members=_FILTERS))
_INVOCATION_LOGS = Structure(
    required=("invocationLogSource",),
    members={
        "usePromptResponse": Flag(),
        "invocationLogSource": Structure(members={"s3Uri": _S3_URI}, union=True),
        "requestMetadataFilters": Structure(
            members={**_FILTERS, "andAll": _SEVERAL_FILTERS, "orAll": _SEVERAL_FILTERS},
            union=True,
        ),
    },
)
_TEACHER = Text(
    pattern=r"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:"
    rf"((:foundation-model/{_NAMED_ID}|(([0-9a-zA-Z][_-]?)+)$)|"
    rf"([0-9]{{12}}:inference-profile/[a-zA-Z0-9-:.]+$)))|{_NAMED_ID}"
)
_REINFORCEMENT = Structure(
    members={
        "graderConfig": Structure(
            union=True,
            members={
                "lambdaGrader": Structure(
                    required=("lambdaArn",),
                    members={
                        "lambdaArn": Text(
                            least=1,
                            most=512,
                            pattern=r"arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}(-gov)?-[a-z]+-\d{1}:"
                            r"\d{12}:function:[a-zA-Z0-9-_\.]+(:(\$LATEST|[a-zA-Z0-9-_]+))?",
                        )
                    },
                )
            },
        ),
        "hyperParameters": Structure(
            members={
                "epochCount": Number(least=1, most=50),
                "batchSize": Number(least=16, most=512),
                "learningRate": Number(least=1e-7, most=1e-3, fraction=True),
                "maxPromptLength": Number(),
                "trainingSamplePerPrompt": Number(least=2, most=16),
                "inferenceMaxTokens": Number(),
                "reasoningEffort": Text(choices=("low", "medium", "high")),
                "evalInterval": Number(least=1, most=100),
            }
        ),
    }
)

SHAPE = Structure(
    required=(
        *("jobName", "customModelName", "roleArn", "baseModelIdentifier"),
        *("trainingDataConfig", "outputDataConfig"),
    ),
    members={
        "jobName": JOB_NAME,
        "customModelName": MODEL_NAME,
        "roleArn": Text(most=2048, pattern=r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+"),
        "clientRequestToken": Text(
            least=1, most=256, pattern=r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?"
        ),
        "baseModelIdentifier": Text(
            least=1,
            most=2048,
            pattern=rf"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{{1,20}}:({_CUSTOM_ARN}|"
            rf"{_FOUNDATION_ARN}))|{_NAMED_ID}|(([0-9a-zA-Z][_-]?)+)",
        ),
        "customizationType": Text(choices=CUSTOMIZATION_TYPES),
        "customModelKmsKeyId": Text(
            least=1,
            most=2048,
            pattern=r"(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|"
            r"(alias/[a-zA-Z0-9-_/]+)))|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)",
        ),
        "jobTags": TAGS,
        "customModelTags": TAGS,
        "trainingDataConfig": Structure(
            members={"s3Uri": _S3_URI, "invocationLogsConfig": _INVOCATION_LOGS}
        ),
        "validationDataConfig": Structure(
            required=("validators",), members={"validators": Listing(most=10, of=_LOCATION)}
        ),
        "outputDataConfig": _LOCATION,
        "hyperParameters": Table(of=Text()),
        "vpcConfig": Structure(
            required=("subnetIds", "securityGroupIds"),
            members={
                "subnetIds": Listing(least=1, most=16, of=_NETWORK_ID),
                "securityGroupIds": Listing(least=1, most=5, of=_NETWORK_ID),
            },
        ),
        "customizationConfig": Structure(
            union=True,
            members={
                "distillationConfig": Structure(
                    required=("teacherModelConfig",),
                    members={
                        "teacherModelConfig": Structure(
                            required=("teacherModelIdentifier",),
                            members={
                                "teacherModelIdentifier": _TEACHER,
                                "maxResponseLengthForInference": Number(),
                            },
                        )
                    },
                ),
                "rftConfig": _REINFORCEMENT,
            },
        ),
    },
)
"""CreateModelCustomizationJobRequest."""


def complete(body: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """The request with its defaults, as it will be stored; or Refusal."""
    method = body.get("customizationType", catalogue.SUPERVISED)
    if method not in family.methods:
        raise invalid(f"The provided base model does not support {method} customization.")
    _check_config(body, method)
    _check_data(body, family, method)
    for name in ("jobTags", "customModelTags"):
        keys = [tag["key"] for tag in body.get(name, [])]
        if len(set(keys)) < len(keys):
            raise invalid(f"Duplicate tag keys found in {name}.")
    known = {name: body[name] for name in SHAPE.members if body.get(name) is not None}
    return {
        **known,
        "customizationType": method,
        "hyperParameters": _hyperparameters(body, family, method),
        "validationDataConfig": body.get("validationDataConfig") or {"validators": []},
    }


def _check_config(body: Mapping[str, Any], method: str) -> None:
    config = body.get("customizationConfig") or {}
    wanted = {
        catalogue.DISTILLATION: "distillationConfig",
        catalogue.REINFORCEMENT: "rftConfig",
    }.get(method)
    if wanted and wanted not in config:
        raise invalid(f"customizationConfig.{wanted} is required for {method} customization.")
    if not wanted and config:
        raise invalid(f"customizationConfig cannot be used for {method} customization.")
    if method == catalogue.REINFORCEMENT and "graderConfig" not in config["rftConfig"]:
        raise invalid(f"A graderConfig is required for {method} customization.")


def _check_data(body: Mapping[str, Any], family: Family, method: str) -> None:
    training = body["trainingDataConfig"]
    logs = training.get("invocationLogsConfig")
    if logs and method != catalogue.DISTILLATION:
        raise invalid(f"invocationLogsConfig cannot be used for {method} customization.")
    if not training.get("s3Uri") and not logs:
        raise invalid("trainingDataConfig must have an s3Uri.")
    validators = (body.get("validationDataConfig") or {}).get("validators")
    if validators and not family.validates:
        raise invalid("The provided base model does not support validation data.")


def _hyperparameters(body: Mapping[str, Any], family: Family, method: str) -> dict[str, str]:
    """What was given, and the defaults of the rest; only jobs that tune have any."""
    given = body.get("hyperParameters") or {}
    if method in (catalogue.DISTILLATION, catalogue.REINFORCEMENT):
        if given:
            raise invalid(f"hyperParameters cannot be used for {method} customization.")
        return {}
    for name in given:
        if name not in family.settings:
            listed = ", ".join(family.settings)
            raise invalid(
                f"The hyperparameter {name} is not supported by the provided base model. Supported "
                f"hyperparameters are: {listed}."
            )
    return {
        name: _setting(name, given[name], setting) if name in given else _default(name, setting)
        for name, setting in family.settings.items()
    }


def _default(name: str, setting: Setting) -> str:
    if setting.default is None:
        raise invalid(f"The hyperparameter {name} is required by the provided base model.")
    return setting.default


def _setting(name: str, text: str, setting: Setting) -> str:
    if text in setting.words:
        return text
    try:
        value = int(text) if setting.whole else float(text)
    except ValueError:
        value = math.nan
    if not setting.least <= value <= setting.most:
        kind = "an integer" if setting.whole else "a number"
        words = "".join(f", or {word}" for word in setting.words)
        raise invalid(
            f"The hyperparameter {name} must be {kind} between {setting.least:g} and "
            f"{setting.most:g}{words}, but is {text}."
        )
    return text
