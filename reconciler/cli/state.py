"""`reconcile state`: the state, for people who must."""

from __future__ import annotations

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options


@click.group("state")
@global_options
def command() -> None:
    """Look into the state."""


@command.command("list")
@global_options
@click.pass_context
def list_(context: click.Context) -> int:
    """List every record: its token, how far it got, its job."""
    from reconciler.cli.session import load_config
    from reconciler.plan import age
    from reconciler.report import choose
    from reconciler.state import open_store

    options = given(context)
    config = load_config(options)
    state = open_store(config.state, config.root).read().state
    records = sorted(state.records.values(), key=lambda record: (record.name, age(record)))
    report = choose(options.format)
    click.echo(report.state_list(records, color=options.color, width=options.width))
    return OK


@command.command("show")
@click.argument("name")
@global_options
@click.pass_context
def show(context: click.Context, name: str) -> int:
    """Show one record whole. NAME is a spec's name or a token."""
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "state show", offline=True) as session:
        record = session.record(name)
    report = choose(options.format)
    click.echo(report.state_show(record, color=options.color, width=options.width))
    return OK
