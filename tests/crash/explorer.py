"""The exhaustive search: every fault at every stop of a pass, twice, in every history.

A schedule is a history, a fault at a stop of the first round (or none), a wait, a fault at a stop
of the second, a wait; then nothing goes wrong any more. The stops of the second round are those of
the pass that would follow the first, whatever that was. Schedules that lead to the same moment have
the same future, which is explored once; what is counted is the schedules.

Two things must hold for each: nothing was ever paid for twice, and healthy passes reach the end.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from reconciler.model import Action, Binding, Record
from tests.crash.faults import Strike, strike, strikes
from tests.crash.histories import Change, History
from tests.crash.world import Climate, Moment, Process, World, in_order

WAITS = (1.0, 70.0, 150.0)
"""Seconds between rounds: inside the list's lag, past it, past the grace."""

PASSES_TO_CONVERGE = 3
"""A pass that looks, a pass when the grace or a refusal is over, and one to spare."""


class Violation(AssertionError):
    """A schedule that costs money or needs a human. It reads like a recipe."""


@dataclass(slots=True)
class Findings:
    """What a search has covered.

    `strikes` and `creates` count the faults and the jobs of all schedules, `passes` what was really
    run. `slowest` is the most healthy passes that any schedule took to its end. `faults` are those
    that were played, `operations` those they were played at.
    """

    schedules: int = 0
    strikes: int = 0
    creates: int = 0
    passes: int = 0
    slowest: int = 0
    faults: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Node:
    """A moment that was reached, by `schedules` ways with `strikes` faults, the first `path`."""

    moment: Moment
    path: tuple[str, ...]
    schedules: int = 1
    strikes: int = 0


@dataclass(frozen=True, slots=True)
class _End:
    """What it takes from a moment to the end, and how many jobs there are then."""

    passes: int
    creates: int


def search(
    climate: Climate, histories: Iterable[History], process: type[Process] = Process
) -> Findings:
    """Search all of these histories. Raises Violation with the first schedule that is bad."""
    with in_order(climate):
        explorer = Explorer(climate, process)
        for history in histories:
            explorer.explore(history)
        return explorer.findings


