"""A large file goes on after a crash, with what the notes beside it say was answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.errors import ProviderUnavailable
from reconciler.providers.base import LocalFile
from tests.providers import openai_large_files
from tests.providers.loopback import KEY
from tests.providers.openai_large_files import (
    CONTENT,
    PART,
    PARTS,
    SHA,
    Serve,
    hashes,
    noted,
    uploads,
)
from tests.sandbox.workbench import Clock

file = openai_large_files.file
clock = openai_large_files.clock
at = openai_large_files.at


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
