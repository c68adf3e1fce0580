"""What a job tells of its training: a curve, fetched from where Fireworks says, and no more."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderUnavailable
from reconciler.model import Job, JobStatus, MetricPoint
from tests.providers.fireworks_bench import DPO, GONE, ID, bench, grpc, sft
from tests.providers.loopback import DROP, Heard, Reply, script

METRICS = b'{"step": 1, "train/loss": 1.5}\n'
POINTS = (MetricPoint(step=1, values={"train_loss": 1.5}),)


class TestMetrics:
    def job(self, id_: str) -> Job:
        return Job(id=id_, status=JobStatus.RUNNING, provider_status="", stamp=id_[-1])

    def test_a_supervised_job_shows_where_its_curve_is(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == "/bucket/metrics":
                return Reply(200, METRICS)
            signed = f"{at.server.url}/bucket/metrics?X-Goog-Signature=5ig"
            return Reply(200, sft("t", metricsFileSignedUrl=signed))

        with bench(answer) as at:
            assert at.provider.metrics(self.job("accounts/acme/supervisedFineTuningJobs/t")) == (
                POINTS
            )
        fetched = at.server.heard[-1]
        assert fetched.target == "/bucket/metrics?X-Goog-Signature=5ig"
        assert "authorization" not in fetched.headers

    def test_a_dpo_job_is_asked_where_its_curve_is(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == "/bucket/metrics":
                return Reply(200, METRICS)
            assert heard.path == f"{DPO}/t:getMetricsFileEndpoint"
            return Reply(200, {"signedUrl": f"{at.server.url}/bucket/metrics?sig=5ig"})

        with bench(answer) as at:
            assert at.provider.metrics(self.job("accounts/acme/dpoJobs/t")) == POINTS

    @pytest.mark.parametrize(
        "reply", [GONE, grpc(400, 9, "not yet"), Reply(200, {}), Reply(200, {"signedUrl": ""})]
    )
    @pytest.mark.parametrize("kind", ["dpoJobs", "supervisedFineTuningJobs"])
    def test_a_job_that_has_none_yet_has_none(self, reply: Reply, kind: str) -> None:
        with bench(script(reply)) as at:
            assert at.provider.metrics(self.job(f"accounts/acme/{kind}/t")) == ()

    def test_a_curve_that_is_not_written_yet_is_none(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == "/bucket/metrics":
                return Reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return Reply(200, {"signedUrl": f"{at.server.url}/bucket/metrics?sig=5ig"})

        with bench(answer) as at:
            assert at.provider.metrics(self.job("accounts/acme/dpoJobs/t")) == ()

    def test_a_curve_that_cannot_be_fetched_is_unavailable_and_its_address_not_told(self) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path == "/bucket/metrics":
                said = b"<Error><Code>AccessDenied</Code><StringToSign>5ig</StringToSign></Error>"
                return Reply(403, said)
            return Reply(200, {"signedUrl": f"{at.server.url}/bucket/metrics?sig=5ig"})

        with bench(answer) as at, pytest.raises(ProviderUnavailable) as caught:
            at.provider.metrics(self.job("accounts/acme/dpoJobs/t"))
        assert "403 AccessDenied" in caught.value.message
        assert "5ig" not in f"{caught.value} {vars(caught.value)}"
        assert "/bucket" not in caught.value.message

    def test_a_job_of_another_place_has_none_here(self) -> None:
        with bench(script(DROP)) as at:
            assert at.provider.metrics(self.job("accounts/other/dpoJobs/t")) == ()


def test_fireworks_shows_neither_events_nor_checkpoints() -> None:
    with bench(script(DROP)) as at:
        assert list(at.provider.events(ID)) == []
        assert at.provider.checkpoints(ID) == ()
        assert not at.server.heard
