"""How OpenAI speaks: who may enter, what a refusal looks like, headers, pages of a list.

All handlers of this provider use it. It knows nothing of jobs or files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal, World, bounded
from reconciler.sandbox.journal import Entry

ORGANIZATION = "org-sandbox"
"""The one organization of the sandbox."""

REFUSED_KEY = "invalid"
"""The one key that nobody may enter with; any other will do."""

JSON_LIMIT = 4 * 1024 * 1024
"""Bytes of a JSON body: the sandbox's own limit, far above what a create needs."""

_STATUS_ERRORS: dict[tuple[int, str], tuple[str, str | None, str]] = {
    # (status, code a fault names): type, code in the body, message
    (400, "file_not_ready"): (
        "invalid_request_error",
        None,
        (
            "File 'file-sandbox' is still being processed and is not ready to be used for "
            "fine-tuning. Please try again later."
        ),
    ),
    (401, "invalid_api_key"): (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided.",
    ),
    (403, "unsupported_country_region_territory"): (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    (429, "rate_limit_exceeded"): (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for requests. Please try again in 1s.",
    ),
    (429, "daily_rate_limit_exceeded"): (
        "invalid_request_error",
        "daily_rate_limit_exceeded",
        (
            "This fine-tune request has been rate-limited. Your organization has reached the "
            "maximum of 2 fine-tuning requests per day for the model 'gpt-4.1-mini-2025-04-14'."
        ),
    ),
    (429, "insufficient_quota"): (
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    (429, "credit_balance_exhausted"): (
        "insufficient_quota",
        "credit_balance_exhausted",
        "Your credit balance is used up. Please check your plan and billing details.",
    ),
    (500, "server_error"): (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    (503, "server_is_overloaded"): (
        "service_unavailable_error",
        "server_is_overloaded",
        "The server is currently overloaded. Please try again later.",
    ),
    (503, "slow_down"): (
        "service_unavailable_error",
        "slow_down",
        "The engine is currently overloaded, please slow down and try again later.",
    ),
}

_USUAL_CODES = {
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_is_overloaded",
}


class OpenAIDialect:
    """How OpenAI answers; see `exchange.Dialect`."""

    provider = "openai"

    def authenticate(self, request: Request) -> None:
        """Any key opens the door but `REFUSED_KEY`: as a bearer token, or as Azure's `api-key`."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else ""
        key = token or request.headers.get("api-key", "").strip()
        if not key:
            raise refused(
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                code="invalid_api_key",
                status=401,
            )
        if key == REFUSED_KEY:
            raise refused("Incorrect API key provided.", code="invalid_api_key", status=401)

    def refusal(self, status: int, code: str) -> Response:
        """OpenAI's error body for a status; `code` chooses among several, "" is the usual one."""
        wanted = code or _USUAL_CODES.get(status, "")
        kind, body_code, message = _STATUS_ERRORS.get(
            (status, wanted),
            (
                "invalid_request_error" if status < 500 else "server_error",  # noqa: PLR2004 - HTTP
                wanted or None,
                f"The sandbox was told to answer with status {status}.",
            ),
        )
        response = _error(status, message, kind=kind, param=None, code=body_code)
        if wanted == "rate_limit_exceeded":
            response.headers["retry-after"] = "1"
            response.headers["retry-after-ms"] = "1000"
        return response

    def no_route(self, request: Request, status: int, detail: str) -> Response:
        """What OpenAI says to a path or method it does not have, or to an unreadable form."""
        return bad_form(detail) if status == 400 else unknown_url(request, status)  # noqa: PLR2004 - HTTP

    def stamp(self, response: Response, entry: Entry) -> None:
        """The headers of every reply."""
        response.headers["x-request-id"] = entry.request_id
        response.headers["openai-organization"] = ORGANIZATION
        response.headers["openai-version"] = "2020-10-01"
        response.headers["openai-processing-ms"] = str(entry.milliseconds)


def refused(
    message: str, *, param: str | None = None, code: str | None = None, status: int = 400
) -> Refusal:
    """A refusal in OpenAI's form: `{"error": {message, type, param, code}}`."""
    return Refusal(_error(status, message, kind="invalid_request_error", param=param, code=code))


def unknown_url(request: Request, status: int) -> Response:
    """What OpenAI says to a path or a method it does not have."""
    if status == 405:  # noqa: PLR2004 - HTTP's "method not allowed"
        message = f"Not allowed to {request.method} on {request.url.path}."
    else:
        message = f"Invalid URL ({request.method} {request.url.path})"
    return _error(status, message, kind="invalid_request_error", param=None, code=None)


def bad_form(message: str) -> Response:
    """What OpenAI says to a form that cannot be read."""
    return _error(400, message, kind="invalid_request_error", param=None, code=None)


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object, or a refusal."""
    body = await bounded(request, JSON_LIMIT, lambda: too_large(JSON_LIMIT)).body()
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise refused("We could not parse the JSON body of your request.") from None
    if not isinstance(document, dict):
        raise refused("The JSON body of your request must be an object.")
    return document


def too_large(limit: int) -> Refusal:
    """More bytes than this endpoint takes."""
    return refused(f"Maximum content size limit ({limit}) exceeded.", status=413)


def page(
    world: World,
    request: Request,
    items: Sequence[Any],
    *,
    default: int,
    most: int,
    name: Callable[[Any], str],
) -> tuple[list[Any], bool]:
    """The slice of a list that the request asks for with `after` and `limit`; and: is there more?

    `most` caps the limit without a word: OpenAI does not state its limits, so a client has to go by
    `has_more`. An `after` that names nothing is refused.
    """
    limit = min(_limit(request, default), most)
    after = request.query_params.get("after")
    start = 0
    if after:
        position = next((index for index, item in enumerate(items) if name(item) == after), None)
        if position is None:
            raise refused(f"No object with the id '{after}' in this list.", param="after")
        start = position + 1
    chosen = list(items[start : start + limit])
    if world.faults.has_more_forever:
        # The page after the last is the last once more: the cursor never moves on.
        return chosen or list(items[-limit:]), True
    return chosen, start + limit < len(items)


def listing(data: Sequence[Any], *, has_more: bool) -> Response:
    """OpenAI's list object."""
    return JSONResponse({"object": "list", "data": list(data), "has_more": has_more})


def _limit(request: Request, default: int) -> int:
    text = request.query_params.get("limit")
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise refused(
            "Invalid type for 'limit': expected an integer.", param="limit", code="invalid_type"
        )
    if int(text) < 1:
        raise refused(
            f"Invalid 'limit': integer below minimum value. Expected a value >= 1, but got {text} "
            "instead.",
            param="limit",
            code="integer_below_min_value",
        )
    return int(text)


def _error(
    status: int, message: str, *, kind: str, param: str | None, code: str | None
) -> JSONResponse:
    body = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": body}, status_code=status)
