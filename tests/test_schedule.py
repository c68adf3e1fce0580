from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import Remedy
from reconciler.model import Binding, Job, JobStatus, Record, Rejection
from reconciler.schedule import open_records, rest, seconds_until_next_look
from tests.fakes import NOW, make_record


def bound(status: JobStatus, seconds_old: float = 0) -> Record:
    job = Job(
        id="j", status=status, provider_status=status.value, created_at=int(NOW - seconds_old)
    )
    return make_record(binding=Binding.BOUND, job=job)


def rejected(remedy: Remedy, due_in: float | None) -> Record:
    retry_at = None if due_in is None else NOW + due_in
    rejection = Rejection(remedy=remedy, code="", message="", at=NOW, retry_at=retry_at)
    return make_record(binding=Binding.REJECTED, rejection=rejection)


@pytest.mark.parametrize(
    ("record", "open_"),
    [
        pytest.param(make_record(), True, id="an unanswered create"),
        pytest.param(bound(JobStatus.QUEUED), True, id="a job that goes on"),
        pytest.param(bound(JobStatus.PAUSED), True, id="a paused job is not over"),
        pytest.param(bound(JobStatus.UNKNOWN), True, id="a word we do not know is not over"),
        pytest.param(bound(JobStatus.SUCCEEDED), False, id="succeeded"),
        pytest.param(bound(JobStatus.CANCELLED), False, id="cancelled"),
        pytest.param(rejected(Remedy.RETRY_NOW, 5), True, id="refused for a moment"),
        pytest.param(rejected(Remedy.RETRY_LATER, 3600), False, id="refused for today"),
        pytest.param(rejected(Remedy.FIX_ACCOUNT, 10), False, id="refused until somebody acts"),
    ],
)
def test_what_goes_on_by_itself(record: Record, *, open_: bool) -> None:
    assert bool(open_records([record])) is open_


@pytest.mark.parametrize(
    ("record", "seconds"),
    [
        pytest.param(bound(JobStatus.QUEUED, 0), 1, id="a new job, at once"),
        pytest.param(bound(JobStatus.RUNNING, 100), 10, id="a tenth of its age"),
        pytest.param(bound(JobStatus.RUNNING, 86400), 60, id="at most a minute"),
        pytest.param(make_record(pending_since=NOW - 100), 20, id="when grace is over"),
        pytest.param(make_record(pending_since=NOW - 125), 1, id="grace is just over"),
        pytest.param(make_record(pending_since=NOW - 520), 40, id="long overdue: it waits for us"),
        pytest.param(make_record(pending_since=NOW - 9999), 60, id="overdue for hours"),
        pytest.param(rejected(Remedy.RETRY_NOW, -300), 30, id="a retry that is not being made"),
        pytest.param(rejected(Remedy.RETRY_NOW, 7), 7, id="when the provider says"),
    ],
)
def test_when_to_look(record: Record, seconds: float) -> None:
    assert seconds_until_next_look([record], {"openai": 120.0}, NOW) == seconds


def test_the_most_urgent_decides() -> None:
    records = [bound(JobStatus.RUNNING, 86400), replace(bound(JobStatus.RUNNING, 50), token="b-1")]
    assert seconds_until_next_look(records, {}, NOW) == 5


def test_nothing_open_is_looked_at_seldom() -> None:
    assert seconds_until_next_look([bound(JobStatus.SUCCEEDED)], {}, NOW) == 60


class TestRests:
    def test_each_is_twice_the_one_before_until_five_minutes(self) -> None:
        rests = [rest("openai", failures) for failures in range(1, 60)]
        for number, seconds in enumerate(rests):
            whole = min(2.0 * 2**number, 300.0)
            assert 0.8 * whole <= seconds <= whole

    def test_the_same_name_and_number_rest_the_same(self) -> None:
        assert rest("openai", 5) == rest("openai", 5)

    def test_those_who_fail_together_do_not_come_back_together(self) -> None:
        names = [f"provider-{number}" for number in range(20)]
        assert len({rest(name, 5) for name in names}) == 20

    def test_no_failure_yet_is_no_error(self) -> None:
        assert rest("openai", 0) <= 2.0
