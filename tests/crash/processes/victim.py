"""A program that kills itself: `python -m tests.crash.processes.victim MOMENT MODULE ARGUMENT…`

It runs the module as `python -m` would, in a process of its own, and has the system kill it with
SIGKILL when it is about to do its MOMENT-th thing that outlives it: open a file for writing in the
folder it works in, put one in place of another, link, remove, lock, or connect to a provider. What
it did before that moment has happened, what comes after has not: no handler runs, no buffer is
written. Python's audit events tell of these moments, so the program under test needs no hook.

MOMENT 0 kills nobody. With the variable VICTIM_MOMENTS the number of moments is written to the file
that it names.
"""

from __future__ import annotations

import atexit
import itertools
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = ("os.rename", "os.link", "os.remove", "os.mkdir", "socket.connect", "fcntl.flock")


def main() -> None:
    """Run the program until its moment has come."""
    moment, module, *arguments = sys.argv[1:]
    _count(int(moment), str(Path.cwd()))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _count(last: int, folder: str) -> None:
    numbers = itertools.count(1)
    seen = [0]

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES or (event == "open" and _writes(arguments, folder)):
            seen[0] = next(numbers)
            if seen[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)

    report = os.environ.get("VICTIM_MOMENTS")
    if report:
        atexit.register(lambda: Path(report).write_text(str(seen[0])))
    sys.addaudithook(listen)


def _writes(arguments: tuple[Any, ...], folder: str) -> bool:
    path, _, flags = arguments
    return isinstance(path, str) and path.startswith(folder) and bool(flags & _WRITES)


if __name__ == "__main__":
    main()
