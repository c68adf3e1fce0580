"""The members that SARIF 2.1.0 requires and those that GitHub's code scanning asks for.

The rules are those of the OASIS schema, sections 3.13 to 3.58, as far as this program writes them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler import __version__
from reconciler.datasets.rules import RULES
from reconciler.errors import Problem, Severity
from reconciler.report import sarif
from tests.report import samples


def run(problems: list[Problem] | tuple[Problem, ...], files: int = 41) -> dict[str, Any]:
    """The one run of a document."""
    document = json.loads(sarif.problems(problems, files))
    assert set(document) == {"$schema", "version", "runs"}
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (found,) = document["runs"]
    assert isinstance(found, dict)
    return found


def test_a_run_names_its_tool_and_its_rules() -> None:
    driver = run(samples.MIXED_PROBLEMS)["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("finetune-reconciler", __version__)
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert levels == {
        "spec": "error",
        "duplicate-example": "warning",
        "mixed-system-prompts": "warning",
    }
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])


def test_a_rule_of_the_data_tells_what_it_catches_and_prevents() -> None:
    known = RULES[0]
    problem = replace(samples.PROBLEMS[0], rule=known.name)
    (rule,) = run([problem])["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == known.catches
    assert rule["help"]["text"] == f"Prevents: {known.prevents}"


def test_every_result_has_what_github_asks_for() -> None:
    found = run(samples.MIXED_PROBLEMS)
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    assert len(found["results"]) == len(samples.MIXED_PROBLEMS)
    for result in found["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert place["region"]["startLine"] >= 1
        assert result["partialFingerprints"]["primaryLocationLineHash"].endswith(":1")


def test_a_result_stands_at_its_place() -> None:
    place = run(samples.PROBLEMS)["results"][2]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "specs/support.yaml"
    assert place["region"] == {"startLine": 412, "startColumn": 87}


def test_a_problem_of_a_whole_file_stands_at_its_first_line() -> None:
    place = run(samples.PROBLEMS)["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("specs/a b.yaml", {"uri": "specs/a%20b.yaml", "uriBaseId": "%SRCROOT%"}),
        ("./specs/ä.yaml", {"uri": "specs/%C3%A4.yaml", "uriBaseId": "%SRCROOT%"}),
        ("javascript:x", {"uri": "javascript%3Ax", "uriBaseId": "%SRCROOT%"}),
        ("/tmp/x.jsonl", {"uri": "file:///tmp/x.jsonl"}),
        ("bad\udcff.yaml", {"uri": "bad%FF.yaml", "uriBaseId": "%SRCROOT%"}),
    ],
)
def test_a_file_is_an_address_relative_to_the_repository(
    file: str, expected: dict[str, str]
) -> None:
    (result,) = run([Problem(file, 1, 1, "m")])["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == expected


def test_a_fingerprint_stays_when_lines_are_added_above() -> None:
    before = samples.WARNINGS[0]
    after = replace(before, line=before.line + 100)
    other = replace(before, message="something else")
    first, second, third = (
        run([problem])["results"][0]["partialFingerprints"] for problem in (before, after, other)
    )
    assert first == second
    assert first != third


def test_the_same_finding_twice_in_a_file_has_two_fingerprints() -> None:
    twice = [samples.WARNINGS[0], replace(samples.WARNINGS[0], line=900)]
    found = [r["partialFingerprints"]["primaryLocationLineHash"] for r in run(twice)["results"]]
    assert [fingerprint[-2:] for fingerprint in found] == [":1", ":2"]


def test_no_message_becomes_a_link() -> None:
    (result,) = run([Problem("f", 1, 1, "see [docs](https://evil.example) ##[error]")])["results"]
    assert result["message"]["text"] == "see [docs] (https://evil.example) ## [error]"


def test_the_worst_are_listed_where_there_are_too_many() -> None:
    warnings = [replace(samples.WARNINGS[0], line=line) for line in range(1, 6_000)]
    found = run([*warnings, *samples.PROBLEMS])
    assert len(found["results"]) == sarif.LIMIT
    assert [result["level"] for result in found["results"][:4]] == ["error"] * 3 + ["warning"]
    (told,) = found["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == (
        "3 problems, 5,999 warnings in 3 of 41 files; the first 5,000 are listed,"
        " reconcile validate tells them all"
    )


def test_a_sound_repository_has_a_run_without_results() -> None:
    found = run([])
    assert found["results"] == []
    assert found["invocations"][0]["executionSuccessful"] is True


def test_a_rule_that_is_both_takes_the_worse_level() -> None:
    mixed = [replace(samples.WARNINGS[0], severity=severity) for severity in Severity]
    (rule,) = run(mixed)["tool"]["driver"]["rules"]
    assert rule["defaultConfiguration"]["level"] == "error"
