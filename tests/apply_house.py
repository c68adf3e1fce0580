"""What the tests of apply share: one spec, one job, steps, and a house that carries them out."""

from __future__ import annotations

from pathlib import Path

from reconciler.apply import Hands, apply
from reconciler.model import (
    Action,
    Job,
    JobSpec,
    JobStatus,
    Outcome,
    Plan,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.state.commit import Ledger
from reconciler.uploads import Uploads
from tests.fakes import NOW, Clock, FakeProvider, MemoryStore, make_spec

SPEC = make_spec()
JOB = Job(
    id="ftjob-1",
    status=JobStatus.RUNNING,
    provider_status="running",
    stamp=SPEC.token,
    created_at=int(NOW),
)


class House:
    """A provider, a store and the hands between them."""

    def __init__(self, *records: Record) -> None:
        self.clock = Clock()
        self.begun = self.clock.now
        self.provider = FakeProvider(clock=self.clock)
        self.store = MemoryStore(
            state=State(lineage="l", records={record.token: record for record in records})
        )

    def carry_out(self, *steps: Step) -> tuple[Outcome, ...]:
        hands = Hands(
            ledger=Ledger(self.store, self.store.read()),
            provider=lambda _: self.provider,
            clock=self.clock,
            begun=self.begun,
            uploads=Uploads(Path("/nowhere")),
        )
        state = self.store.state
        return apply(Plan(steps=steps, lineage=state.lineage, serial=state.serial), hands)

    def create(self, spec: JobSpec = SPEC) -> Outcome:
        (outcome,) = self.carry_out(create_step(spec))
        return outcome

    @property
    def record(self) -> Record:
        return self.store.state.records[SPEC.token]


def create_step(spec: JobSpec = SPEC) -> Step:
    return step(Action.CREATE, Reason.MISSING, spec=spec, base_model=spec.model)


def step(action: Action, reason: Reason, spec: JobSpec = SPEC, **fields: object) -> Step:
    values = {"token": spec.token, "name": spec.name, "provider": spec.provider, "spec": spec}
    return Step(action=action, reason=reason, **{**values, **fields})  # type: ignore[arg-type]
