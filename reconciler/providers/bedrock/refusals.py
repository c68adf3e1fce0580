"""What boto3 raises, in our words: what was answered, what was not, and what that means.

`calls` reads every exception through here, `adapter` and `files` what a refused create or upload
takes to mend. Pure, but for the exceptions' classes. Only what is listed here as surely not sent or
surely refused counts as such: of everything else, a job may have come.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # it has no types

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.providers.refusal import Refusal, redact, retry_after

SURELY_REFUSED = frozenset({400, 401, 403, 404, 413, 415, 422, 429})
"""Statuses after which there is surely no job: the server read the request and said no to it."""

LONGEST_WAIT = 60.0
"""Seconds a server may ask a read to wait. Whoever asks for more is unavailable."""

_TROUBLE = frozenset(
    {
        "InternalServerException",
        "InternalServerError",
        "InternalFailure",
        "InternalError",
        "ServiceUnavailableException",
        "ServiceUnavailable",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
"""Codes that say nothing about the request, whatever their status."""

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_TAKEN = frozenset({"ConflictException", "ResourceInUseException", "ResourceInUse"})

CREDENTIALS = frozenset(
    {
        "ConfigNotFound",
        "ConfigParseError",
        "CredentialRetrievalError",
        "InvalidConfigError",
        "LoginError",
        "MetadataRetrievalError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
        "UnknownTokenProviderError",
    }
)
"""Exceptions of botocore that mean: there are no credentials to sign with. Nothing was sent."""

NO_CONNECTION = frozenset(
    {"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"}
)
"""Exceptions of botocore that mean: there never was a connection. Nothing was sent."""

UNUSABLE = frozenset({"MissingParametersError", "ParamValidationError", "ValidationError"})
"""Exceptions of botocore about what was asked for. Nothing was sent."""

SETUP = frozenset(
    {
        "BaseEndpointResolverError",
        "DataNotFoundError",
        "EndpointProviderError",
        "InvalidDefaultsMode",
        "InvalidEndpointConfigurationError",
        "InvalidProxiesConfigError",
        "InvalidRetryConfigurationError",
        "MissingDependencyException",
        "UnknownRegionError",
        "UnknownSignatureVersionError",
        "UnsupportedSignatureVersionError",
    }
)
"""Exceptions of botocore about how it is set up. Nothing was sent."""

_RATE_SECONDS = 30.0  # where a rate limit says nothing
_SOON = 300.0
_SLOT_SECONDS = 900.0  # a place comes free when one of the account's jobs ends

_NAME_TAKEN = re.compile(
    r"\bnames?\b.*\b(in use|already|exists|taken|unique)\b|\balready (exists|in use)\b",
    re.IGNORECASE | re.DOTALL,
)
_MODEL_NAME = re.compile(r"\bmodel[- ]?name\b", re.IGNORECASE)
_ROLE_TROUBLE = re.compile(
    r"\b(iam|service|provided) role\b|\brole ?arn\b|\bassum(e|ed|ing)\b|\bpermission"
    r"|not authori[sz]ed|access denied|not allowed",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"(?i)(the )?canonical (string|request)|string[- ]to[- ]sign|x-amz-")
_KEY_ID = re.compile(r"\b(A3T|AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{12,}\b")


class NoAnswer(ProviderUnavailable):
    """No answer came. `sent`: the request may have arrived. `transient`: worth another try.

    `remedy` is what a create that was not sent takes.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool,
        transient: bool,
        remedy: Remedy = Remedy.RETRY_NOW,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.transient = transient
        self.remedy = remedy


