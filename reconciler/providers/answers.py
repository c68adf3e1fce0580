"""What came of a request: an answer, a refusal in our words, or nothing.

`http` and `signed_url` return and raise these, and adapters tell them apart. No message of theirs
holds a key, a header or the query of an address. Knows no library that sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.providers.refusal import Refusal

_SUCCESS = range(200, 300)
_RECONNECT_SECONDS = 10.0


class NoAnswer(ProviderUnavailable):
    """No answer came. `sent`: the request may have arrived. `transient`: worth another try."""

    def __init__(self, message: str, *, sent: bool, transient: bool) -> None:
        super().__init__(message)
        self.sent = sent
        self.transient = transient

    def rejected(self) -> CreateRejected:
        """What it means for a create: surely no job. Raises ValueError if it may have been sent."""
        if self.sent:
            raise ValueError("what was sent may have arrived")
        return CreateRejected(
            self.message,
            remedy=Remedy.RETRY_NOW,
            retry_after=_RECONNECT_SECONDS,
            hint="nothing was sent; is the network up, and the base URL right?",
        )


class Busy(ProviderUnavailable):
    """The server answered that it cannot answer now. Worth another try."""

    def __init__(self, message: str, refused: Refusal) -> None:
        super().__init__(message)
        self.refused = refused


class Refused(ProviderUnavailable):
    """The server answered no, and would again."""

    def __init__(self, message: str, refused: Refusal, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.refused = refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, read whole. `where` names the request for messages, without host and query."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    where: str

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status in _SUCCESS

    def document(self) -> Mapping[str, Any] | None:
        """The JSON object of the body, NaN and infinities as None; None if there is no such."""
        try:
            document = json.loads(self.content, parse_constant=lambda _: None)
            if b"\\ud" in self.content.lower():
                document = _whole(document)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, Mapping) else None


def _whole(value: Any) -> Any:
    """The value with half surrogate pairs replaced: neither state nor sidecar could hold them."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_whole(item) for item in value]
        case Mapping():
            return {_whole(key): _whole(item) for key, item in value.items()}
        case _:
            return value
