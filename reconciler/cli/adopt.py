"""`reconcile adopt`: this job is what that spec asks for; or specs for jobs that have none."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import Options, given, global_options


@click.command("adopt")
@click.argument("name", required=False)
@click.argument("job_id", required=False)
@click.option("--discover", is_flag=True, help="Write specs for jobs that have none, and tie them.")
@click.option("--provider", metavar="NAME", help="With --discover: look at this one only.")
@click.option(
    "--into", metavar="FOLDER", help="With --discover: where to write; specs/adopted by default."
)
@global_options
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    job_id: str | None,
    *,
    discover: bool,
    provider: str | None,
    into: str | None,
) -> int:
    """Tie an existing job to a spec, so that none is created for it.

    The job is looked at and not touched. Whether it was trained on what the spec says is for you
    to know: nothing a provider answers could prove it.

    With --discover, in place of NAME and JOB_ID: every job that no spec asks for gets a spec of
    what it shows, so that the next plan is empty. Failed and cancelled jobs are passed over.
    """
    options = given(context)
    if discover:
        if name is not None:
            raise click.UsageError("--discover takes no NAME and no JOB_ID", context)
        return _discover(options, provider, into)
    if provider is not None or into is not None:
        raise click.UsageError("--provider and --into go with --discover", context)
    if name is None or job_id is None:
        raise click.UsageError("say NAME and JOB_ID, or --discover", context)
    return _adopt(options, name, job_id)


def _adopt(options: Options, name: str, job_id: str) -> int:
    from reconciler.cli.session import reconciler
    from reconciler.recovery import adopt
    from reconciler.report import choose

    with reconciler(options, "adopt") as session:
        outcome = adopt(session, name, job_id)
    report = choose(options.format)
    click.echo(report.pass_result([outcome], color=options.color, width=options.width))
    return OK


def _discover(options: Options, provider: str | None, into: str | None) -> int:
    from reconciler.cli.session import reconciler
    from reconciler.discover import discover
    from reconciler.model import Result
    from reconciler.report import choose

    with reconciler(options, "adopt") as session:
        found = discover(session, provider=provider, into=into)
    for note in found.notes:
        click.echo(note, err=True)
    report = choose(options.format)
    click.echo(report.pass_result(found.outcomes, color=options.color, width=options.width))
    return FAILED if any(o.result is Result.FAILED for o in found.outcomes) else OK
