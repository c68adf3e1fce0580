"""What a pass means for whoever runs it: the exit code, and whether a person has to agree first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import Options
from reconciler.errors import PolicyError
from reconciler.model import Action, JobStatus, Plan, Result

if TYPE_CHECKING:
    from reconciler.engine import PassResult

_BAD = {Result.REJECTED, Result.UNKNOWN, Result.FAILED}
_ENDED_BADLY = {JobStatus.FAILED, JobStatus.CANCELLED}


def verdict(result: PassResult) -> int:
    """FAILED if a step failed, or a current job failed, was stopped or is held; else OK."""
    from reconciler.plan import needs_somebody

    if any(outcome.result in _BAD for outcome in result.outcomes):
        return FAILED
    if any(
        needs_somebody(outcome.step) and outcome.result is not Result.ADOPTED
        for outcome in result.outcomes
    ):
        return FAILED
    if any(record.job and record.job.status in _ENDED_BADLY for record in result.current):
        return FAILED
    return OK


def approval(options: Options, *, yes: bool, budget: float | None = None) -> Callable[[Plan], None]:
    """Ask a person before money is spent; nobody else."""
    if yes or options.sandbox or not sys.stdin.isatty():
        return lambda _: None

    def ask(decided: Plan) -> None:
        from reconciler.report import choose

        if not decided.of(Action.CREATE, Action.CANCEL):
            return
        text = choose("text").plan(decided, budget=budget, color=options.color, width=options.width)
        click.echo(text, err=True)
        if not click.confirm("Do this?", err=True):
            raise PolicyError("not approved", hint="nothing was called")

    return ask
