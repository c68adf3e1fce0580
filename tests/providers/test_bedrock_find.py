"""A job is looked for by its name or its ARN: no "none" that is a guess, and no wait for ever."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from tests.providers.bedrock_bench import (
    BUSY,
    CREATED,
    FOREIGN,
    JOBS,
    MINE,
    TOKEN,
    Bench,
    arn,
    refused,
    serve,
    shown,
)
from tests.providers.loopback import DROP, Reply, script


class TestFind:
    def test_a_token_is_looked_for_by_name(self, at: Bench) -> None:
        (job,) = serve(at, CREATED, MINE).provider.find(TOKEN)
        assert (job.id, job.stamp) == (arn(), TOKEN)
        assert at.server.requests() == [f"GET {JOBS}/{TOKEN}"]

    def test_none_is_none(self, at: Bench) -> None:
        assert serve(at, CREATED).provider.find(TOKEN) == ()

    def test_a_server_that_shows_no_token_shows_the_name(self, at: Bench) -> None:
        bare = Reply(200, shown(TOKEN, clientRequestToken=None))
        (job,) = serve(at, CREATED, bare).provider.find(TOKEN)
        assert job.stamp == TOKEN

    def test_somebody_elses_name_is_no_proof_of_anything(self, at: Bench) -> None:
        with pytest.raises(ProviderUnavailable, match="was not created for this spec") as caught:
            serve(at, CREATED, FOREIGN).provider.find(TOKEN)
        assert "reconcile adopt" in caught.value.hint

    @pytest.mark.parametrize(
        "get",
        [
            pytest.param(BUSY, id="503"),
            pytest.param(DROP, id="dropped"),
            pytest.param(refused(400, "ValidationException", "not allowed"), id="400"),
            pytest.param(Reply(404, b"<html>Not Found</html>"), id="a page that is not found"),
            pytest.param(Reply(404), id="an empty 404"),
            pytest.param(refused(404, "UnknownOperationException"), id="no such operation"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, {}), id="nothing"),
            pytest.param(Reply(302), id="302"),
        ],
    )
    def test_what_is_not_understood_is_not_none(self, at: Bench, get: Reply) -> None:
        with pytest.raises(ProviderUnavailable):
            serve(at, CREATED, get).provider.find(TOKEN)

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "AccessDeniedException"), (403, "403"), (401, "401"), (400, "ExpiredToken")],
    )
    def test_who_may_not_look_knows_nothing(self, at: Bench, status: int, code: str) -> None:
        with pytest.raises(ProviderAuthError, match="does not allow GetModelCustomizationJob"):
            serve(at, CREATED, refused(status, code)).provider.find(TOKEN)
        assert len(at.server.heard) == 1


class TestRead:
    def test_busy_servers_are_asked_again(self, at: Bench) -> None:
        at.server.answer = script(BUSY, DROP, refused(429, "ThrottlingException"), MINE)
        assert at.provider.get(TOKEN) is not None
        assert len(at.naps) == 3

    def test_but_not_for_ever(self, at: Bench) -> None:
        at.server.answer = script(BUSY)
        with pytest.raises(ProviderUnavailable, match="tried 4 times"):
            at.provider.get(TOKEN)
        assert len(at.server.heard) == 4

    def test_a_server_says_how_long_to_wait(self, at: Bench) -> None:
        at.server.answer = script(refused(429, "ThrottlingException", retry_after="7"), MINE)
        at.provider.get(TOKEN)
        assert at.naps == [7.0]

    def test_but_not_how_long_to_hang(self, at: Bench) -> None:
        at.server.answer = script(refused(503, "SlowDown", retry_after="3600"), MINE)
        with pytest.raises(ProviderUnavailable):
            at.provider.get(TOKEN)
        assert at.naps == []

    def test_an_arn_is_asked_for_as_one_segment(self, at: Bench) -> None:
        serve(at, CREATED, MINE).provider.get(arn())
        (heard,) = at.server.heard
        assert heard.target.count("/") == 2
        assert "%2F" in heard.target
        assert "%25" not in heard.target

    @pytest.mark.parametrize(
        "id_",
        ["", "..", ".", "-a", "a/b", "a?b=1", "a b", "ä", "x" * 64, "arn:aws:s3:::bucket", "arn:"],
    )
    def test_what_can_be_no_id_is_not_asked_for(self, at: Bench, id_: str) -> None:
        assert serve(at, CREATED, MINE).provider.get(id_) is None
        with pytest.raises(ProviderError, match="has no job"):
            at.provider.cancel(id_)
        assert at.server.heard == []
