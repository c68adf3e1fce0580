"""The first stop of a pass: spec files in, complete and stamped JobSpecs out, or every problem.

`engine` calls `load`, and so does `validate`. It reads files of the repository and nothing else: no
provider is asked, no clock read, nothing written. One bad spec does not hide another: what can be
said about every file is said in one run.

The rooms, in the order they are walked:

    discovery   which files
    documents   YAML and schema: a Draft per spec
    lineage     who trains on whose model; names that exist twice
    build       a Draft becomes a JobSpec, with `data` for what it trains on
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.config import Config
from reconciler.errors import Problem, Severity, SpecError
from reconciler.model import JobSpec, Tell
from reconciler.specs import discovery, documents, lineage
from reconciler.specs.build import Builder
from reconciler.specs.suggestion import Suggestions

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the files hold: the specs that are whole, and every problem of the others.

    Warnings are among the problems, and stop no spec; each spec carries those of its own data.
    `specs` are in the order of the files, then of the documents in them. `files` and `data_files`
    are those looked at, relative to the repository, with `/`.
    """

    specs: tuple[JobSpec, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    data_files: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems without the warnings."""
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)

    def valid(self) -> tuple[JobSpec, ...]:
        """The specs, if nothing is wrong with any. Raises SpecError with all that is."""
        if errors := self.errors:
            raise SpecError(errors)
        return self.specs


def load(
    config: Config,
    paths: Sequence[str] = (),
    *,
    commit: str | None = None,
    tell: Tell | None = None,
    to_count: bool = False,
) -> Loaded:
    """Read the specs under `config.specs`, or only those under `paths`.

    `paths` are files or folders, relative to the working directory as on every command line. What
    lies outside them is read as far as it matters: a name is unique among all specs, and a spec
    may train on the model of one that was not named. `commit` is noted as where the specs came
    from; `tell` is told how far the reading of data has got. `to_count`
    says that its tokens will be asked for next, so that those of a large file can be counted on the
    way. Raises ConfigError for a path that does not exist or lies outside the repository.
    """
    found = discovery.find(config, paths)
    drafts, problems = documents.read(found.files)
    relatives = lineage.family(drafts)
    suggestions = Suggestions()
    builder = Builder(config, commit, suggestions, tell, to_count=to_count)
    models = relatives.base_models()
    built = [builder.build(draft, models[draft.name]) for draft in relatives.members]
    specs, broken_chains = lineage.stamp(built, relatives, suggestions)
    selected = {file.name for file in found.files if file.selected}
    for one in built:
        if one.draft.file.selected:
            problems += one.problems
    return Loaded(
        specs=tuple(spec for spec in specs if spec.source.path in selected),
        problems=tuple(sorted({*found.problems, *problems, *relatives.problems, *broken_chains})),
        files=tuple(sorted(selected)),
        data_files=builder.data_files,
    )
