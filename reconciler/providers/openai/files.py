"""Training files at an OpenAI-shaped server, each stored once.

`adapter` uploads through here. A file is named after the sha256 of its bytes, so that the server
itself tells which bytes it already has: OpenAI keeps no checksum. It must never hold a file in
memory, store bytes that are not the ones that were measured, or store the same bytes twice.
Large files go through `large_files` where the server has an Uploads API.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from threading import Lock

from reconciler import durable
from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.answers import Refused
from reconciler.providers.base import LocalFile
from reconciler.providers.http import UPLOAD_TIMEOUT, Http, segment
from reconciler.providers.openai import large_files, wire
from reconciler.providers.openai.large_files import LargeFiles
from reconciler.providers.openai.listing import entries
from reconciler.providers.openai.refusals import SURELY_REFUSED, rejection

MAX_BYTES = 512 * 1024 * 1024
"""What one POST /files takes (OpenAI's OpenAPI description, 2026-08)."""

LARGE = 100 * 1024 * 1024
"""Larger files go in parts where they can: an interrupted upload is then continued, and Azure is
known to take more than about 150 MB in one request and fail the job for it later (Microsoft's own
notes on fine-tuning at Foundry, 2026-08)."""

_OURS = re.compile(r"([0-9a-f]{64})\.jsonl")
_PURPOSE = "fine-tune"
_CHUNK = 1024 * 1024
_NOT_OFFERED = (405, 501)  # by gateways that take files but do not show them

_log = logging.getLogger(__name__)


class Files:
    """The files of one account, for many threads at once.

    What it has once found usable it does not ask for again: see `forget`. `name` and `key_env` are
    the provider's in reconciler.yaml, for messages. What has more than `large` bytes goes in parts
    of `part` bytes.
    """

    def __init__(
        self,
        http: Http,
        name: str,
        key_env: str,
        *,
        large: int = LARGE,
        part: int = large_files.PART,
    ) -> None:
        self._http = http
        self._name = name
        self._key_env = key_env
        self._large = large
        self._large_files = LargeFiles(http, name, key_env, part=part)
        self._guard = Lock()
        self._turns: dict[str, Lock] = defaultdict(Lock)
        self._usable: dict[str, FileRef] = {}
        self._looking = Lock()
        self._listed: dict[str, list[wire.StoredFile]] | None = None

    def upload(self, file: LocalFile, known: FileRef | None) -> FileRef:
        """See `Provider.upload`. Two threads with the same bytes: one sends, the other waits."""
        with self._guard:
            turn = self._turns[file.sha256]
        with turn:
            ref = (
                self._usable.get(file.sha256)
                or self._still_there(file, known)
                or self._by_name(file)
                or self._send(file)
            )
            if file.progress is not None:  # of a run that died between the last answer and here
                durable.forget(file.progress)
            self._usable[file.sha256] = ref
            return ref

    def forget(self, references: Collection[str | None]) -> None:
        """Look again before using these once more: a create that named them was refused."""
        with self._guard:
            self._usable = {
                sha256: ref
                for sha256, ref in self._usable.items()
                if ref.reference not in references
            }
        self._forget_listing()

    def stored(self) -> Iterator[wire.StoredFile]:
        """Every file stored for fine-tuning, newest first, fetched as the caller consumes them."""
        for entry in entries(self._http, "/files", [("purpose", _PURPOSE)]):
            file = wire.stored_file(entry)
            if file is not None and file.purpose in (None, _PURPOSE):
                yield file

    def content(self, file_id: str) -> bytes:
        """The bytes of a file. Raises Refused where there is none by that id."""
        return self._http.ask("GET", f"/files/{segment(file_id)}/content").content

    def delete(self, file_id: str) -> bool:
        """Delete a file; whether there was one."""
        try:
            self._http.ask("DELETE", f"/files/{segment(file_id)}")
        except Refused as error:
            if error.refused.status == 404:  # noqa: PLR2004 - HTTP's own number
                return False
            raise
        finally:
            self.forget([file_id])
        return True

    def _still_there(self, file: LocalFile, known: FileRef | None) -> FileRef | None:
        """What state remembers, if the server still has it."""
        if known is None:
            return None
        try:
            answer = self._http.ask("GET", f"/files/{segment(known.reference)}")
        except Refused as error:
            if error.refused.status in _NOT_OFFERED:
                return known
            if error.refused.status == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise
        stored = wire.stored_file(answer.document())
        return known if stored is not None and _serves(stored, file) else None

    def _by_name(self, file: LocalFile) -> FileRef | None:
        newest = self._newest(file)
        return _ref(newest, file) if newest else None

    def _newest(self, file: LocalFile) -> wire.StoredFile | None:
        """What the server has under the name of these bytes: the newest of it."""
        with self._looking:
            if self._listed is None:
                self._listed = self._ours_by_sha256()
            candidates = self._listed.get(file.sha256, ())
        fitting = [stored for stored in candidates if _serves(stored, file)]
        return max(fitting, key=lambda stored: stored.created_at or 0, default=None)

    def _ours_by_sha256(self) -> dict[str, list[wire.StoredFile]]:
        listed: dict[str, list[wire.StoredFile]] = defaultdict(list)
        try:
            for stored in self.stored():
                named = _OURS.fullmatch(stored.name)
                if named:
                    listed[named.group(1)].append(stored)
        except Refused as error:
            if error.refused.status not in (404, *_NOT_OFFERED):
                raise
        return listed

    def _forget_listing(self) -> None:
        with self._looking:
            self._listed = None

    def _send(self, file: LocalFile) -> FileRef:
        """Send the bytes: in parts if they are many and the server takes parts, else in one."""
        if file.size > self._large:
            stored = self._large_files.send(file, lambda: self._landed(file))
            if stored is not None:
                return self._accepted(file, stored)
            _log.warning(
                "%s has no /uploads: %s goes up in one request", self._name, file.path.name
            )
        if file.size > MAX_BYTES:
            raise CreateRejected(
                f"{file.path.name} has {file.size:,} bytes; {self._name} takes at most"
                f" {MAX_BYTES:,} in one upload",
                remedy=Remedy.FIX_SPEC,
                hint="train on fewer or shorter examples",
            )
        return self._send_in_one(file)

    def _landed(self, file: LocalFile) -> wire.StoredFile | None:
        """What the server has under the name of these bytes now."""
        self._forget_listing()
        return self._newest(file)

    def _send_in_one(self, file: LocalFile) -> FileRef:
        """Send the bytes, again if need be; before a second time, see whether the first arrived."""
        sent = False

        def attempt() -> FileRef:
            nonlocal sent
            if sent and (landed := self._landed(file)):
                return _ref(landed, file)
            sent = True
            return self._send_once(file)

        return self._http.repeat(attempt)

    def _send_once(self, file: LocalFile) -> FileRef:
        boundary = f"reconciler-{file.sha256}"  # bytes cannot hold their own hash
        head, tail = _frame(boundary, file)
        with closing(_body(head, file, tail)) as body:
            answer = self._http.send(
                "POST",
                "/files",
                content=body,
                headers={
                    "Content-Type": f"multipart/form-data; boundary={boundary}",
                    "Content-Length": str(len(head) + file.size + len(tail)),
                },
                timeout=UPLOAD_TIMEOUT,
            )
        try:
            self._http.check(answer)
        except Refused as error:
            if error.refused.status in SURELY_REFUSED:
                raise rejection(error.refused, self._name, self._key_env, openai=False) from None
            raise
        stored = wire.stored_file(answer.document())
        if stored is None:
            raise ProviderUnavailable(
                f"{self._name} answered {answer.where} with {answer.status} and no file id"
            )
        return self._accepted(file, stored)

    def _accepted(self, file: LocalFile, stored: wire.StoredFile) -> FileRef:
        if not _serves(stored, file):
            raise CreateRejected(
                f"{self._name} took {file.path.name} as {stored.id}, but says it is unusable",
                remedy=Remedy.FIX_SPEC,
                hint="look at the data with `reconcile datasets`",
            )
        return _ref(stored, file)


def _serves(stored: wire.StoredFile, file: LocalFile) -> bool:
    return stored.usable and stored.size in (None, file.size)


def _ref(stored: wire.StoredFile, file: LocalFile) -> FileRef:
    return FileRef(
        reference=stored.id,
        sha256=file.sha256,
        size=file.size,
        uploaded_at=stored.created_at or 0,
        expires_at=stored.expires_at,
    )


def _frame(boundary: str, file: LocalFile) -> tuple[bytes, bytes]:
    """What stands before and after the bytes in a multipart body."""
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="purpose"\r\n\r\n'
        f"{_PURPOSE}\r\n"
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{file.sha256}.jsonl"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def _body(head: bytes, file: LocalFile, tail: bytes) -> Generator[bytes, None, None]:
    """The multipart body, hashed on its way out.

    Raises CreateRejected where the bytes are not the measured ones: before the tail is sent, so
    that what the server has is no complete request, and is not stored.
    """
    yield head
    digest, left = hashlib.sha256(), file.size
    try:
        with file.path.open("rb") as stream:
            while left and (chunk := stream.read(min(_CHUNK, left))):
                left -= len(chunk)
                digest.update(chunk)
                yield chunk
                file.tell(file.size - left)
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
    yield tail
