"""Large files go in parts: each part once, the whole as it was measured, and on after a crash."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.openai.adapter import OpenAIProvider
from reconciler.providers.openai.files import Files
from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.providers.loopback import DROP, KEY, Heard, Loopback, Reply, error, loopback, page
from tests.sandbox.workbench import Clock

PART = 1000
PARTS = 7
CONTENT = random.Random(7).randbytes(PART * (PARTS - 1) + 333)
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    path = tmp_path / "train.jsonl"
    path.write_bytes(CONTENT)
    return LocalFile(
        path=path, sha256=SHA, size=len(CONTENT), progress=tmp_path / "cache/uploads/a.json"
    )


@dataclass
class Account:
    """OpenAI as the sandbox plays it, and runs that upload to it. `naps` are the waits of all."""

    url: str
    data_dir: Path
    naps: list[float]

    def upload(self, file: LocalFile, part: int = PART) -> FileRef:
        """What a run does that has never heard of these bytes."""
        with uploads(self.url, self.naps, part) as files:
            return files.upload(file, None)

    def lines(self, operation: str) -> list[dict[str, Any]]:
        """The requests for an operation, as the sandbox wrote them down."""
        lines = (self.data_dir / "requests.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [line for line in found if line["operation"] == f"openai.{operation}"]

    def parts(self) -> list[str]:
        """The hash of every part that arrived whole, in their order."""
        return [line["sha256"] for line in self.lines("upload-part") if "sha256" in line]

    def stored(self) -> list[bytes]:
        """The content of every file there is."""
        return [path.read_bytes() for path in (self.data_dir / "openai/files").glob("*.bytes")]


@contextmanager
def uploads(url: str, naps: list[float], part: int = PART) -> Iterator[Files]:
    settings = OpenAISettings(name="openai", base_url=f"{url}/v1")
    provider = providers.connect(settings, {"OPENAI_API_KEY": KEY}, sleep=naps.append)
    assert isinstance(provider, OpenAIProvider)
    try:
        yield Files(provider._http, "openai", "OPENAI_API_KEY", large=PART, part=part)
    finally:
        provider.close()


Serve = Callable[..., Account]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def at(tmp_path: Path, clock: Clock) -> Iterator[Serve]:
    """Serve the account, as often as needed; faults are given as text."""
    with ExitStack() as stack:

        def start(*faults: str) -> Account:
            folder = tmp_path / "openai"
            script = [parse(text) for text in faults]
            running = stack.enter_context(serve(folder, faults=script, clock=clock))
            return Account(url=running.url, data_dir=folder, naps=[])

        yield start


def hashes(content: bytes = CONTENT, part: int = PART) -> list[str]:
    cuts = range(0, len(content), part)
    return [hashlib.sha256(content[cut : cut + part]).hexdigest() for cut in cuts]


def noted(file: LocalFile) -> dict[str, Any]:
    assert file.progress is not None
    notes: dict[str, Any] = json.loads(file.progress.read_bytes())
    return notes


class TestInParts:
    def test_every_part_is_sent_once_and_the_whole_is_a_file(
        self, file: LocalFile, at: Serve
    ) -> None:
        account = at()
        ref = account.upload(file)
        assert account.stored() == [CONTENT]
        assert sorted(account.parts()) == sorted(hashes())
        assert (ref.sha256, ref.size) == (SHA, len(CONTENT))
        assert account.lines("upload") == []
        assert file.progress is not None
        assert not file.progress.exists()

    @pytest.mark.parametrize("size", [1001, 1999, 2000, 2001, 6000])
    def test_any_size_arrives_whole(self, tmp_path: Path, at: Serve, size: int) -> None:
        account, path = at(), tmp_path / "x.jsonl"
        path.write_bytes(CONTENT[:size])
        sha256 = hashlib.sha256(CONTENT[:size]).hexdigest()
        account.upload(LocalFile(path=path, sha256=sha256, size=size))
        assert account.stored() == [CONTENT[:size]]
        assert sorted(account.parts()) == sorted(hashes(CONTENT[:size]))

    def test_what_fits_in_one_request_goes_in_one(self, tmp_path: Path, at: Serve) -> None:
        account, path = at(), tmp_path / "x.jsonl"
        path.write_bytes(CONTENT[:PART])
        sha256 = hashlib.sha256(CONTENT[:PART]).hexdigest()
        account.upload(LocalFile(path=path, sha256=sha256, size=PART))
        assert account.parts() == []
        assert account.stored() == [CONTENT[:PART]]

    def test_the_file_is_found_by_its_name_ever_after(self, file: LocalFile, at: Serve) -> None:
        account = at()
        ref = account.upload(file)
        file.path.unlink()
        assert account.upload(file) == ref
        assert len(account.lines("upload-start")) == 1

    def test_what_leaves_is_told_and_only_grows(self, file: LocalFile, at: Serve) -> None:
        told: list[int] = []
        at().upload(replace(file, tell=told.append))
        assert told[0] == 0
        assert told[-1] == len(CONTENT)
        assert told == sorted(told)

    def test_no_part_is_in_memory_whole(self, tmp_path: Path, at: Serve) -> None:
        mib = 1024 * 1024
        account, path = at("upload-complete=400,x1"), tmp_path / "big.jsonl"
        path.write_bytes(random.Random(1).randbytes(32 * mib))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        big = LocalFile(path=path, sha256=sha256, size=32 * mib)
        tracemalloc.start()
        try:
            with pytest.raises(CreateRejected):
                account.upload(big, part=16 * mib)
            _, most = tracemalloc.get_traced_memory()  # of the server too
            assert most < 12 * mib
        finally:
            tracemalloc.stop()


class TestAfterACrash:
    def test_what_was_answered_is_not_sent_again(self, file: LocalFile, at: Serve) -> None:
        broken = at("upload-part=pass,x3", "upload-part=drop-before")
        with pytest.raises(ProviderUnavailable, match=r"no answer.*tried 4 times"):
            broken.upload(file)
        kept = noted(file)
        assert len(kept["parts"]) == 3
        account = at()
        account.upload(file)
        assert sorted(account.parts()) == sorted(hashes())
        assert {line["upload"] for line in account.lines("upload-part") if "upload" in line} == {
            kept["upload"]
        }
        assert account.stored() == [CONTENT]

    def test_the_notes_name_the_upload_and_no_key(self, file: LocalFile, at: Serve) -> None:
        with pytest.raises(ProviderUnavailable):
            at("upload-complete=503").upload(file)
        kept = noted(file)
        assert sorted(kept) == [
            "expires_at",
            "part",
            "parts",
            "sha256",
            "size",
            "upload",
            "version",
        ]
        assert sorted(kept["parts"]) == ["1", "2", "3", "4", "5", "6", "7"]
        assert kept["expires_at"] > 0
        assert KEY not in json.dumps(kept)

    def test_a_part_whose_answer_was_lost_is_sent_again(self, file: LocalFile, at: Serve) -> None:
        account = at("upload-part=drop-after,x1")
        account.upload(file)
        assert len(account.parts()) == PARTS + 1
        assert account.stored() == [CONTENT]

    def test_progress_is_told_from_where_it_was(self, file: LocalFile, at: Serve) -> None:
        with pytest.raises(ProviderUnavailable):
            at("upload-part=pass,x3", "upload-part=503").upload(file)
        told: list[int] = []
        at().upload(replace(file, tell=told.append))
        assert told[0] in (3 * PART, 2 * PART + 333)
        assert told[-1] == len(CONTENT)

    def test_a_file_that_was_completed_in_the_end_is_found(
        self, file: LocalFile, at: Serve
    ) -> None:
        account = at("upload-complete=drop-after,x1")
        account.upload(file)
        assert len(account.lines("upload-complete")) == 1
        assert account.stored() == [CONTENT]

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda _: b"", id="empty"),
            pytest.param(lambda old: old[: len(old) // 2], id="half"),
            pytest.param(lambda _: b"[]", id="other JSON"),
            pytest.param(lambda old: old.replace(SHA.encode(), b"ab" * 32), id="other bytes"),
            pytest.param(lambda old: old.replace(b'"part": 1000', b'"part": 500'), id="parts"),
            pytest.param(lambda old: old.replace(b'"1":', b'"99":'), id="a number beyond"),
            pytest.param(lambda old: old.replace(b'"1":', b'"x":'), id="a number that is none"),
            pytest.param(lambda old: old.replace(b'"upload_', b'null, "x": "_'), id="no upload"),
        ],
    )
    def test_damaged_notes_are_no_notes(
        self, file: LocalFile, at: Serve, damage: Callable[[bytes], bytes]
    ) -> None:
        with pytest.raises(ProviderUnavailable):
            at("upload-complete=503").upload(file)
        assert file.progress is not None
        before = file.progress.read_bytes()
        file.progress.write_bytes(damage(before))
        assert file.progress.read_bytes() != before
        account = at()
        account.upload(file)
        assert account.stored() == [CONTENT]
        assert len(account.lines("upload-start")) == 2
        assert len(account.parts()) == 2 * PARTS

    def test_notes_that_cannot_be_written_cost_only_what_they_would_save(
        self, file: LocalFile, at: Serve
    ) -> None:
        assert file.progress is not None
        file.progress.parent.parent.write_text("a file where the folder should be")
        account = at()
        account.upload(file)
        assert account.stored() == [CONTENT]

    def test_an_upload_that_expired_is_begun_anew_at_the_cost_of_one_part(
        self, file: LocalFile, at: Serve, clock: Clock
    ) -> None:
        with pytest.raises(ProviderUnavailable):
            at("upload-part=pass,x3", "upload-part=503").upload(file)
        clock.advance(3600)
        account = at()
        account.upload(file)
        assert account.stored() == [CONTENT]
        late = [line for line in account.lines("upload-part") if line["status"] == 400]
        assert len(late) == 1
        assert len(account.lines("upload-start")) == 2

    def test_an_upload_that_was_cancelled_is_begun_anew(self, file: LocalFile, at: Serve) -> None:
        with pytest.raises(ProviderUnavailable):
            at("upload-complete=503").upload(file)
        account = at()
        with uploads(account.url, []) as files:
            files._http.ask("POST", f"/uploads/{noted(file)['upload']}/cancel")
        account.upload(file)
        assert account.stored() == [CONTENT]

    def test_what_an_other_run_completed_is_used_and_the_notes_are_gone(
        self, file: LocalFile, at: Serve
    ) -> None:
        account = at()
        first = account.upload(file)
        assert file.progress is not None
        file.progress.parent.mkdir(parents=True, exist_ok=True)
        file.progress.write_text("{}")
        assert account.upload(file) == first
        assert not file.progress.exists()


class TestRefused:
    def test_a_part_that_is_refused_refuses_the_file_and_is_taken_back(
        self, file: LocalFile, at: Serve
    ) -> None:
        account = at("upload-part=400")
        with pytest.raises(CreateRejected) as caught:
            account.upload(file)
        assert caught.value.remedy is Remedy.FIX_SPEC
        assert len(account.lines("upload-cancel")) == 1
        assert len(account.lines("upload-start")) == 1
        assert file.progress is not None
        assert not file.progress.exists()

    def test_what_a_bad_key_is_told_keeps_what_was_sent(self, file: LocalFile, at: Serve) -> None:
        with pytest.raises(ProviderAuthError, match="OPENAI_API_KEY"):
            at("upload-part=pass,x3", "upload-part=401").upload(file)
        assert len(noted(file)["parts"]) == 3

    def test_an_hour_that_is_over_before_the_end_is_said(
        self, file: LocalFile, at: Serve, clock: Clock
    ) -> None:
        hour = (len(CONTENT), lambda: clock.advance(3600))

        def tell(done: int) -> None:
            if done == hour[0]:
                hour[1]()

        with pytest.raises(ProviderUnavailable, match="before all of it was sent") as caught:
            at().upload(replace(file, tell=tell))
        assert "faster connection" in caught.value.hint

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(CONTENT[:-1] + b"!", id="edited"),
            pytest.param(CONTENT[:-1], id="shorter"),
            pytest.param(CONTENT + b"!", id="longer"),
            pytest.param(b"", id="emptied"),
        ],
    )
    def test_bytes_that_are_not_the_measured_ones_do_not_leave(
        self, file: LocalFile, at: Serve, content: bytes
    ) -> None:
        account = at()
        file.path.write_bytes(content)
        with pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
            account.upload(file)
        assert account.lines("upload-start") == []

    @pytest.mark.parametrize("keep", [len(CONTENT), 5 * PART], ids=["edited", "cut off"])
    def test_bytes_that_change_on_their_way_are_never_completed(
        self, file: LocalFile, at: Serve, keep: int
    ) -> None:
        account = at()

        def change(done: int) -> None:
            if done == 0:
                file.path.write_bytes(CONTENT[: 5 * PART - 1] + b"!" + CONTENT[5 * PART : keep])

        with pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
            account.upload(replace(file, tell=change))
        assert account.stored() == []
        assert set(account.parts()) < set(hashes())
        assert account.lines("upload-complete") == []
        assert len(account.lines("upload-cancel")) == 1

    def test_a_file_that_is_gone_is_said_as_one(self, file: LocalFile, at: Serve) -> None:
        file.path.unlink()
        with pytest.raises(CreateRejected, match=r"train\.jsonl cannot be read: No such file"):
            at().upload(file)


STORED = {"id": "file-1", "bytes": len(CONTENT), "filename": f"{SHA}.jsonl", "created_at": 7}
BEGUN = {"id": "upload_1", "object": "upload", "expires_at": 9, "status": "pending"}


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
