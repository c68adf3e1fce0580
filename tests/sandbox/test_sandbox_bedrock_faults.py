"""What goes wrong with Bedrock on purpose, and that every operation can be hit."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from reconciler.sandbox.faults import OPERATIONS, OPERATIONS_OF
from tests.sandbox.amazon import (
    bedrock,
    bedrock_error,
    conversation,
    create_on_uploaded,
    good,
    request_body,
    s3,
    upload,
)
from tests.sandbox.workbench import Api, Clock

Start = Callable[..., Api]
CREATE = "model-customization-jobs"


def names(api: Api, query: str = "") -> list[str]:
    """The names of the jobs in the list."""
    reply = good(bedrock(api, "GET", f"{CREATE}?{query}"))
    return [summary["jobName"] for summary in reply["modelCustomizationJobSummaries"]]


def test_the_words_for_faults_are_those_of_the_providers() -> None:
    assert {name for names in OPERATIONS_OF.values() for name in names} == set(OPERATIONS)


def test_every_operation_of_the_list_can_be_hit(start: Start) -> None:
    api = start("bedrock.any=500")
    calls = {
        "create": ("POST", CREATE),
        "list": ("GET", CREATE),
        "get": ("GET", f"{CREATE}/j"),
        "cancel": ("POST", f"{CREATE}/j/stop"),
        "models": ("GET", "custom-models"),
        "model": ("GET", "custom-models/m"),
        "delete-model": ("DELETE", "custom-models/m"),
        "base-models": ("GET", "foundation-models"),
        "base-model": ("GET", "foundation-models/m"),
        "tags": ("POST", "listTagsForResource"),
        "tag": ("POST", "tagResource"),
        "untag": ("POST", "untagResource"),
    }
    assert {bedrock(api, *call).status_code for call in calls.values()} == {500}
    assert [line["operation"] for line in api.journal()] == [f"bedrock.{name}" for name in calls]
    assert tuple(calls) == OPERATIONS_OF["bedrock"]


def test_every_operation_of_s3_can_be_hit(start: Start) -> None:
    api = start("s3.any=500")
    calls = {
        "upload": ("PUT", "bucket/k"),
        "upload-start": ("POST", "bucket/k?uploads"),
        "upload-part": ("PUT", "bucket/k?partNumber=1&uploadId=u"),
        "upload-complete": ("POST", "bucket/k?uploadId=u"),
        "upload-cancel": ("DELETE", "bucket/k?uploadId=u"),
        "upload-parts": ("GET", "bucket/k?uploadId=u"),
        "files": ("GET", "bucket?list-type=2"),
        "file": ("HEAD", "bucket/k"),
        "content": ("GET", "bucket/k"),
        "delete-file": ("DELETE", "bucket/k"),
        "buckets": ("GET", ""),
        "bucket": ("HEAD", "bucket"),
        "create-bucket": ("PUT", "bucket"),
    }
    assert {s3(api, *call).status_code for call in calls.values()} == {500}
    assert [line["operation"] for line in api.journal()] == [f"s3.{name}" for name in calls]
    assert tuple(calls) == OPERATIONS_OF["s3"]


@pytest.mark.parametrize(("effect", "created"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_create(start: Start, effect: str, created: int) -> None:
    api = start(f"create={effect},x1")
    upload(api, [conversation()] * 20)
    with pytest.raises(httpx.TransportError):
        bedrock(api, "POST", CREATE, request_body())
    assert len(api.created_jobs()) == len(names(api)) == created
    create_on_uploaded(api)
    assert len(api.created_jobs()) == len(names(api)) == 1


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        ("400", 400, "ValidationException"),
        ("400:ServiceQuotaExceededException", 400, "ServiceQuotaExceededException"),
        ("400:ConflictException", 400, "ConflictException"),
        ("403", 403, "AccessDeniedException"),
        ("404", 404, "ResourceNotFoundException"),
        ("409", 409, "ConflictException"),
        ("418", 418, "ValidationException"),
        ("429", 429, "ThrottlingException"),
        ("500", 500, "InternalServerException"),
        ("502", 502, "InternalServerException"),
        ("503", 503, "ServiceUnavailableException"),
    ],
)
@pytest.mark.parametrize(("when", "created"), [("status", 0), ("status-after", 1)])
def test_a_refusal_has_bedrocks_form(
    start: Start, when: str, created: int, fault: str, status: int, name: str
) -> None:
    api = start(f"bedrock.create={when}:{fault},x1")
    upload(api, [conversation()] * 20)
    reply = bedrock(api, "POST", CREATE, request_body())
    assert bedrock_error(reply)[:2] == (status, name)
    assert len(api.created_jobs()) == len(names(api)) == created


def test_a_garbled_reply_hides_a_created_job(start: Start) -> None:
    api = start("bedrock.create=bad-json,x1")
    upload(api, [conversation()] * 20)
    assert bedrock(api, "POST", CREATE, request_body()).text == '{"object": "'
    assert names(api) == ["job-1"]


def test_a_created_job_is_missing_from_lists_for_a_while(start: Start, clock: Clock) -> None:
    api = start("list-lag:30")
    upload(api, [conversation()] * 20)
    create_on_uploaded(api)
    assert good(bedrock(api, "GET", f"{CREATE}/job-1"))["status"] == "InProgress"
    assert names(api) == []
    clock.advance(31)
    assert names(api) == ["job-1"]


def test_a_list_can_promise_more_for_ever(start: Start) -> None:
    api = start("has-more-forever")
    assert "nextToken" not in good(bedrock(api, "GET", CREATE))
    upload(api, [conversation()] * 20)
    for name in ("job-1", "job-2", "job-3"):
        create_on_uploaded(api, name)
    first = good(bedrock(api, "GET", f"{CREATE}?maxResults=2"))
    last = good(bedrock(api, "GET", f"{CREATE}?maxResults=2&nextToken={first['nextToken']}"))
    again = good(bedrock(api, "GET", f"{CREATE}?maxResults=2&nextToken={last['nextToken']}"))
    shown = [
        [summary["jobName"] for summary in page["modelCustomizationJobSummaries"]]
        for page in (first, last, again)
    ]
    assert shown == [["job-3", "job-2"], ["job-1"], ["job-2", "job-1"]]
    assert again["nextToken"] == last["nextToken"]