class Explorer:
    """Searches the histories of one climate. What it has learnt of a moment it never asks again."""

    def __init__(self, climate: Climate, process: type[Process] = Process) -> None:
        self.findings = Findings()
        self._climate = climate
        self._world = World(climate, process)
        self._followers: dict[Hashable, tuple[tuple[Strike | None, Moment], ...]] = {}
        self._ends: dict[Hashable, _End] = {}

    def explore(self, history: History) -> None:
        """Search one history to its end. Raises Violation with the first schedule that is bad."""
        start = history.beginning(self._climate)
        nodes = [_Node(start, (f"{self._climate}: {history.start}",))]
        nodes = self._round(nodes)
        nodes = self._round(self._changed(nodes, history.between))
        for node in self._changed(nodes, history.afterwards):
            end = self._healed(node.moment, node.path)
            self.findings.schedules += node.schedules
            self.findings.strikes += node.strikes
            self.findings.creates += node.schedules * end.creates
            self.findings.slowest = max(self.findings.slowest, end.passes)

    def _round(self, nodes: Iterable[_Node]) -> list[_Node]:
        return self._merged(
            _Node(
                moment.at(moment.now + wait),
                (*node.path, f"{blow or 'nothing goes wrong'}; {wait:g} s"),
                node.schedules,
                node.strikes + (node.schedules if blow else 0),
            )
            for node in nodes
            for blow, moment in self._struck(node)
            for wait in WAITS
        )

    def _changed(self, nodes: Iterable[_Node], change: Change) -> list[_Node]:
        return self._merged(
            replace(node, moment=moment, path=(*node.path, change.name))
            for node in nodes
            for moment in change.results(node.moment, self._climate)
        )

    def _struck(self, node: _Node) -> tuple[tuple[Strike | None, Moment], ...]:
        """What the next pass can make of a moment, by what strikes it."""
        key = node.moment.key(self._climate)
        if key not in self._followers:
            self._followers[key] = tuple(self._strike(node))
        return self._followers[key]

    def _strike(self, node: _Node) -> Iterator[tuple[Strike | None, Moment]]:
        world = self._world.go_to(node.moment)
        for blow in (None, *strikes(world)):
            strike(world.go_to(node.moment), blow)
            self._note(blow)
            moment = world.moment()
            _demand_paid_once(moment, (*node.path, str(blow or "nothing goes wrong")))
            yield blow, moment

    def _note(self, blow: Strike | None) -> None:
        self.findings.passes += 1
        if blow is not None:
            self.findings.faults.add(blow.fault.name)
            self.findings.operations.add(blow.stop.operation)

    def _healed(self, moment: Moment, path: tuple[str, ...], spent: int = 0) -> _End:
        """Healthy passes from a moment on until there is nothing left to do."""
        key = moment.key(self._climate)
        if key not in self._ends:
            open_ = unfinished(self._world.go_to(moment))
            if open_ and spent == PASSES_TO_CONVERGE:
                raise Violation(_recipe(path, f"no end after {spent} healthy passes: {open_}"))
            if open_:
                end = self._healed(*self._passed(path), spent + 1)
                self._ends[key] = _End(end.passes + 1, end.creates)
            else:
                self._ends[key] = _End(0, len(moment.creates))
        return self._ends[key]

    def _passed(self, path: tuple[str, ...]) -> tuple[Moment, tuple[str, ...]]:
        """The world after a healthy pass, when something is due again."""
        strike(self._world, None)
        self.findings.passes += 1
        path = (*path, "a healthy pass")
        _demand_paid_once(self._world.moment(), path)
        self._world.clock.sleep(seconds_until_due(self._world))
        return self._world.moment(), path

    def _merged(self, nodes: Iterable[_Node]) -> list[_Node]:
        """The nodes with those made one that have one future."""
        found: dict[Hashable, _Node] = {}
        for node in nodes:
            known = found.setdefault(node.moment.key(self._climate), node)
            if known is not node:
                known.schedules += node.schedules
                known.strikes += node.strikes
        return list(found.values())


def unfinished(world: World) -> str:
    """What is still to be done before every spec has its job and a plan is empty; "" for nothing.

    A spec that the provider has refused for good is finished: no pass could do more.
    """
    records = world.store.state.records
    for spec in world.specs:
        record = records.get(spec.token)
        if record is None or not _settled(record, world):
            return f"{spec.token} is {record.binding.value if record else 'unknown to state'}"
    for step in world.plan().steps:
        refused = step.record is not None and step.record.binding is Binding.REJECTED
        if step.action not in (Action.NOOP, Action.ORPHAN) and not refused:
            return f"the plan still wants to {step.action.value} {step.token}: {step.message}"
    return ""


def seconds_until_due(world: World) -> float:
    """How long the next pass can be waited with and nothing be missed."""
    waits = [_wait(record, world) for record in world.store.state.records.values()]
    return max(1.0, min((wait for wait in waits if wait > 0), default=1.0))


def demand_paid_once(world: World) -> None:
    """Raise Violation if anything was paid for twice."""
    _demand_paid_once(world.moment(), ())


def _settled(record: Record, world: World) -> bool:
    match record.binding:
        case Binding.BOUND:
            return record.job is not None and record.job.id in world.account.jobs
        case Binding.REJECTED:
            return record.token in world.account.refused
        case Binding.PENDING:
            return False


def _wait(record: Record, world: World) -> float:
    now = world.clock()
    if record.binding is Binding.PENDING:
        hidden = max(world.climate.grace, world.climate.lag)
        return (record.pending_since or now) + hidden - now
    retry_at = record.rejection.retry_at if record.rejection else None
    return (retry_at or now) - now


def _demand_paid_once(moment: Moment, path: tuple[str, ...]) -> None:
    for what, times in moment.paid().items():
        if times > 1:
            raise Violation(_recipe(path, f"{what} was paid for {times} times"))


def _recipe(path: tuple[str, ...], end: str) -> str:
    return "\n  ".join(("", *path, end))
