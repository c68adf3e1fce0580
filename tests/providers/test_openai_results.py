"""What a job leaves behind: events, checkpoints, and a loss curve from a file or the events."""

from __future__ import annotations

import base64

import pytest

from reconciler.errors import ProviderUnavailable
from reconciler.model import MetricPoint
from tests.providers.loopback import Reply, bench, error, page, pages, route, script
from tests.providers.openai_jobs import ENDED, JOBS


class TestAfterwards:
    JOB = ENDED
    CSV = b"step,train_loss\n1,1.5\n"
    EVENTS = f"GET {JOBS}/ftjob-1/events"
    RESULT = "GET /v1/files/file-r/content"

    def test_events(self) -> None:
        events = [{"id": f"ftevent-{n}", "created_at": n, "message": "m"} for n in (3, 2, 1)]
        with bench(route({self.EVENTS: pages(events)})) as at:
            seen = at.provider.events("ftjob-1")
            assert [event.id for event in seen] == ["ftevent-3", "ftevent-2", "ftevent-1"]
            with pytest.raises(ProviderUnavailable):
                list(at.provider.events("ftjob-2"))

    def test_checkpoints(self) -> None:
        found = [
            {"id": f"c{n}", "fine_tuned_model_checkpoint": f"m{n}", "step_number": n}
            for n in (10, 30, 20)
        ]
        path = f"GET {JOBS}/ftjob-1/checkpoints"
        with bench(route({path: pages([*found, {"id": "none"}])})) as at:
            assert [c.step for c in at.provider.checkpoints("ftjob-1")] == [30, 20, 10]
            assert at.provider.checkpoints("ftjob-2") == ()

    def test_checkpoints_of_a_server_out_of_order(self) -> None:
        with bench(script(error(400))) as at, pytest.raises(ProviderUnavailable):
            at.provider.checkpoints("ftjob-1")

    @pytest.mark.parametrize("content", [CSV, base64.b64encode(CSV)])
    def test_the_curve_of_the_result_file(self, content: bytes) -> None:
        with bench(route({self.RESULT: Reply(200, content)})) as at:
            assert at.provider.metrics(self.JOB) == (
                MetricPoint(step=1, values={"train_loss": 1.5}),
            )

    @pytest.mark.parametrize("reply", [error(404), Reply(200, b"nothing of use")])
    def test_the_curve_of_the_events_where_there_is_no_file(self, reply: Reply) -> None:
        event = {"id": "e", "type": "metrics", "data": {"step": 4, "train_loss": 0.5}}
        with bench(route({self.RESULT: reply, self.EVENTS: page(event)})) as at:
            assert at.provider.metrics(self.JOB) == (
                MetricPoint(step=4, values={"train_loss": 0.5}),
            )

    def test_the_curve_of_a_server_out_of_order(self) -> None:
        with bench(script(error(400))) as at, pytest.raises(ProviderUnavailable):
            at.provider.metrics(self.JOB)
