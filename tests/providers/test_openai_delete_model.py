"""A model is deleted only where it is one of ours, and is gone only where the server says so."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from tests.providers.loopback import DROP, Answering, Reply, bench, error, route, script
from tests.providers.openai_jobs import MODEL

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
