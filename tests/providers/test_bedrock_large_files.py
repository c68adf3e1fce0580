"""Uploads to S3 in parts: side by side, and on after a crash with what S3 says it has."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CreateRejected, ProviderUnavailable
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.bedrock.adapter import BedrockProvider
from reconciler.providers.bedrock.files import IN_MEMORY, Files
from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.providers.bedrock_bench import BUCKET, ENVIRONMENT, SETTINGS

MIB = 1024 * 1024
PART = 5 * MIB
SIZES = [PART, PART, PART, 777]


@cache
def content() -> bytes:
    return random.Random(5).randbytes(sum(SIZES))


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content())
    return LocalFile(
        path=path,
        sha256=hashlib.sha256(content()).hexdigest(),
        size=len(content()),
        progress=tmp_path / "cache/uploads/a.json",
    )


@dataclass
class Bucket:
    """S3 as the sandbox plays it, and runs that upload to it."""

    url: str
    data_dir: Path

    def upload(self, file: LocalFile) -> FileRef:
        """What a run does that has never heard of these bytes."""
        settings = replace(SETTINGS, endpoint_url=self.url, s3_endpoint_url=f"{self.url}/s3")
        provider = BedrockProvider(settings, ENVIRONMENT, sleep=lambda _: None)
        try:
            return Files(provider._calls, settings, part=PART).upload(file)
        finally:
            provider.close()

    def lines(self, operation: str) -> list[dict[str, Any]]:
        """The requests for an operation, as the sandbox wrote them down."""
        lines = (self.data_dir / "requests.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [line for line in found if line["operation"] == f"s3.{operation}"]

    def parts(self) -> list[int]:
        """The number of every part that arrived whole, in order of the numbers."""
        return sorted(line["part"] for line in self.lines("upload-part") if "part" in line)

    def stored(self) -> list[bytes]:
        """The content of every object there is."""
        return [path.read_bytes() for path in self.data_dir.glob(f"s3/objects/{BUCKET}/*.bytes")]

    def open_uploads(self) -> list[Path]:
        """The uploads that still take up room."""
        return [path for path in (self.data_dir / "s3/uploads").iterdir() if path.is_dir()]


Serve = Callable[..., Bucket]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Serve]:
    """Serve the bucket, as often as needed; faults are given as text."""
    with ExitStack() as stack:

        def start(*faults: str) -> Bucket:
            folder = tmp_path / "amazon"
            running = stack.enter_context(serve(folder, faults=[parse(text) for text in faults]))
            return Bucket(url=running.url, data_dir=folder)

        yield start


def noted(file: LocalFile) -> dict[str, Any]:
    assert file.progress is not None
    notes: dict[str, Any] = json.loads(file.progress.read_bytes())
    return notes


def interrupt(at: Serve, file: LocalFile, *faults: str) -> Bucket:
    """An upload that gets so far and no further."""
    bucket = at(*faults)
    with pytest.raises(ProviderUnavailable):
        bucket.upload(file)
    return bucket


def test_every_part_is_sent_once_and_the_whole_is_an_object(file: LocalFile, at: Serve) -> None:
    bucket, told = at(), list[int]()
    ref = bucket.upload(replace(file, tell=told.append))
    assert ref.reference == f"s3://{BUCKET}/finetune/{file.sha256}.jsonl"
    assert bucket.parts() == [1, 2, 3, 4]
    assert bucket.stored() == [content()]
    assert bucket.open_uploads() == []
    assert file.progress is not None
    assert not file.progress.exists()
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, file.size)


def test_what_s3_has_is_not_sent_again(file: LocalFile, at: Serve) -> None:
    interrupt(at, file, "upload-part=pass,x2", "upload-part=503")
    kept = noted(file)
    assert len(kept["parts"]) == 2
    bucket = at()
    bucket.upload(file)
    assert bucket.parts() == [1, 2, 3, 4]
    assert bucket.stored() == [content()]
    assert len(bucket.lines("upload-start")) == 1
    assert len(bucket.lines("upload-parts")) == 1
    assert bucket.open_uploads() == []


def test_a_part_whose_answer_was_lost_is_seen_in_the_list(file: LocalFile, at: Serve) -> None:
    first = interrupt(at, file, "upload-part=drop-after,x4", "upload-part=drop-before")
    assert noted(file)["parts"] == {}
    arrived = first.parts()
    bucket = at()
    bucket.upload(file)
    missing = {1, 2, 3, 4} - set(arrived)
    assert bucket.parts() == sorted([*arrived, *missing])


def test_who_may_not_list_parts_goes_by_the_notes(file: LocalFile, at: Serve) -> None:
    interrupt(at, file, "upload-part=pass,x2", "upload-part=503")
    bucket = at("upload-parts=403")
    bucket.upload(file)
    assert bucket.parts() == [1, 2, 3, 4]
    assert bucket.stored() == [content()]


def test_notes_that_are_wrong_are_found_out(file: LocalFile, at: Serve) -> None:
    interrupt(at, file, "upload-part=pass,x2", "upload-part=503")
    kept = noted(file)
    assert file.progress is not None
    file.progress.write_text(json.dumps({**kept, "parts": {"1": '"no"', "4": '"no"'}}))
    bucket = at("upload-parts=403")
    bucket.upload(file)
    assert bucket.stored() == [content()]
    assert len(bucket.lines("upload-start")) == 2
    assert bucket.open_uploads() == []


def test_an_upload_that_is_gone_is_begun_anew(file: LocalFile, at: Serve) -> None:
    interrupt(at, file, "upload-complete=503")
    kept = noted(file)
    assert file.progress is not None
    file.progress.write_text(json.dumps({**kept, "upload": "gone"}))
    bucket = at()
    bucket.upload(file)
    assert bucket.stored() == [content()]


def test_an_object_that_was_completed_in_the_end_is_found(file: LocalFile, at: Serve) -> None:
    interrupt(at, file, "upload-complete=status-after:503")
    bucket = at()
    bucket.upload(file)
    assert bucket.parts() == [1, 2, 3, 4]
    assert file.progress is not None
    assert not file.progress.exists()


def test_an_upload_that_nobody_can_go_on_with_is_taken_back(file: LocalFile, at: Serve) -> None:
    bucket = interrupt(at, replace(file, progress=None), "upload-part=pass,x2", "upload-part=503")
    assert bucket.open_uploads() == []
    assert len(bucket.lines("upload-cancel")) == 1


def test_bytes_that_change_on_their_way_are_never_completed(file: LocalFile, at: Serve) -> None:
    bucket = at()

    def change(done: int) -> None:
        if done == 0:
            file.path.write_bytes(content()[:-1] + b"!")

    with pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
        bucket.upload(replace(file, tell=change))
    assert bucket.stored() == []
    assert bucket.open_uploads() == []
    assert bucket.lines("upload-complete") == []


def test_only_a_few_parts_are_in_memory(tmp_path: Path, at: Serve) -> None:
    path, parts = tmp_path / "big.jsonl", 12
    with path.open("wb") as stream:
        stream.truncate(parts * PART)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    bucket = at()
    tracemalloc.start()
    try:
        bucket.upload(LocalFile(path=path, sha256=sha256, size=parts * PART))
        _, most = tracemalloc.get_traced_memory()  # of the server too
    finally:
        tracemalloc.stop()
    assert most < (IN_MEMORY + 2) * PART + 8 * MIB < parts * PART
