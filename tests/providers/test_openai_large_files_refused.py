"""A large file that is refused, comes too late, or is not what was measured is never a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.providers.base import LocalFile
from tests.providers import openai_large_files
from tests.providers.openai_large_files import CONTENT, PART, Serve, hashes, noted
from tests.sandbox.workbench import Clock

file = openai_large_files.file
clock = openai_large_files.clock
at = openai_large_files.at


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
