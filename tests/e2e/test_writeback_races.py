"""Runners that write back at the same moments: every commit arrives, nothing is lost or forced.

Each runner has a clone of its own, as in CI, and never follows what the other one does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.model import State
from reconciler.writeback import Written, write_back
from tests.checkouts import BRANCH, Checkout, Remote, remote_and_clone

ROUNDS = 20
PATIENCE = 100
"""Attempts: two who never rest meet more often than two who train models for hours."""

RUNNER = """
import json, sys, time
from pathlib import Path
from tests.checkouts import Checkout
from tests.e2e.test_writeback_races import rounds

done = rounds(Checkout(Path(sys.argv[1])), sys.argv[2], time.sleep)
print(json.dumps([each.commit for each in done]))
"""


def rounds(checkout: Checkout, name: str, sleep: Callable[[float], None]) -> list[Written]:
    """Write a new sidecar, change an old one and one of both runners, and push, many times over."""
    done = []
    for number in range(ROUNDS):
        files = checkout.write(
            {
                f"specs/{name}-{number}.status.yaml": f"{number}\n",
                f"specs/{name}.status.yaml": f"{number}\n",
                "specs/shared.status.yaml": f"{number}\n",
            }
        )
        written = write_back(
            checkout.root,
            files,
            environment=checkout.environment,
            sleep=sleep,
            state=State(lineage="one", serial=number),
            remote="origin",
            branch=BRANCH,
            attempts=PATIENCE,
        )
        done.append(written)
    return done


def check(remote: Remote, commits: list[str | None], names: list[str]) -> None:
    """Whether all that was reported to be pushed is there, in one line, with every file."""
    files = remote.files()
    for name in names:
        for number in range(ROUNDS):
            assert files[f"specs/{name}-{number}.status.yaml"] == f"{number}\n"
        assert files[f"specs/{name}.status.yaml"] == f"{ROUNDS - 1}\n"
    assert files["specs/shared.status.yaml"] == f"{ROUNDS - 1}\n"
    line = remote.git("rev-list", "--first-parent", BRANCH).split()
    assert None not in commits
    assert len(set(commits)) == len(names) * ROUNDS
    assert set(commits) <= set(line)
    assert len(line) == len(commits) + 1, "no commit but these and the first"
    assert remote.git("rev-list", "--merges", BRANCH) == ""
    serials = remote.git(
        *("log", "--reverse", "--format=%(trailers:key=Reconciler-State,valueonly)", BRANCH),
        *("--", "specs/shared.status.yaml"),
    ).split()
    order = [int(serial.partition("/")[2]) for serial in serials]
    assert order == sorted(order), "a sidecar never goes back to an earlier state"
    remote.git("fsck", "--strict")


def test_two_threads(tmp_path: Path) -> None:
    remote, first = remote_and_clone(tmp_path)
    second = first.clone("second")
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(rounds, checkout, name, lambda seconds: time.sleep(seconds / 10))
            for checkout, name in ((first, "one"), (second, "two"))
        ]
        done = [written for each in running for written in each.result(timeout=300)]
    assert sum(written.attempts for written in done) > len(done), "they met"
    check(remote, [written.commit for written in done], ["one", "two"])


def test_two_processes(tmp_path: Path) -> None:
    remote, first = remote_and_clone(tmp_path)
    second = first.clone("second")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RUNNER, str(checkout.root), name],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for checkout, name in ((first, "one"), (second, "two"))
    ]
    commits: list[str | None] = []
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        commits += json.loads(out)
    check(remote, commits, ["one", "two"])


def test_two_runs_in_one_checkout_without_a_remote(tmp_path: Path) -> None:
    _, checkout = remote_and_clone(tmp_path)
    checkout.write({"specs/a.yaml": "a: edited\n", "new.txt": "staged\n"})
    checkout.git("add", "new.txt")
    before = checkout.git("rev-list", "--count", "HEAD")

    def run(name: str) -> list[Written]:
        return [
            write_back(
                checkout.root,
                checkout.write({f"specs/{name}-{number}.status.yaml": "x\n"}),
                environment=checkout.environment,
                sleep=lambda seconds: time.sleep(seconds / 10),
                attempts=PATIENCE,
            )
            for number in range(5)
        ]

    with ThreadPoolExecutor(2) as pool:
        done = [written for each in pool.map(run, ["one", "two"]) for written in each]
    assert len({written.commit for written in done}) == 10
    assert int(checkout.git("rev-list", "--count", "HEAD")) == int(before) + 10
    assert checkout.git("status", "--porcelain") == "A  new.txt\n M specs/a.yaml\n"


@pytest.mark.parametrize("depth", [(), ("--depth=1",)], ids=["full", "shallow"])
def test_a_person_pushes_specs_all_the_while(tmp_path: Path, depth: tuple[str, ...]) -> None:
    remote, person = remote_and_clone(tmp_path)
    runner = person.clone("runner", *depth)

    def push_specs() -> None:
        for number in range(5):
            person.write({f"specs/spec-{number}.yaml": f"n: {number}\n"})
            person.git("add", "specs")
            person.git("commit", "--quiet", "-m", f"spec {number}")
            for _ in range(PATIENCE):
                try:
                    person.git("pull", "--quiet", "--rebase", "origin", BRANCH)
                    person.git("push", "--quiet", "origin", f"HEAD:{BRANCH}")
                except AssertionError:
                    continue
                break

    with ThreadPoolExecutor(2) as pool:
        person_done = pool.submit(push_specs)
        runner_done = pool.submit(rounds, runner, "one", lambda seconds: time.sleep(seconds / 10))
        person_done.result(timeout=300)
        written = runner_done.result(timeout=300)
    files = remote.files()
    assert all(f"specs/spec-{number}.yaml" in files for number in range(5))
    assert all(f"specs/one-{number}.status.yaml" in files for number in range(ROUNDS))
    assert len(remote.commits()) == 1 + 5 + len(written)
