"""`reconcile adopt NAME JOB_ID`: this job is what that spec asks for."""

from __future__ import annotations

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options


@click.command("adopt")
@click.argument("name")
@click.argument("job_id")
@global_options
@click.pass_context
def command(context: click.Context, name: str, job_id: str) -> int:
    """Tie an existing job to a spec, so that none is created for it.

    The job is looked at and not touched. Whether it was trained on what the spec says is for you
    to know: nothing a provider answers could prove it.
    """
    from reconciler.cli.session import reconciler
    from reconciler.recovery import adopt
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "adopt") as session:
        outcome = adopt(session, name, job_id)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK
