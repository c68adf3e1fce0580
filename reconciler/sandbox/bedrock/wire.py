"""How Bedrock speaks: who may enter, what a refusal looks like, bodies, times, pages.

All handlers of this provider use it. It knows nothing of jobs or models.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.aws import REFUSED_KEY, signature_of
from reconciler.sandbox.bedrock.shapes import Number, Shape, Structure, WrongType, check, message
from reconciler.sandbox.exchange import Refusal, World, bounded
from reconciler.sandbox.journal import Entry
from reconciler.sandbox.store import Record

_JSON_LIMIT = 4 * 1024 * 1024  # the sandbox's own, far above what a create needs
_ORIGIN = "http://internal.amazon.com/coral/com.amazon.bedrock/"
_USUAL_PAGE = 100  # AWS does not say how many it lists unasked

_ERRORS: dict[str, tuple[int, str]] = {
    "AccessDeniedException": (
        403,
        "User is not authorized to perform this operation on the resource.",
    ),
    "ConflictException": (
        400,
        "Error occurred because of a conflict while performing an operation.",
    ),
    "IncompleteSignatureException": (
        403,
        "The Authorization header does not have the form of a signature.",
    ),
    "InternalServerException": (
        500,
        "Encountered an unexpected error when processing the request, please try again",
    ),
    "InvalidSignatureException": (
        403,
        "Credential should be scoped to correct service: 'bedrock'.",
    ),
    "MissingAuthenticationTokenException": (403, "Missing Authentication Token"),
    "ResourceNotFoundException": (404, "The specified resource was not found."),
    "SerializationException": (400, "The request body could not be read."),
    "ServiceQuotaExceededException": (
        400,
        "The number of requests exceeds the service quota. Resubmit your request later.",
    ),
    "ServiceUnavailableException": (503, "The service is temporarily unavailable."),
    "ThrottlingException": (429, "Too many requests, please wait before trying again."),
    "TooManyTagsException": (400, "The request contains more tags than can be associated."),
    "UnrecognizedClientException": (
        403,
        "The security token included in the request is invalid.",
    ),
    "ValidationException": (400, "Input validation failed. Check your request parameters."),
}
"""Statuses and messages; those of the operations are in the service model, the rest is AWS's."""

_USUAL_CODES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class BedrockDialect:
    """How Bedrock answers; see `exchange.Dialect`."""

    provider = "bedrock"

    def authenticate(self, request: Request) -> None:
        """Any access key opens the door but `REFUSED_KEY`; without a signature nobody enters."""
        if "authorization" not in request.headers:
            raise refused("MissingAuthenticationTokenException")
        signature = signature_of(request)
        if signature is None:
            raise refused("IncompleteSignatureException")
        if signature.service != "bedrock":
            raise refused("InvalidSignatureException")
        if signature.access_key == REFUSED_KEY:
            raise refused("UnrecognizedClientException")

    def refusal(self, status: int, code: str) -> Response:
        """Bedrock's error for a status; `code` is any exception's name, "" the usual one."""
        code = code or _USUAL_CODES.get(
            status,
            "ValidationException" if status < 500 else "InternalServerException",  # noqa: PLR2004 - HTTP
        )
        _, usual = _ERRORS.get(code, (0, f"The sandbox was told to answer with status {status}."))
        return _error(status, code, usual)

    def no_route(self, request: Request, status: int, detail: str) -> Response:  # noqa: ARG002 - as its protocol
        """What AWS says to a path or a method that is no operation."""
        return _error(404, "UnknownOperationException", "")

    def stamp(self, response: Response, entry: Entry) -> None:
        """The headers of every reply."""
        response.headers["x-amzn-requestid"] = entry.request_id


def refused(code: str, text: str = "") -> Refusal:
    """A refusal in AWS's form: the exception's name in a header, `{"message": …}` in the body."""
    status, usual = _ERRORS[code]
    return Refusal(_error(status, code, text or usual))


def invalid(text: str) -> Refusal:
    """What Bedrock says to a request that cannot be meant so."""
    return refused("ValidationException", text)


async def read_json(request: Request, shape: Structure) -> dict[str, Any]:
    """The body as a JSON object of that shape, or Refusal."""
    limited = bounded(request, _JSON_LIMIT, lambda: refused("SerializationException"))
    try:
        document = json.loads(await limited.body() or b"{}")
    except (ValueError, RecursionError):
        raise refused("SerializationException") from None
    require(document, shape)
    body: dict[str, Any] = document
    return body


def require(value: Any, shape: Shape, place: str = "") -> None:
    """Raise Refusal where a value is not of a shape."""
    try:
        wrong = check(value, shape, place)
    except WrongType as error:
        raise refused("SerializationException", str(error)) from None
    if wrong:
        raise invalid(message(wrong))


def region_of(request: Request) -> str:
    """The region that a request was signed for."""
    signature = signature_of(request)
    if signature is None:
        raise refused("IncompleteSignatureException")
    return signature.region


def identifier(request: Request, after: int = 1) -> str:
    """The identifier in a path: its segment `after` so many others, decoded once.

    An ARN must come with its slashes encoded; a bare one has too many segments for AWS's paths.
    """
    segments: list[str] = request.scope["raw_path"].decode("latin-1").strip("/").split("/")
    expected = after + 1 + (segments[-1] == "stop" and request.method == "POST")
    if len(segments) != expected:
        raise Refusal(_error(404, "UnknownOperationException", ""))
    return unquote(segments[after])


def moment(text: str | None, place: str) -> float | None:
    """A time in a query, in unix seconds."""
    if text is None:
        return None
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise refused("SerializationException", f"{place} is not a timestamp") from None


def shown_time(seconds: float) -> str:
    """A time as Bedrock's replies write it."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def page(
    world: World, request: Request, records: Sequence[Record], position: Callable[[Record], str]
) -> tuple[list[Record], str | None]:
    """The slice of a list that the request asks for, and the token of the next one if there is one.

    `position` names a record's place in the list; a token is the place of the last record shown.
    """
    most = _most(request)
    token = request.query_params.get("nextToken")
    start = 0
    if token is not None:
        places = [position(record) for record in records]
        start = _after(token, places)
    chosen = list(records[start : start + most])
    if world.faults.has_more_forever and records:
        # The page after the last is the last once more: the token never moves on.
        chosen = chosen or list(records[-most:])
        return chosen, _token(position(chosen[-1]))
    more = start + most < len(records)
    return chosen, _token(position(chosen[-1])) if more else None


def listing(name: str, items: Sequence[Mapping[str, Any]], next_token: str | None) -> Response:
    """A page as a reply."""
    return JSONResponse({name: list(items)} | ({"nextToken": next_token} if next_token else {}))


def _most(request: Request) -> int:
    text = request.query_params.get("maxResults")
    if text is None:
        return _USUAL_PAGE
    try:
        most = int(text)
    except ValueError:
        raise refused("SerializationException", "maxResults is not an integer") from None
    require(most, Number(least=1, most=1_000), "maxResults")
    return most


def _token(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode()


def _after(token: str, places: Sequence[str]) -> int:
    try:
        place = base64.urlsafe_b64decode(token).decode()
        return places.index(place) + 1
    except (binascii.Error, ValueError):
        raise invalid("The provided pagination token is invalid.") from None


def _error(status: int, code: str, text: str) -> JSONResponse:
    headers = {"x-amzn-errortype": f"{code}:{_ORIGIN}"}
    return JSONResponse({"message": text} if text else {}, status_code=status, headers=headers)
