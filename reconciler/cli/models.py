"""`reconcile models`: the table of base models, with what this repository adds to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING

import click

from reconciler.cli.main import OK
from reconciler.cli.options import given, global_options
from reconciler.errors import ConfigError

if TYPE_CHECKING:
    from reconciler.config import Config
    from reconciler.cost import BaseModel
    from reconciler.models.hyperparameters import Hyperparameter
    from reconciler.providers.bedrock.families import Range


@click.command("models")
@click.option("--provider", metavar="NAME", help="Only what can be trained there.")
@click.option("--all", "closed", is_flag=True, help="Show models that are closed, too.")
@global_options
@click.pass_context
def command(context: click.Context, provider: str | None, *, closed: bool) -> int:
    """Show which base models are known: methods, price, limits, hyperparameters, last days.

    It is what the vendors' pages said on the day of each row, with the rows of reconciler.yaml;
    nobody is asked. A model that is not listed is not refused.
    """
    from reconciler.cli.session import load_config
    from reconciler.report.model_tables import ModelRow, as_json, text

    options = given(context)
    if options.format not in ("text", "json"):
        raise ConfigError(
            f"the table of base models cannot be printed as {options.format}",
            hint="choose --format text or json",
        )
    config = load_config(options)
    rows = [
        ModelRow(model=model, hyperparameters=tuple(_hyperparameters(model, config)))
        for model in _models(config, provider)
    ]
    today = datetime.fromtimestamp(time.time(), UTC).date()
    if options.json:
        click.echo(as_json(rows, today, closed=closed))
    else:
        click.echo(text(rows, today, closed=closed, color=options.color, width=options.width))
    return OK


def _models(config: Config, provider: str | None) -> Iterator[BaseModel]:
    """Every row; of one provider, as it holds there."""
    from reconciler import models

    rows = models.table(config.models)
    if provider is None:
        yield from rows
        return
    if provider not in config.providers:
        known = ", ".join(sorted(config.providers))
        raise ConfigError(f"no provider is called {provider}", hint=f"the providers are {known}")
    settings = config.providers[provider]
    names = [row.id for row in rows if row.provider in (settings.type, settings.name)]
    found = (models.lookup(name, settings, config.models) for name in names)
    yield from {model.id: model for model in found if model is not None}.values()


def _hyperparameters(model: BaseModel, config: Config) -> Iterator[Hyperparameter]:
    """What can be set for a model, by its provider's own names; none where nobody says."""
    from reconciler.models.hyperparameters import of_openai
    from reconciler.providers.bedrock.families import RFT_RANGES, family

    settings = config.providers.get(model.provider)
    match settings.type if settings else model.provider:
        case "openai":
            yield from of_openai(model.methods)
        case "bedrock":
            known = family(model.id)
            for name, range_ in ((known.ranges if known else None) or {}).items():
                yield _hyperparameter(name, range_)
            if "reinforcement" in model.methods:
                for name, range_ in RFT_RANGES.items():
                    yield _hyperparameter(name, range_, method="reinforcement")


def _hyperparameter(name: str, range_: Range, method: str = "") -> Hyperparameter:
    """A range of Bedrock's; one that holds no number has words alone."""
    from reconciler.models.hyperparameters import Hyperparameter

    numbers = range_.minimum <= range_.maximum
    return Hyperparameter(
        name=name,
        method=method,
        minimum=range_.minimum if numbers else None,
        maximum=range_.maximum if numbers and isfinite(range_.maximum) else None,
        default=range_.default,
        words=range_.words,
        required=range_.required,
    )
