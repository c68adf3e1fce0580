"""The explorer: hypothesis makes up histories that the matrix does not list, of several specs.

    CRASH_EXAMPLES=20000 python -m pytest tests/crash/test_crash_machine.py      as long as you like

Without that variable the examples are few and always the same.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.crash.explorer import demand_paid_once, seconds_until_due, unfinished
from tests.crash.faults import strike, strikes
from tests.crash.histories import shown
from tests.crash.world import CLIMATES, Climate, World, in_order
from tests.fakes import make_spec

EXAMPLES = os.environ.get("CRASH_EXAMPLES")
NAMES = st.sampled_from(["support-bot", "intent-router", "ticket-tags"])


class Repository(RuleBasedStateMachine):
    """People edit, machines fail, time passes; at the end everything heals."""

    def __init__(self) -> None:
        super().__init__()
        self.order = ExitStack()
        self.world = World(CLIMATES[0])

    @initialize(climate=st.sampled_from(CLIMATES))
    def begin(self, climate: Climate) -> None:
        self.order.enter_context(in_order(climate))
        self.world = World(climate)
        self.world.store.versions = [b""]
        self.world.specs = (make_spec(),)

    @rule(name=NAMES, seed=st.integers(0, 1), attempt=st.integers(0, 1))
    def write_a_spec(self, name: str, seed: int, attempt: int) -> None:
        others = tuple(spec for spec in self.world.specs if spec.name != name)
        self.world.specs = (*others, make_spec(name, seed=seed, attempt=attempt))

    @rule(name=NAMES)
    def remove_a_spec(self, name: str) -> None:
        self.world.specs = tuple(spec for spec in self.world.specs if spec.name != name)

    @rule(seconds=st.sampled_from([1, 59, 61, 119, 121, 4000]))
    def wait(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @rule()
    def the_jobs_end(self) -> None:
        self.world.end_jobs()

    @rule()
    def the_state_is_lost(self) -> None:
        self.world.go_to(replace(shown(self.world.moment(), self.world.climate), state=b""))

    @rule(data=st.data())
    def the_state_is_rolled_back(self, data: st.DataObject) -> None:
        moment = shown(self.world.moment(), self.world.climate)
        version = data.draw(st.sampled_from(range(len(moment.versions))), label="version")
        self.world.go_to(replace(moment, state=moment.versions[version]))

    @rule()
    def a_pass(self) -> None:
        strike(self.world, None)

    @rule(data=st.data())
    def a_pass_that_is_struck(self, data: st.DataObject) -> None:
        self._strike(data, ("lock", "find", "get", "list", "upload", "save", "create"))

    @rule(data=st.data())
    def a_create_that_is_struck(self, data: st.DataObject) -> None:
        """As above, where it matters most: left to chance, this would be rare."""
        self._strike(data, ("create",))

    def _strike(self, data: st.DataObject, operations: tuple[str, ...]) -> None:
        moment = self.world.moment()
        possible = [blow for blow in strikes(self.world) if blow.stop.operation in operations]
        blow = data.draw(st.sampled_from(possible) if possible else st.none(), label="strike")
        strike(self.world.go_to(moment), blow)

    @invariant()
    def nothing_was_paid_for_twice(self) -> None:
        demand_paid_once(self.world)

    def teardown(self) -> None:
        try:
            for _ in range(2 + 2 * len(self.world.specs)):
                strike(self.world, None)
                self.nothing_was_paid_for_twice()
                open_ = unfinished(self.world)
                if not open_:
                    break
                self.world.clock.sleep(seconds_until_due(self.world))
            else:
                raise AssertionError(open_)
        finally:
            self.order.close()


TestRepository = Repository.TestCase
TestRepository.settings = settings(
    max_examples=int(EXAMPLES or 150),
    stateful_step_count=15,
    derandomize=EXAMPLES is None,
    database=None,
)
