"""Bedrock's lists: filters, order, pages; and tags and base models."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.amazon import (
    NOVA,
    bedrock,
    bedrock_error,
    conversation,
    create_on_uploaded,
    escaped,
    good,
    job,
    upload,
)
from tests.sandbox.workbench import Api, Clock


@pytest.fixture
def bench(api: Api, clock: Clock) -> Api:
    """Four jobs, an hour between them: completed, completed, stopped, in progress."""
    upload(api, [conversation()] * 20)
    for name in ("red-1", "red-2", "blue-1", "blue-2"):
        create_on_uploaded(api, name, jobTags=[{"key": "name", "value": name}])
        if name == "blue-1":
            bedrock(api, "POST", "model-customization-jobs/blue-1/stop")
        clock.advance(3_600 if name != "blue-2" else 1)
    return api


def listed(api: Api, **query: Any) -> tuple[list[str], str | None]:
    """Names of the jobs on a page, and the next token."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    reply = good(bedrock(api, "GET", f"model-customization-jobs?{text}"))
    summaries = reply["modelCustomizationJobSummaries"]
    return [summary["jobName"] for summary in summaries], reply.get("nextToken")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["blue-2", "blue-1", "red-2", "red-1"]),
        (
            {"sortOrder": "Descending", "sortBy": "CreationTime"},
            ["blue-2", "blue-1", "red-2", "red-1"],
        ),
        ({"sortOrder": "Ascending"}, ["red-1", "red-2", "blue-1", "blue-2"]),
        ({"statusEquals": "Completed"}, ["red-2", "red-1"]),
        ({"statusEquals": "Stopped"}, ["blue-1"]),
        ({"statusEquals": "InProgress"}, ["blue-2"]),
        ({"statusEquals": "Failed"}, []),
        ({"nameContains": "blue"}, ["blue-2", "blue-1"]),
        ({"nameContains": "-2"[1:]}, ["blue-2", "red-2"]),
        ({"nameContains": "red", "statusEquals": "Stopped"}, []),
        ({"creationTimeAfter": "2026-09-21T15:13:20.250000Z"}, ["blue-2", "blue-1"]),
        ({"creationTimeBefore": "2026-09-21T15:13:20.250000Z"}, ["red-1"]),
        (
            {
                "creationTimeAfter": "2026-09-21T14:30:00Z",
                "creationTimeBefore": "2026-09-21T16:30:00Z",
            },
            ["blue-1", "red-2"],
        ),
    ],
)
def test_jobs_by_filter_and_order(bench: Api, query: dict[str, str], names: list[str]) -> None:
    assert listed(bench, **query) == (names, None)


def test_pages_follow_each_other(bench: Api) -> None:
    first, token = listed(bench, maxResults=3)
    second, end = listed(bench, maxResults=3, nextToken=token)
    assert (first, second, end) == (["blue-2", "blue-1", "red-2"], ["red-1"], None)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("maxResults=0", "ValidationException"),
        ("maxResults=1001", "ValidationException"),
        ("maxResults=x", "SerializationException"),
        ("statusEquals=Running", "ValidationException"),
        ("sortBy=Name", "ValidationException"),
        ("sortOrder=Up", "ValidationException"),
        ("nameContains=no%20name", "ValidationException"),
        ("nextToken=AAAA", "ValidationException"),
        ("creationTimeAfter=yesterday", "SerializationException"),
    ],
)
def test_a_question_that_makes_no_sense(bench: Api, query: str, name: str) -> None:
    reply = bedrock(bench, "GET", f"model-customization-jobs?{query}")
    assert bedrock_error(reply)[:2] == (400, name)


def test_the_tags_of_a_job(bench: Api) -> None:
    arn = job(bench, "red-1")["jobArn"]

    def tags() -> Any:
        return good(bedrock(bench, "POST", "listTagsForResource", {"resourceARN": arn}))["tags"]

    assert tags() == [{"key": "name", "value": "red-1"}]
    added = [{"key": "team", "value": "support"}, {"key": "name", "value": "other"}]
    assert good(bedrock(bench, "POST", "tagResource", {"resourceARN": arn, "tags": added})) == {}
    assert tags() == [{"key": "name", "value": "other"}, {"key": "team", "value": "support"}]
    body = {"resourceARN": arn, "tagKeys": ["name", "never"]}
    assert good(bedrock(bench, "POST", "untagResource", body)) == {}
    assert tags() == [{"key": "team", "value": "support"}]


