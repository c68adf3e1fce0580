"""`reconcile state`: the state, for people who must."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options
from reconciler.errors import StateLocked

if TYPE_CHECKING:
    from reconciler.state.s3.lease import Holder
    from reconciler.state.s3.store import S3Store


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
    from reconciler.orphans import age
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


@command.command("rebuild")
@global_options
@click.pass_context
def rebuild(context: click.Context) -> int:
    """Fill a lost state from the providers, by the tokens their jobs carry. Creates nothing."""
    from reconciler.cli.session import reconciler
    from reconciler.recovery import rebuild as rebuild_state
    from reconciler.report import choose

    options = given(context)
    with reconciler(options, "state rebuild") as session:
        outcomes = rebuild_state(session)
    report = choose(options.format)
    click.echo(report.pass_result(outcomes, color=options.color, width=options.width))
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


@command.command("unlock")
@click.option("--yes", is_flag=True, help="Do not ask: whoever holds it is surely dead.")
@global_options
@click.pass_context
def unlock(context: click.Context, *, yes: bool) -> int:
    """Remove the lock that a killed run left behind in S3, after showing whose it is.

    It runs out by itself within a minute. A run that is alive after all notices, and writes nothing
    more. The lock of a state in a file goes with its process: there is nothing to remove.
    """
    from reconciler.cli.session import reconciler
    from reconciler.state.s3.store import S3Store

    with reconciler(given(context), "state unlock", offline=True) as session:
        store = session.store
        if not isinstance(store, S3Store):
            with store.lock(session.owner):  # which names its holder, if there is one
                click.echo(f"nobody holds the lock of {store.location}")
            return OK
        holder = store.holder()
        if holder is None:
            click.echo(f"nobody holds the lock of {store.location}")
            return OK
        _approve(store, holder, yes=yes)
        store.unlock(holder)
    click.echo(f"removed the lock of {store.location}")
    return OK


def _approve(store: S3Store, holder: Holder, *, yes: bool) -> None:
    """Show whose lock it is, and have a person at a terminal type that name."""
    from reconciler.state.lock import refusal

    shown = refusal(store.location, holder.owner, "").message
    click.echo(f"{shown}; {_time_left(holder)}", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise StateLocked(
            "the lock was not removed", hint="if that run is surely dead, --yes removes it"
        )
    name = holder.owner.who if holder.owner else "unlock"
    typed = click.prompt(
        f"Type {name} to remove it", default="", show_default=False, prompt_suffix=": ", err=True
    )
    if typed != name:
        raise StateLocked("the lock was not removed", hint=f"{name} was not typed")


def _time_left(holder: Holder) -> str:
    if holder.runs_out is None:
        return "it never runs out"
    if holder.runs_out > 0:
        return f"it runs out in {round(holder.runs_out)} seconds, and that run may be alive"
    return f"it ran out {round(-holder.runs_out)} seconds ago: the next run takes it over"
