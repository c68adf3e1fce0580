"""The settings of one repository: `reconciler.yaml` and the environment, read once.

`reconciler.cli` loads it and hands it down. It never holds a secret: only the names of the
variables that do, and texts that say `${env:NAME}`, which `expand` fills in where they are used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import ConfigError, Problem, SpecError

if TYPE_CHECKING:
    from reconciler.yamlio import Document

FILE = "reconciler.yaml"
"""What the configuration is called, at the root of a repository."""


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
    """The configuration at `path`, or that of the repository around `start`.

    The root is the folder of the file. Without `path`, reconciler.yaml is looked for from `start`
    up to the folder that holds `.git`, and outside of git in `start` alone; where there is none,
    everything has its default and the root is that folder. Raises ConfigError with every problem
    as `file:line:col: message`, the file as seen from `start`.
    """
    start = start.resolve()
    file, root = _found(start) if path is None else (start / path, (start / path).parent.resolve())
    settings = {} if file is None else _read(file, os.path.relpath(file, start), root)
    providers = {
        name: _openai(name, entry, environment)
        for name, entry in {**_IMPLICIT, **settings.get("providers", {})}.items()
    }
    state = settings.get("state", {})
    return Config(
        root=root,
        namespace=settings.get("namespace", "default"),
        specs=tuple(settings.get("specs", ("specs",))),
        state=FileStateSettings(path=state.get("path", FileStateSettings().path)),
        providers=providers,
        policy=Policy(max_creates=settings.get("policy", {}).get("max_creates")),
    )


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
            return _REFERENCE.sub(variable, value)
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


_IMPLICIT = {"openai": {"type": "openai"}}
"""Providers that need no entry."""

_ENVIRONMENT = {
    "OPENAI_BASE_URL": "base_url",
    "OPENAI_ORG_ID": "organization",
    "OPENAI_PROJECT_ID": "project",
}
"""The vendor's own variables, which beat the file for the provider named `openai`."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")

_EXPANDED = ("headers", "query", "extra_body")
_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_PARAMETER = re.compile(
    r"(?:^|[-_.])(?:(?:api)?key|authorization|token|secret|password|cookie|credentials?|signature)"
    r"(?:$|[-_.])",
    re.IGNORECASE,
)
_SECRET_MEMBER = re.compile(r"api[-_]?key|authorization|secret|password", re.IGNORECASE)
"""In a body, a `token` or a `key` is mostly no secret: `eos_token`."""

_IN_THE_CLEAR = "this looks like a secret, and secrets are never written in a file"


def _found(start: Path) -> tuple[Path | None, Path]:
    """The file, if there is one, and the root of the repository around `start`."""
    around = (start, *start.parents)
    top = next((folder for folder in around if (folder / ".git").exists()), start)
    for folder in around[: around.index(top) + 1]:
        if (folder / FILE).is_file():
            return folder / FILE, folder
        for misnamed in (folder / "reconciler.yml", folder / "reconciler.json"):
            if misnamed.is_file():
                shown = os.path.relpath(misnamed, start)
                raise ConfigError(f"{shown} is not read", hint=f"call it {FILE}")
    return None, top


def _read(file: Path, shown: str, root: Path) -> Mapping[str, Any]:
    """What the file says, checked; {} where it says nothing."""
    from reconciler import schema, yamlio

    try:
        documents = yamlio.load(file.read_bytes(), shown)
    except OSError as error:
        raise ConfigError(
            f"{shown} cannot be read: {error.strerror}", hint="name another with --config"
        ) from None
    except SpecError as error:
        raise _wrong(error.problems) from None
    if not documents:
        return {}
    document, *others = documents
    problems = [
        Problem(other.file, other.line, 1, "a second document", "one configures a repository")
        for other in others
    ]
    broken = schema.problems("config", document)
    problems += broken or _Rules(document, root).problems()
    if problems:
        raise _wrong(problems)
    value: Mapping[str, Any] = document.value
    return value


def _wrong(problems: Sequence[Problem]) -> ConfigError:
    return ConfigError("\n".join(str(problem) for problem in sorted(problems)))


