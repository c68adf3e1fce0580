"""Where the state lives and how it changes: stores, their bytes, their lock, and group commit.

`engine` reads and locks through a store, `commit.Ledger` writes through it, `edit` says what to
write. Nothing outside this package opens a state file.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.config import FileStateSettings
from reconciler.state.base import StateStore
from reconciler.state.file import FileStore


def open_store(settings: FileStateSettings, root: Path) -> StateStore:
    """The store these settings name; nothing is touched yet. A relative path begins at `root`."""
    return FileStore(root / settings.path)
