"""`reconcile whence MODEL`: from a model back to its spec, commit and data."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.errors import ConfigError


@click.command("whence")
@click.argument("model")
@global_options
@click.pass_context
def command(context: click.Context, model: str) -> int:
    """Show which spec, commit and data a model was trained from, and at what cost.

    MODEL is a fine-tuned model's id, a checkpoint's, a job's id or a token. Reads the state and
    asks no provider. Exits with 1 if state knows of no such model.
    """
    from reconciler import whence
    from reconciler.cli.session import load_config
    from reconciler.report import origins as report
    from reconciler.state import open_store

    options = given(context)
    if options.format not in ("text", "json"):
        raise ConfigError(
            f"where a model came from is not shown as {options.format}",
            hint="choose --format text or json",
        )
    config = load_config(options)
    found = whence.origins(model, open_store(config.state, config.root).read().state)
    if not found:
        click.echo(f"error: the state knows of no model or job {model}", err=True)
        click.echo("       reconcile state list shows what it knows", err=True)
        return FAILED
    if options.json:
        click.echo(report.document(found))
    else:
        click.echo(report.text(found, color=options.color, width=options.width))
    return OK
