"""How data gets up: once per account, converted once, and told of as it leaves."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import uploads
from reconciler.datasets import conversion
from reconciler.datasets.conversion import BEDROCK_CONVERSATION, SYSTEM_MESSAGES, Converted
from reconciler.errors import CreateRejected, Remedy
from reconciler.model import Dataset, FileRef, JobSpec
from reconciler.providers.base import LocalFile
from reconciler.state.commit import Ledger
from reconciler.uploads import Uploads
from tests.fakes import Clock, FakeProvider, MemoryStore, make_spec

LINE = {
    "messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}]
}
CONTENT = (json.dumps(LINE) + "\n").encode() * 3
SHA = hashlib.sha256(CONTENT).hexdigest()
DATA = Dataset(
    path="specs/train.jsonl", sha256=SHA, size=len(CONTENT), examples=3, format="chat", present=True
)
PLAIN = make_spec(training=DATA)
CONVERTED = make_spec(training=DATA, conversion=BEDROCK_CONVERSATION)


class Account(FakeProvider):
    """A provider that keeps the bytes it is sent, and how each file was handed to it."""

    def __init__(self, scope: str = "fake") -> None:
        super().__init__(clock=Clock(), scope=scope)
        self.handed: list[LocalFile] = []
        self.contents: list[bytes] = []

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        self.handed.append(file)
        sent = len(self.uploads)
        ref = super().upload(file, known)
        if len(self.uploads) > sent:
            self.contents.append(file.path.read_bytes())
            file.tell(file.size)
        return ref


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def ledger() -> Ledger:
    store = MemoryStore()
    return Ledger(store, store.read())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/train.jsonl").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def converting(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The targets of every conversion that is made."""
    targets: list[Path] = []
    convert = conversion.convert

    def counted(source: Path, target: Path, *names: str, **fields: Any) -> Converted:
        targets.append(target)
        return convert(source, target, *names, **fields)

    monkeypatch.setattr(conversion, "convert", counted)
    return targets


def converted_files(root: Path) -> list[Path]:
    return sorted((root / ".reconciler/cache/converted").iterdir())


class TestOnce:
    def test_the_same_bytes_go_once_per_account(
        self, root: Path, account: Account, ledger: Ledger
    ) -> None:
        other, of_pass = Account("other"), Uploads(root)
        together = threading.Barrier(6)

        def reference(number: int) -> str:
            together.wait()
            provider = (account, other)[number % 2]
            return of_pass.reference(DATA, make_spec(f"s{number}"), provider, ledger)

        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(reference, range(6))) == {f"file-{SHA[:8]}"}
        assert account.contents == other.contents == [CONTENT]

    @pytest.mark.parametrize("specs", [1, 5])
    def test_a_conversion_is_made_once_however_many_specs_and_accounts_want_it(
        self, root: Path, account: Account, ledger: Ledger, converting: list[Path], specs: int
    ) -> None:
        other, of_pass = Account("other"), Uploads(root)
        for provider in (account, other):
            with ThreadPoolExecutor(specs) as pool:
                list(
                    pool.map(
                        lambda _, at=provider: of_pass.reference(DATA, CONVERTED, at, ledger),
                        range(specs),
                    )
                )
        assert len(converting) == 1
        assert len(account.contents) == len(other.contents) == 1
        assert b"schemaVersion" in account.contents[0]

    def test_a_later_pass_uses_what_an_earlier_one_made(
        self, root: Path, account: Account, ledger: Ledger, converting: list[Path]
    ) -> None:
        first = Uploads(root).reference(DATA, CONVERTED, account, ledger)
        assert Uploads(root).reference(DATA, CONVERTED, account, ledger) == first
        assert len(converting) == 1

    def test_every_form_is_a_file_of_its_own(
        self, root: Path, account: Account, ledger: Ledger, converting: list[Path]
    ) -> None:
        of_pass = Uploads(root)
        for form in (BEDROCK_CONVERSATION, SYSTEM_MESSAGES):
            of_pass.reference(DATA, replace(CONVERTED, conversion=form), account, ledger)
        assert len(converting) == len(set(account.contents)) == 2


