"""The adapter at servers of every kind: one POST per create, and no "none" that is a guess."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import Job, JobStatus, MetricPoint
from reconciler.providers.base import CreateRequest
from reconciler.providers.openai.adapter import OpenAIProvider
from tests.fakes import make_spec
from tests.providers.loopback import (
    DROP,
    KEY,
    Answering,
    Reply,
    bench,
    error,
    page,
    pages,
    route,
    script,
)

SPEC = make_spec(suffix="support")
TOKEN = SPEC.token
HASH = TOKEN[-16:]
REQUEST = CreateRequest(spec=SPEC, base_model="gpt-4.1-mini-2025-04-14", training="file-1")
JOBS = "/v1/fine_tuning/jobs"


def raw(number: int, token: str | None = None, **fields: Any) -> dict[str, Any]:
    """A job as a server shows it, the older the lower its number."""
    shown = {"metadata": {"reconciler-token": token} if token else {}}
    job = {"id": f"ftjob-{number}", "status": "running", "created_at": 1_700_000_000 + number}
    return {**job, **shown, **fields}


def bare(number: int, **fields: Any) -> dict[str, Any]:
    """A job at a server that drops metadata."""
    job = raw(number, **fields)
    del job["metadata"]
    return job


def listing(*jobs: dict[str, Any]) -> Answering:
    """Newest first, whatever is asked for."""
    return route({f"GET {JOBS}": pages(jobs)})


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


MODEL = "ft:gpt-4.1-mini-2025-04-14:acme:support:Ab1-_xyZ"
NO_MODEL = error(404, f"The model '{MODEL}' does not exist", "model_not_found")
THERE = Reply(200, {"id": MODEL, "object": "model", "owned_by": "org-acme"})
DELETED = Reply(200, {"id": MODEL, "object": "model", "deleted": True})


def models(delete: Reply | Answering, *shown: Reply) -> Answering:
    path = f"/v1/models/{MODEL}"
    return route({f"DELETE {path}": delete, f"GET {path}": script(*shown)})


class TestDeleteModel:
    def test_one_that_is_there(self) -> None:
        with bench(models(DELETED, THERE)) as at:
            assert at.provider.delete_model(MODEL) is True
        assert [heard.method for heard in at.server.heard] == ["GET", "DELETE"]
        assert at.server.heard[1].target.endswith(
            "/ft%3Agpt-4.1-mini-2025-04-14%3Aacme%3Asupport%3AAb1-_xyZ"
        )

    def test_one_that_is_not(self) -> None:
        with bench(models(DELETED, NO_MODEL)) as at:
            assert at.provider.delete_model(MODEL) is False
        assert [heard.method for heard in at.server.heard] == ["GET"]

    def test_a_lost_answer_is_asked_for_again_and_the_model_was_there(self) -> None:
        with bench(models(script(DROP, NO_MODEL), THERE, NO_MODEL)) as at:
            assert at.provider.delete_model(MODEL) is True

    @pytest.mark.parametrize("reply", [Reply(200, {}), Reply(200, b"<html>"), Reply(204)])
    def test_an_answer_that_says_little_is_followed_by_a_look(self, reply: Reply) -> None:
        with bench(models(reply, THERE, NO_MODEL)) as at:
            assert at.provider.delete_model(MODEL) is True
        with (
            bench(models(reply, THERE)) as at,
            pytest.raises(ProviderError, match="still shows") as caught,
        ):
            at.provider.delete_model(MODEL)
        assert type(caught.value) is ProviderError

    def test_who_is_no_owner_is_told_what_it_takes(self) -> None:
        said = "You have insufficient permissions for this operation."
        with (
            bench(models(error(403, said), THERE)) as at,
            pytest.raises(ProviderAuthError, match="insufficient permissions") as caught,
        ):
            at.provider.delete_model(MODEL)
        assert "takes the role Owner" in caught.value.hint

    @pytest.mark.parametrize("status", [400, 404, 405])
    def test_a_server_that_deletes_no_models_says_so(self, status: int) -> None:
        with (
            bench(models(error(status, "no such thing"), THERE)) as at,
            pytest.raises(ProviderError, match="no such thing") as caught,
        ):
            at.provider.delete_model(MODEL)
        assert type(caught.value) is ProviderError

    @pytest.mark.parametrize(
        "reply",
        [
            error(404, "Invalid URL (GET /v1/models)"),
            Reply(404, b"<h1>Not Found</h1>"),
            Reply(200, {}),
            Reply(200, {"id": "ft:another"}),
            Reply(307, b"", {"Location": "/elsewhere"}),
            error(503),
            DROP,
        ],
    )
    def test_what_shows_no_model_is_no_none(self, reply: Reply) -> None:
        with bench(models(DELETED, reply)) as at, pytest.raises(ProviderUnavailable):
            at.provider.delete_model(MODEL)
        assert {heard.method for heard in at.server.heard} == {"GET"}

    @pytest.mark.parametrize("owner", ["system", "openai", "openai-internal"])
    def test_what_openai_owns_stays(self, owner: str) -> None:
        theirs = Reply(200, {"id": MODEL, "owned_by": owner})
        with (
            bench(models(DELETED, theirs)) as at,
            pytest.raises(ProviderError, match="is not this account's"),
        ):
            at.provider.delete_model(MODEL)
        assert [heard.method for heard in at.server.heard] == ["GET"]

    @pytest.mark.parametrize(
        "model",
        [
            "gpt-4.1-mini-2025-04-14",
            "",
            "ft:",
            "ft",
            "ft:..",
            "ft:a/../../files/file-1",
            "ft:%2e%2e%2ffiles%2ffile-1",
            "ft:a?x=1",
            "ft:a#b",
            "ft:a b",
            "FT:a:b::c",
            " ft:a:b::c",
            "ft:a:b::c\n",
        ],
    )
    def test_what_is_no_fine_tuned_model_is_not_even_asked_for(self, model: str) -> None:
        with (
            bench(script(DELETED)) as at,
            pytest.raises(ProviderError, match="deletes fine-tuned models only"),
        ):
            at.provider.delete_model(model)
        assert at.server.heard == []


class TestAfterwards:
    JOB = Job(
        id="ftjob-1", status=JobStatus.SUCCEEDED, provider_status="", result_files=("file-r",)
    )
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


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        ({}, "http://127.0.0.1/v1"),
        ({"organization": "org-1", "project": "p 1"}, "?organization=org-1&project=p+1"),
        ({"headers": {"x-key": "${env:GATEWAY}"}, "query": {"k": "${env:GATEWAY}"}}, "/v1"),
    ],
)
def test_the_scope_is_the_account_and_no_secret(settings: dict[str, Any], scope: str) -> None:
    with bench(script(DROP), **settings) as at:
        assert at.provider.scope.endswith(scope)
        assert at.provider.scope.startswith("http://127.0.0.1/v1")
        assert "gateway-secret" not in at.provider.scope


def test_what_the_provider_says_of_itself() -> None:
    with bench(script(DROP), creation_grace=7.0) as at:
        assert (at.provider.name, at.provider.grace, at.provider.lists_stamps) == (
            "openai",
            7.0,
            True,
        )
    with bench(script(DROP), stamp="suffix") as at:
        assert at.provider.lists_stamps is False


CALLS: tuple[Callable[[OpenAIProvider], object], ...] = (
    lambda provider: provider.find(TOKEN),
    lambda provider: provider.get("ftjob-1"),
    lambda provider: tuple(provider.list()),
    lambda provider: provider.create(REQUEST),
    lambda provider: provider.cancel("ftjob-1"),
    lambda provider: provider.pause("ftjob-1"),
    lambda provider: provider.resume("ftjob-1"),
    lambda provider: provider.delete_model(MODEL),
    lambda provider: tuple(provider.events("ftjob-1")),
    lambda provider: provider.checkpoints("ftjob-1"),
    lambda provider: provider.metrics(TestAfterwards.JOB),
    lambda provider: provider.files.content("file-1"),
    lambda provider: provider.files.delete("file-1"),
)
SECRETS = (KEY, "gateway-secret-77")
ECHO = json.dumps({"error": {"message": f"bad {KEY}", "code": KEY, "param": KEY}})


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(400, ECHO.encode(), {"x-request-id": KEY}), id="refused"),
        pytest.param(Reply(401, ECHO.encode()), id="refused key"),
        pytest.param(Reply(503, f"gateway-secret-77 and {KEY}".encode()), id="out of order"),
        pytest.param(Reply(302, b"", {"Location": f"http://h/?k={KEY}"}), id="redirected"),
        pytest.param(Reply(200, KEY.encode()), id="not understood"),
        pytest.param(Reply(raw=f"HTTP/1.1 200 OK\r\n{KEY}\x00\r\n\r\n".encode()), id="no HTTP"),
        pytest.param(DROP, id="lost"),
    ],
)
def test_a_key_is_never_said(reply: Reply) -> None:
    settings = {"headers": {"x-key": "${env:GATEWAY}"}, "query": {"k": "${env:GATEWAY}"}}
    said = ""
    with bench(script(reply), **settings) as at:
        for call in CALLS:
            try:
                call(at.provider)
            except ProviderError as raised:
                shown: BaseException | None = raised
                while shown is not None:
                    said += f"{shown} {shown!r} {vars(shown)}"
                    shown = shown.__cause__
        said += f"{at.provider!r} {vars(at.provider)}"
    assert "openai" in said
    assert not [secret for secret in SECRETS if secret in said]
