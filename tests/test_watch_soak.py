"""Days of watching in seconds: memory, file handles and threads stay as they were."""

from __future__ import annotations

import functools
import gc
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.cli.consent import Consent
from reconciler.cli.options import Options
from reconciler.cli.rows import Followed, watch_rows
from reconciler.cli.watched import Sessions, passed, troubles
from reconciler.config import Config, OpenAISettings
from reconciler.engine import Reconciler, Request
from reconciler.errors import ProviderUnavailable, StateLocked
from reconciler.model import Event, JobStatus
from reconciler.report.rows import Board, WatchRow
from reconciler.report.watching import Shown, WatchLog, WatchScreen
from reconciler.watch import Look, Outages, Passed, Ring, Wake, keep_watching
from reconciler.watch.files import Files, interest
from tests.fakes import OWNER, Clock, FakeProvider, MemoryStore
from tests.repository import repository

REQUEST = Request(tolerant=True)


class Nowhere(io.StringIO):
    """A terminal, or a log, of which nothing is kept."""

    def write(self, text: str, /) -> int:
        return len(text)

    def isatty(self) -> bool:
        return True


@dataclass(kw_only=True)
class Soak:
    """Runs so many rounds of a watch, and measures after the first ones and at the end."""

    passes: int
    warm: int
    run_pass: Callable[[Ring], Passed]
    session: Callable[[], Reconciler]
    followed: Followed
    outages: Outages
    clock: Callable[[], float]
    before_round: Callable[[int], Ring | None]
    done: int = 0
    measured: list[tuple[int, int, int]] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)
    files: Files = field(default_factory=lambda: Files(lambda _: None))

    def run(self) -> None:
        self.shown = [
            WatchScreen(Nowhere(), clock=self.clock, width=120, height=40),
            WatchLog(Nowhere(), clock=self.clock, as_json=True),
        ]
        try:
            with self.shown[0], self.shown[1]:
                keep_watching(
                    self.run_pass,
                    clock=self.clock,
                    wait=self._wait,
                    outages=self.outages,
                    grace=self._grace,
                    seen=self._seen,
                )
        finally:
            self.files.close()

    def _seen(self, look: Look) -> None:
        rows: tuple[WatchRow, ...] = ()
        if look.result is not None:
            away = {outage.provider for outage in look.away}
            rows = tuple(watch_rows(look.result, self.followed, away))
            self.files.follow(interest(self.session().config, None, (), look.result))
        board = Board(
            title="soak",
            rows=rows,
            problems=look.result.problems if look.result else (),
            troubles=tuple(troubles(look, None, "")),
            next_look=look.next_look,
        )
        for shown in self.shown[self.done % 10 > 0 :]:  # the screen is drawn in every tenth round
            shown.show(board)
        kind = type(look.trouble).__name__ if look.trouble else "away" if look.away else "fine"
        self.looks[kind] = self.looks.get(kind, 0) + 1

    def _wait(self, seconds: float) -> Ring | None:
        self.done += 1
        if self.done in (self.warm, self.passes):
            _forget_what_is_bounded()
            gc.collect()
            handles = len(list(Path("/proc/self/fd").iterdir())) if os.name == "posix" else 0
            blocks = sys.getallocatedblocks()
            self.measured.append((blocks, handles, threading.active_count()))
        if self.done == self.passes:
            return Ring(wake=Wake.STOP)
        if ring := self.before_round(self.done):
            return ring
        if isinstance(self.clock, Clock):
            self.clock.sleep(seconds)
        return None

    def _grace(self) -> Mapping[str, float]:
        return self.session().grace()

    def grown(self) -> tuple[int, int, int]:
        """Blocks of memory, handles and threads between the first measure and the last."""
        (first, last) = self.measured
        return last[0] - first[0], last[1] - first[1], last[2] - first[2]


def _forget_what_is_bounded() -> None:
    """Empty the caches that have a limit, such as rich's of the widths of texts: they fill up to
    it and no further. Those without one stay, and are counted.
    """
    for found in gc.get_objects():
        bounded = isinstance(found, functools._lru_cache_wrapper)
        if bounded and found.cache_parameters()["maxsize"] is not None:
            found.cache_clear()


def test_three_thousand_passes_with_all_that_may_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = repository(tmp_path)
    for name in ("one", "two", "three"):
        files.add(name)
    clock, store = Clock(), MemoryStore()
    provider = FakeProvider(clock=clock)
    outages = Outages(clock)
    config = Config(root=tmp_path, providers={"openai": OpenAISettings(name="openai")})
    session = Reconciler(
        config=config,
        store=store,
        connect=outages.connected(lambda _: provider),
        clock=clock,
        owner=OWNER,
    )

    def events(_: str) -> Iterator[Event]:
        step = int(clock() % 1000)
        for number in range(step, step - 30, -1):
            data = {"step": number, "total_steps": 1000, "train_loss": 1 / (number + 40)}
            yield Event(id=f"e{number}", created_at=0, level="info", message="", data=data)

    def down(_: str) -> None:
        raise ProviderUnavailable(f"no answer at {clock()}")

    def before_round(number: int) -> Ring | None:
        """Something else every few rounds, the same over and over."""
        provider.calls.clear()
        provider.before = down if number % 50 in range(20, 30) else lambda _: None
        store.holder = OWNER if number % 50 in (35, 36) else None
        match number % 50:
            case 1:
                for id_ in list(provider.jobs):
                    job = replace(provider.jobs[id_], status=JobStatus.RUNNING)
                    provider.jobs[id_] = replace(job, created_at=int(clock()) - 100)
            case 5:
                files.add("two", f"  seed: {number % 100}\n")
                return Ring(wake=Wake.FILES)
            case 10:
                files.add("three", "  sede: 1\n")
                return Ring(wake=Wake.FILES)
            case 12:
                files.add("three")
                return Ring(wake=Wake.FILES)
            case 40:
                return Ring(wake=Wake.ASKED)
        return None

    provider.on_events = events
    soak = Soak(
        passes=3_000,
        warm=600,
        run_pass=lambda _: passed(session, REQUEST, Consent(needed=False)),
        session=lambda: session,
        followed=Followed(session.provider, most=40, curves=True),
        outages=outages,
        clock=clock,
        before_round=before_round,
    )
    soak.run()
    blocks, handles, threads = soak.grown()
    assert soak.looks["fine"] > 1500
    assert soak.looks["away"] > 200
    assert soak.looks[StateLocked.__name__] >= 100
    assert len(provider.creates) == 5  # two seeds more of one of them; edits back pay nothing
    assert blocks < 1_200, f"{blocks} blocks in 2,400 passes"
    assert (handles, threads) == (0, 0)


def test_hundreds_of_passes_against_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONCILER_SANDBOX_SPEED", "0.01")
    files = repository(tmp_path)
    for name in ("one", "two"):
        files.add(name)
    clock = Clock()
    outages = Outages(clock)
    sessions = Sessions(Options(sandbox=True), outages)
    soak = Soak(
        passes=300,
        warm=100,
        run_pass=lambda _: passed(sessions.current, REQUEST, Consent(needed=False)),
        session=lambda: sessions.current,
        followed=Followed(sessions.provider, most=40, curves=True),
        outages=outages,
        clock=clock,
        before_round=lambda _: None,
    )
    try:
        soak.run()
    finally:
        sessions.close()
    blocks, handles, threads = soak.grown()
    assert soak.looks == {"fine": 300}
    assert blocks < 2_000, f"{blocks} blocks in 200 passes"
    assert abs(handles) <= 2
    assert abs(threads) <= 8