class Refused(ProviderUnavailable):
    """The server answered no."""

    def __init__(self, message: str, refused: Refusal) -> None:
        super().__init__(message)
        self.refused = refused

    @property
    def transient(self) -> bool:
        """Whether it says no now and may say yes soon."""
        refused, busy = self.refused, self.refused.status in (408, 429)
        busy = busy or refused.status >= 500 or refused.code in _THROTTLED | _TROUBLE  # noqa: PLR2004 - HTTP's own number
        return busy and (refused.retry_after or 0.0) <= LONGEST_WAIT

    @property
    def denied(self) -> bool:
        """Whether it is us that the server will not answer."""
        return self.refused.status in (401, 403) or self.refused.code in _DENIED

    @property
    def surely(self) -> bool:
        """Whether a refused create surely made no job."""
        refused = self.refused
        known = refused.code in _TAKEN or refused.status in SURELY_REFUSED
        return known and refused.code not in _TROUBLE

    @property
    def name_taken(self) -> bool:
        """Whether a create was refused for a name.

        AWS's model has ConflictException for it, its servers answer ValidationException
        (apache/airflow#38693), moto ResourceInUseException: the message counts as much.
        """
        refused = self.refused
        client = 400 <= refused.status < 500  # noqa: PLR2004 - HTTP's own numbers
        return client and (refused.code in _TAKEN or bool(_NAME_TAKEN.search(refused.message)))

    @property
    def names_the_model(self) -> bool:
        """Whether the name in question is the model's, not the job's."""
        return bool(_MODEL_NAME.search(self.refused.message))


def translated(
    error: Exception, operation: str, name: str, secrets: Collection[str]
) -> ProviderUnavailable | ProviderAuthError:
    """What boto3 raised on a call, as ours. `name` is the provider's in reconciler.yaml."""
    if isinstance(error, ClientError):
        refused = _refusal(error.response, secrets)
        return Refused(f"{name} answered {operation} with {refused}", refused)
    kinds = {class_.__name__ for class_ in type(error).__mro__}
    words = f"{name}{_place(error)}: no answer to {operation} ({_plain(error)})"
    if kinds & CREDENTIALS:
        return ProviderAuthError(
            f"{name}: there are no AWS credentials to call {operation} with ({_plain(error)})",
            hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or try it"
            " without: reconcile --sandbox",
        )
    if kinds & (UNUSABLE | SETUP):
        remedy = Remedy.FIX_SPEC if kinds & UNUSABLE else Remedy.FIX_ACCOUNT
        said = f"{words}: {redact(str(error), secrets)}"
        return NoAnswer(said, sent=False, transient=False, remedy=remedy)
    if _bad_certificate(error):
        hint = "its certificate cannot be verified: is a proxy in between? AWS_CA_BUNDLE names its"
        return NoAnswer(
            words, sent=False, transient=False, remedy=Remedy.FIX_ACCOUNT, hint=f"{hint} own"
        )
    if kinds & NO_CONNECTION:
        hint = "nothing was sent; is the network up, and the region and endpoint right?"
        return NoAnswer(words, sent=False, transient=True, hint=hint)
    return NoAnswer(words, sent=True, transient=True)


def denial(refused: Refused, operation: str, name: str) -> ProviderAuthError:
    """A refusal of ours, as the error that says what to do about it."""
    return ProviderAuthError(
        f"{name} does not allow {operation}: {refused.refused}",
        hint=_denial_hint(refused.refused, operation),
    )


def rejection(refused: Refused, name: str) -> CreateRejected:
    """A create or upload that was surely refused, as the error that says what to do about it."""
    remedy, wait, hint = _remedy(refused)
    return CreateRejected(
        f"{name} refused: {refused.refused}",
        remedy=remedy,
        code=refused.refused.code,
        retry_after=wait,
        hint=hint,
    )


