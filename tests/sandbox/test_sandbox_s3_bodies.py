"""Bodies on their way into S3: chunked or plain, and never other bytes than promised."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.s3.checksums import ALGORITHMS, encoded
from reconciler.sandbox.s3.chunks import BadChunks, ChunkDecoder
from tests.sandbox.amazon import BUCKET, s3, s3_error
from tests.sandbox.workbench import Api

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
HELLO = {
    "crc32": "NhCmhg==",
    "crc32c": "mnG7TA==",
    "crc64nvme": "M3eFcAZSQlc=",
    "sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}
"""The checksums of b"hello"."""


def chunked(*blocks: bytes, trailer: str = "", signature: str = "") -> bytes:
    """A body in the aws-chunked encoding."""
    out = b""
    for block in (*blocks, b""):
        out += f"{len(block):x}{signature}\r\n".encode() + block + (b"\r\n" if block else b"")
    return out + (f"{trailer}\r\n".encode() if trailer else b"") + b"\r\n"


def decoded(pieces: Iterable[bytes]) -> tuple[bytes, ChunkDecoder]:
    decoder = ChunkDecoder()
    return b"".join(block for piece in pieces for block in decoder.feed(piece)), decoder


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_gives_the_sum_that_everybody_gets(algorithm: str) -> None:
    checksum = ALGORITHMS[algorithm]()
    for piece in (b"he", b"", b"llo"):
        checksum.update(piece)
    assert encoded(checksum) == HELLO[algorithm]


@pytest.mark.parametrize(
    ("algorithm", "check"),
    [("crc32", 0xCBF43926), ("crc32c", 0xE3069283), ("crc64nvme", 0xAE8B14860A799888)],
)
def test_crcs_have_the_check_value_of_their_catalogue(algorithm: str, check: int) -> None:
    checksum = ALGORITHMS[algorithm]()
    checksum.update(b"123456789")
    assert int.from_bytes(checksum.digest()) == check


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_chunks_are_decoded_wherever_the_network_cuts_them(blocks: list[bytes], cut: int) -> None:
    content = b"".join(blocks)
    body = chunked(*(block for block in blocks if block), trailer="x-amz-checksum-crc32:abc")
    whole, decoder = decoded(body[at : at + cut] for at in range(0, len(body), cut))
    assert (whole, decoder.done) == (content, True)
    assert decoder.trailers == {"x-amz-checksum-crc32": "abc"}


def test_signed_chunks_are_decoded_too() -> None:
    body = chunked(b"hello", signature=";chunk-signature=" + "0" * 64)
    whole, decoder = decoded([body])
    assert (whole, decoder.done, decoder.trailers) == (b"hello", True, {})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"hello world\r\n", "a chunk does not begin with its size"),
        (b"-5\r\n", "a chunk has less than no bytes"),
        (b"5\r\nhello!\r\n0\r\n\r\n", "a chunk is longer than it says"),
        (b"0\r\n\r\nmore", "there are bytes behind the last chunk"),
        (b"5;" + b"s" * 5_000, "a chunk's header does not end"),
    ],
)
def test_what_is_not_chunked_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BadChunks, match=why):
        decoded([body])


def put_chunked(api: Api, body: bytes, **headers: str) -> tuple[int, str]:
    """Put an aws-chunked body of five bytes: its status, and the error's code."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    usual = {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": UNSIGNED_TRAILER,
        "x-amz-decoded-content-length": "5",
    }
    reply = s3(api, "PUT", f"{BUCKET}/a", headers=usual | named, content=body)
    return (200, "") if reply.status_code == 200 else s3_error(reply)


@pytest.mark.parametrize("algorithm", HELLO)
def test_a_trailing_checksum_is_verified_and_kept(api: Api, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    body = chunked(b"hel", b"lo", trailer=f"{name}:{HELLO[algorithm]}")
    assert put_chunked(api, body, x_amz_trailer=name) == (200, "")
    shown = s3(api, "GET", f"{BUCKET}/a", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (shown.content, shown.headers[name]) == (b"hello", HELLO[algorithm])
    assert shown.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert "content-encoding" not in shown.headers
    assert name not in s3(api, "GET", f"{BUCKET}/a").headers


def test_a_chunked_body_without_a_checksum(api: Api) -> None:
    signed = {"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    assert put_chunked(api, chunked(b"hello", signature=";chunk-signature=00"), **signed) == (
        200,
        "",
    )
    assert s3(api, "GET", f"{BUCKET}/a").content == b"hello"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (chunked(b"hello", trailer="x-amz-checksum-crc32:AAAAAA=="), (400, "BadDigest")),
        (chunked(b"hello"), (400, "BadDigest")),
        (chunked(b"hello", trailer="x-amz-checksum-sha1:x"), (400, "BadDigest")),
        (chunked(b"hell"), (400, "IncompleteBody")),
        (b"5\r\nhello\r\n", (400, "IncompleteBody")),
        (b"hello", (400, "IncompleteBody")),
        (b"what is this\r\n", (400, "InvalidRequest")),
    ],
    ids=["wrong", "missing", "another", "too short", "no end", "no chunk", "not chunked"],
)
def test_a_chunked_body_that_breaks_its_promise_leaves_nothing(
    api: Api, body: bytes, error: tuple[int, str]
) -> None:
    assert put_chunked(api, body, x_amz_trailer="x-amz-checksum-crc32") == error
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404
    assert not list((api.data_dir / "s3" / "scratch").iterdir())


@pytest.mark.parametrize("algorithm", HELLO)
def test_a_checksum_in_the_header_is_verified_and_echoed(api: Api, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    reply = s3(api, "PUT", f"{BUCKET}/a", headers={name: HELLO[algorithm]}, content=b"hello")
    assert (reply.status_code, reply.headers[name]) == (200, HELLO[algorithm])
    wrong = s3(api, "PUT", f"{BUCKET}/a", headers={name: HELLO[algorithm]}, content=b"hullo")
    assert s3_error(wrong) == (400, "BadDigest")
    assert s3(api, "GET", f"{BUCKET}/a").content == b"hello"


MD5 = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(b"hello").to_bytes(4)).decode()


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, (400, "BadDigest")),
        ({"content-md5": "no base64!"}, (400, "InvalidDigest")),
        ({"content-md5": "AAAA"}, (400, "InvalidDigest")),
        ({"x-amz-content-sha256": "0" * 64}, (400, "XAmzContentSHA256Mismatch")),
        ({"x-amz-checksum-md5": MD5}, (501, "NotImplemented")),
        ({"x-amz-checksum-xxhash64": "AAAA"}, (501, "NotImplemented")),
        ({"x-amz-checksum-rot13": "AAAA"}, (400, "InvalidRequest")),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, (400, "InvalidRequest")),
        (
            {"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": HELLO["sha1"]},
            (400, "InvalidRequest"),
        ),
    ],
)
def test_a_promise_that_is_broken_or_unknown(
    api: Api, headers: dict[str, str], error: tuple[int, str]
) -> None:
    reply = s3(api, "PUT", f"{BUCKET}/a", headers=headers, content=b"hello")
    assert s3_error(reply) == error
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"content-md5": MD5},
        {"x-amz-content-sha256": hashlib.sha256(b"hello").hexdigest()},
        {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
        {"x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32": CRC32},
    ],
)
def test_a_promise_that_is_kept(shared: Api, headers: dict[str, str]) -> None:
    reply = s3(shared, "PUT", f"{BUCKET}/a", headers=headers, content=b"hello")
    assert reply.status_code == 200
