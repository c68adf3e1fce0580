"""A job told to stop, to wait or to go on: told once, and what became of it is looked up."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from reconciler.model import JobStatus
from tests.providers.loopback import DROP, Reply, bench, error, route, script
from tests.providers.openai_jobs import JOBS, raw


class TestCancel:
    PATH = f"POST {JOBS}/ftjob-1/cancel"
    GET = f"GET {JOBS}/ftjob-1"

    def test_a_running_job(self) -> None:
        with bench(route({self.PATH: Reply(200, raw(1, status="cancelled"))})) as at:
            assert at.provider.cancel("ftjob-1").status is JobStatus.CANCELLED

    @pytest.mark.parametrize("reply", [error(400, "already over"), error(409), error(500)])
    def test_a_job_that_is_over(self, reply: Reply) -> None:
        over = Reply(200, raw(1, status="succeeded"))
        with bench(route({self.PATH: reply, self.GET: over})) as at:
            assert at.provider.cancel("ftjob-1").status is JobStatus.SUCCEEDED

    def test_an_answer_without_a_job_is_followed_by_a_look(self) -> None:
        stopping = Reply(200, raw(1))
        with bench(route({self.PATH: Reply(200, {}), self.GET: stopping})) as at:
            assert at.provider.cancel("ftjob-1").status is JobStatus.RUNNING

    def test_a_refusal(self) -> None:
        table = {self.PATH: error(400, "cannot be cancelled"), self.GET: Reply(200, raw(1))}
        with bench(route(table)) as at, pytest.raises(ProviderError) as caught:
            at.provider.cancel("ftjob-1")
        assert type(caught.value) is ProviderError
        assert "cannot be cancelled" in str(caught.value)

    def test_a_job_that_is_not_there(self) -> None:
        with bench(script(error(404))) as at, pytest.raises(ProviderError, match="has no job"):
            at.provider.cancel("ftjob-1")
        with (
            bench(route({self.PATH: Reply(200, {})})) as at,
            pytest.raises(ProviderError, match="has no job ftjob-1"),
        ):
            at.provider.cancel("ftjob-1")

    def test_a_server_out_of_order(self) -> None:
        with (
            bench(route({self.PATH: error(503), self.GET: Reply(200, raw(1))})) as at,
            pytest.raises(ProviderUnavailable),
        ):
            at.provider.cancel("ftjob-1")

    def test_a_refused_key(self) -> None:
        with bench(script(error(403))) as at, pytest.raises(ProviderAuthError):
            at.provider.cancel("ftjob-1")


class TestPauseAndResume:
    GET = f"GET {JOBS}/ftjob-1"

    @pytest.mark.parametrize(("verb", "word"), [("pause", "paused"), ("resume", "queued")])
    def test_a_job_is_told_once(self, verb: str, word: str) -> None:
        said = f"POST {JOBS}/ftjob-1/{verb}"
        with bench(route({said: Reply(200, raw(1, status=word))})) as at:
            assert getattr(at.provider, verb)("ftjob-1").provider_status == word
        assert at.server.requests() == [said]

    @pytest.mark.parametrize("reply", [error(400, "cannot be"), error(409), error(500), DROP])
    @pytest.mark.parametrize(
        ("verb", "word"), [("pause", "paused"), ("resume", "queued"), ("resume", "running")]
    )
    def test_one_that_has_done_so_needs_no_telling(
        self, verb: str, word: str, reply: Reply
    ) -> None:
        table = {
            f"POST {JOBS}/ftjob-1/{verb}": reply,
            self.GET: Reply(200, raw(1, status=word)),
        }
        with bench(route(table)) as at:
            assert getattr(at.provider, verb)("ftjob-1").provider_status == word

    @pytest.mark.parametrize(
        ("verb", "word"),
        [("pause", "running"), ("pause", "succeeded"), ("resume", "paused"), ("resume", "failed")],
    )
    def test_a_refusal_is_told(self, verb: str, word: str) -> None:
        table = {
            f"POST {JOBS}/ftjob-1/{verb}": error(400, "not in this state"),
            self.GET: Reply(200, raw(1, status=word)),
        }
        with bench(route(table)) as at, pytest.raises(ProviderError, match="in this state") as no:
            getattr(at.provider, verb)("ftjob-1")
        assert type(no.value) is ProviderError

    @pytest.mark.parametrize(
        "job_id",
        [
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Amodel-customization-job%2Fm%2Fx",
            "a1b2c3d4",
            "",
            "..",
        ],
    )
    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_another_providers_job_behind_a_gateway_is_never_told(
        self, verb: str, job_id: str
    ) -> None:
        """Portkey stops such a job, or deletes it, when it is asked to pause it."""
        with (
            bench(script(Reply(200, {}))) as at,
            pytest.raises(ProviderError, match="no job of OpenAI's own") as caught,
        ):
            getattr(at.provider, verb)(job_id)
        assert at.server.heard == []
        assert "a gateway may stop or delete it" in caught.value.hint

    @pytest.mark.parametrize("verb", ["pause", "resume"])
    def test_a_server_out_of_order(self, verb: str) -> None:
        with bench(script(error(503))) as at, pytest.raises(ProviderUnavailable):
            getattr(at.provider, verb)("ftjob-1")
