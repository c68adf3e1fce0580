"""Which specs a command is about: everything, paths, names, or labels.

`engine` loads through it. A name on the command line is a spec's where no file has that name; what
lies outside a selection may be broken without stopping what lies inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from reconciler import specs
from reconciler.config import Config
from reconciler.errors import ConfigError
from reconciler.model import JobSpec, Tell
from reconciler.specs import Loaded


def load(
    config: Config,
    words: Sequence[str],
    labels: Sequence[str],
    commit: str | None,
    tell: Tell | None = None,
    *,
    to_count: bool = False,
) -> Loaded:
    """The specs under the paths and with the names among `words`, that carry all the `labels`.

    `tell` and `to_count` are those of `specs.load`. Raises ConfigError for a word that is
    neither a path nor a spec's name, and for a label that no spec carries.
    """
    names = [word for word in words if _is_name(word)]
    paths = [word for word in words if word not in names]
    loaded = Loaded()
    load_ = partial(specs.load, config, commit=commit, tell=tell, to_count=to_count)
    if paths or not names:
        loaded = load_(paths)
    if names:
        loaded = _with_names(loaded, load_(()), names)
    for label in labels:
        loaded = _labelled(loaded, label)
    return loaded


def _is_name(word: str) -> bool:
    return not Path(word).exists() and "/" not in word and not word.endswith((".yaml", ".yml"))


def _with_names(chosen: Loaded, everything: Loaded, names: Iterable[str]) -> Loaded:
    """What is chosen already, and the specs of these names, with the problems of their files."""
    by_name = {spec.name: spec for spec in everything.specs}
    for name in names:
        if name not in by_name:
            raise _unknown(name, everything)
    wanted = [by_name[name] for name in names]
    files = {spec.source.path for spec in wanted}
    data = {d.path for spec in wanted for d in (spec.training, spec.validation) if d and d.path}
    problems = [p for p in everything.problems if p.file in files | data]
    return Loaded(
        specs=_in_order(everything.specs, [*chosen.specs, *wanted]),
        problems=tuple(sorted({*chosen.problems, *problems})),
        files=tuple(sorted({*chosen.files, *files})),
        data_files=tuple(sorted({*chosen.data_files, *data})),
    )


def _in_order(all_specs: Sequence[JobSpec], chosen: Iterable[JobSpec]) -> tuple[JobSpec, ...]:
    tokens = {spec.token for spec in chosen}
    return tuple(spec for spec in all_specs if spec.token in tokens)


def _unknown(name: str, everything: Loaded) -> ConfigError:
    if everything.errors:
        return ConfigError(
            f"{name} is no path, and no sound spec has that name",
            hint="reconcile validate shows the specs that have problems",
        )
    known = [spec.name for spec in everything.specs]
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]}?" if close else f"the specs are {', '.join(known) or 'none'}"
    return ConfigError(f"{name} is no path, and no spec has that name", hint=meant)


def _labelled(loaded: Loaded, label: str) -> Loaded:
    key, equals, value = label.partition("=")
    found = tuple(
        spec
        for spec in loaded.specs
        if (spec.labels.get(key) == value if equals else key in spec.labels)
    )
    if not found:
        raise ConfigError(
            f"none of these specs carries the label {label}",
            hint="labels stand under metadata.labels; write key or key=value",
        )
    return replace(loaded, specs=found)
