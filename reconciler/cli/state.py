"""`reconcile state`: the state, for people who must."""

from __future__ import annotations

from typing import BinaryIO

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options


@click.group("state")
@global_options
def command() -> None:
    """Look into the state, or mend it."""


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


@command.command("pull")
@global_options
@click.pass_context
def pull(context: click.Context) -> int:
    """Print the whole state, as it is stored."""
    from reconciler.cli.session import load_config
    from reconciler.state import codec, open_store

    config = load_config(given(context))
    state = open_store(config.state, config.root).read().state
    click.echo(codec.encode(state), nl=False)
    return OK


@command.command("push")
@click.argument("file", type=click.File("rb"))
@click.option("--force", is_flag=True, help="Even if it is older, or of another lineage.")
@global_options
@click.pass_context
def push(context: click.Context, file: BinaryIO, *, force: bool) -> int:
    """Replace the state by FILE, which may have been edited (- is stdin).

    Every value is checked; the checksum is not, since an edit is what this is for.
    """
    from reconciler.cli.session import reconciler
    from reconciler.recovery import push as push_state

    with reconciler(given(context), "state push", offline=True) as session:
        written = push_state(session, file.read(), file.name, force=force)
    click.echo(f"the state is at serial {written.serial} now, {len(written.records)} records")
    return OK


@command.command("rm")
@click.argument("token")
@global_options
@click.pass_context
def rm(context: click.Context, token: str) -> int:
    """Forget one record. Its job and its model stay as they are.

    Where a spec still asks for it, the next pass finds the job by its token again.
    """
    from reconciler.cli.session import reconciler
    from reconciler.recovery import forget

    with reconciler(given(context), "state rm", offline=True) as session:
        record = forget(session, token)
    job = f"; its job {record.job.id} goes on as it is" if record.job else ""
    click.echo(f"forgotten: {record.token}{job}")
    return OK
