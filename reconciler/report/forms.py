"""Which report has a form in which format, and the refusal of those that have none.

The modules of the formats take their missing functions from here, so that every one of them has
all functions of `report.Report` and a user is told what there is instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from reconciler.errors import ConfigError

FORMS = {
    "plan": ("text", "json", "markdown", "github"),
    "pass_result": ("text", "json", "markdown", "github"),
    "status": ("text", "json", "markdown"),
    "events": ("text", "json"),
    "metrics": ("text", "json"),
    "problems": ("text", "json", "markdown", "github", "sarif"),
    "state_list": ("text", "json"),
    "state_show": ("text", "json"),
}
"""The formats of each function of `report.Report`."""

_NAMES = {
    "plan": "a plan",
    "pass_result": "what apply did",
    "status": "the status table",
    "events": "the events of a job",
    "metrics": "the loss curve of a job",
    "state_list": "the list of records",
    "state_show": "a record",
}


def without_form(function: str, format_: str) -> Callable[..., NoReturn]:
    """What stands for a function of `report.Report` in a format that has no form for it."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        have = FORMS[function]
        raise ConfigError(
            f"{_NAMES[function]} cannot be printed as {format_}",
            hint=f"choose --format {', '.join(have[:-1])} or {have[-1]}",
        )

    return refuse
