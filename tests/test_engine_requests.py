"""Passes that are asked for only a part: refreshes, tolerant ones, budgets, deadlines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import PolicyError, SpecError
from reconciler.model import Action, JobError, JobStatus, Reason, Result
from reconciler.retries import FIRST_WAIT_SECONDS
from tests.fakes import MemoryStore
from tests.house import House
from tests.repository import repository


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(repository(tmp_path))


class TestRefreshOnly:
    def test_it_creates_nothing(self, house: House) -> None:
        house.files.add("one")
        assert house.run(refresh_only=True).outcomes == ()
        assert house.provider.creates == []

    def test_it_writes_what_is_new_of_jobs_that_are_over_too(self, house: House) -> None:
        house.files.add("one")
        house.run()
        (job,) = house.provider.jobs.values()
        house.provider.end(job.id, JobStatus.SUCCEEDED)
        house.files.add("two")
        (outcome,) = house.run(refresh_only=True, refresh=True).outcomes
        assert outcome.result is Result.REFRESHED
        assert house.files.sidecar("one")["phase"] == "Succeeded"
        assert len(house.provider.creates) == 1

    def test_it_cancels_nothing(self, house: House) -> None:
        house.files.add("one", "  deletion_policy: cancel")
        house.run()
        (house.files.root / "specs/one.yaml").unlink()
        assert house.results(refresh_only=True, prune=True) == []
        (job,) = house.provider.jobs.values()
        assert not job.status.terminal


class TestTolerant:
    def test_a_broken_spec_is_left_out_and_the_others_go_on(self, house: House) -> None:
        house.files.add("good")
        house.files.add("bad", "  n_epoch: 3")
        with pytest.raises(SpecError):
            house.run()
        result = house.run(tolerant=True)
        assert [outcome.result for outcome in result.outcomes] == [Result.CREATED]
        assert [problem.file for problem in result.problems] == ["specs/bad.yaml"]

    def test_the_job_of_a_spec_that_is_left_out_is_nobodys_orphan(self, house: House) -> None:
        house.files.add("one", "  deletion_policy: cancel")
        house.run()
        house.files.add("one", "  deletion_policy: cancel\n  n_epoch: 3")
        assert house.results(tolerant=True, prune=True) == []
        (job,) = house.provider.jobs.values()
        assert not job.status.terminal

    def test_the_job_of_a_spec_that_is_left_out_still_tells_how_it_goes(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.files.add("one", "  n_epoch: 3")
        (job,) = house.provider.jobs
        house.provider.end(job)
        (outcome,) = house.run(tolerant=True).outcomes
        assert outcome.result is Result.REFRESHED
        (record,) = house.store.state.records.values()
        assert record.job is not None
        assert record.job.status is JobStatus.SUCCEEDED


class TestLimits:
    def test_a_request_may_lower_the_budget(self, house: House) -> None:
        house.files.add("one")
        with pytest.raises(PolicyError, match="more than max_cost_usd"):
            house.run(max_cost_usd=0.0001)
        assert house.provider.creates == []
        assert house.results(max_cost_usd=1.0) == [Result.CREATED]

    def test_what_a_create_was_expected_to_cost_is_kept(self, house: House) -> None:
        house.files.add("one")
        (outcome,) = house.run().outcomes
        assert outcome.record is not None
        assert outcome.record.estimate is not None
        assert outcome.record.estimate == outcome.step.estimate
        assert house.files.sidecar("one")["estimated"]["cost_usd"] == outcome.record.estimate.usd


def test_a_job_that_takes_longer_than_its_deadline_is_cancelled(house: House) -> None:
    house.files.add("one", "  deadline: 2h")
    house.run()
    house.clock.now += 7199
    assert house.results() == [Result.UNCHANGED]
    house.clock.now += 1
    (outcome,) = house.run().outcomes
    assert (outcome.step.action, outcome.step.reason) == (
        Action.CANCEL,
        Reason.DEADLINE_EXCEEDED,
    )
    assert outcome.result is Result.CANCELLED
    assert house.files.sidecar("one")["conditions"][-1]["reason"] == "DeadlineExceeded"
    assert house.results() == [Result.UNCHANGED]
    assert len(house.provider.creates) == 1


def test_a_failure_of_the_provider_is_tried_again_as_often_as_the_spec_says(house: House) -> None:
    house.files.add("one", "  retry: {limit: 1}")
    house.run()
    (first,) = house.provider.jobs
    _fail(house, first)
    house.clock.now += FIRST_WAIT_SECONDS - 1
    result = house.run()
    assert [outcome.result for outcome in result.outcomes] == [Result.REFRESHED]
    assert not result.settled
    house.clock.now += FIRST_WAIT_SECONDS
    (outcome,) = house.run().outcomes
    assert (outcome.result, outcome.step.reason) == (Result.CREATED, Reason.RETRY_FAILED)
    (second,) = house.provider.jobs.keys() - {first}
    _fail(house, second)
    house.clock.now += 1e6
    house.run()
    result = house.run()
    assert result.settled
    assert len(house.provider.creates) == 2
    assert [one["token"] for one in house.files.sidecar("one")["previous"]]


def test_waiting_goes_on_for_an_attempt_that_is_due_at_once(house: House) -> None:
    house.files.add("one", "  retry: {limit: 1}\n")
    house.run()
    (first,) = house.provider.jobs
    _fail(house, first)
    house.clock.now += 2 * FIRST_WAIT_SECONDS  # nobody has looked since it failed
    result = house.run()
    assert [outcome.result for outcome in result.outcomes] == [Result.REFRESHED]
    assert not result.settled
    assert house.results() == [Result.CREATED]


def test_waiting_ends_where_the_attempt_is_held(house: House) -> None:
    house.files.add("one", "  retry: {limit: 1}\n")
    house.run()
    (first,) = house.provider.jobs
    _fail(house, first)
    house.files.add("one", "  retry: {limit: 1}\n  suspend: true\n")
    house.clock.now += 2 * FIRST_WAIT_SECONDS
    house.run()
    result = house.run()
    assert [outcome.result for outcome in result.outcomes] == [Result.HELD]
    assert result.settled


def test_a_lost_state_finds_the_attempts_again_one_by_one(house: House) -> None:
    house.files.add("one", "  retry: {limit: 1}")
    house.run()
    (first,) = house.provider.jobs
    _fail(house, first)
    house.run()
    house.clock.now += FIRST_WAIT_SECONDS
    house.run()
    house.store = MemoryStore()
    assert house.results() == [Result.ADOPTED]
    assert house.results() == [Result.ADOPTED]
    assert house.results() == [Result.UNCHANGED]
    assert len(house.provider.creates) == 2


def _fail(house: House, job_id: str) -> None:
    house.provider.end(job_id, JobStatus.FAILED)
    failed = house.provider.jobs[job_id]
    error = JobError(code="server_error", message="Internal error")
    house.provider.jobs[job_id] = replace(failed, error=error)


@pytest.mark.parametrize(
    ("before", "after", "becomes"),
    [("cancel", "orphan", Result.ORPHANED), ("orphan", "cancel", Result.CANCELLED)],
)
def test_a_policy_that_is_edited_in_the_pass_that_sees_news_counts(
    house: House, before: str, after: str, becomes: Result
) -> None:
    house.files.add("a", f"  deletion_policy: {before}\n")
    house.run()
    (job,) = house.provider.jobs.values()
    news = replace(job, status=JobStatus.RUNNING, provider_status="running")
    house.provider.jobs[job.id] = news
    house.files.add("a", f"  deletion_policy: {after}\n")
    assert house.results() == [Result.REFRESHED]
    (house.files.root / "specs/a.yaml").unlink()
    assert house.results(prune=True) == [becomes]


class TestNames:
    @staticmethod
    def rename(house: House, new: str, *former: str) -> None:
        """The one spec of the house under another name."""
        (old,) = (p for p in (house.files.root / "specs").glob("*.yaml") if ".status" not in p.name)
        old.unlink()
        path = house.files.add(new)
        names = f"  previous_names: [{', '.join(former)}]\n" if former else ""
        path.write_text(path.read_text().replace(f"  name: {new}\n", f"  name: {new}\n{names}"))

    @pytest.fixture
    def trained(self, house: House) -> House:
        """A spec called a, now b, whose job has succeeded."""
        house.files.add("a")
        house.run()
        house.provider.end("ftjob-1")
        house.run()
        self.rename(house, "b", "a")
        assert house.results() == [Result.UNCHANGED]
        return house

    def test_the_sidecar_goes_with_the_name(self, trained: House) -> None:
        left = {path.name for path in (trained.files.root / "specs").glob("*.status.yaml")}
        assert left == {"b.status.yaml"}
        assert trained.files.sidecar("b")["fine_tuned_model"] == "ft:ftjob-1"

    def test_what_is_no_sidecar_stays(self, trained: House) -> None:
        ours = trained.files.root / "specs/a.status.yaml"
        ours.write_text("notes: mine\n")
        trained.run()
        assert ours.read_text() == "notes: mine\n"

    @pytest.mark.parametrize("former", [("a", "b"), ()], ids=["in the wrong order", "forgotten"])
    def test_a_slip_in_the_names_is_not_paid_for(
        self, trained: House, former: tuple[str, ...]
    ) -> None:
        self.rename(trained, "c" if former else "b", *former)
        (outcome,) = trained.run().outcomes
        assert (outcome.result, outcome.step.reason) == (Result.HELD, Reason.SAME_TRAINING)
        assert len(trained.provider.creates) == 1

    def test_raising_the_attempt_trains_it_again_all_the_same(self, trained: House) -> None:
        self.rename(trained, "b")
        path = trained.files.root / "specs/b.yaml"
        path.write_text(path.read_text() + "  attempt: 1\n")
        assert trained.results() == [Result.CREATED]
