from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import Command
from tests.repository import repository


@pytest.fixture
def reconcile(tmp_path: Path) -> Command:
    """`reconcile` in an empty repository, with no key and no provider."""
    root = tmp_path / "repository"
    root.mkdir()
    return Command(repository(root))
