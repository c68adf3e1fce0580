"""Jobs that nobody declared become specs, tied to them: `adopt --discover`.

The verb calls `discover`. It creates no job and overwrites no file. A job is tied in the state
before its spec stands among the specs: whatever stops it in between leaves a tie without a spec,
which costs nothing, and never a spec without its job, which the next apply would pay for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler import specs, yamlio
from reconciler.apply import WORKERS, apply
from reconciler.config import Config
from reconciler.declare import document, spec_name
from reconciler.durable import make_folder, sync, sync_folder
from reconciler.engine import Reconciler
from reconciler.errors import ConfigError, Problem, ProviderAuthError
from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobSpec,
    JobStatus,
    Outcome,
    Plan,
    Reason,
    Result,
    State,
    Step,
)
from reconciler.providers.base import Provider
from reconciler.state.base import Snapshot
from reconciler.state.commit import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """An outcome for every job found: adopted, or held where no spec can say what it is.

    `notes` are lines about what was passed over, and why.
    """

    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()


def discover(
    house: Reconciler, *, provider: str | None = None, into: str | None = None
) -> Discovery:
    """Write a spec for every job without one, at one provider or at all with credentials; tie them.

    `into` is a folder among the specs, relative to the working directory; by default `adopted`
    below the first of `config.specs`. Raises ConfigError where it is no such folder or nobody can
    be asked, SpecError for what is among the specs already, ProviderError for a provider that
    does not answer: then nothing has been written.
    """
    folder = _folder(house.config, into)
    names = _asked(house.config, provider)
    with house.store.lock(house.owner):
        snapshot = house.store.read()
        desired = _declared(house)
        look = _Look(house, snapshot.state, desired)
        for name in names:
            look.at(name, required=provider is not None)
        if look.refused and len(look.refused) == len(names):
            raise ConfigError(
                "no provider has credentials to look with",
                hint="; ".join(look.refused),
            )
        taken = {spec.name for spec in desired} | _names_in(folder)
        taken |= {record.name for record in snapshot.state.records.values()}
        drafts = _drafts(house, look.found, taken)
        outcomes = _tied(house, snapshot, folder, drafts) if drafts else ()
    return Discovery(outcomes=outcomes, notes=look.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A job and the text of the spec that asks for it; or why there is no such text."""

    name: str
    provider: str
    job: Job
    text: str = ""
    why: str = ""


class _Look:
    """The looking at providers, one after the other: jobs to declare, and those passed over."""

    def __init__(self, house: Reconciler, state: State, desired: Iterable[JobSpec]) -> None:
        self._house = house
        bound = [r for r in state.records.values() if r.binding is Binding.BOUND and r.job]
        self._tied = {(r.scope, r.job.id) for r in bound if r.job}
        self._seen: set[tuple[str, str]] = set()
        tokens = {spec.token for spec in desired} | set(state.records)
        self._stamps = tokens | {token[-TOKEN_HASH_LENGTH:] for token in tokens}
        self._skipped: dict[str, Counter[str]] = {}
        self.found: list[tuple[str, Job]] = []
        self.refused: list[str] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """A line per provider that was not asked, or has jobs that were passed over."""
        counted = [
            f"{name}: {counts.total()} passed over:"
            f" {', '.join(f'{count} {why}' for why, count in counts.items())}"
            for name, counts in self._skipped.items()
            if counts
        ]
        return (*(f"not asked: {refusal}" for refusal in self.refused), *counted)

    def at(self, name: str, *, required: bool) -> None:
        """Find the jobs of one provider. Without credentials it is noted, or raises if required."""
        try:
            adapter = self._house.provider(name)
            listed = list(adapter.list())
            scope = adapter.scope if listed else ""
        except (ConfigError, ProviderAuthError) as error:
            if required:
                raise
            self.refused.append(error.message)
            return
        counts = self._skipped.setdefault(name, Counter())
        wanted = []
        for job in listed:
            if why := self._known(job, scope):
                counts[why] += 1
            else:
                wanted.append(job)
            self._seen.add((scope, job.id))
        whole = _whole(adapter, wanted)
        counts["gone while looking"] += len(wanted) - len(whole)
        self._skipped[name] = +counts
        whole.sort(key=lambda job: (job.created_at or 0, job.id))
        self.found += [(name, job) for job in whole]

    def _known(self, job: Job, scope: str) -> str:
        if (scope, job.id) in self._tied:
            return "tied already"
        if (scope, job.id) in self._seen:
            return "shown by another provider of reconciler.yaml"
        if job.stamp in self._stamps:
            return "made for a spec known here"
        if job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            return job.status.value
        return ""


def _whole(adapter: Provider, jobs: list[Job]) -> list[Job]:
    """The jobs with all they show: some providers' lists leave out the data."""
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="discover") as pool:
        shown = pool.map(lambda job: job if job.training_file else adapter.get(job.id), jobs)
        return [job for job in shown if job is not None]


def _drafts(house: Reconciler, found: Iterable[tuple[str, Job]], taken: set[str]) -> list[_Draft]:
    drafts, where = [], " in the sandbox" if house.sandbox else ""
    for provider, job in found:
        name = spec_name(job, taken)
        taken.add(name)
        type_ = house.config.providers[provider].type
        body = document(job, name=name, provider=provider, provider_type=type_)
        origin = "".join(c if c.isprintable() else "?" for c in f"{job.id} at {provider}{where}")
        draft = _Draft(name=name, provider=provider, job=job)
        missing = [field for field in ("model", "training_file") if field not in body["spec"]]
        if missing:
            drafts.append(replace(draft, why=f"{provider} does not show its {missing[0]}"))
            continue
        try:
            text = f"# Written from what {origin} shows; its data is where it was uploaded.\n"
            text += yamlio.dump(body)
            drafts.append(replace(draft, text=text))
        except ValueError as error:
            drafts.append(replace(draft, why=f"it cannot be written as YAML: {error}"))
    return drafts


