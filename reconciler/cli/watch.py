"""`reconcile watch`: apply on every saved file and every due job, until somebody stops it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from reconciler.cli.choices import seconds
from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import Options, given, global_options
from reconciler.cli.verdict import approval, verdict
from reconciler.errors import (
    ConfigError,
    Problem,
    ReconcilerError,
    Severity,
    SpecError,
)

if TYPE_CHECKING:
    from reconciler.cli.consent import Consent
    from reconciler.cli.interrupts import Interrupts
    from reconciler.cli.rows import Followed
    from reconciler.cli.watched import Sessions
    from reconciler.config import Config
    from reconciler.engine import PassResult, Request
    from reconciler.report.rows import Board, Trouble, WatchRow
    from reconciler.report.watching import Shown
    from reconciler.watch import Doorbell, Look, Passed, Ring
    from reconciler.watch.files import Files, Interest

_FOLLOWED_AT_ONCE = 40
"""How many running jobs are asked for their events in each pass: more than a screen has lines."""

_TICK_SECONDS = 1.0


@click.command("watch")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--poll",
    metavar="DURATION",
    callback=seconds,
    help="Look at least this often, such as 30s. By itself it looks when something is due.",
)
@click.option("--once", is_flag=True, help="One pass, then leave as apply would.")
@click.option("--max-creates", type=click.IntRange(0), help="Refuse a pass that creates more.")
@click.option(
    "--max-cost",
    type=click.FloatRange(0),
    metavar="USD",
    help="Refuse a pass whose creates may cost more.",
)
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "hold"]),
    default="retry",
    show_default=True,
    help="An unanswered create that cannot be found: send it again, or wait for resolve.",
)
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@global_options
@click.pass_context
def command(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    paths: tuple[str, ...],
    *,
    poll: float | None,
    once: bool,
    max_creates: int | None,
    max_cost: float | None,
    on_unknown: str,
    yes: bool,
) -> int:
    """Apply on every saved file and every due job, until Ctrl-C.

    A file with a mistake is shown and left out, and the rest goes on. In a terminal, creates that
    cost real money wait for a yes. SIGHUP looks at once; SIGTERM stops.
    """
    from reconciler.engine import Request

    options = given(context)
    request = Request(
        paths=paths,
        hold_unknown=on_unknown == "hold",
        max_creates=max_creates,
        max_cost_usd=max_cost,
        tolerant=True,
    )
    if once:
        return _once(options, request, yes=yes)
    interrupted = _watch(options, request, poll=poll, yes=yes)
    if interrupted:
        _leave()  # a thread may still be waiting for a provider; its work is on record
    return OK


def _once(options: Options, request: Request, *, yes: bool) -> int:
    from reconciler.cli.rows import Followed, watch_rows
    from reconciler.cli.session import reconciler
    from reconciler.report.rows import Board
    from reconciler.report.watching import WatchLog

    with reconciler(options, "watch") as session:
        result = session.run_once(request, approve=approval(options, yes=yes))
        rows = watch_rows(result, Followed(session.provider, most=_FOLLOWED_AT_ONCE))
        board = Board(
            title="", rows=tuple(rows), problems=result.problems, next_look=session.clock()
        )
        with WatchLog(sys.stdout, clock=time.time, as_json=options.json) as shown:
            shown.show(board)
    if any(problem.severity is Severity.ERROR for problem in result.problems):
        return FAILED
    return verdict(result)


def _watch(options: Options, request: Request, *, poll: float | None, yes: bool) -> bool:
    """Watch until stopped; whether the last pass was interrupted."""
    from reconciler.cli.consent import Consent, Keys, answering
    from reconciler.cli.interrupts import Interrupts
    from reconciler.cli.rows import Followed
    from reconciler.cli.watched import Sessions
    from reconciler.watch import Doorbell, Outages, keep_watching
    from reconciler.watch.files import Files

    bell, outages = Doorbell(), Outages(time.time)
    consent = Consent(needed=not yes and not options.sandbox and sys.stdin.isatty())
    board = _shown(options)
    sessions = Sessions(options, outages, _note(board))
    followed = Followed(sessions.provider, most=_FOLLOWED_AT_ONCE, curves=True)
    with ExitStack() as held:
        held.callback(sessions.close)
        interrupts = held.enter_context(Interrupts(bell))
        shown = held.enter_context(board)
        files = Files(bell.ring)
        held.callback(files.close)
        heard = answering(consent, bell.ring)
        held.enter_context(Keys(0, heard, wanted=consent.needed))
        watch = _Watch(
            request=request,
            sessions=sessions,
            consent=consent,
            files=files,
            followed=followed,
            interrupts=interrupts,
            shown=shown,
            config_file=options.config,
        )
        try:
            watch.begin()
            keep_watching(
                watch.run_pass,
                clock=time.time,
                wait=partial(_wait, bell, shown),
                outages=outages,
                grace=sessions.grace,
                seen=watch.seen,
                poll=poll,
            )
        except KeyboardInterrupt:
            return True
        finally:
            shown.say("stopped", "", "jobs go on at their providers; the next run finds them")
    return False


def _note(shown: Shown) -> Callable[[str, str], None] | None:
    """Where the log goes while a screen is shown on the terminal that it would be written to."""
    from reconciler.report.watching import WatchScreen

    return shown.note if isinstance(shown, WatchScreen) and sys.stderr.isatty() else None


def _leave() -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(OK)


def _wait(bell: Doorbell, shown: Shown, seconds: float) -> Ring | None:
    """Sleep until somebody rings or the time is over, and keep what is shown up to date."""
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if (ring := bell.wait(min(left, _TICK_SECONDS))) is not None or left <= _TICK_SECONDS:
            return ring
        shown.tick()


def _shown(options: Options) -> Shown:
    from reconciler.report.watching import WatchLog, WatchScreen

    dumb = os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")
    if options.json or dumb or not sys.stdout.isatty():
        return WatchLog(sys.stdout, clock=time.time, as_json=options.json)
    return WatchScreen(sys.stdout, clock=time.time, color=options.color)


@dataclass(kw_only=True)
class _Watch:
    """What one watch does in each round, and what it shows of it."""

    request: Request
    sessions: Sessions
    consent: Consent
    files: Files
    followed: Followed
    interrupts: Interrupts
    shown: Shown
    config_file: Path | None = None
    rows: tuple[WatchRow, ...] = ()
    problems: tuple[Problem, ...] = ()
    bad_config: ReconcilerError | None = None
    board: Board | None = None
    interest: Interest | None = None

    def begin(self) -> None:
        """Open the session, so that what is wrong from the start is told and ends the command."""
        with self.interrupts.busy():
            config = self.sessions.current.config
            self.files.follow(self._interest(config, None))
        where = ", ".join(self.request.paths or config.specs)
        self.shown.say("started", self._title(config), f"watching {where}")
        self._show(next_look=None)

    def run_pass(self, ring: Ring) -> Passed:
        """One round's pass. Raises what passes raise, and KeyboardInterrupt for a stop."""
        from reconciler.cli.watched import passed
        from reconciler.watch import Wake

        with self.interrupts.busy():
            self._show(next_look=None)
            if ring.config:
                self._reload()
            if ring.wake is Wake.ASKED:
                self.consent.ask_again()
            return passed(self.sessions.current, self.request, self.consent)

    def seen(self, look: Look) -> None:
        """Show what came of it, and listen for the files that it knew."""
        from reconciler.cli.rows import watch_rows
        from reconciler.cli.watched import troubles

        with self.interrupts.busy():
            if look.result is not None:
                away = {outage.provider for outage in look.away}
                self.rows = tuple(watch_rows(look.result, self.followed, away))
                self.problems = look.result.problems
            elif isinstance(look.trouble, SpecError):
                self.problems = look.trouble.problems
            self.files.follow(self._interest(self.sessions.current.config, look.result))
            self._show(look.next_look, tuple(troubles(look, self.bad_config, self.files.failure)))

    def _reload(self) -> None:
        try:
            self.sessions.reload()
        except (ConfigError, SpecError) as error:
            self.bad_config = error
            return
        self.bad_config = None
        self.shown.say("reloaded", "reconciler.yaml")

    def _show(self, next_look: float | None, troubles: tuple[Trouble, ...] | None = None) -> None:
        from reconciler.report.rows import Board

        if troubles is None:
            troubles = self.board.troubles if self.board else ()
        self.board = Board(
            title=self._title(self.sessions.current.config),
            rows=self.rows,
            problems=self.problems,
            troubles=troubles,
            next_look=next_look,
        )
        self.shown.show(self.board)

    def _title(self, config: Config) -> str:
        sandbox = " · sandbox" if self.sessions.current.sandbox else ""
        return f"reconcile watch · {config.root.name}{sandbox}"

    def _interest(self, config: Config, result: PassResult | None) -> Interest:
        from reconciler.watch.files import interest

        named = [Path(path) for path in self.request.paths if Path(path).exists()]
        file = self.config_file
        self.interest = interest(config, file, named, result, before=self.interest)
        return self.interest
