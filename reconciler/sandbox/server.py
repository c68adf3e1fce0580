"""A sandbox on a loopback port: inside a command, or in the foreground.

The command line embeds it with `serve` and offers it with `run_forever`; the tests use `serve`. The
server lives in a thread of its own with its own event loop, touches no signals and no logging, and
when it stops it stops at once: requests under way are cut off, as by a machine that goes down.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from reconciler.errors import ConfigError
from reconciler.sandbox.faults import Fault

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send
    from uvicorn.server import ServerState

_EXTRA = ("starlette", "uvicorn", "python_multipart")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A sandbox that answers.

    `url` has no path: it is the endpoint of Bedrock and of Fireworks; OpenAI is at `url + "/v1"`,
    S3 at `url + "/s3"`.
    """

    url: str


@contextlib.contextmanager
def serve(
    data_dir: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float = 1.0,
    faults: Sequence[Fault] = (),
    clock: Callable[[], float] = time.time,
) -> Iterator[Running]:
    """Serve the sandbox over a folder while the context lasts; port 0 is any free one.

    Raises ConfigError where the `sandbox` extra is not installed or the port cannot be had.
    """
    _require_extra()
    from reconciler.sandbox.app import build

    app = build(data_dir, speed=speed, faults=faults, clock=clock)
    with _listen(host, port) as listener:
        chosen = listener.getsockname()[1]
        server = _Server(app, listener)
        thread = threading.Thread(target=server.run, name="sandbox", daemon=True)
        thread.start()
        try:
            server.started.wait()
            shown = f"[{host}]" if ":" in host else host
            yield Running(url=f"http://{shown}:{chosen}")
        finally:
            server.stop()
            thread.join()


def run_forever(
    data_dir: Path,
    *,
    on_ready: Callable[[str], None],
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float = 1.0,
    faults: Sequence[Fault] = (),
) -> None:
    """Serve in the foreground until Ctrl-C or SIGTERM, then return. `on_ready` is given the URL.

    Raises what `serve` raises. Must be called from the main thread.
    """
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with serve(data_dir, host=host, port=port, speed=speed, faults=faults) as running:
            on_ready(running.url)
            while True:
                time.sleep(3_600)
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, previous)


class _Server:
    """One event loop on one listening socket. `run` is the thread's, the rest is the caller's.

    It uses uvicorn's HTTP protocol without uvicorn's server, which takes a fifth of a second to
    stop, waits for requests under way, and cannot close a connection without a reply.
    """

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        from uvicorn.server import ServerState

        self.started = threading.Event()
        self._listener = listener
        self._state = ServerState()
        self._protocol = _protocol_factory(app, self._state)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def run(self) -> None:
        """Answer until `stop`."""
        try:
            asyncio.run(self._run())
        finally:
            self.started.set()

    def stop(self) -> None:
        """Ask the loop to end. It is no error if it has."""
        if self._loop and self._stopping:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._protocol, sock=self._listener)
        self.started.set()
        await self._stopping.wait()
        server.close()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # lets every connection hear that it is lost


def _protocol_factory(app: Starlette, state: ServerState) -> Callable[[], asyncio.Protocol]:
    """Make uvicorn's HTTP/1.1 protocol, with the power to cut a connection given to the app."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from reconciler.sandbox.exchange import SEVER

    config = uvicorn.Config(
        app,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        # Longer than any client keeps a connection: the server never closes one under a request.
        timeout_keep_alive=600,
        server_header=False,
    )
    config.load()

    class SeverableProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
            super().connection_made(transport)

            async def with_sever(scope: Scope, receive: Receive, send: Send) -> None:
                scope["extensions"] = {SEVER: transport.abort}
                try:
                    await app(scope, *_closing_unread(scope, receive, send))
                except asyncio.CancelledError:  # the server stops: nobody waits for a reply
                    transport.abort()
                    while (await receive())["type"] != "http.disconnect":
                        pass

            self.app = with_sever

    return lambda: SeverableProtocol(config=config, server_state=state, app_state={})


def _closing_unread(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Close the connection of a client that asked whether to send its body and heard no yes.

    It will not send the body, and what it sends next would be taken for it.
    """
    waiting = (b"expect", b"100-continue") in scope["headers"]

    async def receive_noted() -> Message:
        nonlocal waiting
        waiting = False  # asking for the body is what says yes
        return await receive()

    async def send_closing(message: Message) -> None:
        if waiting and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return receive_noted, send_closing


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only for sockets that name their protocol.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            raise ConfigError(
                f"the sandbox cannot listen on {host}:{port}: {error.strerror}",
                hint="choose another port; 0 is any free one",
            ) from error
        yield listener


def _require_extra() -> None:
    for module in _EXTRA:
        if importlib.util.find_spec(module) is None:
            raise ConfigError(
                f"the sandbox needs the sandbox extra: {module} is not installed",
                hint="pip install 'finetune-reconciler[sandbox]'",
            )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
