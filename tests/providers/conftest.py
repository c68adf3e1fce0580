"""What the tests of uploads to Fireworks share: the file they upload.

A module that uploads to another provider has a `file` of its own, which goes before this one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.providers.base import LocalFile
from tests.providers.fireworks_datasets_store import CONTENT, local


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    return local(tmp_path / "train.jsonl", CONTENT)
