"""moto's S3 on loopback: another hand's idea of the protocol, over the wire.

S3 carries out one conditional write at a time; moto looks and then writes, without a lock in
between. So its requests are let in one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.config import S3StateSettings
from reconciler.state.s3.bucket import Bucket

BUCKET = "my-team"


@dataclass(frozen=True)
class Moto:
    """The server, and the one bucket in it."""

    url: str
    bucket: Bucket
    _objects: Any

    def settings(self, key: str) -> S3StateSettings:
        """Where the state of this key lies."""
        return S3StateSettings(bucket=BUCKET, key=key, region="us-east-1", endpoint_url=self.url)

    def put(self, key: str, data: bytes) -> None:
        """Write behind everybody's back."""
        found = self.bucket.get(key)
        self.bucket.put(key, data, found.etag if found else None)

    def age(self, key: str, seconds: float) -> None:
        """Make an object older, as if it had been written so long ago."""
        self._objects[key].last_modified -= timedelta(seconds=seconds)


@contextmanager
def moto_server() -> Iterator[Moto]:
    """Serve until the context ends, with the bucket in it. Credentials are in the environment."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - its base's name
            """Say nothing."""

    app = _one_by_one(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    backend = s3_backends["123456789012"]["aws"]
    made = backend.create_bucket(BUCKET, "us-east-1")
    url = f"http://127.0.0.1:{server.server_port}"
    settings = S3StateSettings(bucket=BUCKET, key="", region="us-east-1", endpoint_url=url)
    try:
        yield Moto(url=url, bucket=Bucket(settings), _objects=made.keys)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _one_by_one(app: Callable[..., Any]) -> Callable[..., Any]:
    guard = threading.Lock()

    def serialised(environ: Any, start_response: Any) -> Any:
        with guard:
            return app(environ, start_response)

    return serialised
