"""`reconcile datasets`: what training files hold, and what training on them would cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.bars import Bars
from reconciler.cli.main import INVALID, OK
from reconciler.cli.options import given, global_options
from reconciler.errors import ConfigError, Problem, Severity

if TYPE_CHECKING:
    from reconciler.config import Config
    from reconciler.cost import BaseModel, TokenCount
    from reconciler.datasets.counting import Counting
    from reconciler.datasets.facts import DatasetFacts
    from reconciler.datasets.tokens import Measured
    from reconciler.model import JobSpec
    from reconciler.report.dataset_tables import DatasetRow, Overlap, Price


@click.command("datasets")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--exact", is_flag=True, help="Count every token of every file, however large.")
@click.option(
    "--tokenizer",
    default="o200k_base",
    show_default=True,
    metavar="NAME|FILE",
    help="Whose tokens: o200k_base, cl100k_base, or a model's tokenizer.json.",
)
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Priced at so many; else at what is automatic."
)
@global_options
@click.pass_context
def command(
    context: click.Context,
    files: tuple[Path, ...],
    *,
    exact: bool,
    tokenizer: str,
    epochs: int | None,
) -> int:
    """Show what training files hold: examples, tokens, roles, tools, and what they would cost.

    Without FILES, those that the specs of this repository name. Needs no key and no network. Large
    files are sampled; what is said of them then carries its margin. Exits with 3 if there is
    anything in a file that a provider would refuse.
    """
    from reconciler.cli.session import load_config
    from reconciler.report import dataset_tables

    options = given(context)
    if options.format not in ("text", "json"):
        raise ConfigError(
            f"datasets are not shown as {options.format}", hint="choose --format text or json"
        )
    config = load_config(options)
    question = _Question(config=config, exact=exact, tokenizer=tokenizer, epochs=epochs)
    with Bars() as waiting:
        found = _given_files(files) if files else _named_files(config, waiting)
        looked_at = [_look(one, question, waiting) for one in found.files]
        holds = {one.file.name: one.facts for one in looked_at if one.facts is not None}
        rows = [_row(one, question, waiting, _overlaps(one, found, holds)) for one in looked_at]
    if options.json:
        click.echo(dataset_tables.document(rows))
    else:
        click.echo(dataset_tables.text(rows, color=options.color, width=options.width))
    if found.elsewhere:
        many = f"{found.elsewhere} problem{'s' * (found.elsewhere != 1)}"
        click.echo(f"{many} in the specs themselves: reconcile validate lists them", err=True)
    problems = (problem for row in rows for problem in row.problems)
    bad = any(problem.severity is Severity.ERROR for problem in problems)
    return INVALID if bad or found.elsewhere else OK


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file to look at: where it is, what to call it, and the specs that use it."""

    path: Path
    name: str
    used_by: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The files to look at, the pairs of them that one spec names, and problems outside them."""

    files: tuple[_File, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    elsewhere: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked about every file alike."""

    config: Config
    exact: bool
    tokenizer: str
    epochs: int | None
    today: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    def counting(self, limit: int | None) -> Counting:
        """How the tokens are counted, of an example no more than `limit`."""
        from reconciler.datasets import counting

        return counting.Counting(
            tokenizer=self.tokenizer,
            limit=limit,
            exact=self.exact,
            cache=self.config.root / counting.CACHE,
        )


def _given_files(files: Sequence[Path]) -> _Found:
    return _Found(files=tuple(_File(path=path, name=path.as_posix()) for path in files))


def _named_files(config: Config, bars: Bars) -> _Found:
    from reconciler import specs

    loaded = specs.load(config, (), tell=bars.of("reading"))
    used = [use for spec in loaded.specs for use in _uses(spec)]
    files = tuple(
        _File(
            path=config.root / name,
            name=name,
            used_by=tuple((spec, what) for file, spec, what in used if file == name),
            problems=tuple(problem for problem in loaded.problems if problem.file == name),
        )
        for name in loaded.data_files
    )
    pairs = {
        (spec.training.path, spec.validation.path)
        for spec in loaded.specs
        if spec.training.path and spec.validation is not None and spec.validation.path
    }
    elsewhere = [
        problem
        for problem in loaded.problems
        if problem.file not in loaded.data_files and problem.severity is Severity.ERROR
    ]
    return _Found(files=files, pairs=tuple(sorted(pairs)), elsewhere=len(elsewhere))


