"""Fireworks' datasets: announced, uploaded in one request or through signed addresses, ready."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from reconciler.sandbox.fireworks.datasets import UPLOAD_LIMIT
from tests.sandbox.gateway import (
    ACCOUNT,
    announce,
    chats,
    create,
    fireworks,
    good,
    refusal,
    send,
    upload,
)
from tests.sandbox.workbench import Api, Clock, jsonl

Start = Callable[..., Api]
CONTENT = jsonl(chats())
SIZE = len(CONTENT)
SENDING = {
    "content-type": "application/octet-stream",
    "x-goog-content-length-range": f"{SIZE},{SIZE}",
}
OK = {"code": "OK", "message": ""}


def test_a_dataset_that_was_announced(api: Api) -> None:
    announced = announce(api, "train", displayName="Chats", format="CHAT")
    assert announced == {
        "name": f"{ACCOUNT}/datasets/train",
        "displayName": "Chats",
        "createTime": "2026-09-21T14:13:20.250000Z",
        "updateTime": "2026-09-21T14:13:20.250000Z",
        "createdBy": "sandbox@example.com",
        "state": "UPLOADING",
        "status": OK,
        "exampleCount": "12",
        "estimatedTokenCount": "0",
        "averageTurnCount": 0,
        "format": "CHAT",
        "userUploaded": {},
        "externalUrl": "",
        "sourceJobName": "",
        "encryptionState": "ENCRYPTION_STATE_PLAINTEXT",
    }
    assert good(fireworks(api, "GET", "datasets/train")) == announced


def test_a_file_in_one_request(api: Api, clock: Clock) -> None:
    announce(api, "train")
    assert good(send(api, "train", CONTENT, filename="chats.jsonl")) == {
        "id": f"{ACCOUNT}/datasets/train",
        "object": "file",
        "bytes": SIZE,
        "created_at": int(clock.now),
        "filename": "chats.jsonl",
        "purpose": "dataset",
    }
    assert good(fireworks(api, "GET", "datasets/train"))["state"] == "UPLOADING"
    clock.advance(1)
    ready = good(fireworks(api, "GET", "datasets/train"))
    assert (ready["state"], ready["status"]) == ("READY", OK)
    tokens = sum(len(line) // 4 for line in CONTENT.splitlines(keepends=True))
    assert (ready["averageTurnCount"], ready["estimatedTokenCount"]) == (2.0, str(tokens))


def test_the_number_of_examples_is_not_checked_as_was_seen(api: Api, clock: Clock) -> None:
    announce(api, "train", exampleCount="1")
    send(api, "train", CONTENT)
    clock.advance(1)
    shown = good(fireworks(api, "GET", "datasets/train"))
    assert (shown["state"], shown["exampleCount"]) == ("READY", "1")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"dataset": {}}, 'invalid dataset id ""'),
        ({"datasetId": "Upper", "dataset": {}}, 'invalid dataset id "Upper"'),
        (
            {"datasetId": "a", "dataset": {"exampleCount": "1"}},
            "dataset.user_uploaded is required: the sandbox has no other datasets",
        ),
        (
            {"datasetId": "a", "dataset": {"userUploaded": {}}},
            "example_count is required for uploaded datasets",
        ),
        (
            {"datasetId": "a", "dataset": {"userUploaded": {}, "exampleCount": "-1"}},
            "invalid value for int64 field dataset.exampleCount: '-1'",
        ),
        (
            {"datasetId": "a", "dataset": {"format": "CSV"}},
            "invalid value for enum field dataset.format: 'CSV'",
        ),
        ({"dataset": {"state": "READY"}}, 'unknown field "dataset.state"'),
        ({"name": "a"}, 'unknown field "name"'),
    ],
)
def test_what_cannot_be_announced(shared: Api, body: Any, message: str) -> None:
    assert refusal(fireworks(shared, "POST", "datasets", body)) == (400, 3, message)


def test_an_id_is_given_once(api: Api) -> None:
    announce(api, "train")
    body = {"datasetId": "train", "dataset": {"userUploaded": {}, "exampleCount": "1"}}
    taken = fireworks(api, "POST", "datasets", body)
    assert refusal(taken) == (409, 6, "resource already exists")
    assert good(fireworks(api, "DELETE", "datasets/train")) == {}
    assert refusal(fireworks(api, "DELETE", "datasets/train"))[:2] == (404, 5)
    announce(api, "train")


def test_a_dataset_never_changes(api: Api) -> None:
    upload(api, chats())
    immutable = (400, 9, "dataset has been uploaded and is immutable")
    body = {"filenameToSize": {"a.jsonl": "1"}}
    assert refusal(send(api, "train", b"{}\n")) == immutable
    assert refusal(fireworks(api, "POST", "datasets/train:getUploadEndpoint", body)) == immutable
    assert refusal(fireworks(api, "POST", "datasets/train:validateUpload", {})) == immutable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json\n", "Dataset has a syntax error: invalid JSON on data.jsonl:1"),
        (b"{}\n\n", "Dataset has a syntax error: invalid JSON on data.jsonl:2"),
        (b"{}\n[]\n", "Dataset has a syntax error: data.jsonl:2 is not a JSON object"),
        (b"\xff\n", "Dataset has a syntax error: invalid JSON on data.jsonl:1"),
    ],
)
def test_what_is_no_dataset_fails(api: Api, clock: Clock, content: bytes, message: str) -> None:
    announce(api, "train")
    good(send(api, "train", content))
    clock.advance(1)
    failed = good(fireworks(api, "GET", "datasets/train"))
    assert failed["state"] == "FAILED"
    assert failed["status"] == {"code": "INVALID_ARGUMENT", "message": message}
    refused = create(api)
    assert refusal(refused) == (400, 9, f"dataset {ACCOUNT}/datasets/train is not ready: FAILED")


def test_a_file_that_is_empty_or_missing(api: Api) -> None:
    announce(api, "train")
    assert refusal(send(api, "train", b"")) == (400, 3, "data.jsonl is empty")
    no_file = fireworks(api, "POST", "datasets/train:upload", data={"file": "text"})
    message = "the form must have a file in its field 'file'"
    assert refusal(no_file) == (400, 3, message)
    garbled = fireworks(
        api,
        "POST",
        "datasets/train:upload",
        content=b"no form",
        headers={"content-type": "multipart/form-data"},
    )
    assert refusal(garbled)[:2] == (400, 3)
    assert refusal(send(api, "none", CONTENT)) == (404, 5, "resource not found")


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(api: Api) -> None:
    announce(api, "train")
    head = (
        f"POST /v1/{ACCOUNT}/datasets/train:upload HTTP/1.1\r\nhost: sandbox\r\n"
        "authorization: Bearer k\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        f"content-length: {UPLOAD_LIMIT + 1_000_000}\r\n\r\n"
    )
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        reply = b""
        while not reply.endswith(b"}"):
            reply += connection.recv(65_536)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b"use :getUploadEndpoint" in reply


def endpoints(api: Api, **sizes: int | str) -> dict[str, str]:
    """Signed addresses for files; `a_jsonl=5` is five bytes of a.jsonl."""
    named = {name.replace("_", "."): str(size) for name, size in sizes.items()}
    reply = fireworks(api, "POST", "datasets/train:getUploadEndpoint", {"filenameToSize": named})
    addresses: dict[str, str] = good(reply)["filenameToSignedUrls"]
    return addresses


def put(address: str, content: bytes, **headers: str | None) -> httpx.Response:
    """Put a file at a signed address; None takes one of the usual headers away."""
    named = SENDING | {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in named.items() if value is not None}
    return httpx.put(address, content=content, headers=sent, trust_env=False)


def storage_error(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a reply that must be the storage's error."""
    root = ET.fromstring(reply.text)
    assert (root.tag, bool(root.findtext("Message"))) == ("Error", True)
    return reply.status_code, root.findtext("Code", "")


