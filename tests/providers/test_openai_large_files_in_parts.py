"""Large files go in parts: each part once, the whole as it was measured, no part in memory."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import CreateRejected
from reconciler.providers.base import LocalFile
from tests.providers import openai_large_files
from tests.providers.openai_large_files import CONTENT, PART, SHA, Serve, hashes

file = openai_large_files.file
clock = openai_large_files.clock
at = openai_large_files.at


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
