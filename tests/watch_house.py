"""A house whose passes are those of a watch: one session, and a consent that a person gives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reconciler.cli.consent import Consent
from reconciler.cli.rows import Followed, watch_rows
from reconciler.cli.watched import passed
from reconciler.config import Config, OpenAISettings
from reconciler.engine import Reconciler, Request
from reconciler.errors import ReconcilerError
from reconciler.model import JobStatus
from tests.fakes import OWNER, Clock, FakeProvider, MemoryStore
from tests.repository import Repository

TOLERANT = Request(tolerant=True)


@dataclass
class House:
    files: Repository
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    consent: Consent = field(default_factory=lambda: Consent(needed=False))
    provider: FakeProvider = field(init=False)
    session: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.provider = FakeProvider(clock=self.clock)
        self.session = Reconciler(
            config=Config(
                root=self.files.root, providers={"openai": OpenAISettings(name="openai")}
            ),
            store=self.store,
            connect=lambda _: self.provider,
            clock=self.clock,
            owner=OWNER,
        )

    def run(self, **request: object) -> tuple[dict[str, str], ReconcilerError | None]:
        """The phases by name, and what was refused."""
        found = passed(self.session, replace(TOLERANT, **request), self.consent)  # type: ignore[arg-type]  # any field
        rows = watch_rows(found.result, Followed(self.session.provider))
        return {row.name: row.phase for row in rows}, found.refused

    def goes_on(self, job_id: str) -> None:
        job = self.provider.jobs[job_id]
        self.provider.jobs[job_id] = replace(job, status=JobStatus.RUNNING)
