"""Real processes, killed with SIGKILL at every boundary of a pass: one job per spec all the same.

What was paid for is counted by the sandbox, in its own records.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.sandbox import server
from reconciler.sandbox.faults import parse
from tests.e2e.command import KEY, Command, creates

CONFIG = """\
apiVersion: finetuning.reconciler/v1
kind: Config
providers: {openai: {type: openai, creation_grace: 1s}}
"""
REQUESTS_OF_A_PASS = 4
"""Look for the token, look for the file, upload it, create the job."""


@pytest.fixture
def one_spec(reconcile: Command) -> Command:
    reconcile.files.add("support-bot")
    (reconcile.files.root / "reconciler.yaml").write_text(CONFIG)
    return reconcile


@contextmanager
def served(reconcile: Command, data_dir: Path, *faults: str) -> Iterator[None]:
    with server.serve(data_dir, speed=100, faults=[parse(text) for text in faults]) as sandbox:
        reconcile.environment = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{sandbox.url}/v1",
        }
        yield


def answered(data_dir: Path) -> int:
    log = data_dir / "requests.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


def kill_when_answered(process: subprocess.Popen[str], data_dir: Path, requests: int) -> None:
    """Kill it while it waits for the answer after the given number of them."""
    deadline = time.monotonic() + 30
    while answered(data_dir) < requests and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)  # the next request leaves within milliseconds, and its effect with it
    assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()


def converge(reconcile: Command, data_dir: Path) -> None:
    with served(reconcile, data_dir):
        reconcile("apply", "--wait", "--timeout", "30s")
        assert "in sync" in reconcile("plan").stdout
    assert len(creates(data_dir)) == 1
    assert reconcile.files.sidecar("support-bot")["phase"] == "Succeeded"


@pytest.mark.parametrize("effect", ["hang-before:20", "hang-after:20"])
@pytest.mark.parametrize("requests", range(REQUESTS_OF_A_PASS))
def test_killed_while_waiting_for_an_answer(
    one_spec: Command, tmp_path: Path, requests: int, effect: str
) -> None:
    data_dir = tmp_path / "providers"
    faults = [f"any=pass,x{requests}"] if requests else []
    with (
        served(one_spec, data_dir, *faults, f"any={effect}"),
        one_spec.started("apply") as process,
    ):
        kill_when_answered(process, data_dir, requests)
    converge(one_spec, data_dir)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment(one_spec: Command, tmp_path: Path, seed: int) -> None:
    data_dir = tmp_path / "providers"
    moment = random.Random(seed).uniform(0.2, 1.2)
    with served(one_spec, data_dir), one_spec.started("apply") as process:
        time.sleep(moment)
        process.kill()
        process.wait()
    converge(one_spec, data_dir)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_of_a_create_ends_at_once_and_costs_nothing(
    one_spec: Command, tmp_path: Path, stop: signal.Signals
) -> None:
    data_dir = tmp_path / "providers"
    with (
        served(one_spec, data_dir, "create=hang-after:20"),
        one_spec.started("apply") as process,
    ):
        deadline = time.monotonic() + 30
        while not creates(data_dir):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(stop)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted" in out
    assert "Traceback" not in out
    converge(one_spec, data_dir)
