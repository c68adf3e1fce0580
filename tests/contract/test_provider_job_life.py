"""Every provider takes a job to its end, stops it or lets it wait, and tells of it in order."""

from __future__ import annotations

from itertools import pairwise

import pytest

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.model import JobStatus
from tests.contract.provider_bench import A_DAY, Bench, end


class TestLife:
    def test_a_job_comes_to_its_end(self, bench: Bench) -> None:
        job = bench.create()
        ended = end(bench, job)
        assert ended.status is JobStatus.SUCCEEDED
        assert ended.fine_tuned_model
        assert ended.finished_at is not None
        assert ended.finished_at >= (job.created_at or 0)

    def test_a_cancelled_job_is_over_and_may_be_cancelled_again(self, bench: Bench) -> None:
        job = bench.create()
        assert not bench.provider.cancel(job.id).fine_tuned_model
        bench.clock.sleep(60)  # some are a while about it
        assert bench.provider.cancel(job.id).status is JobStatus.CANCELLED
        got = bench.provider.get(job.id)
        assert got is not None
        assert got.status is JobStatus.CANCELLED
        assert got.fine_tuned_model is None

    def test_a_finished_job_stays_finished(self, bench: Bench) -> None:
        ended = end(bench, bench.create())
        assert bench.provider.cancel(ended.id).status is JobStatus.SUCCEEDED

    def test_a_job_that_is_not_there_is_not_cancelled(self, bench: Bench) -> None:
        with pytest.raises(ProviderError):
            bench.provider.cancel("ftjob-none")

    def test_a_paused_job_waits_until_it_is_resumed(self, bench: Bench) -> None:
        job = bench.create()
        bench.clock.sleep(2)
        if "pause" not in bench.can:
            with pytest.raises(ProviderError, match="cannot pause a job; cancel stops it"):
                bench.provider.pause(job.id)
            assert end(bench, job).status is JobStatus.SUCCEEDED
            return
        for _ in range(2):
            assert bench.provider.pause(job.id).status is JobStatus.PAUSED
            bench.clock.sleep(A_DAY)
        for _ in range(2):
            assert bench.provider.resume(job.id).status is JobStatus.QUEUED
        assert end(bench, job).status is JobStatus.SUCCEEDED

    def test_a_job_that_goes_on_need_not_be_resumed(self, bench: Bench) -> None:
        job = bench.create()
        if "resume" not in bench.can:
            with pytest.raises(ProviderError, match="cannot resume a job"):
                bench.provider.resume(job.id)
            return
        going_on = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)
        assert bench.provider.resume(job.id).status in going_on

    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_a_job_that_has_succeeded_is_past_being_told(self, bench: Bench, verb: str) -> None:
        ended = end(bench, bench.create())
        with pytest.raises(ProviderError):
            getattr(bench.provider, verb)(ended.id)
        assert bench.provider.get(ended.id) == ended

    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_a_job_that_is_not_there_is_told_nothing(self, bench: Bench, verb: str) -> None:
        with pytest.raises(ProviderError) as caught:
            getattr(bench.provider, verb)("ftjob-none")
        assert not isinstance(caught.value, ProviderUnavailable)

    def test_what_is_told_of_a_job_is_in_order(self, bench: Bench) -> None:
        job = bench.create()
        assert bench.provider.checkpoints(job.id) == ()
        assert bench.provider.metrics(job) == ()
        ended = end(bench, job)
        events = list(bench.provider.events(job.id))
        assert all(newer.created_at >= older.created_at for newer, older in pairwise(events))
        assert len({event.id for event in events}) == len(events)
        checkpoints = bench.provider.checkpoints(job.id)
        assert all(newer.step > older.step for newer, older in pairwise(checkpoints))
        points = bench.provider.metrics(ended)
        assert all(earlier.step < later.step for earlier, later in pairwise(points))
        assert all(point.values for point in points)
        told = {"events": events, "checkpoints": checkpoints, "metrics": points}
        assert {name for name, found in told.items() if found} == bench.tells
