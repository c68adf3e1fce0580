"""Whose jobs they are: settings, key and environment, made into what every request carries.

`providers.connect` calls `account`, once per account. It is the only place of this adapter that
holds secrets; none of them may get to where it can be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlsplit

from reconciler.config import FireworksSettings, check_url, is_loopback
from reconciler.errors import ConfigError, ProviderUnavailable
from reconciler.providers.answers import Refused
from reconciler.providers.fireworks import names
from reconciler.providers.fireworks.fields import WANDB_KEY_DEFAULT
from reconciler.providers.http import Endpoint, Http


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account. `environment` is where the key of Weights & Biases is looked up by name."""

    settings: FireworksSettings
    endpoint: Endpoint
    environment: Mapping[str, str] = field(repr=False)


def account(settings: FireworksSettings, environment: Mapping[str, str], key: str) -> Account:
    """Everything a request needs. Raises ConfigError for what no request could be made with."""
    _check_base_url(settings)
    if settings.account_id is not None and not names.is_account(settings.account_id):
        raise ConfigError(
            f"providers.{settings.name}.account_id is no account: {settings.account_id}",
            hint="the id alone, as it stands in the addresses of Fireworks' dashboard",
        )
    endpoint = Endpoint(
        name=settings.name,
        base_url=settings.base_url.rstrip("/"),
        key_env=settings.api_key_env,
        headers={"Authorization": f"Bearer {key}"},
        secrets={key, environment.get(WANDB_KEY_DEFAULT, "")},
    )
    return Account(settings=settings, endpoint=endpoint, environment=environment)


class AccountId:
    """The account's id: the one that was set, or the key's own, asked for once."""

    def __init__(self, http: Http, settings: FireworksSettings) -> None:
        self._http = http
        self._settings = settings
        self._guard = Lock()
        self._id = settings.account_id

    def get(self) -> str:
        """The id. Raises ConfigError unless the key belongs to exactly one account.

        Raises ProviderUnavailable and ProviderAuthError where that could not be found out.
        """
        with self._guard:
            if self._id is None:
                self._id = self._asked()
            return self._id

    def _asked(self) -> str:
        where = f"providers.{self._settings.name}.account_id"
        try:
            answer = self._http.ask("GET", "/v1/accounts")
        except Refused as error:
            raise ProviderUnavailable(
                f"which account the key belongs to is not known: {error.message}",
                hint=f"set {where}, or see to the account at Fireworks",
            ) from None
        document = answer.document() or {}
        listed = document.get("accounts")
        found = [
            names.last(str(entry.get("name")))
            for entry in (listed if isinstance(listed, list) else ())
            if isinstance(entry, Mapping) and str(entry.get("name")).startswith("accounts/")
        ]
        if len(found) == 1 and names.is_account(found[0]) and not document.get("nextPageToken"):
            return found[0]
        shown = ", ".join(sorted(found)) or "none"
        raise ConfigError(
            f"the key in {self._settings.api_key_env} opens {shown}: {where} has to name one",
            hint=f"set {where}",
        )


def place(settings: FireworksSettings) -> str:
    """The server, for a scope.

    The port of a loopback server is left out: it changes from run to run, its data does not.
    """
    url = urlsplit(settings.base_url.rstrip("/"))
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if url.port and not is_loopback(host):
        shown += f":{url.port}"
    return f"{url.scheme}://{shown}{url.path}"


def _check_base_url(settings: FireworksSettings) -> None:
    where = f"providers.{settings.name}.base_url"
    try:
        check_url(settings.base_url)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None
    url = urlsplit(settings.base_url)
    if url.path.rstrip("/").endswith("/v1"):
        raise ConfigError(
            f"{where} ends in /v1, which is added to it", hint="as https://api.fireworks.ai"
        )
