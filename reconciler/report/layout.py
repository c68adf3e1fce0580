"""A page of text: columns that line up, and sentences that wrap under their column.

`report.text` builds every text of the reports on it. It measures in terminal cells, so that wide
and combining characters line up too. Nothing is ever cut: what does not fit goes on underneath. It
knows nothing of plans or jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len, chop_cells

from reconciler.report.words import harmless

MARGIN = 2
GAP = 2
LEAST_WIDTH = 20
LEAST_BODY = 24
"""Sentences in a column narrower than this read worse than sentences that start further left."""


class Tone(StrEnum):
    """What a colour means; it never says anything that the words do not. Values are SGR codes."""

    PLAIN = ""
    STRONG = "1"
    QUIET = "2"
    BAD = "31"
    GOOD = "32"
    WARN = "33"
    BUSY = "36"


class Span:
    """Characters of one tone, made harmless on the way in: no page can hold anything else."""

    __slots__ = ("cells", "text", "tone")

    def __init__(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        self.text = harmless(text)
        self.tone = tone
        self.cells = cell_len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a row says in a column of `width` cells."""

    span: Span
    width: int
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The head of a column. Numbers are set to the right."""

    title: str
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Pieces that stay whole where a line can hold them, with `joiner` between them.

    `lead` stands before the first line; the others hang under it.
    """

    pieces: tuple[Span, ...]
    joiner: str = " "
    lead: str = ""


def sentences(text: str, tone: Tone = Tone.PLAIN, lead: str = "") -> tuple[Paragraph, ...]:
    """A paragraph per line of `text`, which may break between any two words."""
    lines = [words for words in map(str.split, text.splitlines()) if words]
    return tuple(
        Paragraph(
            pieces=tuple(Span(word, tone) for word in words),
            lead=" " * cell_len(lead) if index else lead,
        )
        for index, words in enumerate(lines)
    )


def facts(pieces: Iterable[str | Span]) -> Paragraph:
    """`openai · succeeded · ftjob-1`, which breaks between two facts if it has to."""
    spans = tuple(piece if isinstance(piece, Span) else Span(piece) for piece in pieces)
    return Paragraph(pieces=spans, joiner=" · ")


def summary(title: str, parts: Sequence[str], cost: str = "") -> Paragraph:
    """`Plan: 1 to create, 1 in sync · about $0.77`, which breaks between two parts if need be."""
    pieces = [*(f"{part}," for part in parts[:-1]), *parts[-1:]]
    if cost:
        pieces.append(f"· {cost}")
    return Paragraph(pieces=tuple(Span(piece, Tone.STRONG) for piece in (title, *pieces)))


def widest(texts: Iterable[str], at_most: int) -> int:
    """The width of a column for these texts; one very long text does not widen it for all."""
    return min(max((cell_len(harmless(text)) for text in texts), default=0), at_most)


def table_width(columns: Sequence[Column], rows: Iterable[Sequence[Span]]) -> int:
    """How wide a page must be for this table to have every row on one line."""
    widths = _widths(columns, rows)
    return MARGIN + sum(widths) + GAP * (len(widths) - 1)


