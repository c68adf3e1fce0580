"""The gate: no schedule of two faults, in any history, pays twice or needs a human.

CRASH_MATRIX=all python -m pytest tests/crash/test_crash_matrix.py     a few minutes, all of it
"""

from __future__ import annotations

import os

import pytest

from tests.crash.explorer import PASSES_TO_CONVERGE, search
from tests.crash.faults import FAULTS
from tests.crash.histories import ALL, SHORT, TYPICAL, History
from tests.crash.world import CLIMATES, Climate


@pytest.mark.parametrize("climate", CLIMATES, ids=str)
def test_every_schedule_pays_once_and_comes_to_its_end(climate: Climate) -> None:
    everything = os.environ.get("CRASH_MATRIX") == "all"
    findings = search(
        climate, ALL if everything else TYPICAL if climate.lag and not climate.pages else SHORT
    )
    assert findings.slowest <= PASSES_TO_CONVERGE
    assert findings.schedules > 100_000
    looking = {"list"} if climate.pages else {"find"}
    assert findings.operations >= {"lock", "get", "upload", "create", "save", *looking}
    unplayed = {fault.name for fault in FAULTS} - findings.faults
    assert unplayed == (set() if climate.pages else {"cut short"})  # which only a list can be


def _histories(climate: Climate) -> tuple[History, ...]:
    if os.environ.get("CRASH_MATRIX") == "all":
        return ALL
    return TYPICAL if climate.lag and not climate.pages else SHORT
