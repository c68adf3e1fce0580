"""Consent to spend real money while a watch goes on: asked for on the board, given by a key.

Nothing waits for the answer but the creates themselves: jobs that run are looked at as ever, and
no lock is held. What was agreed to stays agreed, so that a create that has to be repeated at night
is; another create is asked for anew.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from reconciler.errors import PolicyError
from reconciler.model import Action, Plan
from reconciler.watch import Ring, Wake

_HOW = "type y and Enter to go on, n to leave it"
_SHOWN = 3


class NotApproved(PolicyError):
    """Nobody has said yes to this plan's creates; nothing was called."""

    def __init__(self, plan: Plan, *, declined: bool) -> None:
        creates = plan.of(Action.CREATE, Action.CANCEL)
        names = ", ".join(step.name for step in creates[:_SHOWN])
        more = f" and {len(creates) - _SHOWN:,} more" if len(creates) > _SHOWN else ""
        likely, _ = plan.usd
        cost = f", about ${likely:,.2f}" if likely else ""
        asked = "was not approved" if declined else "waits for your yes"
        hint = "change a spec or send SIGHUP to be asked again" if declined else _HOW
        super().__init__(f"training {names}{more}{cost} {asked}", hint=hint)
        self.plan = plan


class Consent:
    """Knows what somebody agreed to. `needed` is false where no money or no person is there."""

    def __init__(self, *, needed: bool) -> None:
        self.needed = needed
        self._approved: frozenset[str] = frozenset()
        self._declined: frozenset[str] = frozenset()
        self._asked: frozenset[str] = frozenset()

    def approve(self, plan: Plan) -> None:
        """Raise NotApproved if the plan would spend what nobody has agreed to."""
        wanted = _wanted(plan)
        self._asked = frozenset()
        if not self.needed or wanted <= self._approved:
            return
        declined = wanted <= self._declined
        if not declined:
            self._asked = wanted
        raise NotApproved(plan, declined=declined)

    def answer(self, yes: bool) -> bool:
        """Take an answer to what is asked now; whether anything was."""
        asked, self._asked = self._asked, frozenset()
        if yes:
            self._approved, self._declined = asked or self._approved, frozenset()
        else:
            self._declined = asked or self._declined
        return bool(asked)

    def ask_again(self) -> None:
        """Forget what was declined."""
        self._declined = frozenset()


class Keys:
    """Reads lines from a terminal in a thread of its own while its context lasts.

    `heard` is called with each line. In the background nothing is read: the system would stop us.
    """

    _PATIENCE = 0.5

    def __init__(self, descriptor: int, heard: Callable[[str], None], *, wanted: bool) -> None:
        self._descriptor = descriptor
        self._heard = heard
        self._stop = Event()
        self._thread = Thread(target=self._read, daemon=True) if wanted else None

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * self._PATIENCE)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                ready, _, _ = select.select([self._descriptor], [], [], self._PATIENCE)
                if not ready:
                    continue
                if os.tcgetpgrp(self._descriptor) != os.getpgrp():
                    self._stop.wait(self._PATIENCE)
                    continue
                line = os.read(self._descriptor, 256)
            except (OSError, ValueError):
                return  # the terminal has gone
            if not line:
                return
            self._heard(line.decode(errors="replace").strip().lower())


def answering(consent: Consent, ring: Callable[[Ring], None]) -> Callable[[str], None]:
    """What to do with a line that somebody typed: an answer wakes the loop, the rest is nothing."""

    def heard(line: str) -> None:
        said = {"y": True, "yes": True, "n": False, "no": False}.get(line)
        if said is not None and consent.answer(said):
            ring(Ring(wake=Wake.DUE))

    return heard


def _wanted(plan: Plan) -> frozenset[str]:
    """The creates and cancels to be asked for. An attempt that its spec allows is agreed to."""
    return frozenset(
        step.token
        for step in plan.of(Action.CREATE, Action.CANCEL)
        if step.spec is None or not step.spec.retry
    )
