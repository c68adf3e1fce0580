"""Several runners with one state in S3: every job is created once, whoever dies or dawdles."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Semaphore

import pytest

from reconciler import config
from reconciler.apply import WORKERS
from reconciler.engine import PassResult, Reconciler, Request
from reconciler.errors import StateError, StateLocked
from reconciler.model import Binding, Job, Result
from reconciler.providers.base import CreateRequest
from reconciler.sandbox import server as sandbox
from reconciler.state.base import LockOwner
from tests.e2e.command import KEY as OPENAI_KEY
from tests.e2e.command import Command, creates
from tests.fakes import Clock, FakeProvider
from tests.repository import Repository, repository
from tests.state.s3_server import BUCKET, ENVIRONMENT, KEY, LOCK, S3, After

SPECS = 24


class Account:
    """What several runners' clients talk to at once."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.inside = FakeProvider(self.clock)
        self.guard = Lock()

    def client(self, meanwhile: Callable[[], object] = lambda: None) -> FakeProvider:
        """One runner's way to it. `meanwhile` runs while each of its creates is on its way."""
        return Client(self, meanwhile)

    def created(self) -> Counter[str]:
        """How many jobs were paid for, by token."""
        return Counter(request.spec.token for request in self.inside.creates)


class Client(FakeProvider):
    def __init__(self, account: Account, meanwhile: Callable[[], object]) -> None:
        shared = account.inside
        super().__init__(account.clock, jobs=shared.jobs, files=shared.files)
        self._account = account
        self._meanwhile = meanwhile

    def create(self, request: CreateRequest) -> Job:
        self._meanwhile()
        with self._account.guard:
            return self._account.inside.create(request)


def checkout(folder: Path, specs: int) -> Repository:
    """A runner's own copy of one repository."""
    folder.mkdir()
    files = repository(folder)
    for number in range(specs):
        files.add(f"spec-{number:03}", f"  seed: {number}\n")
    return files


def runner(name: str, files: Repository, s3: S3, provider: FakeProvider) -> Reconciler:
    owner = LockOwner(id=name, who=name, operation="apply", created_at=1700000000)
    return Reconciler(
        config=config.load(None, start=files.root, environment={}),
        store=s3.store(),
        connect=lambda _: provider,
        clock=provider.clock,
        owner=owner,
    )


def run(one: Reconciler) -> PassResult:
    """Pass as soon as the lock is free."""
    while True:
        try:
            return one.run_once(Request())
        except StateLocked:
            time.sleep(0.01)


def bound(s3: S3) -> set[str]:
    """The tokens whose job the state knows."""
    records = s3.store().read().state.records.values()
    return {record.token for record in records if record.binding is Binding.BOUND}


def test_two_runners_at_once_create_every_job_once(tmp_path: Path, s3: S3) -> None:
    account = Account()
    runners = [
        runner(name, checkout(tmp_path / name, SPECS), s3, account.client())
        for name in ("ada", "bob")
    ]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, runners))
    assert set(account.created().values()) == {1}
    assert len(bound(s3)) == SPECS == len(account.created())
    assert [len(result.current) for result in results] == [SPECS, SPECS]
    assert LOCK not in s3.objects


def test_a_runner_that_lost_its_lock_in_the_middle_pays_for_nothing_twice(
    tmp_path: Path, s3: S3
) -> None:
    """Its creates dawdle, its lock runs out, another takes over and passes; then they arrive."""
    account = Account()
    dawdling, arrive = Semaphore(0), Event()

    def dawdle() -> None:
        dawdling.release()
        assert arrive.wait(60)

    ada = runner("ada", checkout(tmp_path / "ada", SPECS), s3, account.client(dawdle))
    bob = runner("bob", checkout(tmp_path / "bob", SPECS), s3, account.client())
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ada.run_once, Request())
        try:
            assert all(dawdling.acquire(timeout=60) for _ in range(WORKERS))
            with pytest.raises(StateLocked, match="ada"):
                bob.run_once(Request())
            s3.clock.sleep(100)
            taken = bob.run_once(Request())
        finally:
            arrive.set()
        with pytest.raises(StateError):
            slow.result(60)
    results = Counter(outcome.result for outcome in taken.outcomes)
    assert results == {Result.CREATED: SPECS - WORKERS, Result.HELD: WORKERS}
    assert set(account.created().values()) == {1}
    assert len(account.created()) == SPECS
    bob.run_once(Request())
    assert len(bound(s3)) == SPECS == len(account.created())


CONFIG = """\
apiVersion: finetuning.reconciler/v1
kind: Config
state: {{backend: s3, bucket: {bucket}, key: {key}, endpoint_url: "{s3}"}}
providers: {{openai: {{type: openai, creation_grace: 1s}}}}
"""


@contextmanager
def processes(tmp_path: Path, s3: S3, specs: int) -> Iterator[list[Command]]:
    """`reconcile` in two checkouts that share a state and an account in the sandbox."""
    with sandbox.serve(tmp_path / "providers", speed=1000) as running:
        commands = []
        for name in ("ada", "bob"):
            files = checkout(tmp_path / name, specs)
            text = CONFIG.format(bucket=BUCKET, key=KEY, s3=s3.url)
            (files.root / "reconciler.yaml").write_text(text)
            own = {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{running.url}/v1"}
            commands.append(Command(files, {**ENVIRONMENT, **own}))
        yield commands


def test_after_a_runner_is_killed_the_other_one_takes_over(tmp_path: Path, s3: S3) -> None:
    """It dies in the middle of its creates, while one of its writes is on the way and arrives."""
    jobs = tmp_path / "providers"
    writing, dead = Event(), Event()

    def arrive_late() -> None:
        writing.set()
        assert dead.wait(60)

    s3.next(f"PUT {KEY}", *[After(lambda: None)] * 5, After(arrive_late))
    with processes(tmp_path, s3, SPECS) as (ada, bob):
        with ada.started("apply") as process:
            assert writing.wait(60)
            wait_for(lambda: creates(jobs) != [])
            process.kill()
            process.wait()
        dead.set()
        refused = bob("apply", check=6)
        assert f"error: s3://{BUCKET}/{KEY} is locked by " in refused.stderr
        assert len(creates(jobs)) < SPECS
        s3.clock.sleep(100)
        taken = bob("apply", "--wait", "--timeout", "40s")
        assert "did not renew it" in taken.stderr
        assert "in sync" in ada("plan").stdout
    assert len(creates(jobs)) == SPECS == len(bound(s3))
    assert LOCK not in s3.objects


def test_two_processes_at_once_create_every_job_once(tmp_path: Path, s3: S3) -> None:
    def until_free(command: Command) -> int:
        while (done := command("apply", check=None)).returncode == 6:
            assert "is locked by" in done.stderr
            time.sleep(0.2)
        return done.returncode

    with processes(tmp_path, s3, SPECS) as commands, ThreadPoolExecutor(2) as pool:
        assert list(pool.map(until_free, commands)) == [0, 0]
    assert len(creates(tmp_path / "providers")) == SPECS == len(bound(s3))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
