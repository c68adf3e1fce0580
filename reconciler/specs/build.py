"""A Draft becomes a JobSpec: defaults applied, older forms normalised, data resolved.

`load` calls it for every draft that matters; `lineage` stamps the result. Normalising happens here
and nowhere else, so that two ways to write one thing have one identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reconciler import models, providers
from reconciler.config import Config, ProviderSettings, duration
from reconciler.cost import BaseModel
from reconciler.datasets.counting import counting
from reconciler.errors import Problem, Severity
from reconciler.model import Dataset, JobSpec, Source, Tell
from reconciler.specs.data import DataFiles
from reconciler.specs.documents import Draft
from reconciler.specs.limits import objections
from reconciler.specs.suggestion import Suggestions

SECTIONS = ("openai", "bedrock", "fireworks")
"""The parts of a spec that only one type of provider understands, named after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A draft and what became of it: a spec without its stamp, or None where a problem forbids."""

    draft: Draft
    spec: JobSpec | None
    problems: tuple[Problem, ...] = ()


class Builder:
    """Builds the specs of one load, which share their data files."""

    def __init__(
        self,
        config: Config,
        commit: str | None,
        suggestions: Suggestions,
        tell: Tell | None = None,
        *,
        to_count: bool = False,
    ) -> None:
        self._config = config
        self._to_count = to_count
        self._commit = commit
        self._suggestions = suggestions
        self._data = DataFiles(Path(config.root).resolve(), suggestions, tell)

    @property
    def data_files(self) -> tuple[str, ...]:
        """The data files that specs named, relative to the repository."""
        return self._data.names

    def build(self, draft: Draft, base_model: str | None = None) -> Built:
        """Everything that can be said of one draft by itself.

        `base_model` is the one at the beginning of its chain, which decides what data it reads.

        One that has not passed the schema becomes no spec, and its provider and data are looked at
        all the same. A place that has a problem already gets no second one.
        """
        problems: list[Problem] = []
        settings = self._provider(draft, problems)
        base = models.lookup(base_model, settings, self._config.models) if settings else None
        training, validation = self._datasets(draft, base, problems)
        warnings = tuple(p for p in problems if p.severity is Severity.WARNING)
        problems = _elsewhere(draft.problems, [p for p in problems if p not in warnings])
        if settings is None or not draft.sound:
            return Built(draft=draft, spec=None, problems=(*problems, *warnings))
        problems += _of_other_types(draft, settings)
        spec = self._spec(draft, settings, training or _UNUSABLE, validation)
        violations = [
            draft.problem(violation.path, violation.message, violation.hint)
            for violation in providers.check(spec, settings)
        ]
        problems += _elsewhere(problems, violations)
        if problems:
            return Built(draft=draft, spec=None, problems=(*problems, *warnings))
        spec = replace(spec, base=base)
        found = self._limits(draft, spec)
        warnings = (*warnings, *(p for p in found if p.severity is Severity.WARNING))
        if any(problem.severity is Severity.ERROR for problem in found):
            return Built(draft=draft, spec=None, problems=(*warnings, *found))
        spec = replace(spec, warnings=warnings)
        built = Built(draft=draft, spec=spec, problems=warnings)
        return self._translated(built, spec, settings, base_model)

    def _limits(self, draft: Draft, spec: JobSpec) -> tuple[Problem, ...]:
        """What the table of base models and the data's traits say against the spec."""
        datasets = {"training_file": spec.training, "validation_file": spec.validation}
        facts = {field: self._data.facts(data) for field, data in datasets.items()}
        known = {field: found for field, found in facts.items() if found is not None}
        problems = [
            replace(draft.problem(o.path, o.message, o.hint), severity=o.severity)
            for o in objections(spec, known)
        ]
        overlap = self._data.overlap(spec.training, spec.validation)
        return (*problems, *([overlap] if overlap else []))

    def _translated(
        self, built: Built, spec: JobSpec, settings: ProviderSettings, base_model: str | None
    ) -> Built:
        """The spec with what becomes of it at its provider, unless its data cannot be converted."""
        rooted = replace(spec, model=base_model)
        conversion = providers.conversion(rooted, settings)
        reserved = providers.reserves_words(rooted, settings)
        problems = self._data.conversion_problems(
            (spec.training, spec.validation), conversion, nova=reserved
        )
        if problems:
            return replace(built, spec=None, problems=(*built.problems, *problems))
        missing = providers.unready(spec, settings)
        translated = replace(
            spec,
            conversion=conversion,
            translation=providers.translation(rooted, settings),
            unready=missing.message if missing else "",
            unready_hint=missing.hint if missing else "",
        )
        return replace(built, spec=translated)

    def _provider(self, draft: Draft, problems: list[Problem]) -> ProviderSettings | None:
        name, known = draft.spec.get("provider"), self._config.providers
        if not isinstance(name, str):
            return None
        if name in known:
            return known[name]
        closest = self._suggestions.closest(name, known)
        meant = f" (did you mean {closest}?)" if closest else ""
        hint = f"the providers are {', '.join(sorted(known))}; others go into reconciler.yaml"
        message = f"provider {name} is not configured{meant}"
        problems.append(draft.problem(("spec", "provider"), message, hint))
        return None

    def _datasets(
        self, draft: Draft, base: BaseModel | None, problems: list[Problem]
    ) -> tuple[Dataset | None, Dataset | None]:
        how = counting(base, self._config.root) if self._to_count else None
        training = self._data.dataset(draft, "training_file", problems, how)
        validation = self._data.dataset(draft, "validation_file", problems)
        if training and validation and _same(training, validation):
            message = "validation_file is the same data as training_file"
            hint = "hold back examples that training does not see, or leave it out"
            problems.append(draft.problem(("spec", "validation_file"), message, hint))
        return training, validation

    def _spec(
        self,
        draft: Draft,
        settings: ProviderSettings,
        training: Dataset,
        validation: Dataset | None,
    ) -> JobSpec:
        spec = draft.spec
        method = _method(spec)
        section = _without_nulls((spec.get("method") or {}).get(method) or {})
        older = spec.get("hyperparameters")
        hyperparameters = older if older is not None else section.get("hyperparameters", {})
        model = spec["model"]
        return JobSpec(
            namespace=self._config.namespace,
            name=draft.name,
            provider=settings.name,
            provider_type=settings.type,
            model=model if isinstance(model, str) else None,
            model_from=draft.upstream,
            method=method,
            hyperparameters=_decided(hyperparameters),
            method_options={k: v for k, v in section.items() if k != "hyperparameters"},
            top_level_hyperparameters=older is not None,
            training=training,
            validation=validation,
            suffix=spec.get("suffix"),
            seed=spec.get("seed"),
            integrations=tuple(_without_nulls(spec.get("integrations") or ())),
            metadata=dict(spec.get("metadata") or {}),
            section=_without_nulls(spec.get(settings.type) or {}),
            attempt=spec.get("attempt") or 0,
            retry_limit=(spec.get("retry") or {}).get("limit") or 0,
            deadline=duration(spec["deadline"]) if spec.get("deadline") else None,
            previous_names=draft.previous_names,
            suspend=spec.get("suspend") or False,
            deletion_policy=spec.get("deletion_policy") or "orphan",
            labels=dict(draft.document.value["metadata"].get("labels") or {}),
            source=Source(path=draft.file.name, line=draft.document.line, commit=self._commit),
        )


