"""The handlers of objects: put, get, head, delete.

`routes` calls them with the bucket and key of the path.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping
from typing import BinaryIO

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.sandbox.s3.bodies import receive
from reconciler.sandbox.s3.object_store import Conditions, Content, ObjectStore, check_key
from reconciler.sandbox.s3.wire import http_date, refused
from reconciler.sandbox.store import Record

_BLOCK = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)


class ObjectHandlers:
    """One method per operation."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def put(self, request: Request, bucket: str, key: str) -> Response:
        """Make an object of the body, if its conditions hold once it has arrived."""
        check_key(bucket, key)
        conditions = conditions_of(request.headers)
        received = await receive(request, self._objects.scratch())
        content = Content(
            path=received.path,
            size=received.size,
            etag=f'"{received.md5}"',
            headers=described(request.headers),
            checksums=received.checksums,
        )
        try:
            record = self._objects.put(bucket, key, content, conditions)
        finally:
            received.path.unlink(missing_ok=True)
        return Response(headers={"etag": record["etag"]} | _checksum_headers(record))

    async def get(self, request: Request, bucket: str, key: str) -> Response:
        """The object's bytes, or a range of them."""
        opened = self._objects.open(bucket, key)
        if opened is None:
            raise refused("NoSuchKey", Key=key)
        record, file = opened
        stream = _Stream(file)
        unchanged = _check_reading(request.headers, record)
        headers = _headers(record)
        if unchanged:
            return Response(status_code=304, headers={"etag": headers["etag"]})
        wanted = _range(request.headers, record["size"])
        if wanted is None:
            headers |= _asked_checksums(request.headers, record)
            return stream.reply(200, headers, 0, record["size"])
        start, end = wanted
        headers["content-range"] = f"bytes {start}-{end - 1}/{record['size']}"
        return stream.reply(206, headers, start, end)

    async def head(self, request: Request, bucket: str, key: str) -> Response:
        """All that is to be said of an object but its bytes."""
        record = self._objects.get(bucket, key)
        if record is None:
            raise refused("NoSuchKey", Key=key)
        headers = _headers(record)
        if _check_reading(request.headers, record):
            return Response(status_code=304, headers={"etag": headers["etag"]})
        wanted = _range(request.headers, record["size"])
        start, end = wanted or (0, record["size"])
        headers["content-length"] = str(end - start)
        if wanted:
            headers["content-range"] = f"bytes {start}-{end - 1}/{record['size']}"
            return Response(status_code=206, headers=headers)
        return Response(headers=headers | _asked_checksums(request.headers, record))

    async def delete(self, request: Request, bucket: str, key: str) -> Response:
        """Forget an object, if its condition holds."""
        conditions = conditions_of(request.headers)
        self._objects.delete(bucket, key, conditions)
        return Response(status_code=204)


class _Stream:
    """An open file on its way out, closed also where the reply is never sent."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.close = weakref.finalize(self, file.close)

    def reply(self, status: int, headers: Mapping[str, str], start: int, end: int) -> Response:
        """A reply with these bytes of the file."""
        return _StreamResponse(self, status, headers, start, end)


class _StreamResponse(Response):
    def __init__(
        self, stream: _Stream, status: int, headers: Mapping[str, str], start: int, end: int
    ) -> None:
        super().__init__(
            status_code=status, headers={**headers, "content-length": str(end - start)}
        )
        self._stream = stream
        self._start = start
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as its base
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        left = self._end - self._start
        try:
            self._stream.file.seek(self._start)
            while block := self._stream.file.read(min(_BLOCK, left)):
                left -= len(block)
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._stream.close()


def conditions_of(headers: Headers) -> Conditions:
    """The conditions of a write. `If-None-Match` knows nothing but `*`, as with S3."""
    none_match = headers.get("if-none-match")
    if none_match not in (None, "*"):
        raise refused("NotImplemented", Header="If-None-Match")
    match = headers.get("if-match")
    return Conditions(
        if_match=None if match is None else _quoted(match), if_none_match=none_match is not None
    )


def described(headers: Headers) -> dict[str, str]:
    """The headers of a write that every later read shows again."""
    kept = {
        name: value
        for name, value in headers.items()
        if name in _KEPT_HEADERS or name.startswith("x-amz-meta-")
    }
    codings = [part.strip() for part in kept.pop("content-encoding", "").split(",")]
    if remaining := ", ".join(coding for coding in codings if coding not in ("", "aws-chunked")):
        kept["content-encoding"] = remaining
    return {"content-type": "binary/octet-stream"} | kept


def _headers(record: Record) -> dict[str, str]:
    return {
        **record["headers"],
        "etag": record["etag"],
        "last-modified": http_date(record["modified"]),
        "accept-ranges": "bytes",
    }


def _asked_checksums(headers: Headers, record: Record) -> dict[str, str]:
    asked = headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    return _checksum_headers(record) if asked else {}


def _checksum_headers(record: Record) -> dict[str, str]:
    sums = {f"x-amz-checksum-{name}": value for name, value in record["checksums"].items()}
    return sums | ({"x-amz-checksum-type": record["checksum_type"]} if sums else {})


def _check_reading(headers: Headers, record: Record) -> bool:
    """Whether the reader has the object already. Raises Refusal where it wanted another one."""
    match = headers.get("if-match")
    if match is not None and _quoted(match) not in ("*", record["etag"]):
        raise refused("PreconditionFailed", Condition="If-Match")
    none_match = headers.get("if-none-match")
    return none_match is not None and _quoted(none_match) in ("*", record["etag"])


def _range(headers: Headers, size: int) -> tuple[int, int] | None:
    """Where the range begins and before which byte it ends; None for all, also if unreadable."""
    text = headers.get("range")
    match = _RANGE.fullmatch(text) if text else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), min(size, int(last) + 1) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if start >= end:
        raise refused("InvalidRange", ActualObjectSize=str(size), RangeRequested=str(text))
    return start, end


def _quoted(etag: str) -> str:
    return etag if etag == "*" or etag.startswith('"') else f'"{etag}"'
