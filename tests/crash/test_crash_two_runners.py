"""Two runners that share no state: the second makes a whole pass at any stop of the first.

A unique name protects at every stop. Where only a list can tell, the look just before the POST
does; what comes after it cannot be told in time, and is told afterwards. Nothing is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from reconciler.engine import PassResult, Request
from reconciler.model import Record
from tests.crash.histories import SPEC
from tests.crash.seam import Seam, Stop
from tests.crash.world import CLIMATES, Climate, Store, World, in_order

LISTED, NAMED = CLIMATES[0], CLIMATES[3]
UNPROTECTED = (
    Stop("after", "find", 2),
    Stop("before", "save", 2),  # the intention
    Stop("after", "save", 2),
    Stop("before", "create", 1),
)
"""Between our last look and the POST."""


@dataclass
class Two:
    """Ours is struck; theirs has a state of its own and makes its pass when ours is."""

    climate: Climate
    ours: World = field(init=False)
    theirs: Store = field(init=False)
    answer: PassResult | None = None

    def __post_init__(self) -> None:
        self.ours = World(self.climate)
        self.ours.specs = (SPEC,)
        self.theirs = Store(Seam())
        self.ours.account.before = self._take_time

    def run(self, stop: Stop | None = None) -> PassResult:
        self.ours.seam.begin(stop, self._they_run)
        return self.ours.run()

    def settle(self) -> tuple[Record, Record]:
        """Both run once more, a while later; what each knows of the spec then."""
        self.ours.clock.sleep(60)
        self.ours.run()
        self.ours.process(self.theirs).run_once(Request())
        return self.ours.store.state.records[SPEC.token], self.theirs.state.records[SPEC.token]

    def _take_time(self, operation: str) -> None:
        if operation == "upload":
            self.ours.clock.sleep(2)  # the look before it is not fresh any more
        self.ours.seam.at("before", operation)

    def _they_run(self) -> None:
        self.answer = self.ours.process(self.theirs).run_once(Request())


@pytest.fixture(params=[LISTED, NAMED], ids=str)
def two(request: pytest.FixtureRequest) -> Iterator[Two]:
    with in_order(request.param):
        yield Two(request.param)


def stops(climate: Climate) -> list[Stop]:
    """Those of a pass of ours that nobody comes between."""
    with in_order(climate):
        two = Two(climate)
        two.run()
        return two.ours.seam.visited


@pytest.mark.parametrize("stop", stops(NAMED), ids=str)
def test_a_unique_name_protects_at_every_stop(stop: Stop) -> None:
    with in_order(NAMED):
        two = Two(NAMED)
        two.run(stop)
        ours, theirs = two.settle()
    assert len(two.ours.account.creates) == 1
    assert ours.job == theirs.job


@pytest.mark.parametrize("stop", stops(LISTED), ids=str)
def test_a_look_before_the_post_protects_until_then_and_tells_afterwards(stop: Stop) -> None:
    with in_order(LISTED):
        two = Two(LISTED)
        result = two.run(stop)
        ours, theirs = two.settle()
    assert len(two.ours.account.creates) == 1 + (stop in UNPROTECTED)
    assert ours.job is not None
    assert theirs.job is not None
    assert ours.job.id == theirs.job.id == "ftjob-1"
    assert "cancel" not in two.ours.account.calls
    if stop in UNPROTECTED:
        (outcome,) = result.outcomes
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]
        assert outcome.hint.endswith(f"reconcile cancel {SPEC.token} --job ftjob-2")


def test_the_stops_that_are_not_protected_exist() -> None:
    assert set(UNPROTECTED) <= set(stops(LISTED))
    assert Stop("before", "find", 2) in stops(LISTED)


def test_what_comes_afterwards_changes_nothing(two: Two) -> None:
    two.run(Stop("after", "create", 1))
    two.settle()
    before = two.ours.store.state, two.theirs.state
    two.settle()
    assert (two.ours.store.state, two.theirs.state) == before
