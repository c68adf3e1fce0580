"""Wrong variants of the product, each a mistake that somebody made once or could make.

The matrix has to find a schedule that costs money, or never ends, for every one of them. A mutant
is the product with one thing changed: by a subclass of its process, or by a patch of one name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from reconciler import observe
from reconciler.apply import Hands
from reconciler.engine import Desired, Request
from reconciler.errors import CreateOutcomeUnknown, CreateRejected, Remedy
from reconciler.model import Action, Binding, Job, Observation, Plan, Reason, Record, State
from reconciler.plan import plan
from reconciler.providers.base import CreateRequest
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_record, with_records, without_record
from reconciler.steps import Circumstances
from tests.crash.world import Process, Store
from tests.fakes import MemoryStore

Patching = Callable[[pytest.MonkeyPatch], None]


def _unpatched(_: pytest.MonkeyPatch) -> None:
    """Everything stays as it is."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is wrong, as a sentence, and how it is done."""

    name: str
    process: type[Process] = Process
    patch: Patching = _unpatched

    @contextmanager
    def alive(self) -> Iterator[None]:
        """For as long as it lasts, the product is this one."""
        with pytest.MonkeyPatch.context() as patch:
            self.patch(patch)
            yield


class _Around:
    """A provider whose create is another; all else is passed on."""

    def __init__(self, provider: Any, create: Callable[[Any, CreateRequest], Job]) -> None:
        self._provider = provider
        self._create = create

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def create(self, request: CreateRequest) -> Job:
        return self._create(self._provider, request)


def _creating(create: Callable[[Any, CreateRequest], Job]) -> type[Process]:
    class Mutated(Process):
        def provider(self, name: str) -> Any:
            return _Around(Process.provider(self, name), create)

    return Mutated


def _taken_for(remedy: Remedy) -> Callable[[Any, CreateRequest], Job]:
    def create(provider: Any, request: CreateRequest) -> Job:
        try:
            return provider.create(request)  # type: ignore[no-any-return]  # the fake's own job
        except CreateOutcomeUnknown as error:
            raise CreateRejected(error.message, remedy=remedy) from None

    return create


def _repeated(provider: Any, request: CreateRequest) -> Job:
    try:
        return provider.create(request)  # type: ignore[no-any-return]  # the fake's own job
    except CreateOutcomeUnknown:
        return provider.create(request)  # type: ignore[no-any-return]  # the fake's own job


class _NoGrace(Process):
    def grace(self) -> dict[str, float]:
        return {}


class _RandomToken(Process):
    def desired(self, request: Request) -> Desired:
        asked_for = Process.desired(self, request)
        stamped = tuple(
            replace(spec, token=f"{spec.name}-{next(_NUMBERS):016x}") for spec in asked_for.specs
        )
        return replace(asked_for, specs=stamped)


class _GraceFromTheBeginning(Process):
    def hands(self, ledger: Ledger) -> Hands:
        hands = Process.hands(self, ledger)
        return replace(hands, clock=lambda: hands.begun)


class _LooksAreDatedLate(Process):
    def _circumstances(
        self, request: Request, looked_at: float, *, complete: bool
    ) -> Circumstances:
        del looked_at
        return Process._circumstances(self, request, self.clock(), complete=complete)


class _SavesAfterThePost(Process):
    """What should be written ahead is kept back until the create has ended, however it did."""

    def hands(self, ledger: Ledger) -> Hands:
        hands = Process.hands(self, ledger)

        def create(provider: Any, request: CreateRequest) -> Job:
            try:
                return provider.create(request)  # type: ignore[no-any-return]  # the fake's own job
            except Exception:
                ledger.commit(lambda state: with_records(state, _KEPT_BACK))
                raise
            finally:
                _KEPT_BACK.clear()

        return replace(hands, provider=lambda name: _Around(hands.provider(name), create))


_NUMBERS = itertools.count(1)
_KEPT_BACK: list[Record] = []


def _not_ahead(state: State, record: Record) -> State:
    return state if record.binding is Binding.PENDING else with_record(state, record)


def _kept_back(state: State, record: Record) -> State:
    if record.binding is Binding.PENDING:
        _KEPT_BACK.append(record)
        return state
    return with_record(state, record)


def _by_name(state: State, record: Record) -> State:
    for other in list(state.records.values()):
        if other.name == record.name and other.token != record.token:
            state = without_record(state, other.token)
    return with_record(state, record)


def _without_looking(look: Any, question: observe.Question) -> tuple[Job, ...]:
    if question.job_id is None:
        return ()
    job = look.provider.get(question.job_id)
    return (job,) if job else ()


def _unanswered_is_nothing(*asked: Any, **keywords: Any) -> dict[str, Observation]:
    seen = _OBSERVE(*asked, **keywords)
    return {token: Observation() if look.error else look for token, look in seen.items()}


def _missing_is_created(*given: Any) -> Plan:
    decided = plan(*given)
    return replace(decided, steps=tuple(map(_created_if_missing, decided.steps)))


def _created_if_missing(step: Any) -> Any:
    if step.reason is not Reason.JOB_MISSING:
        return step
    return replace(step, action=Action.CREATE, job=None, base_model=step.spec.model)


def _nothing_new(*_: Any) -> None:
    """Nobody looks."""


def _last_writer_wins(store: Store, state: State, expected: str) -> str:
    del expected
    store.seam.at("before", "save")
    version = MemoryStore.write(store, state, store._version())
    store.seam.at("after", "save")
    return version


_OBSERVE = observe.observe


def _set(name: str, value: Any) -> Patching:
    return lambda patch: patch.setattr(name, value)


MUTANTS = (
    Mutant("no grace", _NoGrace),
    Mutant("an ambiguous answer is a failure to repeat", _creating(_taken_for(Remedy.RETRY_NOW))),
    Mutant("an unknown answer is a refusal for good", _creating(_taken_for(Remedy.FIX_SPEC))),
    Mutant("a create is repeated when its answer is lost", _creating(_repeated)),
    Mutant("a token made up anew in every run", _RandomToken),
    Mutant("nothing is written ahead", patch=_set("reconciler.apply.with_record", _not_ahead)),
    Mutant(
        "the intention is saved after the POST",
        _SavesAfterThePost,
        _set("reconciler.apply.with_record", _kept_back),
    ),
    Mutant(
        "nobody looks before a create",
        patch=_set("reconciler.observe._Look._jobs", _without_looking),
    ),
    Mutant(
        "a missing job is created again", patch=_set("reconciler.engine.plan", _missing_is_created)
    ),
    Mutant(
        "no answer counts as nothing there",
        patch=_set("reconciler.observe.observe", _unanswered_is_nothing),
    ),
    Mutant("the state is keyed by name", patch=_set("reconciler.apply.with_record", _by_name)),
    Mutant("the grace counts from the beginning of the pass", _GraceFromTheBeginning),
    Mutant(
        "a look counts from when it ended, and nobody looks again before the POST",
        _LooksAreDatedLate,
        _set("reconciler.apply._appeared", _nothing_new),
    ),
    Mutant(
        "of two writers the last one wins",
        patch=_set("tests.crash.world.Store.write", _last_writer_wins),
    ),
)
