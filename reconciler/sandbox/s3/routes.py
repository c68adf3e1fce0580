"""Which operation a request is: S3 says it with the method, the depth of the path and the query.

`app.build` asks for the routes. A new operation is a line in `_operation`, a handler, and a word in
`faults.OPERATIONS_OF`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.exchange import Handler, World, operation
from reconciler.sandbox.s3.buckets import BucketHandlers
from reconciler.sandbox.s3.multipart import MultipartHandlers
from reconciler.sandbox.s3.object_store import ObjectStore
from reconciler.sandbox.s3.objects import ObjectHandlers
from reconciler.sandbox.s3.wire import S3Dialect, refused

PREFIX = "/s3"
"""Where S3 lives: clients use `url + PREFIX` as their endpoint, with path-style addressing."""

_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
_IGNORED_QUERY = {"x-id"}  # what botocore adds to tell operations apart; S3 does not need it
_LIST_QUERY = {
    *("list-type", "prefix", "delimiter", "max-keys", "encoding-type", "fetch-owner"),
    *("continuation-token", "start-after"),
}
_PARTS_QUERY = {"uploadId", "max-parts", "part-number-marker"}

_PathHandler = Callable[[Request, str, str], Awaitable[Response]]


def routes(world: World, objects: ObjectStore) -> list[Route]:
    """Everything this provider answers."""
    single = ObjectHandlers(objects)
    buckets = BucketHandlers(objects)
    multipart = MultipartHandlers(world, objects)
    handlers: dict[str, _PathHandler] = {
        "upload": single.put,
        "content": single.get,
        "file": single.head,
        "delete-file": single.delete,
        "upload-start": multipart.start,
        "upload-part": multipart.part,
        "upload-complete": multipart.complete,
        "upload-cancel": multipart.abort,
        "upload-parts": multipart.parts,
        "buckets": buckets.list_buckets,
        "create-bucket": buckets.create,
        "bucket": buckets.head,
        "files": buckets.list_objects,
    }
    dialect = S3Dialect()
    endpoints = {
        name: operation(world, dialect, name, _with_path(handler))
        for name, handler in handlers.items()
    }
    nothing = operation(world, dialect, "unknown", _refuse)

    async def dispatch(request: Request) -> Response:
        name = _operation(request)
        return await (endpoints[name] if name else nothing)(request)

    paths = (PREFIX, PREFIX + "/{path:path}")
    return [Route(path, dispatch, methods=list(_METHODS)) for path in paths]


def _operation(request: Request) -> str | None:
    """The operation's name, or None for one that the sandbox has not."""
    bucket, key = _bucket_and_key(request)
    query = set(request.query_params) - _IGNORED_QUERY
    method = request.method
    if "x-amz-copy-source" in request.headers:
        return None
    if not bucket:
        return "buckets" if method == "GET" and not query else None
    if not key:
        if method == "GET" and query <= _LIST_QUERY:
            return "files" if request.query_params.get("list-type") == "2" else None
        return {"PUT": "create-bucket", "HEAD": "bucket"}.get(method) if not query else None
    if not query:
        return {"PUT": "upload", "GET": "content", "HEAD": "file", "DELETE": "delete-file"}.get(
            method
        )
    if method == "GET" and "uploadId" in query and query <= _PARTS_QUERY:
        return "upload-parts"
    return _UPLOAD_OPERATIONS.get((method, frozenset(query)))


_UPLOAD_OPERATIONS = {
    ("POST", frozenset({"uploads"})): "upload-start",
    ("PUT", frozenset({"partNumber", "uploadId"})): "upload-part",
    ("POST", frozenset({"uploadId"})): "upload-complete",
    ("DELETE", frozenset({"uploadId"})): "upload-cancel",
}


def _with_path(handler: _PathHandler) -> Handler:
    async def handle(request: Request) -> Response:
        return await handler(request, *_bucket_and_key(request))

    return handle


def _bucket_and_key(request: Request) -> tuple[str, str]:
    """Both from the path as it was sent: a key may hold any character, also a slash at its end."""
    raw = request.scope["raw_path"].decode("latin-1").removeprefix(PREFIX).removeprefix("/")
    bucket, _, key = raw.partition("/")
    return unquote(bucket), unquote(key)


async def _refuse(request: Request) -> Response:
    raise refused("NotImplemented", Method=request.method)
