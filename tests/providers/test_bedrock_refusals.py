"""Every exception of botocore is ours, and none says more than it knows."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.exceptions  # type: ignore[import-untyped]  # it has no types
import pytest
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]  # as above

from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.providers.bedrock import refusals
from reconciler.providers.bedrock.account import BEDROCK
from reconciler.providers.bedrock.refusals import NoAnswer, Refused, translated
from tests.providers.bedrock_bench import KEY_ID, SECRET, Bench, bench, make, request, shown
from tests.providers.loopback import Reply, script


def foreign() -> Iterator[type[Exception]]:
    """Every exception that botocore has."""
    for _, class_ in inspect.getmembers(botocore.exceptions, inspect.isclass):
        ours = class_.__module__ == "botocore.exceptions"
        if ours and issubclass(class_, Exception) and not issubclass(class_, Warning):
            yield class_


def made(class_: type[Exception]) -> Exception:
    """One of these, with nothing in it: their constructors want words for their texts."""
    error = class_.__new__(class_)
    Exception.__init__(error, "SECRET WORDS")
    if isinstance(error, botocore.exceptions.ClientError):
        error.response = {"Error": {"Code": "Odd"}, "ResponseMetadata": {"HTTPStatusCode": 418}}
        error.operation_name = "X"
    else:
        vars(error)["kwargs"] = {}
    return error


FOREIGN = list(foreign())
NAMES = {class_.__name__ for class_ in FOREIGN}


def test_the_groups_name_only_what_there_is() -> None:
    groups = (refusals.CREDENTIALS, refusals.NO_CONNECTION, refusals.UNUSABLE, refusals.SETUP)
    assert set().union(*groups) <= NAMES
    assert sum(map(len, groups)) == len(set().union(*groups))


@pytest.mark.parametrize("class_", FOREIGN, ids=lambda class_: class_.__name__)
def test_every_exception_is_ours(class_: type[Exception]) -> None:
    error = translated(made(class_), "GetModelCustomizationJob", "bedrock", ())
    assert isinstance(error, NoAnswer | Refused | ProviderAuthError)
    assert str(error).startswith("bedrock")


MAYBE_SENT = {
    "AwsChunkedWrapperError", "BotoCoreError", "CapacityNotAvailableError", "ChecksumError",
    "ConnectionClosedError", "ConnectionError", "FlexibleChecksumError", "HTTPClientError",
    "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError", "SSLError",
}  # fmt: skip
"""What may come when a request is on its way. What nobody can tell counts so too."""


@pytest.mark.parametrize("name", sorted(MAYBE_SENT))
def test_what_may_have_been_sent_counts_as_sent(name: str) -> None:
    error = translated(made(getattr(botocore.exceptions, name)), "X", "bedrock", ())
    assert isinstance(error, NoAnswer)
    assert (error.sent, error.transient) == (True, True)


@pytest.mark.parametrize("error", [ResponseParserError("<html>"), ValueError("x"), OSError("x")])
def test_what_is_not_botocores_counts_as_sent(error: Exception) -> None:
    found = translated(error, "X", "bedrock", ())
    assert isinstance(found, NoAnswer)
    assert found.sent


@pytest.mark.parametrize("name", ["EndpointConnectionError", "ConnectTimeoutError"])
def test_what_never_connected_was_not_sent(name: str) -> None:
    url = "https://bedrock.us-east-1.amazonaws.com/model-customization-jobs?x=secret"
    error = getattr(botocore.exceptions, name)(endpoint_url=url, error="refused")
    found = translated(error, "X", "bedrock", ())
    assert isinstance(found, NoAnswer)
    assert (found.sent, found.transient, found.remedy) == (False, True, Remedy.RETRY_NOW)
    assert "bedrock at bedrock.us-east-1.amazonaws.com: no answer to X" in found.message
    assert "secret" not in str(found)


def test_a_certificate_that_fails_was_the_end_and_other_trouble_may_not_be() -> None:
    bad = ssl.SSLCertVerificationError("certificate verify failed")
    error = botocore.exceptions.SSLError(endpoint_url="https://x", error=bad)
    found = translated(error, "X", "bedrock", ())
    assert isinstance(found, NoAnswer)
    assert (found.sent, found.transient, found.remedy) == (False, False, Remedy.FIX_ACCOUNT)
    cut = botocore.exceptions.SSLError(endpoint_url="https://x", error=ssl.SSLEOFError("eof"))
    found = translated(cut, "X", "bedrock", ())
    assert isinstance(found, NoAnswer)
    assert found.sent


def answered(status: int, code: str, message: str = "no", **headers: str) -> Refused:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {
            "HTTPStatusCode": status,
            "HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()},
            "RequestId": "req-1",
        },
    }
    error = botocore.exceptions.ClientError(response, "X")
    found = translated(error, "X", "bedrock", (SECRET,))
    assert isinstance(found, Refused)
    return found


ROWS: list[tuple[int, str, str, Remedy, float | None, str]] = [
    (400, "ValidationException", "bad value", Remedy.FIX_SPEC, None, "correct the spec"),
    (400, "TooManyTagsException", "tags", Remedy.FIX_SPEC, None, "correct the spec"),
    (404, "ResourceNotFoundException", "no model", Remedy.FIX_SPEC, None, "spec.model"),
    (403, "AccessDeniedException", "not authorized", Remedy.FIX_ACCOUNT, None, "iam:PassRole"),
    (403, "ExpiredTokenException", "expired", Remedy.FIX_ACCOUNT, None, "log in again"),
    (400, "ExpiredToken", "expired", Remedy.FIX_ACCOUNT, None, "log in again"),
    (403, "UnrecognizedClientException", "bad", Remedy.FIX_ACCOUNT, None, "get-caller-identity"),
    (403, "RequestTimeTooSkewed", "late", Remedy.FIX_ACCOUNT, None, "clock"),
    (401, "", "", Remedy.FIX_ACCOUNT, None, "iam:PassRole"),
    (400, "ServiceQuotaExceededException", "2 jobs", Remedy.RETRY_LATER, 900, "Service Quotas"),
    (429, "ThrottlingException", "slow", Remedy.RETRY_NOW, 30, "by itself"),
    (400, "ThrottlingException", "slow", Remedy.RETRY_NOW, 30, "by itself"),
    (400, "ValidationException", "Could not assume the provided IAM role", Remedy.FIX_ACCOUNT, None,
     "check the role"),
    (400, "ValidationException", "Could not validate GetObject permissions to access Amazon S3",
     Remedy.FIX_ACCOUNT, None, "check the role"),
    (404, "NoSuchBucket", "gone", Remedy.FIX_ACCOUNT, None, "create the bucket"),
    (400, "ValidationException", "messages must have a role of user", Remedy.FIX_SPEC, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message", "remedy", "wait", "hint"), ROWS)
def test_a_refusal_says_what_it_takes(
    status: int, code: str, message: str, remedy: Remedy, wait: float | None, hint: str
) -> None:
    refused = answered(status, code, message)
    assert refused.surely
    rejection = refusals.rejection(refused, "bedrock")
    assert (rejection.remedy, rejection.retry_after, rejection.code) == (remedy, wait, code)
    assert hint in rejection.hint
    assert "(request req-1)" in rejection.message


@pytest.mark.parametrize(
    ("asked", "remedy", "wait"),
    [("7", Remedy.RETRY_NOW, 7.0), ("3600", Remedy.RETRY_LATER, 3600.0)],
)
def test_a_server_says_how_long(asked: str, remedy: Remedy, wait: float) -> None:
    refused = answered(429, "ThrottlingException", "slow", retry_after=asked)
    rejection = refusals.rejection(refused, "bedrock")
    assert (rejection.remedy, rejection.retry_after) == (remedy, wait)
    assert refused.transient is (wait < refusals.LONGEST_WAIT)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalServerException"),
        (503, "ServiceUnavailable"),
        (502, "502"),
        (400, "InternalServerException"),
        (400, "RequestTimeout"),
        (409, "Odd"),
        (408, "RequestTimeout"),
        (302, "302"),
        (0, ""),
    ],
)
def test_what_is_no_sure_refusal_is_none(status: int, code: str) -> None:
    assert not answered(status, code).surely


@pytest.mark.parametrize(
    ("status", "code", "message", "taken"),
    [
        (400, "ValidationException", "The provided job name is currently in use.", True),
        (400, "ConflictException", "whatever", True),
        (409, "ConflictException", "whatever", True),
        (400, "ResourceInUseException", "Model customization job x already exists", True),
        (400, "ValidationException", "The custom model name is already used", True),
        (400, "ValidationException", "jobName must match a pattern", False),
        (400, "ServiceQuotaExceededException", "too many jobs", False),
        (500, "ConflictException", "currently in use", False),
    ],
)
def test_a_taken_name_is_told_by_code_or_words(
    status: int, code: str, message: str, taken: bool
) -> None:
    assert answered(status, code, message).name_taken is taken


LEAKS = [
    "The Canonical String for this request should have been 'POST x-amz-security-token:AQoDYXdz'",
    "mismatch. The String-to-Sign should have been 'AWS4-HMAC-SHA256 AQoDYXdz'",
    f"The key {KEY_ID} and AQoDYXdz: X-Amz-Security-Token AQoDYXdz".replace("AQoDYXdz:", ":"),
    f"secret {SECRET} was wrong",
]


@pytest.mark.parametrize("message", LEAKS)
def test_what_was_signed_is_not_shown(message: str) -> None:
    refused = answered(403, "InvalidSignatureException", message)
    shown_ = f"{refused} {refused.refused!r} {refusals.rejection(refused, 'bedrock')}"
    for secret in ("AQoDYXdz", KEY_ID, SECRET):
        assert secret not in shown_


@contextmanager
def cut(events: Any, error: Exception) -> Iterator[None]:
    """While it lasts, an exception of botocore's own stands in the way to the server."""

    def raise_(**_: Any) -> None:
        raise error

    events.register("before-send", raise_)
    try:
        yield
    finally:
        events.unregister("before-send", raise_)


