"""What S3 keeps: a record per object, its bytes beside it, changed only where its conditions hold.

The handlers of objects and uploads share it, and Bedrock reads training data from it and writes
its results to it. A condition is checked and the object replaced under one lock, so of any number
of writers, threads or processes, one wins.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from reconciler.sandbox.exchange import World
from reconciler.sandbox.s3.wire import refused
from reconciler.sandbox.store import Collection, Record

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LONGEST_KEY = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What must be true of the object that is there: an ETag, or that there is none."""

    if_match: str | None = None
    if_none_match: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes at a scratch path, and all that is to be said of them."""

    path: Path
    size: int
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = "FULL_OBJECT"
    parts: int | None = None


class ObjectStore:
    """All objects of all buckets."""

    def __init__(self, world: World) -> None:
        self._clock = world.clock
        self._folder = world.data_dir / "s3"
        self._scratch = self._folder / "scratch"
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._buckets = Collection(self._folder / "buckets")
        self._objects: dict[str, Collection] = {}
        self._deliver: Callable[[], None] = lambda: None

    def before_reading(self, deliver: Callable[[], None]) -> None:
        """Have `deliver` called before a list, and before an object is said to be missing.

        So another provider can write what is due at a certain time without a clock of its own.
        """
        self._deliver = deliver

    def scratch(self) -> Path:
        """Where to write bytes that may become an object."""
        return self._scratch / secrets.token_hex(12)

    def create_bucket(self, bucket: str) -> None:
        """Note that a bucket is in use. Raises Refusal where its name is none."""
        _check_bucket(bucket)
        name = _digest(bucket)
        if self._buckets.get(name) is None:
            record = {"name": bucket, "created": self._clock()}
            self._buckets.revise(name, lambda existing: existing or record)

    def buckets(self) -> list[Record]:
        """Every bucket ever used: {name, created}, by name."""
        return sorted(self._buckets.all(), key=lambda record: str(record["name"]))

    def put(
        self, bucket: str, key: str, content: Content, conditions: Conditions | None = None
    ) -> Record:
        """Make an object of bytes, new or in place of another. Raises Refusal."""
        check_key(bucket, key)
        self.create_bucket(bucket)
        objects = self._collection(bucket)
        replaced: list[str] = []

        def revision(existing: Record | None) -> Record:
            _check(existing, conditions or Conditions())
            if existing:
                replaced.append(existing["file"])
            name = f"{secrets.token_hex(12)}.bytes"
            content.path.replace(objects.folder / name)
            return {
                "key": key,
                "etag": content.etag,
                "size": content.size,
                "modified": self._clock(),
                "headers": dict(content.headers),
                "checksums": dict(content.checksums),
                "checksum_type": content.checksum_type,
                "parts": content.parts,
                "file": name,
            }

        record = objects.revise(_digest(key), revision)
        for name in replaced:
            (objects.folder / name).unlink(missing_ok=True)
        assert record is not None  # noqa: S101 - a revision that returns a record keeps it
        return record

    def write(self, bucket: str, key: str, data: bytes, content_type: str) -> None:
        """Make an object of bytes in memory."""
        path = self.scratch()
        path.write_bytes(data)
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        headers = {"content-type": content_type}
        self.put(bucket, key, Content(path=path, size=len(data), etag=etag, headers=headers))

    def get(self, bucket: str, key: str) -> Record | None:
        """The object's record, or None if there is no such object. Raises Refusal."""
        check_key(bucket, key)
        objects, name = self._collection(bucket), _digest(key)
        record = objects.load(name)
        if record is None:
            self._deliver()
            record = objects.load(name)
        return record

    def open(self, bucket: str, key: str) -> tuple[Record, BinaryIO] | None:
        """The object's record and its bytes as an open file, which the caller closes."""
        while record := self.get(bucket, key):
            try:
                return record, self.path(bucket, record).open("rb")
            except FileNotFoundError:
                continue  # replaced since we looked: look again
        return None

    def path(self, bucket: str, record: Record) -> Path:
        """Where an object's bytes are until somebody replaces it."""
        name: str = record["file"]
        return self._collection(bucket).folder / name

    def delete(self, bucket: str, key: str, conditions: Conditions | None = None) -> None:
        """Forget an object. It is no error if there is none, unless a condition asks for one."""
        check_key(bucket, key)
        objects = self._collection(bucket)
        removed: list[str] = []

        def revision(existing: Record | None) -> None:
            _check(existing, conditions or Conditions())
            if existing:
                removed.append(existing["file"])

        objects.revise(_digest(key), revision)
        for name in removed:
            (objects.folder / name).unlink(missing_ok=True)

    def all(self, bucket: str) -> list[Record]:
        """Every object of a bucket, in the order of S3: by the bytes of the key."""
        _check_bucket(bucket)
        self._deliver()
        records = self._collection(bucket).all()
        return sorted(records, key=lambda record: str(record["key"]).encode())

    def _collection(self, bucket: str) -> Collection:
        if bucket not in self._objects:
            self._objects[bucket] = Collection(self._folder / "objects" / bucket)
        return self._objects[bucket]


def check_key(bucket: str, key: str) -> None:
    """Raise Refusal where a bucket or a key cannot be named so."""
    _check_bucket(bucket)
    if len(key.encode()) > _LONGEST_KEY:
        raise refused("KeyTooLongError", MaxSizeAllowed=str(_LONGEST_KEY))


def _check_bucket(bucket: str) -> None:
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise refused("InvalidBucketName", BucketName=bucket)


def _check(existing: Record | None, conditions: Conditions) -> None:
    """Raise Refusal where a condition does not hold.

    That a condition on an object that is not there is a 404 is how S3 was seen to answer a write;
    a delete is assumed to do the same.
    """
    if conditions.if_none_match and existing:
        raise refused("PreconditionFailed", Condition="If-None-Match")
    if conditions.if_match is None:
        return
    if existing is None:
        raise refused("NoSuchKey")
    if conditions.if_match not in ("*", existing["etag"]):
        raise refused("PreconditionFailed", Condition="If-Match")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
