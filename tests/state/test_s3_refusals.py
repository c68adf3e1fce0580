"""What a person is told where S3 says no, or nothing: what, which, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config import S3StateSettings
from reconciler.errors import StateError
from reconciler.model import State
from reconciler.state import open_store
from reconciler.state.base import StateStore
from tests.state.s3_server import BUCKET, KEY, KEY_ID, S3, SECRET, URL, Refusal, at_home, serve

FIRST = State(lineage="l", serial=1)


def opened(s3: S3) -> StateStore:
    """A store that begins with nothing, as in a new process."""
    return open_store(S3StateSettings(bucket=BUCKET, key=KEY, endpoint_url=s3.url), Path())


def serial(s3: S3) -> int:
    return s3.store().read().state.serial


@pytest.mark.parametrize(
    ("refusal", "said", "hint"),
    [
        (
            Refusal(404, "NoSuchBucket", "The specified bucket does not exist"),
            "NoSuchBucket: The specified bucket does not exist",
            "create the bucket, or name another as state.bucket in reconciler.yaml",
        ),
        (
            Refusal(403, "AccessDenied", "User is not authorized to perform: s3:Action"),
            "AccessDenied: User is not authorized to perform: s3:Action",
            (
                "the credentials need s3:GetObject, s3:PutObject and s3:DeleteObject for the key"
                " and what begins with it, and s3:ListBucket for the bucket: without that, S3 does"
                " not say whether an object is missing or forbidden"
            ),
        ),
        (
            Refusal(403, "InvalidAccessKeyId", f"There is no key {KEY_ID} in our records."),
            "InvalidAccessKeyId: There is no key … in our records.",
            "check the AWS credentials in use: `aws sts get-caller-identity` shows whose they are",
        ),
        (
            Refusal(403, "SignatureDoesNotMatch", f"It differs. The Canonical String was {SECRET}"),
            "SignatureDoesNotMatch: It differs.",
            "check the AWS credentials in use: `aws sts get-caller-identity` shows whose they are",
        ),
        (
            Refusal(400, "ExpiredToken", f"The token {SECRET} has expired."),
            "ExpiredToken: The token … has expired.",
            "the credentials have expired: log in again",
        ),
        (
            Refusal(403, "RequestTimeTooSkewed", "no"),
            "RequestTimeTooSkewed: no",
            "the clock of this machine is wrong",
        ),
        (
            Refusal(400, "IllegalLocationConstraintException", "no"),
            "IllegalLocationConstraintException: no",
            "set state.region in reconciler.yaml, or AWS_REGION, to the region of the bucket",
        ),
        (
            Refusal(501, "NotImplemented", "A header is not implemented"),
            "NotImplemented: A header is not implemented",
            "does this store know conditional writes?",
        ),
        (Refusal(418, "Teapot", "no"), "Teapot: no", ""),
    ],
    ids=lambda value: value.code if isinstance(value, Refusal) else "",
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_refusal_says_what_which_and_what_to_do(
    s3: S3, method: str, refusal: Refusal, said: str, hint: str
) -> None:
    s3.next(f"{method} {KEY}", *[refusal] * 3)
    one = s3.store()
    with pytest.raises(StateError) as caught:
        one.read() if method == "GET" else one.write(FIRST, "")
    done = {"GET": "read", "PUT": "written"}[method]
    assert caught.value.message == f"{URL} could not be {done}: {said}"
    assert caught.value.hint == hint
    assert KEY not in s3.objects


def test_a_bucket_that_is_not_there(s3: S3) -> None:
    elsewhere = S3StateSettings(bucket="elsewhere", key="x", endpoint_url=s3.url)
    with pytest.raises(StateError, match="s3://elsewhere/x could not be read: NoSuchBucket"):
        open_store(elsewhere, Path()).read()


def no_credentials(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("AWS_ACCESS_KEY_ID")


def half_of_them(patch: pytest.MonkeyPatch) -> None:
    patch.delenv("AWS_SECRET_ACCESS_KEY")


def an_unknown_profile(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_PROFILE", "nobody")


@pytest.mark.parametrize(
    ("prepare", "kind"),
    [
        (no_credentials, "no credentials error"),
        (half_of_them, "partial credentials error"),
        (an_unknown_profile, "profile not found"),
    ],
)
def test_without_credentials_nothing_is_sent(
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[pytest.MonkeyPatch], None],
    kind: str,
) -> None:
    prepare(monkeypatch)
    with pytest.raises(StateError) as caught:
        opened(s3).read()
    assert str(caught.value) == (
        f"{URL} could not be read: there are no AWS credentials ({kind})"
        " (set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
    )
    assert s3.heard == []


def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    at_home(monkeypatch)
    with serve() as s3:
        gone = opened(s3)
    with pytest.raises(StateError) as caught:
        gone.read()
    assert str(caught.value) == (
        f"{URL} could not be read: endpoint connection error"
        " (is the network up, and are state.endpoint_url and state.region right?)"
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://minio:9000", "http://minio would carry the key unencrypted"),
        ("https://user:pass@host", "a web address here holds no user or password"),
        ("minio", "is no web address"),
    ],
)
def test_an_address_from_the_environment_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, message: str
) -> None:
    at_home(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
    with pytest.raises(StateError) as caught:
        open_store(S3StateSettings(bucket=BUCKET, key=KEY), tmp_path).read()
    assert caught.value.message == f"AWS_ENDPOINT_URL_S3: {message}"
    assert "pass@" not in str(caught.value)


def test_the_address_of_the_environment_is_used(
    s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    one = open_store(S3StateSettings(bucket=BUCKET, key=KEY), tmp_path)
    one.write(FIRST, "")
    assert serial(s3) == 1
    assert "us-east-1/s3" in s3.heard[-1].headers["authorization"]


def test_a_store_that_is_not_awss_has_its_buckets_in_the_path(s3: S3) -> None:
    """`my-team.localhost` is a name that few machines know."""
    address = s3.url.replace("127.0.0.1", "localhost")
    settings = S3StateSettings(bucket=BUCKET, key=KEY, endpoint_url=address)
    open_store(settings, Path()).read()
    assert s3.heard[-1].headers["host"] == address.removeprefix("http://")
    assert s3.heard[-1].bucket == BUCKET


def test_a_proxy_of_the_environment_is_none_for_this_machine(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert opened(s3).read().version == ""