def _of_other_types(draft: Draft, settings: ProviderSettings) -> list[Problem]:
    """What the schema cannot know: sections of another provider's type."""
    return [
        draft.problem(
            ("spec", name),
            f"spec.{name} is for providers of type {name},"
            f" and {settings.name} is of type {settings.type}",
            "remove it: nothing in a spec is ignored",
            key=True,
        )
        for name in SECTIONS
        if name != settings.type and draft.spec.get(name) is not None
    ]


def _elsewhere(known: Iterable[Problem], more: Iterable[Problem]) -> list[Problem]:
    """Those of `more` at places where nothing is known to be wrong yet: one mistake, one line."""
    taken = {(problem.file, problem.line, problem.column) for problem in known}
    return [
        problem for problem in more if (problem.file, problem.line, problem.column) not in taken
    ]


def _method(spec: Mapping[str, Any]) -> str:
    method = spec.get("method") or {}
    return str(method.get("type", "supervised"))


def _decided(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is left to the provider: "auto" and nothing are the same."""
    return {k: v for k, v in hyperparameters.items() if v is not None and v != "auto"}


def _without_nulls(value: Any) -> Any:
    """A copy in which an omitted member and a null one are the same, at every depth."""
    match value:
        case str() | int():
            return value
        case Mapping():
            return {k: _without_nulls(v) for k, v in value.items() if v is not None}
        case list() | tuple():
            return [_without_nulls(item) for item in value]
        case _:
            return value


def _same(training: Dataset, validation: Dataset) -> bool:
    if training.sha256 or validation.sha256:
        return training.sha256 == validation.sha256
    return training.reference == validation.reference


_UNUSABLE = Dataset()
"""Stands for data with a problem, so that the rest of its spec can be checked in the same run."""
