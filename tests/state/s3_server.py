"""An S3 in memory that does one thing at a time, and goes wrong where a test says so.

For what moto cannot do: lose an answer, ignore a condition, answer 409, let time pass. What S3
itself does is taken from botocore's words for the operations, and from its documentation of
conditional requests.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from reconciler.config import S3StateSettings
from reconciler.state.base import LockOwner
from reconciler.state.s3.bucket import Bucket
from reconciler.state.s3.lease import Lease, LockObject
from reconciler.state.s3.store import S3Store
from tests.fakes import Clock

BUCKET = "my-team"
KEY = "ft/state.json"
LOCK = f"{KEY}.lock"
URL = f"s3://{BUCKET}/{KEY}"
ADA = LockOwner(id="1", who="ada@laptop", operation="apply", created_at=1700000000, process=42)
BOB = LockOwner(id="2", who="bob@runner", operation="watch", created_at=1700000001, process=43)
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"""A key that must never be seen again, whatever happens."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    bucket: str
    key: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Stored:
    """One object."""

    data: bytes
    etag: str
    written: float
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """An error answer; the request has no effect."""

    status: int
    code: str
    message: str = "no"


@dataclass(frozen=True)
class Unheard:
    """The connection ends before the request takes effect."""


@dataclass(frozen=True)
class Lost:
    """The request takes effect, and the connection ends without an answer."""


@dataclass(frozen=True)
class Late:
    """As Lost, but the effect comes when the test says `deliver`."""


@dataclass(frozen=True)
class Twice:
    """A proxy on the way sends the request again after its effect, and hands on that answer."""


@dataclass(frozen=True)
class Cut:
    """The answer ends in the middle."""


@dataclass(frozen=True)
class After:
    """Somebody else does something first; then all goes well."""

    deed: Callable[[], object]


Fault = Refusal | Unheard | Lost | Late | Twice | Cut | After
CONFLICT = Refusal(409, "ConditionalRequestConflict", "A conflicting operation is under way.")
BUSY = Refusal(503, "SlowDown", "Please reduce your request rate.")


@dataclass
class S3:
    """The server's inside. `ignores` are conditions as `PUT If-Match`; `naps` were asked for."""

    url: str
    clock: Clock = field(default_factory=Clock)
    ignores: Collection[str] = ()
    tells_time: bool = True
    keeps_metadata: bool = True
    etag: Callable[[bytes], str] = lambda data: f'"{hashlib.md5(data).hexdigest()}"'
    objects: dict[str, Stored] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)
    late: list[Heard] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)
    guard: threading.RLock = field(default_factory=threading.RLock)

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket, as boto3 sees it, with credentials that are none. It never really pauses."""
        settings = S3StateSettings(bucket=BUCKET, key=KEY, endpoint_url=self.url)
        return Bucket(settings, pause=self.nap)

    def store(self) -> S3Store:
        """A new store, as another run would have, with the server's clock on the wall."""
        return S3Store(self.bucket, KEY, clock=self.clock)

    def lock(self, clock: Clock | None = None) -> LockObject:
        """The lock's object, as a runner with that clock sees it."""
        return LockObject(self.bucket, KEY, clock=clock or self.clock)

    def take(self, owner: LockOwner = ADA, clock: Clock | None = None) -> Lease:
        """The lock, taken, and renewed by nobody: as of a run that was killed."""
        return self.lock(clock).take(owner)

    def holder(self) -> str | None:
        """Who the lock's object says holds it."""
        found = self.objects.get(LOCK)
        return None if found is None else json.loads(found.data)["owner"]["who"]

    def nap(self, seconds: float) -> None:
        """Note that somebody would have waited."""
        self.naps.append(seconds)

    def begin(self) -> None:
        """Be as new; only boto3, which takes its time to begin, goes on."""
        kept = {name: value for name, value in vars(self).items() if name in ("url", "bucket")}
        vars(self).update(vars(S3(url=self.url)) | kept)

    def next(self, request: str, *faults: Fault) -> None:
        """Let the next requests of this kind, as `PUT ft/state.json`, go wrong one by one."""
        method, key = request.split(" ", 1)
        self.faults += [(method, key, fault) for fault in faults]

    def put(self, key: str, data: bytes) -> None:
        """Write behind everybody's back."""
        self.objects[key] = Stored(data, self.etag(data), self.clock())

    def deliver(self) -> None:
        """Let late requests arrive at last."""
        late, self.late = self.late, []
        for heard in late:
            self.effect(heard)

    def requests(self, method: str, key: str = KEY) -> int:
        """How many there were of a kind."""
        return sum((heard.method, heard.key) == (method, key) for heard in self.heard)

    def fault(self, heard: Heard) -> Fault | None:
        """What the test wants to go wrong with this request."""
        for index, (method, key, fault) in enumerate(self.faults):
            if method == heard.method and re.fullmatch(key, heard.key):
                del self.faults[index]
                return fault
        return None

    def effect(self, heard: Heard) -> Stored | Refusal | None:
        """What a request comes to: an object, nothing, or a refusal."""
        if heard.bucket != BUCKET:
            return Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
        there = self.objects.get(heard.key)
        if refused := self._refused(heard, there):
            return refused
        if heard.method == "PUT":
            metadata = {
                name.removeprefix("x-amz-meta-"): value
                for name, value in heard.headers.items()
                if name.startswith("x-amz-meta-") and self.keeps_metadata
            }
            self.objects[heard.key] = Stored(
                heard.body, self.etag(heard.body), self.clock(), metadata
            )
        elif heard.method == "DELETE":
            self.objects.pop(heard.key, None)
        elif there is None:
            return Refusal(404, "NoSuchKey", "The specified key does not exist.")
        return self.objects.get(heard.key)

    def _refused(self, heard: Heard, there: Stored | None) -> Refusal | None:
        match, none_match = (
            None if f"{heard.method} {name}" in self.ignores else heard.headers.get(name.lower())
            for name in ("If-Match", "If-None-Match")
        )
        if match is not None and f"{heard.method} If-Match refused" in self.ignores:
            return Refusal(501, "NotImplemented", "A header implies what is not implemented.")
        if match is not None and there is None:
            return Refusal(404, "NoSuchKey", "The specified key does not exist.")
        stale = match is not None and there is not None and match != there.etag
        if stale or (none_match == "*" and there is not None):
            return Refusal(412, "PreconditionFailed", "A condition did not hold.")
        return None


