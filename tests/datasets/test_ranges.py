"""One file in one piece, in ranges, in two processes and from the cache: the same facts."""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.datasets import chat, facts, ranges, second, sketch, tokenizers, tokens
from reconciler.datasets import survey as loop
from reconciler.datasets.counting import Counting
from reconciler.datasets.facts import DatasetFacts
from reconciler.datasets.part import Part

SYSTEM = {"role": "system", "content": "You sell lamps."}
USER = {"role": "user", "content": "Is it bright?"}
ANSWER = {"role": "assistant", "content": "Very."}
CALL = {"id": "c1", "type": "function", "function": {"name": "measure", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "measure", "parameters": {"type": "object"}}}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "c1", "content": "900 lm"}


def preference(first: str, second: str) -> dict[str, Any]:
    return {
        "input": {"messages": [SYSTEM, USER]},
        "preferred_output": [{"role": "assistant", "content": first}],
        "non_preferred_output": [{"role": "assistant", "content": second}],
    }


GOOD: list[Any] = [
    {"messages": [USER, ANSWER]},
    {"messages": [SYSTEM, USER, ANSWER]},
    {"messages": [SYSTEM, USER, ANSWER, USER]},
    {"messages": [USER]},
    {"messages": [USER, ANSWER | {"content": '“Très” \\ "bright"\n'}]},
    {"messages": [USER, ANSWER | {"content": " "}]},
    {"messages": [USER, ANSWER | {"weight": 0}]},
    {"messages": [USER, ANSWER | {"weight": 0}, USER, ANSWER | {"weight": 1}]},
    {"messages": [USER, ANSWER | {"reasoning_content": "Lamps are bright.", "id": 1}]},
    {"messages": [SYSTEM, USER, ANSWER | {"reasoning_content": "Lamps are bright."}]},
    {"messages": [USER, CALLING, TOLD, ANSWER], "tools": [TOOL], "parallel_tool_calls": True},
    {"messages": [USER, CALLING | {"content": None}, TOLD, ANSWER, USER], "tools": [TOOL]},
    {"messages": [USER, TOLD, CALLING], "tools": [TOOL]},
    {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": [TOOL]},
    {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": [TOOL, TOOL]},
    preference("Very.", "No."),
    preference("Very.", "Very."),
    preference("Very." * 200, "No."),
    {"prompt": "Hi", "completion": "Hello"},
    {"prompt": "Hi", "completion": ""},
    {"messages": [SYSTEM]},
    {"messages": [USER, ANSWER | {"role": "bot"}]},
]
LINES = [
    json.dumps(line, ensure_ascii=number % 2 == 0).encode() for number, line in enumerate(GOOD)
]
LINES += [
    b"",
    b"  ",
    LINES[0] + b"\r",
    b'{"messages":[{"role":"user","role":"user","content":"a"}]}',
    b'{"messages":[{"role":"user","content":"\\ud800"}]}',
    b'{"prompt":"a","completion":"b","note":"\xff"}',
    b'{"prompt":"a","completion":NaN}',
]

_byte = st.binary(min_size=1, max_size=1)


@st.composite
def _line(draw: st.DrawFn) -> bytes:
    line = draw(st.sampled_from(LINES))
    if draw(st.integers(0, 3)) == 0 and line:
        place = draw(st.integers(0, len(line) - 1))
        line = line[:place] + draw(_byte) + line[place + draw(st.integers(0, 1)) :]
    return line


_file = st.one_of(
    st.lists(_line(), max_size=14).map(b"\n".join),
    st.lists(_line(), max_size=14).map(lambda lines: b"".join(line + b"\n" for line in lines)),
    st.binary(max_size=200),
)


def in_one(path: Path) -> DatasetFacts:
    return facts.read(path, "x.jsonl")


def in_ranges(path: Path, length: int) -> DatasetFacts:
    """The facts as two processes find them, but with nobody in the second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "WORTH_TWO", 0)
        patch.setattr(ranges, "LARGEST_RANGE", length)
        patch.setattr(ranges, "SMALLEST_RANGE", length)
        patch.setattr(ranges, "cores", lambda: 2)
        patch.setattr(sys, "executable", "")
        return facts.read(path, "x.jsonl")


def from_the_cache(path: Path, folder: Path) -> DatasetFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "WORTH_CACHING", 0)
        facts.read(path, "other.jsonl", cache=folder)
        return facts.read(path, "x.jsonl", cache=folder)


@settings(max_examples=300)
@given(content=_file, length=st.integers(1, 400))
@example(content=b"\n\n" + LINES[0] + b"\n\n", length=1)
@example(content=b"\n" * 5, length=1)
@example(content=b"\xef\xbb\xbf" + LINES[0] + b"\n" + LINES[2], length=3)
def test_a_file_is_the_same_however_it_is_read(
    content: bytes, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("data")
    path = folder / "x.jsonl"
    path.write_bytes(content)
    found = in_one(path)
    assert in_ranges(path, length) == found
    assert from_the_cache(path, folder / "cache") == found
    places = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for problem in found.problems:
        if problem.line:
            text = places[problem.line - 1].decode(errors="replace")
            assert 1 <= problem.column <= len(text) + 1
            assert str(problem).encode()


@settings(max_examples=300)
@given(content=_file)
def test_what_is_known_at_sight_is_what_a_closer_look_finds(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("data") / "x.jsonl"
    path.write_bytes(content)
    found = in_one(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat.Reader, "read", lambda *_: None)
        assert in_one(path) == found  # without the one way of knowing, and then without the other
        patch.setattr(loop, "LONG_ANSWER", -1)  # so that no line is taken for plain
        assert in_one(path) == found


@pytest.mark.parametrize("line", [LINES[n] for n in (0, 1, 2, 3, 4, 7, 9, 10, 11, 13, 14, 15, 18)])
def test_what_is_common_is_known_at_sight(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "look", None)
    survey = loop.Survey(1000)
    survey.take([line + b"\n"])
    assert survey.part().examples == 1


@settings(max_examples=60)
@given(order=st.randoms(use_true_random=False), most=st.integers(1, 30), length=st.integers(1, 900))
def test_a_sketch_that_overflows_is_the_same_in_ranges(
    order: random.Random, most: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("data") / "x.jsonl"
    lines = [b'{"prompt":"%d","completion":"x"}\n' % order.randrange(60) for _ in range(90)]
    path.write_bytes(b"".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch, "MOST", most)
        found = in_one(path)
        assert in_ranges(path, length) == found
    assert len(found.sketch.hashes) // 8 <= most
    known = {sketch.number_of(line[:-1]) for line in lines}
    kept = {n for n in known if n < 1 << found.sketch.bits}
    assert set(sketch.unpacked(found.sketch.hashes)) == kept
    assert found.duplicates == sum(sketch.number_of(line[:-1]) in kept for line in lines) - len(
        kept
    )


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several ranges, some lines of it bad, which is read by two processes."""
    path = tmp_path / "x.jsonl"
    shuffled = random.Random(7)
    with path.open("wb") as file:
        for number in range(3000):
            file.write(b'{"prompt":"%d","completion":"x"}\n' % number)
            if number % 100 == 0:
                file.write(shuffled.choice(LINES) + b"\n")
    monkeypatch.setattr(ranges, "WORTH_TWO", 0)
    monkeypatch.setattr(ranges, "LARGEST_RANGE", 5000)
    monkeypatch.setattr(ranges, "SMALLEST_RANGE", 1000)
    monkeypatch.setattr(ranges, "cores", lambda: 2)
    return path


def one_process(path: Path) -> DatasetFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "cores", lambda: 1)
        return in_one(path)


def test_two_processes_find_what_one_finds(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered: list[int] = []
    take = second._PARTS.decode

    class Watched:
        def decode(self, data: bytes) -> Part:
            delivered.append(len(data))
            return take(data)

    monkeypatch.setattr(second, "_PARTS", Watched())
    next_ = second.SecondProcess.next

    def only_for_the_other(process: second.SecondProcess) -> tuple[int, tuple[int, int]] | None:
        return None if threading.current_thread() is threading.main_thread() else next_(process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(second.SecondProcess, "next", only_for_the_other)
        found = in_one(large)
    assert found == one_process(large)
    assert len(delivered) > 5
    assert in_one(large) == found


def test_the_second_process_counts_the_tokens(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = Counting(limit=9, cache=tmp_path / "counts")
    found = facts.read(large, "x.jsonl", counting=how)
    assert found == one_process(large)
    assert found.sha256 is not None
    here = tokens.measure(
        large, sha256=found.sha256, size=found.size, how=replace(how, cache=tmp_path / "others")
    )
    monkeypatch.setattr(tokenizers, "load", None)  # it has been counted
    assert tokens.measure(large, sha256=found.sha256, size=found.size, how=how) == here


@pytest.mark.parametrize(
    "change", [{"exact": True}, {"cache": None}, {"tokenizer": "no.json"}], ids=str
)
def test_what_the_second_process_cannot_count_is_no_harm(
    large: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    how = replace(Counting(cache=tmp_path / "counts"), **change)
    assert facts.read(large, "x.jsonl", counting=how) == one_process(large)
    assert not (tmp_path / "counts").exists()


@pytest.mark.parametrize(
    "program",
    ["import sys; sys.exit(3)", "import sys; sys.stdout.write('x' * 99)", "this is no Python"],
)
def test_a_second_process_that_dies_costs_only_time(
    large: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(second, "_PROGRAM", program)
    assert in_one(large) == one_process(large)


def test_a_second_process_that_cannot_start_costs_nothing(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(large))
    assert in_one(large) == one_process(large)


def test_an_interruption_leaves_no_process_behind(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    def interrupt(_: int, __: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", watched)
    with pytest.raises(KeyboardInterrupt):
        facts.read(large, "x.jsonl", progress=interrupt)
    (process,) = started
    assert process.poll() is not None
    assert not [t for t in threading.enumerate() if t.name == "survey of a data file"]
    assert gc.isenabled()


def test_the_second_process_will_not_read_another_file_than_the_first(large: Path) -> None:
    other = large.with_name("y.jsonl")
    other.write_bytes(large.read_bytes())
    parts: dict[int, Part] = {}
    todo = deque([(0, (0, 100))])
    with second.SecondProcess(str(other), large.stat(), 1000, todo, parts) as process:
        process.wait()
    assert (parts, list(todo)) == ({}, [(0, (0, 100))])


def test_an_overlong_line_is_found_where_it_is_by_two_as_by_one(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_LINE", 1_000)
    with large.open("ab") as file:
        file.write(b"x" * 20_000 + b"\n" + LINES[0] + b"\n")
    found = in_one(large)
    assert found == one_process(large)
    assert found.sha256 is None
    assert [problem.rule for problem in found.problems] == ["line-too-long"]


def test_progress_grows_to_the_size_of_the_file(large: Path) -> None:
    size = large.stat().st_size
    seen: list[tuple[int, int]] = []
    facts.read(large, "x.jsonl", progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {of for _, of in seen} == {size}


def test_ranges_are_whole_lines_and_make_up_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    content = b"".join(b"x" * (n * 37 % 90) + b"\n" for n in range(50)) + b"end"
    path.write_bytes(content)
    lengths = ((1, 1), (2, 2), (1, 50), (50, 50), (1, 1000), (10_000, 10_000))
    for least, most in lengths:
        with path.open("rb") as stream:
            source = ranges.Source(
                stream=stream,
                path=str(path),
                status=path.stat(),
                begin=0,
                max_line=100,
                done=lambda _: None,
            )
            found = list(ranges.cuts(source, least, most))
        assert b"".join(content[begin:end] for begin, end in found) == content
        assert all(content[end - 1 : end] == b"\n" for _, end in found[:-1])
        assert all(begin < end for begin, end in found)


def test_a_line_may_end_anywhere_in_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.jsonl"
    short = b'{"prompt":"a","completion":"b"}'
    path.write_bytes(b"\r\n".join([short, short[:-2], b"", short, b"", b"", short]))
    found = in_one(path)
    assert {problem.rule for problem in found.problems} >= {
        "crlf-line-ends",
        "blank-line",
        "not-json",
    }
    for block in range(1, 80):
        monkeypatch.setattr(ranges, "_BLOCK", block)
        assert in_one(path) == found


def test_a_pattern_is_never_counted_twice_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join(LINES[:5] * 9))
    found = in_one(path)
    monkeypatch.setattr(loop, "_MANY_GROUPS", 0)
    monkeypatch.setattr(ranges, "_BLOCK", 100)
    assert in_one(path) == found