def _tied(
    house: Reconciler, snapshot: Snapshot, folder: Path, drafts: list[_Draft]
) -> tuple[Outcome, ...]:
    """Gate the drafts, tie those that pass in one commit, then put their files in place."""
    passed, problems = _gated(house, drafts)
    below = folder.relative_to(_root(house.config)).as_posix()
    steps = {d.name: _step(d, passed[d.name], below) for d in drafts if d.name in passed}
    outcomes = {draft.name: _held(draft, problems) for draft in drafts if draft.name not in passed}
    if steps:
        _make(folder)
        state = snapshot.state
        plan = Plan(steps=tuple(steps.values()), lineage=state.lineage, serial=state.serial)
        done = apply(plan, house.hands(Ledger(house.store, snapshot)))
        texts = {draft.name: draft.text for draft in drafts}
        for outcome in done:
            name = outcome.step.name
            outcomes[name] = _written(outcome, folder / f"{name}.yaml", texts[name])
        sync_folder(folder)
    return tuple(outcomes[draft.name] for draft in drafts)


def _gated(
    house: Reconciler, drafts: list[_Draft]
) -> tuple[Mapping[str, JobSpec], Mapping[str, Problem]]:
    """The specs that load, by name, and the first problem of each other.

    They are read where no pass looks: a spec is among the others only once its job is tied to it.
    """
    root = _root(house.config)
    try:
        with TemporaryDirectory(prefix=".reconciler-discover-", dir=root) as staging:
            for draft in drafts:
                if draft.text:
                    (Path(staging) / f"{draft.name}.yaml").write_bytes(draft.text.encode())
            loaded = specs.load(house.config, [staging], commit=house.commit())
    except OSError as error:
        raise ConfigError(
            f"{root} cannot be written to: {error.strerror or error}",
            hint="nothing was tied; run it where the specs may be written",
        ) from None
    problems: dict[str, Problem] = {}
    for problem in loaded.problems:
        problems.setdefault(Path(problem.file).stem, problem)
    return {spec.name: spec for spec in loaded.specs if spec.name not in problems}, problems


def _step(draft: _Draft, spec: JobSpec, below: str) -> Step:
    path = f"{below}/{draft.name}.yaml"
    return Step(
        action=Action.ADOPT,
        reason=Reason.REQUESTED,
        token=spec.token,
        name=spec.name,
        provider=spec.provider,
        spec=replace(spec, source=replace(spec.source, path=path)),
        job=draft.job,
        message=f"{draft.job.id} is declared in {path}",
    )


def _held(draft: _Draft, problems: Mapping[str, Problem]) -> Outcome:
    problem = problems.get(draft.name)
    why = draft.why or (problem.message if problem else "its spec does not load")
    line = draft.text.splitlines()[problem.line - 1 : problem.line] if problem else []
    at = f" (at {line[0].strip()})" if line else ""
    step = Step(
        action=Action.HOLD,
        reason=Reason.REQUESTED,
        token="",  # no spec, hence no token
        name=draft.name,
        provider=draft.provider,
        job=draft.job,
        message=f"{draft.job.id} has no spec that would load: {why}{at}",
        hint=f"write one by hand, then: reconcile adopt NAME {draft.job.id}",
    )
    return Outcome(step=step, result=Result.HELD, message=step.message, hint=step.hint)


def _written(outcome: Outcome, path: Path, text: str) -> Outcome:
    try:
        with path.open("xb") as file:  # never over a file that came while we looked
            file.write(text.encode())
            file.flush()
            sync(file.fileno())
    except OSError as error:
        return replace(
            outcome,
            result=Result.FAILED,
            message=f"{path.name} cannot be written: {error.strerror or error}",
            hint=f"reconcile state rm {outcome.step.token}, then discover again",
        )
    return outcome


def _asked(config: Config, provider: str | None) -> Collection[str]:
    if provider is None:
        return tuple(config.providers)
    if provider not in config.providers:
        known = ", ".join(sorted(config.providers))
        raise ConfigError(f"there is no provider {provider}", hint=f"the providers are {known}")
    return (provider,)


def _declared(house: Reconciler) -> tuple[JobSpec, ...]:
    """The specs there are. A repository that begins with this needs no folder of specs yet."""
    root = _root(house.config)
    if not any((root / folder).exists() for folder in house.config.specs):
        return ()
    return house.load()


def _folder(config: Config, into: str | None) -> Path:
    """The real folder to write to. Raises ConfigError where no pass would find the specs."""
    root = _root(config)
    wanted = root / config.specs[0] / "adopted" if into is None else Path(into).absolute()
    real = Path(os.path.realpath(wanted))
    for place in (Path(os.path.realpath(root / folder)) for folder in config.specs):
        if real.is_relative_to(place) and real.is_relative_to(root):
            hidden = any(part.startswith(".") for part in real.relative_to(place).parts)
            if not hidden and (real.is_dir() or not real.exists()):
                return real
    shown = into or "adopted"
    raise ConfigError(
        f"{shown} is no folder that specs are read from",
        hint=f"a folder below {' or '.join(config.specs)}, none of them hidden",
    )


def _names_in(folder: Path) -> set[str]:
    """The names that files in the folder use up, whatever they are."""
    if not folder.is_dir():
        return set()
    return {path.name.partition(".")[0].lower() for path in folder.iterdir()}


def _make(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise ConfigError(
            f"{folder.name} cannot be made: {error.strerror or error}",
            hint="name another folder with --into",
        ) from None


def _root(config: Config) -> Path:
    return Path(os.path.realpath(config.root))
