"""Ask reality, decide nothing: for each token, what the provider shows, or why we could not look.

`engine` calls it between loading and planning, and once more at the end of a pass. It creates
nothing and changes nothing, so it may be repeated at will. An answer it did not get is an
`Observation` with an error, never an empty one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from reconciler.errors import ProviderAuthError, ProviderUnavailable
from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import Binding, Job, JobSpec, Observation, Record, State
from reconciler.providers.base import Provider

WORKERS = 8
LIST_FROM = 24
"""From so many open tokens on, list pages of jobs cost less than one call each.

A page holds 100 jobs, and 8 calls run side by side: measured at 20 ms a call, 10,000 jobs took
2.4 s by pages and 23.6 s one by one.
"""

FAILURES_UNTIL_GONE = 3
"""So many failures in a row, each after its own retries, and the provider counts as gone."""

_SLACK_SECONDS = 3600
"""How far a provider's clock and ours may differ before a listing stops too early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One token to look for: by the id of its job where that is known, else by the token."""

    token: str
    provider: str
    job_id: str | None = None
    created_at: int | None = None


def questions(
    desired: Sequence[JobSpec], state: State, namespace: str, *, refresh: bool = False
) -> list[Question]:
    """What has to be asked before a plan can be made, each token once.

    A job that is over costs no call, unless `refresh` asks for those the specs want.
    """
    asked = {}
    for spec in desired:
        record = state.records.get(spec.token)
        if record is None:
            asked[spec.token] = Question(token=spec.token, provider=spec.provider)
        elif refresh or not _over(record):
            asked[spec.token] = _question(record)
    for record in state.records.values():
        rejected = record.binding is Binding.REJECTED
        if record.namespace == namespace and not rejected and not _over(record):
            asked.setdefault(record.token, _question(record))
    return list(asked.values())


def observe(
    asked: Iterable[Question],
    state: State,
    provider: Callable[[str], Provider],
    *,
    workers: int = WORKERS,
) -> dict[str, Observation]:
    """An observation for every question. `provider` gives the adapter of a name.

    Raises what `provider` raises (ConfigError for a missing key); everything a provider answers,
    or fails to answer, is in the observations.
    """
    by_provider: dict[str, list[Question]] = defaultdict(list)
    for question in asked:
        by_provider[question.provider].append(question)
    adapters = {name: provider(name) for name in by_provider}
    seen: dict[str, Observation] = {}
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="observe")
    try:
        for name, group in by_provider.items():
            look = _Look(adapters[name], _ids_by_token(state))
            rest = look.by_list(group, seen)
            answers = pool.map(look.one, rest)
            seen.update(zip((question.token for question in rest), answers, strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whoever interrupts us waits for no answer
    return seen


@dataclass(slots=True)
class _Look:
    """The looking at one provider. Once it fails time after time, the rest is not asked."""

    provider: Provider
    ids_by_token: Mapping[str, str]
    failures: list[str] = field(default_factory=list)

    def one(self, question: Question) -> Observation:
        """Ask for one job: a get where its id is known, else a search for its token."""
        if len(self.failures) >= FAILURES_UNTIL_GONE:
            return Observation(error=self.failures[-1])
        try:
            jobs = self._jobs(question)
        except (ProviderUnavailable, ProviderAuthError) as error:
            self.failures.append(str(error))
            return Observation(error=str(error))
        self.failures.clear()
        return Observation(jobs=jobs)

    def _jobs(self, question: Question) -> tuple[Job, ...]:
        if question.job_id is not None:
            job = self.provider.get(question.job_id)
            return (job,) if job else ()
        known = {id_ for token, id_ in self.ids_by_token.items() if token != question.token}
        return self.provider.find(question.token, known)

    def by_list(self, asked: Sequence[Question], seen: dict[str, Observation]) -> list[Question]:
        """Answer from the provider's list where that is cheaper; what is left to ask one by one.

        A token whose job is unknown needs the whole list to be called missing; a job whose age is
        known needs only the pages up to it. What a shortened list did not show is asked for by id.
        """
        bound = [question for question in asked if question.job_id is not None]
        unbound = [question for question in asked if question.job_id is None]
        whole = len(unbound) >= LIST_FROM
        if not self.provider.lists_stamps or not (whole or len(bound) >= LIST_FROM):
            return list(asked)
        ages = [question.created_at for question in bound]
        oldest = None if whole or None in ages else min(age for age in ages if age is not None)
        try:
            found, stamped = self._listed(
                asked, None if oldest is None else oldest - _SLACK_SECONDS
            )
        except (ProviderUnavailable, ProviderAuthError) as error:
            seen.update({question.token: Observation(error=str(error)) for question in asked})
            return []
        seen.update({token: Observation(jobs=tuple(jobs)) for token, jobs in found.items()})
        if whole and stamped:
            seen.update({q.token: Observation() for q in unbound if q.token not in found})
        return [question for question in asked if question.token not in seen]

    def _listed(
        self, asked: Sequence[Question], until: int | None
    ) -> tuple[dict[str, list[Job]], bool]:
        """The jobs by token, and whether the list can be trusted to show stamps.

        A list of jobs none of which shows where a stamp would be is no proof that one is missing:
        `Provider.find` knows what to make of such a server.
        """
        by_id = {question.job_id: question.token for question in asked if question.job_id}
        by_stamp = {question.token: question.token for question in asked}
        by_stamp |= {question.token[-TOKEN_HASH_LENGTH:]: question.token for question in asked}
        found: dict[str, list[Job]] = defaultdict(list)
        bare = shown = False
        for job in self.provider.list():
            visible = job.stamp is not None or job.metadata is not None
            shown, bare = shown or visible, bare or not visible
            token = by_id.get(job.id) or by_stamp.get(job.stamp or "")
            if token is not None:
                found[token].insert(0, job)
            if until is not None and job.created_at is not None and job.created_at < until:
                break
        return found, shown or not bare


def _question(record: Record) -> Question:
    job = record.job if record.binding is Binding.BOUND else None
    return Question(
        token=record.token,
        provider=record.provider,
        job_id=job.id if job else None,
        created_at=job.created_at if job else None,
    )


def _over(record: Record) -> bool:
    bound = record.binding is Binding.BOUND
    return bound and record.job is not None and record.job.status.terminal


def _ids_by_token(state: State) -> dict[str, str]:
    return {record.token: record.job.id for record in state.records.values() if record.job}
