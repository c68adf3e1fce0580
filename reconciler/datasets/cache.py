"""Facts that are known already: kept by the content of the file they are about.

`facts` asks with the hash of a file, never with its name or its time, and hands in what it found
out. An entry is worth no more than the time it saves: one that is damaged is ignored and written
anew, and nothing fails because the folder cannot be written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

MOST_ENTRIES = 64
"""Entries kept; of more, the oldest are removed. One has up to a megabyte."""

T = TypeVar("T")


def expects(folder: Path, size: int) -> bool:
    """Whether the folder may hold facts of a file of so many bytes: worth hashing it first."""
    return any(_entries(folder, f"*-{size}-{_version()}"))


def load(folder: Path, sha256: str, size: int, type_: type[T]) -> T | None:
    """What was saved of the content with this hash, under the same rules; None if nothing was."""
    try:
        data = _place(folder, sha256, size).read_bytes()
        if hashlib.sha256(data[_CHECK:]).digest() != data[:_CHECK]:
            return None
        return msgspec.msgpack.decode(data[_CHECK:], type=type_)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def save(folder: Path, sha256: str, size: int, value: object) -> None:
    """Keep this for the next time."""
    data = msgspec.msgpack.encode(value)
    target = _place(folder, sha256, size)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}-{os.urandom(4).hex()}")
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(hashlib.sha256(data).digest() + data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _tidy(folder, target, sha256)


def _tidy(folder: Path, target: Path, sha256: str) -> None:
    """Remove what other rules said of the same content, and the oldest of too many entries."""
    for entry in list(_entries(folder, f"{sha256}-*")):
        if entry != target:
            entry.unlink(missing_ok=True)
    entries = sorted(_entries(folder, "*"), key=lambda entry: entry.stat().st_mtime)
    for entry in entries[:-MOST_ENTRIES]:
        entry.unlink(missing_ok=True)


def _entries(folder: Path, stem: str) -> Iterator[Path]:
    return folder.glob(f"{stem}.facts")


def _place(folder: Path, sha256: str, size: int) -> Path:
    return folder / f"{sha256}-{size}-{_version()}.facts"


@cache
def _version() -> str:
    """The version of the rules: the hash of the code that they are, so that none is forgotten."""
    digest = hashlib.sha256(msgspec.__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


_CHECK = 32
"""Bytes of the hash at the head of an entry."""
