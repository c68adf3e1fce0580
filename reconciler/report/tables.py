"""The tables of the text report: how the jobs stand, and what the state holds.

Part of `report.text`, which hands its functions on. A table that does not fit the page moves its
long cells underneath; it never cuts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

from reconciler.health import Health
from reconciler.model import Dataset, Job, MetricPoint, Record
from reconciler.report import estimates, row_words, words
from reconciler.report.layout import (
    GAP,
    MARGIN,
    Cell,
    Column,
    Page,
    Paragraph,
    Span,
    Tone,
    facts,
    sentences,
    summary,
    table_width,
    widest,
)
from reconciler.report.rows import StatusRow

if TYPE_CHECKING:
    from reconciler.report import Layout

_COLUMNS = (
    Column(title="NAME"),
    Column(title="SYNC"),
    Column(title="HEALTH"),
    Column(title="PHASE"),
    Column(title="PROVIDER"),
    Column(title="TOKENS", right=True),
    Column(title="AGE", right=True),
    Column(title="MODEL"),
)

_RECORD_COLUMNS = (
    Column(title="TOKEN"),
    Column(title="BINDING"),
    Column(title="PROVIDER"),
    Column(title="STATUS"),
    Column(title="JOB"),
)

_CURVES = ("epoch", "train_loss", "valid_loss", "full_valid_loss", "train_accuracy")
"""The columns of a loss curve that stand first, by the names all providers share."""

_MOVED = (
    frozenset[str](),
    frozenset({"MODEL"}),
    frozenset({"MODEL", "TOKENS"}),
    frozenset({"MODEL", "TOKENS", "PROVIDER"}),
)
"""The columns that stand beneath each row instead, where the page is narrower and narrower."""

_SYNC_TONES = {"OutOfSync": Tone.WARN, "Unknown": Tone.WARN}

_HEALTH_TONES: dict[str, Tone] = {
    Health.HEALTHY: Tone.GOOD,
    Health.PROGRESSING: Tone.BUSY,
    Health.DEGRADED: Tone.BAD,
    Health.SUSPENDED: Tone.WARN,
    Health.MISSING: Tone.WARN,
}


def status(rows: Sequence[StatusRow], now: float, **layout: Unpack[Layout]) -> str:
    """A table of jobs; under each that needs somebody, why and what to do next."""
    page = Page(**layout)
    if not rows:
        page.body(
            sentences(
                "no specs and no jobs; a spec is a YAML file of kind FineTuningJob under specs/"
            )
        )
        return str(page)
    _write_status(page, rows, now)
    health, phases = row_words.counted(rows)
    title = f"{words.count(len(rows), 'spec')}:"
    pieces = [summary(title, health).pieces, summary("·", phases).pieces]
    page.body([Paragraph(pieces=pieces[0] + pieces[1]) if health else summary(title, phases)])
    return str(page)


def metrics(points: Sequence[MetricPoint], **layout: Unpack[Layout]) -> str:
    """A row per step; the columns that were measured at all, those people look for first."""
    page = Page(**layout)
    if not points:
        page.body(sentences("nothing measured yet; providers write the curve while or after a job"))
        return str(page)
    measured = dict.fromkeys(name for point in points for name in point.values)
    names = [name for name in _CURVES if name in measured]
    names += sorted(measured.keys() - set(names))
    columns = [Column(title="STEP", right=True)]
    columns += [Column(title=name.upper().replace("_", " "), right=True) for name in names]
    rows = [
        [Span(f"{point.step:,}"), *(Span(_measure(point.values.get(name))) for name in names)]
        for point in points
    ]
    page.table(columns, [(row, ()) for row in rows])
    return str(page)


def state_list(records: Sequence[Record], **layout: Unpack[Layout]) -> str:
    """A line per record: its token, how far the tie has got, and the job."""
    page = Page(**layout)
    if not records:
        page.body(sentences("the state holds no records"))
        return str(page)
    page.table(_RECORD_COLUMNS, [(_record_cells(record), ()) for record in records])
    page.body(sentences(words.count(len(records), "record")))
    return str(page)


def state_show(record: Record, **layout: Unpack[Layout]) -> str:
    """Everything state knows of one token, a line a thing."""
    page = Page(**layout)
    page.body(sentences(record.token, Tone.STRONG))
    lines = list(_record_lines(record))
    width = widest((name for name, _ in lines), at_most=24)
    for name, value in lines:
        page.row([Cell(span=Span(name, Tone.QUIET), width=width)])
        page.body(sentences(value), at=MARGIN + width + GAP)
    return str(page)


def _measure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _write_status(page: Page, rows: Sequence[StatusRow], now: float) -> None:
    """The table with as many columns as the page has room for; the others beneath each row.

    A name that is too long for its column has a line to itself (see `Page.table`), and moves none.
    """
    cells = [_cells(row, now) for row in rows]
    longest = max(name.cells for name, *_ in cells)
    excess = max(0, longest - max(12, page.width // 3))
    for moved in _MOVED:
        kept = [at for at, column in enumerate(_COLUMNS) if column.title not in moved]
        columns = [_COLUMNS[at] for at in kept]
        lines = [[line[at] for at in kept] for line in cells]
        if table_width(columns, lines) - excess <= page.width:
            break
    beneath = [[*_moved(row, moved), *_beneath(row)] for row in rows]
    page.table(columns, list(zip(lines, beneath, strict=True)))


def _cells(row: StatusRow, now: float) -> list[Span]:
    age = words.age(None if row.created_at is None else now - row.created_at)
    return [
        Span(row.name, Tone.STRONG),
        Span(row.sync or words.ABSENT, _SYNC_TONES.get(row.sync, Tone.PLAIN)),
        Span(row.health or words.ABSENT, _HEALTH_TONES.get(row.health, Tone.PLAIN)),
        Span(row.phase),
        Span(row.provider),
        Span(words.number(row.trained_tokens)),
        Span(age),
        Span(_model(row) or words.ABSENT),
    ]


def _model(row: StatusRow) -> str:
    return row.fine_tuned_model or row.base_model or ""


def _moved(row: StatusRow, titles: frozenset[str]) -> Iterator[Paragraph]:
    tokens = "" if row.trained_tokens is None else words.count(row.trained_tokens, "token")
    told = {"PROVIDER": row.provider, "TOKENS": tokens, "MODEL": _model(row)}
    if found := [told[title] for title in told if title in titles and told[title]]:
        yield facts(found)


def _beneath(row: StatusRow) -> list[Paragraph]:
    found: list[Paragraph] = []
    if row.last_succeeded_model and row.last_succeeded_model != row.fine_tuned_model:
        found += sentences(f"last succeeded: {row.last_succeeded_model}")
    if row_words.needs_somebody(row):
        found += sentences(row.message)
        found += sentences(row_words.next_action(row), lead="→ ")
    return found


def _record_cells(record: Record) -> list[Span]:
    job = record.job
    return [
        Span(record.token, Tone.STRONG),
        Span(record.binding),
        Span(record.provider),
        Span(words.status(job.status) if job else words.ABSENT),
        Span(job.id if job else words.ABSENT),
    ]


def _record_lines(record: Record) -> Iterator[tuple[str, str]]:
    commit = f" at {record.source.commit}" if record.source.commit else ""
    yield "name", f"{record.namespace}/{record.name}"
    yield "digest", record.digest
    yield "attempt", str(record.attempt)
    yield "provider", f"{record.provider} ({record.scope})"
    yield "source", f"{record.source.path}{commit}"
    yield "training", _dataset(record.training)
    if record.validation is not None:
        yield "validation", _dataset(record.validation)
    yield "deletion policy", record.deletion_policy
    yield "binding", record.binding.value
    if record.pending_since is not None:
        yield "pending since", words.moment(record.pending_since)
    if (rejection := record.rejection) is not None:
        code = f"{rejection.code}: " if rejection.code else ""
        yield "refused", f"{code}{rejection.message}"
        yield "refused at", words.moment(rejection.at)
        retry = "not by itself" if rejection.retry_at is None else words.moment(rejection.retry_at)
        yield "tried again", f"{retry} ({rejection.remedy})"
    if record.estimate is not None:
        cost = estimates.money(record.estimate)
        yield "estimate", f"{estimates.size(record.estimate)} {cost}"
    if record.job is not None:
        yield from _job_lines(record.job)
    if record.stopped_because is not None:
        yield "cancelled here", record.stopped_because
    if record.model_deleted:
        yield "model", "deleted while no spec asked for it"


def _dataset(dataset: Dataset) -> str:
    facts = [
        "" if dataset.examples is None else words.count(dataset.examples, "example"),
        "" if dataset.size is None else words.count(dataset.size, "byte"),
        dataset.reference or "",
    ]
    lines = [
        dataset.path or "",
        f"sha256:{dataset.sha256}" if dataset.sha256 else "",
        " · ".join(fact for fact in facts if fact),
    ]
    return "\n".join(line for line in lines if line)


def _job_lines(job: Job) -> Iterator[tuple[str, str]]:
    yield "job", job.id
    yield "status", f"{words.status(job.status)} (the provider says {job.provider_status})"
    yield "created", words.moment(job.created_at)
    yield "finished", words.moment(job.finished_at)
    yield "model", job.model or words.ABSENT
    yield "fine-tuned model", job.fine_tuned_model or words.ABSENT
    yield "trained tokens", words.number(job.trained_tokens)
    if job.error is not None:
        yield "error", words.reason(job.error)
