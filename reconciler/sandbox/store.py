"""What the sandbox keeps: one small JSON file per object, shared by every process on the folder.

The providers' handlers read and write through it. A file is replaced whole, so a reader sees the
old object or the new one; whoever changes an object that exists holds the lock meanwhile. Nothing
is fsynced: the data survives the process, and a power cut may cost a demonstration.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

Record = Mapping[str, Any]
"""One object, as stored. Handed out to be read only; `update` is the way to change it."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 9  # microseconds in base 62: enough until the year 2398
_LOCK_POLL_SECONDS = 0.005  # a lock is held for one small file: asking again soon pays
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def new_id(prefix: str, length: int) -> str:
    """A name never used before, with `length` characters after the prefix.

    Names sort in the order they were made, also where a test's clock stands still: their first
    characters are the time of day.
    """
    moment = digits(time.time_ns() // 1_000, _TIME_DIGITS)
    return prefix + moment + "".join(secrets.choice(_ALPHABET) for _ in range(length - len(moment)))


def digits(number: int, length: int) -> str:
    """The last `length` digits of a number in base 62: how OpenAI's ids look."""
    out = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))


class Collection:
    """All objects of one kind: `FOLDER/ID.json`, and beside them whatever bytes they name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock_path = folder / ".lock"
        self._read: dict[str, tuple[tuple[int, int, int], Record]] = {}

    def get(self, name: str) -> Record | None:
        """The object, or None if there is none by that name."""
        if not _NAME.fullmatch(name):
            return None
        try:
            stat = (self.folder / f"{name}.json").stat()
        except FileNotFoundError:
            self._read.pop(name, None)
            return None
        stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        cached = self._read.get(name)
        if cached and cached[0] == stamp:
            return cached[1]
        record = self.load(name)
        if record is not None:
            self._read[name] = (stamp, record)
        return record

    def load(self, name: str) -> Record | None:
        """The object as it is on the disk right now, for a decision that must not rest on a copy.

        A file replaced twice in one tick of the clock may look to `get` like the one it remembers.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            record: Record = json.loads((self.folder / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        return record

    def names(self) -> list[str]:
        """Every object's name, sorted."""
        return sorted(
            entry.name[: -len(".json")]
            for entry in os.scandir(self.folder)
            if entry.name.endswith(".json")
        )

    def all(self) -> list[Record]:
        """Every object, by name."""
        found = (self.get(name) for name in self.names())
        return [record for record in found if record is not None]

    def put(self, name: str, record: Record) -> None:
        """Write an object, new or in place of another, in one step."""
        replace(self.folder / f"{name}.json", json.dumps(record).encode())

    def update(self, name: str, change: Callable[[Record], Record]) -> Record | None:
        """Change an object while no other process does; None if there is none by that name.

        What `change` raises leaves the object as it was.
        """
        return self.revise(name, lambda record: None if record is None else change(record))

    def revise(
        self, name: str, revision: Callable[[Record | None], Record | None]
    ) -> Record | None:
        """Make of an object, or of its absence, what `revision` says, while no other process does.

        `revision` is handed None if there is no object by that name, and returns None for one that
        shall not be. What it raises leaves everything as it was.
        """
        with FileLock(self._lock_path).acquire(poll_interval=_LOCK_POLL_SECONDS):
            record = self.load(name)
            revised = revision(record)
            if revised is None:
                self.remove(name)
            elif revised is not record:
                self.put(name, revised)
            return revised

    def remove(self, name: str) -> None:
        """Forget an object. It is no error if it is gone already."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)
        self._read.pop(name, None)


def replace(path: Path, content: bytes) -> None:
    """Give a file new content in one step: nobody ever reads half of it."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    scratch.write_bytes(content)
    scratch.replace(path)
