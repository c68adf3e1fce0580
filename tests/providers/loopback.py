"""A server on loopback that says byte by byte what a test scripts, and notes what it heard.

For quirks that a decent server does not have. What a decent server does is tested on the sandbox.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.errors import ProviderError
from reconciler.providers.openai.adapter import OpenAIProvider

Adapter = TypeVar("Adapter")

KEY = "sk-proj-Zm9vYmFyYmF6cXV4-0123456789"


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {key: values[-1] for key, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, tuple[str | None, object]]:
        """The fields of a multipart body: file name and content."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + self.body)
        return {
            str(part.get_param("name", header="content-disposition")): (
                part.get_filename(),
                part.get_payload(decode=True),
            )
            for part in message.walk()
            if not part.is_multipart()
        }


@dataclass(frozen=True)
class Reply:
    """One answer. `drop` closes the connection instead; `raw` is sent as it is."""

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    raw: bytes = b""


DROP = Reply(drop=True)

Answering = Callable[[Heard], Reply]


def script(*replies: Reply) -> Answering:
    """One reply after another; the last one for ever."""
    left = list(replies)

    def answer(_: Heard) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def route(table: Mapping[str, Reply | Answering]) -> Answering:
    """A reply by `METHOD /path`; 404 in OpenAI's shape for everything else."""

    def answer(heard: Heard) -> Reply:
        found = table.get(f"{heard.method} {unquote(heard.path)}")
        if found is None:
            return error(404, f"No such thing: {heard.path}")
        return found if isinstance(found, Reply) else found(heard)

    return answer


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": "made_up", "param": None, "code": code}}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(status, body, named)


def page(*entries: object, more: bool | None = False) -> Reply:
    """A page of a list."""
    body: dict[str, object] = {"object": "list", "data": list(entries)}
    return Reply(200, body if more is None else {**body, "has_more": more})


def pages(entries: Sequence[Mapping[str, Any]], size: int = 2) -> Answering:
    """A list that pages by `after`, as OpenAI's do."""

    def answer(heard: Heard) -> Reply:
        ids = [entry["id"] for entry in entries]
        after = heard.query.get("after")
        start = ids.index(after) + 1 if after else 0
        return page(*entries[start : start + size], more=start + size < len(entries))

    return answer


def complaints(provider: Adapter, calls: Iterable[Callable[[Adapter], object]]) -> str:
    """All that these calls raise and what it came from, in every way it can be shown."""
    said = ""
    for call in calls:
        try:
            call(provider)
        except ProviderError as raised:
            shown: BaseException | None = raised
            while shown is not None:
                said += f"{shown} {shown!r} {vars(shown)}"
                shown = shown.__cause__
    return said


@dataclass
class Loopback:
    """The server and everything it heard."""

    url: str
    answer: Answering
    heard: list[Heard] = field(default_factory=list)

    def requests(self) -> list[str]:
        """What was asked, as `METHOD /path`."""
        return [f"{heard.method} {heard.path}" for heard in self.heard]


@dataclass
class Bench:
    """A server, an adapter that speaks to it, and the waits the adapter asked for."""

    server: Loopback
    provider: OpenAIProvider
    naps: list[float]


@contextmanager
def bench(answer: Answering, **settings: Any) -> Iterator[Bench]:
    """An adapter at a scripted server. `settings` are those of reconciler.yaml."""
    naps: list[float] = []
    with loopback(answer) as server:
        values = {"name": "openai", "base_url": f"{server.url}/v1", **settings}
        environment = {"OPENAI_API_KEY": KEY, "GATEWAY": "gateway-secret-77"}
        provider = providers.connect(OpenAISettings(**values), environment, sleep=naps.append)
        assert isinstance(provider, OpenAIProvider)
        try:
            yield Bench(server=server, provider=provider, naps=naps)
        finally:
            provider.close()


@contextmanager
def loopback(answer: Answering) -> Iterator[Loopback]:
    """Serve until the context ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = Loopback(url=f"http://127.0.0.1:{server.server_port}", answer=answer)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    state: Loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 10

    def _any(self) -> None:
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        heard = Heard(
            method=self.command,
            target=self.path,
            headers={key.lower(): value for key, value in self.headers.items()},
            body=body,
            connection=self.client_address[1],
        )
        self.server.state.heard.append(heard)
        reply = self.server.state.answer(heard)
        if reply.drop or reply.raw:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        headers = {"Content-Length": str(len(content)), **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = _any  # noqa: N815 - the base finds methods by these names
    do_POST = _any  # noqa: N815 - as above
    do_PUT = _any  # noqa: N815 - as above
    do_DELETE = _any  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        """Say nothing."""
