"""How S3 speaks: who may enter, what a refusal looks like, XML in and out.

All handlers of this provider use it. It knows nothing of what is stored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox.aws import REFUSED_KEY, signature_of
from reconciler.sandbox.exchange import Refusal
from reconciler.sandbox.journal import Entry

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

_ERRORS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "BadDigest": (400, "The checksum you specified did not match what we received."),
    "ConditionalRequestConflict": (
        409,
        (
            "The conditional request cannot succeed due to a conflicting operation against this "
            "resource."
        ),
    ),
    "EntityTooSmall": (
        400,
        "Your proposed upload is smaller than the minimum allowed size",
    ),
    "IncompleteBody": (
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    ),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid."),
    "InvalidPart": (
        400,
        (
            "One or more of the specified parts could not be found.  The part may not have been "
            "uploaded, or the specified entity tag may not match the part's entity tag."
        ),
    ),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "Invalid Request"),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (
        404,
        (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may "
            "have been aborted or completed."
        ),
    ),
    "NotImplemented": (
        501,
        "A header or query you provided implies functionality that is not implemented.",
    ),
    "PreconditionFailed": (
        412,
        "At least one of the pre-conditions you specified did not hold",
    ),
    "SlowDown": (503, "Please reduce your request rate."),
    "XAmzContentSHA256Mismatch": (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
}

_USUAL_CODES = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    500: "InternalError",
    501: "NotImplemented",
    503: "SlowDown",
}


class S3Dialect:
    """How S3 answers; see `exchange.Dialect`."""

    provider = "s3"

    def authenticate(self, request: Request) -> None:
        """Any access key opens the door but `REFUSED_KEY`; without a signature nobody enters."""
        if "authorization" not in request.headers:
            raise refused("AccessDenied")
        signature = signature_of(request)
        if signature is None or signature.service != "s3":
            raise refused("AuthorizationHeaderMalformed")
        if signature.access_key == REFUSED_KEY:
            raise refused("InvalidAccessKeyId")

    def refusal(self, status: int, code: str) -> Response:
        """S3's error body for a status; `code` is any of its error codes, "" the usual one."""
        code = code or _USUAL_CODES.get(status, "InternalError" if status >= 500 else "Refused")  # noqa: PLR2004 - HTTP
        _, message = _ERRORS.get(code, (0, f"The sandbox was told to answer with status {status}."))
        return _error(status, code, message, {})

    def no_route(self, request: Request, status: int, detail: str) -> Response:  # noqa: ARG002 - as its protocol
        """What S3 says to a method it does not have."""
        return self.refusal(405, "")

    def stamp(self, response: Response, entry: Entry) -> None:
        """The headers of every reply."""
        response.headers["x-amz-request-id"] = entry.request_id
        response.headers["x-amz-id-2"] = "sandbox"
        response.headers["server"] = "AmazonS3"


def refused(code: str, message: str = "", **details: str) -> Refusal:
    """A refusal in S3's form; `details` are further elements of its body."""
    status, usual = _ERRORS[code]
    return Refusal(_error(status, code, message or usual, details))


def document(name: str, content: Mapping[str, Any]) -> Response:
    """A reply in XML: a mapping is an element, a list is an element repeated, None is left out."""
    return _xml(200, f'<{name} xmlns="{_NAMESPACE}">{_elements(content)}</{name}>')


def http_date(moment: float) -> str:
    """A time as HTTP's headers write it."""
    return formatdate(moment, usegmt=True)


def iso_date(moment: float) -> str:
    """A time as S3's documents write it."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _error(status: int, code: str, message: str, details: Mapping[str, str]) -> Response:
    return _xml(
        status, f"<Error>{_elements({'Code': code, 'Message': message, **details})}</Error>"
    )


def _xml(status: int, root: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'
    return Response(body, status_code=status, media_type="application/xml")


def _elements(content: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_text(item)}</{name}>"
        for name, value in content.items()
        for item in (
            value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        )
        if item is not None
    )


def _text(value: Any) -> str:
    match value:
        case Mapping():
            return _elements(value)
        case bool():
            return str(value).lower()
        case _:
            return escape(str(value), {"\r": "&#13;"})
