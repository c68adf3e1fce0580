"""A training file held against a provider without a spec that names it.

`validate DATA.jsonl` calls `check`, and `datasets` asks `takes` which models a file is for. A spec
is made up around the file, so that no rule of a provider is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reconciler import models, providers
from reconciler.config import Config, ProviderSettings
from reconciler.cost import BaseModel
from reconciler.datasets.facts import DatasetFacts
from reconciler.errors import Problem
from reconciler.model import Dataset, JobSpec, Source
from reconciler.specs.limits import objections

_METHODS = {"preference": "dpo", "reinforcement": "reinforcement"}
"""The method that trains on a format; supervised where another one is not named."""

_OF_THE_FILE = {("spec", "training_file"), ("spec", "model"), ("spec", "method")}


def check(
    path: Path,
    found: DatasetFacts,
    config: Config,
    settings: ProviderSettings,
    *,
    method: str | None = None,
    model: str | None = None,
) -> tuple[Problem, ...]:
    """What keeps a provider from training on this file, beside what is wrong with its lines.

    `found` are the facts of the file, which name it. Without `method`, the one that its format is
    for; without `model`, only what holds for all of them. Of a file with lines that are wrong, no
    more than whether its format is the one that is wanted.
    """
    if found.format is None:
        return ()
    base = models.lookup(model, settings, config.models)
    name = path.as_posix()
    candidate = _candidate(found, settings, base, "the file", model=model, method=method)
    broken = providers.check(candidate, settings)
    problems = [
        Problem(name, 0, 0, violation.message, violation.hint)
        for violation in broken
        if violation.path[:2] in _OF_THE_FILE and (model or violation.path[:2] != ("spec", "model"))
    ]
    if found.errors:
        return tuple(dict.fromkeys(problems))
    said = {violation.path[:2] for violation in broken}
    problems += [
        Problem(name, 0, 0, one.message, one.hint, one.severity)
        for one in objections(candidate, {"training_file": found})
        if one.path[:2] not in said
    ]
    if not problems:
        problems += _not_convertible(path, candidate, settings)
    return tuple(dict.fromkeys(problems))


def takes(model: BaseModel, found: DatasetFacts, settings: ProviderSettings) -> bool:
    """Whether a spec with this base model and this file would pass, as far as the file decides."""
    method = method_for(found)
    if found.format is None or method not in model.methods:
        return False
    candidate = _candidate(found, settings, model, "data.jsonl", model=model.id, method=method)
    rich = found.with_tools or found.with_images or found.with_reasoning
    if rich and providers.conversion(candidate, settings):
        return False  # forms that hold texts alone
    return all(
        violation.path[:2] not in _OF_THE_FILE for violation in providers.check(candidate, settings)
    )


def method_for(found: DatasetFacts) -> str:
    """The method that trains on data of this format."""
    return _METHODS.get(found.format or "", "supervised")


def _candidate(
    found: DatasetFacts,
    settings: ProviderSettings,
    base: BaseModel | None,
    name: str,
    *,
    model: str | None,
    method: str | None,
) -> JobSpec:
    return JobSpec(
        namespace="",
        name="candidate",
        provider=settings.name,
        provider_type=settings.type,
        model=model,
        method=method or method_for(found),
        base=base,
        training=Dataset(
            path=name,
            sha256=found.sha256,
            size=found.size,
            examples=None if found.errors else found.examples,
            format=found.format,
            present=True,
        ),
        source=Source(path=""),
    )


def _not_convertible(
    path: Path, candidate: JobSpec, settings: ProviderSettings
) -> Iterator[Problem]:
    form = providers.conversion(candidate, settings)
    nova = providers.reserves_words(candidate, settings)
    if not form and not nova:
        return
    from reconciler.datasets import conversion

    reserved = conversion.NOVA_RESERVED if nova else ()
    name = form if candidate.training.format == "chat" else ""
    yield from conversion.check(path, path.as_posix(), name, reserved=reserved)
