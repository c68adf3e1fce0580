"""`reconcile status`: the table from the state, offline."""

from __future__ import annotations

import time

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options

_NEEDS_SOMEBODY = {"Failed", "Cancelled", "Held", "Unknown"}


@click.command("status")
@click.argument("names", nargs=-1)
@global_options
@click.pass_context
def command(context: click.Context, names: tuple[str, ...]) -> int:
    """Show how the job of every spec is doing, as of the last pass. Asks no provider."""
    from reconciler.cli.rows import status_rows
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request, find_spec
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "status", offline=True) as session:
        desired = session.load()
        if names:
            desired = tuple(find_spec(desired, name) for name in names)
        decided = session.plan(Request(offline=True))
        rows = status_rows(desired, session.store.read().state, decided)
    report = choose(options.format)
    click.echo(report.status(rows, time.time(), color=options.color, width=options.width))
    return FAILED if any(row.phase in _NEEDS_SOMEBODY for row in rows) else OK
