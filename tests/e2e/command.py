"""`reconcile` as a process of its own, in a repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.repository import Repository

KEY = "sk-test-0123456789abcdefghij"
"""A key that must never be seen again, whatever happens."""


@dataclass
class Command:
    """Runs `reconcile` in a repository. `environment` is all it gets beside PATH and HOME."""

    files: Repository
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end; `check` is the exit code it must have."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.files.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        if check is not None:
            assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments: str, check: int | None = 0) -> Any:
        """Run with `--format json`; the document on stdout."""
        return json.loads(self(*arguments, "--format", "json", check=check).stdout)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start it, and see to it that it has ended when the context does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.files.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=30)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        checkout = str(Path(__file__).parents[2])
        return {**kept, "PYTHONPATH": checkout, **_NOBODY, **self.environment}


_NOBODY = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
"""Not OpenAI, whose models close on days that a test would one day run after."""


def creates(data_dir: Path) -> list[str]:
    """The ids of every job that exists in the sandbox: what would have been paid for."""
    return sorted(path.stem for path in (data_dir / "openai" / "jobs").glob("*.json"))
