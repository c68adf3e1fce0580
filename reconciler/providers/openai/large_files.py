"""Files too large for one request, through OpenAI's Uploads API: in parts, side by side, resumed.

`files` sends through here what is too large for one POST. An upload is noted before its first part
leaves and every part when its answer has come, so that the run after a crash sends what is missing
and nothing else. OpenAI compares the MD5 of the whole before there is a file. It must never hold a
part in memory, or complete an upload of other bytes than the measured ones.

The limits are those of OpenAI's OpenAPI description (2026-08): parts of at most 64 MB, 8 GB in
all, an hour from the first request to the last. It shows no upload that was begun: whether one is
still open, only sending to it can tell.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from typing import Any

from reconciler.errors import CreateRejected, ProviderError, ProviderUnavailable, Remedy
from reconciler.providers.answers import Refused
from reconciler.providers.base import LocalFile
from reconciler.providers.http import UPLOAD_TIMEOUT, Http, segment
from reconciler.providers.openai import wire
from reconciler.providers.openai.refusals import SURELY_REFUSED, rejection
from reconciler.providers.parts import Measured, Part, Tally, in_parallel, measured, stream
from reconciler.providers.progress import Notes, Progress
from reconciler.providers.refusal import Refusal

MAX_BYTES = 8 * 1024**3
"""What one upload takes."""

PART = 64 * 1024 * 1024
"""What one of its parts takes."""

_PURPOSE = "fine-tune"
_MIME_TYPE = "text/jsonl"
_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_NOT_OFFERED = (404, 405, 501)
_DAMAGED = re.compile(r"md5|checksum|digest", re.IGNORECASE)
_EXPIRED = re.compile(r"expir", re.IGNORECASE)

Landed = Callable[[], wire.StoredFile | None]
"""Asks the server for a file of these bytes."""

_log = logging.getLogger(__name__)


class LargeFiles:
    """The large uploads of one account, for many threads at once; one file in one thread.

    `name` and `key_env` are the provider's in reconciler.yaml, for messages. `part` is the size of
    a part in bytes.
    """

    def __init__(self, http: Http, name: str, key_env: str, *, part: int = PART) -> None:
        self._http = http
        self._name = name
        self._key_env = key_env
        self._part = part
        self._offered = True

    def send(self, file: LocalFile, landed: Landed) -> wire.StoredFile | None:
        """Send the bytes and say what the server made of them; None if it has no Uploads API.

        What an earlier run has sent is not sent again while the server knows of it. `landed` is
        asked where an answer was lost. Raises CreateRejected where the server refuses the file or
        it is not the measured one, ProviderUnavailable where what was sent is kept for the next
        run, or where an upload ended before it was complete.
        """
        if file.size > MAX_BYTES:
            raise self._too_large(file, MAX_BYTES)
        if not self._offered:
            return None
        whole, notes = measured(file, self._part), Notes(file)
        earlier, spoilt = notes.read(self._part), False
        if earlier and not earlier.parts:  # nothing is lost with it, and it may be closed
            earlier = None
        while True:
            upload = earlier or self._begun(file)
            if upload is None:
                self._offered = False
                return None
            notes.begin(upload)
            try:
                stored = self._completed(file, whole, notes, upload, landed)
            except Refused as error:
                self._give_up(upload, notes)
                damaged = bool(_DAMAGED.search(_words(error.refused)))
                if not earlier and (spoilt or not damaged):
                    raise self._refusal(error, file, damaged=damaged) from None
                _log.warning("%s; the upload of %s begins anew", error, file.path.name)
                earlier, spoilt = None, damaged
            except CreateRejected:
                self._give_up(upload, notes)
                raise
            else:
                notes.forget()
                return stored

    def _begun(self, file: LocalFile) -> Progress | None:
        """A new upload; None if the server has none. A lost answer costs nothing: it expires."""
        body = {
            "filename": f"{file.sha256}.jsonl",
            "purpose": _PURPOSE,
            "bytes": file.size,
            "mime_type": _MIME_TYPE,
        }
        content = json.dumps(body).encode()

        def attempt() -> Mapping[str, Any] | None:
            answer = self._http.send("POST", "/uploads", content=content, headers=_JSON)
            if answer.status in _NOT_OFFERED:
                return None
            return self._http.check(answer).document() or {}

        try:
            document = self._http.repeat(attempt)
        except Refused as error:
            raise self._refusal(error, file) from None
        if document is None:
            return None
        id_ = document.get("id")
        if not isinstance(id_, str) or not id_:
            raise ProviderUnavailable(f"{self._name} began an upload and gave no id for it")
        expires_at = wire.moment(document.get("expires_at"))
        return Progress(upload=id_, part=self._part, expires_at=expires_at)

    def _completed(
        self, file: LocalFile, whole: Measured, notes: Notes, upload: Progress, landed: Landed
    ) -> wire.StoredFile:
        """Send the parts that the server has not, and have it make a file of all."""
        there = [part for part in whole.parts if part.number in upload.parts]
        missing = [part for part in whole.parts if part.number not in upload.parts]
        tally = Tally(file, there)

        def send(part: Part) -> None:
            notes.add(part.number, self._sent(file, part, upload.upload, tally))

        if there:  # whether an earlier run's upload is still open, one part will tell
            in_parallel(send, missing[:1])
            missing = missing[1:]
        in_parallel(send, missing)
        part_ids = [notes.parts[part.number] for part in whole.parts]
        return self._complete(file, upload.upload, {"part_ids": part_ids, "md5": whole.md5}, landed)

    def _sent(self, file: LocalFile, part: Part, upload: str, tally: Tally) -> str:
        """Send one part; its id. One whose answer is lost goes out again: the first is not used."""
        boundary = f"reconciler-{part.sha256.hex()}"  # bytes cannot hold their own hash
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="data"; filename="{part.number}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + part.size + len(tail)),
        }

        def body() -> Generator[bytes, None, None]:
            tally.begin(part)
            yield head
            with closing(stream(file, part)) as blocks:
                for block in blocks:
                    yield block
                    tally.add(part, len(block))
            yield tail

        def attempt() -> str:
            with closing(body()) as content:
                answer = self._http.check(
                    self._http.send(
                        "POST",
                        f"/uploads/{segment(upload)}/parts",
                        content=content,
                        headers=headers,
                        timeout=UPLOAD_TIMEOUT,
                    )
                )
            id_ = (answer.document() or {}).get("id")
            if not isinstance(id_, str) or not id_:
                raise ProviderUnavailable(f"{self._name} took a part and gave no id for it")
            return id_

        return self._http.repeat(attempt)

    def _complete(
        self, file: LocalFile, upload: str, body: Mapping[str, Any], landed: Landed
    ) -> wire.StoredFile:
        """Have a file made. Before it is asked again, see whether the first time did it."""
        content = json.dumps(body).encode()
        path, asked = f"/uploads/{segment(upload)}/complete", False

        def attempt() -> wire.StoredFile:
            nonlocal asked
            if asked and (stored := landed()):
                return stored
            again, asked = asked, True
            try:
                answer = self._http.check(
                    self._http.send(
                        "POST", path, content=content, headers=_JSON, timeout=UPLOAD_TIMEOUT
                    )
                )
            except Refused as error:
                if again:  # perhaps only because the first time did it
                    raise ProviderUnavailable(
                        f"{self._name} may have completed the upload of {file.path.name}:"
                        f" {error.message}",
                        hint="run again: it is looked for before anything is sent",
                    ) from None
                raise
            stored = wire.stored_file((answer.document() or {}).get("file")) or landed()
            if stored is None:
                raise ProviderUnavailable(f"{self._name} answered {answer.where} with no file")
            return stored

        return self._http.repeat(attempt)

    def _give_up(self, upload: Progress, notes: Notes) -> None:
        """Have the server forget the parts. What went wrong before is what has to be told."""
        notes.forget()
        with suppress(ProviderError):
            self._http.ask("POST", f"/uploads/{segment(upload.upload)}/cancel")

    def _refusal(
        self, error: Refused, file: LocalFile, *, damaged: bool = False
    ) -> CreateRejected | ProviderUnavailable:
        """Why there is no file, in words that say what to do."""
        if damaged:
            return ProviderUnavailable(
                f"{self._name} twice had other bytes of {file.path.name} than were sent:"
                f" {error.refused}",
                hint="something on the way changes them: try another network, or no proxy",
            )
        if _EXPIRED.search(_words(error.refused)):
            return ProviderUnavailable(
                f"{self._name} closed the upload of {file.path.name} before all of it was sent:"
                f" {error.refused}",
                hint="an upload is open for an hour: run again on a faster connection",
            )
        if error.refused.status in SURELY_REFUSED:
            return rejection(error.refused, self._name, self._key_env, openai=False)
        return error

    def _too_large(self, file: LocalFile, most: int) -> CreateRejected:
        return CreateRejected(
            f"{file.path.name} has {file.size:,} bytes; {self._name} takes at most {most:,}",
            remedy=Remedy.FIX_SPEC,
            hint="train on fewer or shorter examples",
        )


def _words(refused: Refusal) -> str:
    return f"{refused.param} {refused.code} {refused.message}"
