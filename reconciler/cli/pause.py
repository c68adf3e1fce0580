"""`reconcile pause NAME`: let a running job rest, where the provider can."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.model import Result


@click.command("pause")
@click.argument("name")
@global_options
@click.pass_context
def command(context: click.Context, name: str) -> int:
    """Pause the running job of a spec.

    NAME is a spec's name, or the token of an earlier job of it. OpenAI can pause a job; Bedrock and
    Fireworks cannot. `reconcile resume` lets it go on.
    """
    from reconciler import lifecycle
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "pause") as session:
        outcome = lifecycle.pause(session, name)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK if outcome.result is Result.REFRESHED else FAILED
