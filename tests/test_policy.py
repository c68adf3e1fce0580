"""What a whole plan may do at most: one row per rule, with the words of its refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.cost import BaseModel, Estimate
from reconciler.errors import PolicyError
from reconciler.model import Action, Plan, Reason, Source, Step
from reconciler.policy import Policy, enforce
from tests.fakes import make_spec

MINI = BaseModel(id="gpt-4.1-mini-2025-04-14", provider="openai")
SPEC = replace(
    make_spec("support-bot"),
    labels={"team": "support"},
    source=Source(path="specs/support-bot.yaml", commit="c0ffee"),
    base=MINI,
)


def estimate(usd: float | None, highest: float | None = None) -> Estimate:
    return Estimate(
        tokens=1,
        tokens_low=1,
        tokens_high=1,
        epochs_low=1,
        epochs_high=1,
        exact=True,
        tokenizer="o200k_base",
        usd=usd,
        usd_low=usd,
        usd_high=highest or usd,
    )


def a_plan(*steps: Step) -> Plan:
    return Plan(steps=steps, lineage="l", serial=1)


def create(name: str = "support-bot", **fields: object) -> Step:
    spec = replace(SPEC, name=name, **fields)  # type: ignore[arg-type]  # fields by name
    return Step(
        action=Action.CREATE,
        reason=Reason.MISSING,
        token=f"{name}-0",
        name=name,
        provider=spec.provider,
        spec=spec,
        base_model=spec.model,
        estimate=estimate(1.0),
    )


HELD = replace(create("held"), action=Action.HOLD, reason=Reason.SUSPENDED)
DEAR = replace(create("dear"), estimate=estimate(4.0, 12.5))
UNPRICED = replace(create("riddle"), estimate=None)


@pytest.mark.parametrize(
    ("decided", "policy"),
    [
        pytest.param(a_plan(create(), create("b")), Policy(), id="no rules"),
        pytest.param(a_plan(create(), create("b")), Policy(max_creates=2), id="as many as allowed"),
        pytest.param(a_plan(HELD), Policy(max_creates=0), id="what is held creates nothing"),
        pytest.param(a_plan(DEAR), Policy(max_cost_usd=12.5), id="as dear as allowed"),
        pytest.param(a_plan(UNPRICED), Policy(max_creates=1), id="no price, no budget"),
        pytest.param(a_plan(create()), Policy(providers=("openai",)), id="provider allowed"),
        pytest.param(
            a_plan(create()), Policy(models=("gpt-4.1-mini-2025-04-14",)), id="model allowed"
        ),
        pytest.param(
            a_plan(create(base=replace(MINI, aliases=("gpt-4.1-mini",)))),
            Policy(models=("gpt-4.1-mini",)),
            id="model allowed by another of its names",
        ),
        pytest.param(
            a_plan(create(model=None, model_from="tone")),
            Policy(models=("gpt-4.1-mini-2025-04-14",)),
            id="a chain is of the model it begins with",
        ),
        pytest.param(a_plan(create()), Policy(required_labels=("team",)), id="label there"),
        pytest.param(
            a_plan(create()), Policy(required_labels=("team=support",)), id="label and value there"
        ),
        pytest.param(a_plan(create()), Policy(require_clean=True), id="clean"),
    ],
)
def test_what_the_rules_allow(decided: Plan, policy: Policy) -> None:
    enforce(decided, policy)


@pytest.mark.parametrize(
    ("decided", "policy", "words"),
    [
        pytest.param(
            a_plan(create(), create("b"), create("c")),
            Policy(max_creates=2),
            r"creates 3 jobs \(support-bot, b, c\), more than max_creates 2.*--max-creates",
            id="too many",
        ),
        pytest.param(
            a_plan(create()), Policy(max_creates=0), "more than max_creates 0", id="zero is a limit"
        ),
        pytest.param(
            a_plan(DEAR),
            Policy(max_cost_usd=12),
            r"costs up to \$12.50 \(dear\), more than max_cost_usd \$12.00.*--max-cost",
            id="the highest estimate counts",
        ),
        pytest.param(
            a_plan(create(), UNPRICED),
            Policy(max_cost_usd=100),
            "nobody can tell what riddle would cost.*models: in reconciler.yaml",
            id="no price under a budget",
        ),
        pytest.param(
            a_plan(create()),
            Policy(providers=("bedrock",)),
            r"support-bot uses the provider openai, which policy.providers does not allow"
            r" \(bedrock\)",
            id="provider",
        ),
        pytest.param(
            a_plan(create()),
            Policy(models=()),
            "uses the model gpt-4.1-mini-2025-04-14, which policy.models does not allow .none.",
            id="model",
        ),
        pytest.param(
            a_plan(create(method="dpo")),
            Policy(methods=("supervised",)),
            "uses the method dpo, which policy.methods does not allow",
            id="method",
        ),
        pytest.param(
            a_plan(create(labels={})),
            Policy(required_labels=("team",)),
            "support-bot lack the label team.*metadata.labels: team",
            id="label missing",
        ),
        pytest.param(
            a_plan(create()),
            Policy(required_labels=("team=sales",)),
            "lack the label team=sales",
            id="label of another value",
        ),
        pytest.param(
            a_plan(create(source=Source(path="a.yaml", commit="c0ffee-dirty"))),
            Policy(require_clean=True),
            "would be created from files that no commit holds.*commit them first",
            id="dirty",
        ),
        pytest.param(
            a_plan(create(source=Source(path="a.yaml"))),
            Policy(require_clean=True),
            "no commit holds",
            id="no commit at all",
        ),
    ],
)
def test_what_the_rules_refuse(decided: Plan, policy: Policy, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        enforce(decided, policy)


def test_every_broken_rule_is_told_at_once() -> None:
    with pytest.raises(PolicyError, match=r"max_creates 0; .*policy.providers") as caught:
        enforce(a_plan(create()), Policy(max_creates=0, providers=()))
    assert "--max-creates; choose one" in caught.value.hint


def test_a_long_list_of_names_is_cut() -> None:
    steps = [create(f"s{number}") for number in range(8)]
    with pytest.raises(PolicyError, match=r"\(s0, s1, s2, s3, s4 and 3 more\)"):
        enforce(a_plan(*steps), Policy(max_creates=1))
