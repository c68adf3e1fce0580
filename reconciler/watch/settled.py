"""Passes until there is nothing left to wait for: what `apply --wait` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler import schedule
from reconciler.engine import PassResult


def until_settled(
    run_pass: Callable[[], PassResult],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    grace: Callable[[], Mapping[str, float]],
    seen: Callable[[PassResult], None],
    timeout: float | None = None,
) -> tuple[PassResult, bool]:
    """Pass until every job the specs ask for has ended; the last result, and whether all ended.

    `seen` is called after every pass. `timeout` is in seconds; jobs go on at the provider when it
    is over. Raises what a pass raises.
    """
    deadline = None if timeout is None else clock() + timeout
    while True:
        result = run_pass()
        seen(result)
        if result.settled:
            return result, True
        pause = schedule.seconds_until_next_look(result.current, grace(), clock())
        if deadline is not None:
            left = deadline - clock()
            if left <= 0:
                return result, False
            pause = min(pause, left)
        sleep(pause)
