"""What the tests of one provider share: for Bedrock its adapter, for Fireworks a file to upload.

A module that needs another `at`, `shared` or `file` has its own, which goes before these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.providers.base import LocalFile
from tests.providers.bedrock_bench import NOT_FOUND, Bench, bench
from tests.providers.fireworks_datasets_store import CONTENT, local
from tests.providers.loopback import script


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with bench(script(NOT_FOUND)) as made:
        yield made


@pytest.fixture
def at(shared: Bench) -> Bench:
    """The one adapter of these tests, at a server that nobody has asked anything yet."""
    shared.server.heard.clear()
    shared.naps.clear()
    return shared


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    return local(tmp_path / "train.jsonl", CONTENT)
