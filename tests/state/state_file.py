"""What the tests of the state's file share: runs that write it, and a system that refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.model import State
from reconciler.state.base import LockOwner
from reconciler.state.codec import decode
from reconciler.state.file import FileStore

OWNER = LockOwner(id="1", who="ada@laptop", operation="apply", created_at=1700000000, process=42)
FIRST = State(lineage="l", serial=1)


def serial(path: Path) -> int:
    return decode(path.read_bytes(), str(path)).serial


def run(path: Path, serial_: int) -> None:
    """What a run does: open the store, lock, read, write."""
    store = FileStore(path)
    with store.lock(OWNER):
        store.write(replace(FIRST, serial=serial_), store.read().version)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refusing(number: int) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse
