"""The settings of one repository: `reconciler.yaml` and the environment, read once.

`reconciler.cli` loads it and hands it down. It never holds a secret: only the names of the
variables that do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.errors import ConfigError, Problem, SpecError

FILE = "reconciler.yaml"

_ENVIRONMENT = {
    "OPENAI_BASE_URL": "base_url",
    "OPENAI_ORG_ID": "organization",
    "OPENAI_PROJECT_ID": "project",
}
"""The vendor's own variables, which beat the file for the provider named `openai`."""

_IMPLICIT = {"openai": {"type": "openai"}}
"""Providers that need no entry."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_HEADER = re.compile(r"(?i)auth|key|token|secret|cookie|password")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings:
    """A server that speaks OpenAI's fine-tuning API. Header and body values may say `${env:NAME}`.

    `creation_grace` is in seconds: how long a job may be missing from the list after its create.
    """

    name: str
    base_url: str = "https://api.openai.com/v1"
    api_key_env: str = "OPENAI_API_KEY"
    organization: str | None = None
    project: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    auth: str = "bearer"
    stamp: str = "metadata"
    creation_grace: float = 120.0
    type: str = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockSettings:
    """Bedrock in one region of one AWS account. What is None, boto3 finds by its own rules.

    Local data goes to `s3://BUCKET/PREFIX/`. `endpoint_url` and `s3_endpoint_url` are for servers
    that speak AWS's protocols without being AWS.
    """

    name: str
    region: str | None = None
    role_arn: str | None = None
    bucket: str | None = None
    prefix: str = "finetune"
    endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    type: str = "bedrock"


@dataclass(frozen=True, slots=True, kw_only=True)
class FireworksSettings:
    """One Fireworks account. `account_id` None: the key's own account is asked for."""

    name: str
    account_id: str | None = None
    base_url: str = "https://api.fireworks.ai"
    api_key_env: str = "FIREWORKS_API_KEY"
    type: str = "fireworks"


ProviderSettings = OpenAISettings  # a union, as adapters land


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStateSettings:
    """State in a file of the repository. `path` is relative to its root."""

    path: str = ".reconciler/state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a pass may do at most; None is no limit."""

    max_creates: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that is the repository's choice and not a spec's."""

    root: Path
    namespace: str = "default"
    specs: tuple[str, ...] = ("specs",)
    state: FileStateSettings = field(default_factory=FileStateSettings)
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)


def load(path: Path | None, *, start: Path, environment: Mapping[str, str]) -> Config:
    """The configuration of the repository around `start`, or of the file at `path`.

    The root is the folder of reconciler.yaml, which is looked for from `start` up to the folder
    that holds `.git`; where there is none, everything has its default and the root is that folder,
    or `start` outside of git. Raises ConfigError with every problem at `file:line:col`.
    """
    file, root = (path, path.parent) if path is not None else _found(start)
    root = root.resolve()
    document = _document(file, root) if file is not None else {}
    providers = {
        name: _openai(name, settings, environment)
        for name, settings in {**_IMPLICIT, **document.get("providers", {})}.items()
    }
    state = document.get("state", {})
    return Config(
        root=root,
        namespace=document.get("namespace", "default"),
        specs=tuple(document.get("specs", ("specs",))),
        state=FileStateSettings(path=state.get("path", FileStateSettings().path)),
        providers=providers,
        policy=Policy(max_creates=document.get("policy", {}).get("max_creates")),
    )


def duration(text: str) -> float:
    """Seconds of `30s`, `2m`, `6h` or `1d`. Raises ConfigError for any other form."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text!r} is no duration", hint="write it like 30s, 2m, 6h or 1d")
    number, unit = match.groups()
    return float(number) * _UNITS[unit]


