"""The same bytes are stored once, and only as they were measured."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.model import FileRef
from reconciler.providers.base import LocalFile
from reconciler.providers.fireworks import datasets, names, reading
from tests.providers.fireworks_bench import DATASETS, GONE, KEY, bench, grpc, sent
from tests.providers.loopback import DROP, Heard, Reply, error

LINE = b'{"messages": [{"role": "user", "content": "hi"}]}\n'
CONTENT = LINE * 3 + b"\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
ID = f"ds-{SHA[:60]}"
NAME = f"accounts/acme/datasets/{ID}"
STORED = {"name": NAME, "state": "READY", "createTime": "2026-07-17T19:59:05Z"}
REF = FileRef(reference=NAME, sha256=SHA, size=len(CONTENT), uploaded_at=1784318345)
GET, MAKE, FILL = f"GET {DATASETS}/{ID}", f"POST {DATASETS}", f"POST {DATASETS}/{ID}:upload"
ENDPOINT = f"POST {DATASETS}/{ID}:getUploadEndpoint"
VALIDATE = f"POST {DATASETS}/{ID}:validateUpload"
PUT = "PUT /bucket/upload"


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    return local(tmp_path / "train.jsonl", CONTENT)


def local(path: Path, content: bytes) -> LocalFile:
    path.write_bytes(content)
    return LocalFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@dataclass
class Store:
    """Fireworks' datasets, as far as uploading goes. A reply in `before` is given once instead.

    `slow` is how many looks find a dataset that is not ready after it has been filled.
    """

    before: dict[str, list[Reply]] = field(default_factory=dict)
    slow: int = 0
    state: str | None = None
    stored: bytes | None = None
    expected: str = ""
    url: str = ""
    failure: dict[str, str] = field(default_factory=dict)

    def __call__(self, heard: Heard) -> Reply:
        asked = f"{heard.method} {heard.path}"
        if self.before.get(asked):
            return self.before[asked].pop(0)
        match asked:
            case _ if asked == GET:
                return self.shown()
            case _ if asked == MAKE:
                if self.state is not None:
                    return grpc(409, 6, "exists")
                self.state = "UPLOADING"
                return Reply(200, {"name": NAME, "state": "UPLOADING"})
            case _ if asked == f"DELETE {DATASETS}/{ID}":
                self.state, self.stored, self.failure = None, None, {}
                return Reply(200, {})
            case _ if asked == FILL:
                return self.filled(heard.form["file"][1])
            case _ if asked == ENDPOINT:
                ((name, self.expected),) = heard.json["filenameToSize"].items()
                signed = f"{self.url}/bucket/upload?X-Goog-Signature=5ig"
                return Reply(200, {"filenameToSignedUrls": {name: signed}})
            case _ if asked == PUT:
                wanted = heard.headers["x-goog-content-length-range"]
                if "authorization" in heard.headers or wanted != f"{self.expected},{self.expected}":
                    return Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
                self.stored = heard.body
                return Reply(200)
            case _ if asked == VALIDATE:
                return self.filled(self.stored) if self.stored else grpc(400, 9, "no file")
        return GONE

    def shown(self) -> Reply:
        if self.state is None:
            return GONE
        if self.state == "FILLED":
            self.slow -= 1
            self.state = "READY" if self.slow < 0 else "FILLED"
        state = "READY" if self.state == "READY" else "UPLOADING"
        return Reply(200, {**STORED, "state": state, "status": self.failure or None})

    def filled(self, content: object) -> Reply:
        assert isinstance(content, bytes)
        self.stored, self.state = content, "FILLED"
        return Reply(200, {})


def posts(heard: list[Heard]) -> list[str]:
    return [f"{h.method} {h.path}" for h in heard if h.method != "GET"]


def test_bytes_that_nobody_has_are_counted_named_after_their_hash_and_sent(file: LocalFile) -> None:
    store = Store()
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert posts(at.server.heard) == [MAKE, FILL]
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
        assert posts(at.server.heard) == [MAKE, FILL]


def test_a_dataset_that_a_dead_run_left_half_uploaded_is_filled(file: LocalFile) -> None:
    store = Store(state="UPLOADING")
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert posts(at.server.heard) == [FILL]
    assert store.stored == CONTENT


def test_a_dataset_that_another_run_makes_meanwhile_is_filled(file: LocalFile) -> None:
    store = Store(state="UPLOADING", before={GET: [GONE, GONE]})
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert posts(at.server.heard) == [MAKE, FILL]


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
    assert posts(at.server.heard) == [f"DELETE {DATASETS}/{ID}", MAKE, FILL]


def test_a_dataset_that_a_dead_run_filled_is_waited_for(file: LocalFile) -> None:
    immutable = grpc(400, 9, "dataset has been uploaded and is immutable")
    store = Store(state="FILLED", slow=3, before={FILL: [immutable]})
    with bench(store) as at:
        assert at.provider.upload(file) == REF
    assert posts(at.server.heard) == [FILL]


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
    assert posts(at.server.heard) == [MAKE, FILL]


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
    assert posts(at.server.heard) == [MAKE, FILL]


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
    assert posts(at.server.heard).count(at_step) == 1


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
    assert not posts(at.server.heard)


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
        assert posts(heard) == [MAKE, ENDPOINT, PUT, VALIDATE]
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
        assert posts(heard) == [MAKE, ENDPOINT, PUT, ENDPOINT, PUT, VALIDATE]

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
        assert posts(heard)[:2] == [VALIDATE, VALIDATE]
        assert PUT not in posts(heard)
        assert file.progress is not None
        assert not file.progress.exists()

    def test_what_storage_has_lost_is_sent_again(self, file: LocalFile) -> None:
        file, store = self.noting(file), Store()
        self.interrupted(file, store)
        store.stored = None
        heard = self.upload(file, store)
        assert posts(heard) == [VALIDATE] * 4 + [ENDPOINT, PUT, VALIDATE]

    def test_a_dataset_that_was_deleted_is_filled_whatever_the_notes_say(
        self, file: LocalFile
    ) -> None:
        file, store = self.noting(file), Store()
        self.interrupted(file, store)
        store.state = store.stored = None
        assert posts(self.upload(file, store)) == [MAKE, ENDPOINT, PUT, VALIDATE]

    def test_the_address_is_in_no_log(
        self, file: LocalFile, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        self.upload(file, Store())
        assert "/bucket/upload" in caplog.text
        assert "5ig" not in caplog.text

    def test_storage_that_is_not_done_is_waited_for(self, file: LocalFile) -> None:
        heard = self.upload(file, Store(before={VALIDATE: [grpc(400, 9, "finalizing")] * 2}))
        assert posts(heard).count(VALIDATE) == 3
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


def test_what_a_refused_create_named_is_looked_for_again(file: LocalFile) -> None:
    with bench(Store(state="READY")) as at:
        at.provider.upload(file)
        at.provider.upload(file)
        assert at.server.requests() == [GET]
        at.provider._datasets.forget([NAME, None])
        at.provider.upload(file)
        assert at.server.requests() == [GET, GET]
