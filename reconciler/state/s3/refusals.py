"""What boto3 raises, as what it means for a state and what a person can do about it.

`bucket` reads every exception through here. Pure; it knows botocore's exceptions by their names, so
that whoever imports it does not wait for boto3. No message may hold a key, a header or anything
that was signed.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.errors import StateError
from reconciler.providers.refusal import redact

_UNSURE = (
    "whether it was written is not known; nothing was sent on the strength of it, and the next run"
    " looks before it does anything"
)
_DONE = {"get_object": "read", "put_object": "written", "delete_object": "removed"}

_CHANGED = 412
_CONFLICT = 409
_MISSING = 404
_NOT_IMPLEMENTED = 501
_BUSY_STATUSES = frozenset({408, 425, 429})
_BUSY = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that say nothing about the request, whatever their status."""

_CREDENTIALS = frozenset(
    {
        "CredentialRetrievalError",
        "LoginError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOError",
        "TokenRetrievalError",
    }
)
_NO_CONNECTION = frozenset(
    {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}
)
_NO_ANSWER = frozenset(
    {"ConnectionError", "HTTPClientError", "IncompleteReadError", "ResponseParserError"}
)
"""Exceptions of botocore, by their names: not every version has them all."""

_NAME_A_REGION = "set state.region in reconciler.yaml, or AWS_REGION, to the region of the bucket"
_WHOSE = "check the AWS credentials in use: `aws sts get-caller-identity` shows whose they are"
_EXPIRED = "the credentials have expired: log in again"
_HINTS = {
    "NoSuchBucket": "create the bucket, or name another as state.bucket in reconciler.yaml",
    "InvalidBucketName": "name a bucket as state.bucket in reconciler.yaml",
    "AccessDenied": "the credentials need s3:GetObject, s3:PutObject and s3:DeleteObject for the"
    " key and what begins with it, and s3:ListBucket for the bucket: without that, S3 does not say"
    " whether an object is missing or forbidden",
    "InvalidAccessKeyId": _WHOSE,
    "InvalidToken": _WHOSE,
    "SignatureDoesNotMatch": _WHOSE,
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "AuthorizationHeaderMalformed": _NAME_A_REGION,
    "IllegalLocationConstraintException": _NAME_A_REGION,
    "PermanentRedirect": _NAME_A_REGION,
}
_SIGNED = re.compile(r"(?i)(the )?canonical (string|request)|string[- ]to[- ]sign|x-amz-")
_KEY_ID = re.compile(r"\b(A3T|AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{12,}\b")


class Stale(Exception):
    """The condition of a request does not hold; of a read: there is no such object."""


class Unsettled(Exception):
    """No clear answer came: a write may have taken effect, or may still.

    `error` is what to raise where nobody can find out.
    """

    def __init__(self, error: StateError) -> None:
        super().__init__(error.message)
        self.error = error


def translated(
    error: Exception, operation: str, location: str, secrets: Collection[str]
) -> Stale | Unsettled | StateError:
    """What a request to S3 came to. `operation` is boto3's name of it."""
    what = f"{location} could not be {_DONE[operation]}"
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return _answered(response, operation, what, secrets)
    return _unanswered(error, what, operation, secrets)


def without_conditions(location: str, ignored: str) -> StateError:
    """The refusal of a store that cannot keep two runners apart."""
    return StateError(
        f"the store of {location} {ignored}: of two runs that write at the same time, one would"
        " undo what the other has noted, and jobs could be lost or paid for twice",
        hint="keep the state in a store that honours If-Match and If-None-Match, as S3 does, or in"
        " a file that one runner uses: state: {backend: file}",
    )


def _answered(
    response: Mapping[str, Any], operation: str, what: str, secrets: Collection[str]
) -> Stale | Unsettled | StateError:
    error = response.get("Error") or {}
    status = int((response.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0)
    code = str(error.get("Code") or "")
    missing = status == _MISSING and code == "NoSuchKey"
    if status == _CHANGED or missing:
        return Stale(code)
    said = f"{what}: {_shown(code or str(status), secrets)}"
    if message := _shown(str(error.get("Message") or ""), secrets):
        said += f": {message}"
    if status == _NOT_IMPLEMENTED:
        return StateError(said, hint="does this store know conditional writes?")
    busy = status >= 500 or status in _BUSY_STATUSES or code in _BUSY  # noqa: PLR2004 - HTTP's own number
    if busy or status == _CONFLICT:
        hint = "wait a little and run the command again"
        if operation == "get_object":
            return Unsettled(StateError(said, hint=hint))
        return Unsettled(StateError(said, hint=f"{hint}; {_UNSURE}"))
    return StateError(said, hint=_HINTS.get(code, ""))


def _unanswered(
    error: Exception, what: str, operation: str, secrets: Collection[str]
) -> Unsettled | StateError:
    kinds = {class_.__name__ for class_ in type(error).__mro__}
    said = f"{what}: {_plain(error)}"
    if kinds & _CREDENTIALS:
        hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        return StateError(f"{what}: there are no AWS credentials ({_plain(error)})", hint=hint)
    if "NoRegionError" in kinds:
        return StateError(f"{what}: no AWS region is set", hint=_NAME_A_REGION)
    if _bad_certificate(error):
        hint = "its certificate cannot be verified: AWS_CA_BUNDLE names that of a proxy in between"
        return StateError(said, hint=hint)
    if kinds & _NO_CONNECTION:
        hint = "is the network up, and are state.endpoint_url and state.region right?"
        return Unsettled(StateError(said, hint=hint))
    if kinds & _NO_ANSWER:
        hint = "run the command again" if operation == "get_object" else _UNSURE
        return Unsettled(StateError(said, hint=hint))
    return StateError(f"{said}: {_shown(str(error), secrets)}", hint="check the settings of AWS")


def _shown(text: str, secrets: Collection[str]) -> str:
    """A server's words, without what was signed: some repeat that after a wrong signature."""
    if signed := _SIGNED.search(text):
        text = text[: signed.start()]
    return redact(_KEY_ID.sub("…", text), secrets)


def _plain(error: Exception) -> str:
    """`ReadTimeoutError` as "read timeout error": its text may quote what was sent."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", type(error).__name__).lower()


def _bad_certificate(error: BaseException | None) -> bool:
    """Whether the handshake failed over the server's certificate."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        seen.add(id(error))
        inner = [error.__cause__, error.__context__, *error.args]
        inner.append(getattr(error, "kwargs", {}).get("error"))
        error = next((other for other in inner if isinstance(other, BaseException)), None)
    return False
