"""The loop of a watch, with time, waiting and events handed in: no test waits for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from reconciler.engine import PassResult
from reconciler.errors import (
    ConfigError,
    PolicyError,
    Problem,
    ProviderUnavailable,
    ReconcilerError,
    SpecError,
    StateConflict,
    StateFormat,
    StateLocked,
)
from reconciler.model import Binding, Job, JobError, JobStatus, Plan, Record, State
from reconciler.providers.base import Provider
from reconciler.watch import (
    Look,
    Outages,
    Passed,
    Ring,
    Wake,
    keep_watching,
    until_settled,
)
from tests.fakes import NOW, Clock, FakeProvider, make_record, make_spec

SPEC = make_spec()
STOP = Ring(wake=Wake.STOP)


def running(seconds_old: float, status: JobStatus = JobStatus.RUNNING, **fields: object) -> Record:
    job = Job(
        id="ftjob-1", status=status, provider_status=status.value, created_at=int(NOW - seconds_old)
    )
    return make_record(SPEC, binding=Binding.BOUND, job=job, **fields)


def result(*records: Record) -> PassResult:
    return PassResult(
        plan=Plan(steps=(), lineage="memory", serial=0),
        outcomes=(),
        specs=(SPEC,),
        state=State(lineage="memory", records={record.token: record for record in records}),
    )


@dataclass
class Loop:
    """A watch whose passes are given beforehand, and whose sleeps are written down."""

    passes: list[Passed | PassResult | BaseException]
    rings: dict[int, Ring] = field(default_factory=dict)
    poll: float | None = None
    clock: Clock = field(default_factory=Clock)
    sleeps: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    woken: list[Ring] = field(default_factory=list)
    outages: Outages = field(init=False)
    during: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.outages = Outages(self.clock)

    def run(self) -> list[float]:
        """The sleeps between the passes; the stop comes in the last one."""
        keep_watching(
            self._pass,
            clock=self.clock,
            wait=self._wait,
            outages=self.outages,
            grace=self._grace,
            seen=self.looks.append,
            poll=self.poll,
        )
        return self.sleeps

    def _pass(self, ring: Ring) -> Passed:
        self.woken.append(ring)
        self.during()
        found = self.passes[len(self.woken) - 1]
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, Passed) else Passed(result=found)

    def _wait(self, seconds: float) -> Ring | None:
        self.sleeps.append(round(seconds, 3))
        if len(self.woken) == len(self.passes):
            return STOP
        if ring := self.rings.get(len(self.woken)):
            return ring
        self.clock.sleep(seconds)
        return None

    @staticmethod
    def _grace() -> Mapping[str, float]:
        return {"openai": 120.0}


class TestSleeps:
    def test_a_pass_at_the_start_then_whenever_something_is_due(self) -> None:
        loop = Loop([result(running(100)), result(running(100)), result()])
        assert loop.run() == [10.0, 11.0, 60.0]
        assert [ring.wake for ring in loop.woken] == [Wake.START, Wake.DUE, Wake.DUE]

    def test_poll_is_the_longest_sleep(self) -> None:
        assert Loop([result(), result(running(50))], poll=30).run() == [30, 8.0]

    def test_a_changed_file_ends_a_sleep(self) -> None:
        saved = Ring(wake=Wake.FILES, files=("/r/specs/a.yaml",))
        loop = Loop([result(), result()], rings={1: saved})
        loop.run()
        assert loop.woken == [Ring(wake=Wake.START), saved]
        assert loop.clock() == NOW

    def test_a_stop_ends_it_without_another_pass(self) -> None:
        loop = Loop([result()])
        loop.run()
        assert len(loop.woken) == 1

    def test_a_job_that_no_sound_spec_asks_for_is_looked_at_as_often(self) -> None:
        other = replace(running(50), token="other-1")
        assert Loop([result(running(0, JobStatus.SUCCEEDED), other)]).run() == [5.0]

    def test_another_namespace_wakes_nobody(self) -> None:
        assert Loop([result(replace(running(50), token="x-1", namespace="else"))]).run() == [60.0]

    def test_an_attempt_that_follows_by_itself_is_due(self) -> None:
        spec = replace(SPEC, retry_limit=1)
        job = Job(
            id="ftjob-1",
            status=JobStatus.FAILED,
            provider_status="failed",
            finished_at=int(NOW - 295),
            error=JobError(code="server_error", message="internal error"),
        )
        found = result(make_record(SPEC, binding=Binding.BOUND, job=job))
        found = replace(found, specs=(spec,))
        assert Loop([found]).run() == [5.0]


class TestTrouble:
    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(PolicyError("too many"), id="policy"),
            pytest.param(ConfigError("no such path"), id="configuration"),
            pytest.param(StateFormat("damaged"), id="a damaged state"),
            pytest.param(SpecError([Problem("a.yaml", 1, 1, "bad")]), id="specs"),
        ],
    )
    def test_what_waits_for_a_change_is_shown_and_left(self, error: ReconcilerError) -> None:
        loop = Loop([error, error, result()])
        assert loop.run() == [300.0, 300.0, 60.0]
        assert loop.looks[0].trouble is error
        assert loop.looks[0].result is None
        assert loop.looks[2].trouble is None

    def test_a_locked_state_is_tried_again_ever_more_seldom(self) -> None:
        sleeps = Loop([StateLocked("theirs")] * 12).run()
        assert 1.6 <= sleeps[0] <= 2.0
        assert all(earlier < later for earlier, later in pairwise(sleeps[:8]))
        assert 240 <= sleeps[-1] <= 300

    def test_a_state_that_moved_is_read_anew_at_once(self) -> None:
        assert Loop([StateConflict("moved"), result()]).run() == [1.0, 60.0]

    def test_a_state_that_moves_all_the_time_is_not_hammered(self) -> None:
        assert sum(Loop([StateConflict("moved")] * 5).run()) > 20

    def test_a_file_that_goes_while_it_is_read_ends_nothing(self) -> None:
        loop = Loop([FileNotFoundError(2, "No such file or directory", "specs/a.yaml"), result()])
        loop.run()
        assert "specs/a.yaml: No such file" in str(loop.looks[0].trouble)

    def test_after_a_pass_that_came_through_the_count_begins_anew(self) -> None:
        loop = Loop([StateLocked("x"), StateLocked("x"), result(), StateLocked("x")])
        loop.run()
        assert [look.failures for look in loop.looks] == [1, 2, 0, 1]

    def test_a_refusal_does_not_slow_down_what_runs(self) -> None:
        refused = Passed(result=result(running(50)), refused=PolicyError("too dear"))
        loop = Loop([refused])
        assert loop.run() == [5.0]
        assert loop.looks[0].trouble is refused.refused

    @pytest.mark.parametrize("bug", [ValueError("bug"), KeyboardInterrupt()])
    def test_a_bug_and_an_interrupt_end_it(self, bug: BaseException) -> None:
        with pytest.raises(type(bug)):
            Loop([bug]).run()


class TestOutages:
    @pytest.fixture
    def provider(self) -> FakeProvider:
        def down(_: str) -> None:
            raise ProviderUnavailable("connection refused")

        return FakeProvider(clock=Clock(), before=down)

    def test_an_outage_decides_the_sleep_and_the_jobs_of_its_provider_do_not(
        self, provider: FakeProvider
    ) -> None:
        loop = Loop([result(running(1))] * 4)
        watched = loop.outages.connected(lambda _: provider)("openai")
        loop.during = lambda: unanswered(watched)
        sleeps = loop.run()
        assert sleeps == sorted(sleeps)
        assert sleeps[3] > 10
        assert [look.away[0].failures for look in loop.looks] == [1, 2, 3, 4]

    def test_a_wish_to_look_ends_every_rest(self, provider: FakeProvider) -> None:
        loop = Loop([result(), result()], rings={1: Ring(wake=Wake.ASKED)})
        watched = loop.outages.connected(lambda _: provider)("openai")
        loop.during = lambda: unanswered(watched)
        loop.run()
        assert provider.calls == ["get", "get"]

    def test_a_changed_file_ends_none(self, provider: FakeProvider) -> None:
        loop = Loop([result(), result()], rings={1: Ring(wake=Wake.FILES)})
        watched = loop.outages.connected(lambda _: provider)("openai")
        loop.during = lambda: unanswered(watched)
        loop.run()
        assert provider.calls == ["get"]


def unanswered(provider: Provider) -> None:
    with pytest.raises(ProviderUnavailable, match="connection refused"):
        provider.get("ftjob-1")


class TestUntilSettled:
    def test_it_ends_with_the_last_job(self) -> None:
        clock, passes = Clock(), [result(running(30)), result(running(0, JobStatus.SUCCEEDED))]
        seen: list[PassResult] = []
        last, ended = until_settled(
            lambda: passes[len(seen)],
            clock=clock,
            sleep=clock.sleep,
            grace=dict,
            seen=seen.append,
        )
        assert (ended, last, clock()) == (True, passes[1], NOW + 3)

    def test_a_timeout_stops_the_waiting(self) -> None:
        clock = Clock()
        _, ended = until_settled(
            lambda: result(running(5)),
            clock=clock,
            sleep=clock.sleep,
            grace=dict,
            seen=lambda _: None,
            timeout=12,
        )
        assert (ended, clock()) == (False, NOW + 12)
