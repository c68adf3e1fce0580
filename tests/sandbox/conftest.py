from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.sandbox.workbench import Api, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Api]]:
    """Start a sandbox over this test's folder, as often as needed; faults are given as text."""
    with contextlib.ExitStack() as stack:

        def start(*faults: str, speed: float = 1.0) -> Api:
            options: dict[str, Any] = {"speed": speed, "clock": clock}
            running = stack.enter_context(
                serve(tmp_path / "data", faults=[parse(fault) for fault in faults], **options)
            )
            api = Api(running.url, tmp_path / "data", clock)
            stack.enter_context(api.http)
            return api

        yield start


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """A sandbox in which nothing goes wrong."""
    return start()
