"""`reconcile events NAME`: what a job says of itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options
from reconciler.errors import ConfigError
from reconciler.model import Event, Job

if TYPE_CHECKING:
    from reconciler.providers.base import Provider

_POLL_SECONDS = 2.0


@click.command("events")
@click.argument("name")
@click.option("--follow", is_flag=True, help="Go on printing until the job has ended.")
@global_options
@click.pass_context
def command(context: click.Context, name: str, *, follow: bool) -> int:
    """Show the events of a spec's job, oldest first.

    NAME is a spec's name, or the token of an earlier job of it.
    """
    from reconciler.cli.session import reconciler
    from reconciler.report import choose

    options = given(context)
    report = choose(options.format)
    with reconciler(options, "events") as session:
        record = session.record(name)
        if record.job is None:
            raise ConfigError(f"{name} has no job yet", hint="reconcile apply creates it")
        provider = session.provider(record.provider)
        batches = _followed(provider, record.job) if follow else _once(provider, record.job)
        for batch in batches:
            click.echo(report.events(batch, color=options.color, width=options.width))
    return OK


def _once(provider: Provider, job: Job) -> Iterator[list[Event]]:
    yield list(provider.events(job.id))[::-1]


def _followed(provider: Provider, job: Job) -> Iterator[list[Event]]:
    """What is new since the last look, until the job is over and its last words are read."""
    printed: set[str] = set()
    while True:
        now = provider.get(job.id)
        fresh = []
        for event in provider.events(job.id):
            if event.id in printed:
                break
            fresh.append(event)
        printed.update(event.id for event in fresh)
        if fresh:
            yield fresh[::-1]
        if now is None or now.status.terminal:
            return
        time.sleep(_POLL_SECONDS)
