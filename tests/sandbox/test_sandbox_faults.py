"""What goes wrong on purpose: how it is written, and what it looks like on the wire."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ConfigError
from reconciler.sandbox.faults import (
    OPERATIONS,
    OPERATIONS_OF,
    Effect,
    Fault,
    FaultScript,
    parse,
)
from tests.sandbox.workbench import MODEL, Api, Clock, chat_file, refusal, wait_until

Start = Callable[..., Api]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("create=drop-after", Fault(effect=Effect.DROP_AFTER, operation="create")),
        ("get=drop-before,x2", Fault(effect=Effect.DROP_BEFORE, operation="get", times=2)),
        ("any=hang-before:5", Fault(effect=Effect.HANG_BEFORE, seconds=5)),
        ("list=hang-after:0.5", Fault(effect=Effect.HANG_AFTER, operation="list", seconds=0.5)),
        ("upload=503,x3", Fault(effect=Effect.STATUS, operation="upload", status=503, times=3)),
        ("upload=status:503", Fault(effect=Effect.STATUS, operation="upload", status=503)),
        (
            "create=429:daily_rate_limit_exceeded",
            Fault(
                effect=Effect.STATUS,
                operation="create",
                status=429,
                code="daily_rate_limit_exceeded",
            ),
        ),
        (
            "create=status-after:503:slow_down",
            Fault(effect=Effect.STATUS_AFTER, operation="create", status=503, code="slow_down"),
        ),
        ("create=bad-json", Fault(effect=Effect.BAD_JSON, operation="create")),
        (
            "create=fail-job:server_error,x1",
            Fault(effect=Effect.FAIL_JOB, operation="create", code="server_error", times=1),
        ),
        ("create=pass,x2", Fault(effect=Effect.PASS, operation="create", times=2)),
        ("openai.create=500", Fault(effect=Effect.STATUS, operation="openai.create", status=500)),
        ("list-lag:30", Fault(effect=Effect.LIST_LAG, seconds=30)),
        ("no-metadata", Fault(effect=Effect.NO_METADATA)),
        ("has-more-forever", Fault(effect=Effect.HAS_MORE_FOREVER)),
    ],
)
def test_every_form_is_understood(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it does not have the form of a fault"),
        ("create", "'create' is no effect"),
        ("create=explode", "'explode' is no effect"),
        ("drop-after", "drop-after needs an operation"),
        ("train=drop-after", "'train' is no operation"),
        ("acme.create=drop-after", "'acme' is no provider of the sandbox"),
        ("bedrock.pause=drop-after", "bedrock has no operation 'pause'"),
        ("create=hang-before", "the seconds are missing"),
        ("create=hang-before:soon", "the seconds are missing"),
        ("create=hang-before:-1", "the seconds must be zero or more"),
        ("create=hang-before:nan", "the seconds must be zero or more"),
        ("create=200", "a refusal needs a status from 400 to 599"),
        ("create=status-after", "a refusal needs a status from 400 to 599"),
        ("create=drop-after:5", "'5' is one argument too many"),
        ("create=429:a:b", "'b' is one argument too many"),
        ("list=fail-job", "only a create can make a job that fails"),
        ("list=list-lag:3", "list-lag is meant for the whole server, not an operation"),
        ("no-metadata,x2", "no-metadata does not wear off"),
        ("create=drop-after,2", "it does not have the form of a fault"),
    ],
)
def test_what_is_no_fault_is_refused_with_the_forms_there_are(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert refused.value.message == f"cannot read the fault {text!r}: {why}"
    assert "drop-after" in refused.value.hint
    assert "has-more-forever" in refused.value.hint


@given(
    st.sampled_from(["any", "openai.any", *OPERATIONS]),
    st.sampled_from([None, 0, 1, 12]),
    st.sampled_from(
        [
            {"effect": Effect.DROP_BEFORE},
            {"effect": Effect.HANG_AFTER, "seconds": 0.25},
            {"effect": Effect.STATUS, "status": 429, "code": "slow_down"},
            {"effect": Effect.STATUS_AFTER, "status": 500},
        ]
    ),
)
def test_a_fault_reads_as_it_is_written(
    operation: str, times: int | None, effect: dict[str, Any]
) -> None:
    fault = Fault(operation=operation, times=times, **effect)
    assert parse(str(fault)) == fault


def test_faults_are_a_script_played_in_order() -> None:
    script = FaultScript(
        [parse("create=pass,x1"), parse("create=503,x2"), parse("any=drop-after,x1")]
    )
    taken = [script.take("openai", "create") for _ in range(5)]
    assert [fault and fault.effect for fault in taken] == [
        Effect.PASS,
        Effect.STATUS,
        Effect.STATUS,
        Effect.DROP_AFTER,
        None,
    ]


def test_a_fault_for_one_provider_spares_the_others() -> None:
    script = FaultScript([parse("openai.create=500")])
    assert script.take("fireworks", "create") is None
    assert script.take("openai", "list") is None
    assert script.take("openai", "create") is not None


def raw_create(api: Api, training_file: str) -> bytes:
    """Everything that comes back for a create, read from a bare socket until it is closed."""
    body = json.dumps({"model": MODEL, "training_file": training_file}).encode()
    head = (
        "POST /v1/fine_tuning/jobs HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer k\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    host, port = api.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        try:
            while block := connection.recv(65_536):
                received += block
        except ConnectionResetError:
            pass
    return received


@pytest.mark.parametrize(("effect", "created"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_connection_carries_not_one_byte(start: Start, effect: str, created: int) -> None:
    api = start(f"create={effect},x1")
    training_file = api.upload(chat_file())
    assert raw_create(api, training_file) == b""
    assert len(api.created_jobs()) == created
    assert len(api.get("/fine_tuning/jobs")["data"]) == created
    assert api.post("/fine_tuning/jobs", {"model": MODEL, "training_file": training_file})["id"]


@pytest.mark.parametrize("effect", ["drop-before", "drop-after"])
def test_a_client_sees_a_dropped_connection_as_an_error(start: Start, effect: str) -> None:
    api = start(f"get={effect},x1")
    job_id = api.create()["id"]
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.job(job_id)
    assert api.job(job_id)["id"] == job_id
    line = next(line for line in api.journal() if line["operation"] == "openai.get")
    assert (line["status"], line["fault"]) == (None, f"get={effect},x1")


def test_an_upload_cut_off_in_the_middle_of_its_body_leaves_no_file(start: Start) -> None:
    api = start("upload=drop-before,x1")
    with pytest.raises(httpx.TransportError):
        api.upload(b"x" * 5_000_000)
    assert api.get("/files")["data"] == []


def test_a_hanging_server_goes_on_when_the_client_has_given_up(start: Start) -> None:
    api = start("create=hang-before:0.3,x1")
    training_file = api.upload(chat_file())
    body = {"model": MODEL, "training_file": training_file}
    with pytest.raises(httpx.ReadTimeout):
        api.request("POST", "/fine_tuning/jobs", json=body, timeout=0.05)
    assert api.get("/fine_tuning/jobs")["data"] == []
    wait_until(lambda: bool(api.get("/fine_tuning/jobs")["data"]))


def test_a_late_reply_comes_after_its_effect(start: Start) -> None:
    api = start("create=hang-after:0.3,x1")
    training_file = api.upload(chat_file())
    body = {"model": MODEL, "training_file": training_file}
    with pytest.raises(httpx.ReadTimeout):
        api.request("POST", "/fine_tuning/jobs", json=body, timeout=0.2)
    assert len(api.get("/fine_tuning/jobs")["data"]) == len(api.created_jobs()) == 1


def test_the_reply_after_a_delay_is_the_usual_one(start: Start) -> None:
    api = start("any=hang-after:0.01", "any=hang-before:0.01")
    assert api.create()["status"] == "validating_files"


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"),
    [
        ("429", 429, "requests", "rate_limit_exceeded"),
        (
            "429:daily_rate_limit_exceeded",
            429,
            "invalid_request_error",
            "daily_rate_limit_exceeded",
        ),
        ("429:insufficient_quota", 429, "insufficient_quota", "insufficient_quota"),
        ("429:credit_balance_exhausted", 429, "insufficient_quota", "credit_balance_exhausted"),
        ("500", 500, "server_error", None),
        ("503", 503, "service_unavailable_error", "server_is_overloaded"),
        ("503:slow_down", 503, "service_unavailable_error", "slow_down"),
        ("401", 401, "invalid_request_error", "invalid_api_key"),
        ("403", 403, "request_forbidden", "unsupported_country_region_territory"),
        ("400:file_not_ready", 400, "invalid_request_error", None),
        ("418:teapot", 418, "invalid_request_error", "teapot"),
        ("502", 502, "server_error", None),
    ],
)
@pytest.mark.parametrize(("when", "created"), [("status", 0), ("status-after", 1)])
def test_a_refusal_has_openais_body(
    start: Start, when: str, created: int, fault: str, status: int, kind: str, code: str | None
) -> None:
    api = start(f"create={when}:{fault},x1")
    body = {"model": MODEL, "training_file": api.upload(chat_file())}
    reply = api.request("POST", "/fine_tuning/jobs", json=body)
    assert refusal(reply) == (status, code, None)
    assert reply.json()["error"]["type"] == kind
    assert len(api.created_jobs()) == len(api.get("/fine_tuning/jobs")["data"]) == created


def test_only_the_common_rate_limit_says_when_to_come_back(start: Start) -> None:
    api = start("list=429,x1", "list=429:daily_rate_limit_exceeded,x1")
    first, second = (api.request("GET", "/fine_tuning/jobs") for _ in range(2))
    assert (first.headers["retry-after"], "retry-after" in second.headers) == ("1", False)
    assert "maximum of 2 fine-tuning requests per day" in second.json()["error"]["message"]


def test_a_garbled_reply_hides_a_created_job(start: Start) -> None:
    api = start("create=bad-json,x1")
    body = {"model": MODEL, "training_file": api.upload(chat_file())}
    reply = api.request("POST", "/fine_tuning/jobs", json=body)
    assert reply.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert len(api.created_jobs()) == len(api.get("/fine_tuning/jobs")["data"]) == 1


def test_a_job_can_be_made_to_fail_midway(start: Start, clock: Clock) -> None:
    api = start("create=fail-job,x1")
    failing, sound = api.create()["id"], api.create()["id"]
    clock.advance(4)
    assert api.job(failing)["status"] == "running"
    clock.advance(60)
    job = api.job(failing)
    assert (job["status"], job["error"]["code"]) == ("failed", "server_error")
    assert any(message.startswith("Step ") for message in api.messages(failing))
    assert api.messages(failing)[-1] == job["error"]["message"]
    assert api.job(sound)["status"] == "succeeded"


def test_a_job_can_be_made_to_fail_moderation(start: Start, clock: Clock) -> None:
    job_id = start("create=fail-job:invalid_training_file").create()["id"]
    clock.advance(60)
    error = start().job(job_id)["error"]
    assert error["code"] == "invalid_training_file"
    assert "flagged by our moderation API" in error["message"]


def test_counts_belong_to_one_server(start: Start) -> None:
    left, right = start("list=500,x1"), start("list=500,x1")
    for api in (left, right):
        statuses = [api.request("GET", "/fine_tuning/jobs").status_code for _ in range(2)]
        assert statuses == [500, 200]


def test_every_operation_of_the_list_can_be_hit(start: Start) -> None:
    api = start("any=500")
    calls = {
        "create": ("POST", "/fine_tuning/jobs"),
        "list": ("GET", "/fine_tuning/jobs"),
        "get": ("GET", "/fine_tuning/jobs/j"),
        "cancel": ("POST", "/fine_tuning/jobs/j/cancel"),
        "pause": ("POST", "/fine_tuning/jobs/j/pause"),
        "resume": ("POST", "/fine_tuning/jobs/j/resume"),
        "events": ("GET", "/fine_tuning/jobs/j/events"),
        "checkpoints": ("GET", "/fine_tuning/jobs/j/checkpoints"),
        "upload": ("POST", "/files"),
        "upload-start": ("POST", "/uploads"),
        "upload-part": ("POST", "/uploads/u/parts"),
        "upload-complete": ("POST", "/uploads/u/complete"),
        "upload-cancel": ("POST", "/uploads/u/cancel"),
        "files": ("GET", "/files"),
        "file": ("GET", "/files/f"),
        "content": ("GET", "/files/f/content"),
        "delete-file": ("DELETE", "/files/f"),
        "models": ("GET", "/models"),
        "model": ("GET", "/models/m"),
        "delete-model": ("DELETE", "/models/m"),
    }
    assert {api.request(*call).status_code for call in calls.values()} == {500}
    assert [line["operation"] for line in api.journal()] == [f"openai.{name}" for name in calls]
    assert tuple(calls) == OPERATIONS_OF["openai"]


def test_a_created_job_is_missing_from_lists_for_a_while(start: Start, clock: Clock) -> None:
    api = start("list-lag:30")
    job_id = api.create(metadata={"k": "v"})["id"]
    assert api.job(job_id)["id"] == job_id
    clock.advance(29)
    assert api.get("/fine_tuning/jobs")["data"] == []
    assert api.get("/fine_tuning/jobs?metadata[k]=v")["data"] == []
    clock.advance(2)
    assert [job["id"] for job in api.get("/fine_tuning/jobs?metadata[k]=v")["data"]] == [job_id]


def test_a_server_without_metadata_drops_it_and_ignores_the_filter(start: Start) -> None:
    api = start("no-metadata")
    created = [api.create(metadata={"n": str(n)}) for n in range(2)]
    assert not any("metadata" in job for job in created)
    listed = api.get("/fine_tuning/jobs?metadata[n]=0")["data"]
    assert [job["id"] for job in listed] == [job["id"] for job in reversed(created)]
    assert [line["metadata"] for line in api.journal() if "job" in line] == [{"n": "0"}, {"n": "1"}]


def test_a_list_can_promise_more_for_ever(start: Start) -> None:
    api = start("has-more-forever")
    jobs = [api.create()["id"] for _ in range(3)]
    first = api.get("/fine_tuning/jobs?limit=2")
    last = api.get(f"/fine_tuning/jobs?limit=2&after={jobs[1]}")
    again = api.get(f"/fine_tuning/jobs?limit=2&after={jobs[0]}")
    assert [page["has_more"] for page in (first, last, again)] == [True, True, True]
    assert [job["id"] for job in last["data"]] == [jobs[0]]
    assert [job["id"] for job in again["data"]] == [jobs[1], jobs[0]]
