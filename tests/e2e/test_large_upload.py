"""A large upload, killed with SIGKILL on its way: what was answered is not sent again.

Real processes against a sandbox, whose log tells which parts arrived. What the killed process knew
stands in its notes.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.providers.parts import WORKERS
from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.crash.processes.accounts import ACCOUNTS, CONFIG, Account, environment
from tests.repository import Repository, repository

OPENAI, BEDROCK, _ = ACCOUNTS
PATIENCE = 120
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A provider, the size of its parts, and where it keeps what it was sent."""

    account: Account
    part: int
    parts: int
    stored: str
    operation: str

    def __str__(self) -> str:
        return str(self.account)


LARGE = Case(
    account=OPENAI,
    part=128 * 1024,
    parts=13,
    stored="openai/files/*.bytes",
    operation="openai.upload-part",
)
S3 = Case(
    account=BEDROCK,
    part=5 * 1024 * 1024,
    parts=4,
    stored="s3/objects/sandbox/*.bytes",
    operation="s3.upload-part",
)


@dataclass
class Stage:
    """A repository with one spec and its large file, and the folder of the account."""

    case: Case
    files: Repository
    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def served(self, *faults: str) -> Iterator[None]:
        with serve(self.data_dir, speed=100, faults=[parse(text) for text in faults]) as sandbox:
            self.environment = environment(sandbox.url)
            yield

    def start(self, *program: str) -> subprocess.Popen[str]:
        """`reconcile apply`, in parts of the case's size; `program` runs it."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.files.root)}
        own |= {"PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
        command = (*program, "tests.e2e.small_parts", str(self.case.part), "apply")
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.files.root,
            env={**own, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def apply(self) -> None:
        """Run it to its good end."""
        process = self.start()
        try:
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert process.returncode == 0, out

    def kill_when(self, ready: Callable[[], bool]) -> None:
        """Start it, and kill it once this is so."""
        process = self.start()
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready():
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            process.kill()
            process.communicate()

    def noted(self) -> dict[int, str]:
        """The parts that a process knew to have been taken, by number."""
        found = list(self.files.root.glob(".reconciler/cache/uploads/*.json"))
        if not found:
            return {}
        (path,) = found
        return {int(number): id_ for number, id_ in json.loads(path.read_bytes())["parts"].items()}

    def lines(self) -> list[dict[str, Any]]:
        """The parts that arrived whole, in their order, as the sandbox wrote them down."""
        path = self.data_dir / "requests.jsonl"
        lines = (
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )
        return [
            line for line in lines if line["operation"] == self.case.operation and "part" in line
        ]

    def contents(self) -> list[bytes]:
        """All that the account holds of files."""
        return [path.read_bytes() for path in self.data_dir.glob(self.case.stored)]


@contextmanager
def stage(case: Case, folder: Path) -> Iterator[Stage]:
    root = folder / "repository"
    root.mkdir()
    files = repository(root)
    (root / "reconciler.yaml").write_text(CONFIG)
    (root / "specs/support-bot.yaml").write_text(case.account.spec("support-bot"))
    with (root / "specs/train.jsonl").open("w") as out:
        written, number = 0, 0
        while written < case.part * (case.parts - 1) + 1000:
            written += out.write(example(number))
            number += 1
    yield Stage(case=case, files=files, data_dir=folder / "providers")


def example(number: int) -> str:
    """A line of about ten thousand bytes, in which no part is like another."""
    words = random.Random(number).choices(("order", "invoice", "parcel", "refund", "late"), k=1500)
    answer = {"role": "assistant", "content": " ".join(words)}
    question = {"role": "user", "content": f"What of {number}?"}
    return json.dumps({"messages": [question, answer]}) + "\n"


def check(at: Stage, before: Sequence[dict[str, Any]], known: dict[int, str]) -> None:
    """That the run after the kill did its work, and only what was left of it."""
    after = at.lines()[len(before) :]
    mark = "sha256" if at.case is LARGE else "part"
    if at.case is LARGE:
        taken = {line["sha256"] for line in before if line["part"] in known.values()}
    else:
        taken = set(known)
    assert len(taken) == len(known)
    again = [line for line in after if line[mark] in taken]
    assert again == []
    assert max(Counter(line[mark] for line in after).values(), default=1) == 1
    assert len(at.lines()) <= at.case.parts + WORKERS
    (content,) = at.contents()
    assert hashlib.sha256(content).digest() == hashlib.sha256(at_rest(at)).digest()
    assert at.case.account.paid(at.data_dir) == {"support-bot": 1}
    assert at.noted() == {}


def at_rest(at: Stage) -> bytes:
    """The bytes that were to be sent: as they are, or as they were converted."""
    converted = list(at.files.root.glob(".reconciler/cache/converted/*.jsonl"))
    path = converted[0] if converted else at.files.root / "specs/train.jsonl"
    return path.read_bytes()


@pytest.mark.parametrize("effect", ["hang-before:60", "hang-after:60"])
@pytest.mark.parametrize("answered", [1, 6])
def test_killed_while_parts_wait_for_their_answers(
    tmp_path: Path, answered: int, effect: str
) -> None:
    with stage(LARGE, tmp_path) as at:
        lost = WORKERS if effect.startswith("hang-after") else 0
        with at.served(f"upload-part=pass,x{answered}", f"upload-part={effect}"):
            at.kill_when(lambda: len(at.noted()) == answered and len(at.lines()) == answered + lost)
        known, before = at.noted(), at.lines()
        assert len(known) == answered
        with at.served():
            at.apply()
        check(at, before, known)
        assert len(at.lines()) == LARGE.parts + lost


@pytest.mark.parametrize("effect", ["hang-before:60", "hang-after:60"])
def test_killed_while_the_whole_waits_to_be_a_file(tmp_path: Path, effect: str) -> None:
    with stage(LARGE, tmp_path) as at:
        with at.served(f"upload-complete={effect}"):
            at.kill_when(
                lambda: (
                    len(at.noted()) == LARGE.parts
                    and (len(at.contents()) == 1 or effect.startswith("hang-before"))
                )
            )
        known, before = at.noted(), at.lines()
        with at.served():
            at.apply()
        check(at, before, known)
        assert len(at.lines()) == LARGE.parts


@pytest.mark.parametrize("share", [0.3, 0.45, 0.55, 0.65, 0.75])
def test_killed_at_any_moment(tmp_path: Path, moments: int, share: float) -> None:
    with stage(LARGE, tmp_path) as at:
        with at.served():
            process = at.start("tests.crash.processes.victim", str(int(share * moments)))
            out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGKILL, out
        known, before = at.noted(), at.lines()
        with at.served():
            at.apply()
        check(at, before, known)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> int:
    """In how many moments a run that goes well could be killed: see the victim."""
    folder = tmp_path_factory.mktemp("moments")
    with stage(LARGE, folder) as at, at.served():
        report = folder / "count"
        at.environment["VICTIM_MOMENTS"] = str(report)
        out, _ = at.start("tests.crash.processes.victim", "0").communicate(timeout=PATIENCE)
        assert report.exists(), out
    return int(report.read_text())


@pytest.mark.parametrize("answered", [1, 2])
def test_killed_on_the_way_to_s3(tmp_path: Path, answered: int) -> None:
    with stage(S3, tmp_path) as at:
        with at.served(f"upload-part=pass,x{answered}", "upload-part=hang-before:60"):
            at.kill_when(lambda: len(at.noted()) == answered)
        known, before = at.noted(), at.lines()
        with at.served():
            at.apply()
        check(at, before, known)
        assert len(at.lines()) == S3.parts
