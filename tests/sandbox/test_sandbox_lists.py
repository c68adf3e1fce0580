"""Pages and filters of OpenAI's lists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.workbench import Api, Clock, refusal


@pytest.fixture
def jobs(api: Api) -> list[str]:
    """Five jobs, newest first: two of team a, one of team b, one with empty and one without any."""
    carried = [{"team": "a", "env": "x"}, {"team": "a"}, {"team": "b"}, {}, None]
    created = [api.create(metadata=metadata)["id"] for metadata in carried]
    return list(reversed(created))


def pages(api: Api, path: str, limit: int) -> Iterator[list[str]]:
    """The ids of every page, as a client walks them."""
    separator = "&" if "?" in path else "?"
    after = ""
    while True:
        page = api.get(f"{path}{separator}limit={limit}{after}")
        ids = [item["id"] for item in page["data"]]
        yield ids
        if not page["has_more"]:
            return
        after = f"&after={ids[-1]}"


def test_jobs_come_newest_first_although_the_clock_stands_still(api: Api, jobs: list[str]) -> None:
    assert [job["id"] for job in api.get("/fine_tuning/jobs")["data"]] == jobs


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_every_job_is_on_one_page(api: Api, jobs: list[str], limit: int) -> None:
    walked = list(pages(api, "/fine_tuning/jobs", limit))
    assert [job for page in walked for job in page] == jobs
    assert all(len(page) <= limit for page in walked)


def test_a_page_holds_twenty_jobs_unless_asked_otherwise_and_a_hundred_at_most(api: Api) -> None:
    training_file = api.create()["training_file"]
    body = {"model": "gpt-4.1", "training_file": training_file}
    for _ in range(100):
        api.post("/fine_tuning/jobs", body)
    for query, size in (("", 20), ("?limit=1000", 100)):
        page = api.get(f"/fine_tuning/jobs{query}")
        assert (len(page["data"]), page["has_more"], page["object"]) == (size, True, "list")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata[team]=a", [3, 4]),
        ("metadata%5Bteam%5D=a&metadata[env]=x", [4]),
        ("metadata[team]=b", [2]),
        ("metadata[team]=c", []),
        ("metadata[other]=a", []),
        ("metadata[team]=", []),
        ("metadata=null", [0]),
    ],
)
def test_the_metadata_filter(api: Api, jobs: list[str], query: str, found: list[int]) -> None:
    listed = api.get(f"/fine_tuning/jobs?{query}")["data"]
    assert [job["id"] for job in listed] == [jobs[index] for index in found]


def test_a_filtered_list_has_pages_too(api: Api, jobs: list[str]) -> None:
    walked = list(pages(api, "/fine_tuning/jobs?metadata[team]=a", 1))
    assert walked == [[jobs[3]], [jobs[4]]]


@pytest.mark.parametrize("query", ["metadata=a", "metadata=null&metadata[team]=a"])
def test_a_filter_that_means_nothing_is_refused(api: Api, query: str) -> None:
    reply = api.request("GET", f"/fine_tuning/jobs?{query}")
    assert refusal(reply) == (400, "invalid_value", "metadata")


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "integer_below_min_value", "limit"),
        ("limit=-1", "invalid_type", "limit"),
        ("limit=many", "invalid_type", "limit"),
        ("after=ftjob-nothing", None, "after"),
    ],
)
def test_a_page_that_cannot_be_is_refused(api: Api, query: str, code: str, param: str) -> None:
    for path in ("/fine_tuning/jobs", "/files"):
        assert refusal(api.request("GET", f"{path}?{query}")) == (400, code, param)


def test_events_and_checkpoints_have_pages(api: Api, clock: Clock) -> None:
    job_id = api.create(hyperparameters={"n_epochs": 4, "batch_size": 12})["id"]
    clock.advance(60)
    path = f"/fine_tuning/jobs/{job_id}"
    events = api.get(f"{path}/events?limit=100")
    assert (events["has_more"], len(events["data"])) == (False, 12)
    walked = [event for page in pages(api, f"{path}/events", 5) for event in page]
    assert walked == [event["id"] for event in events["data"]]
    assert list(map(len, pages(api, f"{path}/checkpoints", 2))) == [2, 1]
