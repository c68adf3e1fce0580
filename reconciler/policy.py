"""What one plan may do at most, judged as a whole and before anything is called. Pure.

`engine` enforces it between deciding and carrying out. A rule refuses the whole plan: half of what
a reviewer saw is not what a reviewer agreed to.
"""

from __future__ import annotations

from reconciler.errors import PolicyError
from reconciler.model import Action, Plan


def enforce(decided: Plan, *, max_creates: int | None) -> None:
    """Raise PolicyError if the plan as a whole breaks a rule. None is no limit."""
    creates = decided.of(Action.CREATE)
    if max_creates is not None and len(creates) > max_creates:
        names = ", ".join(step.name for step in creates)
        raise PolicyError(
            f"the plan creates {len(creates)} jobs ({names}), more than max_creates {max_creates}",
            hint="name fewer specs, or raise policy.max_creates or --max-creates",
        )
