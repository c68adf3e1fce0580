from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.gateway import chats, upload
from tests.sandbox.workbench import Api, Clock, opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Api]]:
    """Start a sandbox over this test's folder, as often as needed; faults are given as text."""
    with contextlib.ExitStack() as stack:

        def start(*faults: str, speed: float = 1.0) -> Api:
            return stack.enter_context(opened(tmp_path / "data", clock, *faults, speed=speed))

        yield start


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """A sandbox in which nothing goes wrong."""
    return start()


@pytest.fixture
def bench(api: Api) -> Api:
    """A sandbox with a dozen chats that Fireworks can train on."""
    upload(api, chats())
    return api


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A sandbox that a whole module uses, for tests that mind no other's jobs."""
    with opened(tmp_path_factory.mktemp("shared"), Clock()) as api:
        yield api
