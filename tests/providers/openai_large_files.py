"""What the tests of large files share: seven parts, and OpenAI as the sandbox plays it.

A module takes the fixtures from here by name: `file` is another one in conftest.py.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.openai.adapter import OpenAIProvider
from reconciler.providers.openai.files import Files
from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.providers.loopback import KEY
from tests.sandbox.workbench import Clock

PART = 1000
PARTS = 7
CONTENT = random.Random(7).randbytes(PART * (PARTS - 1) + 333)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    path = tmp_path / "train.jsonl"
    path.write_bytes(CONTENT)
    return LocalFile(
        path=path, sha256=SHA, size=len(CONTENT), progress=tmp_path / "cache/uploads/a.json"
    )


@dataclass
class Account:
    """OpenAI as the sandbox plays it, and runs that upload to it. `naps` are the waits of all."""

    url: str
    data_dir: Path
    naps: list[float]

    def upload(self, file: LocalFile, part: int = PART) -> FileRef:
        """What a run does that has never heard of these bytes."""
        with uploads(self.url, self.naps, part) as files:
            return files.upload(file, None)

    def lines(self, operation: str) -> list[dict[str, Any]]:
        """The requests for an operation, as the sandbox wrote them down."""
        lines = (self.data_dir / "requests.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [line for line in found if line["operation"] == f"openai.{operation}"]

    def parts(self) -> list[str]:
        """The hash of every part that arrived whole, in their order."""
        return [line["sha256"] for line in self.lines("upload-part") if "sha256" in line]

    def stored(self) -> list[bytes]:
        """The content of every file there is."""
        return [path.read_bytes() for path in (self.data_dir / "openai/files").glob("*.bytes")]


@contextmanager
def uploads(url: str, naps: list[float], part: int = PART) -> Iterator[Files]:
    settings = OpenAISettings(name="openai", base_url=f"{url}/v1")
    provider = providers.connect(settings, {"OPENAI_API_KEY": KEY}, sleep=naps.append)
    assert isinstance(provider, OpenAIProvider)
    try:
        yield Files(provider._http, "openai", "OPENAI_API_KEY", large=PART, part=part)
    finally:
        provider.close()


Serve = Callable[..., Account]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def at(tmp_path: Path, clock: Clock) -> Iterator[Serve]:
    """Serve the account, as often as needed; faults are given as text."""
    with ExitStack() as stack:

        def start(*faults: str) -> Account:
            folder = tmp_path / "openai"
            script = [parse(text) for text in faults]
            running = stack.enter_context(serve(folder, faults=script, clock=clock))
            return Account(url=running.url, data_dir=folder, naps=[])

        yield start


def hashes(content: bytes = CONTENT, part: int = PART) -> list[str]:
    cuts = range(0, len(content), part)
    return [hashlib.sha256(content[cut : cut + part]).hexdigest() for cut in cuts]


def noted(file: LocalFile) -> dict[str, Any]:
    assert file.progress is not None
    notes: dict[str, Any] = json.loads(file.progress.read_bytes())
    return notes
