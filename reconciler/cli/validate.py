"""`reconcile validate`: every mistake that can be found offline, in one run."""

from __future__ import annotations

import click

from reconciler.cli.main import INVALID, OK
from reconciler.cli.options import given, global_options


@click.command("validate")
@click.argument("paths", nargs=-1, type=click.Path())
@global_options
@click.pass_context
def command(context: click.Context, paths: tuple[str, ...]) -> int:
    """Check specs and their datasets: YAML, schema, the provider's rules, the data.

    Needs no key and no network. Prints one line for every problem of every file, as
    file:line:col: message (hint), and exits with 3 if there is any.
    """
    from reconciler import specs
    from reconciler.cli.session import load_config
    from reconciler.report import choose

    options = given(context)
    loaded = specs.load(load_config(options), paths)
    report = choose(options.format)
    click.echo(
        report.problems(
            loaded.problems,
            len(loaded.files) + len(loaded.data_files),
            color=options.color,
            width=options.width,
        )
    )
    return INVALID if loaded.problems else OK
