"""A local file on its way to Fireworks: counted first, then sent exactly as it was measured.

`datasets` reads training data through here and nowhere else. It must never hold a file in memory,
or let a request end well whose bytes are not the measured ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from reconciler.errors import CreateRejected, Remedy
from reconciler.providers.base import LocalFile

_CHUNK = 1024 * 1024
_SNIFFED = 16 * _CHUNK  # a first example beyond this is left for Fireworks to recognise


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What Fireworks wants to know of a file beforehand. `format` None: it finds out by itself."""

    examples: int
    format: str | None


def count(file: LocalFile) -> Counted:
    """The examples of a file: its lines that are not blank. Raises CreateRejected if it changed."""
    digest, size, examples, first = hashlib.sha256(), 0, 0, b""
    with _open(file) as stream:
        for line in stream:
            digest.update(line)
            size += len(line)
            if line.strip():
                examples += 1
                first = first or line[:_SNIFFED]
    if size != file.size or digest.hexdigest() != file.sha256:
        raise _changed(file)
    return Counted(examples=examples, format=_format(first))


def stream(file: LocalFile, head: bytes = b"", tail: bytes = b"") -> Generator[bytes, None, None]:
    """The bytes of a file between `head` and `tail`, hashed on their way out.

    The last of them leaves only when the hash is right. Raises CreateRejected where it is not: the
    request is then incomplete, and what received it keeps nothing.
    """
    digest, left, held = hashlib.sha256(), file.size, head
    with _open(file) as source:
        while left and (chunk := source.read(min(_CHUNK, left))):
            if held:
                yield held
            left -= len(chunk)
            digest.update(chunk)
            held = chunk
        grown = source.read(1)
    if left or grown or digest.hexdigest() != file.sha256:
        raise _changed(file)
    yield held + tail


def _open(file: LocalFile) -> BinaryIO:
    try:
        return file.path.open("rb")
    except OSError as error:
        raise CreateRejected(
            f"{file.path.name} cannot be read: {error.strerror}",
            remedy=Remedy.FIX_SPEC,
            hint="check the path and its permissions",
        ) from error


def _changed(file: LocalFile) -> CreateRejected:
    return CreateRejected(
        f"{file.path.name} changed while it was being uploaded",
        remedy=Remedy.FIX_SPEC,
        hint="run again: the plan is made anew for what the file holds now",
    )


def _format(first: bytes) -> str | None:
    """The format by Fireworks' name, told by the first example; None where it has none."""
    try:
        example = json.loads(first)
    except (ValueError, RecursionError):
        return None
    if not isinstance(example, Mapping):
        return None
    if "messages" in example:
        return "CHAT"
    return "COMPLETION" if {"prompt", "completion"} <= example.keys() else None