def _uses(spec: JobSpec) -> Iterator[tuple[str, str, str]]:
    for data, what in ((spec.training, "training_file"), (spec.validation, "validation_file")):
        if data is not None and data.path is not None:
            yield data.path, spec.name, what


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What was found in a file; no facts of one that a spec pins and that is not here."""

    file: _File
    facts: DatasetFacts | None


def _look(file: _File, question: _Question, waiting: Bars) -> _Look:
    from reconciler.datasets import facts

    cache = question.config.root / facts.CACHE
    try:
        found = facts.read(
            file.path,
            file.name,
            cache=cache,
            progress=waiting.on(f"reading {file.name}"),
            counting=question.counting(None),
        )
    except OSError as error:
        if isinstance(error, FileNotFoundError) and file.used_by:
            return _Look(file=file, facts=None)
        message = f"{file.name} cannot be read: {error.strerror or error}"
        raise ConfigError(message) from error
    return _Look(file=file, facts=found)


def _row(
    look: _Look, question: _Question, waiting: Bars, overlaps: tuple[Overlap, ...]
) -> DatasetRow:
    from reconciler.report.dataset_tables import DatasetRow

    file, found = look.file, look.facts
    if found is None:
        return DatasetRow(file=file.name, size=0, not_here=True, used_by=file.used_by)
    counted = found.present and found.sha256 is not None
    measured = _measured(file, found, question, waiting, limit=None)
    only_validates = {use for _, use in file.used_by} == {"validation_file"}
    prices: Iterator[Price] = iter(())
    if measured is not None and not only_validates:
        prices = _prices(file, found, measured, question, waiting)
    return DatasetRow(
        file=file.name,
        size=found.size,
        sha256=found.sha256,
        format=found.format,
        examples=found.examples,
        not_here=not found.present,
        used_by=file.used_by,
        measured=measured,
        messages=found.by_messages,
        turns=found.by_answers,
        roles=found.roles,
        tools=found.tool_names,
        with_tools=found.with_tools if counted else None,
        with_images=found.with_images if counted else None,
        with_system=found.with_system if counted else None,
        duplicates=found.duplicates if counted else None,
        overlaps=overlaps,
        prices=tuple(prices),
        problems=tuple(sorted({*found.problems, *file.problems})),
    )


def _overlaps(look: _Look, found: _Found, holds: Mapping[str, DatasetFacts]) -> tuple[Overlap, ...]:
    """What of this training data the validation data of the same specs holds."""
    from reconciler.datasets import facts
    from reconciler.report.dataset_tables import Overlap

    overlaps = []
    for training, validation in found.pairs:
        if training != look.file.name or look.facts is None or validation not in holds:
            continue
        if common := facts.overlap(look.facts, holds[validation]):
            overlaps.append(
                Overlap(
                    validation=validation,
                    examples=common.examples,
                    line=common.line,
                    training_line=common.training_line,
                )
            )
    return tuple(overlaps)


def _measured(
    file: _File,
    found: DatasetFacts,
    question: _Question,
    waiting: Bars,
    *,
    limit: int | None,
) -> Measured | None:
    from reconciler.datasets import tokens

    if found.sha256 is None or not found.present or not found.examples:
        return None
    try:
        return tokens.measure(
            file.path,
            sha256=found.sha256,
            size=found.size,
            how=question.counting(limit),
            progress=waiting.on(f"counting {file.name}"),
        )
    except OSError as error:
        message = f"{file.name} cannot be read: {error.strerror or error}"
        raise ConfigError(message) from error


def _prices(
    file: _File,
    found: DatasetFacts,
    measured: Measured,
    question: _Question,
    waiting: Bars,
) -> Iterator[Price]:
    """A row per base model that can still be trained and takes such a file, the cheapest first."""
    from reconciler import models
    from reconciler.cost import estimate
    from reconciler.report.dataset_tables import Price

    counted: dict[int | None, TokenCount] = {}
    rows = []
    for model in models.table(question.config.models):
        if not _takes(model, found, question):
            continue
        limit = model.max_tokens_per_example
        if limit is not None and limit >= measured.longest:
            limit = None  # nothing that was seen is cut
        if limit not in counted:
            again = _measured(file, found, question, waiting, limit=limit) if limit else measured
            counted[limit] = (again or measured).count
        rows.append(
            Price(
                provider=model.provider,
                model=model.id,
                usd_per_million_tokens=model.usd_per_million_tokens,
                usd_per_hour=model.usd_per_hour,
                estimate=estimate(counted[limit], found.examples or 0, question.epochs, model),
            )
        )
    yield from sorted(rows, key=_cheapest_first)


def _cheapest_first(price: Price) -> tuple[bool, float, str, str]:
    usd = price.estimate.usd
    return usd is None, usd or 0.0, price.provider, price.model


def _takes(model: BaseModel, found: DatasetFacts, question: _Question) -> bool:
    """Whether the model can still be trained, somewhere that is configured, on such a file."""
    from reconciler.specs import datafile

    over = [day for day in (model.closes_on, model.shuts_down_on) if day and day <= question.today]
    accounts = question.config.providers.values()
    account = next((one for one in accounts if model.provider in (one.name, one.type)), None)
    return account is not None and not over and datafile.takes(model, found, account)
