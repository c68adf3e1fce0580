"""Fireworks' lists, and what goes wrong with it on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from reconciler.sandbox.faults import OPERATIONS_OF
from tests.sandbox.gateway import (
    ACCOUNT,
    SUPERVISED,
    chats,
    create,
    fireworks,
    good,
    job,
    refusal,
    upload,
)
from tests.sandbox.workbench import Api, Clock

Start = Callable[..., Api]


@pytest.fixture
def bench(api: Api, clock: Clock) -> Api:
    """Four jobs, an hour between them; all but the last have ended."""
    upload(api, chats())
    for name in ("delta", "alpha", "charlie", "bravo"):
        create(api, name, displayName=f"Job {name}")
        if name == "charlie":
            fireworks(api, "POST", f"{SUPERVISED}/charlie:cancel", {})
        clock.advance(3_600 if name != "bravo" else 3)
    return api


def listed(api: Api, **query: Any) -> tuple[list[str], str, int]:
    """Ids of the jobs on a page, the next token, and how many there are in all."""
    reply = good(fireworks(api, "GET", SUPERVISED, params=query))
    names = [item["name"].rpartition("/")[2] for item in reply[SUPERVISED]]
    return names, reply["nextPageToken"], reply["totalSize"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["alpha", "bravo", "charlie", "delta"]),
        ({"orderBy": "name desc"}, ["delta", "charlie", "bravo", "alpha"]),
        ({"orderBy": "createTime"}, ["delta", "alpha", "charlie", "bravo"]),
        ({"orderBy": "createTime desc"}, ["bravo", "charlie", "alpha", "delta"]),
        ({"filter": "state=JOB_STATE_CANCELLED"}, ["charlie"]),
        ({"filter": 'displayName = "Job alpha"'}, ["alpha"]),
        (
            {"filter": "state='JOB_STATE_COMPLETED' AND displayName=\"Job delta\""},
            ["delta"],
        ),
        (
            {"filter": f"dataset={ACCOUNT}/datasets/train", "orderBy": "name"},
            ["alpha", "bravo", "charlie", "delta"],
        ),
        ({"filter": "state=NOTHING"}, []),
    ],
)
def test_jobs_by_filter_and_order(bench: Api, query: dict[str, str], names: list[str]) -> None:
    assert listed(bench, **query) == (names, "", len(names))


def test_pages_follow_each_other(bench: Api) -> None:
    first, token, total = listed(bench, pageSize=3)
    second, end, _ = listed(bench, pageSize=3, pageToken=token)
    assert (first, second, end) == (["alpha", "bravo", "charlie"], ["delta"], "")
    assert total == 4


def test_a_page_is_never_too_large(bench: Api) -> None:
    assert listed(bench, pageSize=1_000_000)[0] == listed(bench, pageSize=0)[0]


def test_the_fields_that_were_asked_for(bench: Api) -> None:
    reply = good(fireworks(bench, "GET", SUPERVISED, params={"readMask": "name,state"}))
    assert [list(item) for item in reply[SUPERVISED]] == [["name", "state"]] * 4
    one = fireworks(bench, "GET", f"{SUPERVISED}/alpha", params={"readMask": "state"})
    assert good(one) == {"state": "JOB_STATE_COMPLETED"}
    everything = fireworks(bench, "GET", f"{SUPERVISED}/alpha", params={"readMask": "*"})
    assert set(good(everything)) == set(job(bench, "alpha"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"pageSize": "x"}, "invalid page_size 'x'"),
        ({"pageSize": -1}, "page_size must not be negative"),
        ({"pageToken": "AAAA"}, "invalid page token"),
        ({"pageToken": "é"}, "invalid page token"),
        ({"orderBy": "nothing"}, "invalid order_by 'nothing'"),
        ({"orderBy": "name up"}, "invalid order_by 'name up'"),
        ({"readMask": "nothing"}, "invalid read_mask path 'nothing'"),
        (
            {"filter": "epochs > 3"},
            "the sandbox cannot filter by 'epochs > 3': it knows field = value and AND",
        ),
    ],
)
def test_a_question_that_makes_no_sense(bench: Api, query: dict[str, Any], message: str) -> None:
    reply = fireworks(bench, "GET", SUPERVISED, params=query)
    assert refusal(reply) == (400, 3, message)


def test_datasets_and_models_are_listed_too(bench: Api) -> None:
    datasets = good(fireworks(bench, "GET", "datasets"))["datasets"]
    assert [item["name"] for item in datasets] == [f"{ACCOUNT}/datasets/train"]
    models = good(fireworks(bench, "GET", "models", params={"orderBy": "createTime"}))["models"]
    assert [item["name"].rpartition("/")[2] for item in models] == ["delta", "alpha"]


def test_every_operation_of_the_list_can_be_hit(start: Start) -> None:
    api = start("fireworks.any=500")
    jobs = f"{ACCOUNT}/{SUPERVISED}"
    datasets = f"{ACCOUNT}/datasets"
    calls = {
        "create": ("POST", f"v1/{jobs}"),
        "list": ("GET", f"v1/{jobs}"),
        "get": ("GET", f"v1/{jobs}/j"),
        "cancel": ("POST", f"v1/{jobs}/j:cancel"),
        "resume": ("POST", f"v1/{jobs}/j:resume"),
        "delete": ("DELETE", f"v1/{jobs}/j"),
        "metrics": ("GET", f"v1/{jobs}/j:getMetricsFileEndpoint"),
        "create-file": ("POST", f"v1/{datasets}"),
        "upload": ("POST", f"v1/{datasets}/d:upload"),
        "upload-start": ("POST", f"v1/{datasets}/d:getUploadEndpoint"),
        "upload-part": ("PUT", "fireworks-signed/datasets/d/a.jsonl"),
        "upload-complete": ("POST", f"v1/{datasets}/d:validateUpload"),
        "files": ("GET", f"v1/{datasets}"),
        "file": ("GET", f"v1/{datasets}/d"),
        "content": ("GET", f"fireworks-signed/{SUPERVISED}/j/metrics.jsonl"),
        "delete-file": ("DELETE", f"v1/{datasets}/d"),
        "models": ("GET", f"v1/{ACCOUNT}/models"),
        "model": ("GET", f"v1/{ACCOUNT}/models/m"),
        "delete-model": ("DELETE", f"v1/{ACCOUNT}/models/m"),
        "accounts": ("GET", "v1/accounts"),
        "account": ("GET", f"v1/{ACCOUNT}"),
    }
    for method, path in calls.values():
        keyless = path.startswith("fireworks-signed")
        request = httpx.request if keyless else api.http.request
        assert request(method, f"{api.url}/{path}").status_code == 500
    operations = [line["operation"] for line in api.journal()]
    assert operations == [f"fireworks.{name}" for name in calls]
    assert tuple(calls) == OPERATIONS_OF["fireworks"]


@pytest.mark.parametrize(("effect", "created"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_create(start: Start, effect: str, created: int) -> None:
    api = start(f"create={effect},x1")
    upload(api, chats())
    with pytest.raises(httpx.TransportError):
        create(api)
    assert len(api.created_jobs()) == listed(api)[2] == created
    again = create(api)
    assert again.status_code == (409 if created else 200)
    assert len(api.created_jobs()) == listed(api)[2] == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", (400, 3, "The sandbox was told to answer with status 400.")),
        ("401", (401, 16, "missing or malformed authorization header")),
        ("403", (403, 7, "")),
        ("404", (404, 5, "resource not found")),
        ("409", (409, 6, "resource already exists")),
        ("409:ABORTED", (409, 10, "The sandbox was told to answer with status 409.")),
        ("412", (412, 9, "Account sandbox is suspended")),
        ("429", (429, 8, "quota exceeded, please try again later")),
        ("500", (500, 13, "internal error")),
        ("502", (502, 13, "internal error")),
        ("503", (503, 14, "the service is currently unavailable")),
        ("500:NONSENSE", (500, 2, "The sandbox was told to answer with status 500.")),
    ],
)
@pytest.mark.parametrize(("when", "created"), [("status", 0), ("status-after", 1)])
def test_a_refusal_has_the_gateways_form(
    start: Start, when: str, created: int, fault: str, error: tuple[int, int, str]
) -> None:
    api = start(f"fireworks.create={when}:{fault},x1")
    upload(api, chats())
    assert refusal(create(api)) == error
    assert len(api.created_jobs()) == listed(api)[2] == created


def test_the_storage_refuses_in_its_own_form(start: Start) -> None:
    api = start(
        *("fireworks.upload-part=503,x1", "fireworks.upload-part=403,x1"),
        *("fireworks.upload-part=400:RequestTimeout,x1",),
    )
    seen = []
    for _ in range(3):
        reply = httpx.put(f"{api.url}/fireworks-signed/datasets/d/a.jsonl", trust_env=False)
        seen.append((reply.status_code, ET.fromstring(reply.text).findtext("Code")))
    assert seen == [(503, "ServiceUnavailable"), (403, "AccessDenied"), (400, "RequestTimeout")]


def test_a_created_job_is_missing_from_lists_for_a_while(start: Start, clock: Clock) -> None:
    api = start("list-lag:30")
    upload(api, chats())
    create(api)
    assert job(api)["name"].endswith("job-1")
    assert listed(api)[0] == []
    clock.advance(31)
    assert listed(api)[0] == ["job-1"]


def test_a_list_can_promise_more_for_ever(start: Start) -> None:
    api = start("has-more-forever")
    assert listed(api) == ([], "", 0)
    upload(api, chats())
    for name in ("a", "b", "c"):
        create(api, name)
    first, token, _ = listed(api, pageSize=2)
    last, end, _ = listed(api, pageSize=2, pageToken=token)
    again, same, _ = listed(api, pageSize=2, pageToken=end)
    assert (first, last, again) == (["a", "b"], ["c"], ["b", "c"])
    assert same == end
