"""The composition root of the sandbox: every provider's routes in one application.

`server` runs it on a port, tests call it directly. A further provider is a line in `build`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from reconciler.errors import ConfigError
from reconciler.sandbox.aws import is_signed
from reconciler.sandbox.bedrock.routes import routes as bedrock_routes
from reconciler.sandbox.bedrock.wire import BedrockDialect
from reconciler.sandbox.exchange import Dialect, Refusal, World
from reconciler.sandbox.faults import Fault, FaultScript
from reconciler.sandbox.fireworks import storage
from reconciler.sandbox.fireworks.routes import routes as fireworks_routes
from reconciler.sandbox.fireworks.wire import FireworksDialect
from reconciler.sandbox.journal import Journal, entry_of
from reconciler.sandbox.openai.routes import routes as openai_routes
from reconciler.sandbox.openai.wire import OpenAIDialect
from reconciler.sandbox.s3 import routes as s3
from reconciler.sandbox.s3.object_store import ObjectStore
from reconciler.sandbox.s3.wire import S3Dialect


def build(
    data_dir: Path,
    *,
    speed: float = 1.0,
    faults: Sequence[Fault] = (),
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The sandbox over one folder, which any number of servers and processes may share.

    `speed` divides every duration of a job: at 1.0 a small one takes about eight seconds. Raises
    ConfigError where the speed or the folder cannot be used.
    """
    if not speed > 0:
        raise ConfigError(f"the sandbox cannot run at speed {speed:g}", hint="use more than 0")
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the sandbox cannot keep its data in {data_dir}: {error.strerror}",
            hint="choose another folder",
        ) from error
    world = World(
        data_dir=data_dir.absolute(), speed=speed, clock=clock, faults=FaultScript(faults)
    )
    objects = ObjectStore(world)
    app = Starlette(
        routes=[
            *openai_routes(world),
            *s3.routes(world, objects),
            *bedrock_routes(world, objects),
            *fireworks_routes(world),
        ],
        middleware=[Middleware(Journal, path=world.data_dir / "requests.jsonl", clock=clock)],
        exception_handlers={HTTPException: _no_route},
    )
    app.router.redirect_slashes = False  # a file without an id is not the list of files
    return app


async def _no_route(request: Request, error: Exception) -> Response:
    """A path that no provider has, a method that a path has not, a form nobody can read."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    dialect = _dialect_of(request)
    try:
        dialect.authenticate(request)
    except Refusal as refusal:
        response = refusal.response
    else:
        response = dialect.no_route(request, status, detail)
    dialect.stamp(response, entry_of(request.scope))
    return response


def _dialect_of(request: Request) -> Dialect:
    """Who answers for a path that leads nowhere: OpenAI, whose API is the one people mistype."""
    path = request.url.path
    if path.startswith(s3.PREFIX):
        return S3Dialect()
    if path.startswith("/v1/accounts"):
        return FireworksDialect()
    if path.startswith(storage.PREFIX):
        return storage.StorageDialect()
    return BedrockDialect() if is_signed(request) else OpenAIDialect()
