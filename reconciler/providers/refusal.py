"""What a server says when it says no, in whatever shape it says it, made safe to show.

`providers.http` reads every error answer through here. Pure. It knows the shapes that OpenAI,
gateways in front of it, gRPC behind a gateway and web servers use; it must know no provider's
codes, and nothing that it returns may hold a key, a header or the query of a signed URL: OpenAI's
own 401 repeats parts of the key it was sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

_SHOWN = 500  # characters of a provider's message that help a person; the rest is stack traces
_READ = 4000
_SHORTEST_SECRET = 6  # shorter values ("true", "v1") are not secrets and would blot out words

_UNSAFE = (
    (re.compile(r"\bsk-[\w*.-]{3,}"), "sk-…"),
    (re.compile(r"\bfw_\w{6,}"), "fw_…"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer …"),
    (re.compile(r"[^\s*]{0,200}\*{3,}[^\s]{0,200}"), "…"),  # a key with its middle starred out
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+"), r"\1?…"),
)
_GRPC = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""The codes of google.rpc.Code by their number, which is what a gateway in front of gRPC sends."""

_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error answer. `retry_after` counts seconds; "" and None mean the server does not say.

    `structured` tells an answer of an API (a JSON object, or nothing at all) from the page of some
    web server on the way, which knows nothing of the thing that was asked for.
    """

    status: int
    code: str = ""
    message: str = ""
    param: str = ""
    request_id: str = ""
    retry_after: float | None = None
    structured: bool = True

    def __str__(self) -> str:
        said = f"{self.status} {self.code or _phrase(self.status)}".rstrip()
        said += f": {self.message}" if self.message else ""
        return said + (f" (request {self.request_id})" if self.request_id else "")


def refusal(
    status: int, headers: Mapping[str, str], content: bytes, secrets: Collection[str] = ()
) -> Refusal:
    """Read an error answer. `headers` are looked up by lower-case names.

    Understands `{"error": {message, code, type, param}}`, `{"error": "text"}`, `{"message": …}`,
    `{"status": "failure", "message": …}`, `{"detail": …}`, gRPC's `{code: 7, message, details}`,
    plain text and HTML.
    """
    document = _document(content)
    error = document.get("error") if document is not None else None
    if isinstance(error, Mapping):
        fields: Mapping[str, Any] = error
    else:
        fields = {**(document or {}), **({"message": error} if error else {})}
    details = _details(fields)
    message = fields.get("message") or fields.get("detail") or details.get("reason", "")
    if document is None:
        message = _page_text(content)
    param = fields.get("param") or details.get("field")
    wait = retry_after(headers)
    return Refusal(
        status=status,
        code=redact(_code(fields), secrets)[:80],
        message=redact(_text(message), secrets),
        param=redact(_text(param), secrets)[:80],
        request_id=redact(headers.get("x-request-id", ""), secrets)[:80],
        retry_after=_seconds(details.get("retryDelay")) if wait is None else wait,
        structured=document is not None or not content.strip(),
    )


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """One line of at most 500 characters, without control characters, keys and signed URLs.

    `secrets` are blotted out wherever they stand, other keys where they can be told by their form.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    text = " ".join(text.split())[:_READ]
    for pattern, instead in _UNSAFE:
        text = pattern.sub(instead, text)
    text = "".join(character for character in text if character.isprintable())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks us to wait: `retry-after-ms`, or `retry-after` in either form.

    A date is read against the answer's own `date`, so that no clock of ours is involved.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after", "")
    seconds = _number(asked)
    if seconds is not None:
        return seconds
    then, now = _date(asked), _date(headers.get("date", ""))
    return max(0.0, (then - now).total_seconds()) if then and now else None


def _document(content: bytes) -> Mapping[str, Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None


def _code(fields: Mapping[str, Any]) -> str:
    """The server's word for the error; the name of a gRPC code, where it sends the number."""
    code = fields.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and 0 < code < len(_GRPC):
        return _GRPC[code]
    return _text(code or fields.get("type"))


def _details(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What google.rpc's error details add: `reason`, `retryDelay`, and the first `field` at fault.

    https://google.aip.dev/193 describes them; servers send any of them, or none.
    """
    found: dict[str, Any] = {}
    listed = fields.get("details")
    for detail in listed if isinstance(listed, list) else ():
        if isinstance(detail, Mapping):
            violations = detail.get("fieldViolations")
            for violation in violations if isinstance(violations, list) else ():
                if isinstance(violation, Mapping):
                    found.setdefault("field", violation.get("field"))
            found |= {key: detail[key] for key in ("reason", "retryDelay") if key in detail}
    return found


def _seconds(value: Any) -> float | None:
    """A google.protobuf.Duration in JSON: `12.5s`."""
    if not isinstance(value, str) or not value.endswith("s"):
        return None
    return _number(value[:-1])


def _page_text(content: bytes) -> str:
    page = content.decode("utf-8", errors="replace")
    if not page.lstrip().startswith("<"):
        return page
    title = _TITLE.search(page)
    return title.group(1) if title else _MARKUP.sub(" ", page[: 10 * _READ])


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case None | bool():
            return ""
        case int() | float():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
