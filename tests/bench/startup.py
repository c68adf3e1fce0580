"""How long commands take to start, beside what nobody can be faster than.

Run it by hand on a quiet machine: `python tests/bench/startup.py`. It prints the median wall time
of whole processes and their ratio, measured in turn so that a drifting machine hurts both alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 21
CHECKOUT = Path(__file__).parents[2]
PAIRS = {
    "reconcile --help / import click": (["-m", "reconciler", "--help"], ["-c", "import click"]),
    "reconcile validate of one spec / import click": (
        ["-m", "reconciler", "validate", "specs/support-bot.yaml"],
        ["-c", "import click"],
    ),
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def main() -> None:
    """Print one line per pair."""
    for name, (ours, floor) in PAIRS.items():
        rounds = [(seconds(ours), seconds(floor)) for _ in range(ROUNDS + 1)][1:]
        mine, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(a / b for a, b in rounds)
        print(f"{name}: {mine * 1000:.0f} ms / {bare * 1000:.0f} ms = {ratio:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
