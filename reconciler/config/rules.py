"""What the schema cannot say about a configuration: paths, addresses, and secrets in the file.

`config.load` asks for a document that passed the schema. It reads no environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        if "endpoint_url" in value.get("state", {}):
            self._setting(("state", "endpoint_url"), value["state"]["endpoint_url"])
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
        elif at[-1] in ("base_url", "endpoint_url", "s3_endpoint_url"):
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
                rest = REFERENCE.sub("", value)
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
