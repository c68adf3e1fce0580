"""`reconcile` in a terminal of its own, as somebody would see it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\r\x07]")
_HOME = "\x1b[H"
PATIENCE_SECONDS = 60.0


@dataclass
class Terminal:
    """A process behind a pseudo-terminal. What it has written is read by `sees` only."""

    process: subprocess.Popen[bytes]
    descriptor: int
    written: str = field(default="")

    def sees(self, *texts: str, absent: str = "") -> str:
        """Wait for a screen that holds all of these and not `absent`; it, without colours."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(text in screen for text in texts) and not (absent and absent in screen):
                return screen
            self._read(0.2)
        pytest.fail(f"never seen {texts} on:\n{self.screen()}")

    def waits_for(self, happened: Callable[[], bool]) -> None:
        """Wait for something that is not on the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, self.screen()
            self._read(0.1)

    def screen(self) -> str:
        """What the last drawing shows."""
        drawings = self.written.split(_HOME)
        # The last may be half written.
        return _CONTROL.sub("", "\n".join(drawings[-2:]))

    def text(self) -> str:
        """Everything that was ever written, without colours."""
        return _CONTROL.sub("", self.written)

    def types(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.1)
        while self._read(0.1):
            pass
        return self.process.wait(timeout=1)

    def _read(self, patience: float) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], patience)
        if not ready:
            return False
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # the other end is gone
            return False
        self.written = (self.written + data.decode(errors="replace"))[-200_000:]
        return bool(data)


@contextmanager
def started(
    root: Path, *arguments: str, environment: Mapping[str, str], columns: int = 120
) -> Iterator[Terminal]:
    """Start `reconcile` on a terminal, and see to it that it has ended when the context does."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    checkout = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=root,
        env={**kept, "PYTHONPATH": checkout, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - it takes no lock: one call of the system
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    terminal.resize(columns, 40)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait(timeout=30)
        os.close(ours)


def _take_terminal() -> None:
    """Make it the session's own, so that what is typed becomes a signal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
