"""A job that is paused and goes on: the verbs as processes, at the sandbox."""

from __future__ import annotations

import pytest

from tests.e2e.command import Command

TRIES = 60  # a job of the sandbox can be paused from its second second to its seventh


@pytest.fixture
def running(reconcile: Command) -> Command:
    """A repository whose one job has been created a moment ago."""
    reconcile.files.add("support-bot")
    reconcile("apply", "--sandbox")
    return reconcile


def phase(reconcile: Command) -> str:
    (row,) = reconcile.json("status", "--sandbox", check=None)["jobs"]
    return str(row["phase"])


def test_a_job_is_paused_and_goes_on(running: Command) -> None:
    said = [running("pause", "support-bot", "--sandbox", check=None)]
    while said[-1].returncode and len(said) < TRIES:
        assert "cannot be paused: its status is" in said[-1].stdout
        said.append(running("pause", "support-bot", "--sandbox", check=None))
    assert "openai · paused · ftjob-" in said[-1].stdout
    assert "reconcile resume support-bot" in said[-1].stdout
    assert phase(running) == "Paused"
    assert "openai · queued · ftjob-" in running("resume", "support-bot", "--sandbox").stdout
    assert phase(running) == "Pending"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_name_that_nobody_knows_is_a_matter_of_usage(running: Command, verb: str) -> None:
    done = running(verb, "suport-bot", "--sandbox", check=2)
    assert "state knows no suport-bot" in done.stderr


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_help_says_who_can(reconcile: Command, verb: str) -> None:
    assert "Bedrock" in reconcile(verb, "--help").stdout
