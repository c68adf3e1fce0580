"""Which files hold specs.

`load` calls it once. It lists folders and opens nothing. It never leaves the repository, not
through a symbolic link either: a plan must come out of what was reviewed. Within it, links are
followed, and every file goes by its own name, however many links lead to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
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
    """A file to read. `path` is its real one; `name` is relative to the repository, with `/`.

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
        SpecFile(path=path, name=_name(path, root), selected=path in selected.files)
        for path in asked.files | every.files
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
        if not entry.name.startswith(".") and (entry.is_dir() or _is_spec(entry.name))
    )
    if folder == missing.parent and (hint := did_you_mean(missing.name, here)):
        return hint
    shown = "the repository" if folder == root else folder.relative_to(root).as_posix()
    return f"{shown} holds {', '.join(here[:_SHOWN]) or 'no specs'}"


@dataclass(slots=True)
class _Walk:
    """The files found so far, by their real paths."""

    root: Path
    files: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _listed: set[Path] = field(default_factory=set)

    def enter(self, real: Path) -> None:
        """Take a file, or everything below a folder."""
        folders = [real] if real.is_dir() else []
        if not folders:
            self.files.add(real)
        while folders:
            folder = folders.pop()
            if folder not in self._listed:
                self._listed.add(folder)
                folders += self._list(folder)

    def _list(self, folder: Path) -> Iterator[Path]:
        """Take the spec files in a folder; the folders in it."""
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(folder, f"cannot be listed: {error.strerror}")
            return
        for entry in inside:
            name, path = entry.name, folder / entry.name
            if name.startswith(".") or (folder == self.root and name in CONFIG_FILES):
                continue
            if entry.is_symlink():
                yield from self._follow(path)
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if not (is_folder or _is_spec(name)):
                continue
            if not name.isprintable():
                self._problem(path, "has a name that cannot be printed", "rename it")
            elif is_folder:
                yield path
            elif entry.is_file(follow_symlinks=False):
                self.files.add(path)
            else:
                self._problem(path, "is not a regular file", "remove it, or rename it")

    def _follow(self, link: Path) -> Iterator[Path]:
        target = Path(os.path.realpath(link))
        is_folder = target.is_dir()
        if not (is_folder or _is_spec(link.name)):
            return
        if not target.is_relative_to(self.root):
            message = "is a symbolic link that leads out of the repository"
            self._problem(link, message, "copy what it points to into the repository")
        elif is_folder:
            yield target
        elif target.is_file():
            self.files.add(target)
        else:
            self._problem(link, "is a symbolic link to nothing", "mend or remove it")

    def _problem(self, path: Path, message: str, hint: str = "") -> None:
        name = _name(path, self.root)
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
        self.problems.append(Problem(shown, 0, 0, message, hint))


def _name(path: Path, root: Path) -> str:
    """A path below the root as messages and sidecars write it."""
    below = str(path).removeprefix(str(root)).replace(os.sep, "/")
    return below.lstrip("/") or "."


def _is_spec(name: str) -> bool:
    return name.endswith(ENDINGS) and not name.endswith(SIDECAR_ENDINGS)


_SHOWN = 8
