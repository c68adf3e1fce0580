"""The same bytes are stored once, and only the bytes that were measured."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.answers import Refused
from reconciler.providers.base import LocalFile
from tests.providers.loopback import (
    DROP,
    Answering,
    Reply,
    bench,
    error,
    page,
    pages,
    route,
    script,
)

CONTENT = b'{"messages": []}\n' * 3
SHA = hashlib.sha256(CONTENT).hexdigest()
STORED = {
    "id": "file-1",
    "object": "file",
    "bytes": len(CONTENT),
    "created_at": 1721764800,
    "filename": f"{SHA}.jsonl",
    "purpose": "fine-tune",
    "status": "processed",
}
REF = FileRef(reference="file-1", sha256=SHA, size=len(CONTENT), uploaded_at=1721764800)
NONE = page()


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    path = tmp_path / "train.jsonl"
    path.write_bytes(CONTENT)
    return LocalFile(path=path, sha256=SHA, size=len(CONTENT))


def stored(**fields: Any) -> dict[str, Any]:
    return {**STORED, **fields}


def test_bytes_that_nobody_has_are_sent_under_their_hash(file: LocalFile) -> None:
    table = {"GET /v1/files": NONE, "POST /v1/files": Reply(200, STORED)}
    with bench(route(table)) as at:
        assert at.provider.upload(file) == REF
        looked, sent = at.server.heard
        assert looked.query == {"purpose": "fine-tune"}
        assert sent.form == {
            "purpose": (None, b"fine-tune"),
            "file": (f"{SHA}.jsonl", CONTENT),
        }
        assert int(sent.headers["content-length"]) == len(sent.body)


def test_what_state_remembers_is_asked_for_and_used(file: LocalFile) -> None:
    with bench(route({"GET /v1/files/file-1": Reply(200, STORED)})) as at:
        assert at.provider.upload(file, REF) is REF
        assert at.provider.upload(file, REF) is REF
        assert at.server.requests() == ["GET /v1/files/file-1"]


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(error(404), id="deleted"),
        pytest.param(Reply(200, stored(status="error")), id="unusable"),
        pytest.param(Reply(200, stored(bytes=3)), id="other bytes"),
        pytest.param(Reply(200, {}), id="an answer that is no file"),
    ],
)
def test_what_is_gone_is_sent_again(file: LocalFile, gone: Reply) -> None:
    table = {
        "GET /v1/files/file-1": gone,
        "GET /v1/files": NONE,
        "POST /v1/files": Reply(200, stored(id="file-2")),
    }
    with bench(route(table)) as at:
        assert at.provider.upload(file, REF).reference == "file-2"


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_that_shows_no_files_is_believed_to_have_them(
    file: LocalFile, status: int
) -> None:
    with bench(script(error(status, x_should_retry="false"))) as at:
        assert at.provider.upload(file, REF) is REF


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_that_lists_no_files_is_sent_the_bytes(file: LocalFile, status: int) -> None:
    refused = error(status, x_should_retry="false")
    with bench(route({"GET /v1/files": refused, "POST /v1/files": Reply(200, STORED)})) as at:
        assert at.provider.upload(file) == REF


def test_what_the_server_has_under_the_hash_is_used(file: LocalFile) -> None:
    listed = [
        stored(id="file-0", created_at=1),
        stored(id="file-2", status="error", created_at=9),
        stored(id="file-3", bytes=7, created_at=9),
        stored(id="file-4", filename="train.jsonl", created_at=9),
        stored(id="file-5", purpose="batch", created_at=9),
        stored(id="file-6", filename=f"{'ab' * 32}.jsonl", created_at=9),
        STORED,
    ]
    with bench(route({"GET /v1/files": pages(listed)})) as at:
        assert at.provider.upload(file) == REF
        assert len(at.server.heard) == 4


def test_a_listing_is_read_once_for_all_files(tmp_path: Path) -> None:
    files = []
    for number in range(4):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(b"%d" % number)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(LocalFile(path=path, sha256=sha256, size=1))
    listed = [
        stored(id=f"file-{number}", filename=f"{file.sha256}.jsonl", bytes=1)
        for number, file in enumerate(files)
    ]
    with (
        bench(route({"GET /v1/files": page(*listed)})) as at,
        ThreadPoolExecutor(max_workers=4) as pool,
    ):
        refs = list(pool.map(at.provider.upload, files))
        assert [ref.reference for ref in refs] == ["file-0", "file-1", "file-2", "file-3"]
        assert at.server.requests() == ["GET /v1/files"]


def test_threads_with_the_same_bytes_send_them_once(file: LocalFile) -> None:
    together = threading.Barrier(4)

    def upload(_: int) -> FileRef:
        together.wait()
        return at.provider.upload(file)

    table = {"GET /v1/files": NONE, "POST /v1/files": Reply(200, STORED)}
    with bench(route(table)) as at, ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(upload, range(4))) == {REF}
        assert at.server.requests() == ["GET /v1/files", "POST /v1/files"]


def test_a_lost_answer_is_looked_for_before_the_bytes_go_out_again(file: LocalFile) -> None:
    table: dict[str, Reply | Answering] = {
        "GET /v1/files": script(NONE, page(STORED)),
        "POST /v1/files": DROP,
    }
    with bench(route(table)) as at:
        assert at.provider.upload(file) == REF
        assert at.server.requests().count("POST /v1/files") == 1


def test_bytes_that_did_not_arrive_go_out_again(file: LocalFile) -> None:
    posts = script(error(503), error(429, retry_after="2"), Reply(200, STORED))
    with bench(route({"GET /v1/files": NONE, "POST /v1/files": posts})) as at:
        assert at.provider.upload(file) == REF
        assert at.naps[-1] == 2.0
        assert at.server.heard[-1].form["file"][1] == CONTENT


def test_an_upload_gives_up_in_the_end(file: LocalFile) -> None:
    with bench(route({"GET /v1/files": NONE, "POST /v1/files": DROP})) as at:
        with pytest.raises(ProviderUnavailable, match=r"no answer to POST /files.*tried 4 times"):
            at.provider.upload(file)
        assert at.server.requests().count("POST /v1/files") == 4


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (error(400, "Invalid file format.", "invalid_file"), Remedy.FIX_SPEC),
        (error(413), Remedy.FIX_SPEC),
        (error(429, code="insufficient_quota"), Remedy.FIX_ACCOUNT),
        (Reply(200, stored(status="error")), Remedy.FIX_SPEC),
    ],
)
def test_a_refused_file_is_a_refused_create(file: LocalFile, reply: Reply, remedy: Remedy) -> None:
    with bench(route({"GET /v1/files": NONE, "POST /v1/files": reply})) as at:
        with pytest.raises(CreateRejected) as caught:
            at.provider.upload(file)
        assert caught.value.remedy is remedy
        assert at.server.requests().count("POST /v1/files") == 1


def test_a_refused_key_is_said_as_one(file: LocalFile) -> None:
    with (
        bench(route({"GET /v1/files": NONE, "POST /v1/files": error(401)})) as at,
        pytest.raises(ProviderAuthError, match="OPENAI_API_KEY"),
    ):
        at.provider.upload(file)


@pytest.mark.parametrize("reply", [Reply(200, {}), Reply(200, b"<html>"), Reply(302)])
def test_an_answer_that_is_not_understood_is_no_upload(file: LocalFile, reply: Reply) -> None:
    with (
        bench(route({"GET /v1/files": NONE, "POST /v1/files": reply})) as at,
        pytest.raises(ProviderUnavailable),
    ):
        at.provider.upload(file)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(CONTENT[:-1] + b"!", id="edited"),
        pytest.param(CONTENT[:-1], id="shorter"),
        pytest.param(CONTENT + b"!", id="longer"),
        pytest.param(b"", id="emptied"),
    ],
)
def test_bytes_that_changed_since_they_were_measured_are_never_stored(
    file: LocalFile, content: bytes
) -> None:
    file.path.write_bytes(content)
    table = {"GET /v1/files": NONE, "POST /v1/files": Reply(200, STORED)}
    with bench(route(table)) as at:
        with pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
            at.provider.upload(file)
        posts = [heard for heard in at.server.heard if heard.method == "POST"]
        assert all(len(p.body) < int(p.headers["content-length"]) for p in posts)


def test_a_file_that_is_not_there_is_said_as_one(file: LocalFile) -> None:
    file.path.unlink()
    with (
        bench(route({"GET /v1/files": NONE})) as at,
        pytest.raises(CreateRejected, match=r"train\.jsonl cannot be read: No such file"),
    ):
        at.provider.upload(file)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(file: LocalFile) -> None:
    big = LocalFile(path=file.path, sha256=SHA, size=8 * 1024**3 + 1)
    with (
        bench(route({"GET /v1/files": NONE})) as at,
        pytest.raises(CreateRejected, match="takes at most 8,589,934,592"),
    ):
        at.provider.upload(big)


def test_what_leaves_is_told(file: LocalFile) -> None:
    told: list[int] = []
    table = {"GET /v1/files": NONE, "POST /v1/files": Reply(200, STORED)}
    with bench(route(table)) as at:
        at.provider.upload(replace(file, tell=told.append))
    assert told == [len(CONTENT)]


def test_a_file_is_never_in_memory_whole(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    size = 24 * 1024 * 1024
    with path.open("wb") as stream:
        stream.truncate(size)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    file = LocalFile(path=path, sha256=sha256, size=size)
    with bench(route({"GET /v1/files": NONE, "POST /v1/files": DROP})) as at:
        at.server.answer = route({"GET /v1/files": NONE, "POST /v1/files": error(400)})
        tracemalloc.start()
        try:
            with pytest.raises(CreateRejected):
                at.provider.upload(file)
            held = [
                trace.size
                for trace in tracemalloc.take_snapshot().statistics("filename")
                if "httpx" in str(trace.traceback) or "files.py" in str(trace.traceback)
            ]
        finally:
            tracemalloc.stop()
        assert sum(held) < size / 4


def test_what_a_refused_create_named_is_looked_for_again(file: LocalFile) -> None:
    table: dict[str, Reply | Answering] = {
        "GET /v1/files/file-1": script(Reply(200, STORED), error(404)),
        "GET /v1/files": NONE,
        "POST /v1/files": Reply(200, stored(id="file-2")),
    }
    with bench(route(table)) as at:
        assert at.provider.upload(file, REF).reference == "file-1"
        at.provider.files.forget(["file-1", None])
        assert at.provider.upload(file, REF).reference == "file-2"


def test_a_file_is_deleted_once() -> None:
    table = {"DELETE /v1/files/file-1": script(Reply(200, {"deleted": True}), error(404))}
    with bench(route(table)) as at:
        assert at.provider.files.delete("file-1") is True
        assert at.provider.files.delete("file-1") is False


def test_a_file_that_may_not_be_deleted_is_said_as_one() -> None:
    with (
        bench(route({"DELETE /v1/files/file-1": error(400, "in use")})) as at,
        pytest.raises(Refused, match="in use"),
    ):
        at.provider.files.delete("file-1")


def test_content_is_bytes() -> None:
    with bench(route({"GET /v1/files/file-1/content": Reply(200, b"\x00\xff")})) as at:
        assert at.provider.files.content("file-1") == b"\x00\xff"
        with pytest.raises(Refused):
            at.provider.files.content("file-2")
