"""The adapter at servers of every kind: no "none" that is a guess, no list that breaks off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
)
from reconciler.model import Job, JobStatus
from tests.providers.bedrock_bench import (
    JOBS,
    NOT_FOUND,
    Bench,
    arn,
    bench,
    make,
    refused,
    request,
    shown,
)
from tests.providers.loopback import DROP, Answering, Heard, Reply, route, script

SPEC = make(suffix="support")
TOKEN = SPEC.token
REQUEST = request(SPEC)
MINE = Reply(200, shown(TOKEN))
FOREIGN = Reply(200, shown(TOKEN, clientRequestToken="another-hand"))
CREATED = Reply(201, {"jobArn": arn()})
BUSY = refused(503, "ServiceUnavailable", "try later")


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with bench(script(NOT_FOUND)) as made:
        yield made


@pytest.fixture
def at(shared: Bench) -> Bench:
    """The one adapter of these tests, at a server that nobody has asked anything yet."""
    shared.server.heard.clear()
    shared.naps.clear()
    return shared


def serve(at: Bench, post: Reply | Answering, get: Reply = NOT_FOUND) -> Bench:
    """Answer creates and looks."""

    def answer(heard: Heard) -> Reply:
        if heard.method == "GET":
            return get
        return post if isinstance(post, Reply) else post(heard)

    at.server.answer = answer
    return at


class TestFind:
    def test_a_token_is_looked_for_by_name(self, at: Bench) -> None:
        (job,) = serve(at, CREATED, MINE).provider.find(TOKEN)
        assert (job.id, job.stamp) == (arn(), TOKEN)
        assert at.server.requests() == [f"GET {JOBS}/{TOKEN}"]

    def test_none_is_none(self, at: Bench) -> None:
        assert serve(at, CREATED).provider.find(TOKEN) == ()

    def test_a_server_that_shows_no_token_shows_the_name(self, at: Bench) -> None:
        bare = Reply(200, shown(TOKEN, clientRequestToken=None))
        (job,) = serve(at, CREATED, bare).provider.find(TOKEN)
        assert job.stamp == TOKEN

    def test_somebody_elses_name_is_no_proof_of_anything(self, at: Bench) -> None:
        with pytest.raises(ProviderUnavailable, match="was not created for this spec") as caught:
            serve(at, CREATED, FOREIGN).provider.find(TOKEN)
        assert "reconcile adopt" in caught.value.hint

    @pytest.mark.parametrize(
        "get",
        [
            pytest.param(BUSY, id="503"),
            pytest.param(DROP, id="dropped"),
            pytest.param(refused(400, "ValidationException", "not allowed"), id="400"),
            pytest.param(Reply(404, b"<html>Not Found</html>"), id="a page that is not found"),
            pytest.param(Reply(404), id="an empty 404"),
            pytest.param(refused(404, "UnknownOperationException"), id="no such operation"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, {}), id="nothing"),
            pytest.param(Reply(302), id="302"),
        ],
    )
    def test_what_is_not_understood_is_not_none(self, at: Bench, get: Reply) -> None:
        with pytest.raises(ProviderUnavailable):
            serve(at, CREATED, get).provider.find(TOKEN)

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "AccessDeniedException"), (403, "403"), (401, "401"), (400, "ExpiredToken")],
    )
    def test_who_may_not_look_knows_nothing(self, at: Bench, status: int, code: str) -> None:
        with pytest.raises(ProviderAuthError, match="does not allow GetModelCustomizationJob"):
            serve(at, CREATED, refused(status, code)).provider.find(TOKEN)
        assert len(at.server.heard) == 1


class TestRead:
    def test_busy_servers_are_asked_again(self, at: Bench) -> None:
        at.server.answer = script(BUSY, DROP, refused(429, "ThrottlingException"), MINE)
        assert at.provider.get(TOKEN) is not None
        assert len(at.naps) == 3

    def test_but_not_for_ever(self, at: Bench) -> None:
        at.server.answer = script(BUSY)
        with pytest.raises(ProviderUnavailable, match="tried 4 times"):
            at.provider.get(TOKEN)
        assert len(at.server.heard) == 4

    def test_a_server_says_how_long_to_wait(self, at: Bench) -> None:
        at.server.answer = script(refused(429, "ThrottlingException", retry_after="7"), MINE)
        at.provider.get(TOKEN)
        assert at.naps == [7.0]

    def test_but_not_how_long_to_hang(self, at: Bench) -> None:
        at.server.answer = script(refused(503, "SlowDown", retry_after="3600"), MINE)
        with pytest.raises(ProviderUnavailable):
            at.provider.get(TOKEN)
        assert at.naps == []

    def test_an_arn_is_asked_for_as_one_segment(self, at: Bench) -> None:
        serve(at, CREATED, MINE).provider.get(arn())
        (heard,) = at.server.heard
        assert heard.target.count("/") == 2
        assert "%2F" in heard.target
        assert "%25" not in heard.target

    @pytest.mark.parametrize(
        "id_",
        ["", "..", ".", "-a", "a/b", "a?b=1", "a b", "ä", "x" * 64, "arn:aws:s3:::bucket", "arn:"],
    )
    def test_what_can_be_no_id_is_not_asked_for(self, at: Bench, id_: str) -> None:
        assert serve(at, CREATED, MINE).provider.get(id_) is None
        with pytest.raises(ProviderError, match="has no job"):
            at.provider.cancel(id_)
        assert at.server.heard == []


class TestList:
    def page(self, *numbers: int, token: str | None = None) -> Reply:
        """A page of jobs as AWS lists them."""
        entries = [
            {
                "jobArn": arn(f"{number:012}"),
                "jobName": f"bot-{number}",
                "status": "InProgress",
                "creationTime": f"2026-11-01T10:00:{number:02}Z",
                "baseModelArn": "arn:aws:bedrock:us-east-1::foundation-model/a.b",
            }
            for number in numbers
        ]
        more = {"nextToken": token} if token else {}
        return Reply(200, {"modelCustomizationJobSummaries": entries, **more})

    def test_pages_are_followed_to_the_end_newest_first(self, at: Bench) -> None:
        at.server.answer = script(
            self.page(4, 3, token="one"), self.page(2, token="two"), self.page(1)
        )
        assert [job.stamp for job in at.provider.list()] == ["bot-4", "bot-3", "bot-2", "bot-1"]
        first, second, third = at.server.heard
        assert first.query == {
            "sortBy": "CreationTime",
            "sortOrder": "Descending",
            "maxResults": "100",
        }
        assert (second.query["nextToken"], third.query["nextToken"]) == ("one", "two")

    def test_a_page_is_fetched_when_it_is_wanted(self, at: Bench) -> None:
        at.server.answer = script(self.page(4, 3, token="one"), self.page(2))
        listed = at.provider.list()
        next(listed)
        assert len(at.server.heard) == 1

    def test_an_empty_page_is_not_the_end(self, at: Bench) -> None:
        at.server.answer = script(self.page(token="one"), self.page(1))
        assert len(list(at.provider.list())) == 1

    @pytest.mark.parametrize("second", [BUSY, Reply(200, {}), Reply(200, b"<html>")])
    def test_a_list_that_breaks_off_says_so(self, at: Bench, second: Reply) -> None:
        at.server.answer = script(self.page(2, token="one"), second)
        with pytest.raises(ProviderUnavailable):
            list(at.provider.list())

    def test_a_list_in_a_circle_ends(self, at: Bench) -> None:
        at.server.answer = script(self.page(2, token="one"))
        with pytest.raises(ProviderUnavailable, match="in a circle"):
            list(at.provider.list())


def jobs(stop: Reply, get: Reply) -> Answering:
    return route({f"POST {JOBS}/{TOKEN}/stop": stop, f"GET {JOBS}/{TOKEN}": get})


def state(status: str) -> Reply:
    return Reply(200, shown(TOKEN, status))


CONFLICT = refused(400, "ConflictException", "The job is not in progress.")


class TestCancel:
    @pytest.mark.parametrize(
        ("word", "status"),
        [("Stopping", JobStatus.RUNNING), ("Stopped", JobStatus.CANCELLED)],
    )
    def test_a_job_is_asked_to_stop(self, at: Bench, word: str, status: JobStatus) -> None:
        at.server.answer = jobs(Reply(200, {}), state(word))
        job = at.provider.cancel(TOKEN)
        assert (job.status, job.provider_status) == (status, word)
        assert [heard.method for heard in at.server.heard] == ["POST", "GET"]

    @pytest.mark.parametrize("word", ["Completed", "Failed", "Stopped", "Stopping"])
    def test_one_that_is_over_or_ending_is_no_error(self, at: Bench, word: str) -> None:
        at.server.answer = jobs(CONFLICT, state(word))
        assert at.provider.cancel(TOKEN).provider_status == word

    def test_a_refusal_is_told(self, at: Bench) -> None:
        at.server.answer = jobs(CONFLICT, state("InProgress"))
        with pytest.raises(ProviderError, match="not in progress") as caught:
            at.provider.cancel(TOKEN)
        assert not isinstance(caught.value, ProviderUnavailable)

    def test_a_job_that_is_not_there_is_told(self, at: Bench) -> None:
        at.server.answer = script(NOT_FOUND)
        with pytest.raises(ProviderError, match=f"bedrock has no job {TOKEN}"):
            at.provider.cancel(TOKEN)

    def test_one_that_vanishes_is_told(self, at: Bench) -> None:
        at.server.answer = jobs(Reply(200, {}), NOT_FOUND)
        with pytest.raises(ProviderError, match="has no job"):
            at.provider.cancel(TOKEN)

    def test_who_may_not_stop_is_told_what_it_takes(self, at: Bench) -> None:
        at.server.answer = script(refused(403, "AccessDeniedException"))
        with pytest.raises(ProviderAuthError) as caught:
            at.provider.cancel(TOKEN)
        assert "bedrock:StopModelCustomizationJob" in caught.value.hint


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("pause", "Bedrock cannot pause a job; cancel stops it for good"),
        ("resume", "Bedrock cannot resume a job; a new one trains from the beginning"),
    ],
)
def test_what_bedrock_cannot_do_says_what_it_can(at: Bench, verb: str, words: str) -> None:
    with pytest.raises(ProviderError) as caught:
        getattr(at.provider, verb)(TOKEN)
    assert caught.value.message == words
    assert at.server.heard == []


MODEL = (
    "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/a1b2c3d4e5f6"
)
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


DONE = Job(
    id=arn(),
    status=JobStatus.SUCCEEDED,
    provider_status="Completed",
    result_files=("s3://training-data/out/model-customization-job-a1b2c3d4e5f6/",),
)


def listing(*keys: str, token: str = "") -> Reply:
    entries = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    truncated = "true" if token else "false"
    body = (
        '<?xml version="1.0"?><ListBucketResult>'
        f"<IsTruncated>{truncated}</IsTruncated>{more}{entries}</ListBucketResult>"
    )
    return Reply(200, body.encode(), {"Content-Type": "application/xml"})


CSV = b"step_number,epoch_number,training_loss,perplexity\n1,0,2.5,12\n"


class TestMetrics:
    def test_pages_of_the_folder_are_followed(self, at: Bench) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path.endswith(".csv"):
                return Reply(200, CSV)
            return (
                listing("out/x/training_metrics.csv")
                if "continuation-token" in heard.query
                else listing("out/x/config.json", token="more")
            )

        at.server.answer = answer
        (point,) = at.provider.metrics(DONE)
        assert point.values["train_loss"] == 2.5
        assert at.server.heard[0].query["prefix"] == "out/model-customization-job-a1b2c3d4e5f6/"
        assert "config.json" not in "".join(at.server.requests())

    def test_a_body_that_breaks_off_is_read_again(self, at: Bench) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nstep_number,"
        bodies = script(Reply(raw=half), Reply(200, CSV))
        keys = listing("out/x/training_metrics.csv")
        at.server.answer = lambda heard: bodies(heard) if heard.path.endswith(".csv") else keys
        assert len(at.provider.metrics(DONE)) == 1
        assert len(at.naps) == 1

    @pytest.mark.parametrize("get", [Reply(404), refused(404, "NoSuchBucket")])
    def test_a_folder_that_is_gone_has_no_curve(self, at: Bench, get: Reply) -> None:
        at.server.answer = script(get)
        assert at.provider.metrics(DONE) == ()

    def test_who_may_not_read_it_is_told(self, at: Bench) -> None:
        at.server.answer = script(Reply(403))
        with pytest.raises(ProviderAuthError) as caught:
            at.provider.metrics(DONE)
        assert "s3:ListBucket" in caught.value.hint

    def test_a_job_without_results_is_not_asked_about(self, at: Bench) -> None:
        assert at.provider.metrics(replace(DONE, result_files=())) == ()
        assert at.server.heard == []


def test_what_bedrock_does_not_keep_is_empty(at: Bench) -> None:
    assert list(at.provider.events(arn())) == []
    assert at.provider.checkpoints(arn()) == ()
    assert at.server.heard == []


def test_what_it_is(at: Bench) -> None:
    provider = at.provider
    assert (provider.name, provider.grace, provider.lists_stamps) == ("bedrock", 0.0, False)
    assert provider.scope == "aws:111122223333/us-east-1/training-data/finetune@127.0.0.1"


CALLS: dict[str, Callable[[Bench], Any]] = {
    "find": lambda at: at.provider.find(TOKEN),
    "get": lambda at: at.provider.get(arn()),
    "list": lambda at: list(at.provider.list()),
    "cancel": lambda at: at.provider.cancel(arn()),
    "delete_model": lambda at: at.provider.delete_model(MODEL),
    "metrics": lambda at: at.provider.metrics(DONE),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_answer_proves_nothing(at: Bench, call: str) -> None:
    at.server.answer = script(DROP)
    with pytest.raises(ProviderUnavailable, match="tried 4 times"):
        CALLS[call](at)


def test_a_closed_adapter_has_given_everything_back() -> None:
    with bench(script(MINE)) as at:
        at.provider.get(TOKEN)
        at.provider.close()
        at.provider.close()
