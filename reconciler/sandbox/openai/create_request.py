"""The body of a create: checked as OpenAI checks it, and completed.

The create handler reads it before anything is stored. Only what the body itself says is judged
here; whether its files and model exist is for the handler. Fields that OpenAI does not know are
ignored, as its schema does not forbid them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.openai import fields
from reconciler.sandbox.openai.fields import Check, auto_or, choice, integer, number
from reconciler.sandbox.openai.graders import check_grader
from reconciler.sandbox.openai.wire import refused

_PORTABLE: dict[str, Check] = {
    "batch_size": auto_or(integer(1, 256)),
    "learning_rate_multiplier": auto_or(number(0)),
    "n_epochs": auto_or(integer(1, 50)),
}

HYPERPARAMETERS: dict[str, dict[str, Check]] = {
    "supervised": _PORTABLE,
    "dpo": {**_PORTABLE, "beta": auto_or(number(0, 2))},
    "reinforcement": {
        **_PORTABLE,
        "compute_multiplier": auto_or(number(0.00001, 10)),
        "eval_interval": auto_or(integer(1)),
        "eval_samples": auto_or(integer(1)),
        "reasoning_effort": choice("default", "low", "medium", "high"),
    },
}
"""What each method can be told, and in which range; everything else is "auto"."""


def read(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request in full: every field present, defaults filled in; or Refusal.

    `method` is `{type, hyperparameters, grader}`, with "auto" where the request leaves a choice.
    """
    model = fields.string(fields.required(body, "model"), "model", least=1)
    training_file = fields.string(fields.required(body, "training_file"), "training_file", least=1)
    return {
        "model": model,
        "training_file": training_file,
        "validation_file": _optional(body, "validation_file", _file_id),
        "suffix": _optional(body, "suffix", _suffix),
        "seed": _optional(body, "seed", integer(0, 2**31 - 1)),
        "integrations": _optional(body, "integrations", _integrations),
        "metadata": fields.metadata(body.get("metadata")),
        "method": _method(body),
    }


def check_together(request: Mapping[str, Any], methods: tuple[str, ...]) -> None:
    """What no single field shows: the model can do the method, and the method has its data."""
    method = request["method"]["type"]
    if not methods:
        raise refused(
            f"Model {request['model']} is not available for fine-tuning or does not exist.",
            param="model",
            code="model_not_available",
        )
    if method not in methods:
        listed = ", ".join(f"'{name}'" for name in methods)
        raise refused(
            f"Model {request['model']} cannot be fine-tuned with the method '{method}'. "
            f"Supported methods are: {listed}.",
            param="method.type",
            code="invalid_value",
        )
    if method == "reinforcement" and request["validation_file"] is None:
        raise refused(
            "Missing required parameter: 'validation_file'. Reinforcement fine-tuning needs one.",
            param="validation_file",
            code="missing_required_parameter",
        )


def _optional(body: Mapping[str, Any], field: str, check: Check) -> Any:
    return None if body.get(field) is None else check(body[field], field)


def _file_id(value: Any, param: str) -> str:
    return fields.string(value, param, least=1)


def _suffix(value: Any, param: str) -> str:
    return fields.string(value, param, least=1, most=64)


def _integrations(value: Any, param: str) -> list[dict[str, Any]]:
    integrations = []
    for index, item in enumerate(fields.array(value, param, most=5)):
        place = f"{param}[{index}]"
        integration = fields.obj(item, place)
        choice("wandb")(fields.required(integration, "type", place), f"{place}.type")
        wandb = fields.obj(fields.required(integration, "wandb", place), f"{place}.wandb")
        fields.string(fields.required(wandb, "project", f"{place}.wandb"), f"{place}.wandb.project")
        for name in ("name", "entity"):
            if wandb.get(name) is not None:
                fields.string(wandb[name], f"{place}.wandb.{name}")
        for tag in fields.array(wandb.get("tags", []), f"{place}.wandb.tags"):
            fields.string(tag, f"{place}.wandb.tags")
        known = ("project", "name", "entity", "tags")
        chosen = {name: wandb[name] for name in known if name in wandb}
        integrations.append({"type": "wandb", "wandb": chosen})
    return integrations


def _method(body: Mapping[str, Any]) -> dict[str, Any]:
    """The method, complete; the older top-level `hyperparameters` mean supervised."""
    older = fields.obj(body.get("hyperparameters", {}), "hyperparameters")
    if "method" not in body:
        return {
            "type": "supervised",
            "hyperparameters": _hyperparameters("supervised", older, "hyperparameters"),
        }
    method = fields.obj(body["method"], "method")
    kind = choice(*HYPERPARAMETERS)(fields.required(method, "type", "method"), "method.type")
    path = f"method.{kind}"
    section = fields.obj(method.get(kind, {}), path)
    given = fields.obj(section.get("hyperparameters", {}), f"{path}.hyperparameters")
    complete = {
        "type": kind,
        "hyperparameters": _hyperparameters(kind, given, f"{path}.hyperparameters"),
    }
    if kind == "reinforcement":
        grader = fields.required(section, "grader", path)
        complete["grader"] = check_grader(grader, f"{path}.grader")
    return complete


def _hyperparameters(kind: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {
        name: check(given[name], f"{path}.{name}") if name in given else _default(name)
        for name, check in HYPERPARAMETERS[kind].items()
    }


def _default(name: str) -> str:
    return "default" if name == "reasoning_effort" else "auto"
