"""The handlers of buckets, and the lists of what is in one.

`routes` calls them with the bucket of the path. A bucket exists as soon as somebody names it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.aws import ACCOUNT
from reconciler.sandbox.s3.object_store import ObjectStore
from reconciler.sandbox.s3.wire import document, iso_date, refused
from reconciler.sandbox.store import Record

_MOST_KEYS = 1_000
_OWNER = {"ID": ACCOUNT, "DisplayName": "sandbox"}


class BucketHandlers:
    """One method per operation."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def list_buckets(self, request: Request, bucket: str, key: str) -> Response:  # noqa: ARG002 - as its siblings
        """Every bucket that has been used."""
        found = [
            {"Name": record["name"], "CreationDate": iso_date(record["created"])}
            for record in self._objects.buckets()
        ]
        return document("ListAllMyBucketsResult", {"Owner": _OWNER, "Buckets": {"Bucket": found}})

    async def create(self, request: Request, bucket: str, key: str) -> Response:  # noqa: ARG002 - as its siblings
        """Note a bucket; it is no error if it is there."""
        self._objects.create_bucket(bucket)
        return Response(headers={"location": f"/{bucket}"})

    async def head(self, request: Request, bucket: str, key: str) -> Response:  # noqa: ARG002 - as its siblings
        """Any bucket with a good name is there."""
        self._objects.all(bucket)
        return Response(headers={"x-amz-bucket-region": "us-east-1"})

    async def list_objects(self, request: Request, bucket: str, key: str) -> Response:  # noqa: ARG002 - as its siblings
        """A page of a bucket's objects, keys with a common prefix rolled up."""
        query = request.query_params
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        token, start_after = query.get("continuation-token"), query.get("start-after", "")
        most = _most(query.get("max-keys"))
        after = start_after if token is None else _after(token)
        entries, more = page(
            self._objects.all(bucket), prefix=prefix, delimiter=delimiter, after=after, most=most
        )
        encode = _encoder(query.get("encoding-type"))
        objects = [entry for entry in entries if isinstance(entry, Mapping)]
        prefixes = [entry for entry in entries if isinstance(entry, str)]
        last = entries[-1] if entries else ""
        last_name = last if isinstance(last, str) else last["key"]
        return document(
            "ListBucketResult",
            {
                "Name": bucket,
                "Prefix": encode(prefix),
                "Delimiter": encode(delimiter) if delimiter else None,
                "MaxKeys": most,
                "EncodingType": query.get("encoding-type"),
                "KeyCount": len(entries),
                "IsTruncated": more,
                "ContinuationToken": token,
                "NextContinuationToken": _token(last_name) if more else None,
                "StartAfter": encode(start_after) if start_after else None,
                "Contents": [_entry(record, encode) for record in objects],
                "CommonPrefixes": [{"Prefix": encode(name)} for name in prefixes],
            },
        )


def page(
    records: Sequence[Record], *, prefix: str, delimiter: str, after: str, most: int
) -> tuple[list[Record | str], bool]:
    """At most so many objects and common prefixes behind a name, in order; and: is there more?"""
    entries: list[Record | str] = []
    for record in records:
        key: str = record["key"]
        if not key.startswith(prefix):
            continue
        head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        entry: Record | str = prefix + head + cut if cut else record
        name = entry if isinstance(entry, str) else key
        if name.encode() <= after.encode() or (entries and entries[-1] == entry):
            continue
        if len(entries) == most:
            return entries, most > 0
        entries.append(entry)
    return entries, False


def _entry(record: Record, encode: Any) -> dict[str, Any]:
    return {
        "Key": encode(record["key"]),
        "LastModified": iso_date(record["modified"]),
        "ETag": record["etag"],
        "ChecksumAlgorithm": [name.upper() for name in record["checksums"]],
        "ChecksumType": record["checksum_type"] if record["checksums"] else None,
        "Size": record["size"],
        "StorageClass": record["headers"].get("x-amz-storage-class", "STANDARD"),
    }


def _most(text: str | None) -> int:
    if text is None:
        return _MOST_KEYS
    if not text.isascii() or not text.isdigit():
        raise refused("InvalidArgument", ArgumentName="max-keys", ArgumentValue=text)
    return min(int(text), _MOST_KEYS)


def _encoder(encoding: str | None) -> Any:
    if encoding is None:
        return str
    if encoding != "url":
        raise refused("InvalidArgument", ArgumentName="encoding-type", ArgumentValue=encoding)
    return quote


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise refused(
            "InvalidArgument",
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token",
        ) from None
