"""Providers that do not answer, and how long each is left alone.

`cli` connects the providers of a watched session through `Outages.connected`; the loop closes the
books after every pass. A provider that failed a whole pass is not asked again before its rest is
over: each pass meanwhile hears what was heard last, and holds its specs. The others are asked as
ever. A provider without its key is shown in the same way, and stops nobody else.

It calls nobody by itself and never repeats a create.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler import schedule
from reconciler.errors import (
    ConfigError,
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import Checkpoint, Event, FileRef, Job, MetricPoint
from reconciler.providers.base import CreateRequest, LocalFile, Provider

T = TypeVar("T")

_AGAIN = (Remedy.RETRY_NOW, Remedy.FIX_ACCOUNT)
"""Refusals of a create that a later pass repeats, and that a loop repeats ever more seldom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A provider that does not answer. `retry_at` in unix seconds; None waits for a change."""

    provider: str
    message: str
    hint: str = ""
    failures: int = 0
    retry_at: float | None = None


class Outages:
    """The books on every provider of one session. `clock` gives unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._books: dict[str, _Book] = {}

    def connected(self, connect: Callable[[str], Provider]) -> Callable[[str], Provider]:
        """`connect`, with every provider under watch. It raises nothing for a missing key."""

        def watched(name: str) -> Provider:
            book = self._books.setdefault(name, _Book(name=name, clock=self._clock))
            try:
                return _Watched(connect(name), book)
            except ConfigError as error:
                book.missing = error
                return _Watched(None, book)

        return watched

    def close_pass(self) -> None:
        """Judge what the pass has met with: who failed rests, who answered is back."""
        for book in self._books.values():
            book.close_pass()

    def ask_again(self) -> None:
        """End every rest: somebody wants to know now. The count of failures stays."""
        for book in self._books.values():
            book.until = 0.0

    def forget(self) -> None:
        """Begin anew, for a session that begins anew."""
        self._books.clear()

    @property
    def away(self) -> tuple[Outage, ...]:
        """Who does not answer now, by name."""
        books = (self._books[name] for name in sorted(self._books))
        return tuple(outage for book in books if (outage := book.outage))

    @property
    def next_try(self) -> float | None:
        """When the first rest is over, in unix seconds; None if nobody rests."""
        return min((o.retry_at for o in self.away if o.retry_at is not None), default=None)


@dataclass(slots=True, kw_only=True)
class _Book:
    """What is known of one provider. Written from several threads, one word at a time."""

    name: str
    clock: Callable[[], float]
    failures: int = 0
    until: float = 0.0
    error: ProviderError | None = None
    missing: ConfigError | None = None
    answered: bool = False
    failed: bool = False
    spoilt: bool = False
    refusals: dict[str, int] = field(default_factory=dict)

    @property
    def outage(self) -> Outage | None:
        if self.missing is not None:
            return Outage(provider=self.name, message=self.missing.message, hint=self.missing.hint)
        if not self.failures or self.error is None:
            return None
        return Outage(
            provider=self.name,
            message=self.error.message,
            hint=self.error.hint,
            failures=self.failures,
            retry_at=self.until,
        )

    def admit(self) -> None:
        """Let a question through, or answer it with what was heard last."""
        if self.missing is not None:
            raise ProviderAuthError(self.missing.message, hint=self.missing.hint)
        if self.error is not None and self.clock() < self.until:
            raise type(self.error)(self.error.message, hint=self.error.hint)

    def close_pass(self) -> None:
        if self.spoilt or (self.failed and not self.answered):
            self.failures += 1
            self.until = self.clock() + schedule.rest(self.name, self.failures)
        elif self.answered:
            self.failures, self.until, self.error = 0, 0.0, None
        self.answered = self.failed = self.spoilt = False

    def refused(self, token: str, error: CreateRejected) -> CreateRejected:
        """The same refusal, to be repeated the more seldom the more often it has come."""
        if error.remedy not in _AGAIN:
            return error
        times = self.refusals[token] = self.refusals.get(token, 0) + 1
        if times == 1:
            return error
        return CreateRejected(
            error.message,
            remedy=error.remedy,
            code=error.code,
            retry_after=max(error.retry_after or 0.0, schedule.rest(token, times + 2)),
            hint=error.hint,
        )


class _Watched:
    """A Provider whose failures are written down, and that is not asked while it rests."""

    def __init__(self, provider: Provider | None, book: _Book) -> None:
        self._provider = provider
        self._book = book

    @property
    def name(self) -> str:
        return self._book.name

    @property
    def scope(self) -> str:
        return self._provider.scope if self._provider else ""

    @property
    def grace(self) -> float:
        return self._provider.grace if self._provider else 0.0

    @property
    def lists_stamps(self) -> bool:
        return self._provider.lists_stamps if self._provider else False

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        return self._looking(lambda: self._asked.find(token, known))

    def get(self, job_id: str) -> Job | None:
        return self._looking(lambda: self._asked.get(job_id))

    def list(self) -> Iterator[Job]:
        self._book.admit()
        try:
            for job in self._asked.list():
                self._book.answered = True
                yield job
        except (ProviderUnavailable, ProviderAuthError) as error:
            self._book.error, self._book.failed = error, True
            raise
        self._book.answered = True

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        return self._sending(lambda: self._asked.upload(file, known))

    def create(self, request: CreateRequest) -> Job:
        token = request.spec.token
        try:
            job = self._sending(lambda: self._asked.create(request))
        except CreateRejected as error:
            raise self._book.refused(token, error) from error
        self._book.refusals.pop(token, None)
        return job

    def cancel(self, job_id: str) -> Job:
        return self._sending(lambda: self._asked.cancel(job_id))

    def pause(self, job_id: str) -> Job:
        return self._sending(lambda: self._asked.pause(job_id))

    def resume(self, job_id: str) -> Job:
        return self._sending(lambda: self._asked.resume(job_id))

    def delete_model(self, model: str) -> bool:
        return self._sending(lambda: self._asked.delete_model(model))

    def events(self, job_id: str) -> Iterator[Event]:
        self._book.admit()
        yield from self._asked.events(job_id)

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        self._book.admit()
        return self._asked.checkpoints(job_id)

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        self._book.admit()
        return self._asked.metrics(job)

    def close(self) -> None:
        if self._provider is not None:
            self._provider.close()

    @property
    def _asked(self) -> Provider:
        if self._provider is None:
            raise ProviderUnavailable(f"{self._book.name} is not connected")
        return self._provider

    def _looking(self, call: Callable[[], T]) -> T:
        self._book.admit()
        try:
            answer = call()
        except (ProviderUnavailable, ProviderAuthError) as error:
            self._book.error, self._book.failed = error, True
            raise
        self._book.answered = True
        return answer

    def _sending(self, call: Callable[[], T]) -> T:
        """What goes wrong here counts even if the provider answers to looking: it costs more."""
        try:
            return call()
        except (ProviderUnavailable, ProviderAuthError, CreateOutcomeUnknown) as error:
            self._book.error, self._book.spoilt = _as_outage(error), True
            raise


def _as_outage(error: ProviderError) -> ProviderError:
    """What to hear of it while it rests: a lost answer to a create is no answer to a look."""
    if isinstance(error, CreateOutcomeUnknown):
        return ProviderUnavailable(error.message, hint=error.hint)
    return error
