"""`reconcile plan`: what would happen and why, with nothing called but reads."""

from __future__ import annotations

import click

from reconciler.cli.main import CHANGES, FAILED, OK
from reconciler.cli.options import given, global_options


@click.command("plan")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--refresh", is_flag=True, help="Look at jobs that are over, too.")
@click.option("--offline", is_flag=True, help="Ask no provider; needs no key and no network.")
@click.option("--prune", is_flag=True, help="Include what apply --prune would cancel.")
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "hold"]),
    default="retry",
    show_default=True,
    help="An unanswered create that cannot be found: send it again, or wait for resolve.",
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 4 if apply would change anything."
)
@global_options
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    *,
    refresh: bool,
    offline: bool,
    prune: bool,
    on_unknown: str,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do to each spec, and why. Changes nothing."""
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request
    from reconciler.plan import checksum, needs_somebody
    from reconciler.report import choose

    options = given(context)
    request = Request(
        paths=paths,
        refresh=refresh,
        offline=offline,
        prune=prune,
        hold_unknown=on_unknown == "hold",
    )
    report = choose(options.format)
    with reconciler(options, "plan", offline=offline) as session:
        decided = session.plan(request)
        text = report.plan(
            decided, checksum=checksum(decided), color=options.color, width=options.width
        )
        click.echo(text)
        session.enforce(decided, request)
    if any(needs_somebody(step) for step in decided.steps):
        return FAILED
    return CHANGES if detailed_exitcode and decided.changes_anything else OK