class TestConvertedFiles:
    def test_a_name_says_what_it_was_made_of_and_what_it_holds(
        self, root: Path, account: Account, ledger: Ledger
    ) -> None:
        Uploads(root).reference(DATA, CONVERTED, account, ledger)
        (path,) = converted_files(root)
        made = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.name == f"{SHA}-bedrock-conversation-2024-1-{made}.jsonl"
        assert account.handed[0].sha256 == made

    def test_one_that_holds_something_else_is_made_anew(
        self, root: Path, account: Account, ledger: Ledger, converting: list[Path]
    ) -> None:
        Uploads(root).reference(DATA, CONVERTED, account, ledger)
        (path,) = converted_files(root)
        sound = path.read_bytes()
        path.write_bytes(sound.replace(b"Here.", b"Away."))
        other = Account("other")
        Uploads(root).reference(DATA, CONVERTED, other, ledger)
        assert other.contents == [sound]
        assert len(converting) == 2

    def test_what_a_killed_run_left_is_removed(
        self, root: Path, account: Account, ledger: Ledger
    ) -> None:
        folder = root / ".reconciler/cache/converted"
        folder.mkdir(parents=True)
        name = f".{SHA}-bedrock-conversation-2024-1.new.tmp-77-0123abcd"
        (folder / name).write_text("half")
        Uploads(root).reference(DATA, CONVERTED, account, ledger)
        assert [path.suffix for path in converted_files(root)] == [".jsonl"]

    def test_only_so_many_stay_and_never_less_than_the_pass_needs(
        self, root: Path, account: Account, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploads, "CONVERTED_KEPT", 1)
        of_pass = Uploads(root)
        specs = []
        for number in range(4):
            content = CONTENT + CONTENT * number
            (root / f"specs/{number}.jsonl").write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            data = replace(DATA, path=f"specs/{number}.jsonl", sha256=sha256, size=len(content))
            specs.append(replace(CONVERTED, training=data))
        for spec in specs:
            of_pass.reference(spec.training, spec, account, ledger)
        assert len(converted_files(root)) == 4
        Uploads(root).reference(specs[0].training, specs[0], account, ledger)
        assert len(converted_files(root)) == 2

    def test_data_that_changed_since_the_plan_is_not_converted(
        self, root: Path, account: Account, ledger: Ledger
    ) -> None:
        (root / "specs/train.jsonl").write_bytes(CONTENT * 2)
        with pytest.raises(CreateRejected, match="has changed since it was read") as caught:
            Uploads(root).reference(DATA, CONVERTED, account, ledger)
        assert caught.value.remedy is Remedy.RETRY_NOW
        assert converted_files(root) == []
        assert account.handed == []

    def test_data_that_cannot_be_read_is_told(
        self, root: Path, account: Account, ledger: Ledger
    ) -> None:
        (root / "specs/train.jsonl").unlink()
        with pytest.raises(CreateRejected, match=r"train\.jsonl cannot be converted: No such file"):
            Uploads(root).reference(DATA, CONVERTED, account, ledger)


class TestTold:
    @pytest.mark.parametrize("spec", [PLAIN, CONVERTED], ids=["as it is", "converted"])
    def test_a_person_hears_of_it_by_the_name_they_know(
        self, root: Path, account: Account, ledger: Ledger, spec: JobSpec
    ) -> None:
        told: list[tuple[str, int, int]] = []
        of_pass = Uploads(root, tell=lambda *words: told.append(words))
        of_pass.reference(DATA, spec, account, ledger)
        size = account.handed[0].size
        assert told == [("specs/train.jsonl", size, size)]

    def test_nobody_has_to_listen(self, root: Path, account: Account, ledger: Ledger) -> None:
        Uploads(root).reference(DATA, PLAIN, account, ledger)
        assert account.contents == [CONTENT]


def test_notes_on_an_upload_are_of_one_account_and_one_content(
    root: Path, account: Account, ledger: Ledger
) -> None:
    other = Account("https://other.example/v1#sk-not-shown")
    for spec in (PLAIN, CONVERTED):
        for provider in (account, other):
            Uploads(root).reference(DATA, spec, provider, ledger)
    places = [file.progress for provider in (account, other) for file in provider.handed]
    assert len(set(places)) == 4
    for place in places:
        assert place is not None
        assert place.parent == root / ".reconciler/cache/uploads"
        assert "other" not in place.name


def test_data_that_is_not_here_is_asked_of_the_state_and_else_told(
    root: Path, account: Account, ledger: Ledger
) -> None:
    absent = replace(DATA, present=False)
    with pytest.raises(CreateRejected, match=r"the bytes of specs/train\.jsonl are not here"):
        Uploads(root).reference(absent, PLAIN, account, ledger)
    Uploads(root).reference(DATA, PLAIN, account, ledger)
    assert Uploads(root).reference(absent, PLAIN, account, ledger) == f"file-{SHA[:8]}"
    assert Uploads(root).reference(Dataset(reference="file-9"), PLAIN, account, ledger) == "file-9"
