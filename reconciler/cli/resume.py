"""`reconcile resume NAME`: let a job go on that is paused, or that stopped half-way."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.model import Result


@click.command("resume")
@click.argument("name")
@global_options
@click.pass_context
def command(context: click.Context, name: str) -> int:
    """Let the paused job of a spec go on.

    NAME is a spec's name, or the token of an earlier job of it. Fireworks also lets a job go on
    that has failed or was cancelled, and what it uses from then on is paid for. Bedrock resumes
    nothing.
    """
    from reconciler import lifecycle
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "resume") as session:
        outcome = lifecycle.resume(session, name)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK if outcome.result is Result.REFRESHED else FAILED
