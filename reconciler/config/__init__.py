"""The settings of one repository: `reconciler.yaml` and the environment, read once.

`reconciler.cli` loads it and hands it down. It never holds a secret: only the names of the
variables that do. `settings` holds the values, `values` reads single words of the file, `rules`
finds what its schema cannot, and `trust` says what a file may send, and to whom.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.config.rules import Rules
from reconciler.config.settings import (
    BedrockSettings,
    Config,
    FileStateSettings,
    FireworksSettings,
    OpenAISettings,
    ProviderSettings,
    S3StateSettings,
    StateSettings,
)
from reconciler.config.trust import Trust, check_key
from reconciler.config.values import FILE, check_url, duration, expand, is_loopback
from reconciler.cost import BaseModel
from reconciler.errors import ConfigError, Problem, SpecError
from reconciler.policy import Policy

__all__ = [
    "FILE",
    "BedrockSettings",
    "Config",
    "FileStateSettings",
    "FireworksSettings",
    "OpenAISettings",
    "Policy",
    "ProviderSettings",
    "S3StateSettings",
    "StateSettings",
    "check_key",
    "check_url",
    "duration",
    "expand",
    "is_loopback",
    "load",
]

_IMPLICIT = {name: {"type": name} for name in ("openai", "bedrock", "fireworks")}
"""Providers that need no entry."""

_ENVIRONMENT = {
    "openai": {
        "OPENAI_BASE_URL": "base_url",
        "OPENAI_ORG_ID": "organization",
        "OPENAI_PROJECT_ID": "project",
    },
    "bedrock": {
        "AWS_REGION": "region",
        "AWS_ENDPOINT_URL_BEDROCK": "endpoint_url",
        "AWS_ENDPOINT_URL_S3": "s3_endpoint_url",
    },
    "fireworks": {
        "FIREWORKS_BASE_URL": "base_url",
        "FIREWORKS_ACCOUNT_ID": "account_id",
    },
}
"""The vendors' own variables, which beat the file for the built-in provider of that name.

boto3 reads the rest of AWS's by itself.
"""


def load(path: Path | None, *, start: Path, environment: Mapping[str, str]) -> Config:
    """The configuration at `path`, or that of the repository around `start`.

    The root is the folder of the file. Without `path`, reconciler.yaml is looked for from `start`
    up to the folder that holds `.git`, and outside of git in `start` alone; where there is none,
    everything has its default and the root is that folder. Raises ConfigError with every problem
    as `file:line:col: message`, the file as seen from `start`. What the file may send where is for
    the environment to say; see `trust`.
    """
    start = start.resolve()
    file, root = _found(start) if path is None else (start / path, (start / path).parent.resolve())
    trust = Trust.of(environment)
    settings = {} if file is None else _read(file, os.path.relpath(file, start), root, trust)
    providers = {
        name: _provider(name, entry, environment)
        for name, entry in {**_IMPLICIT, **settings.get("providers", {})}.items()
    }
    return Config(
        root=root,
        namespace=settings.get("namespace", "default"),
        specs=tuple(settings.get("specs", ("specs",))),
        state=_state(settings.get("state", {}), environment),
        providers=providers,
        policy=_policy(settings.get("policy", {})),
        models=tuple(_base_model(id_, row) for id_, row in settings.get("models", {}).items()),
    )


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


def _read(file: Path, shown: str, root: Path, trust: Trust) -> Mapping[str, Any]:
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
    problems += broken or Rules(document, root, trust, frozenset(_IMPLICIT)).problems()
    if problems:
        raise _wrong(problems)
    value: Mapping[str, Any] = document.value
    return value


def _wrong(problems: Sequence[Problem]) -> ConfigError:
    return ConfigError("\n".join(str(problem) for problem in sorted(problems)))


def _state(entry: Mapping[str, Any], environment: Mapping[str, str]) -> StateSettings:
    values = {key: value for key, value in entry.items() if key != "backend"}
    if entry.get("backend") != "s3":
        return FileStateSettings(**values)
    # boto3 itself looks at AWS_DEFAULT_REGION alone.
    return S3StateSettings(**{"region": environment.get("AWS_REGION") or None} | values)


def _policy(entry: Mapping[str, Any]) -> Policy:
    rules: dict[str, Any] = {
        name: tuple(rule) if isinstance(rule, list) else rule for name, rule in entry.items()
    }
    return Policy(**rules)


def _base_model(id_: str, entry: Mapping[str, Any]) -> BaseModel:
    """A row of the repository's own; what it leaves out, nobody says."""
    values = {key: value for key, value in entry.items() if key not in ("price", "methods")}
    price = entry.get("price", {})
    return BaseModel(
        id=id_,
        methods=tuple(entry.get("methods", ())),
        usd_per_million_tokens=_usd(price.get("per_million_tokens")),
        usd_per_hour=_usd(price.get("per_hour")),
        source=FILE,
        **values,
    )


def _usd(price: float | None) -> float | None:
    return None if price is None else float(price)


def _provider(
    name: str, entry: Mapping[str, Any], environment: Mapping[str, str]
) -> ProviderSettings:
    values = {key: value for key, value in entry.items() if key != "type"}
    type_ = entry["type"]
    if name == type_:  # the built-in one: another name is another server's or account's
        values |= _from_environment(_ENVIRONMENT.get(name, {}), environment)
    match type_:
        case "bedrock":
            return BedrockSettings(name=name, **values)
        case "fireworks":
            return FireworksSettings(name=name, **values)
        case _:
            if "creation_grace" in values:
                values["creation_grace"] = duration(values["creation_grace"])
            return OpenAISettings(name=name, **values)


def _from_environment(
    variables: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, Any]:
    given = {
        setting: (variable, environment[variable])
        for variable, setting in variables.items()
        if environment.get(variable)
    }
    if "base_url" in given:
        variable, url = given["base_url"]
        try:
            check_url(url)
        except ConfigError as error:
            raise ConfigError(f"{variable}: {error.message}", hint=error.hint) from None
    return {setting: value for setting, (_, value) in given.items()}
