"""What others copy from the README into their CI: sound, without a right too many, and ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import readme
from tests.e2e.github_runner import ACTION, CHECKOUT, OURS, expressions

PLAN, APPLY, REFRESH = (
    f".github/workflows/fine-tuning-{verb}.yml" for verb in ("plan", "apply", "refresh")
)
GITLAB = ".gitlab-ci.yml"
PRE_COMMIT = ".pre-commit-config.yaml"
HOOKS = CHECKOUT / ".pre-commit-hooks.yaml"

GITHUBS_OWN = {
    "actions/checkout": {"fetch-depth", "persist-credentials"},
    "actions/upload-artifact": {"name", "path"},
    "actions/download-artifact": {"name", "path"},
    "actions/setup-python": {"python-version"},
}
"""Whose actions may run beside ours, and which of their inputs we use."""

ALLOWED = {
    (PLAN, "plan"): {"contents": "read", "pull-requests": "write"},
    (APPLY, "plan"): {"contents": "read"},
    (APPLY, "apply"): {"contents": "write"},
    (REFRESH, "refresh"): {"contents": "write"},
}
"""Every job of the README, and all that it may do."""


def check(schema: str, file: Path) -> None:
    """Hold a file against a schema that check-jsonschema carries in itself."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def jobs(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = readme.document(name)["jobs"]
    return found


def steps() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every step of every job of every workflow."""
    for name, job in ALLOWED:
        for step in jobs(name)[job]["steps"]:
            yield name, job, step


def test_the_readme_has_every_file_that_ci_needs() -> None:
    assert {PLAN, APPLY, REFRESH, GITLAB, PRE_COMMIT} <= readme.files().keys()
    assert {(name, job) for name in (PLAN, APPLY, REFRESH) for job in jobs(name)} == set(ALLOWED)


@pytest.mark.parametrize("name", [PLAN, APPLY, REFRESH, GITLAB])
def test_a_file_of_the_readme_is_sound(name: str, tmp_path: Path) -> None:
    file = tmp_path / Path(name).name
    file.write_text(readme.files()[name], encoding="utf-8")
    check("gitlab-ci" if name == GITLAB else "github-workflows", file)


def test_the_action_is_sound() -> None:
    check("github-actions", CHECKOUT / "action.yml")


@pytest.mark.parametrize(("name", "job"), ALLOWED)
def test_a_job_may_do_what_it_needs_and_nothing_else(name: str, job: str) -> None:
    workflow = readme.document(name)
    assert workflow["permissions"] == {}
    assert workflow["jobs"][job]["permissions"] == ALLOWED[name, job]


@pytest.mark.parametrize("name", [PLAN, APPLY, REFRESH])
def test_nobody_from_outside_starts_a_workflow_with_our_keys(name: str) -> None:
    events = set(readme.document(name)["on"])
    assert events <= {"pull_request", "push", "schedule", "workflow_dispatch"}
    for job in jobs(name).values():
        assert not {"OPENAI_API_KEY", "GH_TOKEN"} & job.get("env", {}).keys()


def test_a_step_uses_ours_or_githubs_own_with_inputs_that_exist() -> None:
    for name, _, step in steps():
        uses, _, version = step["uses"].partition("@")
        given = set(step.get("with", {}))
        if OURS.fullmatch(step["uses"]):
            assert given <= ACTION["inputs"].keys(), name
        else:
            assert given <= GITHUBS_OWN[uses]
            assert version.removeprefix("v").isdecimal()


def test_only_what_pushes_keeps_the_credentials_of_the_checkout() -> None:
    for (name, job), may in ALLOWED.items():
        checkouts = [s for s in jobs(name)[job]["steps"] if "actions/checkout@" in s["uses"]]
        (given,) = (step.get("with", {}) for step in checkouts)
        kept = given.get("persist-credentials", True)
        assert kept == (may["contents"] == "write")


def test_a_key_is_given_to_our_step_alone() -> None:
    for _, _, step in steps():
        secrets = [found for found in expressions(step) if "secrets." in found]
        assert bool(secrets) == bool(OURS.fullmatch(step["uses"]))


def test_what_spends_waits_for_a_person_and_never_runs_twice_at_once() -> None:
    apply = jobs(APPLY)["apply"]
    assert apply["environment"] == "fine-tuning"
    assert apply["concurrency"] == {"group": "reconcile", "cancel-in-progress": False}
    commands = {
        (n, j): s["with"]["command"] for n, j, s in steps() if "command" in s.get("with", {})
    }
    assert [where for where, command in commands.items() if command == "apply"] == [
        (APPLY, "apply")
    ]
    gitlab = readme.document(GITLAB)
    assert gitlab["apply"]["environment"] == "fine-tuning"
    assert {job for job in gitlab if "resource_group" in gitlab[job]} == {"apply", "refresh"}


def test_an_output_that_a_workflow_asks_for_exists() -> None:
    asked = {
        found.split(".")[-1].strip()
        for name in (PLAN, APPLY, REFRESH)
        for found in expressions(readme.document(name))
        if "steps." in found
    }
    assert asked
    assert asked <= ACTION["outputs"].keys()


def test_the_hook_of_the_readme_is_one_that_we_have() -> None:
    hooks = {hook["id"] for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))}
    (repository,) = readme.document(PRE_COMMIT)["repos"]
    assert {hook["id"] for hook in repository["hooks"]} == hooks


def test_pre_commit_takes_our_hooks() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