class Page:
    """Collects lines of at most `width` cells; `str()` gives them without a last line end.

    It takes the whole of `report.Layout`; `key` is for comments and changes nothing here.
    """

    def __init__(self, *, color: bool = False, width: int = 100, key: str = "") -> None:
        del key
        self.width = max(width, LEAST_WIDTH)
        self._color = color
        self._lines: list[str] = []
        self._line = ""
        self._end = 0

    def __str__(self) -> str:
        return "\n".join([*self._lines, self._line] if self._end else self._lines)

    def row(self, cells: Sequence[Cell], start: int = MARGIN) -> None:
        """Begin a line of cells. Where one does not fit its column, the next go underneath."""
        self._finish_line()
        at = start
        for cell in cells:
            if at > start and at + cell.width > self.width:
                at = start + GAP
            self._put(at + (max(0, cell.width - cell.span.cells) if cell.right else 0), cell.span)
            at += cell.width + GAP

    def blank(self) -> None:
        """An empty line, between two things that do not belong together."""
        self._finish_line()
        self._lines.append("")

    def whole_line(self, spans: Iterable[Span]) -> None:
        """A line that is never wrapped, because programs read it too."""
        self._finish_line()
        for span in spans:
            self._write(span)
        self._finish_line()

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[tuple[Sequence[Span], Sequence[Paragraph]]],
    ) -> None:
        """Rows of cells under their titles, each with the paragraphs that stand beneath it.

        Where the page is too narrow, a long first cell keeps a line to itself.
        """
        cells = [row for row, _ in rows]
        widths = _widths(columns, cells)
        if table_width(columns, cells) > self.width:
            widths[0] = min(widths[0], max(12, self.width // 3))
        titles = [Span(column.title, Tone.QUIET) for column in columns]
        for spans, beneath in [(titles, ()), *rows]:
            self.row(
                [
                    Cell(span=span, width=width, right=column.right)
                    for span, width, column in zip(spans, widths, columns, strict=True)
                ]
            )
            self._finish_line()
            self.body(beneath, at=MARGIN + min(widths[0], self.width // 4) + GAP)

    def body(self, paragraphs: Iterable[Paragraph], at: int = 0) -> None:
        """Paragraphs at a column, the first beside what the line already holds if there is room.

        A word that no line at this column can hold starts further left instead of being broken.
        """
        at = max(0, min(at, self.width - LEAST_BODY))
        least = min(at, MARGIN)
        for paragraph in paragraphs:
            hang = cell_len(paragraph.lead)
            lines = _wrapped(paragraph, self.width - at - hang, self.width - least - hang)
            for index, line in enumerate(lines):
                cells = hang + sum(span.cells for span in line)
                self._place(max(least, min(at, self.width - cells)))
                self._write(Span(" " * hang if index else paragraph.lead))
                for span in line:
                    self._write(span)
                self._finish_line()

    def _put(self, at: int, span: Span) -> None:
        for index, piece in enumerate(chop_cells(span.text, max(self.width - at, 1)) or [""]):
            if index:
                self._finish_line()
            if piece:
                self._place(at)
                self._write(Span(piece, span.tone))

    def _place(self, at: int) -> None:
        """Go to a column, on a new line if this one already reaches it."""
        if self._end and at < self._end + GAP:
            self._finish_line()
        self._line += " " * (at - self._end)
        self._end = at

    def _write(self, span: Span) -> None:
        dressed = self._color and span.tone and span.text
        self._line += f"\x1b[{span.tone}m{span.text}\x1b[0m" if dressed else span.text
        self._end += span.cells

    def _finish_line(self) -> None:
        if self._end:
            self._lines.append(self._line)
        self._line, self._end = "", 0


def _widths(columns: Sequence[Column], rows: Iterable[Sequence[Span]]) -> list[int]:
    widths = [cell_len(column.title) for column in columns]
    for row in rows:
        widths = [max(width, span.cells) for width, span in zip(widths, row, strict=True)]
    return widths


def _wrapped(paragraph: Paragraph, width: int, most: int) -> Iterator[list[Span]]:
    """Lines of at most `width` cells; one that is a single long word may have `most`."""
    atoms = list(_atoms(paragraph, width, most))
    last = len(atoms) - 1
    joints = {joiner: Span(joiner) for joiner, _ in atoms}
    line: list[Span] = []
    used = 0
    for index, (joiner, span) in enumerate(atoms):
        tail = 0 if index == last else cell_len(atoms[index + 1][0].rstrip())
        joint = joints[joiner]
        if line and used + joint.cells + span.cells + tail > width:
            yield [*line, Span(joiner.rstrip())]
            line, used = [], 0
        if line:
            line.append(joint)
            used += joint.cells
        line.append(span)
        used += span.cells
    if line:
        yield line


def _atoms(paragraph: Paragraph, width: int, most: int) -> Iterator[tuple[str, Span]]:
    """What stays whole, each with what stands before it: pieces, else words, else bits of words."""
    most -= cell_len(paragraph.joiner.rstrip())
    for piece in paragraph.pieces:
        words = [piece.text] if piece.cells <= width else piece.text.split()
        for index, word in enumerate(words):
            bits = chop_cells(word, most) if piece.cells > most else [word]
            for position, bit in enumerate(bits):
                before = "" if position else " " if index else paragraph.joiner
                yield before, Span(bit, piece.tone)
