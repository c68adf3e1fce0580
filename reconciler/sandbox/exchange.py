"""One request, from the door to the reply: authenticate, meet a fault, handle, log, answer.

Every provider wraps its handlers with `operation`, so that a fault means the same for all of them.
The providers' own words (who may enter, what a refusal looks like, which headers a reply carries)
come in a `Dialect`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from reconciler.sandbox.faults import Effect, Fault, FaultScript
from reconciler.sandbox.journal import Entry, entry_of

SEVER = "reconciler.sandbox.sever"
"""The ASGI extension with which a server lets an application cut a connection."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all providers of one sandbox share. `speed` divides every duration of a job."""

    data_dir: Path
    speed: float
    clock: Callable[[], float]
    faults: FaultScript


class Refusal(Exception):
    """A handler says no: the reply that says so, in the provider's words."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"refused with {response.status_code}")
        self.response = response


class Dialect(Protocol):
    """How one provider speaks."""

    provider: str

    def authenticate(self, request: Request) -> None:
        """Let the request in, or raise Refusal."""

    def refusal(self, status: int, code: str) -> Response:
        """The reply with which a provider out of order says this status; `code` "" is the usual."""

    def no_route(self, request: Request, status: int, detail: str) -> Response:
        """The reply to a path or method the provider has not, or to a form that nobody can read.

        `status` and `detail` are Starlette's own view of it.
        """

    def stamp(self, response: Response, entry: Entry) -> None:
        """Add the headers that every reply carries."""


def operation(world: World, dialect: Dialect, name: str, handler: Handler) -> Handler:
    """The endpoint for one operation of `faults.OPERATIONS`."""

    async def endpoint(request: Request) -> Response:
        entry = entry_of(request.scope)
        entry.operation = f"{dialect.provider}.{name}"
        try:
            dialect.authenticate(request)
        except Refusal as refusal:
            response = refusal.response
        else:
            fault = world.faults.take(dialect.provider, name)
            response = await _answer(request, dialect, handler, fault)
        dialect.stamp(response, entry)
        return response

    return endpoint


def fault_of(request: Request) -> Fault | None:
    """The fault this request met, for the handler that has a part in it."""
    fault: Fault | None = request.state.fault
    return fault


def bounded(request: Request, limit: int, refusal: Callable[[], Refusal]) -> Request:
    """The request with a body of at most `limit` bytes; reading more of it raises the refusal.

    Raises it at once where the request announces a longer body.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise refusal()
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise refusal()
        return message

    return Request(request.scope, receive)


async def _answer(
    request: Request, dialect: Dialect, handler: Handler, fault: Fault | None
) -> Response:
    """Play the fault around the handler. The line is logged as soon as the effect is done."""
    entry = entry_of(request.scope)
    entry.fault = str(fault) if fault else None
    request.state.fault = fault
    if fault and fault.effect is Effect.DROP_BEFORE:
        return await _drop(request, entry)
    if fault and fault.effect is Effect.STATUS:
        return dialect.refusal(fault.status, fault.code)
    try:
        if fault and fault.effect is Effect.HANG_BEFORE:
            request = await _received(request)
            await asyncio.sleep(fault.seconds)
        response = await handler(request)
    except Refusal as refusal:
        response = refusal.response
    except ClientDisconnect:  # in the middle of its body: there is nothing to handle
        entry.write(None)
        return Response()
    if fault and fault.effect is Effect.DROP_AFTER:
        return await _drop(request, entry)
    if fault and fault.effect is Effect.STATUS_AFTER:
        response = dialect.refusal(fault.status, fault.code)
    if fault and fault.effect is Effect.BAD_JSON:
        response = Response(b'{"object": "', media_type="application/json")
    entry.write(response.status_code)
    if fault and fault.effect is Effect.HANG_AFTER:
        await asyncio.sleep(fault.seconds)
    return response


async def _received(request: Request) -> Request:
    """The request with its body in hand: it will be handled even if the client goes away."""
    body = await request.body()
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await request.receive()

    return Request(request.scope, receive)


async def _drop(request: Request, entry: Entry) -> Response:
    """Close the connection without a reply; what is returned reaches nobody."""
    entry.write(None)
    sever = request.scope.get("extensions", {}).get(SEVER)
    if sever is None:
        raise ConnectionAbortedError("dropped by a fault; this server cannot cut connections")
    sever()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()
