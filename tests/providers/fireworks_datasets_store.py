"""Fireworks' datasets as far as uploading goes, and the one dataset that the tests upload."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from tests.providers.fireworks_bench import DATASETS, GONE, grpc
from tests.providers.loopback import Heard, Reply

LINE = b'{"messages": [{"role": "user", "content": "hi"}]}\n'
CONTENT = LINE * 3 + b"\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
ID = f"ds-{SHA[:60]}"
NAME = f"accounts/acme/datasets/{ID}"
STORED = {"name": NAME, "state": "READY", "createTime": "2026-07-17T19:59:05Z"}
REF = FileRef(reference=NAME, sha256=SHA, size=len(CONTENT), uploaded_at=1784318345)
GET, MAKE, FILL = f"GET {DATASETS}/{ID}", f"POST {DATASETS}", f"POST {DATASETS}/{ID}:upload"
ENDPOINT = f"POST {DATASETS}/{ID}:getUploadEndpoint"
VALIDATE = f"POST {DATASETS}/{ID}:validateUpload"
PUT = "PUT /bucket/upload"


def local(path: Path, content: bytes) -> LocalFile:
    """A file with this content, measured."""
    path.write_bytes(content)
    return LocalFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@dataclass
class Store:
    """Fireworks' datasets, as far as uploading goes. A reply in `before` is given once instead.

    `slow` is how many looks find a dataset that is not ready after it has been filled.
    """

    before: dict[str, list[Reply]] = field(default_factory=dict)
    slow: int = 0
    state: str | None = None
    stored: bytes | None = None
    expected: str = ""
    url: str = ""
    failure: dict[str, str] = field(default_factory=dict)

    def __call__(self, heard: Heard) -> Reply:
        asked = f"{heard.method} {heard.path}"
        if self.before.get(asked):
            return self.before[asked].pop(0)
        match asked:
            case _ if asked == GET:
                return self.shown()
            case _ if asked == MAKE:
                if self.state is not None:
                    return grpc(409, 6, "exists")
                self.state = "UPLOADING"
                return Reply(200, {"name": NAME, "state": "UPLOADING"})
            case _ if asked == f"DELETE {DATASETS}/{ID}":
                self.state, self.stored, self.failure = None, None, {}
                return Reply(200, {})
            case _ if asked == FILL:
                return self.filled(heard.form["file"][1])
            case _ if asked == ENDPOINT:
                ((name, self.expected),) = heard.json["filenameToSize"].items()
                signed = f"{self.url}/bucket/upload?X-Goog-Signature=5ig"
                return Reply(200, {"filenameToSignedUrls": {name: signed}})
            case _ if asked == PUT:
                wanted = heard.headers["x-goog-content-length-range"]
                if "authorization" in heard.headers or wanted != f"{self.expected},{self.expected}":
                    return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
                self.stored = heard.body
                return Reply(200)
            case _ if asked == VALIDATE:
                return self.filled(self.stored) if self.stored else grpc(400, 9, "no file")
        return GONE

    def shown(self) -> Reply:
        if self.state is None:
            return GONE
        if self.state == "FILLED":
            self.slow -= 1
            self.state = "READY" if self.slow < 0 else "FILLED"
        state = "READY" if self.state == "READY" else "UPLOADING"
        return Reply(200, {**STORED, "state": state, "status": self.failure or None})

    def filled(self, content: object) -> Reply:
        assert isinstance(content, bytes)
        self.stored, self.state = content, "FILLED"
        return Reply(200, {})


def changes(heard: list[Heard]) -> list[str]:
    """The requests that change something, in their order."""
    return [f"{h.method} {h.path}" for h in heard if h.method != "GET"]
