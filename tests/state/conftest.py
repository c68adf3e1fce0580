"""What the tests of the stores share: a path for the file, and an S3 as new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state.s3_server import S3, at_home, serve


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a state is kept, in a folder that is not there yet."""
    return tmp_path / ".reconciler" / "state.json"


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
