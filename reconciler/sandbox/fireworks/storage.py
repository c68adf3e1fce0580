"""The storage behind the gateway: addresses that are signed, and take no key.

`datasets` and `jobs` make the addresses, this module's handlers answer them. Requests and refusals
are Google Cloud Storage's, whose signed addresses Fireworks hands out: whoever has one needs no
key, and whoever sends one anyway, or other bytes than announced, is refused.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.exchange import Refusal, World
from reconciler.sandbox.fireworks import learning
from reconciler.sandbox.fireworks.dataset_store import DatasetStore, check_open
from reconciler.sandbox.fireworks.job_store import JobStore
from reconciler.sandbox.journal import Entry, entry_of
from reconciler.sandbox.store import Record

PREFIX = "/fireworks-signed"
"""Where the storage lives."""

UPLOAD_SECONDS = 3_600
DOWNLOAD_SECONDS = 599
"""How long an address is good."""

_ERRORS = {
    "AccessDenied": (403, "Access denied."),
    "EntityTooLarge": (400, "Your proposed upload is larger than the maximum allowed."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed."),
    "ExpiredToken": (400, "The provided token has expired."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidArgument": (400, "Invalid argument."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "ServiceUnavailable": (503, "Please reduce your request rate."),
    "SignatureDoesNotMatch": (
        403,
        (
            "Access denied. The request signature we calculated does not match the signature you "
            "provided."
        ),
    ),
}
_USUAL_CODES = {
    400: "InvalidArgument",
    403: "AccessDenied",
    404: "NoSuchKey",
    500: "InternalError",
    503: "ServiceUnavailable",
}


class StorageDialect:
    """How the storage answers; see `exchange.Dialect`."""

    provider = "fireworks"

    def authenticate(self, request: Request) -> None:
        """The address is all the proof there is; a key beside it is one too many."""
        entry_of(request.scope).details = {"query": "signed"}  # an address is a secret
        if "authorization" in request.headers:
            raise _refused(
                "InvalidArgument",
                "A signed address takes no Authorization header: only one authentication mechanism "
                "is allowed.",
            )

    def refusal(self, status: int, code: str) -> Response:
        """The storage's error for a status; `code` is any of its codes, "" the usual one."""
        code = code or _USUAL_CODES.get(status, "InternalError")
        _, usual = _ERRORS.get(code, (0, f"The sandbox was told to answer with status {status}."))
        return _error(status, code, usual)

    def no_route(self, request: Request, status: int, detail: str) -> Response:  # noqa: ARG002 - as its protocol
        """What the storage says to an address that it has never signed."""
        return self.refusal(404, "")

    def stamp(self, response: Response, entry: Entry) -> None:
        """The headers of every reply."""
        response.headers["x-guploader-uploadid"] = entry.request_id


class StorageHandlers:
    """One method per operation."""

    def __init__(self, world: World, datasets: DatasetStore, jobs: JobStore) -> None:
        self._world = world
        self._datasets = datasets
        self._jobs = jobs

    async def put(self, request: Request) -> Response:
        """Take one file of a dataset: as many bytes as were announced, and no others."""
        name, dataset = request.path_params["file"], request.path_params["dataset"]
        record = self._record(dataset)
        registered = record["registered"].get(name)
        if registered is None:
            raise _refused("SignatureDoesNotMatch")
        self._check_signature(request, registered["signature"], registered["expires"])
        size = registered["size"]
        if request.headers.get("content-type") != "application/octet-stream":
            raise _refused("SignatureDoesNotMatch")
        if request.headers.get("x-goog-content-length-range", "").replace(" ", "") != (
            f"{size},{size}"
        ):
            raise _refused("SignatureDoesNotMatch")
        file = f"{secrets.token_hex(8)}.bytes"
        path = self._datasets.folder(record) / file
        arrived = await _receive(request, path, size)
        if arrived != size:
            path.unlink()
            raise _refused("EntityTooSmall" if arrived < size else "EntityTooLarge")

        def with_file(record: Record) -> Record:
            files = record["registered"]
            return {**record, "registered": {**files, name: {**registered, "file": file}}}

        self._datasets.change(dataset, with_file)
        return Response()

    async def metrics(self, request: Request) -> Response:
        """A job's metrics so far; there is no such object before it has trained."""
        kind, name = request.path_params["kind"], request.path_params["job"]
        record = self._jobs.find(kind, name)
        expires = request.query_params.get("X-Goog-Expires-At", "")
        if record is None or not expires.isdigit():
            raise _refused("SignatureDoesNotMatch")
        self._check_signature(request, _signature(record, expires), int(expires))
        course, now = self._jobs.course(record), self._world.clock()
        if not course.has_begun(now):
            raise _refused("NoSuchKey")
        content = learning.metrics_file(record, course.progress(now))
        return Response(content, media_type="application/octet-stream")

    def _record(self, dataset: str) -> Record:
        try:
            record = self._datasets.get(dataset)
            check_open(record)
        except Refusal:
            raise _refused("SignatureDoesNotMatch") from None
        return record

    def _check_signature(self, request: Request, expected: str, expires: float) -> None:
        given = request.query_params.get("X-Goog-Signature", "")
        if not secrets.compare_digest(given.encode(), expected.encode()):
            raise _refused("SignatureDoesNotMatch")
        if self._world.clock() >= expires:
            raise _refused("ExpiredToken")


def upload_address(base_url: str, dataset: str, name: str, signature: str) -> str:
    """Where to put one file of a dataset."""
    query = {
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Expires": UPLOAD_SECONDS,
        "X-Goog-SignedHeaders": "content-type;host;x-goog-content-length-range",
        "X-Goog-Signature": signature,
    }
    path = f"{PREFIX}/datasets/{dataset}/{quote(name)}"
    return f"{base_url.rstrip('/')}{path}?{urlencode(query)}"


def metrics_address(base_url: str, record: Record, now: float) -> str:
    """Where a job's metrics can be had for a while."""
    expires = str(int(now) + DOWNLOAD_SECONDS)
    query = {
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Expires": DOWNLOAD_SECONDS,
        "X-Goog-Expires-At": expires,
        "X-Goog-SignedHeaders": "host",
        "X-Goog-Signature": _signature(record, expires),
    }
    path = f"{PREFIX}/{record['kind']}/{record['id']}/metrics.jsonl"
    return f"{base_url.rstrip('/')}{path}?{urlencode(query)}"


async def _receive(request: Request, path: Path, most: int) -> int:
    """Write the body to a file and count it; stops as soon as it is too long."""
    size = 0
    with path.open("wb") as out:
        async for block in request.stream():
            size += len(block)
            if size > most:
                break
            out.write(block)
    return size


def _signature(record: Record, expires: str) -> str:
    return hashlib.sha256(f"{record['secret']} {expires}".encode()).hexdigest()


def _refused(code: str, message: str = "") -> Refusal:
    status, usual = _ERRORS[code]
    return Refusal(_error(status, code, message or usual))


def _error(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    declared = f"<?xml version='1.0' encoding='UTF-8'?>{body}"
    return Response(declared, status_code=status, media_type="application/xml")
