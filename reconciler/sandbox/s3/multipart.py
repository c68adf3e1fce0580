"""The handlers of uploads in parts.

`routes` calls them with the bucket and key of the path. An upload is a record that lists its parts;
their bytes lie beside it until they are put together. Its end is kept, so that whoever lost the
reply and asks again hears the same: S3 does that too. The log has upload, number, size and MD5 of
every part, so that tests can tell one sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.exchange import World, bounded
from reconciler.sandbox.journal import entry_of
from reconciler.sandbox.s3 import checksums
from reconciler.sandbox.s3.bodies import receive
from reconciler.sandbox.s3.object_store import Content, ObjectStore, check_key
from reconciler.sandbox.s3.objects import conditions_of, described
from reconciler.sandbox.s3.wire import document, iso_date, refused
from reconciler.sandbox.store import Collection, Record, new_id

SMALLEST_PART = 5 * 1024 * 1024
"""Bytes that every part but the last must have."""

_MOST_PARTS = 10_000
_LARGEST_LIST = 4 * 1024 * 1024
_BLOCK = 1024 * 1024
_Listed = list[tuple[int, str]]


class MultipartHandlers:
    """One method per operation."""

    def __init__(self, world: World, objects: ObjectStore) -> None:
        self._clock = world.clock
        self._objects = objects
        self._uploads = Collection(world.data_dir / "s3" / "uploads")

    async def start(self, request: Request, bucket: str, key: str) -> Response:
        """Begin an upload that holds no part yet."""
        check_key(bucket, key)
        algorithm = _algorithm(request)
        upload = new_id("", 32)
        record = {
            "id": upload,
            "bucket": bucket,
            "key": key,
            "headers": described(request.headers),
            "algorithm": algorithm,
            "checksum_type": algorithm and _checksum_type(request, algorithm),
            "parts": {},
            "completed": None,
        }
        self._folder(record).mkdir()
        self._uploads.put(upload, record)
        response = document(
            "InitiateMultipartUploadResult",
            {"Bucket": bucket, "Key": key, "UploadId": upload},
        )
        if algorithm:
            response.headers["x-amz-checksum-algorithm"] = algorithm.upper()
            response.headers["x-amz-checksum-type"] = _checksum_type(request, algorithm)
        return response

    async def part(self, request: Request, bucket: str, key: str) -> Response:
        """Take one part, new or in place of the one with its number."""
        number = _number(request)
        record = self._open(request, bucket, key)
        path = self._folder(record) / f"{number}-{secrets.token_hex(6)}"
        received = await receive(request, path)
        if record["algorithm"] and list(received.checksums) not in ([], [record["algorithm"]]):
            path.unlink()
            raise refused("InvalidRequest", "Checksum Type mismatch occurred.")
        etag = f'"{received.md5}"'
        entry_of(request.scope).details |= {
            "upload": record["id"],
            "part": number,
            "bytes": received.size,
            "md5": received.md5,
        }
        part = {
            "etag": etag,
            "size": received.size,
            "modified": self._clock(),
            "checksums": received.checksums,
            "file": path.name,
        }
        changed = self._uploads.update(
            record["id"],
            lambda record: {**record, "parts": {**record["parts"], str(number): part}},
        )
        if changed is None:
            raise refused("NoSuchUpload")
        sums = {f"x-amz-checksum-{name}": value for name, value in received.checksums.items()}
        return Response(headers={"etag": etag} | sums)

    async def complete(self, request: Request, bucket: str, key: str) -> Response:
        """Make an object of the parts that the body lists."""
        conditions = conditions_of(request.headers)
        record = self._uploads.load(request.query_params["uploadId"])
        body = bounded(request, _LARGEST_LIST, lambda: refused("MalformedXML"))
        listed = _listed(await body.body())
        if record and record["completed"] and _is_of(record, bucket, key):
            return _completed(record)
        record = self._open(request, bucket, key)
        _check_parts(record, listed)
        content = await asyncio.to_thread(self._assemble, record, listed)
        try:
            stored = self._objects.put(bucket, key, content, conditions)
        finally:
            content.path.unlink(missing_ok=True)
        shown = {name: stored[name] for name in ("etag", "checksums", "checksum_type")}
        ended = {**record, "parts": {}, "completed": shown}
        self._uploads.update(record["id"], lambda _: ended)
        shutil.rmtree(self._folder(record), ignore_errors=True)
        return _completed(ended)

    async def abort(self, request: Request, bucket: str, key: str) -> Response:
        """Give an upload up, and forget its parts."""
        record = self._open(request, bucket, key)
        self._uploads.remove(record["id"])
        shutil.rmtree(self._folder(record), ignore_errors=True)
        return Response(status_code=204)

    async def parts(self, request: Request, bucket: str, key: str) -> Response:
        """A page of an upload's parts, by number."""
        record = self._open(request, bucket, key)
        most = min(_count(request, "max-parts", 1_000), 1_000)
        marker = _count(request, "part-number-marker", 0)
        numbers = sorted(int(number) for number in record["parts"] if int(number) > marker)
        shown = numbers[:most]
        return document(
            "ListPartsResult",
            {
                "Bucket": bucket,
                "Key": key,
                "UploadId": record["id"],
                "PartNumberMarker": marker,
                "NextPartNumberMarker": shown[-1] if shown else 0,
                "MaxParts": most,
                "IsTruncated": len(numbers) > most,
                "Part": [_part(number, record["parts"][str(number)]) for number in shown],
                "StorageClass": "STANDARD",
                "ChecksumAlgorithm": record["algorithm"] and record["algorithm"].upper(),
                "ChecksumType": record["checksum_type"],
            },
        )

    def _open(self, request: Request, bucket: str, key: str) -> Record:
        """The upload that the request names; refused if it takes no more parts."""
        check_key(bucket, key)
        record = self._uploads.load(request.query_params["uploadId"])
        if record is None or record["completed"] or not _is_of(record, bucket, key):
            raise refused("NoSuchUpload")
        return record

    def _assemble(self, record: Record, listed: _Listed) -> Content:
        """The parts as one file, with the ETag and the sum that S3 gives such an object."""
        parts = [record["parts"][str(number)] for number, _ in listed]
        etags = hashlib.md5(usedforsecurity=False)
        full = record["checksum_type"] == "FULL_OBJECT" and record["algorithm"]
        whole = checksums.ALGORITHMS[full]() if full else None
        scratch = self._objects.scratch()
        with scratch.open("wb") as out:
            for part in parts:
                etags.update(bytes.fromhex(part["etag"].strip('"')))
                with (self._folder(record) / part["file"]).open("rb") as stream:
                    while block := stream.read(_BLOCK):
                        out.write(block)
                        if whole:
                            whole.update(block)
        sums = {full: checksums.encoded(whole)} if full and whole else _composite(record, parts)
        return Content(
            path=scratch,
            size=sum(part["size"] for part in parts),
            etag=f'"{etags.hexdigest()}-{len(parts)}"',
            headers=record["headers"],
            checksums=sums,
            checksum_type=record["checksum_type"] or "FULL_OBJECT",
            parts=len(parts),
        )

    def _folder(self, record: Record) -> Path:
        return self._uploads.folder / str(record["id"])


