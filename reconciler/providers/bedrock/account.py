"""Whose jobs they are: settings and environment, made into boto3 clients.

`providers.connect` makes one per account, `calls` asks it for clients. It calls nobody by itself:
clients are made when they are first needed, because boto3 may look for credentials over the network
when it makes one. It must never put a key where it can be shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped]  # AWS ships no types
import botocore.session  # type: ignore[import-untyped]  # as above
from botocore.config import Config  # type: ignore[import-untyped]  # as above
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # as above

from reconciler import __version__
from reconciler.config import BedrockSettings, check_url, is_loopback
from reconciler.errors import ConfigError

BEDROCK = "bedrock"
S3 = "s3"

_CONNECTIONS = 32
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_CREATE_SECONDS = 120

_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ROLE_ACCOUNT = re.compile(r"arn:aws[^:]*:iam::(\d{12}):role/.+")
_ENDPOINTS = {BEDROCK: "AWS_ENDPOINT_URL_BEDROCK", S3: "AWS_ENDPOINT_URL_S3"}


class Account:
    """One region of one AWS account, for many threads at once.

    Credentials come from `environment` where it holds a key, else from wherever boto3 finds them.
    Raises ConfigError where there is no region, or an endpoint that no key may be sent to.
    """

    def __init__(self, settings: BedrockSettings, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self.secrets = _secrets(environment)
        self._endpoints = _endpoints(settings, environment)
        self._session, self.region = _session(settings, environment)
        self._guard = Lock()
        self._clients: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The provider's name in reconciler.yaml."""
        return self.settings.name

    @property
    def scope(self) -> str:
        """Region, bucket and endpoint, and the account where the role in the settings names it.

        Who we are is not asked of AWS: a plan without network has to come to the same scope. A role
        can only be passed to Bedrock by its own account, so that its ARN tells the account. The
        port of a loopback server is left out: it changes from run to run, its data does not.
        """
        role = _ROLE_ACCOUNT.fullmatch(self.settings.role_arn or "")
        parts = [role.group(1) if role else "?", self.region]
        if self.settings.bucket:
            parts += [self.settings.bucket, self.settings.prefix.strip("/")]
        hosts = sorted({_host(url) for url in self._endpoints.values() if url})
        return "@".join(["aws:" + "/".join(filter(None, parts)), *hosts])

    def client(self, service: str) -> Any:
        """The client of BEDROCK or S3 that everyone shares. Raises what boto3 raises."""
        with self._guard:
            if service not in self._clients:
                self._clients[service] = self._made(service, _READ_SECONDS)
            return self._clients[service]

    def fresh(self) -> Any:
        """A client of BEDROCK for one create, with no connection yet. The caller closes it.

        A kept connection, which the server has meanwhile closed, would make the outcome of a create
        unknown for nothing. Raises what boto3 raises.
        """
        with self._guard:  # clients may be shared between threads, a session may not
            return self._made(BEDROCK, _CREATE_SECONDS)

    def close(self) -> None:
        """Close every connection."""
        with self._guard:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _made(self, service: str, seconds: float) -> Any:
        endpoint = self._endpoints[service]
        return self._session.client(
            service,
            region_name=self.region,
            endpoint_url=endpoint,
            config=_config(seconds, endpoint),
        )


def _config(seconds: float, endpoint: str | None) -> Config:
    """No retries by botocore: a create goes out once, and reads are repeated by `calls`.

    Checksums are ours, or those that S3 requires: servers that imitate S3 know few of the others.
    """
    private = endpoint is not None and is_loopback(urlsplit(endpoint).hostname or "")
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=seconds,
        max_pool_connections=_CONNECTIONS,
        user_agent_extra=f"finetune-reconciler/{__version__}",
        proxies={} if private else None,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if endpoint else None,
    )


def _session(
    settings: BedrockSettings, environment: Mapping[str, str]
) -> tuple[boto3.Session, str]:
    """A session and its region, which the settings, the environment or a profile name.

    Who hands a key down needs no profile: one that is not there is no trouble then.
    """
    keys = _keys(environment)
    named = (
        settings.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    )
    try:
        session = boto3.Session(**keys, region_name=named)
        region: str | None = session.region_name
    except BotoCoreError as error:
        if not keys:
            raise ConfigError(
                f"provider {settings.name}: {type(error).__name__}: the settings of the AWS"
                " command line cannot be used",
                hint="check AWS_PROFILE and ~/.aws/config, or try it without: reconcile --sandbox",
            ) from None
        bare = botocore.session.Session(session_vars=_NO_FILES)
        session, region = boto3.Session(botocore_session=bare, **keys, region_name=named), named
    if not region:
        raise ConfigError(
            f"provider {settings.name} needs a region, and none is set",
            hint=f"set providers.{settings.name}.region in reconciler.yaml, or AWS_REGION",
        )
    if not _REGION.fullmatch(region):
        raise ConfigError(
            f"provider {settings.name}: {region!r} is no AWS region", hint="as us-east-1"
        )
    return session, region


def _keys(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The credentials handed down, as a session takes them; none where there is no whole key."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get(f"AWS_{_SECRET}")
    if not key or not secret:
        return {}
    return {
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
        "aws_session_token": environment.get("AWS_SESSION_TOKEN") or None,
    }


def _endpoints(settings: BedrockSettings, environment: Mapping[str, str]) -> dict[str, str | None]:
    """Where to find each service; None leaves it to boto3, which knows AWS's own."""
    endpoints = {BEDROCK: settings.endpoint_url, S3: settings.s3_endpoint_url}
    fields = {BEDROCK: "endpoint_url", S3: "s3_endpoint_url"}
    for service, variable in _ENDPOINTS.items():
        origin, url = f"providers.{settings.name}.{fields[service]}", endpoints[service]
        for name in (variable, "AWS_ENDPOINT_URL"):
            if not url and environment.get(name):
                origin, url = name, environment[name]
        if url:
            try:
                check_url(url)
            except ConfigError as error:
                raise ConfigError(f"{origin}: {error.message}", hint=error.hint) from None
        endpoints[service] = url or None
    return endpoints


def _secrets(environment: Mapping[str, str]) -> frozenset[str]:
    names = ("AWS_ACCESS_KEY_ID", f"AWS_{_SECRET}", "AWS_SESSION_TOKEN")
    return frozenset(environment[name] for name in names if environment.get(name))


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if is_loopback(host) or not parts.port else f"{host}:{parts.port}"


_NO_FILES: dict[str, tuple[None, list[str], str | None, None]] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}
"""Of botocore's settings those that lead to files, leading nowhere."""

_SECRET = "SECRET_ACCESS_KEY"  # noqa: S105 - the name of a variable, not what it holds
