"""HTTP as adapters speak it: reads that are repeated, sends that never are, errors in our words.

An adapter builds one `Http` per account and shares it between threads. It must not know any
provider's paths or shapes, repeat a `send`, follow a redirect (our key would travel along), or let
a key, a header or the query of a signed URL into a message.

A client is borrowed for the length of one request and given back: httpx's scan of its pool is
superlinear in connections, and a client that serves one request at a time has one. A `send` gets a
connection of its own, so that a kept one which the server has meanwhile closed can never make the
outcome of a create unknown.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar
from urllib.parse import quote

import httpx
import tenacity

from reconciler import __version__
from reconciler.config import is_loopback
from reconciler.errors import ProviderAuthError, ProviderUnavailable, ReconcilerError
from reconciler.providers.answers import Answer, Busy, NoAnswer, Refused
from reconciler.providers.refusal import Refusal, redact, refusal

TRIES = 4
"""How often a read goes out at most: about four seconds of waiting, if the server asks for none."""

LONGEST_WAIT = 60.0
"""Seconds a server may ask a read to wait. Whoever asks for more is unavailable."""

READ_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
SEND_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
UPLOAD_TIMEOUT = httpx.Timeout(120.0, connect=10.0, read=600.0)

NEVER_SENT = (
    httpx.ConnectError,  # refused, unknown host, TLS handshake
    httpx.ConnectTimeout,
    httpx.PoolTimeout,  # waited for a connection and got none
    httpx.ProxyError,  # a proxy refused the tunnel, before our request
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
"""The exceptions that httpx raises only before the first byte of a request leaves.

