"""Files of training data, good and bad, and what is said of each: a new file is a new test.

Beside NAME.jsonl lies NAME.expected: what the file holds, and every problem with its rule. Files
that need to be large are small here, because the limits are.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.datasets import examples, facts, images, rules, survey, traits
from reconciler.datasets.facts import DatasetFacts

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/*.jsonl"))
NO_FILE_CAN = {"changed-while-read"}


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MAX_LINE", 20_000)
    monkeypatch.setattr(examples, "MOST_OBJECTS", 1_500)
    monkeypatch.setattr(images, "MAX_BYTES", 8_000)
    monkeypatch.setattr(traits, "LONG_ANSWER", 10_000)
    monkeypatch.setattr(survey, "LONG_ANSWER", 10_000)


def said_of(found: DatasetFacts) -> str:
    lines = [f"{found.format or 'no format'}, {found.examples} examples"]
    lines += [f"{problem} [{problem.rule}]" for problem in found.problems]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_said_of_a_file_is_what_is_written_beside_it(path: Path) -> None:
    found = facts.read(path, path.name)
    assert said_of(found) == path.with_suffix(".expected").read_text()


@pytest.mark.parametrize("path", sorted(CORPUS.glob("good/*.jsonl")), ids=lambda path: path.stem)
def test_nothing_is_wrong_with_a_good_file(path: Path) -> None:
    assert facts.read(path, path.name).problems == ()


@pytest.mark.parametrize("path", sorted(CORPUS.glob("bad/*.jsonl")), ids=lambda path: path.stem)
def test_a_bad_file_breaks_the_rule_it_is_named_after(path: Path) -> None:
    rule = path.name.split(".", 1)[0]
    assert rule in {problem.rule for problem in facts.read(path, path.name).problems}


def test_every_rule_has_a_bad_file() -> None:
    named = {path.name.split(".", 1)[0] for path in CORPUS.glob("bad/*.jsonl")}
    assert named | NO_FILE_CAN == {rule.name for rule in rules.RULES}


def test_a_rule_is_told_once_and_says_what_it_is_for() -> None:
    names = [rule.name for rule in rules.RULES]
    assert len(set(names)) == len(names)
    assert all(rule.catches and rule.prevents for rule in rules.RULES)