def _remedy(refused: Refused) -> tuple[Remedy, float | None, str]:
    answer = refused.refused
    if answer.status == 429 or answer.code in _THROTTLED:  # noqa: PLR2004 - HTTP's own number
        wait = _RATE_SECONDS if answer.retry_after is None else answer.retry_after
        soon = Remedy.RETRY_NOW if wait <= _SOON else Remedy.RETRY_LATER
        return soon, wait, "it is sent again by itself when it is due"
    if answer.code == "ServiceQuotaExceededException":
        hint = "a place comes free when a job ends; Service Quotas in the AWS console raises it"
        return Remedy.RETRY_LATER, max(answer.retry_after or 0.0, _SLOT_SECONDS), hint
    if refused.denied:
        return Remedy.FIX_ACCOUNT, None, _denial_hint(answer, "CreateModelCustomizationJob")
    if answer.code == "NoSuchBucket":
        return Remedy.FIX_ACCOUNT, None, "create the bucket, or name another in reconciler.yaml"
    if answer.code == "ResourceNotFoundException":
        hint = "check spec.model: which models can be customized differs between regions"
        return Remedy.FIX_SPEC, None, hint
    if _ROLE_TROUBLE.search(answer.message):
        hint = "check the role: Bedrock must be able to assume it, and it to read and write S3"
        return Remedy.FIX_ACCOUNT, None, hint
    return Remedy.FIX_SPEC, None, "correct the spec or its data"


def _denial_hint(refused: Refusal, operation: str) -> str:
    if refused.code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
        return "the credentials have expired: log in again"
    if refused.code == "RequestTimeTooSkewed":
        return "the clock of this machine is wrong"
    if refused.code in _DENIED - {"AccessDenied", "AccessDeniedException"}:
        return "check the AWS credentials in use: `aws sts get-caller-identity` shows whose"
    return _PERMISSIONS.get(operation, f"the credentials in use need bedrock:{operation}")


_PERMISSIONS = {
    "CreateModelCustomizationJob": "the credentials in use need"
    " bedrock:CreateModelCustomizationJob, bedrock:TagResource, and iam:PassRole for the role",
    "HeadObject": "the credentials in use need s3:GetObject and s3:ListBucket for the bucket",
    "GetObject": "the credentials in use need s3:GetObject for the bucket",
    "ListObjectsV2": "the credentials in use need s3:ListBucket for the bucket",
    "PutObject": "the credentials in use need s3:PutObject for the bucket",
    "CreateMultipartUpload": "the credentials in use need s3:PutObject for the bucket",
    "UploadPart": "the credentials in use need s3:PutObject for the bucket",
    "CompleteMultipartUpload": "the credentials in use need s3:PutObject for the bucket",
    "AbortMultipartUpload": "the credentials in use need s3:AbortMultipartUpload for the bucket",
}


def _refusal(response: Any, secrets: Collection[str]) -> Refusal:
    """An error answer as boto3 hands it over, safe to show.

    AWS answers a wrong signature with all that was signed, a session's token among it.
    """
    error = response.get("Error") or {}
    meta = response.get("ResponseMetadata") or {}
    headers = {str(k).lower(): str(v) for k, v in (meta.get("HTTPHeaders") or {}).items()}
    message = str(error.get("Message") or error.get("message") or "")
    signed = _SIGNED.search(message)
    if signed:
        message = message[: signed.start()]
    return Refusal(
        status=int(meta.get("HTTPStatusCode") or 0),
        code=redact(str(error.get("Code") or ""), secrets)[:80],
        message=redact(_KEY_ID.sub("…", message), secrets),
        request_id=redact(str(meta.get("RequestId") or ""), secrets)[:80],
        retry_after=retry_after(headers),
    )


def _bad_certificate(error: BaseException | None) -> bool:
    """Whether the handshake failed over the server's certificate: then nothing followed it.

    Any other failure of TLS may have come after the request.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        seen.add(id(error))
        inner = [error.__cause__, error.__context__, *getattr(error, "args", ())]
        inner.append(getattr(error, "kwargs", {}).get("error"))
        error = next((other for other in inner if isinstance(other, BaseException)), None)
    return False


def _place(error: Exception) -> str:
    """The host of the endpoint, where the exception says which that was."""
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    host = urlsplit(url).hostname if isinstance(url, str) else None
    return f" at {host}" if host else ""


def _plain(error: Exception) -> str:
    """`ReadTimeoutError` as "read timeout error": its text may quote what was sent."""
    name = type(error).__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
