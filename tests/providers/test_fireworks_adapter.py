"""The adapter at servers of every kind: one POST per create, and no "none" that is a guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from reconciler.providers.fireworks.adapter import FireworksProvider
from tests.providers.fireworks_bench import (
    DPO,
    GONE,
    KEY,
    MODELS,
    SFT,
    WANDB,
    bench,
    dpo,
    dumped,
    grpc,
    listing,
    sent,
    sft,
    spec,
)
from tests.providers.loopback import DROP, Answering, Heard, Reply, route, script

SPEC = spec(suffix="support")
TOKEN = SPEC.token
REQUEST = CreateRequest(spec=SPEC, base_model="qwen3-8b", training="d")
PREFERENCE = spec(method="dpo")
INTEGRATIONS = ({"type": "wandb", "wandb": {"project": "p"}},)
ID = f"accounts/acme/supervisedFineTuningJobs/{TOKEN}"


def nothing_but(table: Mapping[str, Reply | Answering]) -> Answering:
    """A server that has this and nothing else, and says so in gRPC's words."""
    known = route(table)

    def answer(heard: Heard) -> Reply:
        return known(heard) if f"{heard.method} {heard.path}" in table else GONE

    return answer


class TestCreate:
    def test_one_post_and_a_job(self) -> None:
        with bench(script(Reply(200, sft(TOKEN, "CREATING")))) as at:
            job = at.provider.create(REQUEST)
        assert (job.id, job.stamp, job.status) == (ID, TOKEN, JobStatus.QUEUED)
        (made,) = at.server.heard
        assert made.target == f"{SFT}?supervisedFineTuningJobId={TOKEN}"
        assert made.json["baseModel"] == "accounts/fireworks/models/qwen3-8b"
        assert made.headers["authorization"] == f"Bearer {KEY}"
        assert made.headers["content-type"] == "application/json"

    def test_a_dpo_job_is_a_resource_of_its_own(self) -> None:
        token = PREFERENCE.token
        request = CreateRequest(spec=PREFERENCE, base_model="qwen3-8b", training="d")
        with bench(script(Reply(200, dpo(token)))) as at:
            assert at.provider.create(request).id == f"accounts/acme/dpoJobs/{token}"
        (made,) = at.server.heard
        assert made.target == f"{DPO}?dpoJobId={token}"
        assert made.json["lossConfig"] == {"method": "DPO"}

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 413, 415, 422, 429])
    def test_these_statuses_say_there_is_no_job(self, status: int) -> None:
        with bench(script(grpc(status, 3, "no"))) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(REQUEST)
        assert caught.value.code == "INVALID_ARGUMENT"
        assert caught.value.message == f"fireworks refused: {status} INVALID_ARGUMENT: no"
        assert at.server.requests() == [f"POST {SFT}"]
        assert at.naps == []

    def test_a_refusal_without_a_word_is_one_too(self) -> None:
        with bench(script(grpc(403, 7))) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(REQUEST)
        assert caught.value.remedy is Remedy.FIX_ACCOUNT
        assert caught.value.message == "fireworks refused: 403 PERMISSION_DENIED"
        assert "FIREWORKS_API_KEY" in caught.value.hint

    @pytest.mark.parametrize("status", [302, 304, 402, 405, 408, 410, 418, 425, 500, 502, 503, 504])
    def test_every_other_status_says_nothing(self, status: int) -> None:
        with (
            bench(script(grpc(status, 14))) as at,
            pytest.raises(CreateOutcomeUnknown, match=f"with {status} "),
        ):
            at.provider.create(REQUEST)
        assert len(sent(at.server.heard)) == 1
        assert at.naps == []

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(DROP, id="closed without a word"),
            pytest.param(Reply(200, b'{"name": "acc'), id="half a document"),
            pytest.param(Reply(200, {}), id="no name"),
            pytest.param(Reply(200, {"name": None}), id="a null name"),
            pytest.param(Reply(200, {"code": 3, "message": "no"}), id="an error inside a 200"),
            pytest.param(Reply(204), id="no content"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, b"x", {"Content-Encoding": "gzip"}), id="broken encoding"),
        ],
    )
    def test_an_answer_that_shows_no_job_says_nothing(self, reply: Reply) -> None:
        with bench(script(reply)) as at, pytest.raises(CreateOutcomeUnknown) as caught:
            at.provider.create(REQUEST)
        assert at.server.requests() == [f"POST {SFT}"]
        assert TOKEN in caught.value.message
        assert "looked for by its id" in caught.value.hint

    def test_a_server_that_is_not_there_has_created_nothing(self) -> None:
        with bench(script(DROP)) as at:
            gone = at.server.url
        with bench(script(DROP), base_url=gone) as at, pytest.raises(CreateRejected) as caught:
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
        broken = replace(SPEC, section={"display_name": value})
        request = CreateRequest(spec=broken, base_model="m", training="d")
        with bench(script(DROP)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert not at.server.heard


class TestTaken:
    """The id exists already: it is this token's job, or something else in the way."""

    @pytest.mark.parametrize("refusal", [grpc(409, 6), grpc(409, 10), Reply(409), grpc(400, 6)])
    def test_a_job_that_is_there_is_ours(self, refusal: Reply) -> None:
        table = {f"POST {SFT}": refusal, f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN))}
        with bench(nothing_but(table)) as at:
            assert at.provider.create(REQUEST).id == ID
        assert at.server.requests() == [f"POST {SFT}", f"GET {SFT}/{TOKEN}"]

    def test_something_else_in_the_way_is_no_job(self) -> None:
        with (
            bench(nothing_but({f"POST {SFT}": grpc(409, 6, "model exists")})) as at,
            pytest.raises(CreateRejected) as caught,
        ):
            at.provider.create(REQUEST)
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert "409 ALREADY_EXISTS: model exists" in caught.value.message
        assert "spec.attempt" in caught.value.hint
        assert len(sent(at.server.heard)) == 1

    def test_a_deleted_job_in_the_way_is_no_job(self) -> None:
        table = {
            f"POST {SFT}": grpc(409, 6),
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, "DELETED")),
        }
        with bench(nothing_but(table)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(REQUEST)
        assert caught.value.remedy is Remedy.FIX_SPEC

    @pytest.mark.parametrize("refusal", [grpc(409, 10, "aborted"), Reply(409)])
    def test_a_conflict_that_may_still_become_a_job_is_unknown(self, refusal: Reply) -> None:
        with (
            bench(nothing_but({f"POST {SFT}": refusal})) as at,
            pytest.raises(CreateOutcomeUnknown),
        ):
            at.provider.create(REQUEST)
        assert len(sent(at.server.heard)) == 1

    @pytest.mark.parametrize("look", [grpc(503, 14), grpc(403, 7), DROP, Reply(200, {})])
    def test_a_look_that_fails_leaves_it_unknown(self, look: Reply) -> None:
        table = {f"POST {SFT}": grpc(409, 6), f"GET {SFT}/{TOKEN}": look}
        with bench(route(table)) as at, pytest.raises(CreateOutcomeUnknown):
            at.provider.create(REQUEST)
        assert len(sent(at.server.heard)) == 1


class TestBaseModel:
    MODEL = "accounts/acme/models/first-tune"

    def body(self, model: Reply) -> Any:
        table = {f"GET {MODELS}/first-tune": model, f"POST {SFT}": Reply(200, sft(TOKEN))}
        request = CreateRequest(spec=SPEC, base_model=self.MODEL, training="d")
        with bench(nothing_but(table)) as at:
            at.provider.create(request)
        return sent(at.server.heard)[0].json

    def test_an_addon_is_gone_on_from(self) -> None:
        body = self.body(Reply(200, {"kind": "HF_PEFT_ADDON"}))
        assert body["warmStartFrom"] == self.MODEL
        assert "baseModel" not in body

    def test_a_model_of_ones_own_is_a_base_like_any_other(self) -> None:
        body = self.body(Reply(200, {"kind": "HF_BASE_MODEL"}))
        assert body["baseModel"] == self.MODEL
        assert "warmStartFrom" not in body

    def test_a_model_that_is_not_there_is_never_sent(self) -> None:
        request = CreateRequest(spec=SPEC, base_model=self.MODEL, training="d")
        with bench(nothing_but({})) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert caught.value.message == f"fireworks has no model {self.MODEL}"
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert not sent(at.server.heard)

    @pytest.mark.parametrize(
        ("look", "remedy"),
        [(grpc(503, 14), Remedy.RETRY_NOW), (grpc(403, 7), Remedy.FIX_ACCOUNT)],
    )
    def test_a_model_that_cannot_be_looked_at_is_never_sent(
        self, look: Reply, remedy: Remedy
    ) -> None:
        request = CreateRequest(spec=SPEC, base_model=self.MODEL, training="d")
        with bench(script(look)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert caught.value.remedy is remedy
        assert not sent(at.server.heard)


class TestWandb:
    def test_the_key_comes_from_the_environment(self) -> None:
        request = CreateRequest(
            spec=spec(
                integrations=INTEGRATIONS, section={"wandb_api_key_env": "OTHER_WANDB_API_KEY"}
            ),
            base_model="m",
            training="d",
        )
        with bench(script(Reply(200, sft(TOKEN)))) as at:
            at.provider.create(request)
        assert at.server.heard[0].json["wandbConfig"] == {
            "enabled": True,
            "apiKey": f"other-{WANDB}",
            "project": "p",
        }

    def test_a_key_that_is_not_set_is_named_and_nothing_is_sent(self) -> None:
        section = {"wandb_api_key_env": "NOT_SET_API_KEY"}
        request = CreateRequest(
            spec=spec(integrations=INTEGRATIONS, section=section), base_model="m", training="d"
        )
        with bench(script(DROP)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert "the variable NOT_SET_API_KEY with its key is not set" in caught.value.message
        assert caught.value.remedy is Remedy.FIX_ACCOUNT
        assert not at.server.heard

    def test_a_spec_cannot_have_another_secret_sent(self) -> None:
        section = {"wandb_api_key_env": "GITHUB_TOKEN"}
        request = CreateRequest(
            spec=spec(integrations=INTEGRATIONS, section=section), base_model="m", training="d"
        )
        with bench(script(DROP)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert "may not send the variable GITHUB_TOKEN as a key" in caught.value.message
        assert caught.value.remedy is Remedy.FIX_ACCOUNT
        assert not at.server.heard

    def test_a_server_that_repeats_the_key_is_not_repeated(self) -> None:
        request = CreateRequest(spec=spec(integrations=INTEGRATIONS), base_model="m", training="d")
        echo = grpc(400, 3, f"wandb key {WANDB} is wrong")
        with bench(script(echo)) as at, pytest.raises(CreateRejected) as caught:
            at.provider.create(request)
        assert WANDB not in f"{caught.value} {vars(caught.value)}"
        assert "wandb key … is wrong" in caught.value.message


class TestFind:
    def test_a_token_is_looked_for_by_id_in_both_collections(self) -> None:
        with bench(nothing_but({f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN))})) as at:
            assert [job.id for job in at.provider.find(TOKEN)] == [ID]
        assert at.server.requests() == [f"GET {SFT}/{TOKEN}", f"GET {DPO}/{TOKEN}"]

    def test_none_is_none(self) -> None:
        with bench(nothing_but({})) as at:
            assert at.provider.find(TOKEN) == ()

    def test_a_deleted_job_is_none(self) -> None:
        table = {f"GET {DPO}/{TOKEN}": Reply(200, dpo(TOKEN, "DELETING"))}
        with bench(nothing_but(table)) as at:
            assert at.provider.find(TOKEN) == ()

    def test_one_of_either_kind_comes_oldest_first(self) -> None:
        table = {
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, createTime="2026-07-18T00:00:00Z")),
            f"GET {DPO}/{TOKEN}": Reply(200, dpo(TOKEN, createTime="2026-07-17T00:00:00Z")),
        }
        with bench(nothing_but(table)) as at:
            found = at.provider.find(TOKEN, {"accounts/acme/dpoJobs/other"})
        assert [job.id for job in found] == [f"accounts/acme/dpoJobs/{TOKEN}", ID]

    @pytest.mark.parametrize(
        "reply",
        [
            pytest.param(Reply(404, b"<h1>Not Found</h1>"), id="the page of a web server"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, {}), id="an empty object"),
            pytest.param(Reply(200, sft("another")), id="another job"),
            pytest.param(grpc(412, 9, "account suspended"), id="suspended"),
            pytest.param(grpc(503, 14), id="down"),
            pytest.param(Reply(301, headers={"Location": "/x"}), id="moved"),
            pytest.param(DROP, id="lost"),
        ],
    )
    def test_what_is_no_answer_is_no_proof(self, reply: Reply) -> None:
        with bench(script(reply)) as at, pytest.raises(ProviderUnavailable):
            at.provider.find(TOKEN)

    def test_the_second_look_counts_like_the_first(self) -> None:
        table = {f"GET {SFT}/{TOKEN}": GONE, f"GET {DPO}/{TOKEN}": grpc(500, 13)}
        with bench(route(table)) as at, pytest.raises(ProviderUnavailable):
            at.provider.find(TOKEN)

    def test_a_refused_key_is_no_none(self) -> None:
        with bench(script(grpc(403, 7))) as at, pytest.raises(ProviderAuthError):
            at.provider.find(TOKEN)

    def test_there_is_no_grace_and_every_job_is_stamped(self) -> None:
        with bench(script(DROP)) as at:
            assert at.provider.grace == 0.0
            assert at.provider.lists_stamps


