"""Uploads that fail: tried again or refused, and no other bytes stored than were measured."""

from __future__ import annotations

import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.providers.base import LocalFile
from reconciler.providers.fireworks import datasets, reading
from tests.providers.fireworks_bench import bench, grpc
from tests.providers.fireworks_datasets_store import (
    CONTENT,
    FILL,
    GET,
    MAKE,
    PUT,
    REF,
    STORED,
    Store,
    changes,
)
from tests.providers.loopback import DROP, Heard, Reply


@pytest.mark.parametrize(
    "trouble",
    [
        {MAKE: [DROP]},
        {MAKE: [grpc(503, 14), grpc(429, 8)]},
        {MAKE: [grpc(409, 10, "aborted")]},
        {FILL: [DROP]},
        {FILL: [grpc(500, 13)]},
        {GET: [DROP, grpc(502, 14)]},
    ],
)
def test_what_did_not_work_is_done_again(file: LocalFile, trouble: dict[str, list[Reply]]) -> None:
    store = Store(before=trouble)
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert store.stored == CONTENT
    assert at.naps


def test_a_lost_answer_is_looked_for_before_the_bytes_go_out_again(file: LocalFile) -> None:
    store = Store()

    def lose(heard: Heard) -> Reply:
        reply = store(heard)
        return DROP if f"{heard.method} {heard.path}" == FILL else reply

    with bench(lose) as at:
        assert at.provider.upload(file) == REF
    assert changes(at.server.heard) == [MAKE, FILL]


def test_a_refusal_because_it_is_there_already_is_no_refusal(file: LocalFile) -> None:
    waiting = Reply(200, {**STORED, "state": "UPLOADING"})
    store = Store(
        state="READY",
        before={GET: [waiting, waiting], FILL: [grpc(400, 9, "dataset is READY")]},
    )
    with bench(store) as at:
        assert at.provider.upload(file) == REF


@pytest.mark.parametrize(
    ("at_step", "reply", "remedy"),
    [
        (MAKE, grpc(400, 3, "bad"), Remedy.FIX_SPEC),
        (FILL, grpc(413, 3, "large"), Remedy.FIX_SPEC),
        (FILL, grpc(400, 9, "suspended for billing"), Remedy.FIX_ACCOUNT),
    ],
)
def test_a_refused_file_is_a_refused_create(
    file: LocalFile, at_step: str, reply: Reply, remedy: Remedy
) -> None:
    with bench(Store(before={at_step: [reply]})) as at, pytest.raises(CreateRejected) as caught:
        at.provider.upload(file)
    assert caught.value.remedy is remedy
    assert changes(at.server.heard).count(at_step) == 1


def test_a_refused_key_is_said_as_one(file: LocalFile) -> None:
    store = Store(before={MAKE: [grpc(403, 7)]})
    with bench(store) as at, pytest.raises(ProviderAuthError, match="FIREWORKS_API_KEY"):
        at.provider.upload(file)


@pytest.mark.parametrize("reply", [Reply(302), Reply(404, b"<h1>no</h1>"), Reply(200, {})])
def test_an_answer_that_is_not_understood_is_no_upload(file: LocalFile, reply: Reply) -> None:
    with bench(lambda _: reply) as at, pytest.raises(ProviderUnavailable):
        at.provider.upload(file)


CHANGED = [
    pytest.param(CONTENT[:-1] + b"!", id="edited"),
    pytest.param(CONTENT[:-1], id="shorter"),
    pytest.param(CONTENT + b"!", id="longer"),
    pytest.param(b"", id="emptied"),
]


@pytest.mark.parametrize("content", CHANGED)
def test_a_file_that_changed_since_it_was_measured_is_not_even_begun(
    file: LocalFile, content: bytes
) -> None:
    file.path.write_bytes(content)
    with bench(Store()) as at, pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
        at.provider.upload(file)
    assert not changes(at.server.heard)


@pytest.mark.parametrize("content", CHANGED)
@pytest.mark.parametrize("direct", [True, False])
def test_a_file_that_changes_on_its_way_is_never_stored(
    file: LocalFile, monkeypatch: pytest.MonkeyPatch, content: bytes, direct: bool
) -> None:
    monkeypatch.setattr(datasets, "MAX_DIRECT", file.size if direct else 1)
    monkeypatch.setattr(reading, "_CHUNK", 16)
    store = Store()

    def change(heard: Heard) -> Reply:
        if f"{heard.method} {heard.path}" == MAKE:
            file.path.write_bytes(content)
        return store(heard)

    with bench(change) as at:
        store.url = at.server.url
        with pytest.raises(CreateRejected, match=r"train\.jsonl changed while"):
            at.provider.upload(file)
    carriers = [h for h in at.server.heard if f"{h.method} {h.path}" in (FILL, PUT)]
    assert all(len(h.body) < int(h.headers["content-length"]) for h in carriers)


def test_a_file_that_is_not_there_is_said_as_one(file: LocalFile) -> None:
    file.path.unlink()
    with (
        bench(Store()) as at,
        pytest.raises(CreateRejected, match=r"train\.jsonl cannot be read: No such file"),
    ):
        at.provider.upload(file)
