"""One pass through the house, and the only place that names the order of its stops:

    specs -> state -> observe -> plan -> apply -> status

`cli` and `watch` call it; `plan`, `apply` and `watch` are the same pass with a different last step.
It never sleeps and never retries a pass: whoever calls it decides when to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from reconciler import estimates, observe, retries, schedule, selection, status
from reconciler.apply import Hands, apply
from reconciler.config import Config
from reconciler.errors import ConfigError, Problem, SpecError
from reconciler.model import (
    Action,
    Binding,
    JobSpec,
    Observation,
    Outcome,
    Plan,
    Reason,
    Record,
    Result,
    State,
    Step,
    Tell,
)
from reconciler.orphans import age
from reconciler.plan import plan
from reconciler.policy import Policy, enforce
from reconciler.providers.base import Provider
from reconciler.state.base import LockOwner, StateStore
from reconciler.state.commit import Ledger
from reconciler.steps import Circumstances, on_record
from reconciler.uploads import Uploads, nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one pass is asked to do.

    `paths`, files and folders or names of specs, and `labels` (`key` or `key=value`) narrow it to
    some specs; empty means all. `tolerant`: specs with problems are left out instead of stopping
    the others. `refresh_only` leaves creates and cancels to another pass. `exact` counts every
    token. `max_creates` and `max_cost_usd` only lower what the repository's policy allows.
    """

    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    refresh: bool = False
    refresh_only: bool = False
    offline: bool = False
    prune: bool = False
    hold_unknown: bool = False
    tolerant: bool = False
    exact: bool = False
    max_creates: int | None = None
    max_cost_usd: float | None = None

    @property
    def selective(self) -> bool:
        """Whether some specs are left out on purpose."""
        return bool(self.paths or self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What a pass is about: specs, and the problems of those that a tolerant one left out."""

    specs: tuple[JobSpec, ...]
    problems: tuple[Problem, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass found, decided and did.

    `sidecars` are the files it wrote, `problems` those of the specs that it left out. `creates`
    says whether a pass like it would create what is due.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    specs: tuple[JobSpec, ...]
    state: State
    sidecars: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    creates: bool = True

    @property
    def current(self) -> tuple[Record, ...]:
        """The records of what the specs ask for now."""
        found = (self.state.records.get(spec.token) for spec in self.specs)
        return tuple(record for record in found if record is not None)

    @property
    def settled(self) -> bool:
        """Whether nothing that the specs ask for goes on by itself."""
        again = self.creates and any(self._follows(spec) for spec in self.specs)
        return not again and not schedule.open_records(self.current)

    def _follows(self, spec: JobSpec) -> bool:
        """Whether another attempt of this spec is due, now or later."""
        held = any(step.token == spec.token for step in self.plan.of(Action.HOLD))
        due = bool(spec.retry) and spec.token not in self.state.records and not held
        return due or retries.due_at(spec, self.state) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """A repository, its state and its providers, ready to be passed through.

    `connect` makes the adapter of a provider's name and raises ConfigError where its key is
    missing; it is called at most once per name, and only for providers a pass has to ask.
    `clock` gives unix seconds. `owner` signs the lock. `commit` is what the specs are at in git.
    `reading`, `counting` and `sending` are told how far each of these has got with data.
    """

    config: Config
    store: StateStore
    connect: Callable[[str], Provider]
    clock: Callable[[], float]
    owner: LockOwner
    commit: Callable[[], str | None] = lambda: None
    sandbox: bool = False
    reading: Tell | None = None
    counting: Tell | None = None
    sending: Tell = nobody
    _providers: dict[str, Provider] = field(default_factory=dict)

    def load(self, paths: Sequence[str] = ()) -> tuple[JobSpec, ...]:
        """The first stop. Raises SpecError with every problem of every file."""
        return self.desired(Request(paths=tuple(paths))).specs

    def desired(self, request: Request) -> Desired:
        """The specs that a request is about. Raises SpecError, unless it is tolerant."""
        loaded = selection.load(
            self.config,
            request.paths,
            request.labels,
            self.commit(),
            self.reading,
            to_count=not (request.tolerant or request.exact),
        )
        if not request.tolerant:
            loaded.valid()
        return Desired(
            specs=loaded.specs,
            problems=loaded.problems,
            complete=not request.selective and not loaded.errors,
        )

    def plan(self, request: Request) -> Plan:
        """What a pass would do. Changes nothing and takes no lock."""
        return self.decide(self.desired(request), self.store.read().state, request)

    def run_once(
        self, request: Request, *, approve: Callable[[Plan], None] = lambda _: None
    ) -> PassResult:
        """One whole pass. `approve` sees the plan before anything is called and may raise.

        Raises SpecError, PolicyError, StateError and ConfigError before anything is created; what
        single jobs meet with is in the outcomes.
        """
        desired = self.desired(request)
        with self.store.lock(self.owner):
            snapshot = self.store.read()
            ledger = Ledger(self.store, snapshot)
            hands = self.hands(ledger)
            decided = self.decide(desired, snapshot.state, request)
            self.enforce(decided, request)
            approve(decided)
            outcomes = self._look_again(apply(decided, hands), hands)
            current = self.current(desired.specs, ledger.state)
            written = self._write_sidecars(current, ledger.state, decided)
            return PassResult(
                plan=decided,
                outcomes=outcomes,
                specs=current,
                state=ledger.state,
                sidecars=written,
                problems=desired.problems,
                creates=not request.refresh_only,
            )

    def current(self, desired: Sequence[JobSpec], state: State) -> tuple[JobSpec, ...]:
        """The specs, each as the attempt of it that counts now."""
        now = self.clock()
        return tuple(retries.current(spec, state, now) for spec in desired)

    def decide(
        self, desired: Desired, state: State, request: Request, *, priced: bool = True
    ) -> Plan:
        """Observe, plan and price: what these specs need, given this state. Changes nothing."""
        looked_at = self.clock()  # a job that was not there then may show by the time we decide
        current = self.current(desired.specs, state)
        reality: Mapping[str, Observation] = {}
        if not request.offline:
            asked = observe.questions(
                current, state, self.config.namespace, refresh=request.refresh
            )
            if request.selective:
                tokens = {spec.token for spec in current}
                asked = [question for question in asked if question.token in tokens]
            unknown = {q.provider for q in asked} - set(self.config.providers)
            asked = [question for question in asked if question.provider not in unknown]
            reality = observe.observe(asked, state, self.provider)
        circumstances = self._circumstances(request, looked_at, complete=desired.complete)
        decided = plan(current, state, reality, circumstances)
        if request.refresh_only:
            kept = [s for s in decided.steps if s.action not in (Action.CREATE, Action.CANCEL)]
            decided = replace(decided, steps=tuple(kept))
        if not priced:
            return decided
        return estimates.priced(
            decided, self.config.root, exact=request.exact, progress=self.counting
        )

    def enforce(self, decided: Plan, request: Request) -> None:
        """Raise PolicyError if the plan breaks a rule of the repository or of this request."""
        enforce(decided, self.policy(request))

    def policy(self, request: Request) -> Policy:
        """The rules of the repository, with the limits that this request lowers."""
        policy = self.config.policy
        return replace(
            policy,
            max_creates=_lower(policy.max_creates, request.max_creates),
            max_cost_usd=_lower(policy.max_cost_usd, request.max_cost_usd),
        )

    def cancel(self, name: str) -> Outcome:
        """Cancel the running job of a spec's name or of a token.

        Raises ConfigError where there is none, or more than one to choose from.
        """
        with self.store.lock(self.owner):
            snapshot = self.store.read()
            running = [r for r in schedule.open_records(_named(snapshot.state, name)) if r.job]
            if len(running) != 1:
                tokens = ", ".join(record.token for record in running)
                raise ConfigError(
                    f"{len(running) or 'no'} jobs of {name} are running",
                    hint=f"name one of {tokens}" if running else "reconcile status shows what is",
                )
            (record,) = running
            step = on_record(record, Action.CANCEL, Reason.REQUESTED)
            state = snapshot.state
            decided = Plan(steps=(step,), lineage=state.lineage, serial=state.serial)
            (outcome,) = apply(decided, self.hands(Ledger(self.store, snapshot)))
            return outcome

    def record(self, name: str) -> Record:
        """The record of a token, or of what the spec of that name asks for now.

        Raises ConfigError where state knows neither.
        """
        state = self.store.read().state
        found = _named(state, name)
        if not found:
            known = ", ".join(sorted({record.name for record in state.records.values()}))
            raise ConfigError(f"state knows no {name}", hint=f"it knows: {known or 'nothing yet'}")
        if len(found) == 1:
            return found[0]
        try:
            current = {spec.token for spec in self.current(self.load(), state)}
        except SpecError:
            current = set()  # the state can be read though a spec is being edited
        return next((record for record in found if record.token in current), found[0])

    def provider(self, name: str) -> Provider:
        """The adapter of a name, connected on first use."""
        if name not in self._providers:
            self._providers[name] = self.connect(name)
        return self._providers[name]

    def close(self) -> None:
        """Give back every provider's connections."""
        for provider in self._providers.values():
            provider.close()
        self._providers.clear()

    def hands(self, ledger: Ledger) -> Hands:
        """What carrying out a plan needs, with this ledger to write in."""
        return Hands(
            ledger=ledger,
            provider=self.provider,
            clock=self.clock,
            begun=self.clock(),
            uploads=Uploads(self.config.root, tell=self.sending),
        )

    def grace(self) -> dict[str, float]:
        """Seconds of grace by the name of every provider this pass has talked to."""
        return {name: provider.grace for name, provider in self._providers.items()}

    def _circumstances(
        self, request: Request, looked_at: float, *, complete: bool
    ) -> Circumstances:
        return Circumstances(
            now=looked_at,
            namespace=self.config.namespace,
            grace=self.grace(),
            complete=complete,
            offline=request.offline,
            prune=request.prune,
            hold_unknown=request.hold_unknown,
        )

    def _look_again(self, outcomes: tuple[Outcome, ...], hands: Hands) -> tuple[Outcome, ...]:
        """Look once more for what this pass has created, or may have created. It only adopts.

        A create whose answer was lost is never repeated in the pass that lost it. One that was
        answered may have been made by a runner without our state too, in the same seconds: of
        several jobs every runner keeps the oldest and reports the rest.
        """
        looked_at, state = self.clock(), hands.ledger.state
        asked_for = {o.step.token: o for o in outcomes if self._may_be_several(o)}
        specs_ = [o.step.spec for o in asked_for.values() if o.step.spec]
        if not specs_:
            return outcomes
        unbound = {
            token: replace(outcome.record, binding=Binding.PENDING)
            for token, outcome in asked_for.items()
            if outcome.record
        }
        state = replace(state, records={**state.records, **unbound})
        asked = observe.questions(specs_, replace(state, records=unbound), "")
        reality = observe.observe(asked, state, self.provider)
        found = plan(specs_, state, reality, self._circumstances(_SOME, looked_at, complete=False))
        steps = tuple(s for s in found.of(Action.ADOPT) if _is_news(s, asked_for[s.token]))
        adopted = {o.step.token: o for o in apply(replace(found, steps=steps), hands)}
        return tuple(_settled(outcome, adopted.get(outcome.step.token)) for outcome in outcomes)

    def _may_be_several(self, outcome: Outcome) -> bool:
        """Whether a look could show more of what this outcome created than the outcome says."""
        if outcome.result is not Result.CREATED:
            return outcome.result is Result.UNKNOWN
        provider = self.provider(outcome.step.provider)
        return provider.grace > 0 and provider.lists_stamps

    def _write_sidecars(
        self, desired: Sequence[JobSpec], state: State, decided: Plan
    ) -> tuple[Path, ...]:
        steps = {step.token: step for step in decided.steps}
        written = []
        for spec in desired:
            document = status.project(spec, state, steps.get(spec.token), sandbox=self.sandbox)
            path = status.sidecar_path(self.config.root, spec)
            aside = self.config.root / ".reconciler" / "sandbox" / "status" / path.name
            if done := status.write_sidecar(path, document, elsewhere=aside):
                written.append(done)
            written += status.remove_former(path, spec, sandbox=self.sandbox)
        return tuple(written)


def find_spec(desired: Sequence[JobSpec], name: str) -> JobSpec:
    """The spec of that name. Raises ConfigError naming those that exist."""
    for spec in desired:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in desired) or "none"
    raise ConfigError(f"there is no spec named {name}", hint=f"the specs are: {known}")


_Limit = TypeVar("_Limit", int, float)

_SOME = Request()
"""For looking once more at what is in doubt."""


def _lower(one: _Limit | None, other: _Limit | None) -> _Limit | None:
    """The stricter of two limits."""
    return min((limit for limit in (one, other) if limit is not None), default=None)


def _is_news(step: Step, outcome: Outcome) -> bool:
    return outcome.result is Result.UNKNOWN or bool(step.duplicates)


def _settled(outcome: Outcome, adopted: Outcome | None) -> Outcome:
    """The outcome with what looking again has shown. Who made the job that is kept, created it."""
    if adopted is None:
        return outcome
    made, kept = (each.record and each.record.job for each in (outcome, adopted))
    if outcome.result is Result.CREATED and made and kept and made.id == kept.id:
        return replace(adopted, result=Result.CREATED)
    return adopted


def _named(state: State, name: str) -> list[Record]:
    """The record of a token, or all of a spec's name, newest first."""
    if name in state.records:
        return [state.records[name]]
    found = [record for record in state.records.values() if record.name == name]
    return sorted(found, key=age, reverse=True)
