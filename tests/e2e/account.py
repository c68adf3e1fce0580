"""A repository and an account at the sandbox, in one process and with one clock.

The wire is real and the time is not: the passes and the sandbox share a clock that only a test
moves, so that what takes hours is over at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler import providers
from reconciler.config import Config, FileStateSettings, OpenAISettings
from reconciler.engine import PassResult, Reconciler, Request
from reconciler.model import Outcome, Reason, Record, Result
from reconciler.sandbox import server
from reconciler.sandbox.faults import parse
from reconciler.state import open_store
from tests.e2e.command import KEY, creates
from tests.fakes import OWNER, Clock
from tests.repository import Repository

ENOUGH = 60.0
"""Seconds in which every job of the sandbox comes to its end."""


@dataclass
class Account:
    """A repository, and the sandbox that its jobs run at. Every pass is a process of its own."""

    files: Repository
    url: str
    data: Path
    clock: Clock

    @contextmanager
    def session(self) -> Iterator[Reconciler]:
        """A Reconciler with nothing but the state to remember by."""
        opened = Reconciler(
            config=self.config,
            store=open_store(FileStateSettings(), self.files.root),
            connect=lambda name: providers.connect(
                self.config.providers[name], {"OPENAI_API_KEY": KEY}
            ),
            clock=self.clock,
            owner=OWNER,
            commit=lambda: "c0ffee",
        )
        try:
            yield opened
        finally:
            opened.close()

    @property
    def config(self) -> Config:
        settings = OpenAISettings(name="openai", base_url=f"{self.url}/v1")
        return Config(root=self.files.root, providers={"openai": settings})

    def run(self, **request: Any) -> PassResult:
        """One pass."""
        with self.session() as session:
            return session.run_once(Request(**request))

    def later(self, seconds: float = ENOUGH, **request: Any) -> PassResult:
        """One pass, after a while."""
        self.clock.sleep(seconds)
        return self.run(**request)

    def told(
        self, verb: Callable[[Reconciler, str], Outcome], name: str = "support-bot"
    ) -> Outcome:
        """What a verb about one job has come to."""
        with self.session() as session:
            return verb(session, name)

    @property
    def jobs(self) -> list[str]:
        """Every job there is: what would have been paid for."""
        return creates(self.data)

    def records(self) -> dict[str, Record]:
        return dict(open_store(FileStateSettings(), self.files.root).read().state.records)


@dataclass
class Accounts:
    """Opens one, with what shall go wrong there."""

    files: Repository
    data: Path
    clock: Clock = field(default_factory=Clock)

    @contextmanager
    def open(self, *faults: str, speed: float = 1.0) -> Iterator[Account]:
        script = [parse(fault) for fault in faults]
        with server.serve(self.data, speed=speed, faults=script, clock=self.clock) as sandbox:
            yield Account(files=self.files, url=sandbox.url, data=self.data, clock=self.clock)


def results(result: PassResult) -> list[Result]:
    """What became of every step, in the order of the plan."""
    return [outcome.result for outcome in result.outcomes]


def reasons(result: PassResult) -> list[Reason]:
    """Why, of every step."""
    return [step.reason for step in result.plan.steps]
