"""What a watch passes over: a session that is made anew with its configuration, and its passes.

`cli.watch` owns one `Sessions` and calls `passed` in every round. The pass is the same as that of
`apply`; what is added here is that a refusal to spend does not stop what runs already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.consent import Consent, NotApproved
from reconciler.cli.options import Options
from reconciler.cli.session import load_config, reconciler
from reconciler.engine import PassResult, Reconciler, Request
from reconciler.errors import (
    ConfigError,
    PolicyError,
    ReconcilerError,
    SpecError,
    StateError,
)
from reconciler.model import Action, Plan
from reconciler.providers.base import Provider
from reconciler.report.rows import Trouble
from reconciler.uploads import nobody
from reconciler.watch import Outages, Passed

if TYPE_CHECKING:
    from reconciler.watch import Look


class Sessions:
    """The open session, made anew when its configuration has changed.

    `note` takes the lines of the log where a screen stands in its way, None where there is none.
    """

    def __init__(
        self,
        options: Options,
        outages: Outages,
        note: Callable[[str, str], None] | None = None,
    ) -> None:
        self._options = options
        self._outages = outages
        self._note = note
        self._held = ExitStack()
        self._session: Reconciler | None = None

    @property
    def current(self) -> Reconciler:
        """The session; opened where there is none. Raises what opening raises."""
        if self._session is None:
            opened = self._held.enter_context(reconciler(self._options, "watch"))
            self._outages.forget()
            if self._note is not None:
                logging.getLogger("reconciler").handlers = [_Notes(self._note)]
            connect = self._outages.connected(opened.connect)
            # A bar would be drawn over the board.
            self._session = replace(
                opened, connect=connect, reading=None, counting=None, sending=nobody
            )
        return self._session

    def provider(self, name: str) -> Provider:
        """The adapter of a name, in the session that is open."""
        return self.current.provider(name)

    def grace(self) -> Mapping[str, float]:
        """Seconds of grace by provider, in the session that is open."""
        return self.current.grace()

    def reload(self) -> None:
        """Take the new configuration. Raises what is wrong with it, and keeps the old one."""
        load_config(self._options)
        self.close()

    def close(self) -> None:
        """Give back the session; the next use opens another."""
        self._session = None
        self._held.close()


class _Notes(logging.Handler):
    """Brings the log to where somebody looks."""

    def __init__(self, note: Callable[[str, str], None]) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(record.levelname.lower(), record.getMessage())


def passed(session: Reconciler, request: Request, consent: Consent) -> Passed:
    """A pass; where its creates are refused, one without them: what runs is looked at as ever.

    Raises what `run_once` raises, but PolicyError.
    """
    try:
        return Passed(result=session.run_once(request, approve=consent.approve))
    except PolicyError as error:
        refused = error
    decided = refused.plan if isinstance(refused, NotApproved) else session.plan(request)
    others = _without_spending(decided, session.config.root)
    rest = None
    if others:
        try:
            rest = session.run_once(replace(request, paths=others, labels=()), approve=_nothing)
        except PolicyError:
            rest = None  # two specs in one file, and only one of them may be created
    result = PassResult(
        plan=decided,
        outcomes=rest.outcomes if rest else (),
        specs=tuple(step.spec for step in decided.steps if step.spec),
        state=rest.state if rest else session.store.read().state,
        problems=session.desired(request).problems,
    )
    return Passed(result=result, refused=refused)


def troubles(look: Look, bad_config: ReconcilerError | None, unnoticed: str) -> Iterator[Trouble]:
    """What to show beside the jobs: of the configuration, this look, the providers, the files."""
    if bad_config is not None:
        hint = bad_config.hint or "the last good one goes on until it is mended"
        yield Trouble(about="reconciler.yaml", message=bad_config.message, hint=hint)
    error = look.trouble
    if error is not None and not (isinstance(error, SpecError) and look.result is None):
        waits = isinstance(error, (ConfigError, PolicyError))
        yield Trouble(
            about=_about(error),
            message=error.message,
            hint=error.hint,
            retry_at=None if waits or look.result else look.next_look,
        )
    for outage in look.away:
        yield Trouble(
            about="provider",
            name=outage.provider,
            message=outage.message,
            hint=outage.hint,
            retry_at=outage.retry_at,
        )
    if unnoticed:
        yield Trouble(about="files", message=unnoticed, hint="passes go on by the clock")


def _about(error: ReconcilerError) -> str:
    match error:
        case NotApproved():
            return "approval"
        case PolicyError():
            return "policy"
        case StateError():
            return "state"
        case ConfigError():
            return "configuration"
        case _:
            return "pass"


def _without_spending(decided: Plan, root: Path) -> tuple[str, ...]:
    """The specs that need no create and no cancel, as the command line would name them."""
    spending = {step.token for step in decided.of(Action.CREATE, Action.CANCEL)}
    specs = [step.spec for step in decided.steps if step.spec and step.token not in spending]
    return tuple(
        str(root / spec.source.path) if Path(spec.name).exists() else spec.name for spec in specs
    )


def _nothing(decided: Plan) -> None:
    """Refuse what has come up since the plan was refused: it is shown in the next round."""
    if decided.of(Action.CREATE, Action.CANCEL):
        raise PolicyError("not without asking", hint="nothing was called")
