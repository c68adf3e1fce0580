"""The loss of every training that nobody runs: it falls smoothly, with a little noise.

Pure, and decided by its seed: two processes, or two looks a week apart, see the same numbers. The
providers that have no curve of their own use it.
"""

from __future__ import annotations

import hashlib
import math

MOST_ROWS = 1_000
"""A job of a million steps reports a thousand of them."""


def loss(seed: str, way: float) -> float:
    """The loss when `way` of the training, from 0 to 1, is done."""
    noise = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) % 2_001 / 1_000 - 1
    return round(0.35 + 1.65 * math.exp(-3 * way) + 0.03 * noise, 5)


def reported(steps: int) -> list[int]:
    """The steps, from 1, that a job of so many reports."""
    if steps <= MOST_ROWS:
        return list(range(1, steps + 1))
    return [steps * row // MOST_ROWS for row in range(1, MOST_ROWS + 1)]
