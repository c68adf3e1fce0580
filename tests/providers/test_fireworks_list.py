"""Jobs of both kinds as one list, newest first, whatever a server makes of pages and order."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderUnavailable
from tests.providers.fireworks_bench import DPO, GONE, SFT, bench, dpo, grpc, listing, sft
from tests.providers.loopback import DROP, Answering, Heard, Reply, route, script


def at_second(number: int) -> dict[str, str]:
    return {"createTime": f"2026-07-17T00:00:{number:02}Z"}


class TestList:
    def test_both_kinds_newest_first(self) -> None:
        ours = [sft(f"s{n}", **at_second(n)) for n in (5, 3, 1)]
        theirs = [dpo(f"d{n}", **at_second(n)) for n in (4, 2)]
        table = {
            f"GET {SFT}": listing(supervisedFineTuningJobs=ours),
            f"GET {DPO}": listing(dpoJobs=theirs),
        }
        with bench(route(table)) as at:
            listed = list(at.provider.list())
        assert [job.stamp for job in listed] == ["s5", "d4", "s3", "d2", "s1"]
        assert at.server.heard[0].query == {"pageSize": "200", "orderBy": "create_time desc"}

    def test_pages_are_fetched_as_they_are_needed(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == DPO:
                return Reply(200, {})
            start = int(heard.query.get("pageToken", "9"))
            page = [sft(f"s{n}", **at_second(n)) for n in (start, start - 1)]
            return Reply(200, {"supervisedFineTuningJobs": page, "nextPageToken": str(start - 2)})

        with bench(answer) as at:
            jobs = at.provider.list()
            assert [next(jobs).stamp for _ in range(3)] == ["s9", "s8", "s7"]
        tokens = [heard.query.get("pageToken") for heard in at.server.heard if heard.path == SFT]
        assert tokens == [None, "7"]

    def test_a_server_that_keeps_another_order_is_read_to_the_end(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == DPO:
                return Reply(200, {})
            if "pageToken" in heard.query:
                return Reply(200, {"supervisedFineTuningJobs": [sft("c", **at_second(3))]})
            page = [sft("a", **at_second(1)), sft("b", **at_second(2))]
            return Reply(200, {"supervisedFineTuningJobs": page, "nextPageToken": "x"})

        with bench(answer) as at:
            assert [job.stamp for job in at.provider.list()] == ["c", "b", "a"]

    def test_a_server_that_loses_the_order_later_keeps_none_back(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == DPO:
                return Reply(200, {})
            if "pageToken" in heard.query:
                return Reply(200, {"supervisedFineTuningJobs": [sft("b", **at_second(9))]})
            page = [sft("a", **at_second(5))]
            return Reply(200, {"supervisedFineTuningJobs": page, "nextPageToken": "x"})

        with bench(answer) as at:
            assert {job.stamp for job in at.provider.list()} == {"a", "b"}

    @pytest.mark.parametrize("status", [400, 422])
    @pytest.mark.parametrize("spelt", ["createTime desc", None])
    def test_a_server_that_orders_otherwise_or_not_at_all_is_asked_so(
        self, status: int, spelt: str | None
    ) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.query.get("orderBy") != spelt:
                return grpc(status, 3, "invalid order_by")
            name = "supervisedFineTuningJobs" if heard.path == SFT else "dpoJobs"
            return listing(**{name: [sft("a") if heard.path == SFT else dpo("b")]})

        with bench(answer) as at:
            assert {job.stamp for job in at.provider.list()} == {"a", "b"}

    def test_a_job_that_slipped_onto_the_next_page_is_one_job(self) -> None:
        pages = [
            {"supervisedFineTuningJobs": [sft("a", **at_second(2))], "nextPageToken": "x"},
            {"supervisedFineTuningJobs": [sft("a", **at_second(2)), sft("b", **at_second(1))]},
        ]
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}": script(*[Reply(200, page) for page in pages]),
            f"GET {DPO}": Reply(200, {}),
        }
        with bench(route(table)) as at:
            assert [job.stamp for job in at.provider.list()] == ["a", "b"]

    def test_deleted_jobs_are_left_out(self) -> None:
        table = {
            f"GET {SFT}": listing(supervisedFineTuningJobs=[sft("a", "DELETED"), sft("b")]),
            f"GET {DPO}": Reply(200, {}),
        }
        with bench(route(table)) as at:
            assert [job.stamp for job in at.provider.list()] == ["b"]

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(
                Reply(200, {"supervisedFineTuningJobs": [], "nextPageToken": "x"}),
                id="round in circles",
            ),
            pytest.param(Reply(200, {"nextPageToken": 7}), id="a token that is none"),
            pytest.param(Reply(200, {"supervisedFineTuningJobs": {}}), id="no list"),
            pytest.param(Reply(200, {"supervisedFineTuningJobs": ["x"]}), id="no job"),
            pytest.param(Reply(200, {"supervisedFineTuningJobs": [{}]}), id="no name"),
            pytest.param(Reply(200, []), id="a bare list"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(GONE, id="no such place"),
            pytest.param(DROP, id="lost"),
        ],
    )
    def test_an_unfinished_list_is_no_proof(self, reply: Reply) -> None:
        table = {f"GET {SFT}": reply, f"GET {DPO}": Reply(200, {})}
        with bench(route(table)) as at, pytest.raises(ProviderUnavailable):
            list(at.provider.list())
