"""The composition root: configuration, environment, state and providers become one Reconciler.

Every verb that does more than read a file starts here. Only this file reads the clock, the
environment and the process, and hands them down as values.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from reconciler import config as configuration
from reconciler import providers
from reconciler.cli import revision
from reconciler.cli.bars import Bars
from reconciler.cli.options import Options
from reconciler.config import (
    BedrockSettings,
    Config,
    FireworksSettings,
    OpenAISettings,
    ProviderSettings,
)
from reconciler.errors import ConfigError
from reconciler.state import open_store
from reconciler.state.base import LockOwner

if TYPE_CHECKING:
    from reconciler.engine import Reconciler
    from reconciler.providers.base import Provider

SANDBOX_FOLDER = Path(".reconciler/sandbox")
_SANDBOX_KEY = "RECONCILER_SANDBOX_KEY"
_SANDBOX_ACCOUNT = "sandbox"
_SANDBOX_REGION = "us-east-1"
_SANDBOX_ENVIRONMENT = {
    _SANDBOX_KEY: "sandbox",
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_SESSION_TOKEN": "",
    "WANDB_API_KEY": "sandbox",
}
"""What the adapters find in place of real credentials, which never reach the sandbox."""


def load_config(options: Options) -> Config:
    """The repository's configuration; with `--sandbox`, its state apart from the real one."""
    config = configuration.load(options.config, start=Path.cwd(), environment=os.environ)
    if not options.sandbox:
        return config
    state = configuration.FileStateSettings(path=str(SANDBOX_FOLDER / "state.json"))
    return replace(config, state=state)


@contextmanager
def reconciler(options: Options, operation: str, *, offline: bool = False) -> Iterator[Reconciler]:
    """A Reconciler for this repository, closed at the end. `operation` signs the lock.

    With `--sandbox` the local providers are served for as long as it is open, unless `offline`.
    """
    from reconciler.cli import logs
    from reconciler.engine import Reconciler

    logs.configure(options)
    config = load_config(options)
    environment: Mapping[str, str] = os.environ
    with _served(config, options.sandbox and not offline) as url, Bars() as bars:
        if options.sandbox:
            config = _in_sandbox(config, url or "http://127.0.0.1:1")
            environment = {**os.environ, **_SANDBOX_ENVIRONMENT}
        opened = Reconciler(
            config=config,
            store=open_store(config.state, config.root),
            connect=partial(_connect, config, environment),
            clock=time.time,
            owner=_owner(operation),
            commit=partial(revision.head, config.root),
            sandbox=options.sandbox,
            reading=bars.of("reading"),
            counting=bars.of("counting"),
            sending=bars.of("uploading"),
        )
        try:
            yield opened
        finally:
            opened.close()


def _connect(config: Config, environment: Mapping[str, str], name: str) -> Provider:
    return providers.connect(config.providers[name], environment)


@contextmanager
def _served(config: Config, wanted: bool) -> Iterator[str | None]:
    if not wanted:
        yield None
        return
    from reconciler.sandbox import server

    with server.serve(config.root / SANDBOX_FOLDER / "providers", speed=_speed()) as sandbox:
        yield sandbox.url


def _speed() -> float:
    text = os.environ.get("RECONCILER_SANDBOX_SPEED", "1")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ConfigError(
            f"RECONCILER_SANDBOX_SPEED is {text!r}", hint="set it to a number such as 1 or 50"
        )
    return speed


def _in_sandbox(config: Config, url: str) -> Config:
    """The same providers by the same names, each at the sandbox and with its key."""
    local = {name: _local(settings, url) for name, settings in config.providers.items()}
    return replace(config, providers=local)


def _local(settings: ProviderSettings, url: str) -> ProviderSettings:
    match settings:
        case OpenAISettings():
            return replace(
                settings, base_url=f"{url}/v1", api_key_env=_SANDBOX_KEY, headers={}, query={}
            )
        case FireworksSettings():
            return replace(
                settings, base_url=url, api_key_env=_SANDBOX_KEY, account_id=_SANDBOX_ACCOUNT
            )
        case BedrockSettings():
            return replace(
                settings,
                region=settings.region or _SANDBOX_REGION,
                bucket=settings.bucket or _SANDBOX_ACCOUNT,
                endpoint_url=url,
                s3_endpoint_url=f"{url}/s3",
            )
        case _:
            assert_never(settings)


def _owner(operation: str) -> LockOwner:
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return LockOwner(
        id=uuid.uuid4().hex,
        who=f"{user}@{socket.gethostname()}",
        operation=operation,
        created_at=time.time(),
        process=os.getpid(),
    )
