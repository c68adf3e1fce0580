"""Training files in S3, each stored once.

`adapter` uploads through here. An object is named after the sha256 of its bytes, and carries it in
its metadata. Bytes are hashed on their way out, and an object comes into being only if they were
the measured ones. It must never hold a large file in memory, trust an object whose hash it cannot
see, or leave half an upload behind without trying to take it back.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator, Mapping
from threading import Lock
from typing import Any

from reconciler.config import BedrockSettings
from reconciler.errors import CreateRejected, ProviderError, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.bedrock import s3_uri
from reconciler.providers.bedrock.calls import Calls
from reconciler.providers.bedrock.data_rules import uploads
from reconciler.providers.bedrock.refusals import Refused, rejection
from reconciler.providers.bedrock.wire import moment

PART = 16 * 1024 * 1024
"""Bytes of one part of a large upload, and the most that is sent in one. S3 takes 10,000 parts of
at least 5 MiB, so that this is room for 160 GB."""

_HASH = "sha256"
_NOT_FOUND = 404


class Files:
    """The uploads of one account, for many threads at once.

    What it has once found there it does not ask for again: see `forget`.
    """

    def __init__(self, calls: Calls, settings: BedrockSettings, *, part: int = PART) -> None:
        self._calls = calls
        self._settings = settings
        self._part = part
        self._guard = Lock()
        self._there: dict[str, FileRef] = {}

    def upload(self, file: LocalFile) -> FileRef:
        """See `Provider.upload`. Where to look for these bytes, their name alone says."""
        with self._guard:
            known = self._there.get(file.sha256)
        if known is not None:
            return known
        place = self._place(file)
        ref = self._stored(place, file) or self._sent(place, file)
        with self._guard:
            self._there[file.sha256] = ref
        return ref

    def forget(self, references: Collection[str | None]) -> None:
        """Look again before using these once more: a create that named them was refused."""
        with self._guard:
            self._there = {
                sha256: ref
                for sha256, ref in self._there.items()
                if ref.reference not in references
            }

    def _place(self, file: LocalFile) -> s3_uri.Place:
        if not self._settings.bucket:
            raise CreateRejected(
                f"{file.path.name} has to be uploaded to S3, and no bucket is set",
                remedy=Remedy.FIX_ACCOUNT,
                hint=f"set providers.{self._settings.name}.bucket in reconciler.yaml",
            )
        return s3_uri.place(f"{uploads(self._settings)}{file.sha256}.jsonl")

    def _stored(self, place: s3_uri.Place, file: LocalFile) -> FileRef | None:
        """The object, if it is there and surely holds these bytes."""
        try:
            head = self._calls.s3("head_object", **_named(place), ChecksumMode="ENABLED")
        except Refused as error:
            if error.refused.status == _NOT_FOUND:
                return None
            raise
        if head.get("ContentLength") != file.size or not _carries(head, file.sha256):
            return None
        return FileRef(
            reference=str(place),
            sha256=file.sha256,
            size=file.size,
            uploaded_at=moment(head.get("LastModified")) or 0,
        )

    def _sent(self, place: s3_uri.Place, file: LocalFile) -> FileRef:
        try:
            if file.size <= self._part:
                self._send_whole(place, file)
            else:
                self._send_in_parts(place, file)
        except Refused as error:
            if error.surely and not error.transient:
                raise rejection(error, self._settings.name) from None
            raise
        stored = self._stored(place, file)
        if stored is None:
            raise ProviderUnavailable(
                f"{self._settings.name} took {place}, and does not show it as it was sent",
                hint="does something else write to that folder?",
            )
        return stored

    def _send_whole(self, place: s3_uri.Place, file: LocalFile) -> None:
        content = b"".join(_parts(file, self._part))
        self._calls.s3(
            "put_object",
            **_named(place),
            Body=content,
            ChecksumSHA256=_base64(hashlib.sha256(content)),
            Metadata={_HASH: file.sha256},
        )

    def _send_in_parts(self, place: s3_uri.Place, file: LocalFile) -> None:
        """Send part by part. The object comes into being with the last call, or not at all."""
        named = _named(place)
        begun = self._calls.s3(
            "create_multipart_upload",
            **named,
            ChecksumAlgorithm="SHA256",
            Metadata={_HASH: file.sha256},
        )
        upload = {**named, "UploadId": begun["UploadId"]}
        try:
            done = [
                self._send_part(upload, number, content)
                for number, content in enumerate(_parts(file, self._part), start=1)
            ]
            self._calls.s3("complete_multipart_upload", **upload, MultipartUpload={"Parts": done})
        except BaseException:
            self._take_back(upload)
            raise

    def _send_part(
        self, upload: Mapping[str, Any], number: int, content: bytes
    ) -> dict[str, object]:
        checksum = _base64(hashlib.sha256(content))
        answer = self._calls.s3(
            "upload_part", **upload, PartNumber=number, Body=content, ChecksumSHA256=checksum
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def _take_back(self, upload: Mapping[str, Any]) -> None:
        """Parts that no object was made of are paid for until they are given up."""
        try:
            self._calls.s3("abort_multipart_upload", **upload)
        except ProviderError:
            return  # what went wrong before is what has to be told


def _named(place: s3_uri.Place) -> dict[str, Any]:
    return {"Bucket": place.bucket, "Key": place.key}


def _carries(head: Mapping[str, Any], sha256: str) -> bool:
    """Whether an object shows this hash: S3's own of it, or ours of when it was sent.

    Of an object sent in parts S3 has a hash of hashes, with the number of parts behind it.
    """
    metadata = head.get("Metadata")
    ours = metadata.get(_HASH) if isinstance(metadata, Mapping) else None
    theirs = base64.b64encode(bytes.fromhex(sha256)).decode()
    return sha256 == ours or head.get("ChecksumSHA256") == theirs


def _parts(file: LocalFile, size: int) -> Iterator[bytes]:
    """The bytes in parts of `size`, the last one held back until the whole was seen.

    Raises CreateRejected where they are not the measured ones, before the last part is handed out.
    """
    digest, left = hashlib.sha256(), file.size
    try:
        with file.path.open("rb") as stream:
            while True:
                content = stream.read(min(size, left))
                left -= len(content)
                digest.update(content)
                if left == 0 or not content:
                    break
                yield content
            grown = stream.read(1)
    except OSError as error:
        raise CreateRejected(
            f"{file.path.name} cannot be read: {error.strerror}",
            remedy=Remedy.FIX_SPEC,
            hint="check the path and its permissions",
        ) from error
    if left or grown or digest.hexdigest() != file.sha256:
        raise CreateRejected(
            f"{file.path.name} changed while it was being uploaded",
            remedy=Remedy.FIX_SPEC,
            hint="run again: the plan is made anew for what the file holds now",
        )
    yield content


def _base64(digest: Any) -> str:
    return base64.b64encode(digest.digest()).decode()
