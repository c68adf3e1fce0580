"""Two jobs with one token, however they came to be: the oldest is kept, the other is told of.

The command that is told stops it. Nothing is cancelled before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.sandbox.server import Running, serve
from tests.crash.processes.accounts import ACCOUNTS, environment
from tests.e2e.command import Command
from tests.repository import repository

OPENAI = ACCOUNTS[0]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Running]:
    with serve(tmp_path / "providers", speed=0.01) as running:
        yield running


def checkout(folder: Path, url: str) -> Command:
    """A runner with a state of its own."""
    folder.mkdir()
    files = repository(folder)
    files.data("train.jsonl")
    (folder / "specs/support-bot.yaml").write_text(OPENAI.spec("support-bot"))
    return Command(files, environment(url))


def ask(url: str, method: str, path: str = "", **document: Any) -> dict[str, Any]:
    """One request to the account, as another client would send it."""
    key = {"Authorization": f"Bearer {environment(url)['OPENAI_API_KEY']}"}
    where = f"{url}/v1/fine_tuning/jobs{path}"
    answer = httpx.request(method, where, headers=key, json=document or None)
    answer.raise_for_status()
    job: dict[str, Any] = answer.json()
    return job


def job_again(url: str, job_id: str) -> str:
    """What a runner does that was as fast: the same create, with the same token. Its job's id."""
    job = ask(url, "GET", f"/{job_id}")
    fields = {name: job[name] for name in ("model", "training_file", "metadata", "seed")}
    return str(ask(url, "POST", **fields, suffix=job["user_provided_suffix"])["id"])


def status(url: str, job_id: str) -> str:
    return str(ask(url, "GET", f"/{job_id}")["status"])


def test_the_oldest_is_kept_and_the_command_that_is_told_stops_the_other(
    sandbox: Running, tmp_path: Path
) -> None:
    one = checkout(tmp_path / "one", sandbox.url)
    one("apply")
    oldest = one.files.sidecar("support-bot")["job"]["id"]
    second = job_again(sandbox.url, oldest)
    two = checkout(tmp_path / "two", sandbox.url)
    told = " ".join(two("apply").stdout.split())
    assert f"the same token is on {second} too, and each is paid for" in told
    assert two.files.sidecar("support-bot")["job"]["id"] == oldest
    command = re.search(rf"reconcile (cancel \S+ --job {second})", told)
    assert command, told
    assert status(sandbox.url, second) != "cancelled"
    assert second in two(*command[1].split()).stdout
    assert status(sandbox.url, second) == "cancelled"
    assert status(sandbox.url, oldest) != "cancelled"
    assert OPENAI.paid(tmp_path / "providers") == {"support-bot": 2}
    two("apply")
