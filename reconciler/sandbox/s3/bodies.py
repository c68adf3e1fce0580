"""A request's body on its way to the disk: decoded, counted, and checked against what was promised.

The handlers of objects and parts call `receive`. A body never stays in memory, and bytes that fail
a check leave nothing behind.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from reconciler.sandbox.s3.checksums import ALGORITHMS, UNSUPPORTED, encoded
from reconciler.sandbox.s3.chunks import BadChunks, ChunkDecoder
from reconciler.sandbox.s3.wire import refused

_HEADER = "x-amz-checksum-"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes that arrived as promised. `checksums` are those the client sent, by algorithm."""

    path: Path
    size: int
    md5: str
    checksums: dict[str, str]


async def receive(request: Request, scratch: Path) -> Received:
    """Write a request's body to `scratch`. Raises Refusal where a promise about it is broken."""
    try:
        return await _receive(request, scratch)
    except BaseException:
        _discard(scratch)
        raise


async def _receive(request: Request, scratch: Path) -> Received:
    promised = _promised_checksums(request)
    md5 = hashlib.md5(usedforsecurity=False)
    sha256 = hashlib.sha256()
    sums = {algorithm: ALGORITHMS[algorithm]() for algorithm in promised}
    decoder = ChunkDecoder() if _is_chunked(request) else None
    size = 0
    with scratch.open("wb") as out:
        async for block in _blocks(request, decoder):
            size += len(block)
            for checksum in (md5, sha256, *sums.values()):
                checksum.update(block)
            out.write(block)
    if decoder:
        promised |= {
            name.removeprefix(_HEADER): text
            for name, text in decoder.trailers.items()
            if name.startswith(_HEADER)
        }
        _check_decoded(request, decoder, size)
    else:
        _check_sha256(request, sha256.hexdigest())
    _check_md5(request, md5.digest())
    computed = {algorithm: encoded(checksum) for algorithm, checksum in sums.items()}
    _check_sums(promised, computed)
    return Received(path=scratch, size=size, md5=md5.hexdigest(), checksums=computed)


async def _blocks(request: Request, decoder: ChunkDecoder | None) -> AsyncIterator[bytes]:
    async for data in request.stream():
        if decoder is None:
            yield data
            continue
        try:
            for block in decoder.feed(data):
                yield block
        except BadChunks as bad:
            raise refused("InvalidRequest", f"The chunked body cannot be read: {bad}.") from None


def _discard(scratch: Path) -> None:
    scratch.unlink(missing_ok=True)


def _is_chunked(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "")
    signed = request.headers.get("x-amz-content-sha256", "")
    return "aws-chunked" in encoding or signed.startswith("STREAMING-")


def _promised_checksums(request: Request) -> dict[str, str | None]:
    """The sums the client sends with its body, by algorithm; None for those that come behind it."""
    promised: dict[str, str | None] = {
        name.removeprefix(_HEADER): value
        for name, value in request.headers.items()
        if name.startswith(_HEADER) and name not in (_HEADER + "type", _HEADER + "algorithm")
    }
    for name in request.headers.get("x-amz-trailer", "").split(","):
        if name.strip().lower().startswith(_HEADER):
            promised[name.strip().lower().removeprefix(_HEADER)] = None
    for algorithm in promised:
        if algorithm in UNSUPPORTED:
            raise refused("NotImplemented", f"The sandbox cannot check {algorithm} checksums.")
        if algorithm not in ALGORITHMS:
            raise refused("InvalidRequest", f"There is no checksum algorithm {algorithm}.")
    if len(promised) > 1:
        raise refused(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksums given."
        )
    if request.headers.get("x-amz-sdk-checksum-algorithm") and not promised:
        raise refused(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found.",
        )
    return promised


def _check_decoded(request: Request, decoder: ChunkDecoder, size: int) -> None:
    announced = request.headers.get("x-amz-decoded-content-length", "")
    if not decoder.done or not announced.isdigit() or int(announced) != size:
        raise refused("IncompleteBody")


def _check_sha256(request: Request, computed: str) -> None:
    signed = request.headers.get("x-amz-content-sha256", _UNSIGNED)
    if signed not in (_UNSIGNED, computed):
        raise refused(
            "XAmzContentSHA256Mismatch",
            ClientComputedContentSHA256=signed,
            S3ComputedContentSHA256=computed,
        )


def _check_md5(request: Request, computed: bytes) -> None:
    text = request.headers.get("content-md5")
    if text is None:
        return
    try:
        promised = base64.b64decode(text, validate=True)
    except binascii.Error:
        promised = b""
    if len(promised) != len(computed):
        raise refused("InvalidDigest")
    if promised != computed:
        raise refused("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _check_sums(promised: dict[str, str | None], computed: dict[str, str]) -> None:
    for algorithm, text in promised.items():
        if algorithm not in computed or computed[algorithm] != text:
            raise refused(
                "BadDigest",
                f"The {algorithm.upper()} you specified did not match the calculated checksum.",
            )
