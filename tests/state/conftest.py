"""What the tests of S3's store share: one server per module, as new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.state.s3_server import S3, at_home, serve


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with serve() as served:
        yield served


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An S3 with nothing in it, and credentials that are none."""
    at_home(monkeypatch)
    server.begin()
    return server
