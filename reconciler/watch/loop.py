"""The loop of `watch`: a pass, a sleep, a pass, until somebody stops it.

Nothing that a pass raises ends it but a bug: what went wrong is shown, and either waited out or
left until something changes. A sleep ends at the earliest of a changed file, a wish to look, and
the moment at which a job, a provider or a trouble is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler import retries, schedule
from reconciler.engine import PassResult
from reconciler.errors import (
    ConfigError,
    PolicyError,
    ReconcilerError,
    SpecError,
    StateConflict,
    StateError,
    StateFormat,
)
from reconciler.model import Binding, Record
from reconciler.watch.doorbell import Ring, Wake
from reconciler.watch.outages import Outage, Outages

_UNTIL_A_CHANGE = (ConfigError, PolicyError, SpecError, StateFormat)
"""What does not go away by waiting. It is looked at again every few minutes all the same: the
change may be one that nobody notices, such as a disk that is mounted or a state that is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A pass that came through; `refused` says why a part of it was not allowed."""

    result: PassResult
    refused: ReconcilerError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One round: why it was made, what came of it, and when the next is due, in unix seconds.

    `result` is None where the pass came to nothing; `trouble` says why. Both may be there.
    `failures` counts the rounds in a row that came to nothing. `away` are the providers that do
    not answer.
    """

    ring: Ring
    at: float
    result: PassResult | None
    trouble: ReconcilerError | None
    failures: int
    away: tuple[Outage, ...]
    next_look: float


def keep_watching(
    run_pass: Callable[[Ring], Passed],
    *,
    clock: Callable[[], float],
    wait: Callable[[float], Ring | None],
    outages: Outages,
    grace: Callable[[], Mapping[str, float]],
    seen: Callable[[Look], None],
    poll: float | None = None,
) -> Look:
    """Pass and sleep until a stop is rung; the last look.

    `wait` sleeps for so many seconds at most and says who rang. `seen` is called after every pass.
    `poll` is the longest sleep in seconds. What is no ReconcilerError and no OSError is raised.
    """
    ring, failures = Ring(wake=Wake.START), 0
    while True:
        if ring.wake is Wake.ASKED:
            outages.ask_again()
        look = _look(run_pass, ring, clock, outages, grace, failures)
        failures = look.failures
        if poll is not None:
            look = replace(look, next_look=min(look.next_look, look.at + poll))
        seen(look)
        rung = wait(look.next_look - clock())
        ring = rung or Ring(wake=Wake.DUE)
        if ring.wake is Wake.STOP:
            return look


def _look(
    run_pass: Callable[[Ring], Passed],
    ring: Ring,
    clock: Callable[[], float],
    outages: Outages,
    grace: Callable[[], Mapping[str, float]],
    failures: int,
) -> Look:
    result, trouble = None, None
    try:
        passed = run_pass(ring)
        result, trouble = passed.result, passed.refused
    except ReconcilerError as error:
        trouble = error
    except OSError as error:  # a file that goes while it is read, a disk that is full
        trouble = StateError(f"{error.filename or 'the repository'}: {error.strerror or error}")
    outages.close_pass()
    failures = failures + 1 if result is None else 0
    now = clock()
    pause = _pause(result, trouble, failures, outages, grace(), now)
    return Look(
        ring=ring,
        at=now,
        result=result,
        trouble=trouble,
        failures=failures,
        away=outages.away,
        next_look=now + pause,
    )


def _pause(
    result: PassResult | None,
    trouble: ReconcilerError | None,
    failures: int,
    outages: Outages,
    grace: Mapping[str, float],
    now: float,
) -> float:
    """Seconds until the next look is due."""
    if result is None:
        if isinstance(trouble, _UNTIL_A_CHANGE):
            return schedule.LONGEST_REST_SECONDS
        if isinstance(trouble, StateConflict) and failures == 1:
            return schedule.SHORTEST_SECONDS
        return schedule.rest(type(trouble).__name__, failures)
    away = {outage.provider for outage in outages.away}
    asked = [record for record in _going(result) if record.provider not in away]
    pause = schedule.seconds_until_next_look(asked, grace, now)
    again = (retries.due_at(spec, result.state) for spec in result.specs)
    pause = min([pause, *(due - now for due in again if due is not None and due > now)])
    if (next_try := outages.next_try) is not None:
        pause = min(pause, max(next_try - now, schedule.SHORTEST_SECONDS))
    return pause


def _going(result: PassResult) -> list[Record]:
    """What the specs ask for, and the jobs that go on though no sound spec asks for them now."""
    current = {record.token: record for record in result.current}
    namespaces = {spec.namespace for spec in result.specs}
    others = [
        record
        for record in result.state.records.values()
        if record.token not in current
        and record.binding is Binding.BOUND
        and (record.namespace in namespaces or not namespaces)
    ]
    return [*current.values(), *others]
