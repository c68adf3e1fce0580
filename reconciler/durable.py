"""Bytes that survive a power cut: files replaced whole, never written into.

`state.file` keeps the state with these moves and `status` the sidecars. A reader sees the old file
or the new one. Nothing in here knows what the bytes mean, or waits for a lock.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Put these bytes at `path`, durably: when it returns they are there, else the old ones are.

    A file that is there keeps its mode, a symlink its target. The folder exists, and nobody else
    replaces the same file meanwhile. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    sweep(target)
    temporary = beside(target)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            sync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        forget(temporary)


def sweep(target: Path) -> None:
    """Remove what writers of this file left when they were killed. No live one may be at it."""
    prefix = f".{target.name}.tmp-"
    for path in target.parent.iterdir():
        if path.name.startswith(prefix):
            forget(path)


def beside(target: Path) -> Path:
    """A new name in the same folder, hence on the same disk."""
    return target.with_name(f".{target.name}.tmp-{os.getpid()}-{os.urandom(4).hex()}")


def forget(path: Path) -> None:
    """Remove a file that may be gone already."""
    with suppress(OSError):
        path.unlink()


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, so that they survive a power cut as the file does."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk hold the folder's names."""
    if sys.platform == "win32":  # which has no such thing, and needs none
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Have the disk hold what was written. On macOS fsync stops at the disk's own cache."""
    if sys.platform == "darwin":
        import fcntl  # Windows has none

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
