"""S3's objects: what is put is got, and what is not there is said in S3's words."""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest

from tests.sandbox.amazon import BUCKET, NAMESPACE, put, s3, s3_error, signed, xml
from tests.sandbox.workbench import Api, Clock

Start = Callable[..., Api]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, (403, "AccessDenied")),
        ({"authorization": "Bearer test"}, (400, "AuthorizationHeaderMalformed")),
        (signed("bedrock"), (400, "AuthorizationHeaderMalformed")),
        (signed("s3", key="invalid"), (403, "InvalidAccessKeyId")),
    ],
    ids=["no signature", "a bearer token", "for another service", "the invalid key"],
)
@pytest.mark.parametrize("path", ["", f"/{BUCKET}", f"/{BUCKET}/key", f"/{BUCKET}?acl"])
def test_nobody_enters_without_a_signature(
    shared: Api, headers: dict[str, str], path: str, error: tuple[int, str]
) -> None:
    assert s3_error(httpx.get(f"{shared.url}/s3{path}", headers=headers, trust_env=False)) == error


@pytest.mark.parametrize(
    "key",
    ["a", "folder/a.jsonl", "with space", "a+b", "é/ü", "100%", "trailing/", "a//b", "..", "%2F"],
)
def test_a_key_may_hold_any_character(api: Api, key: str) -> None:
    path = quote(key).replace(".", "%2E")
    assert put(api, path, b"content").status_code == 200
    assert s3(api, "GET", f"{BUCKET}/{path}").content == b"content"
    listed = xml(s3(api, "GET", f"{BUCKET}?list-type=2"))
    assert [item.text for item in listed.iter(f"{NAMESPACE}Key")] == [key]


def test_an_object_comes_back_with_all_that_was_said_of_it(api: Api) -> None:
    said = {
        "content-type": "text/csv",
        "cache-control": "no-store",
        "content-encoding": "gzip",
        "x-amz-meta-owner": "support",
        "x-amz-storage-class": "STANDARD_IA",
    }
    assert s3(api, "PUT", f"{BUCKET}/a", headers=said, content=b"a").status_code == 200
    shown = s3(api, "HEAD", f"{BUCKET}/a").headers
    assert {name: shown[name] for name in said} == said
    assert (shown["content-length"], shown["etag"]) == ("1", '"0cc175b9c0f1b6a831c399e269772661"')
    assert shown["last-modified"] == "Mon, 21 Sep 2026 14:13:20 GMT"


def test_head_says_what_get_says_without_the_bytes(api: Api) -> None:
    put(api, "a", b"abc", x_amz_meta_k="v")
    head, got = (s3(api, method, f"{BUCKET}/a") for method in ("HEAD", "GET"))
    for reply in (head, got):
        del reply.headers["x-amz-request-id"]
    assert dict(head.headers) == dict(got.headers)
    assert (head.content, got.content) == (b"", b"abc")


def test_an_object_is_replaced_whole(api: Api, clock: Clock) -> None:
    put(api, "a", b"first", x_amz_meta_k="1")
    clock.advance(60)
    put(api, "a", b"second")
    reply = s3(api, "GET", f"{BUCKET}/a")
    assert (reply.content, "x-amz-meta-k" in reply.headers) == (b"second", False)
    assert reply.headers["last-modified"] == "Mon, 21 Sep 2026 14:14:20 GMT"
    assert len(list((api.data_dir / "s3" / "objects" / BUCKET).glob("*.bytes"))) == 1


def test_what_is_not_there(api: Api) -> None:
    assert s3_error(s3(api, "GET", f"{BUCKET}/none")) == (404, "NoSuchKey")
    head = s3(api, "HEAD", f"{BUCKET}/none")
    assert (head.status_code, head.content) == (404, b"")
    assert s3(api, "DELETE", f"{BUCKET}/none").status_code == 204


