"""Names of Fireworks' jobs and models: which are taken, which are free, and which are made up."""

from __future__ import annotations

import re

from tests.sandbox.gateway import (
    ACCOUNT,
    BASE,
    PREFERENCE,
    SUPERVISED,
    create,
    fireworks,
    good,
    refusal,
    state,
    upload,
)
from tests.sandbox.workbench import Api, Clock, preference


def test_a_model_may_be_named_in_full(bench: Api) -> None:
    name = f"{ACCOUNT}/models/support"
    assert good(create(bench, outputModel=name))["outputModel"] == name


def test_a_job_without_an_id_gets_one(bench: Api) -> None:
    names = [good(create(bench, name=None))["name"] for _ in range(3)]
    assert len(set(names)) == 3
    assert all(re.fullmatch(rf"{ACCOUNT}/{SUPERVISED}/[a-z][a-z0-9]{{7}}", name) for name in names)


def test_the_same_id_makes_no_second_job(bench: Api) -> None:
    first = good(create(bench))
    taken = (409, 6, "resource already exists")
    assert refusal(create(bench)) == refusal(create(bench, outputModel="other")) == taken
    assert bench.created_jobs() == [first["name"]]
    upload(bench, [preference()] * 10, name="pairs")
    dataset = f"{ACCOUNT}/datasets/pairs"
    training = {"baseModel": BASE, "outputModel": "other"}
    other = create(bench, kind=PREFERENCE, dataset=dataset, trainingConfig=training)
    assert good(other)["name"] == f"{ACCOUNT}/{PREFERENCE}/job-1"


def test_a_model_is_made_by_one_job(bench: Api, clock: Clock) -> None:
    create(bench, "job-1", outputModel="support")
    message = f"model {ACCOUNT}/models/support already exists"
    assert refusal(create(bench, "job-2", outputModel="support")) == (400, 3, message)
    clock.advance(60)
    assert refusal(create(bench, "job-2", outputModel="support")) == (400, 3, message)
    assert good(fireworks(bench, "DELETE", "models/support")) == {}
    assert refusal(fireworks(bench, "DELETE", "models/support"))[:2] == (404, 5)
    assert state(bench) == "COMPLETED"
    assert create(bench, "job-2", outputModel="support").status_code == 200


def test_the_name_of_a_model_that_never_came_is_free(bench: Api, clock: Clock) -> None:
    create(bench, "job-1", outputModel="support")
    fireworks(bench, "POST", f"{SUPERVISED}/job-1:cancel", {})
    clock.advance(5)
    assert create(bench, "job-2", outputModel="support").status_code == 200
