"""State in one file: replaced whole, never written into, and safe from whoever else writes.

`state.open_store` makes one. Beside `state.json` lie, for as long as they have a use:

    state.json.1 .. .3       the state as the last runs found it, newest first
    state.json.lock          held for a whole run, by `lock`
    state.json.lock-owner    who holds it, in JSON
    state.json.write-lock    held for one `write`, so that of two writers one wins
    .state.json.tmp-*        a state not yet in place; whoever dies leaves it to the next writer

Locks are the system's own (flock, or its like) on files that are never replaced: they go when
their process does, and a lock file that merely exists means nothing. A write costs two fsyncs, one
for the new file and one for its folder; the first write into a new folder costs one more.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from reconciler.durable import beside, forget, make_folder, replace_file
from reconciler.errors import StateConflict, StateError, StateFormat, StateLocked
from reconciler.model import State
from reconciler.state import codec, damage
from reconciler.state.base import LockOwner, Snapshot
from reconciler.state.lock import decode_owner, encode_owner, refusal

WRITE_PATIENCE = 30.0
"""Seconds to wait for another write to end. One takes milliseconds: longer is a stuck disk."""


class FileStore:
    """A StateStore in a file. `path` may be a symlink: what it leads to is the state.

    `backups` is how many earlier states to keep. One is put by when a run (a lock taken, or a
    store opened) first replaces a state: so they stand runs apart, and not milliseconds.
    """

    def __init__(self, path: Path, *, backups: int = 3) -> None:
        self._path = path
        self._backups = backups
        self._encoder = codec.Encoder()
        self._put_by = False

    @property
    def location(self) -> str:
        """The path as it was given."""
        return str(self._path)

    def read(self) -> Snapshot:
        """See StateStore. A missing file is a new state, even where backups of an old one lie."""
        try:
            data = _content(self._target())
        except OSError as error:
            raise self._failure("read", error) from error
        if data is None:
            return Snapshot(state=State(lineage=_new_lineage()), version="")
        try:
            state = codec.decode(data, self.location)
        except StateFormat as error:
            raise StateFormat(error.message, hint=self._way_out(error)) from None
        return Snapshot(state=state, version=_version(data))

    def write(self, state: State, expected: str) -> str:
        """See StateStore. A write that is going on elsewhere is waited for."""
        data = self._encoder.encode(state)
        try:
            target = self._target()
            make_folder(target.parent)
            with _held(f"{target}.write-lock", WRITE_PATIENCE, self._stuck):
                current = _content(target)
                if _version(current) != expected:
                    raise self._conflict(current)
                self._replace(target, data)
        except OSError as error:
            raise self._failure("written", error) from error
        return _version(data)

    @contextmanager
    def lock(self, owner: LockOwner) -> Iterator[None]:
        """See StateStore. A second lock is refused in this process and thread as in any other."""
        target = self._target()
        signature = Path(f"{target}.lock-owner")
        with ExitStack() as held:
            try:
                make_folder(target.parent)
                held.enter_context(_held(f"{target}.lock", 0, lambda: self._locked(signature)))
                held.callback(forget, signature)
                signature.write_bytes(encode_owner(owner))
            except OSError as error:
                raise self._failure("locked", error) from error
            self._put_by = False
            yield

    def _target(self) -> Path:
        """The file itself, behind any symlinks: a replaced link would leave its target behind."""
        return Path(os.path.realpath(self._path))

    def _replace(self, target: Path, data: bytes) -> None:
        """Put by the state a run found before its first write, then replace the file whole.

        A write that fails leaves the file and its backup the same: the next run puts nothing by.
        """
        if not self._put_by and target.exists():
            self._back_up(target)
            self._put_by = True
        replace_file(target, data)

    def _back_up(self, target: Path) -> None:
        """Give the state a second name, `.1`, and move the older ones along."""
        newest = Path(f"{target}.1")
        if self._backups < 1:
            return
        if newest.exists() and newest.samefile(target):
            return  # the last writer came this far and died
        temporary = beside(target)
        try:
            _link(target, temporary)
            for number in range(self._backups - 1, 0, -1):
                with suppress(FileNotFoundError):
                    Path(f"{target}.{number}").replace(f"{target}.{number + 1}")
            temporary.replace(newest)
        finally:
            forget(temporary)

    def _way_out(self, error: StateFormat) -> str:
        """What to do about a state that cannot be read, given what lies beside it."""
        if error.hint == damage.UPGRADE:
            return error.hint  # nothing is lost, and going back would lose something
        for number in range(1, self._backups + 1):
            backup = f"{self._target()}.{number}"
            with suppress(OSError, StateFormat):
                serial = codec.decode(Path(backup).read_bytes(), backup).serial
                command = shlex.join(["cp", backup, str(self._target())])
                return _sentence(error.hint, f"`{command}` goes back to serial {serial}")
        way_out = (
            "take it back from git, or move it away: the next apply finds jobs by their tokens"
        )
        return _sentence(error.hint, way_out)

    def _conflict(self, current: bytes | None) -> StateConflict:
        what = "was removed"
        if current is not None:
            what = "was changed by another run"
            with suppress(StateFormat):
                what += f" (now at serial {codec.decode(current, self.location).serial})"
        return StateConflict(
            f"{self.location} {what} since it was read",
            hint="run the command again: it begins with the state as it is now",
        )

    def _locked(self, signature: Path) -> StateLocked:
        owner = None
        with suppress(OSError):
            owner = decode_owner(signature.read_bytes())
        return refusal(
            self.location,
            owner,
            hint="wait until that run has ended, or end it: the lock goes with its process",
        )

    def _stuck(self) -> StateError:
        return StateError(
            f"{self.location} could not be written: "
            f"another process has been writing it for {WRITE_PATIENCE:g} seconds",
            hint="see what holds the file, and whether its disk is well",
        )

    def _failure(self, what: str, error: OSError) -> StateError:
        hint = _ADVICE.get(error.errno or 0, "see whether the disk is well")
        if what == "written":
            hint += "; the state that was last saved is whole"
        reason = error.strerror or str(error)
        return StateError(f"{self.location} could not be {what}: {reason}", hint=hint)


_ADVICE = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room within the quota",
    errno.EACCES: "let this user read the file and write to its folder",
    errno.EPERM: "let this user read the file and write to its folder",
    errno.EROFS: "mount the disk for writing",
    errno.EISDIR: "name a file as state.path in reconciler.yaml",
    errno.ENOTDIR: "name a file in a folder as state.path in reconciler.yaml",
}


@contextmanager
def _held(path: str, patience: float, refused: Callable[[], StateError]) -> Iterator[None]:
    """Hold the system's lock on this file. `refused` makes the error of a wait that was in vain."""
    from filelock import FileLock, Timeout  # 50 ms that a mere reader need not pay

    lock = FileLock(path, thread_local=False)
    try:
        try:
            lock.acquire(timeout=patience, poll_interval=0.01)
        except Timeout:
            raise refused() from None
        yield
    finally:
        lock.release()


def _content(target: Path) -> bytes | None:
    """The bytes of the file, None if there is none. OSError for anything that is not a file."""
    try:
        mode = target.stat().st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "it is a folder")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file")  # a pipe would be read for ever
        return target.read_bytes()
    except FileNotFoundError:
        return None


def _new_lineage() -> str:
    from uuid import uuid4  # only where a state begins

    return str(uuid4())


def _version(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _link(source: Path, destination: Path) -> None:
    try:
        destination.hardlink_to(source)
    except OSError:  # a disk without hard links, or a file of someone else's
        import shutil

        shutil.copy2(source, destination)


def _sentence(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
