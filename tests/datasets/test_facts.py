"""One pass over a training file: its hash, its format, and every fault with its place."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.datasets import facts
from reconciler.datasets.facts import DatasetFacts, Format, read
from reconciler.datasets.sketch import Sketch, number_of, packed
from reconciler.errors import Problem, Severity

Read = Callable[[bytes], DatasetFacts]

CHAT = b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}'
OTHER_CHAT = (
    b'{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},'
    b'{"role":"assistant","content":"Hello"}]}'
)
QUESTION = b'{"messages":[{"role":"user","content":"2+2?"}],"answer":4}'
THANKS = (
    b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},'
    b'{"role":"user","content":"Thanks"}]}'
)
NO_EXAMPLE = (
    'not an example: expected "messages", "prompt" and "completion",'
    ' or "input", "preferred_output" and "non_preferred_output"'
)
COMPLETION = b'{"prompt":"Hi","completion":"Hello"}'
PREFERENCE = (
    b'{"input":{"messages":[{"role":"user","content":"Hi"}]},'
    b'"preferred_output":[{"role":"assistant","content":"Hello"}],'
    b'"non_preferred_output":[{"role":"assistant","content":"What?"}]}'
)


@pytest.fixture
def read_bytes(tmp_path: Path) -> Read:
    def read_(content: bytes) -> DatasetFacts:
        path = tmp_path / "x.jsonl"
        path.write_bytes(content)
        return read(path, "x.jsonl")

    return read_


def problems(found: DatasetFacts) -> list[str]:
    return [str(problem) for problem in found.errors]


def test_the_facts_are_those_of_the_bytes(read_bytes: Read) -> None:
    content = CHAT + b"\n" + OTHER_CHAT + b"\n"
    assert read_bytes(content) == DatasetFacts(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        examples=2,
        format=Format.CHAT,
        lines=2,
        longest_line=len(OTHER_CHAT),
        by_messages={"2": 1, "3-4": 1},
        by_answers={"1": 2},
        roles={"assistant": 2, "system": 1, "user": 2},
        with_system=1,
        problems=(
            Problem(
                "x.jsonl",
                1,
                1,
                "no system message, and 1 of 2 examples have one",
                "the same system message in all, as the model will be asked",
                Severity.WARNING,
                "missing-system-prompt",
            ),
        ),
        sketch=Sketch(
            hashes=packed([number_of(CHAT), number_of(OTHER_CHAT)]), lines=packed([1, 2])
        ),
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([CHAT, CHAT], Format.CHAT, id="an assistant answers"),
        pytest.param([THANKS, CHAT], Format.CHAT, id="a user's thanks at the end are still chat"),
        pytest.param([QUESTION], Format.REINFORCEMENT, id="nobody answers"),
        pytest.param([THANKS, QUESTION], Format.REINFORCEMENT, id="a user always ends"),
        pytest.param([THANKS], Format.REINFORCEMENT, id="only conversations that a user ends"),
        pytest.param([COMPLETION], Format.COMPLETION, id="prompt and completion"),
        pytest.param([PREFERENCE], Format.PREFERENCE, id="preference pairs"),
    ],
)
def test_the_format_is_what_all_examples_have_in_common(
    read_bytes: Read, lines: list[bytes], expected: Format
) -> None:
    found = read_bytes(b"\n".join(lines))
    assert (found.format, found.errors) == (expected, ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [CHAT, CHAT, QUESTION],
            "x.jsonl:3:13: /messages: no assistant message to learn from, unlike the examples"
            " before it (line 1)",
            id="a question among chats",
        ),
        pytest.param(
            [THANKS, QUESTION, CHAT],
            "x.jsonl:3:13: /messages: a user should have the last word, as in the examples"
            " before it (line 2)",
            id="a chat among questions",
        ),
        pytest.param(
            [CHAT, PREFERENCE],
            "x.jsonl:2:1: a preference example, unlike the examples before it (line 1): chat",
            id="a preference among chats",
        ),
        pytest.param(
            [COMPLETION, THANKS],
            "x.jsonl:2:1: a chat or reinforcement example, unlike the examples before it"
            " (line 1): completion",
            id="a conversation among completions",
        ),
    ],
)
def test_mixed_formats_are_refused_where_they_mix(
    read_bytes: Read, lines: list[bytes], expected: str
) -> None:
    assert problems(read_bytes(b"\n".join(lines))) == [expected]


@pytest.mark.parametrize(
    ("content", "examples"),
    [
        pytest.param(CHAT, 1, id="no newline at the end"),
        pytest.param(CHAT + b"\r\n" + CHAT + b"\r\n", 2, id="Windows line ends"),
        pytest.param(CHAT + b"\n\n \n", 1, id="blank lines at the very end"),
        pytest.param(b"", 0, id="an empty file"),
        pytest.param(b"\n \n", 0, id="nothing but blank lines"),
    ],
)
def test_what_is_nobodys_trouble_is_no_problem(
    read_bytes: Read, content: bytes, examples: int
) -> None:
    found = read_bytes(content)
    assert (found.examples, found.errors) == (examples, ())
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            CHAT + b"\n\n\n" + CHAT + b"\n\n" + CHAT,
            [
                "x.jsonl:2:1: a blank line between examples (delete it)",
                "x.jsonl:5:1: a blank line between examples (delete it)",
            ],
            id="blank lines in the middle",
        ),
        pytest.param(
            b"\xef\xbb\xbf" + CHAT,
            ["x.jsonl:1:1: begins with a byte order mark (save it as UTF-8 without one)"],
            id="a byte order mark",
        ),
        pytest.param(
            gzip.compress(CHAT),
            ["x.jsonl:1:1: is compressed with gzip, not lines of JSON (gunzip it)"],
            id="gzip",
        ),
        pytest.param(
            CHAT.decode().encode("utf-16"),
            ["x.jsonl:1:1: is UTF-16 or UTF-32, not lines of JSON (save it as UTF-8)"],
            id="UTF-16 with its mark",
        ),
        pytest.param(
            CHAT.decode().encode("utf-16-be"),
            ["x.jsonl:1:1: is UTF-16 or UTF-32, not UTF-8 (save it as UTF-8)"],
            id="UTF-16 without its mark",
        ),
        pytest.param(
            b"[" + CHAT + b"]",
            [
                (
                    "x.jsonl:1:1: is one JSON list, not one object a line"
                    " (jq -c '.[]' writes a list as lines)"
                ),
            ],
            id="one JSON list",
        ),
        pytest.param(
            json.dumps(json.loads(CHAT), indent=2).encode(),
            [
                (
                    "x.jsonl:1:1: spreads an object over several lines"
                    " (jq -c . writes one object a line)"
                ),
            ],
            id="pretty-printed",
        ),
        pytest.param(
            CHAT + b'\n{"messages": [}',
            ["x.jsonl:2:15: not JSON: a value is expected here"],
            id="broken JSON",
        ),
        pytest.param(
            '{"prompt":"é","completion":"'.encode() + b'\xe9"}',
            ["x.jsonl:1:29: byte 0xe9 is not UTF-8 (save the file as UTF-8)"],
            id="Latin-1, counted in characters",
        ),
        pytest.param(
            CHAT + b"\n" + CHAT.replace(b'"assistant"', b'"assitant"'),
            [
                (
                    'x.jsonl:2:53: /messages/1/role: "assitant" is not a role'
                    " (system, user, assistant, tool)"
                ),
            ],
            id="a role that does not exist",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(
    read_bytes: Read, content: bytes, expected: list[str]
) -> None:
    assert problems(read_bytes(content)) == expected


def test_a_file_full_of_faults_lists_some_of_each_rule_and_counts_the_rest(
    read_bytes: Read,
) -> None:
    found = read_bytes(b'{"a":%d}\n' * 57 % tuple(range(57)) + b"x\n" * 3)
    assert [str(problem) for problem in found.problems[:3]] == [
        "x.jsonl: unknown-format: 57 in all; the first 5 are listed",
        f"x.jsonl:1:1: {NO_EXAMPLE}",
        f"x.jsonl:2:1: {NO_EXAMPLE}",
    ]
    assert [(each.rule, each.line) for each in found.problems] == [
        ("unknown-format", 0),
        *(("unknown-format", line) for line in range(1, 6)),
        ("not-json", 58),
        ("not-json", 59),
        ("duplicate-example", 59),
        ("not-json", 60),
    ]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    read_bytes: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_LINE", 2**20)
    found = read_bytes(CHAT + b"\n" + b'{"messages":"' + b"x" * 2**21)
    assert problems(found) == [
        "x.jsonl:2:1: the line is longer than 1 MiB (each line holds one example)"
    ]
    assert (found.sha256, found.size) == (None, len(CHAT) + 14 + 2**21)


def test_a_line_of_exactly_the_longest_length_is_read(
    read_bytes: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_LINE", len(CHAT) + 1)
    found = read_bytes(CHAT + b"\n" + CHAT + b"\n")
    assert (found.examples, found.errors) == (2, ())


def test_a_git_lfs_pointer_stands_for_the_data_it_names(read_bytes: Read) -> None:
    sha256 = hashlib.sha256(CHAT).hexdigest()
    found = read_bytes(
        b"version https://git-lfs.github.com/spec/v1\n"
        + f"oid sha256:{sha256}\nsize 4711\n".encode()
    )
    assert found == DatasetFacts(sha256=sha256, size=4711, present=False)


def test_a_damaged_git_lfs_pointer_is_no_data(read_bytes: Read) -> None:
    found = read_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    assert problems(found) == ["x.jsonl:1:1: is a damaged Git LFS pointer (git lfs pull)"]


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(CHAT + b"\n" + CHAT + b"\n")

    def append(_: int, __: int) -> None:
        with path.open("ab") as other_writer:
            other_writer.write(CHAT + b"\n")

    found = read(path, "x.jsonl", progress=append)
    assert problems(found) == [
        "x.jsonl: changed while it was being read (run again when it is whole)"
    ]
    assert found.sha256 is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(OSError, match="it is not a regular file"):
        read(tmp_path / "x.jsonl", "x.jsonl")


def test_a_missing_file_is_the_callers_to_word(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "x.jsonl", "x.jsonl")
