"""What one plan may do at most, judged as a whole and before anything is called. Pure.

`engine` enforces it between deciding and carrying out. A rule refuses the whole plan: half of what
a reviewer saw is not what a reviewer agreed to. Every refusal names the rule, the specs, and where
the rule is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.errors import PolicyError
from reconciler.model import Action, JobSpec, Plan, Step

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of a repository; None is no limit.

    `max_cost_usd` holds for the creates of one plan together. `providers`, `models` and `methods`
    are all that may be used. `required_labels` must be on every spec that creates: a key, or
    `key=value`. `require_clean` refuses to create from files that differ from their commit.
    """

    max_creates: int | None = None
    max_cost_usd: float | None = None
    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    required_labels: tuple[str, ...] = ()
    require_clean: bool = False


def enforce(decided: Plan, policy: Policy) -> None:
    """Raise PolicyError with every rule that the plan breaks."""
    refusals = list(_refusals(decided, policy))
    if not refusals:
        return
    messages = [message for message, _ in refusals]
    raise PolicyError("; ".join(messages), hint="; ".join(hint for _, hint in refusals))


def _refusals(decided: Plan, policy: Policy) -> Iterator[tuple[str, str]]:
    creates = decided.of(Action.CREATE)
    if policy.max_creates is not None and len(creates) > policy.max_creates:
        yield (
            (
                f"the plan creates {len(creates)} jobs ({_names(creates)}), more than max_creates"
                f" {policy.max_creates}"
            ),
            "name fewer specs, or raise policy.max_creates or --max-creates",
        )
    if policy.max_cost_usd is not None:
        yield from _too_dear(decided, creates, policy.max_cost_usd)
    yield from _not_allowed(creates, policy)
    for label in policy.required_labels:
        without = [step for step in creates if step.spec and not _has(step.spec, label)]
        if without:
            yield (
                f"{_names(without)} lack the label {label}, which policy.required_labels asks for",
                f"write it under metadata.labels: {label.partition('=')[0]}",
            )
    if policy.require_clean:
        dirty = [step for step in creates if step.spec and not _clean(step.spec)]
        if dirty:
            yield (
                (
                    f"{_names(dirty)} would be created from files that no commit holds, which"
                    " policy.require_clean forbids"
                ),
                "commit them first",
            )


def _too_dear(decided: Plan, creates: Sequence[Step], most: float) -> Iterator[tuple[str, str]]:
    """The highest estimate counts: a budget that only the likeliest keeps is none."""
    _, highest = decided.usd
    if highest > most:
        yield (
            (
                f"the plan costs up to ${highest:,.2f} ({_names(creates)}), more than max_cost_usd"
                f" ${most:,.2f}"
            ),
            "name fewer specs, or raise policy.max_cost_usd or --max-cost",
        )
    if decided.unpriced:
        yield (
            f"nobody can tell what {_names(decided.unpriced)} would cost, and max_cost_usd is set",
            "give the price of the model under models: in reconciler.yaml",
        )


def _not_allowed(creates: Sequence[Step], policy: Policy) -> Iterator[tuple[str, str]]:
    rules = (
        ("provider", policy.providers, lambda step: (step.provider,)),
        ("model", policy.models, _base_models),
        ("method", policy.methods, lambda step: (step.spec.method,) if step.spec else ()),
    )
    for what, allowed, values in rules:
        for step in creates if allowed is not None else ():
            if not set(values(step)) & set(allowed or ()):
                named = next(iter(values(step)), "unknown")
                yield (
                    (
                        f"{step.name} uses the {what} {named}, which policy.{what}s does not allow"
                        f" ({', '.join(allowed or ()) or 'none'})"
                    ),
                    f"choose one of those, or add it to policy.{what}s",
                )


def _base_models(step: Step) -> tuple[str, ...]:
    """The names of the model at the beginning of the chain: a fine-tune's own is in no list."""
    spec = step.spec
    named = spec.model if spec and spec.model_from is None else None
    base = spec.base if spec else None
    known = (base.id, *base.aliases) if base else ()
    return tuple(name for name in (named, *known, step.base_model) if name)


def _has(spec: JobSpec, label: str) -> bool:
    key, equals, value = label.partition("=")
    return spec.labels.get(key) == value if equals else key in spec.labels


def _clean(spec: JobSpec) -> bool:
    return spec.source.commit is not None and not spec.source.commit.endswith("-dirty")


def _names(steps: Sequence[Step]) -> str:
    more = f" and {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
    return ", ".join(step.name for step in steps[:_SHOWN]) + more
