"""What the tests of write_back share: files written as a pass does, and states by number."""

from __future__ import annotations

from typing import Any

from reconciler.model import State
from reconciler.writeback import Written, write_back
from tests.checkouts import Checkout

A, B = "specs/a.status.yaml", "specs/b.status.yaml"
STATE = ".reconciler/state.json"


def write(checkout: Checkout, files: dict[str, str], **options: Any) -> Written:
    """Write files as a pass does, and write them back to origin."""
    paths = checkout.write(files)
    options = {"remote": "origin", "sleep": lambda _: None, **options}
    return write_back(checkout.root, paths, environment=checkout.environment, **options)


def at(serial: int, lineage: str = "one") -> State:
    return State(lineage=lineage, serial=serial)
