"""The effects: OpenAI's fine-tuning API, and every server that speaks it, as a `Provider`.

`providers.connect` makes one per account. It translates through `wire`, reads through `listing`,
uploads through `files`, deletes through `models`, and classifies refusals through `refusals`. It
must never send a create twice, take an answer it does not understand for "there is none", or keep
anything between runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from reconciler.config import OpenAISettings
from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import Checkpoint, Event, FileRef, Job, JobStatus, MetricPoint
from reconciler.providers.answers import Answer, NoAnswer, Refused
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.http import Http, segment
from reconciler.providers.openai import metrics, stamp, wire
from reconciler.providers.openai.account import Account
from reconciler.providers.openai.files import Files
from reconciler.providers.openai.listing import PAGE, entries
from reconciler.providers.openai.models import Models
from reconciler.providers.openai.refusals import SURELY_REFUSED, rejection, surely_none

JOBS = "/fine_tuning/jobs"

_PAGED = ("limit", str(PAGE))
_NOT_FOUND = 404
_OWN_JOBS = "ftjob-"
_OVER = tuple(status for status in JobStatus if status.terminal)
_GOING_ON = (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)


class OpenAIProvider:
    """One account at one OpenAI-shaped server. See `Provider` for every method's contract."""

    def __init__(self, account: Account, *, sleep: Callable[[float], None]) -> None:
        self._account = account
        self._settings: OpenAISettings = account.settings
        self._http = Http(account.endpoint, sleep=sleep)
        self._files = Files(self._http, self.name, self._settings.api_key_env)
        self._models = Models(self._http, self.name)

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self._settings.name

    @property
    def scope(self) -> str:
        """See `Provider.scope`."""
        return self._account.scope

    @property
    def grace(self) -> float:
        """See `Provider.grace`: OpenAI takes no idempotency key, so only its list can tell."""
        return self._settings.creation_grace

    @property
    def lists_stamps(self) -> bool:
        """See `Provider.lists_stamps`: a suffix may only show once the model has its name."""
        return not stamp.in_suffix(self._settings)

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        """See `Provider.find`.

        Asks for jobs by their metadata and checks the answer: servers exist that ignore the
        filter, and then send every job, and some that refuse it.
        """
        raw = self._carrying(token)
        unclear = [job for job in self._unclear(raw) if str(job.get("id")) not in known]
        if unclear:
            raise ProviderUnavailable(
                f"{self.name} does not show what job {unclear[0].get('id')} was created for, so it"
                f" cannot be told whether {token} exists",
                hint=self._unclear_hint(),
            )
        oldest_first = map(wire.job, reversed(raw))
        found = [job for job in oldest_first if job and job.stamp in (token, stamp.short(token))]
        return tuple(sorted(found, key=lambda job: job.created_at or 0))

    def get(self, job_id: str) -> Job | None:
        """See `Provider.get`. Not every 404 is a "no": see `surely_none`."""
        try:
            answer = self._http.ask("GET", _path(job_id))
        except Refused as error:
            if surely_none(error.refused):
                return None
            raise
        return self._understood(answer)

    def list(self) -> Iterator[Job]:
        """See `Provider.list`."""
        return filter(None, map(wire.job, entries(self._http, JOBS, [_PAGED])))

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        """See `Provider.upload`."""
        return self._files.upload(file, known)

    def create(self, request: CreateRequest) -> Job:
        """See `Provider.create`. One POST on a connection of its own; no try is a second one."""
        content = self._content(request)
        try:
            return self._created(request, content)
        except CreateRejected:
            self._files.forget((request.training, request.validation))
            raise
        except CreateOutcomeUnknown:
            raise
        except Exception as error:
            raise self._unknown(request, f"{type(error).__name__} on the way") from error

    def cancel(self, job_id: str) -> Job:
        """See `Provider.cancel`. What a refusal means, the job itself tells: it may be over."""
        return self._told_to(job_id, "cancel", _OVER)

    def pause(self, job_id: str) -> Job:
        """See `Provider.pause`. What a refusal means, the job itself tells."""
        self._refuse_foreign(job_id, "pause")
        return self._told_to(job_id, "pause", (JobStatus.PAUSED,))

    def resume(self, job_id: str) -> Job:
        """See `Provider.resume`. What a refusal means, the job itself tells."""
        self._refuse_foreign(job_id, "resume")
        return self._told_to(job_id, "resume", _GOING_ON)

    def delete_model(self, model: str) -> bool:
        """See `Provider.delete_model`."""
        return self._models.delete(model)

    def events(self, job_id: str) -> Iterator[Event]:
        """See `Provider.events`."""
        return map(wire.event, entries(self._http, _path(job_id, "/events"), [_PAGED]))

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """See `Provider.checkpoints`."""
        try:
            raw = tuple(entries(self._http, _path(job_id, "/checkpoints"), [_PAGED]))
        except Refused as error:
            if error.refused.status == _NOT_FOUND:
                return ()
            raise
        found = [checkpoint for checkpoint in map(wire.checkpoint, raw) if checkpoint]
        return tuple(sorted(found, key=lambda checkpoint: checkpoint.step, reverse=True))

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        """See `Provider.metrics`. Until there is a result file, the job's events have the curve."""
        for file_id in job.result_files:
            try:
                points = metrics.from_file(self._files.content(file_id))
            except Refused as error:
                if error.refused.status != _NOT_FOUND:
                    raise
                continue
            if points:
                return points
        return metrics.from_events(self.events(job.id))

    def close(self) -> None:
        """See `Provider.close`."""
        self._http.close()

    @property
    def files(self) -> Files:
        """The account's files, for whoever tidies up after jobs."""
        return self._files

    def _told_to(self, job_id: str, verb: str, done: Collection[JobStatus]) -> Job:
        """Say something to a job and see how it stands. Saying it twice does no harm.

        A job that has one of the statuses `done` needs no telling: a refusal is none then.
        """
        try:
            answer = self._http.ask("POST", _path(job_id, f"/{verb}"))
        except ProviderUnavailable as error:
            job = self.get(job_id)
            if job is not None and job.status in done:
                return job
            if not isinstance(error, Refused):
                raise
            gone = "" if job else f"{self.name} has no job {job_id}: "
            raise ProviderError(f"{gone}{error.message}") from None
        job = wire.job(answer.document()) or self.get(job_id)  # gateways answer with {}
        if job is None:
            raise ProviderError(f"{self.name} has no job {job_id}")
        return job

    def _refuse_foreign(self, job_id: str, verb: str) -> None:
        """Raise ProviderError for a job that is another provider's, behind a gateway.

        Portkey's, as of 2026-11, stops a job of Bedrock's and deletes one of Fireworks' when it is
        asked to pause or resume it; ids of OpenAI's and Azure's own jobs have a beginning of
        their own.
        """
        if not job_id.startswith(_OWN_JOBS):
            raise ProviderError(
                f"{self.name} cannot {verb} {job_id}: it is no job of OpenAI's own",
                hint=f"a gateway may stop or delete it instead; {verb} it at the provider that"
                " runs it",
            )

    def _carrying(self, token: str) -> tuple[Mapping[str, Any], ...]:
        """The jobs among which the token's must be, as the server shows them."""
        if self.lists_stamps:
            asked = (f"metadata[{stamp.TOKEN_KEY}]", token)
            try:
                return tuple(entries(self._http, JOBS, [_PAGED, asked]))
            except Refused as error:
                if error.refused.status not in (400, 422):
                    raise
        return tuple(entries(self._http, JOBS, [_PAGED]))

    def _unclear(self, raw: Collection[Mapping[str, Any]]) -> Collection[Mapping[str, Any]]:
        """Jobs that carry no stamp and do not show where it would be.

        A server that shows any job's metadata keeps metadata: the jobs without it have none.
        """
        unstamped = [job for job in raw if stamp.read(job) is None]
        if stamp.in_suffix(self._settings):
            return [job for job in unstamped if not stamp.shows_suffix(job)]
        if any(stamp.shows_metadata(job) for job in raw):
            return []
        return unstamped

    def _unclear_hint(self) -> str:
        if stamp.in_suffix(self._settings):
            return "tie that job to its spec with `reconcile adopt`"
        return (
            f"if this server drops metadata, set providers.{self.name}.stamp to suffix; if the job"
            " belongs to a spec, tie it with `reconcile adopt`"
        )

    def _understood(self, answer: Answer) -> Job:
        job = wire.job(answer.document())
        if job is None:
            raise ProviderUnavailable(f"{self.name} answered {answer.where} with what is no job")
        return job

    def _content(self, request: CreateRequest) -> bytes:
        """The bytes of a create. Nothing has been sent if there can be none."""
        try:
            body = wire.create_body(request, self._settings, self._account.extra_body)
            return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except Exception as error:
            raise CreateRejected(
                f"{request.spec.name} cannot be written as JSON: {type(error).__name__}",
                remedy=Remedy.FIX_SPEC,
                hint="look for text that is no text and numbers that are no numbers",
            ) from error

    def _created(self, request: CreateRequest, content: bytes) -> Job:
        json_ = {"Content-Type": "application/json"}
        try:
            answer = self._http.send("POST", JOBS, content=content, headers=json_)
        except NoAnswer as error:
            if error.sent:
                raise self._unknown(request, error.message) from None
            raise error.rejected() from None
        if answer.ok:
            job = wire.job(answer.document())
            if job is None:
                raise self._unknown(request, f"{answer.status} without a job id")
            return job
        refused = self._http.refusal(answer)
        if refused.status not in SURELY_REFUSED:
            raise self._unknown(request, self._http.words(answer, refused))
        raise rejection(
            refused,
            self.name,
            self._settings.api_key_env,
            openai=stamp.is_openai(self._settings),
        )

    def _unknown(self, request: CreateRequest, reason: str) -> CreateOutcomeUnknown:
        return CreateOutcomeUnknown(
            f"{self.name} may or may not have created {request.spec.token}: {reason}",
            hint="it is looked for by its token before anything is sent again",
        )


def _path(job_id: str, tail: str = "") -> str:
    return f"{JOBS}/{segment(job_id)}{tail}"
