"""Options that several verbs share, so that they mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler.config import duration
from reconciler.errors import ConfigError

_Command = TypeVar("_Command", bound=Callable[..., Any])


def seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """`30s`, `2m`, `6h` in seconds, or a usage error that shows the form."""
    if value is None:
        return None
    try:
        return duration(value)
    except ConfigError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from None


def selection(command: _Command) -> _Command:
    """PATH…, which may be names of specs, and `-l`."""
    label = click.option(
        "-l",
        "--label",
        "labels",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="Only specs that carry this label; several must all be there.",
    )
    paths = click.argument("paths", nargs=-1, type=click.Path())
    return paths(label(command))


def limits(command: _Command) -> _Command:
    """What one pass may do at most."""
    creates = click.option(
        "--max-creates", type=click.IntRange(0), help="Refuse a plan that creates more."
    )
    cost = click.option(
        "--max-cost",
        type=click.FloatRange(0),
        metavar="USD",
        help="Refuse a plan whose creates may cost more.",
    )
    return creates(cost(command))


on_unknown = click.option(
    "--on-unknown",
    type=click.Choice(["retry", "hold"]),
    default="retry",
    show_default=True,
    help="An unanswered create that cannot be found: send it again, or wait for resolve.",
)
exact = click.option(
    "--exact", is_flag=True, help="Count every token of every file, however large."
)