SURELY_NOT = refusals.CREDENTIALS | refusals.NO_CONNECTION | refusals.UNUSABLE | refusals.SETUP


@pytest.mark.parametrize("class_", FOREIGN, ids=lambda class_: class_.__name__)
def test_a_create_ends_in_one_of_two_ways(at: Bench, class_: type[Exception]) -> None:
    with (
        cut(at.provider._account._session.events, made(class_)),
        pytest.raises((CreateRejected, CreateOutcomeUnknown)) as caught,
    ):
        at.provider.create(request(make()))
    sure = bool({base.__name__ for base in class_.__mro__} & SURELY_NOT)
    assert isinstance(caught.value, CreateRejected) is sure
    assert "SECRET" not in str(caught.value) or sure
    assert at.server.heard == []


@pytest.mark.parametrize("class_", FOREIGN, ids=lambda class_: class_.__name__)
def test_a_read_ends_in_one_of_two_ways(at: Bench, class_: type[Exception]) -> None:
    with (
        cut(at.provider._account.client(BEDROCK).meta.events, made(class_)),
        pytest.raises((ProviderUnavailable, ProviderAuthError)),
    ):
        at.provider.get("bot")
    assert at.server.heard == []


@pytest.fixture(scope="module")
def at() -> Iterator[Bench]:
    with bench(script(Reply(200, shown("bot")))) as made_:
        yield made_
