"""What a state store is to the rest of the house: the port that the file store and S3 implement.

`engine` reads and locks, `state.commit` writes. A store moves bytes safely and judges them with
`state.codec`; it knows nothing of specs or providers. `tests/contract/` holds every store to this.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reconciler.model import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state as read. `version` is the store's own mark of these bytes, "" if none were there."""

    state: State
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOwner:
    """Who holds the lock, for the person who has to wait. Times are unix seconds."""

    id: str
    who: str
    operation: str
    created_at: float
    process: int = 0


class StateStore(Protocol):
    """Where a state lives."""

    @property
    def location(self) -> str:
        """A path or URL, for messages. Holds no secret."""

    def read(self) -> Snapshot:
        """The state as it is now; a new, empty one with a fresh lineage if none was ever written.

        Raises StateFormat where something is there that is not a state this program understands,
        StateError where it could not be read. Never mistakes either for an empty state.
        """

    def write(self, state: State, expected: str) -> str:
        """Replace the state whole, durably, if its version is still `expected`; the new version.

        When it returns, the bytes survive a power cut. When it raises, the old state is whole.
        Raises StateConflict if someone else wrote, StateError if it could not be written.
        """

    def lock(self, owner: LockOwner) -> AbstractContextManager[None]:
        """Hold the lock for as long as the context lasts.

        Raises StateLocked at once, naming the owner, if another run holds it. A holder that died
        does not keep the lock for ever.
        """
