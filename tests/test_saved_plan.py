"""A reviewed plan as a file: what it pins, what it tells of, and what reads back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler import saved_plan, schema
from reconciler.cost import BaseModel, TokenCount, estimate
from reconciler.engine import Request
from reconciler.errors import ConfigError
from reconciler.model import Action, Dataset, Job, JobStatus, Plan, Reason, Step
from reconciler.plan import checksum
from reconciler.saved_plan import PinnedStep, SavedPlan, decode, encode, moved, saved
from tests.fakes import make_record, make_spec
from tests.state.strategies import counts, names, no_counts, no_names, texts

SCHEMA = schema.load_schema("savedplan")
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)

MINI = BaseModel(id="gpt-4.1-mini-2025-04-14", provider="openai", usd_per_million_tokens=5.0)
COUNTED = TokenCount(tokens=10_000, low=9_000, high=11_000, exact=False, tokenizer="o200k_base")
RUNNING = Job(id="ftjob-1", status=JobStatus.RUNNING, provider_status="running")
SPEC = make_spec(
    validation=Dataset(path="data/valid.jsonl", sha256="cd" * 32, size=9, examples=3, present=True)
)


def step(action: Action, reason: Reason, name: str = "support-bot", **more: Any) -> Step:
    spec = make_spec(name)
    values: dict[str, Any] = {"token": spec.token, "provider": "openai", "spec": spec, **more}
    return Step(action=action, reason=reason, name=name, **values)


CREATE = step(
    Action.CREATE,
    Reason.MISSING,
    spec=SPEC,
    token=SPEC.token,
    base_model=MINI.id,
    estimate=estimate(COUNTED, 812, 3, MINI),
)
ADOPT = step(Action.ADOPT, Reason.TOKEN_MATCH, "found", job=RUNNING)
CANCEL = step(
    Action.CANCEL,
    Reason.PRUNED,
    "gone",
    spec=None,
    record=make_record(make_spec("gone")),
    job=replace(RUNNING, id="ftjob-2"),
)
QUIET = (
    step(Action.HOLD, Reason.SUSPENDED, "held"),
    step(Action.NOOP, Reason.UP_TO_DATE, "in-sync", job=RUNNING),
    step(Action.REFRESH, Reason.STATUS_CHANGED, "ended", job=RUNNING),
    step(Action.ORPHAN, Reason.NO_SPEC, "left", job=RUNNING),
)
DECIDED = Plan(steps=(CREATE, *QUIET, ADOPT, CANCEL), lineage="lineage-1", serial=7)
REQUEST = Request(labels=("team=support",), prune=True, max_cost_usd=12.5)


def of(*steps: Step, serial: int = 7, lineage: str = "lineage-1", **more: Any) -> SavedPlan:
    kept = saved(
        Plan(steps=steps, lineage=lineage, serial=serial),
        REQUEST,
        namespace="default",
        sandbox=False,
    )
    return replace(kept, **more)


REVIEWED = saved(DECIDED, REQUEST, namespace="default", sandbox=False)

amounts = st.none() | st.floats(0, 1e9)
pinned = st.builds(
    PinnedStep,
    action=st.sampled_from([Action.CREATE, Action.ADOPT, Action.CANCEL]),
    reason=names,
    token=names,
    name=names,
    provider=names,
    digest=no_names,
    training_sha256=no_names,
    validation_sha256=no_names,
    base_model=no_names,
    job_id=no_names,
    usd=amounts,
    usd_high=amounts,
    price=texts,
)
requests = st.builds(
    Request,
    paths=st.lists(names, max_size=2).map(tuple),
    labels=st.lists(names, max_size=2).map(tuple),
    refresh=st.booleans(),
    refresh_only=st.booleans(),
    offline=st.booleans(),
    prune=st.booleans(),
    hold_unknown=st.booleans(),
    tolerant=st.booleans(),
    exact=st.booleans(),
    max_creates=no_counts,
    max_cost_usd=amounts,
)
plans = st.builds(
    SavedPlan,
    namespace=names,
    sandbox=st.booleans(),
    lineage=names,
    serial=counts,
    checksum=st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
    request=requests,
    steps=st.lists(pinned, max_size=3, unique_by=lambda one: one.token).map(tuple),
)


class TestWhatIsPinned:
    def test_the_steps_that_act_in_the_order_of_the_plan(self) -> None:
        assert [(one.action, one.name) for one in REVIEWED.steps] == [
            (Action.CREATE, "support-bot"),
            (Action.ADOPT, "found"),
            (Action.CANCEL, "gone"),
        ]

    def test_a_create_in_full(self) -> None:
        assert REVIEWED.steps[0] == PinnedStep(
            action=Action.CREATE,
            reason="Missing",
            token=SPEC.token,
            name="support-bot",
            provider="openai",
            digest=SPEC.digest,
            training_sha256="ab" * 32,
            validation_sha256="cd" * 32,
            base_model=MINI.id,
            job_id=None,
            usd=0.15,
            usd_high=0.165,
            price="$5.00 per 1M tokens",
        )

    def test_a_job_that_no_spec_asks_for(self) -> None:
        cancel = REVIEWED.steps[2]
        assert (cancel.job_id, cancel.digest, cancel.training_sha256) == ("ftjob-2", None, None)
        assert (cancel.usd, cancel.usd_high, cancel.price) == (None, None, "")

    def test_what_the_plan_was_decided_against(self) -> None:
        assert (REVIEWED.lineage, REVIEWED.serial) == ("lineage-1", 7)
        assert (REVIEWED.checksum, REVIEWED.request) == (checksum(DECIDED), REQUEST)


class TestMoved:
    def test_nothing(self) -> None:
        assert moved(REVIEWED, REVIEWED) == ()

    @pytest.mark.parametrize(
        "now",
        [
            pytest.param(of(CREATE, ADOPT, CANCEL, serial=8), id="a status was refreshed"),
            pytest.param(of(CANCEL, CREATE, ADOPT), id="the files stand in another order"),
            pytest.param(of(CREATE, ADOPT, CANCEL, request=Request()), id="another request"),
            pytest.param(
                of(CREATE, ADOPT, CANCEL, step(Action.HOLD, Reason.SUSPENDED, "new")),
                id="what is held does nothing",
            ),
            pytest.param(
                of(replace(CREATE, reason=Reason.PENDING_NOT_FOUND), ADOPT, CANCEL),
                id="the same create for another reason",
            ),
        ],
    )
    def test_what_is_no_difference(self, now: SavedPlan) -> None:
        assert moved(REVIEWED, now) == ()

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            pytest.param(
                of(ADOPT, CANCEL),
                ["support-bot: create was planned, and is not to be done any more"],
                id="nothing to do any more",
            ),
            pytest.param(
                of(CREATE, ADOPT, CANCEL, step(Action.CREATE, Reason.MISSING, "another")),
                [f"another: create was not planned ({make_spec('another').token})"],
                id="another create",
            ),
            pytest.param(
                of(
                    replace(CREATE, spec=None, token="support-bot-0000000000000000"),
                    ADOPT,
                    CANCEL,
                ),
                [
                    "support-bot: create was planned, and is not to be done any more",
                    "support-bot: create was not planned (support-bot-0000000000000000)",
                ],
                id="the spec was edited, or its data",
            ),
            pytest.param(
                of(
                    replace(CREATE, action=Action.ADOPT, job=RUNNING, base_model=None),
                    ADOPT,
                    CANCEL,
                ),
                [
                    "support-bot: action create → adopt",
                    f"support-bot: base model {MINI.id} → unknown",
                    "support-bot: job unknown → ftjob-1",
                ],
                id="somebody created it meanwhile",
            ),
            pytest.param(
                of(replace(CREATE, base_model="ft:new"), ADOPT, CANCEL),
                [f"support-bot: base model {MINI.id} → ft:new"],
                id="the chain has another beginning",
            ),
            pytest.param(
                of(
                    replace(
                        CREATE,
                        estimate=estimate(
                            COUNTED, 812, 3, replace(MINI, usd_per_million_tokens=6.0)
                        ),
                    ),
                    ADOPT,
                    CANCEL,
                ),
                [
                    "support-bot: cost in US dollars 0.15 → 0.18",
                    "support-bot: highest cost in US dollars 0.165 → 0.198",
                    "support-bot: price $5.00 per 1M tokens → $6.00 per 1M tokens",
                ],
                id="another price",
            ),
            pytest.param(
                of(replace(CREATE, estimate=None), ADOPT, CANCEL),
                [
                    "support-bot: cost in US dollars 0.15 → unknown",
                    "support-bot: highest cost in US dollars 0.165 → unknown",
                    "support-bot: price $5.00 per 1M tokens → unknown",
                ],
                id="nobody can tell the price any more",
            ),
            pytest.param(
                of(CREATE, ADOPT, replace(CANCEL, job=RUNNING)),
                ["gone: job ftjob-2 → ftjob-1"],
                id="another job would be stopped",
            ),
            pytest.param(
                of(CREATE, ADOPT, CANCEL, sandbox=True),
                ["it was made for the real providers, and this is in the sandbox"],
                id="in the sandbox",
            ),
            pytest.param(
                of(CREATE, ADOPT, CANCEL, namespace="research"),
                ["it is of the namespace default, and this is research"],
                id="another namespace",
            ),
            pytest.param(
                of(CREATE, ADOPT, CANCEL, lineage="lineage-2"),
                ["it was made with the state lineage-1, and this is lineage-2"],
                id="another state",
            ),
        ],
    )
    def test_what_moved_is_told(self, now: SavedPlan, words: list[str]) -> None:
        assert list(moved(REVIEWED, now)) == words

    def test_the_first_state_of_all_is_no_other_state(self) -> None:
        """Before the first write a state has no lineage that lasts."""
        assert moved(of(CREATE, serial=0, lineage="made up"), of(CREATE, lineage="to stay")) == ()

    @given(plans)
    def test_no_plan_differs_from_itself(self, plan: SavedPlan) -> None:
        assert moved(plan, plan) == ()

    @given(data=st.data(), plan=plans)
    @pytest.mark.parametrize(
        "field", ["action", "token", "provider", "base_model", "job_id", "usd", "usd_high", "price"]
    )
    def test_a_single_value_that_decides_what_is_done_is_told(
        self, data: st.DataObject, plan: SavedPlan, field: str
    ) -> None:
        assume(plan.steps)
        place = data.draw(st.integers(0, len(plan.steps) - 1))
        value = getattr(data.draw(pinned), field)
        assume(value != getattr(plan.steps[place], field))
        assume(field != "token" or value not in {one.token for one in plan.steps})
        edited = [*plan.steps]
        edited[place] = replace(edited[place], **{field: value})
        assert moved(plan, replace(plan, steps=tuple(edited)))
        assert moved(replace(plan, steps=tuple(edited)), plan)

    @given(plans, plans)
    def test_it_differs_one_way_as_the_other(self, one: SavedPlan, other: SavedPlan) -> None:
        other = replace(other, lineage=one.lineage)
        assert bool(moved(one, other)) is bool(moved(other, one))


class TestDocument:
    @given(plans)
    def test_what_is_written_reads_back(self, plan: SavedPlan) -> None:
        assert decode(encode(plan), "plan.json") == plan

    @given(plans)
    def test_every_plan_is_written_as_the_schema_says(self, plan: SavedPlan) -> None:
        VALIDATOR.validate(json.loads(encode(plan)))

    def test_it_is_made_for_reading(self) -> None:
        lines = encode(REVIEWED).decode().splitlines()
        assert lines[:3] == [
            "{",
            '  "apiVersion": "finetuning.reconciler/v1",',
            '  "kind": "SavedPlan",',
        ]
        assert encode(REVIEWED).endswith(b"}\n")

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"plan", id="no JSON"),
            pytest.param(b"[]", id="no object"),
            pytest.param(b"\xff\xfe", id="no text"),
            pytest.param(b"[" * 100_000, id="too deep"),
            pytest.param(b"{}", id="nothing in it"),
            pytest.param(encode(REVIEWED)[:-20], id="cut off"),
            pytest.param(encode(REVIEWED).replace(b"SavedPlan", b"Plan"), id="of another kind"),
            pytest.param(encode(REVIEWED).replace(b"/v1", b"/v2"), id="of another version"),
            pytest.param(encode(REVIEWED).replace(b'"create"', b'"destroy"'), id="no such action"),
            pytest.param(encode(REVIEWED).replace(b'"serial": 7', b'"serial": "7"'), id="a type"),
            pytest.param(encode(REVIEWED).replace(b'"token"', b'"Token"'), id="a field is missing"),
        ],
    )
    def test_what_is_no_saved_plan_is_a_matter_of_usage(self, data: bytes) -> None:
        with pytest.raises(ConfigError, match=r"^plan\.json is no saved plan: ") as caught:
            decode(data, "plan.json")
        assert caught.value.hint == "reconcile plan --out writes one"


DEFINITIONS = {"request": Request, "step": PinnedStep}


def objects() -> Iterator[dict[str, Any]]:
    yield SCHEMA
    yield from SCHEMA["$defs"].values()


class TestSchema:
    @pytest.mark.parametrize("name", DEFINITIONS)
    def test_it_has_the_fields_of_the_values_in_their_order(self, name: str) -> None:
        definition = SCHEMA["$defs"][name]
        own = [field.name for field in fields(DEFINITIONS[name])]
        assert list(definition["properties"]) == definition["required"] == own

    def test_and_those_of_the_document(self) -> None:
        own = [field.name for field in fields(SavedPlan)]
        assert list(SCHEMA["properties"]) == SCHEMA["required"] == own

    def test_it_knows_every_action_that_is_pinned(self) -> None:
        plan = Plan(
            steps=tuple(step(action, Reason.MISSING, f"a-{action}") for action in Action),
            lineage="l",
            serial=1,
        )
        kept = saved(plan, Request(), namespace="default", sandbox=False)
        actions = SCHEMA["$defs"]["step"]["properties"]["action"]["enum"]
        assert {one.action.value for one in kept.steps} == set(actions)

    def test_every_field_is_described(self) -> None:
        for definition in objects():
            assert definition["description"]
            for name, field in definition["properties"].items():
                assert field.get("description") or "$ref" in field, name

    @pytest.mark.parametrize("path", [(), ("request",), ("steps", 0)])
    def test_a_field_too_many_and_a_field_too_few_are_not_by_it(
        self, path: tuple[str | int, ...]
    ) -> None:
        document = json.loads(saved_plan.encode(REVIEWED))
        assert VALIDATOR.is_valid(document)
        place = document
        for key in path:
            place = place[key]
        lost = place.popitem()
        assert not VALIDATOR.is_valid(document)
        place.update([lost])
        place["more"] = 1
        assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("field", ["digest", "training_sha256", "validation_sha256", "name"])
def test_what_a_reviewer_read_of_a_spec_is_held_against_it(field: str) -> None:
    fields: dict[str, Any] = {field: "edited"}
    edited = replace(REVIEWED.steps[0], **fields)
    (told,) = moved(REVIEWED, replace(REVIEWED, steps=(edited, *REVIEWED.steps[1:])))
    assert told.endswith("→ edited")
