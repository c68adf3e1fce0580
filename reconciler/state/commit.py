"""Group commit: many threads change one state, and share its writes and their fsyncs.

`engine` makes a Ledger under the store's lock, `apply` commits through it from every worker. A
commit returns when its change is durable and not before: what a caller does next, such as spending
money, is never ahead of the disk. It never reads the store again and never takes its lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Condition

from reconciler.errors import StateError
from reconciler.model import State
from reconciler.state.base import Snapshot, StateStore


class Ledger:
    """The state of one run, from its snapshot on.

    Whoever comes first writes for all who have queued by then; the others wait, and the next of
    them writes for those who came meanwhile. There is no thread to start or to join.

    After a write that failed or was interrupted the ledger is of no use: what the store holds is
    not certain then, and nothing may be spent on the strength of it.
    """

    def __init__(self, store: StateStore, snapshot: Snapshot) -> None:
        self._store = store
        self._state = snapshot.state
        self._version = snapshot.version
        self._room = Condition()  # guards what follows; nobody waits for a disk while holding it
        self._queue: list[_Entry] = []
        self._writing = False
        self._broken: StateError | None = None
        self._closed = False

    @property
    def state(self) -> State:
        """The state as it was last saved. It never shows a change that is not durable."""
        return self._state

    def commit(self, change: Callable[[State], State]) -> State:
        """Apply the change; return a saved state that holds it, and maybe others' changes as well.

        `change` is a pure function of the state it is given (see `state.edit`). It may run in
        another caller's thread, on top of changes that came first, and must not commit itself.
        What it raises is raised here and hurts nobody else; returning the same object costs no
        write. `lineage` stays and `serial` rises by one per write, whatever a change makes of them.

        Raises StateError in every caller whose change could not be saved, and in all who come
        later.
        """
        entry = _Entry(change=change)
        first = False
        try:
            with self._room:
                self._queue.append(entry)
                self._room.wait_for(lambda: entry.settled or not self._writing)
                if not entry.settled:
                    first = self._writing = True
            if first:
                self._settle()
        finally:
            with self._room:
                self._queue = [each for each in self._queue if each is not entry]
                self._writing = self._writing and not first
                self._room.notify_all()
        if entry.error is not None:
            raise entry.error
        if entry.state is None:
            raise self._refusal()
        return entry.state

    def close(self) -> None:
        """Refuse every commit from now on. When it returns, no write is under way."""
        with self._room:
            self._closed = True
            self._room.wait_for(lambda: not self._writing)

    def _settle(self) -> None:
        """Save what all who wait have to say, in one write."""
        if self._broken or self._closed:
            return
        with self._room:
            waiting = [entry for entry in self._queue if not entry.settled]
        # Broken until the opposite is known: an interrupt may strike between any two lines.
        self._broken = StateError(
            "saving the state was interrupted, and what was saved is not known",
            hint="run the command again: it looks before it does anything",
        )
        state = self._state
        for entry in waiting:
            state = entry.applied_to(state)
        if state is not self._state:
            self._save(state)
        for entry in waiting:
            entry.state = self._state
        self._broken = None

    def _save(self, state: State) -> None:
        next_ = replace(state, lineage=self._state.lineage, serial=self._state.serial + 1)
        try:
            self._version = self._store.write(next_, self._version)
        except StateError as error:
            self._broken = error
            raise
        self._state = next_

    def _refusal(self) -> StateError:
        if (broken := self._broken) is not None:
            return type(broken)(broken.message, hint=broken.hint)
        return StateError("the run is being stopped: nothing more is saved, nothing is started")


@dataclass(slots=True, kw_only=True, eq=False)
class _Entry:
    """A change that waits, and then what became of it."""

    change: Callable[[State], State]
    state: State | None = None
    error: Exception | None = None

    @property
    def settled(self) -> bool:
        return self.state is not None or self.error is not None

    def applied_to(self, state: State) -> State:
        try:
            return self.change(state)
        except Exception as error:  # noqa: BLE001 - it is raised in the caller whose change it was
            self.error = error
            return state
