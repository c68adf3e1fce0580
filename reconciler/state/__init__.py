"""Where the state lives and how it changes: stores, their bytes, their lock, and group commit.

`engine` reads and locks through a store, `commit.Ledger` writes through it, `edit` says what to
write. Nothing outside this package opens a state file.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from reconciler.config import FileStateSettings, S3StateSettings, StateSettings
from reconciler.state.base import StateStore
from reconciler.state.file import FileStore


def open_store(settings: StateSettings, root: Path) -> StateStore:
    """The store these settings name; nothing is touched yet. A relative path begins at `root`."""
    match settings:
        case FileStateSettings():
            return FileStore(root / settings.path)
        case S3StateSettings():
            from reconciler.state.s3.bucket import Bucket
            from reconciler.state.s3.store import S3Store

            return S3Store(Bucket(settings), settings.key)
        case _:
            assert_never(settings)
