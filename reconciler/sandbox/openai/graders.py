"""Graders: how a reinforcement job judges answers, checked as OpenAI's description defines them.

`create_request` asks. The five kinds that a job may use, and label_model, which only stands inside
a multi grader. Calculations and templates are not evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.sandbox.openai.fields import array, choice, obj, required, string
from reconciler.sandbox.openai.wire import refused

_JOB_GRADERS = ("string_check", "text_similarity", "python", "score_model", "multi")
_METRICS = (
    "cosine",
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    *(f"rouge_{size}" for size in (1, 2, 3, 4, 5, "l")),
)
_STRINGS = {
    "string_check": ("name", "input", "reference"),
    "text_similarity": ("name", "input", "reference"),
    "python": ("name", "source"),
    "score_model": ("name", "model"),
    "label_model": ("name", "model"),
    "multi": ("name", "calculate_output"),
}


def check_grader(value: Any, param: str, *, inside_multi: bool = False) -> dict[str, Any]:
    """The grader, if it is whole; else Refusal."""
    grader = obj(value, param)
    allowed = (*_JOB_GRADERS[:-1], "label_model") if inside_multi else _JOB_GRADERS
    kind = choice(*allowed)(required(grader, "type", param), f"{param}.type")
    for field in _STRINGS[kind]:
        string(required(grader, field, param), f"{param}.{field}", least=1)
    match kind:
        case "string_check":
            operation = required(grader, "operation", param)
            choice("eq", "ne", "like", "ilike")(operation, f"{param}.operation")
        case "text_similarity":
            metric = required(grader, "evaluation_metric", param)
            choice(*_METRICS)(metric, f"{param}.evaluation_metric")
        case "score_model":
            _check_input(grader, param)
            _check_range(grader.get("range"), f"{param}.range")
        case "label_model":
            _check_input(grader, param)
            for field in ("labels", "passing_labels"):
                array(required(grader, field, param), f"{param}.{field}")
        case "multi":
            _check_parts(required(grader, "graders", param), f"{param}.graders")
    return grader


def _check_input(grader: Mapping[str, Any], param: str) -> None:
    for index, item in enumerate(array(required(grader, "input", param), f"{param}.input")):
        place = f"{param}.input[{index}]"
        message = obj(item, place)
        role = required(message, "role", place)
        choice("user", "assistant", "system", "developer")(role, f"{place}.role")
        required(message, "content", place)


def _check_range(value: Any, param: str) -> None:
    if value is None:
        return
    limits = array(value, param)
    numbers = [limit for limit in limits if isinstance(limit, int | float)]
    if len(limits) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:  # noqa: PLR2004 - a pair
        raise refused(
            f"Invalid '{param}': expected two numbers, the smaller one first.",
            param=param,
            code="invalid_value",
        )


def _check_parts(value: Any, param: str) -> None:
    """One grader, as OpenAI's description has it, or several by name, as its guides show."""
    parts = obj(value, param)
    if isinstance(parts.get("type"), str):
        check_grader(parts, param, inside_multi=True)
        return
    for name, part in parts.items():
        check_grader(part, f"{param}.{name}", inside_multi=True)
