"""Files that are not lines of JSON, known by how they begin.

`facts` asks about the first line before it decodes any: one sentence about the whole file helps
more than a complaint about its first byte. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LFS_POINTER_BEGINNING = b"version https://git-lfs.github.com/spec/v1"
LFS_POINTER_SIZE = 1024
"""Bytes that a pointer never exceeds (Git LFS specification, version 1)."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What the file is instead, to be read after its name, and what to do about it."""

    message: str
    hint: str


def foreign(first_line: bytes) -> Foreign | None:
    """What this file is, if its first line shows that it is not lines of JSON."""
    for magic, what, hint in _MAGIC:
        if first_line.startswith(magic):
            return Foreign(message=f"is {what}, not lines of JSON", hint=hint)
    if b"\0" in first_line[:4]:
        return Foreign(message="is UTF-16 or UTF-32, not UTF-8", hint="save it as UTF-8")
    content = first_line.removeprefix(BYTE_ORDER_MARK).strip()
    if content.startswith(b"["):
        return Foreign(
            message="is one JSON list, not one object a line",
            hint="jq -c '.[]' writes a list as lines",
        )
    if b"}\r{" in content:
        return Foreign(
            message="ends its lines with bare carriage returns",
            hint="tr '\\r' '\\n' makes them line feeds",
        )
    if content == b"{":
        return Foreign(
            message="spreads an object over several lines", hint="jq -c . writes one object a line"
        )
    return None


def lfs_pointer(text: bytes) -> tuple[str, int] | None:
    """sha256 and size of the data that a Git LFS pointer stands for; None if it is damaged."""
    match = _LFS_FIELDS.fullmatch(text)
    return (match["sha256"].decode(), int(match["size"])) if match else None


_MAGIC = (
    (b"\x1f\x8b", "compressed with gzip", "gunzip it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unzstd it"),
    (b"BZh", "compressed with bzip2", "bunzip2 it"),
    (b"\xfd7zXZ", "compressed with xz", "unxz it"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "export it as JSON Lines"),
    (b"PAR1", "Parquet", "export it as JSON Lines"),
    (b"\xff\xfe", "UTF-16 or UTF-32", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16", "save it as UTF-8"),
)
_LFS_FIELDS = re.compile(
    re.escape(LFS_POINTER_BEGINNING)
    + rb"\n(?:.*\n)*?oid sha256:(?P<sha256>[0-9a-f]{64})\nsize (?P<size>[0-9]{1,18})\n"
)
