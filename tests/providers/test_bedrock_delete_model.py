"""A model is deleted only where a job has made it, and is gone only where AWS says so."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from tests.providers.bedrock_bench import MODEL, Bench, arn, refused
from tests.providers.loopback import DROP, Answering, Reply, route, script

MODEL_NAME = "support-bot-0123456789abcdef"
THERE = Reply(200, {"modelArn": MODEL, "modelName": MODEL_NAME, "jobArn": arn()})
NO_MODEL = refused(404, "ResourceNotFoundException", "The specified model does not exist.")


def models(delete: Reply | Answering, get: Reply | Answering, model: str = MODEL) -> Answering:
    path = f"/custom-models/{model}"
    return route({f"DELETE {path}": delete, f"GET {path}": get})


class TestDeleteModel:
    @pytest.mark.parametrize("model", [MODEL, MODEL_NAME])
    def test_one_that_is_there(self, at: Bench, model: str) -> None:
        at.server.answer = models(Reply(200, {}), THERE, model)
        assert at.provider.delete_model(model) is True
        assert [heard.method for heard in at.server.heard] == ["GET", "DELETE"]

    def test_one_that_is_not(self, at: Bench) -> None:
        at.server.answer = models(Reply(200, {}), NO_MODEL)
        assert at.provider.delete_model(MODEL) is False
        assert [heard.method for heard in at.server.heard] == ["GET"]

    def test_a_lost_answer_is_asked_for_again_and_the_model_was_there(self, at: Bench) -> None:
        at.server.answer = models(script(DROP, NO_MODEL), THERE)
        assert at.provider.delete_model(MODEL) is True
        assert len(at.naps) == 1

    def test_one_that_is_in_use_is_told(self, at: Bench) -> None:
        at.server.answer = models(refused(400, "ConflictException", "It is deployed."), THERE)
        with pytest.raises(ProviderError, match="It is deployed") as caught:
            at.provider.delete_model(MODEL)
        assert type(caught.value) is ProviderError
        assert caught.value.hint == "what is deployed on it has to go first"

    def test_who_may_not_is_told_what_it_takes(self, at: Bench) -> None:
        at.server.answer = models(refused(403, "AccessDeniedException"), THERE)
        with pytest.raises(ProviderAuthError) as caught:
            at.provider.delete_model(MODEL)
        assert "bedrock:DeleteCustomModel" in caught.value.hint

    def test_an_imported_model_is_nobodys_training(self, at: Bench) -> None:
        at.server.answer = models(
            Reply(200, {}), Reply(200, {"modelArn": MODEL, "modelName": MODEL_NAME})
        )
        with pytest.raises(ProviderError, match="no job has made"):
            at.provider.delete_model(MODEL)
        assert [heard.method for heard in at.server.heard] == ["GET"]

    def test_another_model_in_its_place_is_no_answer(self, at: Bench) -> None:
        other = MODEL.replace("a1b2", "zzzz")
        at.server.answer = models(Reply(200, {}), Reply(200, {"modelArn": other, "jobArn": arn()}))
        with pytest.raises(ProviderUnavailable, match="shows something else"):
            at.provider.delete_model(MODEL)

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            ("amazon.nova-micro-v1:0", "deletes fine-tuned models only"),
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0", "and arn:"),
            (MODEL.replace("amazon.nova-micro-v1:0:128k", "imported"), "fine-tuned models only"),
            (MODEL.replace("us-east-1", "eu-west-1"), "is in eu-west-1, and bedrock is in us-east"),
            (arn(), "deletes fine-tuned models only"),
            (f"{MODEL}/../x", "deletes fine-tuned models only"),
            ("", "deletes fine-tuned models only"),
            ("..", "deletes fine-tuned models only"),
        ],
    )
    def test_what_is_no_model_of_ours_is_not_even_asked_for(
        self, at: Bench, model: str, words: str
    ) -> None:
        with pytest.raises(ProviderError, match=words):
            at.provider.delete_model(model)
        assert at.server.heard == []
