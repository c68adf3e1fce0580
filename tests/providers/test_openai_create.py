"""A create at OpenAI: one POST, whatever the server answers, and no answer that is a guess."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from reconciler.errors import CreateOutcomeUnknown, CreateRejected, Remedy
from reconciler.model import JobStatus
from reconciler.providers.base import CreateRequest
from tests.providers.loopback import DROP, KEY, Reply, bench, error, route, script
from tests.providers.openai_jobs import JOBS, REQUEST, SPEC, TOKEN, raw


class TestCreate:
    def test_one_post_and_a_job(self) -> None:
        with bench(route({f"POST {JOBS}": Reply(201, raw(1, TOKEN))})) as at:
            job = at.provider.create(REQUEST)
        assert (job.id, job.stamp, job.status) == ("ftjob-1", TOKEN, JobStatus.RUNNING)
        (sent,) = at.server.heard
        assert sent.json["model"] == "gpt-4.1-mini-2025-04-14"
        assert sent.json["metadata"]["reconciler-token"] == TOKEN
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["authorization"] == f"Bearer {KEY}"

    def test_a_gateway_that_answers_with_an_id_alone_has_created(self) -> None:
        with bench(script(Reply(200, {"id": "arn%3Aaws"}))) as at:
            assert at.provider.create(REQUEST).id == "arn%3Aaws"

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429])
    def test_these_statuses_say_there_is_no_job(self, status: int) -> None:
        with (
            bench(script(error(status, "no", "some_code"))) as at,
            pytest.raises(CreateRejected) as caught,
        ):
            at.provider.create(REQUEST)
        assert caught.value.code == "some_code"
        assert len(at.server.heard) == 1
        assert at.naps == []

    @pytest.mark.parametrize(
        "status", [302, 304, 402, 405, 406, 408, 409, 410, 418, 425, 451, 500, 502, 503, 504, 520]
    )
    def test_every_other_status_says_nothing(self, status: int) -> None:
        with (
            bench(script(error(status))) as at,
            pytest.raises(CreateOutcomeUnknown, match=f"with {status} "),
        ):
            at.provider.create(REQUEST)
        assert len(at.server.heard) == 1
        assert at.naps == []

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(DROP, id="closed without a word"),
            pytest.param(Reply(200, b'{"id": "ftjob'), id="half a document"),
            pytest.param(Reply(200, {}), id="no id"),
            pytest.param(Reply(200, {"id": None}), id="a null id"),
            pytest.param(Reply(200, {"error": {"message": "no"}}), id="an error inside a 200"),
            pytest.param(Reply(204), id="no content"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, b"x", {"Content-Encoding": "gzip"}), id="broken encoding"),
        ],
    )
    def test_an_answer_that_says_no_id_says_nothing(self, reply: Reply) -> None:
        with bench(script(reply)) as at, pytest.raises(CreateOutcomeUnknown) as caught:
            at.provider.create(REQUEST)
        assert len(at.server.heard) == 1
        assert TOKEN in caught.value.message
        assert "looked for by its token" in caught.value.hint

    def test_a_server_that_is_not_there_has_created_nothing(self) -> None:
        with bench(script(DROP)) as at:
            gone = at.server.url
        with (
            bench(script(DROP), base_url=f"{gone}/v1") as at,
            pytest.raises(CreateRejected) as caught,
        ):
            at.provider.create(REQUEST)
        assert caught.value.remedy is Remedy.RETRY_NOW
        assert caught.value.retry_after is not None

    def test_an_error_nobody_thought_of_is_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        with bench(script(DROP)) as at:
            monkeypatch.setattr(httpx.Client, "send", fail)
            with pytest.raises(CreateOutcomeUnknown, match="ZeroDivisionError"):
                at.provider.create(REQUEST)

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_a_stop_is_a_stop(
        self, stop: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise stop

        with bench(script(DROP)) as at:
            monkeypatch.setattr(httpx.Client, "send", fail)
            with pytest.raises(stop):
                at.provider.create(REQUEST)

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800"])
    def test_a_body_that_is_no_json_is_never_sent(self, value: object) -> None:
        spec = replace(SPEC, section={"extra_body": {"x": value}})
        request = CreateRequest(spec=spec, base_model="m", training="file-1")
        with bench(script(DROP)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert not at.server.heard

    def test_settings_go_out_with_it(self) -> None:
        settings = {
            "auth": "api-key",
            "organization": "org-1",
            "project": "proj_1",
            "headers": {"x-portkey-virtual-key": "${env:GATEWAY}"},
            "query": {"api-version": "2025-04-01-preview"},
            "extra_body": {"trainingType": "globalStandard", "note": "${env:GATEWAY}"},
        }
        with bench(script(Reply(200, raw(1))), **settings) as at:
            at.provider.create(REQUEST)
        (sent,) = at.server.heard
        assert sent.target == f"{JOBS}?api-version=2025-04-01-preview"
        assert sent.headers["api-key"] == KEY
        assert "authorization" not in sent.headers
        assert sent.headers["openai-organization"] == "org-1"
        assert sent.headers["openai-project"] == "proj_1"
        assert sent.headers["x-portkey-virtual-key"] == "gateway-secret-77"
        assert sent.json["trainingType"] == "globalStandard"
        assert sent.json["note"] == "gateway-secret-77"

    def test_a_header_of_the_users_own_stands(self) -> None:
        headers = {"Authorization": "Portkey ${env:GATEWAY}"}
        with bench(script(Reply(200, raw(1))), headers=headers) as at:
            at.provider.create(REQUEST)
        assert at.server.heard[0].headers["authorization"] == "Portkey gateway-secret-77"

    def test_a_base_url_may_end_in_a_slash(self) -> None:
        with bench(script(Reply(200, raw(1)))) as at:
            url = f"{at.server.url}/openai/v1/"
            with bench(script(DROP), base_url=url) as other:
                other.provider.create(REQUEST)
        assert at.server.requests() == ["POST /openai/v1/fine_tuning/jobs"]