class TestGet:
    @pytest.mark.parametrize("written", [ID, f"supervisedFineTuningJobs/{TOKEN}"])
    def test_a_full_name_is_asked_for_once(self, written: str) -> None:
        with bench(script(Reply(200, sft(TOKEN)))) as at:
            job = at.provider.get(written)
        assert job is not None
        assert job.id == ID
        assert at.server.requests() == [f"GET {SFT}/{TOKEN}"]

    def test_an_id_alone_is_looked_for_in_both(self) -> None:
        with bench(nothing_but({f"GET {DPO}/t": Reply(200, dpo("t"))})) as at:
            job = at.provider.get("t")
        assert job is not None
        assert job.id == "accounts/acme/dpoJobs/t"

    @pytest.mark.parametrize(
        "written",
        ["", ".", "..", "t?c=1", "t:cancel", "accounts/other/dpoJobs/t", "accounts/acme/models/t"],
    )
    def test_what_can_be_no_job_of_ours_is_none_and_asks_nobody(self, written: str) -> None:
        with bench(script(DROP)) as at:
            assert at.provider.get(written) is None
        assert not at.server.heard

    @pytest.mark.parametrize(
        ("model", "status"),
        [
            (Reply(200, {"state": "READY"}), JobStatus.SUCCEEDED),
            (Reply(200, {"state": "UPLOADING"}), JobStatus.RUNNING),
            (GONE, JobStatus.FAILED),
            (grpc(503, 14), JobStatus.UNKNOWN),
            (grpc(403, 7), JobStatus.UNKNOWN),
        ],
    )
    def test_how_an_early_stop_ended_its_model_tells(self, model: Reply, status: JobStatus) -> None:
        table = {
            f"GET {SFT}/{TOKEN}": Reply(200, sft(TOKEN, "EARLY_STOPPED")),
            f"GET {MODELS}/{TOKEN}": model,
        }
        with bench(nothing_but(table)) as at:
            job = at.provider.get(ID)
        assert job is not None
        assert job.status is status
        assert job.provider_status == "JOB_STATE_EARLY_STOPPED"

    def test_why_a_job_failed_repeats_no_key(self) -> None:
        status = {"code": "UNAUTHENTICATED", "message": f"wandb: {WANDB} is no key"}
        with bench(script(Reply(200, sft(TOKEN, "FAILED", status=status)))) as at:
            job = at.provider.get(ID)
        assert job is not None
        assert job.error is not None
        assert job.error.message == "wandb: … is no key"


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


