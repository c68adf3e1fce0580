"""How Fireworks speaks: who may enter, what a refusal looks like, bodies, times, pages.

All handlers of this provider use it. It knows nothing of jobs or datasets.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal, World, bounded
from reconciler.sandbox.journal import Entry

ACCOUNT = "sandbox"
"""The one account of the sandbox."""

PUBLIC_ACCOUNT = "fireworks"
"""The account that owns the base models."""

REFUSED_KEY = "invalid"
"""The one key that nobody may enter with; any other will do."""

_JSON_LIMIT = 4 * 1024 * 1024  # the sandbox's own, far above what a create needs
_USUAL_PAGE, _LARGEST_PAGE = 50, 200

_CODES: dict[str, tuple[int, int]] = {
    # gRPC's name: its number, and the status that the gateway makes of it
    "CANCELLED": (1, 499),
    "UNKNOWN": (2, 500),
    "INVALID_ARGUMENT": (3, 400),
    "DEADLINE_EXCEEDED": (4, 504),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "OUT_OF_RANGE": (11, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "DATA_LOSS": (15, 500),
    "UNAUTHENTICATED": (16, 401),
}

_USUAL_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_MESSAGES = {
    "ALREADY_EXISTS": "resource already exists",
    "NOT_FOUND": "resource not found",
    "PERMISSION_DENIED": "",  # as it was seen
    "RESOURCE_EXHAUSTED": "quota exceeded, please try again later",
    "UNAUTHENTICATED": "missing or malformed authorization header",
    "INTERNAL": "internal error",
    "UNAVAILABLE": "the service is currently unavailable",
}


class FireworksDialect:
    """How Fireworks answers; see `exchange.Dialect`."""

    provider = "fireworks"

    def authenticate(self, request: Request) -> None:
        """Any bearer key opens the door but `REFUSED_KEY`, which is refused as it was seen."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refused("UNAUTHENTICATED")
        if token.strip() == REFUSED_KEY:
            raise Refusal(_wrong_key())

    def refusal(self, status: int, code: str) -> Response:
        """The gateway's error for a status; `code` is gRPC's name, "" the usual one."""
        code = code or _USUAL_CODES.get(status, "INTERNAL")
        number, _ = _CODES.get(code, (2, 500))
        if status == 412:  # noqa: PLR2004 - how Fireworks says that an account is suspended
            return _error(status, number, "Account sandbox is suspended")
        usual = f"The sandbox was told to answer with status {status}."
        return _error(status, number, _MESSAGES.get(code, usual))

    def no_route(self, request: Request, status: int, detail: str) -> Response:  # noqa: ARG002 - as its protocol
        """What the gateway says to a path or method it does not have, or to an unreadable form."""
        if status == 400:  # noqa: PLR2004 - HTTP's "bad request"
            return _error(400, 3, detail)
        return _error(404, 5, "Not Found") if status == 404 else _error(status, 12, detail)  # noqa: PLR2004 - HTTP

    def stamp(self, response: Response, entry: Entry) -> None:
        """The headers of every reply."""
        response.headers["x-request-id"] = entry.request_id


def refused(code: str, message: str | None = None) -> Refusal:
    """A refusal in the gateway's form: `{code, message, details}`."""
    number, status = _CODES[code]
    return Refusal(_error(status, number, _MESSAGES[code] if message is None else message))


def invalid(message: str) -> Refusal:
    """What the gateway says to a request that cannot be meant so."""
    return refused("INVALID_ARGUMENT", message)


def check_account(request: Request) -> None:
    """Let nobody into an account that is not theirs."""
    if request.path_params["account"] != ACCOUNT:
        raise refused("PERMISSION_DENIED")


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty one is an empty object."""
    limited = bounded(request, _JSON_LIMIT, lambda: invalid("request body too large"))
    try:
        document = json.loads(await limited.body() or b"{}")
    except (ValueError, RecursionError):
        raise invalid("invalid JSON in request body") from None
    if not isinstance(document, dict):
        raise invalid("the request body must be a JSON object")
    return document


def shown_time(seconds: float | None) -> str | None:
    """A time as the gateway's replies write it; null where there is none."""
    if seconds is None:
        return None
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def listing(
    world: World,
    request: Request,
    name: str,
    items: Sequence[Mapping[str, Any]],
) -> Response:
    """The page of a list that the request asks for, filtered and ordered as it asks."""
    query = request.query_params
    matches = _filter(query.get("filter", ""))
    found = sorted((item for item in items if matches(item)), key=lambda item: str(item["name"]))
    field, _, direction = query.get("orderBy", "").partition(" ")
    if field:
        if any(field not in item for item in found) or direction not in ("", "desc"):
            raise invalid(f"invalid order_by {query['orderBy']!r}")
        found.sort(key=lambda item: str(item[field]), reverse=direction == "desc")
    chosen, token = _page(world, request, found)
    shown = [_masked(item, query.get("readMask", "")) for item in chosen]
    return JSONResponse({name: shown, "nextPageToken": token, "totalSize": len(found)})


def single(request: Request, item: Mapping[str, Any]) -> Response:
    """One object as a reply, or the fields of it that the request asks for."""
    return JSONResponse(_masked(item, request.query_params.get("readMask", "")))


def _page(
    world: World, request: Request, found: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], str]:
    size = _size(request.query_params.get("pageSize", "0"))
    token = request.query_params.get("pageToken", "")
    start = 0
    if token:
        try:
            last = base64.urlsafe_b64decode(token).decode()
            start = [item["name"] for item in found].index(last) + 1
        except (binascii.Error, ValueError):
            raise invalid("invalid page token") from None
    chosen = list(found[start : start + size])
    if world.faults.has_more_forever and found:
        # The page after the last is the last once more: the token never moves on.
        chosen = chosen or list(found[-size:])
        return chosen, _token(chosen[-1])
    return chosen, _token(chosen[-1]) if start + size < len(found) else ""


def _size(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        raise invalid(f"invalid page_size {text!r}") from None
    if size < 0:
        raise invalid("page_size must not be negative")
    return min(size or _USUAL_PAGE, _LARGEST_PAGE)


def _token(item: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(str(item["name"]).encode()).decode()


_CONDITION = re.compile(r"""\s*([A-Za-z]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([\w./:-]+))\s*""")


def _filter(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """The part of AIP-160 that the sandbox knows: fields that equal something, joined by AND."""
    if not text.strip():
        return lambda _: True
    wanted = {}
    for part in re.split(r"\s+AND\s+", text.strip()):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise invalid(f"the sandbox cannot filter by {part!r}: it knows field = value and AND")
        wanted[match[1]] = match[2] or match[3] or match[4] or ""
    return lambda item: all(str(item.get(name)) == value for name, value in wanted.items())


def _masked(item: Mapping[str, Any], mask: str) -> Mapping[str, Any]:
    if mask in ("", "*"):
        return item
    names = [name.strip() for name in mask.split(",")]
    for name in names:
        if name not in item:
            raise invalid(f"invalid read_mask path {name!r}")
    return {name: item[name] for name in names}


def _error(status: int, number: int, message: str) -> JSONResponse:
    body = {"code": number, "message": message, "details": []}
    return JSONResponse(body, status_code=status)


def _wrong_key() -> JSONResponse:
    error = {
        "message": "The API key you provided is invalid.",
        "param": None,
        "code": "UNAUTHORIZED",
        "type": "error",
    }
    return JSONResponse({"error": error}, status_code=403)