def test_the_tags_of_a_model_are_its_own(api: Api, clock: Clock) -> None:
    upload(api, [conversation()] * 20)
    create_on_uploaded(api, customModelTags=[{"key": "k", "value": "model"}])
    clock.advance(60)
    arn = job(api, "job-1")["outputModelArn"]
    listed = good(bedrock(api, "POST", "listTagsForResource", {"resourceARN": arn}))
    assert listed["tags"] == [{"key": "k", "value": "model"}]


def test_tags_that_cannot_be(bench: Api) -> None:
    arn = job(bench, "red-1")["jobArn"]
    many = [{"key": f"k{number}", "value": ""} for number in range(200)]
    for path, body, name in (
        ("listTagsForResource", {}, "ValidationException"),
        ("listTagsForResource", {"resourceARN": arn[:-1] + "!"}, "ResourceNotFoundException"),
        ("tagResource", {"resourceARN": arn}, "ValidationException"),
        ("tagResource", {"resourceARN": arn, "tags": [{"key": "k"}]}, "ValidationException"),
        ("tagResource", {"resourceARN": arn, "tags": many}, "TooManyTagsException"),
        ("untagResource", {"resourceARN": "x" * 30, "tagKeys": []}, "ResourceNotFoundException"),
    ):
        assert bedrock_error(bedrock(bench, "POST", path, body))[1] == name


def test_custom_models_are_those_of_completed_jobs(bench: Api, clock: Clock) -> None:
    def names(query: str = "") -> list[str]:
        listed = good(bedrock(bench, "GET", f"custom-models?{query}"))
        return [summary["modelName"] for summary in listed["modelSummaries"]]

    assert names() == ["model-red-2", "model-red-1"]
    assert names("sortOrder=Ascending") == ["model-red-1", "model-red-2"]
    assert names("nameContains=red-2") == ["model-red-2"]
    assert names("modelStatus=Creating") == []
    foundation = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
    assert names(f"baseModelArnEquals={escaped(foundation)}") == ["model-red-2", "model-red-1"]
    assert names("foundationModelArnEquals=other") == []
    assert names("creationTimeAfter=2026-09-21T15:00:00Z") == ["model-red-2"]
    assert names("creationTimeBefore=2026-09-21T15:00:00Z") == ["model-red-1"]
    first = good(bedrock(bench, "GET", "custom-models?maxResults=1"))
    rest = names(f"maxResults=1&nextToken={first['nextToken']}")
    assert rest == ["model-red-1"]
    clock.advance(60)
    assert names()[0] == "model-blue-2"


def test_a_deleted_model_leaves_its_job(bench: Api) -> None:
    assert good(bedrock(bench, "DELETE", "custom-models/model-red-1")) == {}
    again = bedrock(bench, "DELETE", "custom-models/model-red-1")
    assert bedrock_error(again)[:2] == (404, "ResourceNotFoundException")
    assert job(bench, "red-1")["status"] == "Completed"
    assert job(bench, "red-1")["outputModelArn"]


def test_base_models_say_how_they_can_be_customized(api: Api) -> None:
    listed = good(
        bedrock(api, "GET", "foundation-models?byCustomizationType=CONTINUED_PRE_TRAINING")
    )
    ids = [summary["modelId"] for summary in listed["modelSummaries"]]
    assert ids == ["amazon.titan-text-lite-v1:0:4k", "amazon.titan-text-express-v1:0:8k"]
    of_meta = good(bedrock(api, "GET", "foundation-models?byProvider=meta"))["modelSummaries"]
    assert {summary["providerName"] for summary in of_meta} == {"Meta"}
    shown = good(bedrock(api, "GET", f"foundation-models/{escaped(NOVA)}"))["modelDetails"]
    assert shown == {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
        "modelId": NOVA,
        "modelName": "Nova Micro",
        "providerName": "Amazon",
        "customizationsSupported": ["FINE_TUNING", "DISTILLATION"],
        "inferenceTypesSupported": ["PROVISIONED"],
        "modelLifecycle": {"status": "ACTIVE"},
    }
