"""Every provider creates a job once, and finds it again by its token, its id and in the list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.errors import CreateOutcomeUnknown, CreateRejected, Remedy
from reconciler.model import Job
from tests.contract.provider_bench import WRONG_MODEL, Bench, Making


def carries(job: Job, token: str) -> bool:
    return job.stamp in (token, token[-16:])


class TestCreate:
    def test_a_job_carries_its_token(self, bench: Bench) -> None:
        spec = bench.spec()
        job = bench.create(spec)
        assert carries(job, spec.token)
        assert not job.status.terminal
        assert job.fine_tuned_model is None
        assert job.created_at == int(bench.clock())

    def test_a_lost_answer_leaves_a_job_that_is_found(self, make: Making, tmp_path: Path) -> None:
        with make(tmp_path, lose_answers=True) as bench:
            spec = bench.spec()
            with pytest.raises(CreateOutcomeUnknown):
                bench.create(spec)
            (found,) = bench.provider.find(spec.token)
            assert carries(found, spec.token)

    def test_a_refused_job_is_not_there(self, bench: Bench) -> None:
        spec = bench.spec()
        with pytest.raises(CreateRejected) as caught:
            bench.provider.create(bench.request(spec, WRONG_MODEL))
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert bench.provider.find(spec.token) == ()

    def test_creates_side_by_side_are_a_job_each(self, bench: Bench) -> None:
        requests = [bench.request(bench.spec(f"bot-{number}")) for number in range(8)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            jobs = list(pool.map(bench.provider.create, requests))
            found = list(pool.map(bench.provider.find, (r.spec.token for r in requests)))
        assert len({job.id for job in jobs}) == 8
        assert [[job.id for job in jobs_] for jobs_ in found] == [[job.id] for job in jobs]


class TestLook:
    def test_a_token_finds_its_job_and_no_other(self, bench: Bench) -> None:
        ours, other = bench.spec("support-bot"), bench.spec("intent-router")
        bench.create(other)
        job = bench.create(ours)
        assert [found.id for found in bench.provider.find(ours.token)] == [job.id]
        assert bench.provider.find(bench.spec("ticket-tags").token) == ()

    def test_jobs_of_one_token_come_oldest_first(self, bench: Bench) -> None:
        spec = bench.spec()
        jobs = [bench.create(spec) for _ in range(3)]
        created = [jobs[0].id] if bench.unique else [job.id for job in jobs]
        assert [job.id for job in bench.provider.find(spec.token)] == created
        assert {job.id for job in jobs} == set(created)

    def test_jobs_known_to_belong_elsewhere_do_not_hide_ours(self, bench: Bench) -> None:
        spec, other = bench.spec("support-bot"), bench.create(bench.spec("intent-router"))
        job = bench.create(spec)
        assert [found.id for found in bench.provider.find(spec.token, {other.id})] == [job.id]

    def test_another_run_finds_it_too(self, bench: Bench) -> None:
        spec = bench.spec()
        job = bench.create(spec)
        later = bench.connect()
        assert [found.id for found in later.find(spec.token)] == [job.id]
        assert (later.name, later.scope, later.grace) == (
            bench.provider.name,
            bench.provider.scope,
            bench.provider.grace,
        )

    def test_a_job_is_got_by_its_id(self, bench: Bench) -> None:
        job = bench.create()
        got = bench.provider.get(job.id)
        assert got is not None
        assert (got.id, got.created_at, got.stamp) == (job.id, job.created_at, job.stamp)

    @pytest.mark.parametrize("id_", ["ftjob-none", "", "..", "ftjob-none?c=1"])
    def test_an_unknown_id_is_none(self, bench: Bench, id_: str) -> None:
        bench.create()
        assert bench.provider.get(id_) is None

    def test_the_list_has_every_job_newest_first(self, bench: Bench) -> None:
        jobs = [bench.create(bench.spec(f"bot-{number}")) for number in range(3)]
        listed = list(bench.provider.list())
        assert [job.id for job in listed] == [job.id for job in reversed(jobs)]
        if bench.provider.lists_stamps:
            assert all(job.stamp for job in listed)
