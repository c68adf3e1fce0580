"""What training files hold, as `reconcile datasets` tells it: to a person, and to a program.

`cli.datasets` fills the rows. Nothing in here reads a file. Whatever is not known is left out of
the text and null in the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack

from reconciler.cost import Estimate, estimate
from reconciler.datasets.tokens import Measured
from reconciler.errors import Problem, Severity
from reconciler.report import estimates, words
from reconciler.report import text as report_text
from reconciler.report.layout import (
    GAP,
    MARGIN,
    Cell,
    Column,
    Page,
    Span,
    Tone,
    facts,
    sentences,
    table_width,
    widest,
)
from reconciler.status import API_VERSION

if TYPE_CHECKING:
    from reconciler.report import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What training one base model on a file would cost, at one provider."""

    provider: str
    model: str
    estimate: Estimate
    usd_per_million_tokens: float | None = None
    usd_per_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Examples of the training data that stand in the validation data too, at least so many.

    `line` is the first of them in the validation file, `training_line` where it is in the other.
    """

    validation: str
    examples: int
    line: int
    training_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """One file. None, and an empty mapping, mean that nobody knows.

    `used_by` are specs with what they use it for. `messages` says how many examples have so many
    messages, under "3-4" those with 3 or 4, and `turns` the same of an assistant's. `roles` says
    how many messages each role has, `tools` names those offered. `not_here` is data that was not
    fetched.
    """

    file: str
    size: int
    sha256: str | None = None
    format: str | None = None
    examples: int | None = None
    not_here: bool = False
    used_by: tuple[tuple[str, str], ...] = ()
    measured: Measured | None = None
    messages: Mapping[str, int] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    with_tools: int | None = None
    with_images: int | None = None
    with_system: int | None = None
    duplicates: int | None = None
    overlaps: tuple[Overlap, ...] = ()
    prices: tuple[Price, ...] = ()
    problems: tuple[Problem, ...] = ()


def text(rows: Sequence[DatasetRow], **layout: Unpack[Layout]) -> str:
    """A block per file, with the spread of its tokens and the prices; problems at the end."""
    if not rows:
        return "no spec names a data file of this repository"
    blocks = []
    for row in rows:
        page = Page(**layout)
        _write(page, row)
        blocks.append(str(page))
    problems = [problem for row in rows for problem in row.problems]
    if problems:
        blocks.append(report_text.problems(problems, len(rows), **layout))
    return "\n\n".join(blocks)


def document(rows: Sequence[DatasetRow]) -> str:
    """`kind: DatasetReport`: one document, whose keys are always there.

    `datasets` is a list of objects, in the order asked for, with

    - `file`, `size`, `sha256`, `format`, `examples`, `not_here`, and `used_by`, a list of
      `{name, field}`, where field is training_file or validation_file;
    - `tokens`: null or `{tokens, low, high, exact, tokenizer, truncated, sampled, longest, median,
      p95, histogram}`; the histogram is a list of `{from, to, examples}`, the tokens of one example
      from `from` up to and including `to`;
    - `messages` and `turns`: objects of counts of examples, by how many messages and answers
      each has, such as "2" or "3-4"; `roles`: an object of counts of messages; `tools`: a list of
      names; `with_tools`, `with_images`, `with_system`, `duplicates`: counts of examples, or null;
    - `overlaps`: a list of `{validation, examples, line, training_line}`;
    - `prices`: a list of `{provider, model, usd_per_million_tokens, usd_per_hour, estimate}`, the
      estimate as in a plan;
    - `problems`: as in `kind: ValidationResult`.
    """
    shown = [_entry(row) for row in rows]
    body = {"apiVersion": API_VERSION, "kind": "DatasetReport", "datasets": shown}
    return json.dumps(body, indent=2, allow_nan=False)


def _write(page: Page, row: DatasetRow) -> None:
    page.body(sentences(row.file, Tone.STRONG))
    page.body([facts(_first_line(row))], at=MARGIN)
    lines = [(name, value) for name, value in _lines(row) if value]
    width = widest((name for name, _ in lines), at_most=16)
    for name, value in lines:
        page.row([Cell(span=Span(name, Tone.QUIET), width=width)])
        page.body(sentences(value), at=MARGIN + width + GAP)
    if row.measured is not None and row.measured.bars:
        _write_bars(page, _folded(row.measured))
    _write_prices(page, row.prices)


def _first_line(row: DatasetRow) -> Iterator[str]:
    yield row.format or "no known format"
    if row.examples is not None:
        yield words.count(row.examples, "example")
    yield words.count(row.size, "byte")
    if row.measured is not None:
        yield _tokens(row.measured)
    if row.not_here:
        yield "not here: git lfs pull fetches it"


def _tokens(measured: Measured) -> str:
    """`51,204 tokens (o200k_base)`, `≈ 12.3M tokens ± 1.2 %, sampled (o200k_base)`."""
    said = estimates.tokens(estimate(measured.count, 1, 1, None))
    return f"{said}{', sampled' if measured.sampled else ''} ({measured.count.tokenizer})"


def _lines(row: DatasetRow) -> Iterator[tuple[str, str]]:
    yield "used by", ", ".join(f"{name} ({_USES.get(use, use)})" for name, use in row.used_by)
    if row.measured is not None and row.measured.bars:
        found = row.measured
        longest = f"the longest{' seen' if found.sampled else ''} {found.longest:,}"
        half, most = found.quantile(0.5), found.quantile(0.95)
        yield "tokens each", f"half have up to {half:,}, 95 % up to {most:,}, {longest}"
    yield "messages", _spread(row.messages)
    yield "answers", _spread(row.turns)
    yield "roles", ", ".join(f"{role} {row.roles[role]:,}" for role in _frequent_first(row.roles))
    yield "tools", _share(row.with_tools, row) + _named(row.tools)
    yield "images", _share(row.with_images, row)
    yield "system prompts", _share(row.with_system, row)
    if row.duplicates:
        yield "duplicates", f"{words.count(row.duplicates, 'example')} said before"
    for overlap in row.overlaps:
        many = words.count(overlap.examples, "example")
        first = f"line {overlap.training_line:,} is its line {overlap.line:,}"
        yield "overlap", f"{many} also in {overlap.validation}, so {first}"
    errors = sum(problem.severity is Severity.ERROR for problem in row.problems)
    yield "problems", words.count(errors, "problem") if errors else ""


def _spread(counted: Mapping[str, int]) -> str:
    """`2 in 700 examples, 3-4 in 112`."""
    first, *others = [(name, counted[name]) for name in counted] or [("", 0)]
    if not first[0]:
        return ""
    parts = [f"{first[0]} in {words.count(first[1], 'example')}"]
    return ", ".join([*parts, *(f"{name} in {examples:,}" for name, examples in others)])


def _frequent_first(counted: Mapping[str, int]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))


def _named(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = len(names) - _MOST_NAMES
    rest = [f"and {more:,} more"] if more > 0 else []
    return f": {', '.join([*names[:_MOST_NAMES], *rest])}"


def _share(number: int | None, row: DatasetRow) -> str:
    if not number:
        return ""
    return "in every example" if number == row.examples else f"in {words.count(number, 'example')}"


def _folded(measured: Measured) -> list[tuple[str, int]]:
    """The spread by powers of two: `64-127`, and how many examples."""
    folded: dict[int, int] = {}
    for bar in measured.bars:
        power = bar.low.bit_length() - 1
        folded[power] = folded.get(power, 0) + bar.examples
    powers = range(min(folded), max(folded) + 1)
    return [(f"{1 << p:,}-{(2 << p) - 1:,}", folded.get(p, 0)) for p in powers]


def _write_bars(page: Page, bars: Sequence[tuple[str, int]]) -> None:
    most = max(examples for _, examples in bars)
    names = widest((name for name, _ in bars), at_most=24)
    numbers = widest((f"{examples:,}" for _, examples in bars), at_most=16)
    room = max(8, min(_WIDEST_BAR, page.width - MARGIN * 2 - names - numbers - GAP * 2))
    for name, examples in bars:
        page.row(
            [
                Cell(span=Span(name, Tone.QUIET), width=names, right=True),
                Cell(span=Span(f"{examples:,}"), width=numbers, right=True),
                Cell(span=Span(_bar(examples, most, room), Tone.BUSY), width=room),
            ],
            start=MARGIN * 2,
        )


def _bar(examples: int, most: int, room: int) -> str:
    """As long as its share of the longest, to an eighth of a cell; never nothing for something."""
    eighths = max(examples > 0, examples * room * 8 // most)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def _write_prices(page: Page, prices: Sequence[Price]) -> None:
    """A line for all models that cost the same at one provider: families share their prices."""
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for price in prices:
        if price.usd_per_million_tokens is not None:
            rate = f"${price.usd_per_million_tokens:,.2f}"
            cost = estimates.epochs(price.estimate), estimates.money(price.estimate)
            alike.setdefault((price.provider, rate, *cost), []).append(price.model)
    rows = [
        [Span(text) for text in (_names(models), provider, rate, epochs, money)]
        for (provider, rate, epochs, money), models in alike.items()
    ]
    if rows and table_width(_PRICE_COLUMNS, rows) <= page.width:
        page.table(_PRICE_COLUMNS, [(row, ()) for row in rows])
    else:
        for row in rows:
            model, provider, rate, epochs, money = (span.text for span in row)
            said = (model, provider, f"{rate} per 1M tokens", epochs, money)
            page.body([facts(said)], at=MARGIN)
    if others := len(prices) - sum(map(len, alike.values())):
        models = "1 more base model takes" if others == 1 else f"{others:,} more base models take"
        page.body(sentences(f"{models} it, with no price by the token"), at=MARGIN)


def _names(models: Sequence[str]) -> str:
    return models[0] if len(models) == 1 else f"{models[0]} and {len(models) - 1:,} more"


def _entry(row: DatasetRow) -> dict[str, Any]:
    return {
        "file": row.file,
        "size": row.size,
        "sha256": row.sha256,
        "format": row.format,
        "examples": row.examples,
        "not_here": row.not_here,
        "used_by": [{"name": name, "field": use} for name, use in row.used_by],
        "tokens": None if row.measured is None else _measured(row.measured),
        "messages": dict(row.messages),
        "turns": dict(row.turns),
        "roles": dict(row.roles),
        "tools": list(row.tools),
        "with_tools": row.with_tools,
        "with_images": row.with_images,
        "with_system": row.with_system,
        "duplicates": row.duplicates,
        "overlaps": [_values(overlap) for overlap in row.overlaps],
        "prices": [{**_values(price), "estimate": _values(price.estimate)} for price in row.prices],
        "problems": [_values(problem) for problem in row.problems],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        **_values(measured.count),
        "sampled": measured.sampled,
        "longest": measured.longest,
        "median": measured.quantile(0.5),
        "p95": measured.quantile(0.95),
        "histogram": [
            {"from": bar.low, "to": bar.high - 1, "examples": bar.examples} for bar in measured.bars
        ],
    }


def _values(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


_USES = {"training_file": "training", "validation_file": "validation"}
_MOST_NAMES = 12
_WIDEST_BAR = 40
_PRICE_COLUMNS = (
    Column(title="MODEL"),
    Column(title="PROVIDER"),
    Column(title="PER 1M", right=True),
    Column(title="EPOCHS"),
    Column(title="COST", right=True),
)
