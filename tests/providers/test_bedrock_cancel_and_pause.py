"""A job told to stop: one that is over is no error. Bedrock can neither pause nor resume one."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from reconciler.model import JobStatus
from tests.providers.bedrock_bench import JOBS, NOT_FOUND, TOKEN, Bench, refused, shown
from tests.providers.loopback import Answering, Reply, route, script


def jobs(stop: Reply, get: Reply) -> Answering:
    return route({f"POST {JOBS}/{TOKEN}/stop": stop, f"GET {JOBS}/{TOKEN}": get})


def state(status: str) -> Reply:
    return Reply(200, shown(TOKEN, status))


CONFLICT = refused(400, "ConflictException", "The job is not in progress.")


class TestCancel:
    @pytest.mark.parametrize(
        ("word", "status"),
        [("Stopping", JobStatus.RUNNING), ("Stopped", JobStatus.CANCELLED)],
    )
    def test_a_job_is_asked_to_stop(self, at: Bench, word: str, status: JobStatus) -> None:
        at.server.answer = jobs(Reply(200, {}), state(word))
        job = at.provider.cancel(TOKEN)
        assert (job.status, job.provider_status) == (status, word)
        assert [heard.method for heard in at.server.heard] == ["POST", "GET"]

    @pytest.mark.parametrize("word", ["Completed", "Failed", "Stopped", "Stopping"])
    def test_one_that_is_over_or_ending_is_no_error(self, at: Bench, word: str) -> None:
        at.server.answer = jobs(CONFLICT, state(word))
        assert at.provider.cancel(TOKEN).provider_status == word

    def test_a_refusal_is_told(self, at: Bench) -> None:
        at.server.answer = jobs(CONFLICT, state("InProgress"))
        with pytest.raises(ProviderError, match="not in progress") as caught:
            at.provider.cancel(TOKEN)
        assert not isinstance(caught.value, ProviderUnavailable)

    def test_a_job_that_is_not_there_is_told(self, at: Bench) -> None:
        at.server.answer = script(NOT_FOUND)
        with pytest.raises(ProviderError, match=f"bedrock has no job {TOKEN}"):
            at.provider.cancel(TOKEN)

    def test_one_that_vanishes_is_told(self, at: Bench) -> None:
        at.server.answer = jobs(Reply(200, {}), NOT_FOUND)
        with pytest.raises(ProviderError, match="has no job"):
            at.provider.cancel(TOKEN)

    def test_who_may_not_stop_is_told_what_it_takes(self, at: Bench) -> None:
        at.server.answer = script(refused(403, "AccessDeniedException"))
        with pytest.raises(ProviderAuthError) as caught:
            at.provider.cancel(TOKEN)
        assert "bedrock:StopModelCustomizationJob" in caught.value.hint


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("pause", "Bedrock cannot pause a job; cancel stops it for good"),
        ("resume", "Bedrock cannot resume a job; a new one trains from the beginning"),
    ],
)
def test_what_bedrock_cannot_do_says_what_it_can(at: Bench, verb: str, words: str) -> None:
    with pytest.raises(ProviderError) as caught:
        getattr(at.provider, verb)(TOKEN)
    assert caught.value.message == words
    assert at.server.heard == []
