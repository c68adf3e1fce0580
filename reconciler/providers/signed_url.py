"""Addresses that a provider hands out: permissions in themselves, used without our key.

Adapters send large files to such addresses and fetch results from them. Neither the address nor
what its server says about it may reach a message: object stores repeat signatures in their errors.
Whoever calls this says what the address is for, and that is what messages name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping

import httpx

from reconciler.config import is_loopback
from reconciler.errors import ProviderUnavailable
from reconciler.providers.answers import Answer, Busy, NoAnswer, Refused
from reconciler.providers.http import AGENT, NEVER_SENT, READ_TIMEOUT
from reconciler.providers.refusal import Refusal

_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
"""The one word of an object store's error that is safe to show."""

_BUSY = (408, 429)


def _without_query(record: logging.LogRecord) -> bool:
    """Take the query out of every address that httpx is about to log."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_without_query)  # whoever shows its log, signatures stay here


def use(
    method: str,
    url: str,
    *,
    what: str,
    content: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: httpx.Timeout = READ_TIMEOUT,
) -> Answer:
    """One request to a signed URL, with these headers and no others of ours.

    `what` names the address in messages, as "the upload of train.jsonl at fireworks". Raises
    NoAnswer and Busy, which are worth another try, Refused, ProviderUnavailable for an address
    that is not encrypted, and ReconcilerErrors that reading `content` raises.
    """
    address = _safe(url, what)
    try:
        with httpx.Client(
            headers={"User-Agent": AGENT},
            verify=address.scheme == "https",  # plain HTTP is this machine: no certificates to read
            trust_env=not is_loopback(address.host),
            follow_redirects=False,
        ) as client:
            response = client.request(
                method, address, content=content, headers=headers, timeout=timeout
            )
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise NoAnswer(
            f"no answer to {what} ({type(error).__name__})",
            sent=not isinstance(error, NEVER_SENT),
            transient=not isinstance(error, httpx.LocalProtocolError),
        ) from None
    except (OSError, UnicodeError) as error:  # a host name that no resolver takes, say
        raise NoAnswer(
            f"no answer to {what} ({type(error).__name__})", sent=True, transient=False
        ) from None
    answer = Answer(
        status=response.status_code, headers=response.headers, content=response.content, where=what
    )
    if not answer.ok:
        raise _refusal(answer)
    return answer


def _safe(url: str, what: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL("")
    encrypted = address.scheme == "https" or (
        address.scheme == "http" and is_loopback(address.host)
    )
    if address.host and encrypted:
        return address
    raise ProviderUnavailable(f"the address for {what} is not one that data may go to: no https://")


def _refusal(answer: Answer) -> Busy | Refused:
    code = _CODE.search(answer.content)
    refused = Refusal(status=answer.status, code=code.group(1).decode() if code else "")
    message = f"{answer.where} was answered with {refused}"
    if answer.status in _BUSY or httpx.codes.is_server_error(answer.status):
        return Busy(message, refused)
    return Refused(message, refused)