def test_a_deleted_object_is_gone(api: Api) -> None:
    put(api, "a", b"a")
    assert s3(api, "DELETE", f"{BUCKET}/a").status_code == 204
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404
    assert not list((api.data_dir / "s3" / "objects" / BUCKET).glob("*.bytes"))


@pytest.mark.parametrize(
    ("asked", "content", "shown"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_of_an_object(shared: Api, asked: str, content: bytes, shown: str) -> None:
    put(shared, "a", b"0123456789")
    reply = s3(shared, "GET", f"{BUCKET}/a", headers={"range": asked})
    assert (reply.status_code, reply.content) == (206, content)
    assert reply.headers["content-range"] == shown
    head = s3(shared, "HEAD", f"{BUCKET}/a", headers={"range": asked})
    assert (head.status_code, head.headers["content-length"]) == (206, str(len(content)))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=5-2"])
def test_a_range_beyond_the_object(shared: Api, asked: str) -> None:
    put(shared, "a", b"0123456789")
    reply = s3(shared, "GET", f"{BUCKET}/a", headers={"range": asked})
    assert s3_error(reply) == (416, "InvalidRange")


@pytest.mark.parametrize("asked", ["bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=x-"])
def test_a_range_that_cannot_be_read_is_ignored(shared: Api, asked: str) -> None:
    put(shared, "a", b"0123456789")
    reply = s3(shared, "GET", f"{BUCKET}/a", headers={"range": asked})
    assert (reply.status_code, reply.content) == (200, b"0123456789")


def test_a_read_may_have_conditions_too(api: Api) -> None:
    etag = put(api, "a", b"a").headers["etag"]
    for method in ("GET", "HEAD"):
        same = s3(api, method, f"{BUCKET}/a", headers={"if-none-match": etag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        other = s3(api, method, f"{BUCKET}/a", headers={"if-match": '"other"'})
        assert other.status_code == 412
    assert s3(api, "GET", f"{BUCKET}/a", headers={"if-match": etag.strip('"')}).content == b"a"


def test_an_empty_object(api: Api) -> None:
    assert put(api, "empty", b"").headers["etag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
    reply = s3(api, "GET", f"{BUCKET}/empty")
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_large_object_passes_through_the_disk(api: Api) -> None:
    content = bytes(range(256)) * 20_000
    put(api, "large", content)
    assert s3(api, "GET", f"{BUCKET}/large").content == content


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", f"{BUCKET}/a?acl", {}),
        ("GET", f"{BUCKET}/a?versionId=1", {}),
        ("GET", f"{BUCKET}/a?partNumber=1", {}),
        ("PUT", f"{BUCKET}/a", {"x-amz-copy-source": f"/{BUCKET}/b"}),
        ("POST", f"{BUCKET}?delete", {}),
        ("GET", BUCKET, {}),
        ("DELETE", BUCKET, {}),
        ("PUT", "", {}),
        ("POST", f"{BUCKET}/a", {}),
    ],
)
def test_what_the_sandbox_has_not_is_refused_and_never_ignored(
    shared: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    put(shared, "a", b"a")
    assert s3_error(s3(shared, method, path, headers=headers)) == (501, "NotImplemented")
    assert s3(shared, "GET", f"{BUCKET}/a").content == b"a"


def test_a_method_nobody_has(api: Api) -> None:
    assert s3_error(s3(api, "PATCH", f"{BUCKET}/a")) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("bucket", ["ab", "Upper", "under_score", "-edge", "two..dots", "a" * 64])
def test_a_bucket_has_a_proper_name(shared: Api, bucket: str) -> None:
    for method, path in (("PUT", bucket), ("PUT", f"{bucket}/a"), ("GET", f"{bucket}/a")):
        assert s3_error(s3(shared, method, path)) == (400, "InvalidBucketName")


def test_a_key_has_at_most_1024_bytes(api: Api) -> None:
    assert put(api, "k" * 1024, b"").status_code == 200
    assert s3_error(put(api, "k" * 1025, b"")) == (400, "KeyTooLongError")


def test_every_bucket_exists_and_those_in_use_are_listed(api: Api) -> None:
    assert s3(api, "HEAD", "some-bucket").status_code == 200
    assert not [*xml(s3(api, "GET", "")).iter(f"{NAMESPACE}Bucket")]
    assert s3(api, "PUT", "made-bucket").headers["location"] == "/made-bucket"
    put(api, "a", b"")
    listed = xml(s3(api, "GET", ""))
    assert [item.text for item in listed.iter(f"{NAMESPACE}Name")] == [BUCKET, "made-bucket"]
    dates = [item.text for item in listed.iter(f"{NAMESPACE}CreationDate")]
    assert dates == ["2026-09-21T14:13:20.000Z"] * 2


def test_every_reply_can_be_asked_about(api: Api) -> None:
    replies = [put(api, "a", b""), s3(api, "GET", f"{BUCKET}/none"), s3(api, "GET", "?acl")]
    ids = [reply.headers["x-amz-request-id"] for reply in replies]
    lines = api.journal()
    assert [line["request_id"] for line in lines] == ids
    assert [line["operation"] for line in lines] == ["s3.upload", "s3.content", "s3.unknown"]


def test_objects_outlive_the_server(start: Start) -> None:
    put(start(), "a", b"a")
    assert s3(start(), "GET", f"{BUCKET}/a").content == b"a"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("503", (503, "SlowDown")),
        ("500", (500, "InternalError")),
        ("403", (403, "AccessDenied")),
        ("409:ConditionalRequestConflict", (409, "ConditionalRequestConflict")),
        ("409", (409, "ConditionalRequestConflict")),
        ("412", (412, "PreconditionFailed")),
        ("400:RequestTimeout", (400, "RequestTimeout")),
        ("418", (418, "Refused")),
    ],
)
@pytest.mark.parametrize(("when", "written"), [("status", 404), ("status-after", 200)])
def test_a_fault_speaks_s3(
    start: Start, when: str, written: int, fault: str, error: tuple[int, str]
) -> None:
    api = start(f"s3.upload={when}:{fault},x1")
    assert s3_error(put(api, "a", b"a")) == error
    assert s3(api, "GET", f"{BUCKET}/a").status_code == written
    assert put(api, "a", b"a").status_code == 200


@pytest.mark.parametrize(("effect", "written"), [("drop-before", 404), ("drop-after", 200)])
def test_a_dropped_upload(start: Start, effect: str, written: int) -> None:
    api = start(f"s3.upload={effect},x1")
    with pytest.raises(httpx.TransportError):
        put(api, "a", b"a" * 1_000_000)
    assert s3(api, "GET", f"{BUCKET}/a").status_code == written


@pytest.mark.parametrize(("fault", "yes"), [("pass", True), ("503,x1", False)])
def test_who_asks_whether_to_send_a_body_gets_an_answer(
    start: Start, fault: str, yes: bool
) -> None:
    """Where the answer is no, the connection ends: the body that never comes would confuse it."""
    api = start(f"s3.upload={fault}")
    head = (
        f"PUT /s3/{BUCKET}/a HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 5\r\n"
        f"expect: 100-continue\r\nauthorization: {signed('s3')['authorization']}\r\n\r\n"
    )
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65_536)
        if yes:
            assert answer.startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"hello")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
            return
        while block := connection.recv(65_536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_download_that_nobody_gets_leaves_no_open_file(start: Start) -> None:
    api = start("s3.content=drop-after,x1", "s3.content=503,x1", "s3.content=status-after:503,x1")
    put(api, "a", b"a")
    with pytest.raises(httpx.TransportError):
        s3(api, "GET", f"{BUCKET}/a")
    assert [s3(api, "GET", f"{BUCKET}/a").status_code for _ in range(3)] == [503, 503, 200]