MODEL = "accounts/acme/models/support-0123456789abcdef"
TUNED = {"name": MODEL, "kind": "HF_PEFT_ADDON", "state": "READY", "fineTuningJob": ID}


def models(delete: Reply | Answering, get: Reply | Answering) -> Answering:
    return nothing_but({f"DELETE /v1/{MODEL}": delete, f"GET /v1/{MODEL}": get})


class TestDeleteModel:
    @pytest.mark.parametrize("model", [MODEL, MODEL.rpartition("/")[2]])
    def test_one_that_is_there(self, model: str) -> None:
        with bench(models(Reply(200, {}), Reply(200, TUNED))) as at:
            assert at.provider.delete_model(model) is True
        assert at.server.requests() == [f"GET /v1/{MODEL}", f"DELETE /v1/{MODEL}"]

    def test_a_model_of_its_own_that_a_job_has_made(self) -> None:
        whole = {**TUNED, "kind": "HF_BASE_MODEL"}
        with bench(models(Reply(200, {}), Reply(200, whole))) as at:
            assert at.provider.delete_model(MODEL) is True

    def test_one_that_is_not(self) -> None:
        with bench(models(Reply(200, {}), GONE)) as at:
            assert at.provider.delete_model(MODEL) is False
        assert at.server.requests() == [f"GET /v1/{MODEL}"]

    def test_a_lost_answer_is_asked_for_again_and_the_model_was_there(self) -> None:
        with bench(models(script(DROP, GONE), Reply(200, TUNED))) as at:
            assert at.provider.delete_model(MODEL) is True

    def test_one_that_is_deployed_is_told(self) -> None:
        deployed = grpc(400, 9, "model is deployed")
        with (
            bench(models(deployed, Reply(200, TUNED))) as at,
            pytest.raises(ProviderError, match="is deployed") as caught,
        ):
            at.provider.delete_model(MODEL)
        assert type(caught.value) is ProviderError

    def test_a_page_of_some_web_server_deletes_nothing(self) -> None:
        page = Reply(404, b"<h1>Not Found</h1>")
        with bench(models(page, Reply(200, TUNED))) as at, pytest.raises(ProviderError):
            at.provider.delete_model(MODEL)
        with bench(models(Reply(200, {}), page)) as at, pytest.raises(ProviderUnavailable):
            at.provider.delete_model(MODEL)
        assert not sent(at.server.heard, "DELETE")

    def test_a_base_model_that_was_uploaded_stays(self) -> None:
        base = {"name": MODEL, "kind": "HF_BASE_MODEL", "state": "READY", "fineTuningJob": ""}
        with (
            bench(models(Reply(200, {}), Reply(200, base))) as at,
            pytest.raises(ProviderError, match="is a base model"),
        ):
            at.provider.delete_model(MODEL)
        assert not sent(at.server.heard, "DELETE")

    def test_another_model_in_its_place_is_no_answer(self) -> None:
        other = {**TUNED, "name": "accounts/acme/models/other"}
        with (
            bench(models(Reply(200, {}), Reply(200, other))) as at,
            pytest.raises(ProviderUnavailable, match="shows something else"),
        ):
            at.provider.delete_model(MODEL)

    @pytest.mark.parametrize(
        "model",
        [
            "accounts/fireworks/models/qwen3-8b",
            "accounts/acme2/models/x",
            "accounts/acme/datasets/x",
            "accounts/acme/models/x/y",
            "accounts/acme/models/x:undeploy",
            "accounts/acme/models/x?force=true",
            "accounts/acme/models/..",
            "accounts/acme/models/",
            "x/y",
            "",
        ],
    )
    def test_what_is_no_model_of_ours_is_not_even_asked_for(self, model: str) -> None:
        with (
            bench(nothing_but({})) as at,
            pytest.raises(ProviderError, match="of the account acme only"),
        ):
            at.provider.delete_model(model)
        assert at.server.heard == []


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


