"""boto3 drives the sandbox's S3: transfers, conditions, lists, checksums."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]  # AWS ships no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # as above

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.wire.amazon_clients import client, code

BUCKET = "data-bucket"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        serve(tmp_path_factory.mktemp("data")) as running,
        client("s3", running.url + "/s3") as made,
    ):
        yield made


@pytest.mark.parametrize("size", [0, 5, 12 * MEBIBYTE], ids=["empty", "small", "in parts"])
def test_a_file_goes_up_and_comes_down(s3: Any, tmp_path: Path, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    config = TransferConfig(multipart_threshold=6 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    s3.upload_file(str(source), BUCKET, f"files/{size}", Config=config)
    s3.download_file(BUCKET, f"files/{size}", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()
    shown = s3.head_object(Bucket=BUCKET, Key=f"files/{size}", ChecksumMode="ENABLED")
    in_parts = size > 6 * MEBIBYTE
    assert (shown["ContentLength"], shown["ETag"].endswith('-3"')) == (size, in_parts)
    assert shown["ChecksumType"] == ("COMPOSITE" if in_parts else "FULL_OBJECT")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_verified_on_both_ways(s3: Any, algorithm: str) -> None:
    put = s3.put_object(Bucket=BUCKET, Key="sum", Body=b"hello", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="sum", Body=b"hello", ChecksumSHA256="A" * 43 + "=")
    assert code(refused.value) == ("BadDigest", 400)


def test_conditions(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="cas", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="cas", Body=b"2", IfNoneMatch="*")
    assert code(refused.value) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=BUCKET, Key="cas", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="cas", Body=b"3", IfMatch=etag)
    assert code(refused.value) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="nothing-there", Body=b"3", IfMatch=etag)
    assert code(refused.value) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=BUCKET, Key="cas", IfMatch=etag)
    assert code(refused.value) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=BUCKET, Key="cas")["Body"].read() == b"2"


def test_one_of_many_writers_wins(s3: Any) -> None:
    barrier = threading.Barrier(8)

    def race(number: int) -> tuple[str, int]:
        barrier.wait()
        try:
            s3.put_object(Bucket=BUCKET, Key="race", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return code(error)
        return "", 200

    with ThreadPoolExecutor(8) as pool:
        ends = Counter(pool.map(race, range(8)))
    assert ends == {("", 200): 1, ("PreconditionFailed", 412): 7}


def test_what_is_not_there(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="none")
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket=BUCKET, Key="none")
    assert code(refused.value) == ("404", 404)
    s3.delete_object(Bucket=BUCKET, Key="none")


def test_a_paginator_walks_through_all_keys(s3: Any) -> None:
    keys = [f"walk/{number:02}/é +{number}" for number in range(7)]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="walk/", PaginationConfig={"PageSize": 3}
    )
    assert [item["Key"] for page in pages for item in page["Contents"]] == keys
    folded = s3.list_objects_v2(Bucket=BUCKET, Prefix="walk/", Delimiter="/", MaxKeys=2)
    assert [item["Prefix"] for item in folded["CommonPrefixes"]] == ["walk/00/", "walk/01/"]
    assert (folded["IsTruncated"], folded["KeyCount"]) == (True, 2)


def test_an_upload_in_parts_by_hand(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ContentType="text/plain")
    names = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"one", **names)["ETag"]
    listed = s3.list_parts(**names)["Parts"]
    assert [(part["PartNumber"], part["Size"], part["ETag"]) for part in listed] == [(1, 3, etag)]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    done = s3.complete_multipart_upload(MultipartUpload=parts, **names)
    assert done["ETag"].endswith('-1"')
    shown = s3.get_object(Bucket=BUCKET, Key="parts")
    assert (shown["Body"].read(), shown["ContentType"]) == (b"one", "text/plain")
    other = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")
    s3.abort_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=other["UploadId"])
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(Bucket=BUCKET, Key="parts", UploadId=other["UploadId"])


def test_metadata_ranges_and_reads_with_conditions(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="m", Body=b"0123456789", Metadata={"sha256": "abc"})
    shown = s3.head_object(Bucket=BUCKET, Key="m")
    assert (shown["Metadata"], shown["ContentLength"]) == ({"sha256": "abc"}, 10)
    part = s3.get_object(Bucket=BUCKET, Key="m", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=BUCKET, Key="m", IfNoneMatch=shown["ETag"])
    assert code(refused.value) == ("304", 304)


def test_buckets(s3: Any) -> None:
    s3.head_bucket(Bucket="any-bucket")
    s3.create_bucket(Bucket="made-bucket")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert "made-bucket" in names
    assert "any-bucket" not in names


def test_what_the_sandbox_has_not(s3: Any) -> None:
    for method, names in (
        ("copy_object", {"Bucket": BUCKET, "Key": "c", "CopySource": f"{BUCKET}/m"}),
        ("get_object_acl", {"Bucket": BUCKET, "Key": "m"}),
        ("list_objects", {"Bucket": BUCKET}),
        ("get_object", {"Bucket": BUCKET, "Key": "m", "VersionId": "1"}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(s3, method)(**names)
        assert code(refused.value) == ("NotImplemented", 501)


def test_an_upload_survives_what_boto3_retries(tmp_path: Path) -> None:
    faults = [
        *("s3.upload-part=503,x1", "s3.upload-part=drop-after,x1"),
        *("s3.upload-complete=drop-after,x1", "s3.upload=500,x1"),
    ]
    source = tmp_path / "source"
    source.write_bytes(b"x" * (6 * MEBIBYTE))
    config = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    script = [parse(fault) for fault in faults]
    with (
        serve(tmp_path / "data", faults=script) as running,
        client("s3", running.url + "/s3", attempts=5) as retrying,
    ):
        retrying.upload_file(str(source), BUCKET, "big", Config=config)
        retrying.put_object(Bucket=BUCKET, Key="small", Body=b"small")
        assert retrying.head_object(Bucket=BUCKET, Key="big")["ContentLength"] == 6 * MEBIBYTE
        assert retrying.get_object(Bucket=BUCKET, Key="small")["Body"].read() == b"small"
