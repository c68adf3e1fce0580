"""The reliability table: `python -m tests.crash.report [--rounds N] [--seed S]`.

Runs from a checkout with the `test` extra, on local providers, and takes a few minutes. It counts
jobs that exist, not what a program says of itself, and ends with 1 if `reconcile` ever paid twice.

The first table is the exhaustive search in memory, the second is real processes under SIGKILL: the
same schedules of faults for `reconcile` at each provider, and for a naive loop over the vendor's
SDK. With one runner the same seed gives the same table; two at once race each other, so that the
faults they meet may differ.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.crash.explorer import Findings, search
from tests.crash.histories import ALL
from tests.crash.processes.accounts import ACCOUNTS, Account
from tests.crash.processes.rounds import NAIVE, RECONCILE, Program, Round, play, schedule
from tests.crash.world import CLIMATES, Climate

_KINDS = {
    "listed at once": "OpenAI",
    "listed late": "OpenAI, its list a minute late",
    "listed late, by pages": "the same, looked for in pages",
    "named": "Bedrock, Fireworks",
    "named, shown late": "Bedrock, Fireworks, a minute late",
}
_NAMES = {"openai": "OpenAI", "bedrock": "Bedrock", "fireworks": "Fireworks"}


@dataclass(frozen=True, slots=True)
class Series:
    """Rounds of one kind. `specs` is per round; `apart` as for `play`."""

    program: Program
    account: Account
    runners: int = 1
    specs: int = 1
    apart: bool = False

    def play(self, seed: int) -> Round:
        """The round of a seed."""
        blows = schedule(seed, self.runners)
        return play(self.program, self.account, blows, specs=self.specs, apart=self.apart)

    def seeds(self, first: int, rounds: int) -> range:
        """The seeds of so many rounds: of two runners at once half as many, for each does more."""
        return range(first, first + max(1, rounds // self.runners))

    def __str__(self) -> str:
        runners = {1: "", 2: ", two runners at once"}[self.runners]
        runners += ", without a shared state" if self.apart else ""
        return f"{self.program.name}{runners}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; 1 if anything was paid for twice that should not have been."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.report", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of real processes, per row")
    parser.add_argument("--seed", type=int, default=1, help="the first round's seed")
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor() as processes:
        _tell(_searched(CLIMATES, processes.map(_search, CLIMATES)))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        played = [
            (series, list(threads.map(series.play, series.seeds(options.seed, options.rounds))))
            for series in _series()
        ]
    _tell(_played(played))
    ours = [rounds for series, rounds in played if series.program is RECONCILE]
    return int(any(round_.duplicates for rounds in ours for round_ in rounds))


def _search(climate: Climate) -> Findings:
    return search(climate, ALL)


def _series() -> Iterable[Series]:
    unique = [account for account in ACCOUNTS if account.provider != "openai"]
    yield from (Series(RECONCILE, account) for account in ACCOUNTS)
    yield from (Series(RECONCILE, account, runners=2, specs=3) for account in ACCOUNTS)
    yield from (Series(RECONCILE, account, 2, 3, apart=True) for account in unique)
    yield Series(NAIVE, ACCOUNTS[0])


def _searched(climates: Iterable[Climate], found: Iterable[Findings]) -> str:
    head = ("in memory, every schedule", "schedules", "faults", "creates", "duplicates", "passes")
    rows = [
        (
            _KINDS[climate.name],
            f"{findings.schedules:,}",
            f"{findings.strikes:,}",
            f"{findings.creates:,}",
            "0",  # the search raises Violation at the first
            f"at most {findings.slowest}",
        )
        for climate, findings in zip(climates, found, strict=True)
    ]
    return _table(head, rows)


def _played(played: Iterable[tuple[Series, Sequence[Round]]]) -> str:
    head = ("real processes", "provider", "rounds", "faults", "creates", "duplicates", "passes")
    rows = []
    for series, rounds in played:
        total = partial(_total, rounds)
        rows.append(
            (
                str(series),
                _NAMES[series.account.provider],
                f"{len(rounds):,}",
                f"{total(lambda r: r.kills):,} kills, {total(lambda r: r.faults):,} of the server",
                f"{total(lambda r: r.creates):,}",
                f"{total(lambda r: r.duplicates):,}",
                f"at most {max(round_.passes for round_ in rounds)}",
            )
        )
    return _table(head, rows)


def _total(rounds: Sequence[Round], count: Callable[[Round], int]) -> int:
    return sum(map(count, rounds))


def _tell(table: str) -> None:
    sys.stdout.write(f"{table}\n\n")
    sys.stdout.flush()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
