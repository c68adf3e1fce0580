"""Files, and uploads in parts."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.sandbox.openai import files, uploads
from tests.sandbox.workbench import HEADERS, Api, Clock, chat_file, refusal, wait_until

DAY = 24 * 3600


def send(api: Api, content: bytes = b"{}\n", name: str = "a.jsonl", **form: Any) -> Any:
    data = {"purpose": "fine-tune"} | form
    return api.request("POST", "/files", data=data, files={"file": (name, content)})


def test_a_file_comes_back_as_it_was_sent(api: Api, clock: Clock) -> None:
    content = chat_file(500) * 30  # more than is kept in memory on the way
    file = send(api, content, name="träining.jsonl").json()
    assert file.pop("id").startswith("file-")
    assert file == {
        "object": "file",
        "bytes": len(content),
        "created_at": int(clock.now),
        "filename": "träining.jsonl",
        "purpose": "fine-tune",
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    listed = api.get("/files")
    assert (listed["has_more"], listed["first_id"], len(listed["data"])) == (
        False,
        listed["data"][0]["id"],
        1,
    )
    file_id = listed["last_id"]
    assert api.get(f"/files/{file_id}") == {"id": file_id, **file}
    assert api.request("GET", f"/files/{file_id}/content").content == content


def test_a_deleted_file_is_gone_with_its_bytes(api: Api) -> None:
    file_id = api.upload(b"{}\n")
    reply = api.request("DELETE", f"/files/{file_id}")
    assert reply.json() == {"object": "file", "id": file_id, "deleted": True}
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        gone = api.request(method, f"/files/{file_id}{path}")
        assert refusal(gone) == (404, None, "id")
        assert gone.json()["error"]["message"] == f"No such File object: {file_id}"
    assert not list((api.data_dir / "openai" / "files").glob(f"{file_id}*"))


def test_a_job_outlives_its_file(api: Api, clock: Clock) -> None:
    job = api.create()
    api.request("DELETE", f"/files/{job['training_file']}")
    clock.advance(60)
    assert api.job(job["id"])["status"] == "succeeded"


def test_lists_are_filtered_and_ordered(api: Api, clock: Clock) -> None:
    first = api.upload(b"{}\n")
    clock.advance(1)
    second = api.upload(b"{}\n", purpose="user_data")
    clock.advance(1)
    third = api.upload(b"{}\n")

    def listed(query: str) -> list[str]:
        return [file["id"] for file in api.get(f"/files?{query}")["data"]]

    assert listed("") == [third, second, first]
    assert listed("order=asc") == [first, second, third]
    assert listed("purpose=fine-tune") == [third, first]
    assert listed("purpose=batch") == []
    assert listed(f"limit=1&after={third}") == [second]


@pytest.mark.parametrize(("query", "param"), [("limit=10001", "limit"), ("order=newest", "order")])
def test_a_list_that_cannot_be_is_refused(api: Api, query: str, param: str) -> None:
    status, _, refused = refusal(api.request("GET", f"/files?{query}"))
    assert (status, refused) == (400, param)


def test_an_empty_list_has_no_first_and_no_last(api: Api) -> None:
    assert api.get("/files") == {
        "object": "list",
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"purpose": "training"}, "invalid_value", "purpose"),
        ({"content": b""}, None, "file"),
        ({"name": "a.csv"}, None, "file"),
        ({"name": "a.json", "purpose": "batch"}, None, "file"),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"},
            "integer_below_min_value",
            "expires_after.seconds",
        ),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592001"},
            "integer_above_max_value",
            "expires_after.seconds",
        ),
        (
            {"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
            "invalid_type",
            "expires_after.seconds",
        ),
        (
            {"expires_after[anchor]": "last_active_at", "expires_after[seconds]": "3600"},
            "invalid_value",
            "expires_after.anchor",
        ),
        (
            {"expires_after[seconds]": "3600"},
            "missing_required_parameter",
            "expires_after.anchor",
        ),
    ],
)
def test_a_bad_file_is_refused(
    shared: Api, change: dict[str, Any], code: str | None, param: str
) -> None:
    assert refusal(send(shared, **change)) == (400, code, param)


def test_a_form_without_its_fields_is_refused(shared: Api) -> None:
    for options, param in (
        ({"data": {"purpose": "fine-tune"}}, "file"),
        ({"files": {"file": ("a.jsonl", b"{}")}}, "purpose"),
        ({"json": {}}, "purpose"),
    ):
        reply = shared.request("POST", "/files", **options)
        assert refusal(reply) == (400, "missing_required_parameter", param)
    text = shared.request("POST", "/files", data={"purpose": "fine-tune", "file": "text"})
    assert refusal(text) == (400, "invalid_type", "file")


def test_a_form_nobody_can_read_is_refused(shared: Api) -> None:
    headers = {"content-type": "multipart/form-data"}
    reply = shared.request("POST", "/files", content=b"x", headers=headers)
    assert refusal(reply) == (400, None, None)


def test_a_file_expires(api: Api, clock: Clock) -> None:
    form = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = send(api, chat_file(), **form).json()
    assert file["expires_at"] == file["created_at"] + 3600
    clock.advance(3600)
    assert api.request("GET", f"/files/{file['id']}").status_code == 404
    assert api.get("/files")["data"] == []
    body = {"model": "gpt-4.1", "training_file": file["id"]}
    reply = api.request("POST", "/fine_tuning/jobs", json=body)
    assert refusal(reply) == (400, None, "training_file")


def test_a_batch_file_expires_by_itself(api: Api) -> None:
    file = send(api, purpose="batch").json()
    assert file["expires_at"] == file["created_at"] + 30 * DAY


def test_a_file_announced_too_large_is_refused_unread(api: Api) -> None:
    host, port = api.url.removeprefix("http://").split(":")
    lines = [
        "POST /v1/files HTTP/1.1",
        f"host: {host}",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        "content-type: multipart/form-data; boundary=b",
        f"content-length: {files.FILE_LIMIT * 2}",
        "",
        "",
    ]
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_file_that_grows_too_large_is_refused_on_the_way(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILE_LIMIT", 100_000)

    def body() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    reply = api.request("POST", "/files", content=body(), headers=headers)
    assert refusal(reply) == (413, None, None)
    assert list((api.data_dir / "openai" / "files").iterdir()) == []


def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        raise KeyboardInterrupt

    headers = {"content-type": "multipart/form-data; boundary=b"}
    with pytest.raises(KeyboardInterrupt):
        api.request("POST", "/files", content=body(), headers=headers)
    wait_until(lambda: len(api.journal()) == 1)
    assert api.journal()[0]["status"] is None
    assert api.get("/files")["data"] == []
    assert caplog.records == []


def test_a_file_just_too_large_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_LIMIT", 1_000)
    assert send(api, b"x" * 1_000).status_code == 200
    assert refusal(send(api, b"x" * 1_001)) == (413, None, None)


def start_upload(api: Api, content: bytes, **change: Any) -> Any:
    body = {
        "filename": "big.jsonl",
        "purpose": "fine-tune",
        "bytes": len(content),
        "mime_type": "application/jsonl",
    }
    return api.post("/uploads", body | change)


def send_part(api: Api, upload: str, content: bytes) -> Any:
    return api.request("POST", f"/uploads/{upload}/parts", files={"data": ("part", content)})


def test_an_upload_becomes_a_file_of_its_parts_in_the_order_named(api: Api, clock: Clock) -> None:
    content = chat_file(20)
    halves = content[:300], content[300:]
    upload = start_upload(api, content)
    assert (upload["object"], upload["status"], upload["file"]) == ("upload", "pending", None)
    assert upload["expires_at"] == upload["created_at"] + 3600
    second, first = (send_part(api, upload["id"], half).json() for half in reversed(halves))
    assert (first["object"], first["upload_id"]) == ("upload.part", upload["id"])
    md5 = hashlib.md5(content).hexdigest()
    body = {"part_ids": [first["id"], second["id"]], "md5": md5}
    done = api.post(f"/uploads/{upload['id']}/complete", body)
    assert done["status"] == "completed"
    assert api.get(f"/files/{done['file']['id']}") == done["file"]
    assert api.request("GET", f"/files/{done['file']['id']}/content").content == content
    job = {"model": "gpt-4.1", "training_file": done["file"]["id"]}
    job_id = api.post("/fine_tuning/jobs", job)["id"]
    clock.advance(60)
    assert api.job(job_id)["status"] == "succeeded"
    again = api.request("POST", f"/uploads/{upload['id']}/complete", json=body)
    assert refusal(again) == (400, "upload_completed", None)
    assert len(api.get("/files?purpose=fine-tune")["data"]) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"md5": "0" * 32}, "md5"),
        ({"part_ids": ["part_nothing"]}, "part_ids"),
        ({"part_ids": []}, "part_ids"),
        ({"part_ids": None}, "part_ids"),
        ({"part_ids": "part"}, "part_ids"),
        ({"sha256": "x"}, "sha256"),
    ],
    ids=str,
)
def test_an_upload_that_is_not_what_was_announced_makes_no_file(
    shared: Api, change: dict[str, Any], param: str
) -> None:
    before = shared.get("/files")["data"]
    upload = start_upload(shared, b"{}\n")["id"]
    part = send_part(shared, upload, b"{}\n").json()["id"]
    body = {"part_ids": [part]} | change
    status, _, refused = refusal(shared.request("POST", f"/uploads/{upload}/complete", json=body))
    assert (status, refused) == (400, param)
    assert shared.get("/files")["data"] == before
    assert shared.post(f"/uploads/{upload}/complete", {"part_ids": [part]})["file"]


def test_a_cancelled_upload_takes_no_more(api: Api) -> None:
    upload = start_upload(api, b"{}\n")["id"]
    part = send_part(api, upload, b"{}\n").json()["id"]
    assert api.post(f"/uploads/{upload}/cancel")["status"] == "cancelled"
    assert refusal(send_part(api, upload, b"x")) == (400, "upload_cancelled", None)
    body = {"part_ids": [part]}
    reply = api.request("POST", f"/uploads/{upload}/complete", json=body)
    assert refusal(reply) == (400, "upload_cancelled", None)
    reply = api.request("POST", f"/uploads/{upload}/cancel")
    assert refusal(reply) == (400, "upload_cancelled", None)


def test_an_upload_expires_after_an_hour(api: Api, clock: Clock) -> None:
    upload = start_upload(api, b"{}\n")["id"]
    clock.advance(3600)
    assert refusal(send_part(api, upload, b"{}\n")) == (400, "upload_expired", None)


def test_a_part_that_no_completion_names_is_no_trouble(api: Api) -> None:
    upload = start_upload(api, b"{}\n")["id"]
    first, again = (send_part(api, upload, b"{}\n").json()["id"] for _ in range(2))
    assert first != again
    done = api.post(f"/uploads/{upload}/complete", {"part_ids": [again]})
    content = api.request("GET", f"/files/{done['file']['id']}/content").content
    assert content == b"{}\n"


def test_parts_may_not_hold_more_than_an_upload_takes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "UPLOAD_LIMIT", 5)
    upload = start_upload(api, b"{}\n")["id"]
    assert send_part(api, upload, b"{}\n").status_code == 200
    assert refusal(send_part(api, upload, b"{}\n")) == (400, "upload_too_large", None)


def test_a_part_is_named_once_and_has_bytes(api: Api) -> None:
    upload = start_upload(api, b"{}{}")["id"]
    assert refusal(send_part(api, upload, b"")) == (400, None, "data")
    part = send_part(api, upload, b"{}").json()["id"]
    reply = api.request("POST", f"/uploads/{upload}/complete", json={"part_ids": [part, part]})
    assert refusal(reply) == (400, None, "part_ids")


def test_the_log_has_every_part(api: Api) -> None:
    upload = start_upload(api, b"{}\n")["id"]
    part = send_part(api, upload, b"{}\n").json()["id"]
    line = api.journal()[-1]
    assert (line["operation"], line["upload"], line["part"]) == ("openai.upload-part", upload, part)
    assert (line["bytes"], line["sha256"]) == (3, hashlib.sha256(b"{}\n").hexdigest())


def test_a_part_too_large_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_LIMIT", 1_000)
    upload = start_upload(api, b"x" * 5_000)["id"]
    assert send_part(api, upload, b"x" * 1_000).status_code == 200
    assert refusal(send_part(api, upload, b"x" * 1_001)) == (413, None, None)


@pytest.mark.parametrize("action", ["complete", "cancel"])
def test_an_unknown_upload_is_not_found(shared: Api, action: str) -> None:
    reply = shared.request("POST", f"/uploads/upload_no/{action}", json={"part_ids": ["p"]})
    assert refusal(reply) == (404, None, "id")
    assert refusal(send_part(shared, "upload_no", b"x")) == (404, None, "id")


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"filename": None}, "missing_required_parameter", "filename"),
        ({"purpose": "x"}, "invalid_value", "purpose"),
        ({"bytes": 0}, "integer_below_min_value", "bytes"),
        ({"bytes": 8 * 1024**3 + 1}, "integer_above_max_value", "bytes"),
        ({"mime_type": None}, "missing_required_parameter", "mime_type"),
        ({"sha256": "x"}, "unknown_parameter", "sha256"),
        ({"filename": "a.csv"}, None, "file"),
        (
            {"expires_after": {"anchor": "created_at", "seconds": 1}},
            "integer_below_min_value",
            "expires_after.seconds",
        ),
    ],
    ids=str,
)
def test_a_bad_upload_is_refused(
    shared: Api, change: dict[str, Any], code: str | None, param: str
) -> None:
    body = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 9, "mime_type": "text/jsonl"}
    assert refusal(shared.request("POST", "/uploads", json=body | change)) == (400, code, param)


def test_an_uploaded_file_expires_when_its_upload_said(api: Api) -> None:
    policy = {"anchor": "created_at", "seconds": 7_200}
    upload = start_upload(api, b"{}\n", expires_after=policy)["id"]
    part = send_part(api, upload, b"{}\n").json()["id"]
    file = api.post(f"/uploads/{upload}/complete", {"part_ids": [part]})["file"]
    assert file["expires_at"] == file["created_at"] + 7_200
