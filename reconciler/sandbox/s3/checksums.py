"""The checksums that S3 knows, computed as the bytes go by.

`bodies` and `multipart` use them. CRC-32C and CRC-64/NVME are not in the standard library: a table
of 256 entries does it, slowly but well enough for a sandbox.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol


class Checksum(Protocol):
    """A sum over bytes that are handed in piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def digest(self) -> bytes:
        """The sum so far."""


class Crc32:
    """CRC-32, as in zip files."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The sum so far."""
        return self._value.to_bytes(4)


class TableCrc:
    """A reflected CRC of any width whose register begins and ends inverted."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._table = _table(polynomial)
        self._width = width
        self._mask = (1 << width) - 1
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        table, value = self._table, self._value
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        """The sum so far."""
        return (self._value ^ self._mask).to_bytes(self._width // 8)


ALGORITHMS: dict[str, Callable[[], Checksum]] = {
    "crc32": Crc32,
    "crc32c": functools.partial(TableCrc, 0x82F63B78, 32),
    "crc64nvme": functools.partial(TableCrc, 0x9A6C9329AC4BC9B5, 64),
    "sha1": functools.partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
}
"""How each algorithm is begun, by the end of its header's name (`x-amz-checksum-…`)."""

UNSUPPORTED = ("sha512", "md5", "xxhash64", "xxhash3", "xxhash128")
"""Algorithms of S3 that the sandbox cannot check, and so refuses."""

FULL_OBJECT_ONLY = ("crc64nvme",)
"""Algorithms whose sum of an upload in parts is always that of the whole object."""

NEVER_FULL_OBJECT = ("sha1", "sha256")
"""Algorithms whose sum of an upload in parts is always one of the parts' sums."""


def encoded(checksum: Checksum) -> str:
    """The sum as headers carry it."""
    return base64.b64encode(checksum.digest()).decode()


def composite(algorithm: str, parts: list[str]) -> str:
    """The sum of an upload in parts: that of its parts' sums, and how many there were."""
    whole = ALGORITHMS[algorithm]()
    for part in parts:
        whole.update(base64.b64decode(part))
    return f"{encoded(whole)}-{len(parts)}"


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)
