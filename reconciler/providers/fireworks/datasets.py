"""Training files at Fireworks, each stored once.

`adapter` uploads through here. A dataset's id is made of the sha256 of its bytes, so that Fireworks
itself tells which bytes it already has; a dataset that a dead run left half uploaded has the same
id, and is filled, or made anew where Fireworks has given it up. A large file goes to storage in one
request, which storage takes whole or not: that it took it is noted, and the address never. A
dataset is trained on only once Fireworks calls it ready.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from threading import Lock
from typing import Any

from reconciler import durable
from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers import signed_url
from reconciler.providers.answers import Answer, Refused
from reconciler.providers.base import LocalFile
from reconciler.providers.fireworks import names, reading, wire
from reconciler.providers.fireworks.refusals import SURELY_REFUSED, rejection
from reconciler.providers.fireworks.wire import StoredDataset
from reconciler.providers.http import UPLOAD_TIMEOUT, Http
from reconciler.providers.progress import Notes, Progress

MAX_DIRECT = 150_000_000
"""Bytes that `:upload` takes ("up to 150 MB", Fireworks' documentation, 2026); for more there is
`:getUploadEndpoint`."""

WAITS = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0, *[15.0] * 38)
"""Seconds between two looks at a dataset that is not ready: about ten minutes in all."""

_HASH_LENGTH = 60  # with "ds-" an id of 63 characters, the longest there is
_BINARY = "application/octet-stream"
_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_EXISTS = 409
_NOT_FOUND = 404
_PRECONDITION = "FAILED_PRECONDITION"
_LOOKS_AGAIN = 4  # at what an earlier run has sent, before it is sent again


def dataset_id(sha256: str) -> str:
    """The id of the dataset that holds these bytes."""
    return f"ds-{sha256[:_HASH_LENGTH]}"


class Datasets:
    """The datasets of one account, for many threads at once.

    What it has once found ready it does not ask for again: see `forget`. `account` gives the
    account's id; `name` and `key_env` are the provider's in reconciler.yaml, for messages.
    """

    def __init__(
        self,
        http: Http,
        account: Callable[[], str],
        name: str,
        key_env: str,
        sleep: Callable[[float], None],
    ) -> None:
        self._http = http
        self._account = account
        self._name = name
        self._key_env = key_env
        self._sleep = sleep
        self._guard = Lock()
        self._turns: dict[str, Lock] = defaultdict(Lock)
        self._ready: dict[str, FileRef] = {}

    def upload(self, file: LocalFile, known: FileRef | None) -> FileRef:
        """See `Provider.upload`. Two threads with the same bytes: one sends, the other waits."""
        with self._guard:
            turn = self._turns[file.sha256]
        with turn:
            ref = self._ready.get(file.sha256) or self._there(file, known) or self._send(file)
            if file.progress is not None:
                durable.forget(file.progress)
            self._ready[file.sha256] = ref
            return ref

    def forget(self, references: Collection[str | None]) -> None:
        """Look again before using these once more: a create that named them was refused."""
        with self._guard:
            self._ready = {
                sha256: ref
                for sha256, ref in self._ready.items()
                if ref.reference not in references
            }

    def _there(self, file: LocalFile, known: FileRef | None) -> FileRef | None:
        """What state remembers or what is stored under the hash, if it is ready."""
        ours = self._own_name(file)
        remembered = known.reference if known is not None else ours
        for name in dict.fromkeys((remembered, ours)):
            if names.owner(name) != self._account():
                continue
            stored = self._look(name)
            if stored is not None and stored.ready:
                return known if known and known.reference == name else _ref(stored, file)
        return None

    def _send(self, file: LocalFile) -> FileRef:
        """Make the dataset, fill it and wait for it; before a second try, see how far it got."""
        counted, notes = reading.count(file), Notes(file)
        direct = file.size <= MAX_DIRECT
        found = sent = False

        def attempt() -> FileRef | None:
            nonlocal found, sent
            stored = self._look(self._own_name(file))
            if stored is not None and stored.failure and not sent:
                self._delete(file)
                stored = None
            if stored is None:
                notes.forget()
                self._make(file, counted)
            elif stored.ready:
                return _ref(stored, file)
            else:
                found = True
            sent = True
            if direct:
                self._fill(file)
            elif not self._arrived(file, notes):
                self._fill_elsewhere(file)
                notes.begin(Progress(upload=self._own_name(file), part=file.size))
            return None

        try:
            ref = self._http.repeat(attempt)
        except Refused as error:
            stored = self._look(self._own_name(file))
            if stored is not None and stored.ready:
                return _ref(stored, file)
            rejected = self._rejected(error)
            if stored is None or not found or not _may_be_full(error, rejected):
                raise rejected from None
            ref = None
        return ref or self._awaited(file, validated=direct)

    def _arrived(self, file: LocalFile, notes: Notes) -> bool:
        """Whether an earlier run has sent the bytes, and storage still has them."""
        if notes.read(file.size) is None:
            return False
        for wait in WAITS[:_LOOKS_AGAIN]:
            if self._validated(file):
                return True
            self._sleep(wait)
        notes.forget()
        return False

    def _delete(self, file: LocalFile) -> None:
        """Make way: an earlier run's dataset that Fireworks could not use is good for nothing."""
        try:
            self._http.ask("DELETE", self._path(file))
        except Refused as error:
            if error.refused.status != _NOT_FOUND:
                raise self._rejected(error) from None

    def _make(self, file: LocalFile, counted: reading.Counted) -> None:
        """Make room for a dataset. That it exists already is fine: its id says what is in it."""
        body = wire.dataset_body(dataset_id(file.sha256), counted.examples, counted.format)
        answer = self._http.send(
            "POST", self._path(), content=json.dumps(body).encode(), headers=_JSON
        )
        if answer.status != _EXISTS or self._http.refusal(answer).code == "ABORTED":
            self._http.check(answer)

    def _fill(self, file: LocalFile) -> None:
        boundary = f"reconciler-{file.sha256}"  # bytes cannot hold their own hash
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{_filename(file)}"\r\n'
            f"Content-Type: {_BINARY}\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        with closing(_told(file, reading.stream(file, head, tail), len(head))) as body:
            answer = self._http.send(
                "POST",
                self._path(file, ":upload"),
                content=body,
                headers={
                    "Content-Type": f"multipart/form-data; boundary={boundary}",
                    "Content-Length": str(len(head) + file.size + len(tail)),
                },
                timeout=UPLOAD_TIMEOUT,
            )
        self._http.check(answer)

    def _fill_elsewhere(self, file: LocalFile) -> None:
        """Send the bytes to an address that Fireworks hands out anew for every try."""
        asked = {"filenameToSize": {_filename(file): str(file.size)}}
        url = self._upload_url(self._post(file, ":getUploadEndpoint", asked), file)
        try:
            with closing(_told(file, reading.stream(file))) as body:
                signed_url.use(
                    "PUT",
                    url,
                    what=f"the upload of {file.path.name} to the storage of {self._name}",
                    content=body,
                    headers={
                        "Content-Type": _BINARY,
                        "Content-Length": str(file.size),
                        "x-goog-content-length-range": f"{file.size},{file.size}",
                    },
                    timeout=UPLOAD_TIMEOUT,
                )
        except Refused as error:  # no word of Fireworks on the data
            raise ProviderUnavailable(error.message) from None

    def _upload_url(self, answer: Answer, file: LocalFile) -> str:
        urls = (answer.document() or {}).get("filenameToSignedUrls")
        url = urls.get(_filename(file)) if isinstance(urls, Mapping) else None
        if not isinstance(url, str):
            raise ProviderUnavailable(f"{self._name} gave no address to upload to")
        return url

    def _awaited(self, file: LocalFile, *, validated: bool) -> FileRef:
        """The dataset once it is ready. `validated`: Fireworks looks at it without being asked."""
        for wait in WAITS:
            validated = validated or self._validated(file)
            stored = self._look(self._own_name(file))
            if stored is not None and stored.ready:
                return _ref(stored, file)
            if stored is not None and stored.failure:
                raise CreateRejected(
                    f"{self._name} cannot use {file.path.name}: {stored.failure}",
                    remedy=Remedy.FIX_SPEC,
                    hint="look at the data with `reconcile datasets`",
                )
            self._sleep(wait)
        raise ProviderUnavailable(
            f"{self._name} has {file.path.name} and is not done looking at it",
            hint="run again later: what is uploaded stays",
        )

    def _validated(self, file: LocalFile) -> bool:
        """Ask Fireworks to look at what was uploaded; False if storage has not finished it yet."""
        try:
            self._http.repeat(lambda: self._post(file, ":validateUpload", {}))
        except Refused as error:
            if error.refused.code == _PRECONDITION:
                return False
            raise self._rejected(error) from None
        return True

    def _look(self, name: str) -> StoredDataset | None:
        try:
            answer = self._http.ask("GET", f"/v1/{name}")
        except Refused as error:
            if error.refused.status == _NOT_FOUND and error.refused.structured:
                return None
            raise
        stored = wire.stored_dataset(answer.document())
        if stored is None:
            raise ProviderUnavailable(f"{self._name} answered {answer.where} with no dataset")
        return stored

    def _post(self, file: LocalFile, verb: str, body: Mapping[str, Any]) -> Answer:
        content = json.dumps(body).encode()
        return self._http.check(
            self._http.send("POST", self._path(file, verb), content=content, headers=_JSON)
        )

    def _rejected(self, error: Refused) -> CreateRejected | Refused:
        """The refusal of our data as one of the create; of anything else, as it is."""
        if error.refused.status in SURELY_REFUSED and error.refused.structured:
            return rejection(error.refused, self._name, self._key_env)
        return error

    def _own_name(self, file: LocalFile) -> str:
        return names.dataset(dataset_id(file.sha256), self._account())

    def _path(self, file: LocalFile | None = None, verb: str = "") -> str:
        if file is None:
            return f"/v1/accounts/{self._account()}/datasets"
        return f"/v1/{self._own_name(file)}{verb}"


def _may_be_full(error: Refused, rejected: CreateRejected | Refused) -> bool:
    """Whether a dataset takes no bytes because it has them: those of a run that lost the answer."""
    account = isinstance(rejected, CreateRejected) and rejected.remedy is Remedy.FIX_ACCOUNT
    return error.refused.code == _PRECONDITION and not account


def _told(
    file: LocalFile, body: Generator[bytes, None, None], head: int = 0
) -> Generator[bytes, None, None]:
    """The body as it is, told of as it leaves. `head` counts its bytes before the file's."""
    left = -head
    with closing(body):
        for block in body:
            yield block
            left += len(block)
            file.tell(min(max(left, 0), file.size))


def _filename(file: LocalFile) -> str:
    return f"{dataset_id(file.sha256)}.jsonl"


def _ref(stored: StoredDataset, file: LocalFile) -> FileRef:
    return FileRef(
        reference=stored.name,
        sha256=file.sha256,
        size=file.size,
        uploaded_at=stored.created_at or 0,
    )
