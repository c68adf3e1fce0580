"""`reconcile resolve NAME`: settle a create that was never answered."""

from __future__ import annotations

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options


@click.command("resolve")
@click.argument("name")
@click.option("--adopt", "job_id", metavar="JOB_ID", help="It made this job.")
@click.option("--not-created", is_flag=True, help="It made none: send it again.")
@global_options
@click.pass_context
def command(context: click.Context, name: str, job_id: str | None, *, not_created: bool) -> int:
    """Settle by hand a create whose answer was lost.

    Passes settle it by themselves: they look for the token, and wait as long as the provider's
    list may lag. This is for whoever has looked at the provider and knows. NAME is a spec's name
    or a token.
    """
    from reconciler.cli.session import reconciler
    from reconciler.recovery import adopt, resolve
    from reconciler.report import choose

    if bool(job_id) == not_created:
        raise click.UsageError("say either --adopt JOB_ID or --not-created", context)
    options = given(context)
    with reconciler(options, "resolve", offline=not_created) as session:
        outcome = adopt(session, name, job_id) if job_id else resolve(session, name)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK
