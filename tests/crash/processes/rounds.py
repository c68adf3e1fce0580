"""Rounds of real processes: runs that are struck, then runs that are not, and what was paid for.

A round begins with a repository and an account in which there is nothing. Its schedule is drawn
from a seed: for each of two struck runs a fault of the server and the moment at which the process
is killed. The list at the server is late by half the grace, all along.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.crash.processes.accounts import CONFIG, Account, environment
from tests.repository import Repository, repository

FAULTS = (
    "create=drop-after,x1",
    "create=drop-before,x1",
    "create=bad-json,x1",
    "create=503,x1",
    "create=status-after:503,x1",
    "upload=drop-after,x1",
    "upload=503,x1",
    "get=503,x1",
    "list=503,x1",
    "files=drop-before,x1",
)
"""A request that is lost, an answer that is lost, an answer that is none, a server out of order."""

STRUCK_RUNS = 2
PASSES_TO_CONVERGE = 4
_LIST_LAG = "list-lag:0.5"
_GRACE_SECONDS = 1.05
_PATIENCE = 120
_KILLED = -9
_CHECKOUT = Path(__file__).parents[3]

Run = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Program:
    """What is run in the repository again and again.

    `done` tells from a run whether all is done, and raises AssertionError where it went as no run
    may. `proof` is a command that ends with 0 if nothing is left to do.
    """

    name: str
    command: tuple[str, ...]
    done: Callable[[Run], bool]
    proof: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blow:
    """What strikes one run: a fault of the server, and when to kill each process.

    The moment is a share of a whole run, None for never.
    """

    fault: str | None
    kill_at: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What became of one. `creates` are all jobs that exist, `passes` the runs it took to heal."""

    creates: int
    duplicates: int
    faults: int
    kills: int
    passes: int


def schedule(seed: int, runners: int = 1) -> tuple[Blow, ...]:
    """The blows of one round: the same for a seed, whatever the program and the provider."""
    chance = random.Random(seed)

    def moment() -> float | None:
        return None if chance.random() < _SPARED else chance.random()

    return tuple(
        Blow(chance.choice((None, *FAULTS)), tuple(moment() for _ in range(runners)))
        for _ in range(STRUCK_RUNS)
    )


_SPARED = 0.2


def play(
    program: Program,
    account: Account,
    blows: Sequence[Blow],
    *,
    specs: int = 1,
    apart: bool = False,
) -> Round:
    """One round from nothing to its end. `apart`: every runner has its own checkout and state.

    Raises AssertionError where it never ends, or a spec is left without a job.
    """
    moments = _moments(program, account, specs)
    runners = max(len(blow.kill_at) for blow in blows)
    with TemporaryDirectory() as folder:
        stage = Stage.built(Path(folder), account, specs, checkouts=runners if apart else 1)
        kills = sum(stage.struck(program, blow, moments) for blow in blows)
        passes = stage.healed(program)
        paid = account.paid(stage.data_dir)
        assert len(paid) == specs, paid
        creates = sum(paid.values())
        return Round(
            creates=creates,
            duplicates=creates - specs,
            faults=stage.faults_met(),
            kills=kills,
            passes=passes,
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """The checkouts of a repository, and the folder of the account."""

    checkouts: tuple[Repository, ...]
    data_dir: Path

    @classmethod
    def built(cls, folder: Path, account: Account, specs: int, checkouts: int = 1) -> Stage:
        """A new one, with this many specs."""
        made = []
        for number in range(checkouts):
            root = folder / f"checkout-{number}"
            root.mkdir()
            files = repository(root)
            files.data("train.jsonl", examples=110)
            (root / "reconciler.yaml").write_text(CONFIG)
            for name in (f"spec-{spec}" for spec in range(specs)):
                (root / "specs" / f"{name}.yaml").write_text(account.spec(name))
            made.append(files)
        return cls(tuple(made), folder / "providers")

    def struck(self, program: Program, blow: Blow, moments: int) -> int:
        """One run, or several at once; how many were killed."""
        with self._served([blow.fault] if blow.fault else []) as url:
            running = [
                self._start(
                    program.command,
                    url,
                    self.checkouts[number % len(self.checkouts)],
                    moment=0 if share is None else 1 + int(share * moments),
                )
                for number, share in enumerate(blow.kill_at)
            ]
            runs = [_ended(process) for process in running]
        killed = [run for run in runs if run.returncode == _KILLED]
        for run in runs:
            if run not in killed:
                program.done(run)
        return len(killed)

    def healed(self, program: Program) -> int:
        """Run it in every checkout until all is done; how often the one that took longest ran."""
        with self._served(()) as url:
            return max(self._healed(program, url, files) for files in self.checkouts)

    def faults_met(self) -> int:
        """How many requests met a fault of the server."""
        lines = (self.data_dir / "requests.jsonl").read_text().splitlines()
        return sum(json.loads(line)["fault"] is not None for line in lines)

    def moments(self, program: Program) -> int:
        """How many moments a run has in which nothing goes wrong."""
        report = self.data_dir.with_name("moments")
        with self._served(()) as url:
            _ended(self._start(program.command, url, self.checkouts[0], VICTIM_MOMENTS=str(report)))
        return int(report.read_text())

    def _healed(self, program: Program, url: str, files: Repository) -> int:
        for number in range(1, PASSES_TO_CONVERGE + 1):
            run = _ended(self._start(program.command, url, files))
            if program.done(run):
                if program.proof:
                    proof = _ended(self._start(program.proof, url, files))
                    assert proof.returncode == 0, proof.stdout
                return number
            time.sleep(_GRACE_SECONDS)
        raise AssertionError(f"not done after {number} runs: {run.stdout}{run.stderr}")

    @contextmanager
    def _served(self, faults: Sequence[str]) -> Iterator[str]:
        script = [parse(text) for text in (*faults, _LIST_LAG)]
        with serve(self.data_dir, speed=100, faults=script) as sandbox:
            yield sandbox.url

    def _start(
        self,
        command: tuple[str, ...],
        url: str,
        files: Repository,
        *,
        moment: int = 0,
        **more: str,
    ) -> subprocess.Popen[str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(files.root)}
        checkout = {"PYTHONPATH": str(_CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"}
        victim = ("-m", "tests.crash.processes.victim", str(moment))
        return subprocess.Popen(
            [sys.executable, *victim, *command],
            cwd=files.root,
            env={**own, **checkout, **environment(url), **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@cache
def _moments(program: Program, account: Account, specs: int) -> int:
    with TemporaryDirectory() as folder:
        return Stage.built(Path(folder), account, specs).moments(program)


def _ended(process: subprocess.Popen[str]) -> Run:
    try:
        out, err = process.communicate(timeout=_PATIENCE)
    finally:
        process.kill()
    return Run(process.args, process.returncode, out, err)


def _in_step(run: Run) -> bool:
    """Whether every spec has its job, as `apply` tells it."""
    assert "Traceback" not in run.stderr, run.stderr
    if run.returncode != 0:
        return False
    outcomes = json.loads(run.stdout)["outcomes"]
    return all(outcome["result"] in _GOOD for outcome in outcomes)


_GOOD = ("created", "adopted", "unchanged", "refreshed")

RECONCILE = Program(
    "reconcile",
    ("reconciler", "apply", "--format", "json"),
    _in_step,
    ("reconciler", "plan", "--detailed-exitcode"),
)
NAIVE = Program(
    "a loop over the openai SDK", ("tests.crash.naive",), lambda run: not run.returncode
)
