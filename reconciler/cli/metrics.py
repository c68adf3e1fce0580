"""`reconcile metrics NAME`: the loss curve of a job."""

from __future__ import annotations

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options
from reconciler.errors import ConfigError


@click.command("metrics")
@click.argument("name")
@global_options
@click.pass_context
def command(context: click.Context, name: str) -> int:
    """Show what a job measured while it trained, step by step.

    NAME is a spec's name, or the token of an earlier job of it. The columns are the provider's:
    step, then train_loss, valid_loss and whatever else it writes down.
    """
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "metrics") as session:
        record = session.record(name)
        if record.job is None:
            raise ConfigError(f"{name} has no job yet", hint="reconcile apply creates it")
        points = session.provider(record.provider).metrics(record.job)
    report = choose(options.format)
    click.echo(report.metrics(points, color=options.color, width=options.width))
    return OK