@pytest.fixture
def address(api: Api) -> str:
    """A signed address for a dozen chats."""
    announce(api, "train")
    return endpoints(api, data_jsonl=SIZE)["data.jsonl"]


def test_files_through_signed_addresses(api: Api, clock: Clock) -> None:
    announce(api, "train")
    parts = jsonl(chats(4)), jsonl(chats(8))
    addresses = endpoints(api, a_jsonl=len(parts[0]), b_jsonl=len(parts[1]))
    assert list(addresses) == ["a.jsonl", "b.jsonl"]
    for address, content in zip(addresses.values(), parts, strict=True):
        length = f"{len(content)},{len(content)}"
        assert put(address, content, x_goog_content_length_range=length).status_code == 200
    assert good(fireworks(api, "GET", "datasets/train"))["state"] == "UPLOADING"
    assert good(fireworks(api, "POST", "datasets/train:validateUpload", {})) == {}
    clock.advance(1)
    assert good(fireworks(api, "GET", "datasets/train"))["state"] == "READY"
    assert create(api).status_code == 200


def test_an_address_looks_like_that_of_a_storage(address: str) -> None:
    url = httpx.URL(address)
    assert url.path == "/fireworks-signed/datasets/train/data.jsonl"
    assert set(url.params) == {
        *("X-Goog-Algorithm", "X-Goog-Expires", "X-Goog-SignedHeaders", "X-Goog-Signature")
    }
    assert url.params["X-Goog-Expires"] == "3600"


@pytest.mark.parametrize(
    ("headers", "content", "error"),
    [
        ({"authorization": "Bearer test"}, CONTENT, (400, "InvalidArgument")),
        ({"content_type": "text/plain"}, CONTENT, (403, "SignatureDoesNotMatch")),
        ({"content_type": None}, CONTENT, (403, "SignatureDoesNotMatch")),
        (
            {"x_goog_content_length_range": None},
            CONTENT,
            (403, "SignatureDoesNotMatch"),
        ),
        (
            {"x_goog_content_length_range": f"0,{SIZE}"},
            CONTENT,
            (403, "SignatureDoesNotMatch"),
        ),
        ({}, CONTENT[:-1], (400, "EntityTooSmall")),
        ({}, CONTENT + b"x", (400, "EntityTooLarge")),
        ({}, b"", (400, "EntityTooSmall")),
    ],
    ids=[
        *("a key", "another type", "no type", "no length", "another length"),
        *("too short", "too long", "empty"),
    ],
)
def test_what_a_signed_address_refuses(
    api: Api, address: str, headers: dict[str, Any], content: bytes, error: tuple[int, str]
) -> None:
    assert storage_error(put(address, content, **headers)) == error
    incomplete = fireworks(api, "POST", "datasets/train:validateUpload", {})
    assert refusal(incomplete) == (400, 9, "file data.jsonl has not been uploaded")
    assert put(address, CONTENT).status_code == 200


