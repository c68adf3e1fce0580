"""A local file in parts: measured whole once, then handed out part by part, each as measured.

`openai.large_files` and `bedrock.files` send through here. A file is read twice: first to see that
it is still the one that was planned for and to have the hash of every part, then as it leaves. So
parts can leave side by side, in any order and in different runs, and none of them can be completed
by bytes that are not the measured ones. It must never hold a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

from reconciler.errors import CreateRejected, Remedy
from reconciler.providers.base import LocalFile

WORKERS = 4
"""Parts of one file that leave at the same time."""

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stretch of a file. Numbers count from 1, `sha256` is that of its bytes alone."""

    number: int
    offset: int
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A file that was read whole and is the one that was planned for. `md5` is in hexadecimal."""

    md5: str
    parts: tuple[Part, ...]


def measured(file: LocalFile, size: int) -> Measured:
    """The parts of a file, each of `size` bytes but the last, which has the rest.

    Raises CreateRejected where the file cannot be read or is not the one that was measured.
    """
    whole, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts: list[Part] = []
    with opened(file) as stream:
        for number, offset in enumerate(range(0, file.size, size), start=1):
            digest, left = hashlib.sha256(), min(size, file.size - offset)
            for block in _blocks(stream, left, file):
                for each in (whole, md5, digest):
                    each.update(block)
            parts.append(
                Part(
                    number=number,
                    offset=offset,
                    size=min(size, file.size - offset),
                    sha256=digest.digest(),
                )
            )
        grown = stream.read(1)
    if grown or whole.hexdigest() != file.sha256:
        raise changed(file)
    return Measured(md5=md5.hexdigest(), parts=tuple(parts))


def stream(file: LocalFile, part: Part) -> Generator[bytes, None, None]:
    """The bytes of a part, block by block. The last leaves only when the hash of all is right.

    Raises CreateRejected where it is not: what was sent is then no complete part.
    """
    digest, held = hashlib.sha256(), b""
    with opened(file) as source:
        source.seek(part.offset)
        for block in _blocks(source, part.size, file):
            digest.update(block)
            if held:
                yield held
            held = block
    if digest.digest() != part.sha256:
        raise changed(file)
    yield held


def content(file: LocalFile, part: Part) -> bytes:
    """The bytes of a part that is small enough to be held. Raises CreateRejected as `stream`."""
    with opened(file) as source:
        source.seek(part.offset)
        try:
            held = source.read(part.size)
        except OSError as error:
            raise _unreadable(file, error) from error
    if hashlib.sha256(held).digest() != part.sha256:
        raise changed(file)
    return held


def in_parallel(
    send: Callable[[Part], None], parts: Sequence[Part], workers: int = WORKERS
) -> None:
    """Send every part, a few at a time. The first that fails keeps those not begun from leaving.

    Those under way are waited for: what they achieve is written down. Raises what `send` raises.
    """
    if not parts:
        return
    pool = ThreadPoolExecutor(min(workers, len(parts)), thread_name_prefix="upload")
    try:
        for sent in as_completed([pool.submit(send, part) for part in parts]):
            sent.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Tally:
    """How many bytes of a file have left, told as it changes. A part sent again counts once."""

    def __init__(self, file: LocalFile, done: Iterable[Part] = ()) -> None:
        self._file = file
        self._guard = Lock()
        self._left = {part.number: part.size for part in done}
        self._file.tell(sum(self._left.values()))

    def begin(self, part: Part) -> None:
        """Count this part from nothing."""
        self._count(part, 0)

    def add(self, part: Part, size: int) -> None:
        """So many more of its bytes have left."""
        self._count(part, self._left.get(part.number, 0) + size)

    def _count(self, part: Part, left: int) -> None:
        with self._guard:
            self._left[part.number] = left
            self._file.tell(sum(self._left.values()))


def opened(file: LocalFile) -> BinaryIO:
    """The file for reading. Raises CreateRejected where it cannot be."""
    try:
        return file.path.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from error


def changed(file: LocalFile) -> CreateRejected:
    """What is said of a file that is not the one that was planned for any more."""
    return CreateRejected(
        f"{file.path.name} changed while it was being uploaded",
        remedy=Remedy.FIX_SPEC,
        hint="run again: the plan is made anew for what the file holds now",
    )


def _blocks(stream: BinaryIO, size: int, file: LocalFile) -> Generator[bytes, None, None]:
    """The next `size` bytes, block by block."""
    while size:
        try:
            block = stream.read(min(_BLOCK, size))
        except OSError as error:
            raise _unreadable(file, error) from error
        if not block:
            raise changed(file)
        size -= len(block)
        yield block


def _unreadable(file: LocalFile, error: OSError) -> CreateRejected:
    return CreateRejected(
        f"{file.path.name} cannot be read: {error.strerror}",
        remedy=Remedy.FIX_SPEC,
        hint="check the path and its permissions",
    )
