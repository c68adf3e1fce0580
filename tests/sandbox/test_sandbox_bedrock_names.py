"""Names, ARNs and tokens of Bedrock's jobs and models: which are taken, and which are free."""

from __future__ import annotations

import re

from tests.sandbox.amazon import (
    BUCKET,
    NOVA,
    bedrock,
    bedrock_error,
    create,
    create_on_uploaded,
    good,
    job,
    request_body,
    s3,
)
from tests.sandbox.workbench import Api, Clock


def test_an_arn_ends_in_twelve_characters_and_never_in_the_name(api: Api) -> None:
    arns = [create(api, name) for name in ("a", "job-1", "a-very-long-name-of-a-job")]
    pattern = (
        rf"arn:aws:bedrock:us-east-1:000000000000:model-customization-job/{NOVA}/[a-z0-9]{{12}}"
    )
    assert all(re.fullmatch(pattern, arn) for arn in arns)
    assert len({arn[-12:] for arn in arns}) == 3


def test_a_job_is_found_by_its_name_and_by_its_arn(api: Api) -> None:
    arn = create(api)
    assert job(api, "job-1") == job(api, arn)


def test_a_name_is_burned_for_good(api: Api, clock: Clock) -> None:
    create(api)
    in_use = (400, "ValidationException", "The provided job name is currently in use.")
    for _ in range(2):
        body = request_body(clientRequestToken="other", customModelName="other")
        assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
        clock.advance(60)
    for token in (None, "other"):
        body = request_body(clientRequestToken=token)
        assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    assert bedrock(api, "DELETE", "model-customization-jobs/job-1").status_code == 404


def test_the_same_token_makes_no_second_job(api: Api, clock: Clock) -> None:
    arn = create(api)
    assert create(api) == arn
    other = request_body("job-2", clientRequestToken="token-job-1")
    assert good(bedrock(api, "POST", "model-customization-jobs", other))["jobArn"] == arn
    clock.advance(60)
    s3(api, "DELETE", f"{BUCKET}/train.jsonl")
    assert create_on_uploaded(api) == arn
    assert len(api.created_jobs()) == 1
    listed = good(bedrock(api, "GET", "model-customization-jobs"))
    assert len(listed["modelCustomizationJobSummaries"]) == 1


def test_a_job_without_a_token_is_a_new_one_each_time(api: Api) -> None:
    create(api, "job-1", clientRequestToken=None)
    create(api, "job-2", clientRequestToken=None)
    assert "clientRequestToken" not in job(api, "job-1")
    assert len(api.created_jobs()) == 2


def test_a_models_name_is_taken_from_the_first_job_on(api: Api, clock: Clock) -> None:
    create(api, "first", customModelName="model")
    body = request_body("second", customModelName="model")
    in_use = (400, "ValidationException", "The provided custom model name is currently in use.")
    assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    clock.advance(60)
    assert bedrock_error(bedrock(api, "POST", "model-customization-jobs", body)) == in_use
    assert good(bedrock(api, "DELETE", "custom-models/model")) == {}
    assert bedrock(api, "POST", "model-customization-jobs", body).status_code == 201


def test_the_name_of_a_model_that_never_came_is_free(api: Api, clock: Clock) -> None:
    create(api, "first", customModelName="model")
    bedrock(api, "POST", "model-customization-jobs/first/stop")
    clock.advance(5)
    create(api, "second", customModelName="model")
    clock.advance(60)
    assert good(bedrock(api, "GET", "custom-models/model"))["jobName"] == "second"
