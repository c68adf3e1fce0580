"""A create on Fireworks: one POST, whatever a server answers, and an id that tells whose it is.

Also what it needs besides: the model that it goes on from, and a key for Weights & Biases.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from reconciler.errors import CreateOutcomeUnknown, CreateRejected, Remedy
from reconciler.model import JobStatus
from reconciler.providers.base import CreateRequest
from tests.providers.fireworks_bench import (
    DPO,
    ID,
    INTEGRATIONS,
    KEY,
    MODELS,
    SFT,
    SPEC,
    TOKEN,
    WANDB,
    bench,
    dpo,
    grpc,
    nothing_but,
    sent,
    sft,
    spec,
)
from tests.providers.loopback import DROP, Reply, route, script

REQUEST = CreateRequest(spec=SPEC, base_model="qwen3-8b", training="d")
PREFERENCE = spec(method="dpo")


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