All others may come after it. `WriteError` too: part of a request, even all of it, can have arrived.
"""

_OURS = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)  # not the network's
_FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
AGENT = f"finetune-reconciler/{__version__}"

_BUSY = (408, 409, 429)
_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=8)

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a provider answers and what every request to it carries.

    `name` is the provider's in reconciler.yaml, `key_env` the variable its key came from; both may
    be shown. `secrets` may not: they are blotted out of whatever the server says. A refusal whose
    code is in `hopeless` is not worth another try, whatever its status.
    """

    name: str
    base_url: str
    key_env: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False, default_factory=dict)
    secrets: Collection[str] = field(repr=False, default=())
    hopeless: Collection[str] = ()

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, where no proxy has any business."""
        return is_loopback(httpx.URL(self.base_url).host)


class Http:
    """A way to one endpoint, for many threads at once. `sleep` waits between tries of a read."""

    def __init__(self, endpoint: Endpoint, *, sleep: Callable[[float], None]) -> None:
        self._endpoint = endpoint
        self._sleep = sleep
        self._idle: list[httpx.Client] = []
        self._guard = Lock()
        self._closed = False
        self._tls: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        timeout: httpx.Timeout = READ_TIMEOUT,
    ) -> Answer:
        """Read, as often as it takes within bounds. `path` is below the base URL, quoted.

        Only for requests that may arrive twice. Raises ProviderAuthError on 401 and 403, Refused
        on another final no, ProviderUnavailable where no answer was to be had.
        """

        def once() -> Answer:
            with self._borrowed() as client:
                return self.check(self._exchange(client, method, path, query, timeout=timeout))

        return self.repeat(once)

    def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        content: bytes | Iterable[bytes],
        headers: Mapping[str, str],
        timeout: httpx.Timeout = SEND_TIMEOUT,
    ) -> Answer:
        """Send exactly once, on a fresh connection, and give back the answer whatever it says.

        Raises NoAnswer, and ReconcilerErrors that reading `content` raises.
        """
        with self._open() as client:
            return self._exchange(
                client, method, path, query, content=content, headers=headers, timeout=timeout
            )

    def repeat(self, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it answers, waiting in between, as a read is repeated.

        Raises what it raises; ProviderUnavailable once it was busy or silent TRIES times.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=_pause,
            retry=tenacity.retry_if_exception(_transient),
            sleep=self._sleep,
            before_sleep=_tell,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (NoAnswer, Busy) as error:
            if not _transient(error):
                raise
            raise ProviderUnavailable(f"{error.message}; tried {TRIES} times") from None

    def check(self, answer: Answer) -> Answer:
        """The answer, if it is one; else raises Busy, Refused or ProviderAuthError."""
        if answer.ok:
            return answer
        refused = self.refusal(answer)
        name, message = self._endpoint.name, self.words(answer, refused)
        if refused.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise ProviderAuthError(
                f"{name} does not accept the key in {self._endpoint.key_env} for"
                f" {answer.where}: {refused}"
            )
        if self._busy(answer, refused):
            if refused.retry_after is None or refused.retry_after <= LONGEST_WAIT:
                raise Busy(message, refused)
            message += f"; it asks to wait {refused.retry_after:.0f} seconds"
        hint = ""
        if httpx.codes.is_redirect(answer.status):
            hint = f"redirects are not followed: set providers.{name}.base_url to where it leads"
        raise Refused(message, refused, hint=hint)

    def refusal(self, answer: Answer, secrets: Collection[str] = ()) -> Refusal:
        """What an error answer says, safe to show. `secrets` went along with this request alone."""
        hidden = {*self._endpoint.secrets, *secrets}
        return refusal(answer.status, answer.headers, answer.content, hidden)

    def words(self, answer: Answer, refused: Refusal) -> str:
        """A sentence on who answered what to which request."""
        return f"{self._endpoint.name} answered {answer.where} with {refused}"

    def close(self) -> None:
        """Close every connection, those still borrowed as soon as they come back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    def _busy(self, answer: Answer, refused: Refusal) -> bool:
        if refused.code in self._endpoint.hopeless:
            return False
        match answer.headers.get("x-should-retry"):
            case "true":
                return True
            case "false":
                return False
            case _:
                return answer.status in _BUSY or httpx.codes.is_server_error(answer.status)

    def _exchange(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        timeout: httpx.Timeout,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, one answer. The one place that meets httpx's exceptions.

        They are not chained: what httpx has to say about a header may quote it.
        """
        endpoint, where = self._endpoint, f"{method} {path}"
        try:
            request = client.build_request(
                method,
                endpoint.base_url + path,
                params=[*endpoint.query.items(), *query] or None,
                content=content,
                headers=headers,
                timeout=timeout,
            )
            response = client.send(request)
        except ReconcilerError:
            raise
        except _FOREIGN as error:
            reason = redact(f"{_plain(error)} {error}", endpoint.secrets)
            raise NoAnswer(
                f"{endpoint.name} at {httpx.URL(endpoint.base_url).host}: no answer to {where}"
                f" ({reason})",
                sent=not isinstance(error, NEVER_SENT),
                transient=not isinstance(error, _OURS),
            ) from None
        except (OSError, UnicodeError) as error:  # a host name that no resolver takes, say
            raise NoAnswer(
                f"{endpoint.name}: no answer to {where} ({type(error).__name__})",
                sent=True,
                transient=False,
            ) from None
        return self._answer(response, where)

    def _answer(self, response: httpx.Response, where: str) -> Answer:
        _log.debug(
            "%s: %s %d in %.0f ms %s",
            self._endpoint.name,
            where,
            response.status_code,
            response.elapsed.total_seconds() * 1000,
            redact(response.headers.get("x-request-id", ""), self._endpoint.secrets),
        )
        return Answer(
            status=response.status_code,
            headers=response.headers,
            content=response.content,
            where=where,
        )

    @contextmanager
    def _borrowed(self) -> Iterator[httpx.Client]:
        with self._guard:
            client = self._idle.pop() if self._idle else None
        client = client or self._open()
        try:
            yield client
        finally:
            with self._guard:
                if not self._closed:
                    self._idle.append(client)
                    client = None
            if client is not None:
                client.close()

    def _open(self) -> httpx.Client:
        return httpx.Client(
            headers={
                "Accept": "application/json",
                "User-Agent": AGENT,
                **self._endpoint.headers,
            },
            verify=self._trust(),
            trust_env=not self._endpoint.loopback,
            follow_redirects=False,
        )

    def _trust(self) -> ssl.SSLContext:
        """One set of certificates for all clients: reading it takes tens of milliseconds.

        Plain HTTP reads none, and trusts none.
        """
        with self._guard:
            if self._tls is None:
                plain = httpx.URL(self._endpoint.base_url).scheme == "http"
                if plain:
                    self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                else:
                    self._tls = httpx.create_ssl_context()
            return self._tls


def segment(id_: str) -> str:
    """An id as one segment of a path. Escapes in it are kept: some gateways' ids are escaped ARNs.

    Raises Refused, as a server would on an unknown id, for what would name another path.
    """
    if id_ in ("", ".", ".."):
        raise Refused(f"{id_!r} is no id", Refusal(status=httpx.codes.NOT_FOUND))
    return quote(id_, safe="%")


def _transient(error: BaseException) -> bool:
    return isinstance(error, Busy) or (isinstance(error, NoAnswer) and error.transient)


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the server asks for, else exponential with full jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Busy) and error.refused.retry_after is not None:
        return error.refused.retry_after
    return _BACKOFF(state)


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    _log.info("%s; trying again in %.1f s", error, pause)


def _plain(error: Exception) -> str:
    """`ReadTimeout` as "read timeout": its text is often empty."""
    name = type(error).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
