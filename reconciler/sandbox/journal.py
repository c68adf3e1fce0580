"""What the sandbox was asked: `requests.jsonl`, one line per request, only ever appended to.

Tests count from it what would have been billed: a line with a `job` is a job that was created,
whatever became of the reply. Lines hold no header, so no key; a line is written before its reply
leaves, so whoever has the reply finds the line.

    {"time": 1764000000.1, "method": "POST", "path": "/v1/fine_tuning/jobs", "query": "",
     "operation": "openai.create", "fault": "create=drop-after,x1", "status": null,
     "request_id": "req_…", "job": "ftjob-…", "model": "…", "training_file": "file-…",
     "suffix": null, "metadata": {…}}

`status` is null where the connection was closed without a reply, `fault` where none was met.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCOPE_KEY = "reconciler.sandbox.entry"


class Entry:
    """The line of one request while it is being answered; written once."""

    def __init__(self, path: Path, now: float, scope: Scope) -> None:
        self._path = path
        self._written = False
        self._began = time.perf_counter()
        self.request_id = f"req_{secrets.token_hex(16)}"
        self.operation: str | None = None
        self.fault: str | None = None
        self.details: dict[str, Any] = {}
        self._request = {
            "time": round(now, 3),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
        }

    @property
    def milliseconds(self) -> int:
        """How long the request has been in the house."""
        return int((time.perf_counter() - self._began) * 1_000)

    def write(self, status: int | None) -> None:
        """Append the line, unless that was done: `status` is the reply's, None for no reply."""
        if self._written:
            return
        self._written = True
        line = {
            **self._request,
            "operation": self.operation,
            "fault": self.fault,
            "status": status,
            "request_id": self.request_id,
            **self.details,
        }
        # One write to a file opened for appending: lines of several processes never mix.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)


class Journal:
    """The middleware around everything: it gives each request its entry and writes it at last."""

    def __init__(self, app: ASGIApp, path: Path, clock: Callable[[], float]) -> None:
        self._app = app
        self._path = path
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, its line written before the first byte of the reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = Entry(self._path, self._clock(), scope)
        scope[_SCOPE_KEY] = entry

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.write(message["status"])
            await send(message)

        await self._app(scope, receive, send_logged)


def entry_of(scope: Scope) -> Entry:
    """The line of the request being answered."""
    entry: Entry = scope[_SCOPE_KEY]
    return entry
