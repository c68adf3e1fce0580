"""The only sleeper: passes again and again, for as long as somebody wants to wait.

`cli` calls `until_settled` for `apply --wait` and `keep_watching` for `watch`. Time, waiting and
file events are handed in, so that a test waits for nothing. No decision about a job is made here:
each round is one whole pass, from the specs on, and a change that wakes it is only a reason to
look, never a fact that is trusted.

    settled    until every job has ended
    loop       until somebody stops it: when to look again, and what a failed pass means for that
    doorbell   what ends a sleep early: a changed file, a signal
    files      which files matter, and who notices that they changed
    outages    providers that do not answer, and how long each is left alone
"""

from __future__ import annotations

from reconciler.watch.doorbell import Doorbell, Ring, Wake
from reconciler.watch.loop import Look, Passed, keep_watching
from reconciler.watch.outages import Outage, Outages
from reconciler.watch.settled import until_settled

__all__ = [
    "Doorbell",
    "Look",
    "Outage",
    "Outages",
    "Passed",
    "Ring",
    "Wake",
    "keep_watching",
    "until_settled",
]
