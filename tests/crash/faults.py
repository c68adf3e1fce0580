"""Everything that can go wrong at a stop of a pass, each as one value with a name.

An error is one that the port's contract allows there (`providers.base`, `state.base`), a death, or
a bug in an adapter. What ends a pass is caught by `strike`: nobody is there to do anything about it
before the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderUnavailable,
    ReconcilerError,
    Remedy,
    StateConflict,
    StateError,
    StateLocked,
)
from tests.crash.seam import Stop
from tests.crash.world import GRACE, Gone, World
from tests.fakes import Killed

LOOKS = ("find", "get", "list")


@dataclass(frozen=True, slots=True)
class Fault:
    """`happens` plays it; it may raise. `places` are the stops where it can happen."""

    name: str
    happens: Callable[[World], None]
    places: Callable[[Stop], bool]


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault at one stop."""

    stop: Stop
    fault: Fault

    def __str__(self) -> str:
        return f"{self.stop}: {self.fault.name}"


def strike(world: World, blow: Strike | None) -> None:
    """One pass of a new process, struck or not. However it ends, the world goes on."""
    if blow is None:
        world.seam.begin()
    else:
        world.seam.begin(blow.stop, lambda: blow.fault.happens(world))
    with suppress(Killed, Bug, ReconcilerError):
        world.run()


def strikes(world: World) -> Iterator[Strike]:
    """Every fault that can happen to the pass that would begin now. It leaves the world moved on.

    The stops are those of a pass in which nothing goes wrong.
    """
    strike(world, None)
    for stop in list(world.seam.visited):
        for fault in FAULTS:
            if fault.places(stop):
                yield Strike(stop, fault)


class Bug(Exception):
    """What no contract allows."""


def _raising(make: Callable[[], BaseException]) -> Callable[[World], None]:
    def happens(_: World) -> None:
        raise make()

    return happens


def _at(when: str, *operations: str) -> Callable[[Stop], bool]:
    return lambda stop: stop.when == when and stop.operation in operations


def _rejected(remedy: Remedy, retry_after: float | None = None) -> Callable[[World], None]:
    def happens(world: World) -> None:
        if remedy is Remedy.FIX_SPEC:
            world.account.refused |= {spec.token for spec in world.specs}
        raise CreateRejected("no", remedy=remedy, code="no", retry_after=retry_after)

    return happens


def _overtaken(world: World) -> None:
    """The lock is lost, and another process makes a whole pass over the same state."""
    world.store.holder = None
    with suppress(ReconcilerError):
        world.run()


def _hanging(world: World) -> None:
    """Nobody answers for as long as the client waits, and nothing was done."""
    world.clock.sleep(GRACE)
    raise CreateOutcomeUnknown("timeout")


def _slow(world: World) -> None:
    """The server creates the job when the client gives up waiting."""
    world.clock.sleep(GRACE)
    world.seam.strike_afterwards(_raising_now(CreateOutcomeUnknown("timeout")))


def _slow_and_killed(world: World) -> None:
    """The server creates the job while the client is killed, a while after it has sent."""
    world.clock.sleep(GRACE / 4)
    world.seam.strike_afterwards(_raising_now(Killed()))


def _raising_now(error: BaseException) -> Callable[[], None]:
    def happens() -> None:
        raise error

    return happens


FAULTS = (
    Fault("killed", _raising(Killed), lambda _: True),
    Fault("locked", _raising(lambda: StateLocked("held")), _at("before", "lock")),
    Fault("down", _raising(lambda: ProviderUnavailable("down")), _at("before", *LOOKS, "upload")),
    Fault("key refused", _raising(lambda: ProviderAuthError("401")), _at("before", *LOOKS)),
    Fault("cut short", _raising(lambda: ProviderUnavailable("cut")), _at("after", "list")),
    Fault("looked slowly", lambda world: world.clock.sleep(GRACE), _at("after", "find", "list")),
    Fault("says it is missing", _raising(Gone), _at("before", "get")),
    Fault("answer lost", _raising(lambda: ProviderUnavailable("cut")), _at("after", "upload")),
    *(
        Fault(f"refused, {remedy.value}", _rejected(remedy), _at("before", "upload", "create"))
        for remedy in Remedy
        if remedy is not Remedy.RETRY_LATER
    ),
    Fault("throttled", _rejected(Remedy.RETRY_LATER, 90), _at("before", "upload", "create")),
    Fault(
        "lost on the way", _raising(lambda: CreateOutcomeUnknown("timeout")),
        _at("before", "create"),
    ),
    Fault("answer lost", _raising(lambda: CreateOutcomeUnknown("reset")), _at("after", "create")),
    Fault("no answer in time", _hanging, _at("before", "create")),
    Fault("done when nobody waits any more", _slow, _at("before", "create")),
    Fault("slow, and killed", _slow_and_killed, _at("before", "create")),
    Fault("bug", _raising(Bug), _at("before", "create")),
    Fault("bug", _raising(Bug), _at("after", "create")),
    Fault("overtaken", _overtaken, lambda stop: stop.when == "before"),
    Fault("changed by somebody", _raising(lambda: StateConflict("now")), _at("before", "save")),
    Fault("disk full", _raising(lambda: StateError("full")), _at("before", "save")),
    Fault("saved, and said not", _raising(lambda: StateError("cut")), _at("after", "save")),
)  # fmt: skip
