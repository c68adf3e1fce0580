"""What a person or a program gets to read: a Plan, a pass, a table of jobs in, a string out.

`reconciler.cli` chooses a format with `choose` and prints what comes back. Nothing in here decides,
prints or reads a clock; ages are told by the `now` that is handed in. The one exception is
`report.progress`, which writes to the stream it is given while somebody waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypedDict, Unpack

from reconciler.errors import ConfigError, Problem
from reconciler.model import Event, MetricPoint, Outcome, Plan, Record
from reconciler.report.rows import StatusRow

FORMATS = ("text", "json", "markdown", "github", "sarif")


class Layout(TypedDict, total=False):
    """How a report is set: ANSI colours or none, how many cells wide, and whose comment it is.

    Only text takes notice of `color` and `width`, only markdown of `key`: what tells the comments
    of one pull request apart, the namespace where nobody says otherwise.
    """

    color: bool
    width: int
    key: str


class Report(Protocol):
    """One format. Every function returns a whole document without its last line end.

    A function raises ConfigError where its format has no form for it; the message names those that
    have one.
    """

    def plan(
        self,
        plan: Plan,
        *,
        checksum: str | None = None,
        budget: float | None = None,
        **layout: Unpack[Layout],
    ) -> str:
        """What would happen, and what it would cost.

        `checksum` is that of `reconciler.plan`, for whoever saves a plan. `budget` is the most a
        plan may cost here, in US dollars; None is no limit.
        """

    def pass_result(self, outcomes: Sequence[Outcome], **layout: Unpack[Layout]) -> str:
        """What apply did, an entry per step."""

    def status(self, rows: Sequence[StatusRow], now: float, **layout: Unpack[Layout]) -> str:
        """How the jobs stand. `now` is unix seconds."""

    def events(self, events: Sequence[Event], **layout: Unpack[Layout]) -> str:
        """A job's log, in the order given."""

    def metrics(self, points: Sequence[MetricPoint], **layout: Unpack[Layout]) -> str:
        """A job's loss curve, a row per step."""

    def problems(
        self, problems: Sequence[Problem], files_checked: int, **layout: Unpack[Layout]
    ) -> str:
        """What validate found; `files_checked` counts specs and datasets, sound ones too."""

    def state_list(self, records: Sequence[Record], **layout: Unpack[Layout]) -> str:
        """The records of a state, in the order given."""

    def state_show(self, record: Record, **layout: Unpack[Layout]) -> str:
        """Everything state knows of one token."""


def choose(format_: str) -> Report:
    """The report of one of FORMATS; what it needs is imported only now.

    Raises ConfigError for any other word.
    """
    match format_:
        case "text":
            from reconciler.report import text

            return text
        case "json":
            from reconciler.report import as_json

            return as_json
        case "markdown":
            from reconciler.report import markdown

            return markdown
        case "github":
            from reconciler.report import github

            return github
        case "sarif":
            from reconciler.report import sarif

            return sarif
        case _:
            raise ConfigError(
                f"there is no output format {format_!r}",
                hint=f"choose {', '.join(FORMATS[:-1])} or {FORMATS[-1]}",
            )
