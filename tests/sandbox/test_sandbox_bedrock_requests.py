"""Who may ask Bedrock, and for what: signatures, identifiers in paths, regions."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.amazon import (
    BUCKET,
    NOVA,
    bedrock,
    bedrock_error,
    conversation,
    create,
    escaped,
    good,
    request_body,
    signed,
    upload,
)
from tests.sandbox.workbench import Api


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, (403, "MissingAuthenticationTokenException", "Missing Authentication Token")),
        (
            {"authorization": "Bearer test"},
            (
                403,
                "IncompleteSignatureException",
                "The Authorization header does not have the form of a signature.",
            ),
        ),
        (
            signed("s3"),
            (
                403,
                "InvalidSignatureException",
                "Credential should be scoped to correct service: 'bedrock'.",
            ),
        ),
        (
            signed("bedrock", key="invalid"),
            (
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
        ),
    ],
    ids=["no signature", "a bearer token", "for another service", "the invalid key"],
)
def test_nobody_enters_without_a_signature(
    shared: Api, headers: dict[str, str], error: tuple[int, str, str]
) -> None:
    reply = httpx.get(f"{shared.url}/model-customization-jobs", headers=headers, trust_env=False)
    assert bedrock_error(reply) == error


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("model-customization-jobs/nothing", "GET"),
        ("model-customization-jobs/nothing/stop", "POST"),
        ("custom-models/nothing", "GET"),
        ("custom-models/nothing", "DELETE"),
        ("foundation-models/acme.nothing-v1:0", "GET"),
    ],
)
def test_what_is_not_there(shared: Api, path: str, method: str) -> None:
    assert bedrock_error(bedrock(shared, method, path))[:2] == (404, "ResourceNotFoundException")


def test_an_identifier_that_cannot_be_one(shared: Api) -> None:
    reply = bedrock(shared, "GET", "model-customization-jobs/no%20name")
    status, name, message = bedrock_error(reply)
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("1 validation error detected: Value 'no name' at 'jobIdentifier'")


def test_an_identifier_of_a_thousand_hyphens_takes_no_time(shared: Api) -> None:
    reply = bedrock(shared, "GET", "model-customization-jobs/" + "a" + "-" * 1_000 + "!")
    assert bedrock_error(reply)[1] == "ValidationException"


def test_an_arn_must_be_encoded_once_in_a_path(api: Api) -> None:
    arn = create(api)
    bare = bedrock(api, "GET", f"model-customization-jobs/{arn}")
    assert bare.headers["x-amzn-errortype"].startswith("UnknownOperationException:")
    twice = bedrock(api, "GET", f"model-customization-jobs/{escaped(arn).replace('%', '%25')}")
    assert bedrock_error(twice)[:2] == (400, "ValidationException")


def test_regions_are_kept_apart(api: Api) -> None:
    here = create(api)
    upload(api, [conversation()] * 20)
    body = request_body()
    there = good(bedrock(api, "POST", "model-customization-jobs", body, region="us-west-2"))
    assert there["jobArn"].startswith("arn:aws:bedrock:us-west-2:")
    path = f"model-customization-jobs/{escaped(here)}"
    elsewhere = bedrock(api, "GET", path, region="us-west-2")
    assert bedrock_error(elsewhere)[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "model-customization-jobs"), ("GET", "model-import-jobs"), ("POST", "")],
)
def test_what_the_sandbox_has_not_is_no_operation(shared: Api, method: str, path: str) -> None:
    reply = bedrock(shared, method, path)
    assert reply.status_code == 404
    assert reply.headers["x-amzn-errortype"].startswith("UnknownOperationException:")


def test_every_reply_can_be_asked_about(api: Api) -> None:
    arn = create(api)
    reply = bedrock(api, "GET", "model-customization-jobs/job-1")
    lines = api.journal()
    assert lines[-1]["request_id"] == reply.headers["x-amzn-requestid"]
    assert {name: lines[-2][name] for name in ("operation", "job", "model", "training_file")} == {
        "operation": "bedrock.create",
        "job": arn,
        "model": NOVA,
        "training_file": f"s3://{BUCKET}/train.jsonl",
    }
