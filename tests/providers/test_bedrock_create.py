"""A create on Bedrock: one POST, whatever the server answers, and a name that tells whose it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    Remedy,
)
from reconciler.model import JobStatus
from tests.providers.bedrock_bench import (
    BUSY,
    CREATED,
    FOREIGN,
    JOBS,
    MINE,
    NOT_FOUND,
    NOVA,
    REQUEST,
    TOKEN,
    Bench,
    arn,
    bench,
    loopback,
    make,
    refused,
    request,
    serve,
    shown,
)
from tests.providers.loopback import DROP, Reply, script


class TestCreate:
    def test_one_post_and_a_job(self, at: Bench) -> None:
        job = serve(at, CREATED, MINE).provider.create(REQUEST)
        assert (job.id, job.stamp, job.status) == (arn(), TOKEN, JobStatus.RUNNING)
        assert at.server.requests() == [f"POST {JOBS}", f"GET {JOBS}/{TOKEN}"]

    @pytest.mark.parametrize(
        "get",
        [
            pytest.param(NOT_FOUND, id="not shown yet"),
            pytest.param(BUSY, id="busy"),
            pytest.param(DROP, id="gone"),
            pytest.param(refused(403, "AccessDeniedException"), id="not ours to see"),
            pytest.param(Reply(200, b"<html>"), id="a page"),
            pytest.param(Reply(200, shown(TOKEN, jobArn=arn("zzzzzzzzzzzz"))), id="another"),
        ],
    )
    def test_a_job_that_cannot_be_looked_at_was_created_all_the_same(
        self, at: Bench, get: Reply
    ) -> None:
        job = serve(at, CREATED, get).provider.create(REQUEST)
        assert (job.id, job.stamp, job.status) == (arn(), TOKEN, JobStatus.QUEUED)
        assert (job.model, job.training_file) == (NOVA, REQUEST.training)
        assert len(at.heard("POST")) == 1

    @pytest.mark.parametrize(
        ("status", "code", "remedy"),
        [
            (400, "ValidationException", Remedy.FIX_SPEC),
            (400, "TooManyTagsException", Remedy.FIX_SPEC),
            (404, "ResourceNotFoundException", Remedy.FIX_SPEC),
            (403, "AccessDeniedException", Remedy.FIX_ACCOUNT),
            (403, "ExpiredTokenException", Remedy.FIX_ACCOUNT),
            (400, "ServiceQuotaExceededException", Remedy.RETRY_LATER),
            (429, "ThrottlingException", Remedy.RETRY_NOW),
            (413, "413", Remedy.FIX_SPEC),
        ],
    )
    def test_these_answers_say_there_is_no_job(
        self, at: Bench, status: int, code: str, remedy: Remedy
    ) -> None:
        with pytest.raises(CreateRejected) as caught:
            serve(at, refused(status, code)).provider.create(REQUEST)
        assert (caught.value.code, caught.value.remedy) == (code, remedy)
        assert at.server.requests() == [f"POST {JOBS}"]
        assert at.naps == []

    @pytest.mark.parametrize(
        "post",
        [
            pytest.param(DROP, id="closed without a word"),
            pytest.param(Reply(raw=b"HTTP/1.1 201 Created\r\nContent-"), id="half a head"),
            pytest.param(
                Reply(raw=b'HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"jobArn": "arn:'),
                id="half a body",
            ),
            pytest.param(Reply(201, b"<html>"), id="a page"),
            pytest.param(Reply(201, {}), id="no ARN"),
            pytest.param(Reply(201, {"jobArn": None}), id="a null ARN"),
            pytest.param(Reply(201, []), id="a list"),
            pytest.param(Reply(204), id="no content"),
            pytest.param(refused(500, "InternalServerException"), id="500"),
            pytest.param(BUSY, id="503"),
            pytest.param(Reply(502, b"<html>Bad Gateway</html>"), id="502"),
            pytest.param(Reply(504), id="504"),
            pytest.param(refused(400, "InternalServerException"), id="trouble as 400"),
            pytest.param(refused(409, "SomethingElse"), id="409"),
            pytest.param(refused(408, "RequestTimeout"), id="408"),
            pytest.param(Reply(302, headers={"Location": "http://127.0.0.1:1/"}), id="302"),
            pytest.param(Reply(402), id="402"),
            pytest.param(Reply(418), id="418"),
        ],
    )
    def test_every_other_answer_says_nothing(self, at: Bench, post: Reply) -> None:
        with pytest.raises(CreateOutcomeUnknown) as caught:
            serve(at, post, MINE).provider.create(REQUEST)
        assert TOKEN in caught.value.message
        assert at.server.requests() == [f"POST {JOBS}"]
        assert at.naps == []

    def test_a_kept_connection_is_not_used_for_a_create(self, at: Bench) -> None:
        serve(at, CREATED, MINE)
        for _ in range(2):
            at.provider.get(TOKEN)
            at.provider.create(REQUEST)
        looks = {heard.connection for heard in at.heard("GET")}
        posts = [heard.connection for heard in at.heard("POST")]
        assert len(set(posts)) == len(posts)
        assert not looks & set(posts)

    def test_where_nobody_listens_nothing_was_sent(self) -> None:
        with loopback(script(CREATED)) as server:
            url = server.url
        with bench(script(CREATED), endpoint_url=url) as at:
            with pytest.raises(
                CreateRejected, match=r"bedrock at 127\.0\.0\.1: no answer"
            ) as caught:
                at.provider.create(REQUEST)
            assert at.server.heard == []
        assert caught.value.remedy is Remedy.RETRY_NOW
        assert caught.value.retry_after == 10.0

    def test_what_boto3_would_not_send_is_the_specs_fault(self, at: Bench) -> None:
        wrong = make(section={"vpc": {"subnet_ids": "x", "security_group_ids": [1]}})
        with pytest.raises(CreateRejected, match="Invalid type") as caught:
            serve(at, CREATED).provider.create(request(wrong))
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert at.server.heard == []

    def test_a_model_known_only_now_is_checked_before_anything_is_sent(self, at: Bench) -> None:
        chained = make(model=None, model_from="base", hyperparameters={"batch_size": 8})
        with pytest.raises(CreateRejected, match="has no batch_size") as caught:
            serve(at, CREATED).provider.create(request(chained, NOVA))
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert at.server.heard == []

    @pytest.mark.parametrize(
        "section",
        [
            {"customization_type": "DISTILLATION"},
            {"customization_type": "REINFORCEMENT_FINE_TUNING"},
        ],
    )
    def test_what_is_not_complete_is_not_sent(self, at: Bench, section: dict[str, str]) -> None:
        with pytest.raises(CreateRejected, match="lacks what Bedrock needs"):
            serve(at, CREATED).provider.create(request(make(section=section)))
        assert at.server.heard == []

    def test_creates_side_by_side_are_a_post_each(self, at: Bench) -> None:
        requests = [request(make(f"bot-{number}")) for number in range(6)]
        serve(at, lambda heard: Reply(201, {"jobArn": arn(heard.json["jobName"][-12:])}))
        with ThreadPoolExecutor(max_workers=6) as pool:
            jobs = list(pool.map(at.provider.create, requests))
        assert len({job.id for job in jobs}) == 6
        sent = sorted(heard.json["jobName"] for heard in at.heard("POST"))
        assert sent == sorted(request_.spec.token for request_ in requests)


TAKEN = {
    "as Airflow has seen": refused(
        400, "ValidationException", "The provided job name is currently in use."
    ),
    "as the service model says": refused(400, "ConflictException", "Conflict."),
    "as HTTP says": refused(409, "ConflictException", "Conflict."),
    "as moto says": refused(400, "ResourceInUseException", "job x already exists"),
}


@pytest.mark.parametrize("post", TAKEN.values(), ids=list(TAKEN))
class TestNameTaken:
    def test_ours_is_found_and_is_the_answer(self, at: Bench, post: Reply) -> None:
        job = serve(at, post, MINE).provider.create(REQUEST)
        assert (job.id, job.stamp) == (arn(), TOKEN)
        assert at.server.requests() == [f"POST {JOBS}", f"GET {JOBS}/{TOKEN}"]

    def test_somebody_elses_is_a_refusal(self, at: Bench, post: Reply) -> None:
        with pytest.raises(CreateRejected, match="was not created for this spec") as caught:
            serve(at, post, FOREIGN).provider.create(REQUEST)
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert arn() in caught.value.message
        assert "raise spec.attempt" in caught.value.hint

    @pytest.mark.parametrize("get", [NOT_FOUND, BUSY, DROP, refused(403, "AccessDeniedException")])
    def test_one_that_cannot_be_seen_settles_nothing(
        self, at: Bench, post: Reply, get: Reply
    ) -> None:
        with pytest.raises(CreateOutcomeUnknown):
            serve(at, post, get).provider.create(REQUEST)
        assert len(at.heard("POST")) == 1


def test_a_models_name_that_is_taken_is_a_refusal(at: Bench) -> None:
    post = refused(400, "ValidationException", "The custom model name is already in use.")
    with pytest.raises(CreateRejected, match="already in use"):
        serve(at, post).provider.create(REQUEST)
