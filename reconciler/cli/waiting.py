"""`apply --wait`: what the first pass did, the jobs while they run, and the table they end with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options
from reconciler.model import Outcome, Result

if TYPE_CHECKING:
    from reconciler.engine import PassResult, Reconciler

_QUIET = (Result.UNCHANGED, Result.REFRESHED, Result.HELD)
"""Results of a later pass that say less than what an earlier one did."""


def wait(
    session: Reconciler,
    options: Options,
    passes: tuple[Callable[[], PassResult], Callable[[], PassResult]],
    timeout: float | None,
    tell: Callable[[Sequence[Outcome]], None],
) -> tuple[PassResult, bool]:
    """Pass until every job has ended; the last result, and whether all ended.

    `passes` are the first one, which may ask, and every other. A program gets one document, at the
    end: what was done to each spec, and its job as it ended.
    """
    from reconciler.cli.rows import Followed
    from reconciler.report.progress import Progress
    from reconciler.watch import until_settled

    done: dict[str, Outcome] = {}
    followed = Followed(session.provider)
    first, again = passes

    def run_pass() -> PassResult:
        return again() if done else first()

    def seen(result: PassResult) -> None:
        if not done and options.format == "text":
            tell(result.outcomes)
        for outcome in result.outcomes:
            before = done.get(outcome.step.token)
            held = before is not None and before.result is Result.HELD
            if before is None or held or outcome.result not in _QUIET:
                done[outcome.step.token] = outcome
        progress.update(followed.rows(result))

    with Progress(sys.stderr, clock=time.time, color=options.color) as progress:
        result, ended = until_settled(
            run_pass,
            clock=time.time,
            sleep=time.sleep,
            grace=session.grace,
            seen=seen,
            timeout=timeout,
        )
    _close(options, result, done, tell)
    if not ended:
        click.echo("stopped waiting; the jobs go on, and the next apply finds them", err=True)
    return result, ended


def _close(
    options: Options,
    result: PassResult,
    done: Mapping[str, Outcome],
    tell: Callable[[Sequence[Outcome]], None],
) -> None:
    """The last word: a table for a person, one document for a program."""
    from reconciler.cli.rows import status_rows
    from reconciler.report import choose

    if options.format == "text":
        rows = status_rows(result.specs, result.state, result.plan, time.time())
        table = choose("text").status(rows, time.time(), color=options.color, width=options.width)
        click.echo(f"\n{table}")
    else:
        records = result.state.records
        tell([replace(o, record=records.get(token)) for token, o in done.items()])
