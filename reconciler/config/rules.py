"""What the schema cannot say about a configuration: paths, addresses, names, dates and secrets.

`config.load` asks for a document that passed the schema. It reads no environment: what that allows
a file to send is handed in as a `Trust`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.config.trust import Trust
from reconciler.config.values import FILE, REFERENCE, check_url, duration
from reconciler.errors import ConfigError, Problem

if TYPE_CHECKING:
    from reconciler.yamlio import Document

_EXPANDED = ("headers", "query", "extra_body")
_SECRET_PARAMETER = re.compile(
    r"(?:^|[-_.])(?:(?:api)?key|authorization|token|secret|password|cookie|credentials?|signature)"
    r"(?:$|[-_.])",
    re.IGNORECASE,
)
_SECRET_MEMBER = re.compile(r"api[-_]?key|authorization|secret|password", re.IGNORECASE)
"""In a body, a `token` or a `key` is mostly no secret: `eos_token`."""

_IN_THE_CLEAR = "this looks like a secret, and secrets are never written in a file"


class Rules:
    """What the schema cannot say about a configuration that passed it."""

    def __init__(
        self, document: Document, root: Path, trust: Trust, implicit: Collection[str]
    ) -> None:
        """`implicit` are the providers that exist without an entry."""
        self._document = document
        self._root = root
        self._trust = trust
        self._providers = sorted({*implicit, *document.value.get("providers", {})})
        self._found: list[Problem] = []

    def problems(self) -> list[Problem]:
        """All of them, each at its place."""
        value = self._document.value
        for index, path in enumerate(value.get("specs", ())):
            self._inside(("specs", index), path)
        if "path" in value.get("state", {}):
            self._inside(("state", "path"), value["state"]["path"])
        if "endpoint_url" in value.get("state", {}):
            self._setting(("state", "endpoint_url"), value["state"]["endpoint_url"])
        for name, entry in value.get("providers", {}).items():
            for setting, given in entry.items():
                self._setting(("providers", name, setting), given)
        for index, name in enumerate(value.get("policy", {}).get("providers", ())):
            self._provider(("policy", "providers", index), name)
        for id_, row in value.get("models", {}).items():
            self._base_model(("models", id_), row)
        return self._found

    def _base_model(self, at: tuple[str, ...], row: Mapping[str, Any]) -> None:
        self._provider((*at, "provider"), row["provider"])
        for field in ("closes_on", "shuts_down_on"):
            if field in row and not _is_date(row[field]):
                self._add((*at, field), f"{row[field]} is no day", "write it like 2027-01-14")
        least, most = row.get("min_examples"), row.get("max_examples")
        if least is not None and most is not None and least > most:
            why = f"must be at least min_examples, {least}, got {most}"
            self._add((*at, "max_examples"), why, "")
        if "tokenizer" in row:
            self._tokenizer((*at, "tokenizer"), row["tokenizer"])

    def _tokenizer(self, at: tuple[str, ...], given: str) -> None:
        """A name, or a file of the repository."""
        if given.startswith(("./", "../")):
            if self._inside(at, given) and not (self._root / given).is_file():
                self._add(at, f"there is no file {given}", f"name one relative to {FILE}")
        elif "/" in given or given.endswith(".json"):
            self._add(at, f"{given} is no name of a tokenizer", f"a file: ./{given.lstrip('/')}")

    def _provider(self, at: tuple[str | int, ...], name: str) -> None:
        if name not in self._providers:
            known = ", ".join(self._providers)
            self._add(at, f"no provider is called {name}", f"the providers are {known}")

    def _inside(self, at: tuple[str | int, ...], path: str) -> bool:
        """Whether a path stays in the repository; one that does not is a problem."""
        hint = f"name a path relative to {FILE}"
        if Path(path).is_absolute() or path.startswith("~"):
            self._add(at, f"{path} exists on one machine only", hint)
        elif not (self._root / path).resolve().is_relative_to(self._root):
            self._add(at, f"{path} lies outside the repository", "name a path inside it")
        else:
            return True
        return False

    def _setting(self, at: tuple[str, ...], value: Any) -> None:
        from reconciler.schema.shown import looks_secret

        if at[-1] in _EXPANDED:
            secret_name = _SECRET_MEMBER if at[-1] == "extra_body" else _SECRET_PARAMETER
            self._texts(at, value, secret_name)
        elif isinstance(value, str) and "${" in value:
            hint = "only headers, query and extra_body may say ${env:NAME}"
            self._add(at, "variables are not filled in here", hint)
        elif at[-1] == "base_url":
            self._checked(at, value, check_url, self._trust.check_key_goes_to)
        elif at[-1] in ("endpoint_url", "s3_endpoint_url"):
            self._checked(at, value, check_url, self._trust.check_signature_goes_to)
        elif at[-1] == "creation_grace":
            self._checked(at, value, duration)
        elif isinstance(value, str) and looks_secret(value):
            self._add(at, _IN_THE_CLEAR, "api_key_env names the variable that holds the key")
        elif at[-1] == "api_key_env":
            self._checked(at, value, self._trust.check_key)

    def _texts(self, at: tuple[str | int, ...], value: Any, secret_name: re.Pattern[str]) -> None:
        """No text may hold a secret, a reference that `expand` would leave, or one not allowed."""
        from reconciler.schema.shown import looks_secret

        match value:
            case Mapping():
                for key, item in value.items():
                    self._texts((*at, key), item, secret_name)
            case list():
                for index, item in enumerate(value):
                    self._texts((*at, index), item, secret_name)
            case str():
                rest = REFERENCE.sub("", value)
                named = isinstance(at[-1], str) and secret_name.search(at[-1]) is not None
                if "${" in rest:
                    self._add(at, "this names no variable", "write ${env:NAME}")
                elif looks_secret(rest) or (named and value and rest == value):
                    self._add(at, _IN_THE_CLEAR, "write ${env:NAME} and set the variable")
                else:
                    for name in dict.fromkeys(REFERENCE.findall(value)):
                        self._checked(at, name, self._trust.check_reference)

    def _checked(
        self, at: tuple[str | int, ...], value: str, *checks: Callable[[str], object]
    ) -> None:
        """Hold a value against each check in turn, up to the first that it fails."""
        try:
            for check in checks:
                check(value)
        except ConfigError as error:
            self._add(at, error.message, error.hint)

    def _add(self, at: tuple[str | int, ...], message: str, hint: str) -> None:
        from reconciler.schema.complaint import dotted

        place = self._document.position(at)
        text = f"{dotted(at)}: {message}"
        self._found.append(Problem(self._document.file, *place, text, hint))


def _is_date(text: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
