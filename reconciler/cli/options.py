"""The options every verb takes, before its name or after it. The later one wins."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

_META = "reconciler.options"
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user said about every verb alike."""

    config: Path | None = None
    sandbox: bool = False
    format: str = "text"
    log_level: str = "warning"
    log_format: str = "text"
    no_color: bool = False

    @property
    def json(self) -> bool:
        """Whether stdout is for a program."""
        return self.format == "json"

    @property
    def color(self) -> bool:
        """Whether stdout may be coloured: a terminal, and nobody asked for plain text."""
        return sys.stdout.isatty() and not self.no_color and "NO_COLOR" not in os.environ

    @property
    def width(self) -> int:
        """The columns of stdout; wide where it is no terminal, so that grep finds whole lines."""
        if not sys.stdout.isatty():
            return 200
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80


def given(context: click.Context) -> Options:
    """The options of this run."""
    options = context.meta.setdefault(_META, Options())
    return options if isinstance(options, Options) else Options()


def global_options(command: _Command) -> _Command:
    """Give a command every global option. They reach it through `given`, not as parameters."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep what was said, not what was left out: a default after the verb must not undo it."""
    if value is not None and parameter.name is not None:
        context.meta[_META] = replace(given(context), **{parameter.name: value})


def _option(*names: str, **keywords: Any) -> Callable[[_Command], _Command]:
    return click.option(
        *names, expose_value=False, callback=_remember, default=None, is_eager=True, **keywords
    )


_OPTIONS = (
    _option(
        "--config",
        type=click.Path(path_type=Path),
        help="The repository's reconciler.yaml; found by itself where there is one.",
    ),
    _option(
        "--sandbox",
        is_flag=True,
        envvar="RECONCILER_SANDBOX",
        help="Use local providers that cost nothing.",
    ),
    _option(
        "--format",
        type=click.Choice(["text", "json", "markdown", "github", "sarif"]),
        help="What stdout is for: a person, a program, a pull request.",
    ),
    _option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="How much is told on stderr.",
    ),
    _option("--log-format", type=click.Choice(["text", "json"]), help="In which form."),
    _option("--no-color", is_flag=True, help="No colour; NO_COLOR does the same."),
)
