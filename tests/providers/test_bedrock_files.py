"""Uploads to S3: the same bytes once, no other bytes ever, and nothing left half done."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import (
    CreateRejected,
    ProviderAuthError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.bedrock.adapter import BedrockProvider
from reconciler.providers.bedrock.files import Files
from tests.providers.bedrock_bench import (
    BUCKET,
    SETTINGS,
    Bench,
    Moto,
    bench,
    make,
    moto_server,
    refused,
    request,
)
from tests.providers.loopback import DROP, Answering, Heard, Reply

MIB = 1024 * 1024
PART = 5 * MIB
LINE = b'{"messages": []}\n'


def local(folder: Path, content: bytes, name: str = "train.jsonl") -> LocalFile:
    path = folder / name
    path.write_bytes(content)
    return LocalFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="module")
def provider(moto: Moto) -> Iterator[BedrockProvider]:
    adapter = moto.adapter()
    yield adapter
    adapter.close()


@pytest.fixture
def files(provider: BedrockProvider) -> Files:
    """Uploads that remember nothing yet, in small parts."""
    return Files(provider._calls, SETTINGS, part=PART)


class TestStored:
    def test_bytes_are_stored_under_their_hash(
        self, files: Files, moto: Moto, tmp_path: Path
    ) -> None:
        file = local(tmp_path, LINE * 3)
        ref = files.upload(file)
        assert ref.reference == f"s3://{BUCKET}/finetune/{file.sha256}.jsonl"
        assert (ref.sha256, ref.size, ref.expires_at) == (file.sha256, file.size, None)
        assert ref.uploaded_at > 0
        assert content(moto, file) == LINE * 3

    def test_the_same_bytes_are_sent_once(
        self, provider: BedrockProvider, moto: Moto, tmp_path: Path
    ) -> None:
        file = local(tmp_path, LINE * 4)
        first = provider.upload(file)
        later = moto.adapter()
        file.path.unlink()
        assert later.upload(file, first) == later.upload(file) == first
        later.close()

    def test_a_large_file_goes_in_parts(self, files: Files, moto: Moto, tmp_path: Path) -> None:
        file = local(tmp_path, bytes(range(256)) * 4 * 1024 * 11)  # two parts and a rest
        assert file.size == 11 * MIB
        ref = files.upload(file)
        assert content(moto, file) == file.path.read_bytes()
        again = Files(files._calls, SETTINGS)
        file.path.unlink()
        assert again.upload(file) == ref

    def test_other_bytes_under_that_name_are_replaced(
        self, files: Files, moto: Moto, tmp_path: Path
    ) -> None:
        file = local(tmp_path, LINE * 5)
        moto.put(f"finetune/{file.sha256}.jsonl", b"X" * file.size)
        files.upload(file)
        assert content(moto, file) == LINE * 5

    def test_what_state_remembers_elsewhere_is_not_believed(
        self, provider: BedrockProvider, tmp_path: Path
    ) -> None:
        file = local(tmp_path, LINE * 6)
        lost = FileRef(
            reference="s3://gone/x.jsonl", sha256=file.sha256, size=file.size, uploaded_at=1
        )
        assert provider.upload(file, lost).reference.startswith(f"s3://{BUCKET}/")

    def test_a_bucket_that_is_not_there_is_named(self, moto: Moto, tmp_path: Path) -> None:
        adapter = moto.adapter(bucket="nobody-has-this")
        with pytest.raises(CreateRejected, match="NoSuchBucket") as caught:
            adapter.upload(local(tmp_path, LINE))
        assert caught.value.remedy is Remedy.FIX_ACCOUNT
        assert "create the bucket" in caught.value.hint
        adapter.close()


def content(moto: Moto, file: LocalFile) -> bytes:
    client = moto.client("s3")
    try:
        answer = client.get_object(Bucket=BUCKET, Key=f"finetune/{file.sha256}.jsonl")
        body: bytes = answer["Body"].read()
        answer["Body"].close()
    finally:
        client.close()
    return body


def test_a_file_that_is_not_there_is_told(files: Files, tmp_path: Path) -> None:
    file = local(tmp_path, LINE * 9)
    file.path.unlink()
    with pytest.raises(CreateRejected, match=r"train\.jsonl cannot be read: No such file"):
        files.upload(file)


BEGUN = b"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>"
DONE = b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"


class Shelf:
    """A server with what uploads need of S3, and whatever a test has it do instead."""

    def __init__(self, **replies: Reply | Answering) -> None:
        self.replies = replies
        self.stored: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.begun: dict[str, str] = {}
        self.parts: dict[int, bytes] = {}

    def __call__(self, heard: Heard) -> Reply:
        special = self.replies.get(heard.method.lower())
        if special is not None:
            return special if isinstance(special, Reply) else special(heard)
        amazon = {k: v for k, v in heard.headers.items() if k.startswith("x-amz-")}
        match heard.method, "uploadId" in heard.query:
            case "PUT", False:
                self.stored[heard.path] = (heard.body, amazon)
                return Reply(200, b"", {"ETag": '"e"'})
            case "POST", False:
                self.begun = amazon
                return Reply(200, BEGUN)
            case "PUT", True:
                self.parts[int(heard.query["partNumber"])] = heard.body
                return Reply(200, b"", {"ETag": '"e"'})
            case "POST", True:
                self.stored[heard.path] = (
                    b"".join(self.parts[n] for n in sorted(self.parts)),
                    self.begun,
                )
                return Reply(200, DONE)
            case "DELETE", True:
                return Reply(204)
        if heard.path not in self.stored:
            return Reply(404)
        body, headers = self.stored[heard.path]
        return Reply(
            200,
            b"",
            {
                "Content-Length": str(len(body)),
                "Last-Modified": "Sun, 01 Nov 2026 10:00:00 GMT",
                **{k: v for k, v in headers.items() if k.startswith("x-amz-meta-")},
            },
        )


@pytest.fixture(scope="module")
def shared() -> Iterator[Bench]:
    with bench(Shelf()) as made:
        yield made


def shelf(at: Bench, part: int = PART, **replies: Reply | Answering) -> Files:
    """Uploads, in parts of this size, to a server that has nothing yet."""
    at.server.answer = Shelf(**replies)
    return Files(at.provider._calls, SETTINGS, part=part)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 15, 16, 17, 24])
def test_any_size_arrives_whole(at: Bench, tmp_path: Path, size: int) -> None:
    content = bytes(range(size))
    ref = shelf(at, part=8).upload(local(tmp_path, content))
    in_order = sorted(at.heard("PUT"), key=lambda put: int(put.query.get("partNumber", 0)))
    sent = [heard.body for heard in in_order]
    assert b"".join(sent) == content
    assert [len(part) for part in sent[:-1]] == [8] * (len(sent) - 1)
    assert 1 <= len(sent[-1]) <= 8
    assert ref.size == size


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "other bytes": lambda old: b"X" + old[1:],
    "other bytes at its end": lambda old: old[:-1] + b"X",
    "shorter": lambda old: old[:-1],
    "much shorter": lambda old: old[: len(old) // 2],
    "empty": lambda _: b"",
    "longer": lambda old: old + b"X",
}


@pytest.mark.parametrize("part", [100, 8, 4], ids=["in one", "in parts", "in many"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_bytes_that_are_not_the_measured_ones_never_arrive(
    at: Bench, tmp_path: Path, change: Callable[[bytes], bytes], part: int
) -> None:
    file = local(tmp_path, LINE)
    file.path.write_bytes(change(LINE))
    with pytest.raises(CreateRejected, match="changed while it was being uploaded"):
        shelf(at, part=part).upload(file)
    assert isinstance(at.server.answer, Shelf)
    assert at.server.answer.stored == {}
    assert [heard.method for heard in at.server.heard] == ["HEAD"]


class TestWire:
    def test_a_put_carries_the_hash_twice(self, at: Bench, tmp_path: Path) -> None:
        file = local(tmp_path, LINE)
        ref = shelf(at).upload(file)
        look, put, again = at.server.heard
        assert [look.method, put.method, again.method] == ["HEAD", "PUT", "HEAD"]
        assert put.path == f"/{BUCKET}/finetune/{file.sha256}.jsonl"
        assert put.body == LINE
        digest = base64.b64encode(hashlib.sha256(LINE).digest()).decode()
        assert put.headers["x-amz-checksum-sha256"] == digest
        assert put.headers["x-amz-meta-sha256"] == file.sha256
        assert ref.uploaded_at == 1_793_527_200

    def test_what_was_found_once_is_not_asked_for_again(self, at: Bench, tmp_path: Path) -> None:
        files, file = shelf(at), local(tmp_path, LINE)
        first = files.upload(file)
        at.server.heard.clear()
        assert files.upload(file) == first
        assert at.server.heard == []
        files.forget([first.reference])
        assert files.upload(file) == first
        assert [heard.method for heard in at.server.heard] == ["HEAD"]

    def test_s3s_own_hash_will_do(self, at: Bench, tmp_path: Path) -> None:
        file = local(tmp_path, LINE)
        digest = base64.b64encode(hashlib.sha256(LINE).digest()).decode()
        headers = {"Content-Length": str(file.size), "x-amz-checksum-sha256": digest}
        shelf(at, head=Reply(200, b"", headers)).upload(file)
        assert [heard.method for heard in at.server.heard] == ["HEAD"]
        assert at.server.heard[0].headers["x-amz-checksum-mode"] == "ENABLED"

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"x-amz-meta-sha256": "ab" * 32}, id="another hash"),
            pytest.param({"x-amz-checksum-sha256": "QUJD-2"}, id="a hash of hashes"),
            pytest.param({}, id="no hash"),
        ],
    )
    def test_an_object_whose_hash_is_not_seen_is_not_believed(
        self, at: Bench, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        file = local(tmp_path, LINE)
        head = Reply(200, b"", {"Content-Length": str(file.size), **headers})
        with pytest.raises(ProviderUnavailable, match="does not show it as it was sent"):
            shelf(at, head=head).upload(file)
        assert [heard.method for heard in at.server.heard] == ["HEAD", "PUT", "HEAD"]

    def test_an_object_of_another_size_is_not_believed(self, at: Bench, tmp_path: Path) -> None:
        file = local(tmp_path, LINE)
        head = Reply(200, b"", {"Content-Length": "1", "x-amz-meta-sha256": file.sha256})
        with pytest.raises(ProviderUnavailable, match="does something else write"):
            shelf(at, head=head).upload(file)

    def test_a_put_is_repeated(self, at: Bench, tmp_path: Path) -> None:
        files = shelf(at)
        keep = at.server.answer
        trouble = [Reply(503), DROP]
        at.server.answer = lambda heard: (
            trouble.pop() if heard.method == "PUT" and trouble else keep(heard)
        )
        files.upload(local(tmp_path, LINE))
        assert len(at.heard("PUT")) == 3
        assert len(at.naps) == 2

    def test_who_may_not_look_is_told_what_it_takes(self, at: Bench, tmp_path: Path) -> None:
        with pytest.raises(ProviderAuthError) as caught:
            shelf(at, head=Reply(403)).upload(local(tmp_path, LINE))
        assert "s3:GetObject and s3:ListBucket" in caught.value.hint

    def test_who_may_not_put_is_told_what_it_takes(self, at: Bench, tmp_path: Path) -> None:
        with pytest.raises(ProviderAuthError) as caught:
            shelf(at, put=refusal(403, "AccessDenied")).upload(local(tmp_path, LINE))
        assert "s3:PutObject" in caught.value.hint

    @pytest.mark.parametrize(
        ("status", "code"),
        [(400, "InvalidRequest"), (400, "KMS.DisabledException"), (413, "EntityTooLarge")],
    )
    def test_a_file_that_is_refused_is_refused(
        self, at: Bench, tmp_path: Path, status: int, code: str
    ) -> None:
        with pytest.raises(CreateRejected) as caught:
            shelf(at, put=refusal(status, code)).upload(local(tmp_path, LINE))
        assert caught.value.code == code

    def test_no_answer_is_no_refusal(self, at: Bench, tmp_path: Path) -> None:
        with pytest.raises(ProviderUnavailable, match="tried 4 times"):
            shelf(at, put=DROP).upload(local(tmp_path, LINE))

    def test_an_upload_that_cannot_be_completed_is_taken_back(
        self, at: Bench, tmp_path: Path
    ) -> None:
        def post(heard: Heard) -> Reply:
            return Reply(200, BEGUN) if "uploads" in heard.target else refusal(400, "InvalidPart")

        with pytest.raises(CreateRejected, match="InvalidPart"):
            shelf(at, part=8, post=post).upload(local(tmp_path, LINE))
        (taken_back,) = at.heard("DELETE")
        assert taken_back.query["uploadId"] == "U"

    def test_what_cannot_be_taken_back_hides_nothing(self, at: Bench, tmp_path: Path) -> None:
        files = shelf(at, part=8, put=refusal(400, "BadDigest"), delete=Reply(403))
        with pytest.raises(CreateRejected, match="BadDigest"):
            files.upload(local(tmp_path, LINE))

    def test_bytes_that_arrive_damaged_are_sent_once_more(self, at: Bench, tmp_path: Path) -> None:
        files, trouble = shelf(at), [refusal(400, "BadDigest")]
        keep = at.server.answer
        at.server.answer = lambda heard: (
            trouble.pop() if heard.method == "PUT" and trouble else keep(heard)
        )
        assert files.upload(local(tmp_path, LINE)).size == len(LINE)
        assert len(at.heard("PUT")) == 2

    def test_a_refused_create_looks_at_its_data_again(self, at: Bench, tmp_path: Path) -> None:
        at.server.answer = Shelf(post=refused(400, "ValidationException", "no such object"))
        file = local(tmp_path, LINE * 2)
        ref = at.provider.upload(file)
        wanted = replace(request(make()), training=ref.reference)
        with pytest.raises(CreateRejected):
            at.provider.create(wanted)
        at.server.heard.clear()
        at.provider.upload(file)
        assert [heard.method for heard in at.server.heard] == ["HEAD"]


def refusal(status: int, code: str) -> Reply:
    """An error in S3's shape."""
    body = f"<Error><Code>{code}</Code><Message>no</Message><RequestId>1</RequestId></Error>"
    return Reply(status, body.encode(), {"Content-Type": "application/xml"})


def test_an_account_without_a_bucket_takes_no_file(tmp_path: Path, at: Bench) -> None:
    settings: Any = replace(SETTINGS, bucket=None)
    with pytest.raises(CreateRejected, match="no bucket is set") as caught:
        Files(at.provider._calls, settings).upload(local(tmp_path, LINE))
    assert "providers.bedrock.bucket" in caught.value.hint
    assert at.server.heard == []
