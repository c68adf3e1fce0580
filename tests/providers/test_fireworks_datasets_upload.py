"""The same bytes are stored once: named after their hash, sent, waited for, and used again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.fireworks import names, reading
from tests.providers.fireworks_bench import DATASETS, GONE, bench, grpc, sent
from tests.providers.fireworks_datasets_store import (
    CONTENT,
    FILL,
    GET,
    ID,
    MAKE,
    NAME,
    REF,
    SHA,
    STORED,
    Store,
    changes,
    local,
)
from tests.providers.loopback import Reply


def test_bytes_that_nobody_has_are_counted_named_after_their_hash_and_sent(file: LocalFile) -> None:
    store = Store()
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [MAKE, FILL]
    made, filled = sent(at.server.heard)
    assert made.json == {
        "datasetId": ID,
        "dataset": {"userUploaded": {}, "exampleCount": "3", "format": "CHAT"},
    }
    assert filled.form == {"file": (f"{ID}.jsonl", CONTENT)}
    assert int(filled.headers["content-length"]) == len(filled.body)
    assert store.stored == CONTENT
    assert len(ID) == 63
    assert names.is_id(ID)


@pytest.mark.parametrize(
    ("content", "examples", "format_"),
    [
        (b'{"messages": []}\n\n  \n{"messages": []}', 2, "CHAT"),
        (b'{"prompt": "a", "completion": "b"}\n', 1, "COMPLETION"),
        (b'{"input": {}, "preferred_output": [], "non_preferred_output": []}\n', 1, None),
        (b"\n[1]\n", 1, None),
        (b"nothing\n", 1, None),
    ],
)
def test_what_is_counted(
    tmp_path: Path, content: bytes, examples: int, format_: str | None
) -> None:
    counted = reading.count(local(tmp_path / "x.jsonl", content))
    assert (counted.examples, counted.format) == (examples, format_)


def test_bytes_that_fireworks_has_are_used(file: LocalFile) -> None:
    with bench(Store(state="READY")) as at:
        assert at.provider.upload(file) == REF
        assert at.provider.upload(file, REF) == REF
        assert at.server.requests() == [GET]


def test_what_state_remembers_is_asked_for_and_used(file: LocalFile) -> None:
    older = FileRef(
        reference="accounts/acme/datasets/older", sha256=SHA, size=len(CONTENT), uploaded_at=7
    )
    store = Store(before={f"GET {DATASETS}/older": [Reply(200, {**STORED, "name": "older"})]})
    with bench(store) as at:
        assert at.provider.upload(file, older) is older
        assert at.server.requests() == [f"GET {DATASETS}/older"]


@pytest.mark.parametrize(
    "remembered", ["file-none", "accounts/other/datasets/x", "accounts/acme/datasets/gone"]
)
def test_what_is_not_there_any_more_is_sent_again(file: LocalFile, remembered: str) -> None:
    lost = FileRef(reference=remembered, sha256=SHA, size=len(CONTENT), uploaded_at=7)
    with bench(Store()) as at:
        assert at.provider.upload(file, lost) == REF
        assert changes(at.server.heard) == [MAKE, FILL]


def test_a_dataset_that_a_dead_run_left_half_uploaded_is_filled(file: LocalFile) -> None:
    store = Store(state="UPLOADING")
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [FILL]
    assert store.stored == CONTENT


def test_a_dataset_that_another_run_makes_meanwhile_is_filled(file: LocalFile) -> None:
    store = Store(state="UPLOADING", before={GET: [GONE, GONE]})
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [MAKE, FILL]


def test_a_dataset_is_used_once_it_is_ready(file: LocalFile) -> None:
    with bench(Store(slow=4)) as at:
        assert at.provider.upload(file) == REF
    assert at.naps == [0.5, 0.5, 1.0, 2.0]


def test_a_dataset_that_is_never_ready_is_not_waited_for_for_ever(file: LocalFile) -> None:
    with (
        bench(Store(slow=1000)) as at,
        pytest.raises(ProviderUnavailable, match=r"train\.jsonl and is not done looking at it"),
    ):
        at.provider.upload(file)
    assert 500 < sum(at.naps) < 700


def test_a_dataset_that_fireworks_cannot_use_is_a_refused_create(file: LocalFile) -> None:
    store = Store(slow=9, failure={"code": "INVALID_ARGUMENT", "message": "line 2 has no role"})
    with bench(store) as at, pytest.raises(CreateRejected, match="line 2 has no role") as caught:
        at.provider.upload(file)
    assert caught.value.remedy is Remedy.FIX_SPEC


def test_a_dataset_that_a_dead_run_left_and_fireworks_gave_up_is_made_anew(
    file: LocalFile,
) -> None:
    store = Store(state="UPLOADING", failure={"code": "INTERNAL", "message": "sorry"})
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [f"DELETE {DATASETS}/{ID}", MAKE, FILL]


def test_a_dataset_that_a_dead_run_filled_is_waited_for(file: LocalFile) -> None:
    immutable = grpc(400, 9, "dataset has been uploaded and is immutable")
    store = Store(state="FILLED", slow=3, before={FILL: [immutable]})
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [FILL]


def test_what_leaves_is_told(file: LocalFile) -> None:
    told: list[int] = []
    with bench(Store()) as at:
        at.provider.upload(replace(file, tell=told.append))
    assert told[-1] == len(CONTENT)
    assert told == sorted(told)


def test_threads_with_the_same_bytes_send_them_once(file: LocalFile) -> None:
    together = threading.Barrier(4)

    def upload(_: int) -> FileRef:
        together.wait()
        return at.provider.upload(file)

    with bench(Store()) as at, ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(upload, range(4))) == {REF}
    assert changes(at.server.heard) == [MAKE, FILL]


def test_what_a_refused_create_named_is_looked_for_again(file: LocalFile) -> None:
    with bench(Store(state="READY")) as at:
        at.provider.upload(file)
        at.provider.upload(file)
        assert at.server.requests() == [GET]
        at.provider._datasets.forget([NAME, None])
        at.provider.upload(file)
        assert at.server.requests() == [GET, GET]
