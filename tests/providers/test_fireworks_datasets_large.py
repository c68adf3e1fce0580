"""A large dataset goes to a signed address: without our key, and on after a crash."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable
from reconciler.providers.base import LocalFile
from reconciler.providers.fireworks import datasets
from tests.providers.fireworks_bench import GONE, KEY, bench, grpc, sent
from tests.providers.fireworks_datasets_store import (
    CONTENT,
    ENDPOINT,
    ID,
    MAKE,
    PUT,
    REF,
    VALIDATE,
    Store,
    changes,
)
from tests.providers.loopback import DROP, Heard, Reply, error


class TestLarge:
    """What one request does not take goes to an address that needs no key and must get none."""

    @pytest.fixture(autouse=True)
    def _small_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(datasets, "MAX_DIRECT", 10)

    def upload(self, file: LocalFile, store: Store) -> list[Heard]:
        with bench(store) as at:
            store.url = at.server.url
            assert at.provider.upload(file) == REF
        self.naps = at.naps
        return at.server.heard

    def test_it_goes_to_the_signed_address_with_its_exact_length_and_no_key(
        self, file: LocalFile
    ) -> None:
        store = Store()
        heard = self.upload(file, store)
        assert changes(heard) == [MAKE, ENDPOINT, PUT, VALIDATE]
        (put,) = sent(heard, "PUT")
        assert put.target == "/bucket/upload?X-Goog-Signature=5ig"
        assert put.headers["content-length"] == str(len(CONTENT))
        assert put.headers["x-goog-content-length-range"] == f"{len(CONTENT)},{len(CONTENT)}"
        assert put.headers["content-type"] == "application/octet-stream"
        assert "transfer-encoding" not in put.headers
        assert KEY not in str(put.headers)
        _, asked, validated = sent(heard)
        assert asked.json == {"filenameToSize": {f"{ID}.jsonl": str(len(CONTENT))}}
        assert validated.json == {}
        assert store.stored == CONTENT

    @pytest.mark.parametrize("trouble", [DROP, Reply(503), Reply(429), Reply(408)])
    def test_storage_that_is_busy_gets_a_new_address(self, file: LocalFile, trouble: Reply) -> None:
        heard = self.upload(file, Store(before={PUT: [trouble]}))
        assert changes(heard) == [MAKE, ENDPOINT, PUT, ENDPOINT, PUT, VALIDATE]

    def noting(self, file: LocalFile) -> LocalFile:
        return replace(file, progress=file.path.with_name("notes.json"))

    def interrupted(self, file: LocalFile, store: Store) -> str:
        """What a run leaves that was killed once storage had the bytes; its notes."""
        store.before = {VALIDATE: [DROP] * 4}
        with bench(store) as at:
            store.url = at.server.url
            with pytest.raises(ProviderUnavailable):
                at.provider.upload(file)
        assert file.progress is not None
        return file.progress.read_text()

    def test_what_storage_has_taken_is_not_sent_again_after_a_crash(self, file: LocalFile) -> None:
        file, store = self.noting(file), Store()
        notes = self.interrupted(file, store)
        assert "5ig" not in notes
        assert "http" not in notes
        store.before = {VALIDATE: [grpc(400, 9, "finalizing")]}
        heard = self.upload(file, store)
        assert changes(heard)[:2] == [VALIDATE, VALIDATE]
        assert PUT not in changes(heard)
        assert file.progress is not None
        assert not file.progress.exists()

    def test_what_storage_has_lost_is_sent_again(self, file: LocalFile) -> None:
        file, store = self.noting(file), Store()
        self.interrupted(file, store)
        store.stored = None
        heard = self.upload(file, store)
        assert changes(heard) == [VALIDATE] * 4 + [ENDPOINT, PUT, VALIDATE]

    def test_a_dataset_that_was_deleted_is_filled_whatever_the_notes_say(
        self, file: LocalFile
    ) -> None:
        file, store = self.noting(file), Store()
        self.interrupted(file, store)
        store.state = store.stored = None
        assert changes(self.upload(file, store)) == [MAKE, ENDPOINT, PUT, VALIDATE]

    def test_the_address_is_in_no_log(
        self, file: LocalFile, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        self.upload(file, Store())
        assert "/bucket/upload" in caplog.text
        assert "5ig" not in caplog.text

    def test_storage_that_is_not_done_is_waited_for(self, file: LocalFile) -> None:
        heard = self.upload(file, Store(before={VALIDATE: [grpc(400, 9, "finalizing")] * 2}))
        assert changes(heard).count(VALIDATE) == 3
        assert self.naps == [0.5, 0.5]

    def test_data_that_does_not_hold_up_is_a_refused_create(self, file: LocalFile) -> None:
        store = Store(before={VALIDATE: [grpc(400, 3, "line 1 is no JSON")]})
        with bench(store) as at:
            store.url = at.server.url
            with pytest.raises(CreateRejected, match="line 1 is no JSON"):
                at.provider.upload(file)

    def test_storage_that_refuses_says_nothing_of_the_address(self, file: LocalFile) -> None:
        said = b"<Error><Code>EntityTooLarge</Code><StringToSign>5ig</StringToSign></Error>"
        store = Store(before={PUT: [Reply(400, said)]})
        with bench(store) as at:
            store.url = at.server.url
            with pytest.raises(ProviderUnavailable) as caught:
                at.provider.upload(file)
        assert not isinstance(caught.value, ProviderAuthError)
        shown = f"{caught.value!r} {caught.value} {vars(caught.value)} {caught.value.__cause__}"
        assert "400 EntityTooLarge" in shown
        assert "5ig" not in shown
        assert "bucket" not in shown

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"filenameToSignedUrls": {"other.jsonl": "https://h/x?sig=5ig"}},
            {"filenameToSignedUrls": {f"{ID}.jsonl": "http://storage.example/x?sig=5ig"}},
            {"filenameToSignedUrls": {f"{ID}.jsonl": "//x?sig=5ig"}},
        ],
    )
    def test_an_address_that_is_none_is_not_used(
        self, file: LocalFile, answer: dict[str, Any]
    ) -> None:
        store = Store(before={ENDPOINT: [Reply(200, answer)]})
        with bench(store) as at, pytest.raises(ProviderUnavailable) as caught:
            at.provider.upload(file)
        assert "5ig" not in f"{caught.value}"


def test_a_large_file_is_never_in_memory_whole(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    size = 24 * 1024 * 1024
    with path.open("wb") as written:
        for _ in range(24):
            written.write((b"x" * 1023 + b"\n") * 1024)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    file = LocalFile(path=path, sha256=sha256, size=size)

    def answer(heard: Heard) -> Reply:
        if heard.path.endswith(":upload"):
            return error(400)
        return Reply(200, {}) if heard.method == "POST" else GONE

    with bench(answer) as at:
        tracemalloc.start()
        try:
            with pytest.raises(CreateRejected):
                at.provider.upload(file)
            held = [
                trace.size
                for trace in tracemalloc.take_snapshot().statistics("filename")
                if "httpx" in str(trace.traceback) or "reading.py" in str(trace.traceback)
            ]
        finally:
            tracemalloc.stop()
    assert sum(held) < size / 4
