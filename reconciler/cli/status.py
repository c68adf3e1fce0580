"""`reconcile status`: the table from the state, offline."""

from __future__ import annotations

import time

import click

from reconciler.cli import choices
from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.health import Health


@click.command("status")
@choices.selection
@global_options
@click.pass_context
def command(context: click.Context, paths: tuple[str, ...], *, labels: tuple[str, ...]) -> int:
    """Show how the job of every spec is doing, as of the last pass. Asks no provider.

    PATHS are names of specs, files or folders; all by default. Two words for each: whether the job
    that the spec asks for is there (Synced, OutOfSync), and how it is doing (Healthy, Progressing,
    Degraded, Suspended, Missing). Exits with 1 if any is Degraded, or held until somebody acts.
    """
    from reconciler.cli.rows import status_rows
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request
    from reconciler.plan import needs_somebody
    from reconciler.report import choose

    options = given(context)
    request = Request(paths=paths, labels=labels, offline=True)
    now = time.time()
    with reconciler(options, "status", offline=True) as session:
        state = session.store.read().state
        desired = session.desired(request)
        decided = session.decide(desired, state, request, priced=False)
        rows = status_rows(session.current(desired.specs, state), state, decided, now)
        key = session.config.namespace
    report = choose(options.format)
    click.echo(report.status(rows, now, color=options.color, width=options.width, key=key))
    held = any(needs_somebody(step) for step in decided.steps)
    return FAILED if held or any(row.health == Health.DEGRADED for row in rows) else OK
