"""What two files of training data have in common, and what a file says of its examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.datasets import facts, sketch
from reconciler.datasets.facts import DatasetFacts, Overlap, overlap

USER = {"role": "user", "content": "Is it bright?"}
ANSWER = {"role": "assistant", "content": "Very."}


def read(path: Path, lines: list[Any]) -> DatasetFacts:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return facts.read(path, path.name)


def numbered(*numbers: int) -> list[Any]:
    return [{"prompt": str(number), "completion": "x"} for number in numbers]


@pytest.mark.parametrize(
    ("training", "validation", "expected"),
    [
        ([1, 2, 3], [4, 5], None),
        ([1, 2, 3], [4, 3, 5, 2, 3], Overlap(examples=2, line=2, training_line=3)),
        ([1], [1], Overlap(examples=1, line=1, training_line=1)),
        ([], [1], None),
    ],
)
def test_common_examples_are_found(
    tmp_path: Path, training: list[int], validation: list[int], expected: Overlap | None
) -> None:
    one = read(tmp_path / "a.jsonl", numbered(*training))
    other = read(tmp_path / "b.jsonl", numbered(*validation))
    assert overlap(one, other) == expected


def test_a_part_of_large_files_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "MOST", 100)
    one = read(tmp_path / "a.jsonl", numbered(*range(1000)))
    other = read(tmp_path / "b.jsonl", numbered(*range(500, 600)))
    found = overlap(one, other)
    assert found is not None
    assert 1 <= found.examples <= 100
    assert found.training_line == found.line + 500


def test_what_was_not_read_has_nothing_in_common(tmp_path: Path) -> None:
    pointer = DatasetFacts(sha256="0" * 64, size=1, present=False)
    assert overlap(pointer, read(tmp_path / "a.jsonl", numbered(1))) is None


def test_examples_are_counted_by_what_is_in_them(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    call = {"id": "c", "function": {"name": "measure", "arguments": "{}"}}
    found = read(
        tmp_path / "a.jsonl",
        [
            {"messages": [{"role": "system", "content": "Be brief."}, USER, ANSWER]},
            {"messages": [USER | {"content": [image, image]}, ANSWER | {"weight": 1}]},
            {
                "messages": [USER, {"role": "assistant", "tool_calls": [call]}],
                "tools": [{"function": {"name": "measure"}}, {"function": {"name": "cut"}}],
            },
            {"messages": [USER, ANSWER | {"reasoning_content": "Lamps are."}, USER, ANSWER] * 3},
        ],
    )
    assert found.errors == ()
    assert found.roles == {"assistant": 9, "system": 1, "user": 9}
    assert found.by_messages == {"2": 2, "3-4": 1, "9-16": 1}
    assert found.by_answers == {"1": 3, "5-8": 1}
    assert (found.with_system, found.with_tools, found.with_images) == (1, 1, 1)
    assert (found.with_reasoning, found.with_weights, found.most_images) == (1, 1, 2)
    assert found.tool_names == ("measure", "cut")


def test_how_long_the_outputs_of_preferences_are_is_told(tmp_path: Path) -> None:
    pair = {
        "input": {"messages": [USER]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [ANSWER, ANSWER | {"content": "No."}],
    }
    assert read(tmp_path / "a.jsonl", [pair]).most_outputs == 2


def test_facts_survive_being_written_down(tmp_path: Path) -> None:
    found = read(tmp_path / "a.jsonl", [*numbered(1, 1, 2), {"messages": []}])
    for codec in (msgspec.json, msgspec.msgpack):
        assert codec.decode(codec.encode(found), type=DatasetFacts) == found
