"""What keeps a create waiting: the last days of models, day by day, and what no gate may touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from reconciler.cost import BaseModel
from reconciler.gates import SHUTDOWN_NOTICE_DAYS, Known, gated
from reconciler.model import (
    Action,
    Binding,
    Dataset,
    Job,
    JobSpec,
    JobStatus,
    Observation,
    Reason,
    Record,
    State,
    Step,
)
from reconciler.plan import plan
from reconciler.steps import Circumstances
from tests.fakes import make_record, make_spec

TODAY = date(2026, 11, 29)
MODEL = "gpt-4.1-mini-2025-04-14"
RUNNING = Job(id="ftjob-1", status=JobStatus.RUNNING, provider_status="running")
DONE = replace(
    RUNNING, status=JobStatus.SUCCEEDED, provider_status="succeeded", fine_tuned_model="ft:done"
)


def at(day: date = TODAY, *, hour: int = 12, minute: int = 0, second: int = 0) -> Circumstances:
    moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
    return Circumstances(now=moment.timestamp(), namespace="default")


def within(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def base(**facts: Any) -> BaseModel:
    return BaseModel(id=MODEL, provider="openai", **facts)


def spec_on(model: BaseModel | None, **fields: Any) -> JobSpec:
    return replace(make_spec(), base=model, **fields)


def only(
    spec: JobSpec,
    circumstances: Circumstances,
    *,
    seen: Observation | None = None,
    records: tuple[Record, ...] = (),
) -> Step:
    state = State(lineage="l", records={record.token: record for record in records})
    reality = {spec.token: Observation() if seen is None else seen}
    return plan([spec], state, reality, replace(circumstances, complete=False)).steps[0]


def known(**fields: Any) -> Known:
    values: dict[str, Any] = {"latest": {}, "state": State(lineage="l"), "reality": {}, **fields}
    return Known(**values)


class TestLastDays:
    """One row per day that matters, seen from 2026-11-29."""

    @pytest.mark.parametrize(
        ("model", "section", "expected"),
        [
            pytest.param(None, {}, "create", id="nothing is known of the model"),
            pytest.param(base(), {}, "create", id="no day is known"),
            pytest.param(base(closes_on=within(-1)), {}, "hold ModelClosed", id="closed yesterday"),
            pytest.param(base(closes_on=within(0)), {}, "hold ModelClosed", id="closes today"),
            pytest.param(
                base(closes_on=within(1)),
                {},
                f"create: {MODEL} takes no new jobs from {within(1)} on",
                id="closes tomorrow",
            ),
            pytest.param(
                base(closes_on=within(90)),
                {},
                f"create: {MODEL} takes no new jobs from {within(90)} on",
                id="closes in 90 days",
            ),
            pytest.param(base(closes_on=within(91)), {}, "create", id="closes in 91 days"),
            pytest.param(base(shuts_down_on=within(-1)), {}, "hold ModelClosed", id="gone"),
            pytest.param(base(shuts_down_on=within(0)), {}, "hold ModelClosed", id="goes today"),
            pytest.param(
                base(shuts_down_on=within(1)), {}, "hold ModelShutsDown", id="goes tomorrow"
            ),
            pytest.param(
                base(shuts_down_on=within(90)), {}, "hold ModelShutsDown", id="goes in 90 days"
            ),
            pytest.param(base(shuts_down_on=within(91)), {}, "create", id="goes in 91 days"),
            pytest.param(
                base(shuts_down_on=within(90)),
                {"accept_shutdown": False},
                "hold ModelShutsDown",
                id="goes in 90 days, and the spec says that it does not accept that",
            ),
            pytest.param(
                base(shuts_down_on=within(90)),
                {"accept_shutdown": True},
                f"create: {MODEL} shuts down on {within(90)}, in 90 days,"
                " and its fine-tunes with it",
                id="goes in 90 days, and the spec says that it may",
            ),
            pytest.param(
                base(shuts_down_on=within(0)),
                {"accept_shutdown": True},
                "hold ModelClosed",
                id="nobody can accept what does not answer",
            ),
            pytest.param(
                base(closes_on=within(0)),
                {"accept_shutdown": True},
                "hold ModelClosed",
                id="a model that is closed is not a matter of accepting",
            ),
            pytest.param(
                base(closes_on=within(10), shuts_down_on=within(300)),
                {},
                f"create: {MODEL} takes no new jobs from {within(10)} on",
                id="closes soon, goes much later",
            ),
            pytest.param(
                base(closes_on=within(-5), shuts_down_on=within(60)),
                {},
                "hold ModelClosed",
                id="closed already, goes soon",
            ),
        ],
    )
    def test_a_create(
        self, model: BaseModel | None, section: Mapping[str, Any], expected: str
    ) -> None:
        step = only(spec_on(model, section=section), at())
        if step.action is Action.HOLD:
            assert f"hold {step.reason.value}" == expected
            assert step.warning == ""
        else:
            assert step.action is Action.CREATE
            assert expected == (f"create: {step.warning}" if step.warning else "create")

    @pytest.mark.parametrize(
        ("model", "message", "hint"),
        [
            pytest.param(
                base(closes_on="2026-10-01"),
                f"{MODEL} takes no new jobs since 2026-10-01",
                "choose another model: reconcile models lists them",
                id="closed",
            ),
            pytest.param(
                base(closes_on="2026-10-01", shuts_down_on="2026-11-01"),
                f"{MODEL} was shut down on 2026-11-01",
                "choose another model: reconcile models lists them",
                id="shut down, which says more than closed",
            ),
            pytest.param(
                base(shuts_down_on="2027-01-14"),
                f"{MODEL} shuts down on 2027-01-14, and its fine-tunes with it",
                "choose another model, or set spec.openai.accept_shutdown",
                id="shuts down soon",
            ),
        ],
    )
    def test_a_hold_says_what_and_what_to_do(
        self, model: BaseModel, message: str, hint: str
    ) -> None:
        step = only(spec_on(model), at())
        assert (step.message, step.hint) == (message, hint)

    def test_the_way_out_is_in_the_section_of_the_providers_type(self) -> None:
        spec = spec_on(base(shuts_down_on=within(9)), provider="azure", provider_type="openai")
        assert only(spec, at()).hint.endswith("set spec.openai.accept_shutdown")

    @pytest.mark.parametrize(
        ("circumstances", "action"),
        [
            pytest.param(
                at(date(2026, 11, 28), hour=23, minute=59, second=59),
                Action.CREATE,
                id="the last second of the day before",
            ),
            pytest.param(at(hour=0), Action.HOLD, id="the first second of the day"),
        ],
    )
    def test_a_day_begins_at_midnight_utc(
        self, circumstances: Circumstances, action: Action
    ) -> None:
        assert only(spec_on(base(closes_on=within(0))), circumstances).action is action

    def test_the_notice_of_a_shutdown_is_a_quarter(self) -> None:
        assert SHUTDOWN_NOTICE_DAYS == 90

    def test_a_repositorys_own_row_is_believed(self) -> None:
        own = base(closes_on=within(-1), source="reconciler.yaml")
        assert only(spec_on(own), at()).reason is Reason.MODEL_CLOSED

    def test_a_chain_is_held_by_the_model_it_begins_with(self) -> None:
        upstream = make_spec("sft")
        spec = replace(make_spec("dpo", upstream=upstream), base=base(closes_on=within(-1)))
        record = make_record(upstream, binding=Binding.BOUND, job=DONE)
        step = only(spec, at(), records=(record,))
        assert (step.action, step.reason) == (Action.HOLD, Reason.MODEL_CLOSED)


CLOSED = spec_on(base(closes_on=within(-1), shuts_down_on=within(-1)))
BOUND = make_record(CLOSED, binding=Binding.BOUND, job=RUNNING)


@pytest.mark.parametrize(
    ("seen", "records", "expected"),
    [
        pytest.param(Observation(jobs=(RUNNING,)), (), "adopt TokenMatch", id="found"),
        pytest.param(Observation(jobs=(RUNNING,)), (BOUND,), "noop UpToDate", id="running"),
        pytest.param(Observation(jobs=(DONE,)), (BOUND,), "refresh StatusChanged", id="ended"),
        pytest.param(
            Observation(error="down"), (BOUND,), "hold ProviderUnavailable", id="nobody can look"
        ),
        pytest.param(Observation(), (BOUND,), "hold JobMissing", id="its job is gone"),
    ],
)
def test_no_day_holds_a_job_that_exists(
    seen: Observation, records: tuple[Record, ...], expected: str
) -> None:
    step = only(CLOSED, at(), seen=seen, records=records)
    assert f"{step.action.value} {step.reason.value}" == expected


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.CREATE])
def test_a_gate_lets_every_other_step_pass_as_it_is(action: Action) -> None:
    spec = replace(CLOSED, suspend=True)
    step = Step(
        action=action,
        reason=Reason.UP_TO_DATE,
        token=spec.token,
        name=spec.name,
        provider=spec.provider,
        spec=spec,
    )
    assert gated(step, known(), at()) is step


ABSENT = Dataset(path="data/t.jsonl", sha256="ef" * 32)
FIRST_OF_ALL: list[tuple[Reason, dict[str, Any]]] = [
    # what also speaks against it, in the order in which a person would want to know
    (Reason.SUSPENDED, {"suspend": True}),
    (Reason.NOT_CONFIGURED, {"unready": "no bucket", "unready_hint": "set one"}),
    (Reason.MODEL_CLOSED, {"base": base(closes_on=within(-1))}),
    (Reason.DATA_ABSENT, {"training": ABSENT}),
]


@pytest.mark.parametrize("first", range(len(FIRST_OF_ALL)))
def test_of_several_reasons_the_first_is_told(first: int) -> None:
    fields: dict[str, Any] = {}
    for _, more in FIRST_OF_ALL[first:]:
        fields |= more
    step = only(replace(make_spec(), **fields), at())
    assert (step.action, step.reason) == (Action.HOLD, FIRST_OF_ALL[first][0])


def test_validation_data_that_is_nowhere_holds_as_training_data_does() -> None:
    step = only(replace(make_spec(), validation=ABSENT), at())
    assert step.reason is Reason.DATA_ABSENT
    assert step.message == "data/t.jsonl is not in this checkout and was never uploaded"


class TestChains:
    upstream = make_spec("sft")
    spec = make_spec("dpo", upstream=upstream)

    def step(self, job: Job | None, **fields: Any) -> Step:
        record = make_record(self.upstream, binding=Binding.BOUND, job=job, **fields)
        return only(self.spec, at(), records=(record,) if job else ())

    @pytest.mark.parametrize(
        ("job", "message", "hint"),
        [
            pytest.param(
                None,
                "it trains on the model of sft, which is not there yet",
                "it follows by itself on the first pass after that one has succeeded",
                id="never created",
            ),
            pytest.param(
                RUNNING,
                "it trains on the model of sft, which is not there yet",
                "it follows by itself on the first pass after that one has succeeded",
                id="running",
            ),
            pytest.param(
                replace(RUNNING, status=JobStatus.FAILED),
                "it trains on the model of sft, whose job failed",
                "mend sft; this one follows by itself",
                id="failed",
            ),
        ],
    )
    def test_what_it_waits_for(self, job: Job | None, message: str, hint: str) -> None:
        step = self.step(job)
        assert (step.action, step.reason) == (Action.HOLD, Reason.WAITING_FOR_SPEC)
        assert (step.message, step.hint) == (message, hint)
        assert step.base_model is None

    @pytest.mark.parametrize(
        "job",
        [
            pytest.param(replace(RUNNING, status=JobStatus.CANCELLED), id="cancelled"),
            pytest.param(replace(DONE, fine_tuned_model=None), id="succeeded without a model"),
        ],
    )
    def test_an_end_without_a_model_is_for_somebody_to_mend(self, job: Job) -> None:
        step = self.step(job)
        assert (step.action, step.reason) == (Action.HOLD, Reason.WAITING_FOR_SPEC)
        assert step.hint == "mend sft; this one follows by itself"

    def test_nothing_is_trained_on_a_model_that_was_deleted(self) -> None:
        step = self.step(DONE, model_deleted=True)
        assert (step.action, step.reason) == (Action.HOLD, Reason.WAITING_FOR_SPEC)

    def test_the_models_last_day_is_told_along(self) -> None:
        model = base(shuts_down_on=within(30))
        spec = replace(self.spec, base=model, section={"accept_shutdown": True})
        record = make_record(self.upstream, binding=Binding.BOUND, job=DONE)
        step = only(spec, at(), records=(record,))
        assert (step.action, step.base_model) == (Action.CREATE, "ft:done")
        assert f"shuts down on {within(30)}, in 30 days" in step.warning


def test_a_model_that_was_deleted_is_trained_again_only_by_another_attempt() -> None:
    spec = make_spec()
    record = make_record(spec, binding=Binding.BOUND, job=DONE, model_deleted=True)
    step = only(spec, at(), records=(record,))
    assert (step.action, step.reason) == (Action.HOLD, Reason.MODEL_DELETED)
    assert step.message == "its model was deleted while no spec asked for it"
    assert step.hint == "to train it anew, raise spec.attempt"
    again = make_spec(attempt=1)
    assert only(again, at(), records=(record,)).action is Action.CREATE


class TestDeadline:
    """A job is over its time to the second; what it was made of does not matter."""

    created = int(at().now) - 3600

    def step(self, job: Job, *, deadline: float | None = 3600.0, bound: bool = True) -> Step:
        spec = replace(make_spec(), deadline=deadline)
        records = (make_record(spec, binding=Binding.BOUND, job=job),) if bound else ()
        return only(spec, at(), seen=Observation(jobs=(job,)), records=records)

    @pytest.mark.parametrize(
        ("job", "more", "expected"),
        [
            pytest.param({}, {}, "cancel DeadlineExceeded", id="to the second"),
            pytest.param({}, {"deadline": 3601.0}, "noop UpToDate", id="a second is left"),
            pytest.param({}, {"deadline": None}, "noop UpToDate", id="no deadline"),
            pytest.param({"created_at": None}, {}, "noop UpToDate", id="nobody says since when"),
            pytest.param(
                {"status": JobStatus.PAUSED}, {}, "cancel DeadlineExceeded", id="pausing counts"
            ),
            pytest.param({"status": JobStatus.SUCCEEDED}, {}, "noop UpToDate", id="it is over"),
            pytest.param({}, {"bound": False}, "adopt TokenMatch", id="tied first, stopped next"),
        ],
    )
    def test_when_it_is_stopped(
        self, job: Mapping[str, Any], more: Mapping[str, Any], expected: str
    ) -> None:
        step = self.step(replace(RUNNING, **{"created_at": self.created, **job}), **more)
        assert f"{step.action.value} {step.reason.value}" == expected

    def test_it_says_how_long_and_what_to_do(self) -> None:
        step = self.step(replace(RUNNING, created_at=self.created - 1800), deadline=1800.0)
        assert step.message == "ftjob-1 has run for 1.5 h, and spec.deadline is 0.5 h"
        assert step.hint == "to give it longer, raise spec.deadline, which trains nothing again"

    def test_a_deadline_trains_nothing_again(self) -> None:
        assert make_spec(deadline=60.0).token == make_spec().token
