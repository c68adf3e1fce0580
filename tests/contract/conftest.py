"""What the provider contract's files share: the bench, made once for each implementation.

The state stores' contract brings a `bench` of its own, which stands before this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.provider_bench import IMPLEMENTATIONS, Bench, Making


@pytest.fixture(params=IMPLEMENTATIONS.values(), ids=list(IMPLEMENTATIONS))
def make(request: pytest.FixtureRequest) -> Making:
    making: Making = request.param
    return making


@pytest.fixture
def bench(make: Making, tmp_path: Path) -> Iterator[Bench]:
    with make(tmp_path) as made:
        yield made
