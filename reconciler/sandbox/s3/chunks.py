r"""The `aws-chunked` encoding: a body in signed or unsigned chunks, its checksum at the end.

`bodies` decodes with it. Pure: bytes in, bytes out. Signatures of chunks are not verified.

    5;chunk-signature=0055…\r\n      the size in hexadecimal, and a signature where it is signed
    hello\r\n
    0\r\n
    x-amz-checksum-crc32:NhCmhg==\r\n
    \r\n
"""

from __future__ import annotations

from collections.abc import Iterator

_LONGEST_LINE = 4_096


class BadChunks(ValueError):
    """The body is not what its encoding says."""


class ChunkDecoder:
    """A decoder fed piece by piece. `trailers` are complete once `done` is true."""

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self.done = False
        self._buffer = bytearray()
        self._left = 0  # bytes of the current chunk that have not come yet
        self._closing = False  # between a chunk's last byte and the line break behind it
        self._last = False  # the chunk of no bytes has come: what follows are trailers

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what this piece of the body carries. Raises BadChunks."""
        self._buffer += data
        while self._buffer:
            if self.done:
                raise BadChunks("there are bytes behind the last chunk")
            if self._left:
                yield self._take(min(self._left, len(self._buffer)))
                continue
            line = self._line()
            if line is None:
                return
            self._read(line)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._left -= count
        self._closing = self._left == 0
        return taken

    def _line(self) -> bytes | None:
        """The next line, or None until it is whole."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise BadChunks("a chunk's header does not end")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read(self, line: bytes) -> None:
        if self._closing:
            if line:
                raise BadChunks("a chunk is longer than it says")
            self._closing = False
        elif not self._last:
            size, _, _ = line.partition(b";")
            try:
                self._left = int(size, 16)
            except ValueError:
                raise BadChunks("a chunk does not begin with its size") from None
            if self._left < 0:
                raise BadChunks("a chunk has less than no bytes")
            self._last = self._left == 0
        elif line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        else:
            self.done = True
