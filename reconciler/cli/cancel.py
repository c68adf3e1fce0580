"""`reconcile cancel NAME`: stop a running job."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.model import Result


@click.command("cancel")
@click.argument("name")
@global_options
@click.pass_context
def command(context: click.Context, name: str) -> int:
    """Cancel the running job of a spec.

    NAME is a spec's name, or the token of an earlier job of it. What the job has used so far is
    paid for; a cancelled job leaves no model. To train again afterwards, raise spec.attempt.
    """
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "cancel") as session:
        outcome = session.cancel(name)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK if outcome.result is Result.CANCELLED else FAILED
