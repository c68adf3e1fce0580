"""Facts that are remembered by content: right, or not remembered at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.datasets import cache, facts, ranges
from reconciler.datasets.facts import DatasetFacts

LINE = b'{"prompt":"%d","completion":"x"}\n'
SMALL = b"".join(LINE % number for number in range(100))
LARGE = b"".join(LINE % number for number in range(40_000)) + b"text\n" + LINE % 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".reconciler/cache/datasets"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.jsonl"
    path.write_bytes(LARGE)
    assert len(LARGE) > facts.WORTH_CACHING
    return path


@pytest.fixture
def surveys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for every file that is not remembered."""
    done: list[str] = []
    survey = ranges.survey

    def counted(source: ranges.Source, *arguments: object, **options: int) -> None:
        done.append(Path(source.path).name)
        survey(source, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ranges, "survey", counted)
    return done


def entry(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_what_was_found_out_once_is_not_found_out_again(
    path: Path, folder: Path, surveys: list[str]
) -> None:
    first = facts.read(path, "x.jsonl", cache=folder)
    assert facts.read(path, "x.jsonl", cache=folder) == first == facts.read(path, "x.jsonl")
    assert surveys == ["x.jsonl", "x.jsonl"]
    assert first.errors
    assert first.warnings


def test_another_name_for_the_same_content_is_told_by_that_name(
    path: Path, folder: Path, surveys: list[str]
) -> None:
    facts.read(path, "x.jsonl", cache=folder)
    copy = path.with_name("y.jsonl")
    copy.write_bytes(LARGE)
    assert {problem.file for problem in facts.read(copy, "y.jsonl", cache=folder).problems} == {
        "y.jsonl"
    }
    assert surveys == ["x.jsonl"]


def test_neither_size_nor_time_is_trusted(path: Path, folder: Path) -> None:
    before = path.stat()
    facts.read(path, "x.jsonl", cache=folder)
    path.write_bytes(LARGE.replace(b"text", b"null"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = facts.read(path, "x.jsonl", cache=folder)
    assert found == facts.read(path, "x.jsonl")
    assert "not-an-object" in {problem.rule for problem in found.problems}


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 40, None])
def test_a_damaged_entry_is_ignored_and_written_anew(
    path: Path, folder: Path, surveys: list[str], damage: bytes | None
) -> None:
    first = facts.read(path, "x.jsonl", cache=folder)
    place = entry(folder)
    good = place.read_bytes()
    place.write_bytes(damage if damage is not None else good[:-1] + bytes([good[-1] ^ 1]))
    assert facts.read(path, "x.jsonl", cache=folder) == first
    assert place.read_bytes() == good
    assert len(surveys) == 2


def test_other_rules_do_not_speak_for_ours(
    path: Path, folder: Path, surveys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts.read(path, "x.jsonl", cache=folder)
    old = entry(folder)
    monkeypatch.setattr(cache, "_version", lambda: "0123456789abcdef")
    facts.read(path, "x.jsonl", cache=folder)
    assert len(surveys) == 2
    assert entry(folder) != old


def test_a_small_file_is_read_and_not_remembered(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(SMALL)
    facts.read(path, "x.jsonl", cache=folder)
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_changes_nothing(path: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file is in the way")
    assert facts.read(path, "x.jsonl", cache=folder) == facts.read(path, "x.jsonl")


def test_the_oldest_of_too_many_entries_go(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 2)
    for number in range(4):
        path.write_bytes(LARGE + LINE % (50_000 + number))
        facts.read(path, "x.jsonl", cache=folder)
        os.utime(
            max(folder.iterdir(), key=lambda place: place.stat().st_mtime_ns), (number, number)
        )
    assert len(list(folder.iterdir())) == 2
    assert cache.expects(folder, path.stat().st_size)


def test_an_entry_that_is_older_than_a_field_is_no_entry(folder: Path) -> None:
    cache.save(folder, "0" * 64, 7, {"sha256": None})
    assert cache.load(folder, "0" * 64, 7, DatasetFacts) is None
