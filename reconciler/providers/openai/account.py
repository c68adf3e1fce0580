"""Whose jobs they are: settings and environment, made into what every request carries.

`providers.connect` calls it, once per account. It is the only place of this adapter that holds the
key; it must never put it, or anything that came from the environment, where it can be shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from reconciler.config import OpenAISettings, expand, is_loopback
from reconciler.errors import ConfigError
from reconciler.providers.http import Endpoint
from reconciler.providers.openai import stamp
from reconciler.providers.openai.refusals import NO_MONEY

_BREAKS_REQUESTS = ("content-length", "transfer-encoding", "host", "connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at one server. `extra_body` is the settings' with its variables expanded."""

    settings: OpenAISettings
    endpoint: Endpoint
    scope: str
    extra_body: Mapping[str, Any] = field(repr=False)


def account(settings: OpenAISettings, environment: Mapping[str, str], key: str) -> Account:
    """Everything a request needs. Raises ConfigError for what no request could be made with."""
    where, read = f"providers.{settings.name}", _Read(environment)
    headers = expand(settings.headers, read, f"{where}.headers")
    query = expand(settings.query, read, f"{where}.query")
    extra_body = expand(settings.extra_body, read, f"{where}.extra_body")
    _check_url(settings)
    _check_headers(headers, where)
    _check_extra_body(extra_body, settings)
    endpoint = Endpoint(
        name=settings.name,
        base_url=settings.base_url.rstrip("/"),
        key_env=settings.api_key_env,
        headers=_headers(settings, key) | headers,
        query=query,
        secrets={key, *read.values_read},
        hopeless=NO_MONEY,
    )
    return Account(
        settings=settings, endpoint=endpoint, scope=scope(settings), extra_body=extra_body
    )


def scope(settings: OpenAISettings) -> str:
    """The base URL, with the organisation and project where they are named.

    The port of a loopback server is left out: it changes from run to run, its data does not.
    """
    url = urlsplit(settings.base_url.rstrip("/"))
    host = url.hostname or ""
    place = f"[{host}]" if ":" in host else host
    if url.port and not is_loopback(host):
        place += f":{url.port}"
    named = {"organization": settings.organization, "project": settings.project}
    query = urlencode({key: value for key, value in named.items() if value})
    return f"{url.scheme}://{place}{url.path}" + (f"?{query}" if query else "")


def _headers(settings: OpenAISettings, key: str) -> dict[str, str]:
    azure = settings.auth == "api-key"
    headers = {"api-key": key} if azure else {"Authorization": f"Bearer {key}"}
    if settings.organization:
        headers["OpenAI-Organization"] = settings.organization
    if settings.project:
        headers["OpenAI-Project"] = settings.project
    return headers


def _check_url(settings: OpenAISettings) -> None:
    where = f"providers.{settings.name}.base_url"
    try:
        url = urlsplit(settings.base_url)
        port_is_fine = url.port is None or url.port > 0
    except ValueError:
        raise ConfigError(f"{where} is no URL", hint="as https://api.openai.com/v1") from None
    if url.username or url.password:
        raise ConfigError(f"{where} holds a user name or password", hint="use api_key_env")
    if url.scheme not in ("https", "http") or not url.hostname or not port_is_fine:
        raise ConfigError(
            f"{where} is no URL of a server: {settings.base_url}",
            hint="as https://api.openai.com/v1",
        )
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ConfigError(f"{where} would send the key unencrypted", hint="use https://")
    if url.query or url.fragment:
        raise ConfigError(
            f"{where} ends in ?{url.query or '#'}", hint=f"set providers.{settings.name}.query"
        )


def _check_headers(headers: Mapping[str, str], where: str) -> None:
    for name, value in headers.items():
        if name.lower() in _BREAKS_REQUESTS:
            raise ConfigError(f"{where}.headers may not set {name}", hint="leave it out")
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(
                f"{where}.headers.{name} holds characters that no header can have",
                hint="is there a line break in its value?",
            )


def _check_extra_body(extra_body: Mapping[str, Any], settings: OpenAISettings) -> None:
    where = f"providers.{settings.name}"
    for name in stamp.pinned(settings):
        if name in extra_body:
            raise ConfigError(
                f"{where}.extra_body may not set {name}", hint=f"say it in the spec: spec.{name}"
            )
    metadata = extra_body.get("metadata")
    for name in stamp.OUR_KEYS:
        if isinstance(metadata, Mapping) and name in metadata:
            raise ConfigError(
                f"{where}.extra_body.metadata may not set {name}", hint="leave it out"
            )


class _Read(Mapping[str, str]):
    """An environment that remembers what was read of it: that is what may not be shown."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.values_read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = self._environment[name]
        self.values_read.add(value)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)