CALLS: list[Callable[[FireworksProvider], object]] = [
    lambda provider: provider.find(TOKEN),
    lambda provider: provider.get(ID),
    lambda provider: list(provider.list()),
    lambda provider: provider.create(
        CreateRequest(spec=spec(integrations=INTEGRATIONS), base_model="m", training="d")
    ),
    lambda provider: provider.cancel(ID),
    lambda provider: provider.resume(ID),
    lambda provider: provider.delete_model(MODEL),
    lambda provider: provider.metrics(
        Job(id=ID, status=JobStatus.RUNNING, provider_status="", stamp=TOKEN)
    ),
]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(grpc(401, 16, f"bad key {KEY} and {WANDB}"), id="refused"),
        pytest.param(grpc(400, 3, f"bad key {KEY[:12]} and {WANDB}"), id="partly repeated"),
        pytest.param(Reply(500, f"<p>{KEY}{WANDB}".encode()), id="a page"),
        pytest.param(Reply(302, headers={"Location": f"http://h/?k={KEY}"}), id="redirected"),
        pytest.param(Reply(200, f"{KEY}{WANDB}".encode()), id="not understood"),
        pytest.param(Reply(raw=f"HTTP/1.1 200 OK\r\n{KEY}\x00\r\n\r\n".encode()), id="no HTTP"),
        pytest.param(DROP, id="lost"),
    ],
)
def test_a_key_is_never_said(reply: Reply) -> None:
    said = ""
    with bench(script(reply)) as at:
        for call in CALLS:
            try:
                call(at.provider)
            except ProviderError as raised:
                shown: BaseException | None = raised
                while shown is not None:
                    said += f"{shown} {shown!r} {vars(shown)}"
                    shown = shown.__cause__
        said += f"{at.provider!r} {dumped(at.provider)} {vars(at.provider)}"
    assert "fireworks" in said
    assert KEY not in said
    assert WANDB not in said
