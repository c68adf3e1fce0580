"""A model is deleted only where it is known to be ours, and the work of a job."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderError, ProviderUnavailable
from tests.providers.fireworks_bench import GONE, ID, MODEL, bench, grpc, nothing_but, sent
from tests.providers.loopback import DROP, Answering, Reply, script

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
