"""The table of base models, as text and as JSON: what can be trained, what it costs, until when.

`reconcile models` prints it. Which rows there are and what holds at which provider is decided
before; which of them are closed follows from the day that is handed in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Unpack

from reconciler import models
from reconciler.cost import BaseModel
from reconciler.models.hyperparameters import Hyperparameter
from reconciler.report import words
from reconciler.report.layout import (
    Column,
    Page,
    Paragraph,
    Span,
    Tone,
    facts,
    sentences,
    summary,
)
from reconciler.status import API_VERSION

if TYPE_CHECKING:
    from reconciler.report import Layout

_COLUMNS = (
    Column(title="MODEL"),
    Column(title="PROVIDER"),
    Column(title="METHODS"),
    Column(title="PRICE", right=True),
    Column(title="TOKENS", right=True),
    Column(title="EXAMPLES", right=True),
    Column(title="EPOCHS", right=True),
    Column(title="AS OF"),
    Column(title="SOURCE"),
)
_FACTS = (
    "id",
    "provider",
    "aliases",
    "methods",
    "usd_per_million_tokens",
    "usd_per_hour",
    "default_epochs",
    "max_tokens_per_example",
    "min_examples",
    "max_examples",
    "max_bytes",
    "tokenizer",
    "closes_on",
    "shuts_down_on",
    "source",
    "as_of",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A base model and what can be set when it is trained; no hyperparameters: nobody says."""

    model: BaseModel
    hyperparameters: tuple[Hyperparameter, ...] = ()


def text(
    rows: Sequence[ModelRow], today: date, *, closed: bool = False, **layout: Unpack[Layout]
) -> str:
    """A row per model, its hyperparameters and last days under it, the sources at the end.

    Closed models are shown only with `closed`, and counted without.
    """
    page = Page(**layout)
    shown = [row for row in rows if closed or not models.closed(row.model, today)]
    sources = {source: at for at, source in enumerate(_sources(shown), start=1)}
    if shown:
        page.table(
            _COLUMNS, [(_cells(row.model, sources), list(_beneath(row, today))) for row in shown]
        )
        for source, at in sources.items():
            page.body(sentences(source, Tone.QUIET, lead=f"[{at}] "))
    counts = Counter(row.model.provider for row in shown)
    parts = [f"{count:,} {provider}" for provider, count in counts.items()]
    page.body([summary(f"{words.count(len(shown), 'base model')}:", parts or ["none"])])
    if hidden := len(rows) - len(shown):
        page.body(sentences(f"{hidden:,} closed, shown with --all"))
    return str(page)


def as_json(rows: Sequence[ModelRow], today: date, *, closed: bool = False) -> str:
    """`kind: ModelList`."""
    shown = [row for row in rows if closed or not models.closed(row.model, today)]
    document = {
        "apiVersion": API_VERSION,
        "kind": "ModelList",
        "today": today.isoformat(),
        "hidden": len(rows) - len(shown),
        "models": [_document(row, today) for row in shown],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def bounds(one: Hyperparameter) -> str:
    """`n_epochs 1 to 50 (auto)`: the name, what it may be, and what it is where nobody says."""
    said = [_interval(one), *(word for word in one.words if word != one.default)]
    unsaid = "required" if one.required else "" if one.default is None else _number(one.default)
    parts = (
        one.method,
        one.name,
        " or ".join(part for part in said if part),
        f"({unsaid})" if unsaid else "",
    )
    return " ".join(part for part in parts if part)


def _interval(one: Hyperparameter) -> str:
    match one.minimum, one.maximum:
        case None, None:
            return ""
        case None, maximum:
            return f"at most {_number(maximum)}"
        case minimum, None:
            return f"{'above' if one.above else 'at least'} {_number(minimum)}"
        case minimum, maximum if minimum == maximum:
            return _number(minimum)
        case minimum, maximum:
            return f"{'above ' if one.above else ''}{_number(minimum)} to {_number(maximum)}"


def _number(value: float | str | None) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _cells(model: BaseModel, sources: dict[str, int]) -> list[Span]:
    return [
        Span(model.id, Tone.STRONG),
        Span(model.provider),
        Span(", ".join(model.methods) or words.ABSENT),
        Span(_price(model)),
        Span(words.number(model.max_tokens_per_example)),
        Span(_examples(model)),
        Span(words.number(model.default_epochs)),
        Span(model.as_of or words.ABSENT),
        Span(f"[{sources[model.source]}]" if model.source else words.ABSENT),
    ]


def _price(model: BaseModel) -> str:
    prices = ((model.usd_per_million_tokens, "1M tokens"), (model.usd_per_hour, "hour"))
    return (
        " + ".join(f"${usd:,.2f}/{per}" for usd, per in prices if usd is not None) or words.ABSENT
    )


def _examples(model: BaseModel) -> str:
    match model.min_examples, model.max_examples:
        case None, None:
            return words.ABSENT
        case None, most:
            return f"to {most:,}"
        case least, None:
            return f"from {least:,}"
        case least, most:
            return f"{least:,} to {most:,}"


def _beneath(row: ModelRow, today: date) -> Iterator[Paragraph]:
    if row.model.aliases:
        yield from sentences(f"also called {', '.join(row.model.aliases)}")
    yield from (sentences(text, tone)[0] for text, tone in _days(row.model, today))
    if row.hyperparameters:
        yield facts(Span(bounds(one), Tone.QUIET) for one in row.hyperparameters)


def _days(model: BaseModel, today: date) -> Iterator[tuple[str, Tone]]:
    """The last days of a model, as sentences."""
    for day, coming, past in (
        (model.closes_on, "no new jobs from", "no new jobs since"),
        (model.shuts_down_on, "shuts down on", "was shut down on"),
    ):
        if day is None:
            continue
        left = _left(day, today)
        if left is not None and left > 0:
            yield f"{coming} {day}, in {words.count(left, 'day')}", Tone.WARN
        else:
            yield f"{past} {day}", Tone.BAD


def _left(day: str | None, today: date) -> int | None:
    """Days until a day; none or fewer where it has come."""
    return None if day is None else (date.fromisoformat(day) - today).days


def _sources(rows: Sequence[ModelRow]) -> list[str]:
    return list(dict.fromkeys(row.model.source for row in rows if row.model.source))


def _document(row: ModelRow, today: date) -> dict[str, Any]:
    model = row.model
    return {fact: getattr(model, fact) for fact in _FACTS} | {
        "closed": models.closed(model, today),
        "closes_in_days": _left(model.closes_on, today),
        "shuts_down_in_days": _left(model.shuts_down_on, today),
        "hyperparameters": [
            {name: getattr(one, name) for name in Hyperparameter.__dataclass_fields__}
            for one in row.hyperparameters
        ],
    }
