"""A large file at servers that are not OpenAI's: without uploads, or with answers that are none.

Also the requests as they go out, field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.providers.base import LocalFile
from reconciler.providers.openai.files import Files
from tests.providers import openai_large_files
from tests.providers.loopback import DROP, Heard, Loopback, Reply, error, loopback, page
from tests.providers.openai_large_files import CONTENT, PARTS, SHA, uploads

STORED = {"id": "file-1", "bytes": len(CONTENT), "filename": f"{SHA}.jsonl", "created_at": 7}
BEGUN = {"id": "upload_1", "object": "upload", "expires_at": 9, "status": "pending"}

file = openai_large_files.file


class TestOtherServers:
    """What the sandbox never says: servers without uploads, and answers that are none."""

    @contextmanager
    def at(self, **replies: Reply) -> Iterator[tuple[Loopback, Files]]:
        def answer(heard: Heard) -> Reply:
            match heard.method, heard.path.removeprefix("/v1/").split("/"):
                case "GET", ["files"]:
                    return page()
                case "POST", ["files"]:
                    return replies.get("one", Reply(200, STORED))
                case "POST", ["uploads"]:
                    return replies.get("start", Reply(200, BEGUN))
                case "POST", ["uploads", _, "parts"]:
                    return replies.get("part", Reply(200, {"id": f"p{len(heard.body)}"}))
                case "POST", ["uploads", _, "complete"]:
                    return replies.get("complete", Reply(200, {"file": STORED}))
            return error(404)

        with loopback(answer) as server, uploads(server.url, []) as files:
            yield server, files

    @pytest.mark.parametrize(
        "reply", [error(404), error(405), error(501), Reply(404, b"<h1>no</h1>")], ids=str
    )
    def test_a_server_without_uploads_gets_the_file_in_one_request(
        self, file: LocalFile, reply: Reply
    ) -> None:
        with self.at(start=reply) as (server, files):
            assert files.upload(file, None).reference == "file-1"
            (sent,) = [heard for heard in server.heard if heard.path == "/v1/files" and heard.body]
            assert sent.form["file"] == (f"{SHA}.jsonl", CONTENT)
            files.forget(["file-1"])
            files.upload(file, None)
            assert server.requests().count("POST /v1/uploads") == 1

    def test_the_wire(self, file: LocalFile) -> None:
        with self.at() as (server, files):
            assert files.upload(file, None).reference == "file-1"
        start = next(heard for heard in server.heard if heard.path == "/v1/uploads")
        assert start.json == {
            "filename": f"{SHA}.jsonl",
            "purpose": "fine-tune",
            "bytes": len(CONTENT),
            "mime_type": "text/jsonl",
        }
        parts = [heard for heard in server.heard if heard.path == "/v1/uploads/upload_1/parts"]
        by_number = {str(heard.form["data"][0]): heard.form["data"][1] for heard in parts}
        assert b"".join(bytes(by_number[n]) for n in sorted(by_number)) == CONTENT  # type: ignore[call-overload]
        assert all(int(heard.headers["content-length"]) == len(heard.body) for heard in parts)
        done = next(heard for heard in server.heard if heard.path.endswith("/complete"))
        assert done.json["md5"] == hashlib.md5(CONTENT).hexdigest()
        assert len(done.json["part_ids"]) == PARTS

    def test_bytes_that_arrive_damaged_are_sent_once_more_and_then_told(
        self, file: LocalFile
    ) -> None:
        refused = error(400, "The md5 checksum does not match.")
        with self.at(complete=refused) as (server, files):
            with pytest.raises(ProviderUnavailable, match="twice had other bytes"):
                files.upload(file, None)
            assert server.requests().count("POST /v1/uploads") == 2
            assert server.requests().count("POST /v1/uploads/upload_1/complete") == 2

    def test_data_that_the_server_refuses_in_the_end_is_refused(self, file: LocalFile) -> None:
        refused = error(400, "Invalid file format.", "invalid_file")
        with self.at(complete=refused) as (server, files):
            with pytest.raises(CreateRejected, match="Invalid file format") as caught:
                files.upload(file, None)
            assert server.requests().count("POST /v1/uploads/upload_1/complete") == 1
        assert caught.value.remedy is Remedy.FIX_SPEC

    def test_a_file_of_another_size_is_not_used(self, file: LocalFile) -> None:
        other = Reply(200, {"file": {**STORED, "bytes": 3}})
        with (
            self.at(complete=other) as (_, files),
            pytest.raises(CreateRejected, match="says it is unusable"),
        ):
            files.upload(file, None)

    @pytest.mark.parametrize(
        "replies",
        [
            {"start": Reply(200, {})},
            {"part": Reply(200, {})},
            {"complete": Reply(200, {"status": "completed", "file": None})},
            {"start": DROP},
            {"complete": DROP},
        ],
        ids=str,
    )
    def test_an_answer_that_is_not_understood_is_no_upload(
        self, file: LocalFile, replies: dict[str, Reply]
    ) -> None:
        with self.at(**replies) as (_, files), pytest.raises(ProviderUnavailable):
            files.upload(file, None)

    @pytest.mark.parametrize("code", ["insufficient_quota", "billing_not_active"])
    def test_an_account_without_money_is_told(self, file: LocalFile, code: str) -> None:
        with (
            self.at(start=error(429, code=code)) as (_, files),
            pytest.raises(CreateRejected) as caught,
        ):
            files.upload(file, None)
        assert caught.value.remedy is Remedy.FIX_ACCOUNT
