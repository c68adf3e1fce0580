"""What a file of the repository may send, and to whom: a change to it needs no key of its own.

A pull request can rewrite reconciler.yaml, and CI plans it with real keys in its environment. What
a file could do with them: name another server, so that the key goes there; or name another secret
of the environment, so that a server it names is told. Both are decided by the environment alone,
which a pull request does not write. `config.load` refuses the file at its line, before anything
is connected; whoever looks a variable up by a name that stands in a spec asks `check_key`.

Hosts. Keys go to the vendors' own hosts and to this machine. Azure's are rented by name, so that a
stranger may own `x.openai.azure.com`; yet Microsoft runs the server behind it and shows no tenant
another's key. Of `*.amazonaws.com` that is not true: load balancers, API gateways and machines of
anybody's live under it. So a `base_url`, which is sent a key, may not lead there, while an
`endpoint_url`, which is sent a signature made with the key and never the key, may. An address that
the environment itself gives (OPENAI_BASE_URL, AWS_ENDPOINT_URL_S3) needs no leave.
`RECONCILER_ALLOWED_HOSTS` adds hosts, as `gateway.example.org` or `*.example.org`.

Variables. `${env:NAME}` in headers, query and extra_body may be any secret of the runner, so that
it reads the vendors' own variables and what begins with RECONCILER_, which somebody named for this
program. `api_key_env` names a key by what it is: it may also read any name that ends in _API_KEY,
since it goes to an allowed host and nowhere else. So AZURE_OPENAI_API_KEY works without ceremony,
and GITHUB_TOKEN or AWS_SECRET_ACCESS_KEY leave for no host at all. `RECONCILER_ALLOWED_ENV` adds
names, as `GATEWAY_TOKEN` or `GATEWAY_*`.

What this cannot do: judge where data goes within a vendor (a bucket, an account), which is a matter
of the credentials' own rights, or what a policy should say, which is a matter of review.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from reconciler.config.values import is_loopback
from reconciler.errors import ConfigError

ALLOWED_HOSTS = "RECONCILER_ALLOWED_HOSTS"
ALLOWED_ENV = "RECONCILER_ALLOWED_ENV"

KEY_HOSTS = (
    "api.openai.com",
    "*.api.openai.com",  # its regions
    "*.openai.azure.com",
    "*.services.ai.azure.com",
    "*.cognitiveservices.azure.com",
    "api.fireworks.ai",
    "*.api.aws",  # Bedrock's OpenAI-compatible API; only AWS's services have names here
)
"""Hosts that a key may go to: servers that a vendor runs, whoever rents a name on them."""

SIGNATURE_HOSTS = ("*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws")
"""Hosts that a request signed as AWS signs may go to."""

VENDORS_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "FIREWORKS_API_KEY",
    "FIREWORKS_ACCOUNT_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "WANDB_API_KEY",
)
"""Variables that exist to be sent to one of the vendors. AWS's secret key is none: it never is."""

OUR_PREFIX = "RECONCILER_"
KEY_SUFFIX = "_API_KEY"

_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"{_NAME}(?:\.{_NAME})*|[0-9a-f:]*:[0-9a-f:.]*", re.ASCII)
_HOST_PATTERN = re.compile(rf"\*|(?:\*\.)?{_NAME}(?:\.{_NAME})*|\[?[0-9a-f:]*:[0-9a-f:.]*\]?")
_VARIABLE_PATTERN = re.compile(r"\*|[A-Za-z_][A-Za-z0-9_]*\*?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the environment allows a file beyond the defaults: patterns, as they were written."""

    hosts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What this environment says. Raises ConfigError for what is no host or name."""
        hosts = _listed(environment, ALLOWED_HOSTS)
        for host in hosts:
            if not _HOST_PATTERN.fullmatch(host.lower()):
                raise ConfigError(
                    f"{ALLOWED_HOSTS}: {host!r} is no host",
                    hint="hosts with commas between them, as gateway.example.org,*.example.com",
                )
        variables = _listed(environment, ALLOWED_ENV)
        for name in variables:
            if not _VARIABLE_PATTERN.fullmatch(name):
                raise ConfigError(
                    f"{ALLOWED_ENV}: {name!r} is no name of a variable",
                    hint="names with commas between them, as GATEWAY_TOKEN,GATEWAY_*",
                )
        return cls(hosts=hosts, variables=variables)

    def check_key_goes_to(self, url: str) -> None:
        """Raise ConfigError unless a file may send a key to this address, which is a sound one."""
        self._check_host(url, KEY_HOSTS, "no host that a key may go to because a file says so")

    def check_signature_goes_to(self, url: str) -> None:
        """Raise ConfigError unless a file may send signed requests to this address."""
        self._check_host(url, SIGNATURE_HOSTS, "no host that data may go to because a file says so")

    def check_reference(self, name: str) -> None:
        """Raise ConfigError unless a file may send what this variable holds."""
        if not self._reads(name):
            raise ConfigError(
                f"a file may not send the variable {name}", hint=self._more(ALLOWED_ENV, name)
            )

    def check_key(self, name: str) -> None:
        """Raise ConfigError unless a file may name this variable as the one that holds a key."""
        if not self._reads(name) and not name.endswith(KEY_SUFFIX):
            raise ConfigError(
                f"a file may not send the variable {name} as a key: its name does not end in"
                f" {KEY_SUFFIX}",
                hint=self._more(ALLOWED_ENV, name),
            )

    def _check_host(self, url: str, known: tuple[str, ...], why: str) -> None:
        from urllib.parse import urlsplit

        host = urlsplit(url).hostname or ""
        if is_loopback(host) or any(_matches(host, one) for one in (*known, *self.hosts)):
            return
        raise ConfigError(f"{host} is {why}", hint=self._more(ALLOWED_HOSTS, host))

    def _reads(self, name: str) -> bool:
        return (
            name in VENDORS_VARIABLES
            or name.startswith(OUR_PREFIX)
            or any(_globs(name, one) for one in self.variables)
        )

    def _more(self, variable: str, value: str) -> str:
        """What to type to have this allowed as well."""
        said = self.hosts if variable == ALLOWED_HOSTS else self.variables
        return f"if it is meant: export {variable}={','.join((*said, value))}"


def check_key(name: str, environment: Mapping[str, str]) -> None:
    """Raise ConfigError unless a file may name this variable as the one that holds a key.

    For names that stand in specs (`wandb_api_key_env`); those of reconciler.yaml have been checked.
    """
    Trust.of(environment).check_key(name)


def _listed(environment: Mapping[str, str], variable: str) -> tuple[str, ...]:
    words = (word.strip() for word in environment.get(variable, "").split(","))
    return tuple(word for word in words if word)


def _matches(host: str, pattern: str) -> bool:
    r"""Whether a host is the one meant, or under it. What is no plain name matches nothing.

    A host that one parser cuts elsewhere than another (`evil.example\.openai.azure.com`) is none.
    """
    host, pattern = host.lower(), pattern.lower().strip("[]")
    if not _HOST.fullmatch(host):
        return False
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern in ("*", host)


def _globs(name: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern
