"""Jobs found by token, by id and in the list: no "none" that is a guess, and no page left out."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import ProviderAuthError, ProviderUnavailable
from tests.providers.loopback import (
    DROP,
    Answering,
    Reply,
    bench,
    error,
    page,
    pages,
    route,
    script,
)
from tests.providers.openai_jobs import HASH, JOBS, TOKEN, bare, listing, raw


class TestFind:
    def test_it_is_asked_for_by_its_stamp(self) -> None:
        with bench(route({f"GET {JOBS}": page(raw(1, TOKEN))})) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-1"]
        (asked,) = at.server.heard
        assert asked.query == {"limit": "100", "metadata[reconciler-token]": TOKEN}

    def test_none_is_none(self) -> None:
        with bench(route({f"GET {JOBS}": page()})) as at:
            assert at.provider.find(TOKEN) == ()

    def test_several_come_oldest_first(self) -> None:
        with bench(listing(raw(3, TOKEN), raw(2, TOKEN), raw(1, TOKEN))) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == [
                "ftjob-1",
                "ftjob-2",
                "ftjob-3",
            ]

    def test_jobs_of_the_same_second_keep_the_servers_order(self) -> None:
        jobs = [raw(number, TOKEN, created_at=1_700_000_000) for number in (3, 2, 1)]
        with bench(listing(*jobs)) as at:
            assert at.provider.find(TOKEN)[0].id == "ftjob-1"

    def test_a_server_that_ignores_the_filter_is_read_to_the_end(self) -> None:
        jobs = [raw(5), raw(4, "other-0123456789abcdef"), raw(3), raw(2), raw(1, TOKEN)]
        with bench(listing(*jobs)) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-1"]
        assert len(at.server.heard) == 3

    @pytest.mark.parametrize("status", [400, 422])
    def test_a_server_that_refuses_the_filter_is_asked_for_all(self, status: int) -> None:
        everything = pages([raw(2), raw(1, TOKEN)])

        def answer(heard: Any) -> Reply:
            if "metadata[reconciler-token]" in heard.query:
                return error(status, "unknown parameter")
            return everything(heard)

        with bench(route({f"GET {JOBS}": answer})) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-1"]

    def test_a_server_that_drops_metadata_is_not_believed_to_have_none(self) -> None:
        with bench(listing(bare(2), bare(1))) as at:
            with pytest.raises(ProviderUnavailable) as caught:
                at.provider.find(TOKEN)
            assert at.provider.find(TOKEN, {"ftjob-1", "ftjob-2"}) == ()
        assert str(caught.value) == (
            f"openai does not show what job ftjob-2 was created for, so it cannot be told whether"
            f" {TOKEN} exists (if this server drops metadata, set providers.openai.stamp to suffix;"
            " if the job belongs to a spec, tie it with `reconcile adopt`)"
        )

    def test_a_server_that_shows_some_metadata_keeps_metadata(self) -> None:
        with bench(listing(bare(2), raw(1, "other-0123456789abcdef"))) as at:
            assert at.provider.find(TOKEN) == ()

    def test_a_stamp_in_the_suffix_is_found_wherever_it_shows(self) -> None:
        jobs = [
            bare(5, suffix=f"support-{HASH}"),
            bare(4, user_provided_suffix=None),
            bare(3, fine_tuned_model=f"ft:m:org:support-{HASH}:8chars00", status="succeeded"),
            bare(2, fine_tuned_model="ft:m:org:support:8chars00", status="succeeded"),
            bare(1, user_provided_suffix=f"support-{HASH}"),
        ]
        with bench(listing(*jobs), stamp="suffix") as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-1", "ftjob-3", "ftjob-5"]
        assert "metadata[reconciler-token]" not in at.server.heard[0].query

    def test_a_job_that_shows_no_suffix_may_be_ours(self) -> None:
        with bench(listing(bare(1)), stamp="suffix") as at:
            with pytest.raises(ProviderUnavailable, match="does not show what job ftjob-1"):
                at.provider.find(TOKEN)
            assert at.provider.find(TOKEN, ["ftjob-1"]) == ()

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(script(page(raw(1), more=True)), id="the same page for ever"),
            pytest.param(script(page(more=True)), id="more, and nothing"),
            pytest.param(script(page(raw(2), more=True), error(404)), id="a page that is missing"),
            pytest.param(script(page(raw(2), more=True), DROP), id="a page that is lost"),
            pytest.param(script(page(raw(2), more=True), Reply(200, {})), id="a page that is none"),
            pytest.param(script(page({"status": "running"})), id="a job without an id"),
            pytest.param(script(page("ftjob-1")), id="a job that is none"),
            pytest.param(script(Reply(200, b"<html>")), id="a web page"),
            pytest.param(script(Reply(200, {"data": None})), id="no list"),
            pytest.param(script(Reply(200, [])), id="a list that is bare"),
            pytest.param(script(error(404)), id="no such place"),
        ],
    )
    def test_an_unfinished_list_is_no_proof(self, answer: Answering) -> None:
        with bench(answer) as at, pytest.raises(ProviderUnavailable):
            at.provider.find(TOKEN)

    def test_a_server_that_does_not_say_whether_there_is_more_is_asked(self) -> None:
        def answer(heard: Any) -> Reply:
            after = heard.query.get("after")
            following = {None: [raw(3), raw(2)], "ftjob-2": [raw(1, TOKEN)], "ftjob-1": []}
            return page(*following[after], more=None)

        with bench(answer) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-1"]

    def test_a_server_that_pages_not_at_all_is_understood(self) -> None:
        with bench(script(page(raw(2, TOKEN), raw(1), more=None))) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-2"]

    def test_a_job_that_slipped_onto_the_next_page_is_one_job(self) -> None:
        answer = script(page(raw(3), raw(2, TOKEN), more=True), page(raw(2, TOKEN), raw(1)))
        with bench(answer) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == ["ftjob-2"]


class TestGet:
    def test_a_job(self) -> None:
        with bench(route({f"GET {JOBS}/ftjob-1": Reply(200, raw(1, TOKEN))})) as at:
            job = at.provider.get("ftjob-1")
        assert job is not None
        assert job.stamp == TOKEN

    @pytest.mark.parametrize("reply", [error(404), Reply(404), Reply(404, {"detail": "none"})])
    def test_none(self, reply: Reply) -> None:
        with bench(script(reply)) as at:
            assert at.provider.get("ftjob-1") is None

    @pytest.mark.parametrize("id_", ["", ".", ".."])
    def test_what_is_no_id_is_none_and_asks_nobody(self, id_: str) -> None:
        with bench(script(DROP)) as at:
            assert at.provider.get(id_) is None
            assert not at.server.heard

    def test_an_id_stays_within_its_segment(self) -> None:
        with bench(script(error(404))) as at:
            at.provider.get("../files?x=1#y")
        assert at.server.heard[0].target == f"{JOBS}/..%2Ffiles%3Fx%3D1%23y"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(404, b"<h1>Not Found</h1>"),
            error(404, "Invalid URL (GET /fine_tuning/jobs/ftjob-1)"),
            Reply(200, {}),
            Reply(200, b"x"),
            Reply(301),
            DROP,
        ],
    )
    def test_what_proves_nothing(self, reply: Reply) -> None:
        with bench(script(reply)) as at, pytest.raises(ProviderUnavailable):
            at.provider.get("ftjob-1")

    def test_a_refused_key(self) -> None:
        with bench(script(error(401))) as at, pytest.raises(ProviderAuthError):
            at.provider.get("ftjob-1")


def test_the_list_is_fetched_as_it_is_consumed() -> None:
    with bench(listing(*(raw(number) for number in range(6, 0, -1)))) as at:
        jobs = at.provider.list()
        assert next(jobs).id == "ftjob-6"
        assert len(at.server.heard) == 1
        assert [job.id for job in jobs] == [f"ftjob-{number}" for number in range(5, 0, -1)]
        assert len(at.server.heard) == 3
