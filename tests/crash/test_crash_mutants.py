"""The matrix bites: it finds a schedule against every wrong variant of the product."""

from __future__ import annotations

import pytest

from tests.crash.explorer import Violation, search
from tests.crash.histories import TYPICAL
from tests.crash.mutants import MUTANTS, Mutant
from tests.crash.world import CLIMATES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_does_not_survive(mutant: Mutant) -> None:
    late = next(climate for climate in CLIMATES if climate.lag and not climate.unique)
    with mutant.alive(), pytest.raises(Violation, match=r"paid for 2 times|no end after"):
        search(late, TYPICAL, mutant.process)
