"""What people do to a repository and its state between two passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

from reconciler.model import JobSpec
from tests.crash.world import Climate, Moment, World
from tests.fakes import make_spec

SPEC = make_spec()
EDITED_SPEC = make_spec(seed=7)
RENAMED = make_spec("support-agent")
AGAIN = make_spec(attempt=1)


@dataclass(frozen=True, slots=True)
class Change:
    """`results` are the moments that may come of it: a state can go back to any older copy."""

    name: str
    results: Callable[[Moment, Climate], tuple[Moment, ...]]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class History:
    """What there was before, what happens between the two rounds, and what after the second."""

    start: str
    between: Change
    afterwards: Change

    def __str__(self) -> str:
        return f"{self.start}; {self.between}; {self.afterwards}"

    def beginning(self, climate: Climate) -> Moment:
        """The repository with its one spec, at its start. Old copies are kept if they are used."""
        world = World(climate)
        world.specs = (SPEC,)
        if ROLLED_BACK in (self.between, self.afterwards):
            world.store.versions = [b""]
        if self.start != FRESH:
            world.run()
        if self.start == DONE:
            world.end_jobs()
            world.run()
        return world.moment()


def _specs(*specs: JobSpec) -> Callable[[Moment, Climate], tuple[Moment, ...]]:
    return lambda moment, _: (replace(moment, specs=specs),)


def _lost(moment: Moment, climate: Climate) -> tuple[Moment, ...]:
    return (replace(shown(moment, climate), state=b""),)


def _rolled_back(moment: Moment, climate: Climate) -> tuple[Moment, ...]:
    older = (version for version in moment.versions if version not in (moment.state, b""))
    return tuple(replace(shown(moment, climate), state=version) for version in older)


def shown(moment: Moment, climate: Climate) -> Moment:
    """The moment when every job shows that was created.

    Where only a list can tell, a state that is lost before its last job is listed cannot be made
    good: the README names that limit, and `test_crash_limits` shows it.
    """
    shown = [(job.created_at or 0) + climate.lag for job in moment.jobs]
    return replace(moment, now=max(moment.now, *shown, 0.0))


FRESH, RUNNING, DONE = "nothing yet", "a job runs", "a job has succeeded"

NOTHING = Change("nothing", lambda moment, _: (moment,))
ROLLED_BACK = Change("state rolled back", _rolled_back)
LOST = Change("state lost", _lost)
RESTORED = Change("edited back", _specs(SPEC))
EDITED = Change("edited", _specs(EDITED_SPEC))
BETWEEN = (
    NOTHING,
    EDITED,
    Change("renamed", _specs(RENAMED)),
    Change("removed", _specs()),
    Change("attempt raised", _specs(AGAIN)),
    LOST,
    ROLLED_BACK,
)
AFTERWARDS = (NOTHING, RESTORED, LOST, ROLLED_BACK)

ALL = tuple(
    History(start, between, afterwards)
    for start, between, afterwards in product((FRESH, RUNNING, DONE), BETWEEN, AFTERWARDS)
)
"""Every history there is, for those who have a few minutes."""

TYPICAL = tuple(
    history
    for history in ALL
    if history.afterwards is not ROLLED_BACK or history.between in (NOTHING, EDITED)
)
"""Without those that differ from another only in how a second spec came about."""

SHORT = tuple(
    history
    for history in TYPICAL
    if history.between in (NOTHING, EDITED, LOST) and history.afterwards is not ROLLED_BACK
)
"""One of each kind."""
