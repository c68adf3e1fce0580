"""A job is looked for by its id in both collections, and "none" is never a guess."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderUnavailable
from reconciler.model import JobStatus
from tests.providers.fireworks_bench import (
    DPO,
    GONE,
    ID,
    MODELS,
    SFT,
    TOKEN,
    WANDB,
    bench,
    dpo,
    grpc,
    nothing_but,
    sft,
)
from tests.providers.loopback import DROP, Reply, route, script


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
