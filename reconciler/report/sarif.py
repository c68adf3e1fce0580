"""What `validate` found as SARIF 2.1.0, which code scanning and editors read.

`report.choose` hands this module out; `report.Report` describes its functions. It holds the members
that GitHub's code scanning asks for, and its limits: 25,000 results are refused, and of what is
taken the worst 5,000 are shown, so that no more are written. A result keeps its fingerprint when
lines above it come and go.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import quote

from reconciler import __version__
from reconciler.datasets.rules import BY_NAME
from reconciler.errors import Problem, Severity
from reconciler.report import words
from reconciler.report.forms import without_form

if TYPE_CHECKING:
    from reconciler.report import Layout

LIMIT = 5_000
"""Results that GitHub shows of one analysis."""

SPEC_RULE = "spec"
"""The rule of a problem that no check of training data found."""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HASH_LENGTH = 16

plan = without_form("plan", "sarif")
pass_result = without_form("pass_result", "sarif")
status = without_form("status", "sarif")
events = without_form("events", "sarif")
metrics = without_form("metrics", "sarif")
state_list = without_form("state_list", "sarif")
state_show = without_form("state_show", "sarif")


def problems(problems: Sequence[Problem], files_checked: int, **_layout: Unpack[Layout]) -> str:
    """One run with a result per problem, the errors first where there are too many."""
    listed = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)[:LIMIT]
    rules = {_rule(problem): problem.severity for problem in reversed(listed)}
    seen: Counter[str] = Counter()
    run = {
        "tool": {
            "driver": {
                "name": "finetune-reconciler",
                "semanticVersion": __version__,
                "rules": [_described(rule, severity) for rule, severity in rules.items()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": _told(problems, files_checked),
            }
        ],
        "results": [_result(problem, list(rules), seen) for problem in listed],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(problem: Problem) -> str:
    return problem.rule or SPEC_RULE


def _described(name: str, severity: Severity) -> dict[str, Any]:
    """A rule as the table of the checks of training data tells it."""
    rule = BY_NAME.get(name)
    catches = rule.catches if rule else "what is not as it should be in a spec or a data file"
    described = {
        "id": name,
        "shortDescription": {"text": catches},
        "defaultConfiguration": {"level": severity.value},
    }
    return described | ({"help": {"text": f"Prevents: {rule.prevents}"}} if rule else {})


def _told(problems: Sequence[Problem], files_checked: int) -> list[dict[str, Any]]:
    """The count of everything, and of what was left out."""
    told = words.problem_summary(problems, files_checked)
    if len(problems) > LIMIT:
        told += f"; the first {LIMIT:,} are listed, reconcile validate tells them all"
    return [{"level": "note", "message": {"text": told}}]


def _result(problem: Problem, rules: Sequence[str], seen: Counter[str]) -> dict[str, Any]:
    fingerprint = _fingerprint(problem)
    seen[fingerprint] += 1
    region = {"startLine": max(problem.line, 1)}
    if problem.line and problem.column:
        region["startColumn"] = problem.column
    return {
        "ruleId": _rule(problem),
        "ruleIndex": rules.index(_rule(problem)),
        "level": problem.severity.value,
        "message": {"text": _message(problem)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(problem.file),
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:{seen[fingerprint]}"},
        "properties": {"pointer": words.harmless(problem.pointer)},
    }


def _message(problem: Problem) -> str:
    """The message on one line, in which nothing reads as a link: SARIF knows `[text](address)`."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return words.harmless(problem.message + hint).replace("](", "] (")


def _artifact(file: str) -> dict[str, str]:
    """A path relative to the repository; one that is not stays absolute."""
    address = quote(file.encode("utf-8", "surrogateescape"))
    if address.startswith("/"):
        return {"uri": f"file://{address}"}
    return {"uri": address.removeprefix("./"), "uriBaseId": "%SRCROOT%"}


def _fingerprint(problem: Problem) -> str:
    """What stays the same where lines are added above: the rule, the file, the value, the words."""
    known = (_rule(problem), problem.file, problem.pointer, problem.message)
    return hashlib.sha256("\0".join(known).encode("utf-8", "replace")).hexdigest()[:_HASH_LENGTH]
