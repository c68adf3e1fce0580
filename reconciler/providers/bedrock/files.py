"""Training files in S3, each stored once.

`adapter` uploads through here. An object is named after the sha256 of its bytes, and carries it in
its metadata. S3 compares the hash of every part with what arrived. A large upload is noted as it
goes, and S3 itself tells which parts it has, so that the run after a crash sends what is missing
and nothing else. It must never hold more than a few parts in memory, trust an object whose hash it
cannot see, or leave half an upload behind that nobody will go on with.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from threading import BoundedSemaphore, Lock
from typing import Any

from reconciler import durable
from reconciler.config import BedrockSettings
from reconciler.errors import (
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.bedrock import s3_uri
from reconciler.providers.bedrock.calls import Calls
from reconciler.providers.bedrock.data_rules import uploads
from reconciler.providers.bedrock.refusals import Refused, rejection
from reconciler.providers.bedrock.wire import moment
from reconciler.providers.parts import Measured, Part, Tally, content, in_parallel, measured
from reconciler.providers.progress import Notes, Progress

PART = 8 * 1024 * 1024
"""Bytes of one part of a large upload, and the most that is sent in one. S3 takes 10,000 parts of
at least 5 MiB, so that this is room for 80 GB; Bedrock reads 10."""

IN_MEMORY = 4
"""Parts that an account holds in memory at once, of whatever files. botocore reads what it sends
more than once, to sign it and to try again, so that a part has to be there whole."""

_HASH = "sha256"
_NOT_FOUND = 404
_DAMAGED = "BadDigest"
_GONE = ("NoSuchUpload", "InvalidPart", "InvalidPartOrder", "EntityTooSmall")
"""What S3 says where an upload is not what we took it for: it has ended, or lost parts."""


class Files:
    """The uploads of one account, for many threads at once.

    What it has once found there it does not ask for again: see `forget`.
    """

    def __init__(self, calls: Calls, settings: BedrockSettings, *, part: int = PART) -> None:
        self._calls = calls
        self._settings = settings
        self._part = part
        self._guard = Lock()
        self._turns: dict[str, Lock] = defaultdict(Lock)
        self._there: dict[str, FileRef] = {}
        self._room = BoundedSemaphore(IN_MEMORY)

    def upload(self, file: LocalFile) -> FileRef:
        """See `Provider.upload`. Where to look for these bytes, their name alone says.

        Two threads with the same bytes: one sends, the other waits.
        """
        with self._guard:
            turn = self._turns[file.sha256]
        with turn:
            ref = self._there.get(file.sha256)
            if ref is None:
                place = self._place(file)
                ref = self._stored(place, file) or self._sent(place, file)
                if file.progress is not None:
                    durable.forget(file.progress)
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
        whole = measured(file, self._part)
        try:
            if len(whole.parts) <= 1:
                self._send_whole(place, file, whole.parts)
            else:
                self._send_in_parts(place, file, whole)
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

    def _send_whole(self, place: s3_uri.Place, file: LocalFile, parts: tuple[Part, ...]) -> None:
        with self._room:
            self._put(
                "put_object",
                **_named(place),
                Body=b"".join(content(file, part) for part in parts),  # of which there is one
                ChecksumSHA256=_base64(bytes.fromhex(file.sha256)),
                Metadata={_HASH: file.sha256},
            )
        file.tell(file.size)

    def _send_in_parts(self, place: s3_uri.Place, file: LocalFile, whole: Measured) -> None:
        """Send what S3 has not. The object comes into being with the last call, or not at all."""
        notes = Notes(file)
        if earlier := notes.read(self._part):
            try:
                there = self._there_already(place, whole, earlier)
                self._finish(place, file, whole, notes, replace(earlier, parts=there))
            except Refused as error:
                if error.refused.code not in _GONE:
                    raise
            else:
                return
        begun = self._calls.s3(
            "create_multipart_upload",
            **_named(place),
            ChecksumAlgorithm="SHA256",
            Metadata={_HASH: file.sha256},
        )
        upload = Progress(upload=begun["UploadId"], part=self._part)
        self._finish(place, file, whole, notes, upload)

    def _finish(
        self,
        place: s3_uri.Place,
        file: LocalFile,
        whole: Measured,
        notes: Notes,
        progress: Progress,
    ) -> None:
        """Send the parts that an upload has not, and complete it.

        It stays for the next run to go on with, unless it was refused, or the bytes are not the
        measured ones any more.
        """
        upload = {**_named(place), "UploadId": progress.upload}
        there = [part for part in whole.parts if part.number in progress.parts]
        missing = [part for part in whole.parts if part.number not in progress.parts]
        notes.begin(progress)
        tally = Tally(file, there)

        def send(part: Part) -> None:
            notes.add(part.number, self._send_part(upload, file, part))
            tally.add(part, part.size)

        try:
            in_parallel(send, missing)
            done = [_listed(part, notes.parts[part.number]) for part in whole.parts]
            self._calls.s3("complete_multipart_upload", **upload, MultipartUpload={"Parts": done})
        except BaseException as error:
            refused = isinstance(error, Refused) and error.surely and not error.transient
            if refused or isinstance(error, CreateRejected) or file.progress is None:
                self._take_back(upload, notes)
            raise

    def _there_already(
        self, place: s3_uri.Place, whole: Measured, progress: Progress
    ) -> Mapping[int, str]:
        """The ETags of the parts that S3 has as they were measured, by number.

        Whoever may not list parts goes by the notes: to complete an upload, S3 wants every ETag.
        """
        upload = {**_named(place), "UploadId": progress.upload}
        try:
            listed = {int(entry["PartNumber"]): entry for entry in self._list(upload)}
        except ProviderAuthError:
            return progress.parts
        found = {}
        for part in whole.parts:
            entry = listed.get(part.number)
            if entry is None or entry.get("Size") != part.size:
                continue
            theirs, etag = entry.get("ChecksumSHA256"), entry.get("ETag")
            noted = theirs is None and etag == progress.parts.get(part.number)
            if isinstance(etag, str) and (noted or theirs == _base64(part.sha256)):
                found[part.number] = etag
        return found

    def _list(self, upload: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Every part that S3 has of an upload."""
        marker = 0
        while True:
            page = self._calls.s3("list_parts", **upload, PartNumberMarker=marker)
            yield from page.get("Parts", ())
            following = page.get("NextPartNumberMarker") or 0
            if not page.get("IsTruncated") or following <= marker:
                return
            marker = following

    def _send_part(self, upload: Mapping[str, Any], file: LocalFile, part: Part) -> str:
        """Send one part; its ETag."""
        with self._room:
            answer = self._put(
                "upload_part",
                **upload,
                PartNumber=part.number,
                Body=content(file, part),
                ChecksumSHA256=_base64(part.sha256),
            )
        return str(answer["ETag"])

    def _put(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Send bytes, once more where other ones arrived: what is sent was measured just now."""
        try:
            return self._calls.s3(operation, **parameters)
        except Refused as error:
            if error.refused.code != _DAMAGED:
                raise
        return self._calls.s3(operation, **parameters)

    def _take_back(self, upload: Mapping[str, Any], notes: Notes) -> None:
        """Parts that no object was made of are paid for until they are given up."""
        notes.forget()
        try:
            self._calls.s3("abort_multipart_upload", **upload)
        except ProviderError:
            return  # what went wrong before is what has to be told


def _named(place: s3_uri.Place) -> dict[str, Any]:
    return {"Bucket": place.bucket, "Key": place.key}


def _listed(part: Part, etag: str) -> dict[str, object]:
    """A part as the call that completes an upload lists it."""
    return {"PartNumber": part.number, "ETag": etag, "ChecksumSHA256": _base64(part.sha256)}


def _carries(head: Mapping[str, Any], sha256: str) -> bool:
    """Whether an object shows this hash: S3's own of it, or ours of when it was sent.

    Of an object sent in parts S3 has a hash of hashes, with the number of parts behind it.
    """
    metadata = head.get("Metadata")
    ours = metadata.get(_HASH) if isinstance(metadata, Mapping) else None
    return sha256 == ours or head.get("ChecksumSHA256") == _base64(bytes.fromhex(sha256))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
