"""YAML and schema: from a file to the documents that can be understood as specs.

`load` calls it for every file. What comes out has passed the schema, or is known only by the name
it claims, so that others who refer to that name can be told why it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler import schema, yamlio
from reconciler.errors import Problem, SpecError
from reconciler.specs.discovery import SpecFile
from reconciler.specs.suggestion import did_you_mean
from reconciler.yamlio import Document

KIND = "FineTuningJob"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One document that wants to be a spec.

    `problems` are the schema's. Without any, its fields have the types they should; with some, the
    `name` is what it claims, and `spec` may hold anything.
    """

    file: SpecFile
    document: Document
    name: str
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether it has passed the schema."""
        return not self.problems

    @property
    def spec(self) -> Mapping[str, Any]:
        """The part under `spec`."""
        match self.document.value:
            case {"spec": Mapping() as spec}:
                return spec
            case _:
                return {}

    @property
    def upstream(self) -> str | None:
        """The name of the spec whose model this one trains on."""
        match self.document.value:
            case {"spec": {"model": {"from": str(name)}}}:
                return name
            case _:
                return None

    @property
    def previous_names(self) -> tuple[str, ...]:
        """What it was called before, the newest first."""
        match self.document.value:
            case {"metadata": {"previous_names": [*names]}}:
                return tuple(name for name in names if isinstance(name, str))
            case _:
                return ()

    @property
    def place(self) -> str:
        """Where it stands, to be named in another's problem."""
        return f"{self.file.name}:{self.document.line}"

    def problem(
        self, path: tuple[str | int, ...], message: str, hint: str = "", *, key: bool = False
    ) -> Problem:
        """A problem at the value of a field, or at its key."""
        line, column = self.document.position(path, key=key)
        return Problem(self.file.name, line, column, message, hint)


def read(files: Iterable[SpecFile]) -> tuple[list[Draft], list[Problem]]:
    """Every document of every file. The problems are those of selected files only."""
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for file in files:
        found: list[Problem] = []
        for document in _documents(file, found):
            drafts += _draft(file, document, found)
        if file.selected:
            problems += found
    return drafts, problems


def _documents(file: SpecFile, problems: list[Problem]) -> list[Document]:
    try:
        with file.path.open("rb") as stream:
            text = stream.read(yamlio.MAX_BYTES + 1)
        if len(text) > yamlio.MAX_BYTES:
            message = f"larger than {yamlio.MAX_BYTES:,} bytes, the most a YAML file may have here"
            problems.append(Problem(file.name, 0, 0, message, "split it into several files"))
            return []
        return yamlio.load(text, file.name)
    except OSError as error:
        problems.append(Problem(file.name, 0, 0, f"cannot be read: {error.strerror}"))
    except SpecError as error:
        problems += error.problems
    return []


def _draft(file: SpecFile, document: Document, problems: list[Problem]) -> list[Draft]:
    value = document.value
    if not isinstance(value, Mapping) or value.get("kind") != KIND:
        problems.append(_of_another_kind(file, document))
        return []
    found = tuple(schema.problems("finetuningjob", document))
    problems += found
    match value:
        case {"metadata": {"name": str(name)}}:
            return [Draft(file=file, document=document, name=name, problems=found)]
        case _:
            return []


def _of_another_kind(file: SpecFile, document: Document) -> Problem:
    expected = f"expected kind: {KIND}"
    match document.value:
        case {"kind": "Config"}:
            message = "kind: Config is the configuration of a repository, not a spec"
            hint = "it belongs in reconciler.yaml at the root of the repository"
        case {"kind": "FineTuningJobStatus"}:
            message = "this is the status of a spec, not a spec"
            hint = "a file that ends in .status.yaml is not read as a spec"
        case {"kind": str(kind)}:
            message = f'"{kind}" is no kind of spec: {expected}'
            hint = did_you_mean(kind, (KIND,))
        case {"kind": _}:
            message, hint = f"kind must be text: {expected}", ""
        case Mapping():
            message, hint = f"kind is missing: {expected}", "files of other tools live elsewhere"
        case _:
            message, hint = f"not a spec, which is a mapping: {expected}", ""
    line, column = document.position(("kind",))
    return Problem(file.name, line, column, message, hint)
