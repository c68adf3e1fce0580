"""A repository, a state and a provider in memory: the house through which whole passes go."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.config import Config, OpenAISettings
from reconciler.engine import PassResult, Reconciler, Request
from reconciler.model import Job, Record, Result
from tests.fakes import OWNER, Clock, FakeProvider, MemoryStore
from tests.repository import Repository


@dataclass
class House:
    """One repository, one state, one provider; a new process for every pass."""

    files: Repository
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    provider: FakeProvider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = FakeProvider(clock=self.clock)

    def reconciler(self) -> Reconciler:
        return Reconciler(
            config=Config(
                root=self.files.root, providers={"openai": OpenAISettings(name="openai")}
            ),
            store=self.store,
            connect=lambda _: self.provider,
            clock=self.clock,
            owner=OWNER,
            commit=lambda: "c0ffee",
        )

    def run(self, **request: object) -> PassResult:
        return self.reconciler().run_once(Request(**request))  # type: ignore[arg-type]

    def results(self, **request: object) -> list[Result]:
        return [outcome.result for outcome in self.run(**request).outcomes]


def record(house: House, name: str = "support-bot") -> Record:
    """The state's only record of a spec of this name."""
    (found,) = [r for r in house.store.state.records.values() if r.name == name]
    return found


def job(house: House, name: str = "support-bot") -> Job:
    """The job that the state knows for it."""
    found = record(house, name).job
    assert found is not None
    return found
