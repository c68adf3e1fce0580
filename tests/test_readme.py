"""The README, where it can be held against the program: set-up, verbs, rules, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.cli.main import VERBS
from reconciler.datasets.rules import RULES
from reconciler.errors import Severity

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def rows(beginning: str) -> list[list[str]]:
    """The cells of the table whose first row begins so, without its head."""
    table = README[README.index(beginning) :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def test_the_first_two_blocks_set_up_a_fresh_machine() -> None:
    first, second, *_ = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    for block in (first, second):
        assert block.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install ")
        assert block.count("\n") == 1
    assert first.rstrip().endswith("reconcile --sandbox apply --wait")
    assert second.rstrip().endswith("python -m pytest -q -n auto")


def test_every_verb_is_in_the_table_and_no_other() -> None:
    told = {word for cell, _ in rows("| verb | does |") for word in re.findall(r"`(\w+)", cell)}
    assert told == set(VERBS)


def test_the_tables_of_rules_are_the_rules() -> None:
    errors, warnings = re.findall(
        r"<details><summary>(?:Errors|Warnings).*?</details>", README, re.DOTALL
    )
    for text, severity in ((errors, Severity.ERROR), (warnings, Severity.WARNING)):
        told = [line for line in text.splitlines() if line.startswith("| `")]
        known = [
            f"| `{rule.name}` | {rule.catches} | {rule.prevents} |"
            for rule in RULES
            if rule.severity is severity
        ]
        assert [line for line in told if not line.startswith("| `overlap`")] == known