@contextmanager
def serve() -> Iterator[S3]:
    """Serve until the context ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.s3 = S3(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server.s3
    finally:
        server.shutdown()
        server.hang_up()
        thread.join()
        server.server_close()


def at_home(patch: pytest.MonkeyPatch) -> None:
    """Credentials that are none, and nothing of whatever AWS settings this machine has."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    s3: S3

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[Any] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep for later."""
        import socket

        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended by itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _any(self) -> None:
        assert isinstance(self.server, _Server)
        s3 = self.server.s3
        heard = self._heard()
        with s3.guard:
            s3.heard.append(heard)
            fault = s3.fault(heard)
        if isinstance(fault, After):
            fault.deed()  # which may itself ask something of this server
        with s3.guard:
            answer: Stored | Refusal | None = fault if isinstance(fault, Refusal) else None
            if isinstance(fault, Late):
                s3.late.append(heard)
            elif not isinstance(fault, (Refusal, Unheard)):
                answer = s3.effect(heard)
            if isinstance(fault, Twice):
                answer = s3.effect(heard)
            if isinstance(fault, (Unheard, Late, Lost)):
                self.close_connection = True
                return
            self._answer(answer, s3, cut=isinstance(fault, Cut))

    do_GET = _any  # noqa: N815 - the base finds methods by these names
    do_PUT = _any  # noqa: N815 - as above
    do_DELETE = _any  # noqa: N815 - as above

    def _heard(self) -> Heard:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        _, bucket, key = unquote(urlsplit(self.path).path).split("/", 2)
        return Heard(self.command, bucket, key, headers, body)

    def _answer(self, answer: Stored | Refusal | None, s3: S3, *, cut: bool) -> None:
        headers = {"Date": formatdate(s3.clock(), usegmt=True)} if s3.tells_time else {}
        status, content = 200, b""
        match answer:
            case Refusal():
                inner = f"<Code>{answer.code}</Code><Message>{answer.message}</Message>"
                status, content = answer.status, f"<Error>{inner}</Error>".encode()
                headers["Content-Type"] = "application/xml"
            case Stored():
                headers |= {f"x-amz-meta-{name}": text for name, text in answer.metadata.items()}
                headers |= {
                    "ETag": answer.etag,
                    "Last-Modified": formatdate(answer.written, usegmt=True),
                }
                content = answer.data if self.command == "GET" else b""
        self.send_response_only(204 if self.command == "DELETE" and status == 200 else status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if cut:
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        """Say nothing."""
