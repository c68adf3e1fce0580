"""`reconcile validate`: every mistake that can be found offline, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import choices
from reconciler.cli.bars import Bars
from reconciler.cli.main import INVALID, OK
from reconciler.cli.options import Options, given, global_options
from reconciler.errors import ConfigError, Problem, Severity

if TYPE_CHECKING:
    from reconciler.config import Config


@click.command("validate")
@choices.selection
@click.option("--provider", metavar="NAME", help="For data files: where they are to be trained on.")
@click.option(
    "--method",
    type=click.Choice(["supervised", "dpo", "reinforcement"]),
    help="For data files: how; by default as their format is for.",
)
@click.option("--model", metavar="ID", help="For data files: on which base model.")
@global_options
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    *,
    labels: tuple[str, ...],
    provider: str | None,
    method: str | None,
    model: str | None,
) -> int:
    """Check specs and their datasets: YAML, schema, the provider's rules, the data.

    PATHS are spec files, folders, names of specs, or training files (*.jsonl), which need no spec.
    Needs no key and no network. Prints one line for every problem of every file, as
    file:line:col: message (hint), and exits with 3 if there is any error.
    """
    from reconciler import selection
    from reconciler.cli.session import load_config

    options = given(context)
    config = load_config(options)
    data = [path for path in paths if path.endswith(".jsonl")]
    others = [path for path in paths if path not in data]
    if not data and (provider or method or model):
        raise ConfigError(
            "--provider, --method and --model are for data files",
            hint="a spec says these itself; name a training file: train.jsonl",
        )
    problems: list[Problem] = []
    checked = len(data)
    if others or labels or not data:
        with Bars() as bars:
            loaded = selection.load(config, others, labels, None, bars.of("reading"))
        problems += loaded.problems
        checked += len(loaded.files) + len(loaded.data_files)
    if data:
        problems += _in_data(data, config, provider or "openai", method=method, model=model)
    _tell(options, problems, checked)
    return INVALID if any(p.severity is Severity.ERROR for p in problems) else OK


def _in_data(
    paths: Sequence[str],
    config: Config,
    provider: str,
    *,
    method: str | None,
    model: str | None,
) -> list[Problem]:
    from reconciler.datasets import facts
    from reconciler.specs import datafile

    if provider not in config.providers:
        known = ", ".join(sorted(config.providers))
        raise ConfigError(f"no provider is called {provider}", hint=f"the providers are {known}")
    problems: list[Problem] = []
    with Bars() as bars:
        for path in map(Path, paths):
            try:
                found = facts.read(
                    path,
                    path.as_posix(),
                    cache=config.root / facts.CACHE,
                    progress=bars.on(f"reading {path}"),
                )
            except OSError as error:
                raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
            problems += found.problems
            if found.examples == 0:
                problems.append(Problem(path.as_posix(), 0, 0, "holds no examples"))
            settings = config.providers[provider]
            problems += datafile.check(path, found, config, settings, method=method, model=model)
    return problems


def _tell(options: Options, problems: Sequence[Problem], checked: int) -> None:
    from reconciler.report import choose

    report = choose(options.format)
    click.echo(report.problems(problems, checked, color=options.color, width=options.width))
    if options.format == "github":
        from reconciler.cli import github
        from reconciler.report import markdown
        from reconciler.report.github import problem_outputs

        github.tell(summary=markdown.problems(problems, checked), outputs=problem_outputs(problems))