def test_an_address_that_was_tampered_with(address: str) -> None:
    last = "0" if address[-1] != "0" else "1"
    for wrong in (
        address[:-1] + last,
        address.partition("?")[0],
        address.replace("data.jsonl", "other.jsonl"),
        address.replace("/train/", "/none/"),
    ):
        assert storage_error(put(wrong, CONTENT)) == (403, "SignatureDoesNotMatch")


def test_an_address_lasts_an_hour(address: str, clock: Clock) -> None:
    clock.advance(3_599)
    assert put(address, CONTENT).status_code == 200
    clock.advance(1)
    assert storage_error(put(address, CONTENT)) == (400, "ExpiredToken")


def test_new_addresses_take_the_place_of_all_the_old(api: Api, address: str) -> None:
    assert put(address, CONTENT).status_code == 200
    endpoints(api, other_jsonl=5)
    assert storage_error(put(address, CONTENT)) == (403, "SignatureDoesNotMatch")
    incomplete = fireworks(api, "POST", "datasets/train:validateUpload", {})
    assert refusal(incomplete) == (400, 9, "file other.jsonl has not been uploaded")


def test_an_address_is_good_for_nothing_once_the_dataset_is_complete(
    api: Api, address: str
) -> None:
    put(address, CONTENT)
    good(fireworks(api, "POST", "datasets/train:validateUpload", {}))
    assert storage_error(put(address, CONTENT)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "filename_to_size is required"),
        ({"filenameToSize": {}}, "filename_to_size is required"),
        ({"filenameToSize": []}, "invalid value for filenameToSize: expected an object"),
        (
            {"filenameToSize": {"a.csv": "1"}},
            'invalid file name "a.csv": expected the plain name of a .jsonl file',
        ),
        (
            {"filenameToSize": {"../a.jsonl": "1"}},
            'invalid file name "../a.jsonl": expected the plain name of a .jsonl file',
        ),
        (
            {"filenameToSize": {"a.jsonl": "x"}},
            "invalid value for int64 field filenameToSize.a.jsonl: 'x'",
        ),
        ({"filename_to_size": {}}, 'unknown field "filename_to_size"'),
    ],
)
def test_an_endpoint_that_cannot_be_had(api: Api, body: Any, message: str) -> None:
    announce(api, "train")
    reply = fireworks(api, "POST", "datasets/train:getUploadEndpoint", body)
    assert refusal(reply) == (400, 3, message)


def test_what_cannot_be_validated(api: Api) -> None:
    path = "datasets/train:validateUpload"
    assert refusal(fireworks(api, "POST", path, {})) == (404, 5, "resource not found")
    announce(api, "train")
    nothing = (400, 9, "no files have been registered for upload")
    assert refusal(fireworks(api, "POST", path, {})) == nothing
    address = endpoints(api, a_jsonl=0)["a.jsonl"]
    put(address, b"", x_goog_content_length_range="0,0")
    assert refusal(fireworks(api, "POST", path, {})) == (400, 3, "a.jsonl is empty")


def test_the_storage_answers_signed_addresses_only(api: Api) -> None:
    for path in ("", "/datasets/train/a.jsonl", "/supervisedFineTuningJobs/job-1/metrics.jsonl"):
        reply = httpx.get(f"{api.url}/fireworks-signed{path}", trust_env=False)
        assert storage_error(reply)[0] in (403, 404)


def test_the_address_of_metrics_lasts_ten_minutes(api: Api, clock: Clock) -> None:
    upload(api, chats())
    created = good(create(api))
    assert created["metricsFileSignedUrl"] == ""
    clock.advance(60)
    shown = good(fireworks(api, "GET", "supervisedFineTuningJobs/job-1"))
    address = shown["metricsFileSignedUrl"]
    assert httpx.get(address, trust_env=False).status_code == 200
    later = address.replace("Expires-At=1", "Expires-At=2")
    assert storage_error(httpx.get(later, trust_env=False)) == (403, "SignatureDoesNotMatch")
    keyed = httpx.get(address, headers={"authorization": "Bearer k"}, trust_env=False)
    assert storage_error(keyed) == (400, "InvalidArgument")
    clock.advance(600)
    assert storage_error(httpx.get(address, trust_env=False)) == (400, "ExpiredToken")


def test_datasets_outlive_the_server(start: Start) -> None:
    upload(start(), chats())
    again = start()
    assert good(fireworks(again, "GET", "datasets/train"))["state"] == "READY"
    assert create(again).status_code == 200
