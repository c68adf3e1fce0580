"""Words of the configuration that stand for something else: durations, addresses, variables.

`config` and the adapters read them through here. Pure: the environment is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.errors import ConfigError

FILE = "reconciler.yaml"
"""What the configuration is called, at the root of a repository."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")

REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
"""A variable in a text: `${env:NAME}`."""


def duration(text: str) -> float:
    """Seconds of `30s`, `2m`, `6h` or `1d`. Raises ConfigError for any other form."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text!r} is no duration", hint="write it like 30s, 2m, 6h or 1d")
    number, unit = match.groups()
    return float(number) * _UNITS[unit]


def expand(value: Any, environment: Mapping[str, str], where: str) -> Any:
    """`value` with every `${env:NAME}` in its texts filled in, however deep they stand.

    `where` names the setting in messages. Raises ConfigError for a variable that is not set or
    empty: a header without its secret is never what was meant.
    """

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if found := environment.get(name):
            return found
        raise ConfigError(
            f"{where} needs the variable {name}, which is not set",
            hint=f"set {name} in the environment, or take it out of {FILE}",
        )

    match value:
        case str():
            return REFERENCE.sub(variable, value)
        case Mapping():
            return {key: expand(item, environment, f"{where}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [
                expand(item, environment, f"{where}[{index}]") for index, item in enumerate(value)
            ]
        case _:
            return value


def check_url(url: str) -> None:
    """Raise ConfigError unless a key may be sent there: https, or http on this machine.

    The message repeats of the URL at most its host: the rest may hold a password.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("https", "http") or port == 0 or re.search(r"\s", url):
        raise ConfigError("this is no web address", hint="write it like https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("a web address here holds no user or password", hint="use api_key_env")
    if parts.query or parts.fragment:
        raise ConfigError("this web address goes on after its path", hint="use query for ?name=…")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigError(
            f"http://{host} would carry the key unencrypted",
            hint="use https; http is for this machine alone (127.0.0.1, localhost)",
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    import ipaddress

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
