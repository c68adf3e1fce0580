"""`reconcile apply`: one pass, or passes until every job has ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import Options, given, global_options
from reconciler.config import duration
from reconciler.errors import ConfigError, PolicyError
from reconciler.model import Action, JobStatus, Outcome, Plan, Result

if TYPE_CHECKING:
    from reconciler.engine import PassResult, Reconciler, Request


_QUIET = (Result.UNCHANGED, Result.REFRESHED, Result.HELD)
"""Results of a later pass that say less than what an earlier one did."""


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """`30s`, `2m`, `6h` in seconds, or a usage error that shows the form."""
    if value is None:
        return None
    try:
        return duration(value)
    except ConfigError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from None


@click.command("apply")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--wait", is_flag=True, help="Go on until every job has ended.")
@click.option(
    "--timeout",
    metavar="DURATION",
    callback=_seconds,
    help="Stop waiting after this long, such as 30m.",
)
@click.option("--max-creates", type=click.IntRange(0), help="Refuse a plan that creates more.")
@click.option("--refresh", is_flag=True, help="Look at jobs that are over, too.")
@click.option("--prune", is_flag=True, help="Cancel running jobs whose spec is gone and says so.")
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "hold"]),
    default="retry",
    show_default=True,
    help="An unanswered create that cannot be found: send it again, or wait for resolve.",
)
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@global_options
@click.pass_context
def command(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    paths: tuple[str, ...],
    *,
    wait: bool,
    timeout: float | None,
    max_creates: int | None,
    refresh: bool,
    prune: bool,
    on_unknown: str,
    yes: bool,
) -> int:
    """Create the jobs that are missing, adopt those that are found, write the sidecars.

    Asks before it spends only in a terminal; in CI and in the sandbox it never asks.
    """
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request

    options = given(context)
    request = Request(
        paths=paths,
        refresh=refresh,
        prune=prune,
        hold_unknown=on_unknown == "hold",
        max_creates=max_creates,
    )
    with reconciler(options, "apply") as session:
        once = partial(session.run_once, request, approve=_approval(options, yes=yes))
        if not wait:
            result = once()
            _tell(options, result.outcomes)
            return _verdict(result)
        return _wait(session, request, options, once, timeout)


def _wait(
    session: Reconciler,
    request: Request,
    options: Options,
    first: Callable[[], PassResult],
    timeout: float | None,
) -> int:
    """Tell what the first pass did, show the jobs while they run, end with their table.

    A program gets one document, at the end: what was done to each spec, and its job as it ended.
    """
    from reconciler.cli.rows import Followed, status_rows
    from reconciler.report import choose
    from reconciler.report.progress import Progress
    from reconciler.watch import until_settled

    done: dict[str, Outcome] = {}
    followed = Followed(session.provider)

    def run_pass() -> PassResult:
        return session.run_once(request) if done else first()

    def seen(result: PassResult) -> None:
        if not done and not options.json:
            _tell(options, result.outcomes)
        for outcome in result.outcomes:
            if outcome.step.token not in done or outcome.result not in _QUIET:
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
    if options.json:
        records = result.state.records
        _tell(options, [replace(o, record=records.get(token)) for token, o in done.items()])
    else:
        rows = status_rows(result.specs, result.state, result.plan)
        table = choose("text").status(rows, time.time(), color=options.color, width=options.width)
        click.echo(f"\n{table}")
    if not ended:
        click.echo("stopped waiting; the jobs go on, and the next apply finds them", err=True)
        return FAILED
    return _verdict(result)


def _tell(options: Options, outcomes: Sequence[Outcome]) -> None:
    from reconciler.report import choose

    report = choose(options.format)
    click.echo(report.pass_result(outcomes, color=options.color, width=options.width))


def _verdict(result: PassResult) -> int:
    from reconciler.plan import needs_somebody

    bad = {Result.REJECTED, Result.UNKNOWN, Result.FAILED}
    failed = {JobStatus.FAILED, JobStatus.CANCELLED}
    if any(outcome.result in bad for outcome in result.outcomes):
        return FAILED
    if any(
        needs_somebody(outcome.step) and outcome.result is not Result.ADOPTED
        for outcome in result.outcomes
    ):
        return FAILED
    if any(record.job and record.job.status in failed for record in result.current):
        return FAILED
    return OK


def _approval(options: Options, *, yes: bool) -> Callable[[Plan], None]:
    """Ask a person before money is spent; nobody else."""
    if yes or options.sandbox or not sys.stdin.isatty():
        return lambda _: None

    def ask(decided: Plan) -> None:
        from reconciler.report import choose

        if not decided.of(Action.CREATE, Action.CANCEL):
            return
        text = choose("text").plan(decided, color=options.color, width=options.width)
        click.echo(text, err=True)
        if not click.confirm("Do this?", err=True):
            raise PolicyError("not approved", hint="nothing was called")

    return ask
