"""Uploads in parts: from the first part to one object, or to nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from reconciler.sandbox.s3 import checksums
from reconciler.sandbox.s3.multipart import SMALLEST_PART
from tests.sandbox.amazon import BUCKET, NAMESPACE, s3, s3_error, xml
from tests.sandbox.workbench import Api

Start = Callable[..., Api]
BIG, SMALL = b"b" * SMALLEST_PART, b"small"


def start_upload(api: Api, key: str = "a", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = s3(api, "POST", f"{BUCKET}/{key}?uploads", headers=named)
    return xml(reply).findtext(f"{NAMESPACE}UploadId", "")


def part(api: Api, upload: str, number: Any, content: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"{BUCKET}/a?partNumber={number}&uploadId={upload}"
    return s3(api, "PUT", path, headers=named, content=content)


def complete(
    api: Api, upload: str, parts: Sequence[tuple[int, str]], **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in parts
    )
    body = f'<CompleteMultipartUpload xmlns="{NAMESPACE[1:-1]}">{listed}</CompleteMultipartUpload>'
    path = f"{BUCKET}/a?uploadId={upload}"
    return s3(api, "POST", path, headers=named, content=body.encode())


def two_parts(api: Api, upload: str) -> list[tuple[int, str]]:
    return [
        (number, part(api, upload, number, content).headers["etag"])
        for number, content in ((1, BIG), (2, SMALL))
    ]


def test_parts_become_one_object(api: Api) -> None:
    upload = start_upload(api, content_type="text/csv", x_amz_meta_k="v")
    parts = two_parts(api, upload)
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404
    done = xml(complete(api, upload, parts))
    digests = b"".join(hashlib.md5(content).digest() for content in (BIG, SMALL))
    etag = f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert done.findtext(f"{NAMESPACE}ETag") == etag
    reply = s3(api, "GET", f"{BUCKET}/a")
    assert reply.content == BIG + SMALL
    shown = [reply.headers[name] for name in ("etag", "content-type", "x-amz-meta-k")]
    assert shown == [etag, "text/csv", "v"]


def test_a_part_sent_again_takes_the_place_of_the_first(api: Api) -> None:
    upload = start_upload(api)
    part(api, upload, 1, b"wrong")
    etag = part(api, upload, 1, b"right").headers["etag"]
    assert complete(api, upload, [(1, etag)]).status_code == 200
    assert s3(api, "GET", f"{BUCKET}/a").content == b"right"


def test_a_completion_whose_reply_was_lost_can_be_asked_again(start: Start) -> None:
    api = start("s3.upload-complete=drop-after,x1")
    upload = start_upload(api)
    parts = two_parts(api, upload)
    with pytest.raises(httpx.TransportError):
        complete(api, upload, parts)
    first, second = (xml(complete(api, upload, parts)) for _ in range(2))
    assert ET.tostring(first) == ET.tostring(second)
    assert first.findtext(f"{NAMESPACE}ETag") == s3(api, "HEAD", f"{BUCKET}/a").headers["etag"]


def test_an_aborted_upload_is_gone(api: Api) -> None:
    upload = start_upload(api)
    parts = two_parts(api, upload)
    path = f"{BUCKET}/a?uploadId={upload}"
    assert s3(api, "DELETE", path).status_code == 204
    for reply in (
        s3(api, "DELETE", path),
        s3(api, "GET", path),
        part(api, upload, 3, SMALL),
        complete(api, upload, parts),
    ):
        assert s3_error(reply) == (404, "NoSuchUpload")
    assert sorted(item.name for item in (api.data_dir / "s3" / "uploads").iterdir()) == [".lock"]


def test_an_upload_belongs_to_its_key(api: Api) -> None:
    upload = start_upload(api, key="other")
    assert s3_error(part(api, upload, 1, SMALL)) == (404, "NoSuchUpload")
    assert s3_error(complete(api, upload, [(1, "x")])) == (404, "NoSuchUpload")


@pytest.mark.parametrize("number", [0, 10_001, -1, "x", ""])
def test_a_part_has_a_number_up_to_ten_thousand(shared: Api, number: Any) -> None:
    upload = start_upload(shared)
    assert s3_error(part(shared, upload, number, SMALL)) == (400, "InvalidArgument")


def test_what_cannot_be_put_together(api: Api) -> None:
    upload = start_upload(api)
    etags = [part(api, upload, number, SMALL).headers["etag"] for number in (1, 2)]
    cases = [
        ([(1, '"other"')], (400, "InvalidPart")),
        ([(3, etags[0])], (400, "InvalidPart")),
        ([(2, etags[1]), (1, etags[0])], (400, "InvalidPartOrder")),
        ([(1, etags[0]), (1, etags[0])], (400, "InvalidPartOrder")),
        ([(1, etags[0]), (2, etags[1])], (400, "EntityTooSmall")),
        ([], (400, "MalformedXML")),
    ]
    for parts, error in cases:
        assert s3_error(complete(api, upload, parts)) == error
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<not xml",
        b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
        b'<!DOCTYPE x [<!ENTITY a "a">]><CompleteMultipartUpload>&a;</CompleteMultipartUpload>',
    ],
)
def test_a_list_of_parts_that_cannot_be_read(shared: Api, body: bytes) -> None:
    upload = start_upload(shared)
    reply = s3(shared, "POST", f"{BUCKET}/a?uploadId={upload}", content=body)
    assert s3_error(reply) == (400, "MalformedXML")


def test_conditions_hold_when_the_upload_is_complete(api: Api) -> None:
    upload = start_upload(api)
    parts = two_parts(api, upload)
    s3(api, "PUT", f"{BUCKET}/a", content=b"earlier")
    refused = complete(api, upload, parts, if_none_match="*")
    assert s3_error(refused) == (412, "PreconditionFailed")
    refused = complete(api, upload, parts, if_match='"other"')
    assert s3_error(refused) == (412, "PreconditionFailed")
    etag = s3(api, "HEAD", f"{BUCKET}/a").headers["etag"]
    assert complete(api, upload, parts, if_match=etag).status_code == 200


def test_parts_are_listed_by_number_and_page(api: Api) -> None:
    upload = start_upload(api)
    for number in (10, 2, 1):
        part(api, upload, number, b"%d" % number)
    path = f"{BUCKET}/a?uploadId={upload}&max-parts=2"
    root = xml(s3(api, "GET", path))
    numbers = [item.text for item in root.iter(f"{NAMESPACE}PartNumber")]
    assert (numbers, root.findtext(f"{NAMESPACE}IsTruncated")) == (["1", "2"], "true")
    marker = root.findtext(f"{NAMESPACE}NextPartNumberMarker")
    rest = xml(s3(api, "GET", f"{path}&part-number-marker={marker}"))
    assert [item.text for item in rest.iter(f"{NAMESPACE}PartNumber")] == ["10"]
    assert [item.text for item in rest.iter(f"{NAMESPACE}Size")] == ["2"]
    assert s3_error(s3(api, "GET", f"{path}&part-number-marker=x")) == (400, "InvalidArgument")


def sums(algorithm: str, content: bytes) -> str:
    checksum = checksums.ALGORITHMS[algorithm]()
    checksum.update(content)
    return checksums.encoded(checksum)


@pytest.mark.parametrize("algorithm", ["crc32", "sha256"])
def test_the_sum_of_an_upload_is_that_of_its_parts_sums(api: Api, algorithm: str) -> None:
    upload = start_upload(api, x_amz_checksum_algorithm=algorithm.upper())
    name = f"x-amz-checksum-{algorithm}"
    parts = []
    for number, content in ((1, BIG), (2, SMALL)):
        reply = part(api, upload, number, content, **{name: sums(algorithm, content)})
        parts.append((number, reply.headers["etag"]))
    done = xml(complete(api, upload, parts))
    expected = checksums.composite(algorithm, [sums(algorithm, each) for each in (BIG, SMALL)])
    assert done.findtext(f"{NAMESPACE}Checksum{algorithm.upper()}") == expected
    assert done.findtext(f"{NAMESPACE}ChecksumType") == "COMPOSITE"
    shown = s3(api, "HEAD", f"{BUCKET}/a", headers={"x-amz-checksum-mode": "ENABLED"}).headers
    assert (shown[name], shown["x-amz-checksum-type"]) == (expected, "COMPOSITE")


def test_the_sum_of_an_upload_can_be_that_of_the_whole_object(api: Api) -> None:
    upload = start_upload(api, x_amz_checksum_algorithm="CRC32", x_amz_checksum_type="FULL_OBJECT")
    done = xml(complete(api, upload, two_parts(api, upload)))
    assert done.findtext(f"{NAMESPACE}ChecksumCRC32") == sums("crc32", BIG + SMALL)
    assert done.findtext(f"{NAMESPACE}ChecksumType") == "FULL_OBJECT"


def test_a_part_without_the_sum_that_was_promised(api: Api) -> None:
    upload = start_upload(api, x_amz_checksum_algorithm="SHA256")
    etag = part(api, upload, 1, SMALL).headers["etag"]
    assert s3_error(complete(api, upload, [(1, etag)])) == (400, "InvalidRequest")
    other = part(api, upload, 1, SMALL, x_amz_checksum_crc32=sums("crc32", SMALL))
    assert s3_error(other) == (400, "InvalidRequest")


@pytest.mark.parametrize(
    ("algorithm", "kind", "error"),
    [
        ("MD5", "COMPOSITE", (501, "NotImplemented")),
        ("ROT13", "COMPOSITE", (400, "InvalidRequest")),
        ("SHA256", "FULL_OBJECT", (400, "InvalidRequest")),
        ("CRC64NVME", "COMPOSITE", (400, "InvalidRequest")),
        ("CRC32", "HALF_OBJECT", (400, "InvalidRequest")),
    ],
)
def test_sums_that_no_upload_can_have(
    shared: Api, algorithm: str, kind: str, error: tuple[int, str]
) -> None:
    headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    assert s3_error(s3(shared, "POST", f"{BUCKET}/a?uploads", headers=headers)) == error


def test_an_upload_goes_on_in_another_server(start: Start) -> None:
    first, second = start(), start()
    upload = start_upload(first)
    etag = part(first, upload, 1, SMALL).headers["etag"]
    assert complete(second, upload, [(1, etag)]).status_code == 200
    assert s3(first, "GET", f"{BUCKET}/a").content == SMALL
