"""What a spec trains on: `training_file` and `validation_file`, resolved to bytes or a reference.

`build` asks for each of the two fields. Every distinct file is read once per load, however many
specs share it. Nothing outside the repository is opened, and nothing that could block.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from reconciler.datasets import facts
from reconciler.datasets.counting import Counting
from reconciler.datasets.facts import DatasetFacts
from reconciler.errors import Problem, Severity
from reconciler.model import Dataset, Tell
from reconciler.specs.documents import Draft
from reconciler.specs.suggestion import Suggestions

LOCAL = ("./", "../")
"""How a path relative to the spec file begins; anything else is the provider's own reference."""


@dataclass(slots=True)
class DataFiles:
    """The data files of one load. `root` is the real path of the repository.

    `tell` is told how far the reading of each has got.
    """

    root: Path
    suggestions: Suggestions
    tell: Tell | None = None
    _places: dict[tuple[Path, str], _Place | _Refusal] = field(default_factory=dict)
    _facts: dict[Path, DatasetFacts | _Refusal | None] = field(default_factory=dict)
    _converted: dict[tuple[str, str, bool], tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The files that specs name and that lie in the repository, sorted."""
        places = self._places.values()
        return tuple(sorted({place.name for place in places if isinstance(place, _Place)}))

    def dataset(
        self,
        draft: Draft,
        name: str,
        problems: list[Problem],
        counting: Counting | None = None,
    ) -> Dataset | None:
        """The dataset that field `name` of the spec asks for; None where it asks for none.

        `counting` is how its tokens will be counted, if they will be.

        None too, with a problem added, where it cannot be had. Problems of the content are added,
        each at its line of the data file.
        """
        at: tuple[str | int, ...] = ("spec", name)
        pin: str | None = None
        match draft.spec.get(name):
            case str(written):
                pass
            case {"path": str(written), "sha256": str(sha256)}:
                pin, at = sha256.lower(), (*at, "path")
            case _:
                return None
        folder = draft.file.path.parent
        if not written.startswith(LOCAL):
            if pin is None and not _looks_local(folder, written):
                return Dataset(reference=written)
            hint = f"write ./{written}" if not written.startswith(("/", "~")) else ""
            message = f"{written} must be a path relative to the spec, beginning with ./ or ../"
            problems.append(draft.problem(at, message, hint))
            return None
        found = self._local(folder, written, pin, counting)
        if isinstance(found, _Refusal):
            where = ("spec", name, "sha256") if found.of_pin else at
            problems.append(draft.problem(where, found.message, found.hint))
            return None
        problems += found.problems
        return found.dataset

    def facts(self, dataset: Dataset | None) -> DatasetFacts | None:
        """What a local file holds that was read in this load; None for any other data."""
        if dataset is None or dataset.path is None or not dataset.present:
            return None
        found = self._facts.get(Path(os.path.realpath(self.root / dataset.path)))
        return found if isinstance(found, DatasetFacts) else None

    def overlap(self, training: Dataset | None, validation: Dataset | None) -> Problem | None:
        """A warning at the first validation example that is trained on too."""
        ours, theirs = self.facts(training), self.facts(validation)
        if ours is None or theirs is None or training is None or validation is None:
            return None
        shared = facts.overlap(ours, theirs)
        if shared is None or not shared.examples:
            return None
        many = "an example is" if shared.examples == 1 else f"{shared.examples:,} examples are"
        return Problem(
            validation.path or "",
            shared.line,
            1,
            f"{many} in the training data too: this one is line {shared.training_line} of"
            f" {training.path}",
            "hold them back from one of the two: a model knows what it was trained on",
            Severity.WARNING,
            "overlap",
        )

    def conversion_problems(
        self, datasets: Iterable[Dataset | None], conversion: str, *, nova: bool
    ) -> tuple[Problem, ...]:
        """What keeps local data from being converted, each file and conversion looked at once.

        `nova` says that the words Amazon Nova keeps for itself may not stand in it.
        """
        found: list[Problem] = []
        for dataset in datasets:
            if dataset is None or not dataset.present or dataset.path is None:
                continue
            if not conversion and not nova:
                continue
            form = conversion if dataset.format == "chat" else ""
            key = (dataset.path, form, nova)
            if key not in self._converted:
                self._converted[key] = _conversion_problems(self.root, *key)
            found += self._converted[key]
        return tuple(found)

    def _local(
        self, folder: Path, written: str, pin: str | None, counting: Counting | None
    ) -> _Local | _Refusal:
        place = self._place(folder, written)
        if isinstance(place, _Refusal):
            return place
        found = self._read(place, counting)
        if isinstance(found, _Refusal):
            return found
        if found is None:
            if pin is None:
                return _Refusal(f"there is no {written}", self._what_exists(place.real, written))
            return _Local(Dataset(path=place.name, sha256=pin, present=False))
        if pin and found.sha256 and found.sha256 != pin:
            return _Refusal(
                f"{written} is {found.sha256[:_SHORT]}…, and {pin[:_SHORT]}… is pinned",
                "fetch the pinned data; or pin the new one, which trains again",
                of_pin=True,
            )
        dataset = Dataset(
            path=place.name,
            sha256=found.sha256,
            size=found.size if found.present else None,
            examples=None if found.errors else found.examples,
            format=found.format,
            present=found.present,
        )
        return _Local(dataset, found.problems)

    def _place(self, folder: Path, written: str) -> _Place | _Refusal:
        key = (folder, written)
        if key not in self._places:
            self._places[key] = self._located(folder, written)
        return self._places[key]

    def _located(self, folder: Path, written: str) -> _Place | _Refusal:
        if "\0" in written:
            return _Refusal("a path holds no NUL character")
        real = Path(os.path.realpath(folder / written))
        lexical = Path(os.path.normpath(folder / written))
        if real.is_relative_to(self.root):
            same = lexical.is_relative_to(self.root) and Path(os.path.realpath(lexical)) == real
            shown = lexical if same else real
            return _Place(real, shown.relative_to(self.root).as_posix())
        hint = "copy it into the repository, or write the provider's own name for it"
        if lexical.is_relative_to(self.root):
            return _Refusal(f"{written} leads out of the repository by a symbolic link", hint)
        return _Refusal(f"{written} is outside the repository", hint)

    def _read(self, place: _Place, counting: Counting | None) -> DatasetFacts | _Refusal | None:
        """The facts of a file, from the first time it was asked for; None if there is none."""
        if place.real not in self._facts:
            self._facts[place.real] = _facts(place, self.root / facts.CACHE, self.tell, counting)
        return self._facts[place.real]

    def _what_exists(self, missing: Path, written: str) -> str:
        before = written[: len(written) - len(missing.name)]
        if not missing.parent.is_dir():
            return f"there is no folder {before.rstrip('/')}"
        with os.scandir(missing.parent) as entries:
            siblings = [e.name for e in islice(entries, _SIBLINGS) if not e.name.startswith(".")]
        closest = self.suggestions.closest(missing.name, siblings)
        if closest and written.endswith(missing.name):
            return f"did you mean {before}{closest}?"
        return "a file that is fetched later can be pinned: {path: …, sha256: …}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file is, and its name relative to the repository, as written where links allow it."""

    real: Path
    name: str


@dataclass(frozen=True, slots=True)
class _Local:
    """A local dataset, and what is wrong with its content."""

    dataset: Dataset
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a file cannot be trained on, to be told at the field that names it."""

    message: str
    hint: str = ""
    of_pin: bool = False


def _facts(
    place: _Place, cache: Path, tell: Tell | None, counting: Counting | None
) -> DatasetFacts | _Refusal | None:
    try:
        status = place.real.stat()
        if not stat.S_ISREG(status.st_mode):
            return _Refusal(f"{place.name} is {_kind(status.st_mode)}, not a file")
        if status.st_size == 0:
            return _Refusal(f"{place.name} is empty")
        found = facts.read(
            place.real,
            place.name,
            cache=cache,
            progress=None if tell is None else partial(tell, place.name),
            counting=counting,
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _Refusal(f"{place.name} cannot be read: {error.strerror or error}")
    if found.examples == 0:
        return _Refusal(f"{place.name} holds no examples, only blank lines")
    return found


def _conversion_problems(root: Path, name: str, conversion: str, nova: bool) -> tuple[Problem, ...]:
    from reconciler.datasets import conversion as convert  # most specs need none

    reserved = convert.NOVA_RESERVED if nova else ()
    return tuple(convert.check(root / name, name, conversion, reserved=reserved))


def _kind(mode: int) -> str:
    kinds = {
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((name for test, name in kinds.items() if test(mode)), "something special")


def _looks_local(folder: Path, reference: str) -> bool:
    """Whether somebody meant a file and forgot the ./ that says so."""
    if "://" in reference or "\0" in reference:
        return False
    return (
        reference.endswith(".jsonl")
        or reference.startswith(("/", "~"))
        or (folder / reference).is_file()
    )


_SHORT = 12
_SIBLINGS = 2_000
