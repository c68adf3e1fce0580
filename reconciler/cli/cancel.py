"""`reconcile cancel NAME [--job ID]`: stop a running job."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.model import Result


@click.command("cancel")
@click.argument("name")
@click.option("--job", "job_id", metavar="ID", help="This job, where several carry one token.")
@global_options
@click.pass_context
def command(context: click.Context, name: str, job_id: str | None) -> int:
    """Cancel the running job of a spec.

    NAME is a spec's name, or the token of an earlier job of it. What the job has used so far is
    paid for; a cancelled job leaves no model. To train again afterwards, raise spec.attempt.
    """
    from reconciler import recovery
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "cancel") as session:
        outcome = recovery.cancel(session, name, job_id) if job_id else session.cancel(name)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK if outcome.result is Result.CANCELLED else FAILED