class _Rules:
    """What the schema cannot say about a configuration that passed it."""

    def __init__(self, document: Document, root: Path) -> None:
        self._document = document
        self._root = root
        self._found: list[Problem] = []

    def problems(self) -> list[Problem]:
        """All of them, each at its place."""
        value = self._document.value
        for index, path in enumerate(value.get("specs", ())):
            self._inside(("specs", index), path)
        if "path" in value.get("state", {}):
            self._inside(("state", "path"), value["state"]["path"])
        for name, entry in value.get("providers", {}).items():
            for setting, given in entry.items():
                self._setting(("providers", name, setting), given)
        return self._found

    def _inside(self, at: tuple[str | int, ...], path: str) -> None:
        hint = f"name a path relative to {FILE}"
        if Path(path).is_absolute() or path.startswith("~"):
            self._add(at, f"{path} exists on one machine only", hint)
        elif not (self._root / path).resolve().is_relative_to(self._root):
            self._add(at, f"{path} lies outside the repository", "name a path inside it")

    def _setting(self, at: tuple[str, ...], value: Any) -> None:
        from reconciler.schema.shown import looks_secret

        if at[-1] in _EXPANDED:
            secret_name = _SECRET_MEMBER if at[-1] == "extra_body" else _SECRET_PARAMETER
            self._texts(at, value, secret_name)
        elif isinstance(value, str) and "${" in value:
            hint = "only headers, query and extra_body may say ${env:NAME}"
            self._add(at, "variables are not filled in here", hint)
        elif at[-1] == "base_url":
            self._checked(at, check_url, value)
        elif at[-1] == "creation_grace":
            self._checked(at, duration, value)
        elif isinstance(value, str) and looks_secret(value):
            self._add(at, _IN_THE_CLEAR, "api_key_env names the variable that holds the key")

    def _texts(self, at: tuple[str | int, ...], value: Any, secret_name: re.Pattern[str]) -> None:
        """No text may hold a secret, or a reference that `expand` would leave as it is."""
        from reconciler.schema.shown import looks_secret

        match value:
            case Mapping():
                for key, item in value.items():
                    self._texts((*at, key), item, secret_name)
            case list():
                for index, item in enumerate(value):
                    self._texts((*at, index), item, secret_name)
            case str():
                rest = _REFERENCE.sub("", value)
                named = isinstance(at[-1], str) and secret_name.search(at[-1]) is not None
                if "${" in rest:
                    self._add(at, "this names no variable", "write ${env:NAME}")
                elif looks_secret(rest) or (named and value and rest == value):
                    self._add(at, _IN_THE_CLEAR, "write ${env:NAME} and set the variable")

    def _checked(
        self, at: tuple[str | int, ...], check: Callable[[str], object], value: str
    ) -> None:
        try:
            check(value)
        except ConfigError as error:
            self._add(at, error.message, error.hint)

    def _add(self, at: tuple[str | int, ...], message: str, hint: str) -> None:
        from reconciler.schema.complaint import dotted

        place = self._document.position(at)
        text = f"{dotted(at)}: {message}"
        self._found.append(Problem(self._document.file, *place, text, hint))


def _openai(name: str, entry: Mapping[str, Any], environment: Mapping[str, str]) -> OpenAISettings:
    values = dict(entry)
    if "creation_grace" in values:
        values["creation_grace"] = duration(values["creation_grace"])
    settings = OpenAISettings(name=name, **values)
    return _from_environment(settings, environment) if name == "openai" else settings


def _from_environment(settings: OpenAISettings, environment: Mapping[str, str]) -> OpenAISettings:
    given: dict[str, Any] = {
        setting: environment[variable]
        for variable, setting in _ENVIRONMENT.items()
        if environment.get(variable)
    }
    if "base_url" in given:
        try:
            check_url(given["base_url"])
        except ConfigError as error:
            raise ConfigError(f"OPENAI_BASE_URL: {error.message}", hint=error.hint) from None
    return replace(settings, **given)