def expand(value: Any, environment: Mapping[str, str], where: str) -> Any:
    """The value with every `${env:NAME}` in its texts replaced, however deep they stand.

    `where` names the setting for the message. Raises ConfigError for a variable that is not set.
    """

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise ConfigError(
                f"{where} needs the variable {name}, which is not set",
                hint=f"set {name} in the environment, or take it out of {FILE}",
            )
        return environment[name]

    match value:
        case str():
            return _REFERENCE.sub(variable, value)
        case Mapping():
            return {key: expand(item, environment, f"{where}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [expand(item, environment, where) for item in value]
        case _:
            return value


def _found(start: Path) -> tuple[Path | None, Path]:
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder / FILE, folder
        if (folder / ".git").exists():
            return None, folder
    return None, start


def _document(file: Path, root: Path) -> Mapping[str, Any]:
    """The file's one document, checked."""
    from reconciler import schema, yamlio

    try:
        documents = yamlio.load(file.read_bytes(), file.name)
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}", hint="name another with --config"
        ) from None
    except SpecError as error:
        raise _wrong(error.problems) from None
    if not documents:
        return {}
    problems = schema.problems("config", documents[0])
    if len(documents) > 1:
        second = "one document configures a repository; this is a second one"
        problems.append(Problem(file.name, documents[1].line, 1, second, "remove it"))
    if not problems:
        problems = list(_Semantics(documents[0], root).problems())
    if problems:
        raise _wrong(problems)
    value: Mapping[str, Any] = documents[0].value
    return value


def _wrong(problems: Any) -> ConfigError:
    lines = "\n".join(str(problem) for problem in sorted(problems))
    return ConfigError(f"the configuration is not valid:\n{lines}")


class _Semantics:
    """What the schema cannot say about a configuration."""

    def __init__(self, document: Any, root: Path) -> None:
        self._document = document
        self._value: Mapping[str, Any] = document.value
        self._root = root
        self._found: list[Problem] = []

    def problems(self) -> list[Problem]:
        """All of them, each at its place."""
        for index, path in enumerate(self._value.get("specs", ())):
            self._inside(("specs", index), path)
        if "path" in self._value.get("state", {}):
            self._inside(("state", "path"), self._value["state"]["path"])
        for name, settings in self._value.get("providers", {}).items():
            self._provider(("providers", name), settings)
        return self._found

    def _provider(self, at: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        if url := settings.get("base_url"):
            self._checked((*at, "base_url"), lambda: check_url(url))
        if grace := settings.get("creation_grace"):
            self._checked((*at, "creation_grace"), lambda: duration(grace))
        for part in ("headers", "query"):
            for key, value in settings.get(part, {}).items():
                if _SECRET_HEADER.search(key) and not _REFERENCE.search(value):
                    message = f"{key} looks like a secret, and secrets are never written in a file"
                    self._add((*at, part, key), message, "write ${env:NAME} and set the variable")

    def _checked(self, at: tuple[str | int, ...], check: Callable[[], object]) -> None:
        try:
            check()
        except ConfigError as error:
            self._add(at, error.message, error.hint)

    def _inside(self, at: tuple[str | int, ...], path: str) -> None:
        if not (self._root / path).resolve().is_relative_to(self._root):
            self._add(at, f"{path} lies outside the repository", "name a path inside it")

    def _add(self, at: tuple[str | int, ...], message: str, hint: str) -> None:
        line, column = self._document.position(at)
        self._found.append(Problem(self._document.file, line, column, message, hint))


def check_url(url: str) -> None:
    """Raise ConfigError unless a key may be sent there: https, or http on this machine."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme == "https" and host:
        return
    if parts.scheme == "http" and is_loopback(host):
        return
    if parts.scheme == "http" and host:
        raise ConfigError(
            f"{url} would carry the key unencrypted",
            hint="use https; http is for this machine alone (127.0.0.1, localhost)",
        )
    raise ConfigError(f"{url!r} is no web address", hint="write it like https://host/v1")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    import ipaddress

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _openai(
    name: str, settings: Mapping[str, Any], environment: Mapping[str, str]
) -> OpenAISettings:
    values = dict(settings)
    if "creation_grace" in values:
        values["creation_grace"] = duration(values["creation_grace"])
    given = OpenAISettings(name=name, **values)
    return _from_environment(given, environment) if name == "openai" else given


def _from_environment(settings: OpenAISettings, environment: Mapping[str, str]) -> OpenAISettings:
    given: dict[str, Any] = {
        field_: environment[variable]
        for variable, field_ in _ENVIRONMENT.items()
        if environment.get(variable)
    }
    if "base_url" in given:
        try:
            check_url(given["base_url"])
        except ConfigError as error:
            raise ConfigError(f"OPENAI_BASE_URL: {error.message}", hint=error.hint) from None
    return replace(settings, **given)
