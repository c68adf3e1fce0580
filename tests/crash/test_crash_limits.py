"""What cannot be proven, shown: the limits that the README names are real, and are these.

All of them need a provider that does not refuse a second job and whose list hides a new one.
Where names are unique, the same schedules pay once.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.engine import Request
from tests.crash.faults import FAULTS, Strike, strike
from tests.crash.histories import SPEC
from tests.crash.seam import Stop
from tests.crash.world import CLIMATES, GRACE, Climate, World, in_order

LISTED = Climate("listed late", lag=60)
NAMED = CLIMATES[-1]
AFTER_CREATE = Stop("after", "create", 1)


def killed_after_create(world: World) -> None:
    (killed,) = (fault for fault in FAULTS if fault.name == "killed")
    strike(world, Strike(AFTER_CREATE, killed))


def paid(climate: Climate, *, lost: bool, wait: float, hold: bool = False) -> int:
    """What is paid for when a run dies after its create, the state maybe with it."""
    with in_order(climate):
        world = World(climate)
        world.specs = (SPEC,)
        killed_after_create(world)
        if lost:
            world.store.data = b""
        for _ in range(3):
            world.clock.sleep(wait)
            world.seam.begin()
            world.process().run_once(Request(hold_unknown=hold))
    return len(world.account.creates)


BEYOND = GRACE + 60
UNSEEN = GRACE + 1


@pytest.mark.parametrize(
    ("climate", "lost", "wait", "expected"),
    [
        pytest.param(LISTED, True, 59, 2, id="a state lost before its last job is listed"),
        pytest.param(LISTED, True, 60, 1, id="a state lost after that"),
        pytest.param(LISTED, False, 59, 1, id="a state that is kept"),
        pytest.param(NAMED, True, 1, 1, id="a state lost where names are unique"),
        pytest.param(replace(LISTED, lag=BEYOND), False, UNSEEN, 2, id="a lag beyond the grace"),
        pytest.param(
            replace(NAMED, lag=BEYOND), False, UNSEEN, 1, id="any lag where names are unique"
        ),
    ],
)
def test_the_limits_are_these(climate: Climate, lost: bool, wait: float, expected: int) -> None:
    assert paid(climate, lost=lost, wait=wait) == expected


def test_to_hold_what_is_unknown_is_safe_from_a_lag_beyond_the_grace() -> None:
    assert paid(replace(LISTED, lag=BEYOND), lost=False, wait=UNSEEN, hold=True) == 1
