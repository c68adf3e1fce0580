"""Which files hold specs.

`load` calls it once. It lists folders and opens nothing. It never leaves the repository, not
through a symbolic link either: a plan must come out of what was reviewed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.config import Config
from reconciler.errors import ConfigError, Problem
from reconciler.specs.suggestion import did_you_mean

ENDINGS = (".yaml", ".yml")
SIDECAR_ENDINGS = (".status.yaml", ".status.yml")
CONFIG_FILES = ("reconciler.yaml", "reconciler.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFile:
    """A file to read. `name` is relative to the repository, with `/`.

    `selected` is false for a file that was not asked for, and that only others may refer to.
    """

    path: Path
    name: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files, sorted by name, and what could not be followed or listed."""

    files: tuple[SpecFile, ...]
    problems: tuple[Problem, ...]


def find(config: Config, paths: Sequence[str]) -> Found:
    """The spec files under `config.specs`; with `paths`, those under them are the selected ones.

    Raises ConfigError where something that was named is not there, or is no place for specs.
    """
    root = Path(os.path.realpath(config.root))
    asked = _Walk(root)
    for path in paths:
        asked.enter(_named(Path(path).absolute(), path, root))
    every = _Walk(root)
    for folder in config.specs:
        place = root / folder
        if not paths or place.exists():
            every.enter(_named(place, folder, root))
    selected = asked if paths else every
    files = [
        SpecFile(path=path, name=name, selected=name in selected.files)
        for name, path in (every.files | asked.files).items()
    ]
    return Found(
        files=tuple(sorted(files, key=lambda file: file.name)),
        problems=tuple(selected.problems),
    )


def _named(place: Path, as_written: str, root: Path) -> Path:
    """A file or folder somebody named, by its real place. Raises ConfigError."""
    real = Path(os.path.realpath(place))
    if not real.is_relative_to(root):
        raise ConfigError(
            f"{as_written} is outside the repository {root}",
            hint="specs and their data are read from the repository only",
        )
    if not real.exists():
        raise ConfigError(f"there is no {as_written}", hint=_what_exists(real, root))
    if not real.is_dir():
        if real.name.endswith(SIDECAR_ENDINGS):
            raise ConfigError(f"{as_written} is a status sidecar", hint="name the spec beside it")
        if not real.name.endswith(ENDINGS):
            raise ConfigError(
                f"{as_written} is not a spec file", hint=f"specs end in {' or '.join(ENDINGS)}"
            )
    return real


def _what_exists(missing: Path, root: Path) -> str:
    folder = missing.parent
    while not folder.is_dir():
        folder = folder.parent
    here = sorted(
        f"{entry.name}/" if entry.is_dir() else entry.name
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and (entry.is_dir() or entry.name.endswith(ENDINGS))
    )
    if folder == missing.parent and (hint := did_you_mean(missing.name, here)):
        return hint
    shown = "the repository" if folder == root else folder.relative_to(root).as_posix()
    return f"{shown} holds {', '.join(here[:_LISTED]) or 'no specs'}"


@dataclass(slots=True)
class _Walk:
    """Files found so far, by name; each real one once, however many links lead there."""

    root: Path
    files: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def enter(self, real: Path) -> None:
        """Take a file, or everything below a folder."""
        if not real.is_dir():
            self._take(real, str(real))
            return
        folders, links = [real], list[Path]()
        while folders or links:  # links last, so that a file goes by its own name
            if folders:
                self._list(folders.pop(), folders, links)
            else:
                self._follow(links.pop(0), folders)

    def _list(self, folder: Path, folders: list[Path], links: list[Path]) -> None:
        """Take the spec files in a folder; add what is below it, and the links met."""
        real = os.path.realpath(folder)
        if real in self._seen:
            return
        self._seen.add(real)
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(folder, f"cannot be listed: {error.strerror}")
            return
        for entry in inside:
            path = folder / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name.startswith(".") or (folder == self.root and entry.name in CONFIG_FILES):
                continue
            if entry.is_symlink():
                links.append(path)
            elif not (is_folder or _is_spec(entry.name)):
                continue
            elif not entry.name.isprintable():
                self._problem(path, "has a name that cannot be printed", "rename it")
            elif is_folder:
                folders.append(path)
            elif entry.is_file():
                self._take(path, f"{real}{os.sep}{entry.name}")
            else:
                self._problem(path, "is not a regular file", "remove it, or rename it")

    def _follow(self, link: Path, folders: list[Path]) -> None:
        target = Path(os.path.realpath(link))
        if not (target.is_dir() or _is_spec(link.name)):
            return
        if not target.is_relative_to(self.root):
            message = "is a symbolic link that leads out of the repository"
            self._problem(link, message, "copy what it points to into the repository")
        elif target.is_dir():
            folders.append(link)
        elif target.is_file():
            self._take(link, str(target))
        else:
            self._problem(link, "is a symbolic link to nothing", "mend or remove it")

    def _take(self, path: Path, real: str) -> None:
        if real not in self._seen:
            self._seen.add(real)
            self.files[self._name(path)] = path

    def _problem(self, path: Path, message: str, hint: str = "") -> None:
        name = "".join(c if c.isprintable() else repr(c)[1:-1] for c in self._name(path))
        self.problems.append(Problem(name, 0, 0, message, hint))

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.root).replace(os.sep, "/")


def _is_spec(name: str) -> bool:
    return name.endswith(ENDINGS) and not name.endswith(SIDECAR_ENDINGS)


_LISTED = 8
