"""Cancel and resume: a job that is over is left alone, and a lost answer is asked for again."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.model import JobStatus
from tests.providers.fireworks_bench import (
    DPO,
    ID,
    SFT,
    TOKEN,
    bench,
    dpo,
    grpc,
    nothing_but,
    sent,
    sft,
)
from tests.providers.loopback import DROP, Answering, Reply, route, script


class TestCancel:
    def test_it_is_asked_to_stop_and_looked_at(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": script(
                Reply(200, sft(TOKEN)), Reply(200, sft(TOKEN, "CANCELLING"))
            ),
            f"POST {SFT}/{TOKEN}:cancel": Reply(200, {}),
        }
        with bench(nothing_but(table)) as at:
            job = at.provider.cancel(ID)
        assert (job.status, job.provider_status) == (JobStatus.RUNNING, "JOB_STATE_CANCELLING")
        (said,) = sent(at.server.heard)
        assert (said.path, said.json) == (f"{SFT}/{TOKEN}:cancel", {})

    @pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
    def test_a_job_that_is_over_is_left_alone(self, state: str) -> None:
        with bench(script(Reply(200, sft(TOKEN, state)))) as at:
            assert at.provider.cancel(ID).status.terminal
        assert not sent(at.server.heard)

    @pytest.mark.parametrize("refusal", [grpc(400, 9, "not cancellable"), grpc(409, 10)])
    def test_a_job_that_ended_meanwhile_is_no_error(self, refusal: Reply) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": script(
                Reply(200, sft(TOKEN)), Reply(200, sft(TOKEN, "COMPLETED"))
            ),
            f"POST {SFT}/{TOKEN}:cancel": refusal,
        }
        with bench(nothing_but(table)) as at:
            assert at.provider.cancel(ID).status is JobStatus.SUCCEEDED

    def test_a_refusal_is_said(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN)),
            f"POST {SFT}/{TOKEN}:cancel": grpc(400, 9, "validating"),
        }
        with bench(nothing_but(table)) as at, pytest.raises(ProviderError, match="validating"):
            at.provider.cancel(ID)

    def test_a_lost_answer_is_asked_for_again(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": script(
                Reply(200, sft(TOKEN)), Reply(200, sft(TOKEN, "CANCELLED"))
            ),
            f"POST {SFT}/{TOKEN}:cancel": script(DROP, grpc(503, 14), Reply(200, {})),
        }
        with bench(nothing_but(table)) as at:
            assert at.provider.cancel(ID).status is JobStatus.CANCELLED
        assert len(at.naps) == 2

    def test_a_server_that_never_answers_is_unavailable(self) -> None:
        table = {f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN)), f"POST {SFT}/{TOKEN}:cancel": DROP}
        with bench(route(table)) as at, pytest.raises(ProviderUnavailable):
            at.provider.cancel(ID)

    @pytest.mark.parametrize("job_id", ["none", "..", f"{ID}x"])
    def test_a_job_that_is_not_there_is_not_cancelled(self, job_id: str) -> None:
        with (
            bench(nothing_but({})) as at,
            pytest.raises(ProviderError, match="fireworks has no job") as caught,
        ):
            at.provider.cancel(job_id)
        assert not isinstance(caught.value, ProviderUnavailable)
        assert not sent(at.server.heard)

    def test_a_job_goes_on_when_told_to(self) -> None:
        name = "accounts/acme/dpoJobs/t"
        table: dict[str, Reply | Answering] = {
            f"GET {DPO}/t": script(Reply(200, dpo("t", "PAUSED")), Reply(200, dpo("t", "PENDING"))),
            f"POST {DPO}/t:resume": Reply(200, {}),
        }
        with bench(nothing_but(table)) as at:
            assert at.provider.resume(name).status is JobStatus.QUEUED
        assert sent(at.server.heard)[0].json == {}

    def test_a_job_that_is_over_does_not_go_on(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, "COMPLETED")),
            f"POST {SFT}/{TOKEN}:resume": grpc(400, 9, "job is completed"),
        }
        with bench(nothing_but(table)) as at, pytest.raises(ProviderError, match="is completed"):
            at.provider.resume(ID)

    @pytest.mark.parametrize("state", ["RUNNING", "PENDING", "VALIDATING"])
    def test_one_that_goes_on_is_not_told_to(self, state: str) -> None:
        with bench(nothing_but({f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, state))})) as at:
            assert not at.provider.resume(ID).status.terminal
        assert not sent(at.server.heard)

    def test_one_that_is_being_cancelled_does_not_go_on(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, "CANCELLING")),
            f"POST {SFT}/{TOKEN}:resume": grpc(400, 9, "it is being cancelled"),
        }
        with bench(nothing_but(table)) as at, pytest.raises(ProviderError, match="being cancelled"):
            at.provider.resume(ID)

    def test_a_lost_answer_to_a_resume_is_no_failure(self) -> None:
        table: dict[str, Reply | Answering] = {
            f"GET {SFT}/{TOKEN}": script(
                Reply(200, sft(TOKEN, "FAILED")), Reply(200, sft(TOKEN, "PENDING"))
            ),
            f"POST {SFT}/{TOKEN}:resume": script(DROP, grpc(400, 9, "it is pending")),
        }
        with bench(nothing_but(table)) as at:
            assert at.provider.resume(ID).status is JobStatus.QUEUED

    def test_fireworks_pauses_nothing(self) -> None:
        words = "Fireworks cannot pause a job; cancel stops it, and resume asks it to go on"
        with bench(nothing_but({})) as at, pytest.raises(ProviderError, match=words):
            at.provider.pause(ID)
        assert at.server.heard == []
