"""The second process: it surveys ranges of a file beside the one that asked, and counts its tokens.

`ranges` starts one for a large file. It is a fresh interpreter and no fork, so that threads, test
runners and however this program was started make no difference; it is handed ranges over its
standard input and gives back parts, until that is closed. A count goes into the cache of counts,
where whoever asks for it will find it, or, if that failed, will count and say why. It prints
nothing. When the process that asked dies, it ends by itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import msgspec

from reconciler.datasets.counting import Counting
from reconciler.datasets.part import Part

if TYPE_CHECKING:
    import subprocess

AHEAD = 2
"""Ranges that it is handed at a time, so that it never waits for the next."""

Numbered = tuple[int, tuple[int, int]]
"""A range and its number in the file."""


class SecondProcess:
    """A second process at work on `todo`; what it finds goes into `parts`.

    `bytes` is how many it has surveyed. Leaving the context ends the process, whatever it is doing.
    """

    def __init__(
        self,
        path: str,
        status: os.stat_result,
        max_line: int,
        todo: deque[Numbered],
        parts: dict[int, Part],
    ) -> None:
        self.bytes = 0
        self._order = json.dumps(
            [sys.path, str(Path(path).absolute()), _identity(status), max_line]
        )
        self._todo = todo
        self._parts = parts
        self._to_count: str | None = None
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._serve, name="survey of a data file", daemon=True)

    def __enter__(self) -> Self:
        import subprocess  # which the second process itself has no use for

        if sys.executable:
            with suppress(OSError):  # no process to be had: this one does it all
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own code
                    [sys.executable, "-S", "-c", _PROGRAM],  # it is handed our path
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, **_KEEPING_MEMORY},
                    start_new_session=True,  # Ctrl-C is for the one that asked
                )
        if self._process is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def next(self) -> Numbered | None:
        """The first range that nobody is at; None if there is none for now."""
        with self._lock:
            return self._todo.popleft() if self._todo else None

    def count(self, sha256: str, size: int, how: Counting) -> None:
        """Have the tokens of the file counted, if the process comes to it. Called once at most."""
        if how.cache is None or how.exact:
            return
        cache, tokenizer = str(how.cache.absolute()), how.tokenizer
        with self._lock:
            self._to_count = json.dumps({"tokens": [sha256, size, tokenizer, how.limit, cache]})

    def wait(self) -> None:
        """Wait until the process has delivered all it took, or has died and given it back."""
        if self._process is not None:
            self._thread.join()

    def _serve(self) -> None:
        """Hand out ranges and take in parts, in a thread that mostly waits."""
        assert self._process is not None  # noqa: S101 - the thread starts after it
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101
        assert stdout is not None  # noqa: S101
        handed: deque[Numbered | None] = deque()  # None for the count
        try:
            _write(stdin, self._order)
            while True:
                if order := self._count():
                    handed.append(None)
                    _write(stdin, order)
                while len(handed) < AHEAD and (mine := self.next()) is not None:
                    handed.append(mine)
                    _write(stdin, json.dumps(mine[1]))
                if not handed:
                    return
                reply = _reply(stdout)
                if (first := handed[0]) is not None:
                    number, (begin, end) = first
                    self._parts[number] = _PARTS.decode(reply)
                    self.bytes += end - begin
                handed.popleft()
        except (OSError, ValueError, msgspec.MsgspecError):
            pass  # it died, or something else answers in its place
        finally:
            with self._lock:
                self._todo.extendleft(one for one in reversed(handed) if one is not None)

    def _count(self) -> str | None:
        """What is to be counted, once."""
        with self._lock:
            order, self._to_count = self._to_count, None
        return order


def main(path: str, identity: list[int], max_line: int) -> None:
    """Survey the ranges that come in, until no more do. Called in the second process alone."""
    from reconciler.datasets import ranges

    with Path(path).open("rb", 0) as stream:
        status = os.fstat(stream.fileno())
        if _identity(status) != identity:
            return
        source = ranges.Source(
            stream=stream,
            path=path,
            status=status,
            begin=0,
            max_line=max_line,
            done=lambda _: None,
        )
        for line in sys.stdin.buffer:
            data = b""
            match json.loads(line):
                case [begin, end]:
                    data = _ENCODER.encode(ranges.surveyed(source, (begin, end)))
                case {"tokens": order}:
                    _count(Path(path), *order)
            sys.stdout.buffer.write(len(data).to_bytes(8, "little") + data)
            sys.stdout.buffer.flush()


def _count(
    path: Path, sha256: str, size: int, tokenizer: str, limit: int | None, cache: str
) -> None:
    """Count the tokens into the cache; what keeps it from that, whoever asks next will tell."""
    from reconciler.datasets import tokens
    from reconciler.errors import ReconcilerError

    how = Counting(tokenizer=tokenizer, limit=limit, cache=Path(cache))
    with suppress(OSError, ReconcilerError):
        tokens.measure(path, sha256=sha256, size=size, how=how)


def _identity(status: os.stat_result) -> list[int]:
    """What tells whether two processes have the same file before them, unchanged."""
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def _write(pipe: IO[bytes], line: str) -> None:
    pipe.write(line.encode() + b"\n")
    pipe.flush()


def _reply(pipe: IO[bytes]) -> bytes:
    """The next part as it comes. Raises OSError where there is none."""
    head = pipe.read(8)
    size = int.from_bytes(head, "little")
    if size > _LARGEST_PART:
        raise OSError("this is no part")
    data = pipe.read(size)
    if len(head) < 8 or len(data) < size:  # noqa: PLR2004 - the bytes of a length
        raise OSError("the second process ended")
    return data


_PROGRAM = """\
import json, sys
order = json.loads(sys.stdin.buffer.readline())
sys.path[:] = order[0]
from reconciler.datasets.second import main
main(*order[1:])
"""
_KEEPING_MEMORY = {
    "MALLOC_TOP_PAD_": str(16 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
}
"""glibc would give the memory of every range back to the system, to ask for it again for the next:
a quarter of the time, measured. Other systems take no notice."""

_LARGEST_PART = 1 << 28
_ENCODER = msgspec.msgpack.Encoder()
_PARTS = msgspec.msgpack.Decoder(Part)
