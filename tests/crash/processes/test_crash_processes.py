"""Real processes, killed with SIGKILL at their moments, alone and two at once.

    CRASH_ROUNDS=200 python -m pytest -n auto tests/crash/processes

Without that variable the rounds are few.
"""

from __future__ import annotations

import os

import pytest

from tests.crash.processes.accounts import ACCOUNTS, Account
from tests.crash.processes.rounds import (
    NAIVE,
    PASSES_TO_CONVERGE,
    RECONCILE,
    Blow,
    play,
    schedule,
)

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "0"))
SEEDS = range(1, 1 + (ROUNDS or 2))
FEWER_SEEDS = range(1, 1 + (ROUNDS or 1))
OPENAI, *UNIQUE = ACCOUNTS


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("account", ACCOUNTS, ids=str)
def test_one_runner(account: Account, seed: int) -> None:
    played = play(RECONCILE, account, schedule(seed))
    assert (played.creates, played.duplicates) == (1, 0)
    assert played.passes <= PASSES_TO_CONVERGE


@pytest.mark.parametrize("seed", FEWER_SEEDS)
@pytest.mark.parametrize("account", ACCOUNTS, ids=str)
def test_two_runners_at_once(account: Account, seed: int) -> None:
    played = play(RECONCILE, account, schedule(seed, 2), specs=3)
    assert (played.creates, played.duplicates) == (3, 0)


@pytest.mark.parametrize("seed", FEWER_SEEDS)
@pytest.mark.parametrize("account", UNIQUE, ids=str)
def test_two_runners_without_a_shared_state_where_names_are_unique(
    account: Account, seed: int
) -> None:
    played = play(RECONCILE, account, schedule(seed, 2), specs=3, apart=True)
    assert (played.creates, played.duplicates) == (3, 0)


def test_the_rounds_bite() -> None:
    """The same harness sees a program pay again that leaves lost answers to the vendor's SDK."""
    lost = Blow("create=drop-after,x1", (None,))
    assert play(NAIVE, OPENAI, [lost]).duplicates == 1