def _is_of(record: Record, bucket: str, key: str) -> bool:
    return (record["bucket"], record["key"]) == (bucket, key)


def _algorithm(request: Request) -> str | None:
    name = request.headers.get("x-amz-checksum-algorithm")
    if name is None:
        return None
    if name.lower() in checksums.UNSUPPORTED:
        raise refused("NotImplemented", f"The sandbox cannot check {name} checksums.")
    if name.lower() not in checksums.ALGORITHMS:
        raise refused("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return name.lower()


def _checksum_type(request: Request, algorithm: str) -> str:
    usual = "FULL_OBJECT" if algorithm in checksums.FULL_OBJECT_ONLY else "COMPOSITE"
    wanted = request.headers.get("x-amz-checksum-type", usual)
    impossible = (
        (algorithm in checksums.FULL_OBJECT_ONLY and wanted == "COMPOSITE")
        or (algorithm in checksums.NEVER_FULL_OBJECT and wanted == "FULL_OBJECT")
        or wanted not in ("FULL_OBJECT", "COMPOSITE")
    )
    if impossible:
        raise refused(
            "InvalidRequest",
            f"The {wanted} checksum type cannot be used with the {algorithm} checksum algorithm.",
        )
    return wanted


def _number(request: Request) -> int:
    text = request.query_params["partNumber"]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_PARTS:
        raise refused(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    return int(text)


def _count(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise refused("InvalidArgument", ArgumentName=name, ArgumentValue=text)
    return int(text)


def _listed(body: bytes) -> _Listed:
    """Number and ETag of every part that a complete lists."""
    if b"<!" in body:  # no client sends a DTD or a comment, and entities can be made to explode
        raise refused("MalformedXML")
    try:
        root = ET.fromstring(body)  # noqa: S314 - without a DTD there is nothing to expand
        listed = [
            (int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag", ""))
            for part in root.iterfind("{*}Part")
        ]
    except (ET.ParseError, ValueError):
        raise refused("MalformedXML") from None
    if not listed:
        raise refused("MalformedXML")
    return listed


def _check_parts(record: Record, listed: _Listed) -> None:
    numbers = [number for number, _ in listed]
    if sorted(set(numbers)) != numbers:
        raise refused("InvalidPartOrder")
    for position, (number, etag) in enumerate(listed, start=1):
        part = record["parts"].get(str(number))
        if part is None or part["etag"].strip('"') != etag.strip('"'):
            raise refused("InvalidPart", PartNumber=str(number), ETag=etag)
        if part["size"] < SMALLEST_PART and position < len(listed):
            raise refused(
                "EntityTooSmall",
                ProposedSize=str(part["size"]),
                MinSizeAllowed=str(SMALLEST_PART),
                PartNumber=str(number),
            )


def _composite(record: Record, parts: Sequence[Record]) -> dict[str, str]:
    """The sum of the parts' sums, where every part came with one."""
    algorithm = record["algorithm"]
    if not algorithm:
        return {}
    sums = [part["checksums"].get(algorithm) for part in parts]
    if None in sums:
        raise refused(
            "InvalidRequest",
            f"The upload was created using a {algorithm} checksum. The complete request must "
            "include the checksum for each part.",
        )
    return {algorithm: checksums.composite(algorithm, sums)}


def _completed(record: Record) -> Response:
    stored = record["completed"]
    sums = {f"Checksum{name.upper()}": value for name, value in stored["checksums"].items()}
    content: dict[str, Any] = {
        "Location": f"/s3/{record['bucket']}/{record['key']}",
        "Bucket": record["bucket"],
        "Key": record["key"],
        "ETag": stored["etag"],
        **sums,
        "ChecksumType": stored["checksum_type"] if sums else None,
    }
    return document("CompleteMultipartUploadResult", content)


def _part(number: int, part: Record) -> dict[str, Any]:
    sums = {f"Checksum{name.upper()}": value for name, value in part["checksums"].items()}
    return {
        "PartNumber": number,
        "LastModified": iso_date(part["modified"]),
        "ETag": part["etag"],
        "Size": part["size"],
        **sums,
    }
