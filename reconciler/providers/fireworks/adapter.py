"""The effects: Fireworks' managed fine-tuning as a `Provider`.

`providers.connect` makes one per account. It translates through `wire`, reads lists through
`listing`, uploads through `datasets`, deletes through `models`, and classifies refusals through
`refusals`. A job's id at Fireworks is the token, so that no second job of a token can be made, and
looking for a token is two reads. It must never send a create twice, delete a job, or let a signed
URL or a key be seen.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config import check_key
from reconciler.errors import (
    ConfigError,
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import Checkpoint, Event, FileRef, Job, JobSpec, JobStatus, MetricPoint
from reconciler.providers import signed_url
from reconciler.providers.answers import Answer, NoAnswer, Refused
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.fireworks import fields, metrics, names, wire
from reconciler.providers.fireworks.account import Account, AccountId, place
from reconciler.providers.fireworks.datasets import Datasets
from reconciler.providers.fireworks.listing import newest_first
from reconciler.providers.fireworks.models import Models
from reconciler.providers.fireworks.names import JobName, Kind
from reconciler.providers.fireworks.refusals import SURELY_REFUSED, rejection
from reconciler.providers.fireworks.wire import StoredModel
from reconciler.providers.http import Http
from reconciler.providers.refusal import Refusal

_JSON = {"Content-Type": "application/json"}
_RECONNECT_SECONDS = 10.0
_NOT_FOUND = 404
_CONFLICT = 409
_TAKEN = "ALREADY_EXISTS"
_CANCEL = ":cancel"
_RESUME = ":resume"
_DONE = {
    _CANCEL: tuple(status for status in JobStatus if status.terminal),
    _RESUME: (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING),
}
"""In which statuses a job has what it is told behind it."""

_CANCELLING = "JOB_STATE_CANCELLING"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Create:
    """A create that is ready to be sent. `secrets` are in its content and nowhere else."""

    name: JobName
    content: bytes = field(repr=False)
    secrets: Collection[str] = field(repr=False)


class FireworksProvider:
    """One account at Fireworks. See `Provider` for every method's contract.

    A job's id is its full name, `accounts/A/supervisedFineTuningJobs/ID` or `…/dpoJobs/ID`; where
    one is asked for, the parts in front may be missing.
    """

    def __init__(self, account: Account, *, sleep: Callable[[float], None]) -> None:
        self._account = account
        self._settings = account.settings
        self._http = Http(account.endpoint, sleep=sleep)
        self._id = AccountId(self._http, account.settings)
        self._models = Models(self._http, self._shown, self.name)
        self._datasets = Datasets(
            self._http, self._id.get, self.name, self._settings.api_key_env, sleep
        )

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self._settings.name

    @property
    def scope(self) -> str:
        """See `Provider.scope`. Asks which account the key opens, where no setting says so."""
        return f"{place(self._settings)}/v1/accounts/{self._id.get()}"

    @property
    def grace(self) -> float:
        """See `Provider.grace`: a second job of the same id is refused, whatever a look shows."""
        return 0.0

    @property
    def lists_stamps(self) -> bool:
        """See `Provider.lists_stamps`: the stamp is the id."""
        return True

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        """See `Provider.find`. `known` is not needed: no other job can have this id."""
        del known
        return self._jobs(token)

    def get(self, job_id: str) -> Job | None:
        """See `Provider.get`. A job that has been deleted is none, though it may still show."""
        found = self._jobs(job_id)
        return found[0] if found else None

    def list(self) -> Iterator[Job]:
        """See `Provider.list`. Jobs of both kinds, merged by their age."""
        root = f"/v1/accounts/{self._id.get()}"
        shown = (newest_first(self._http, f"{root}/{kind}", kind) for kind in Kind)
        for entry in heapq.merge(*shown, key=_age, reverse=True):
            job = self._told(entry)
            if job is not None:
                yield job

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        """See `Provider.upload`."""
        return self._datasets.upload(file, known)

    def create(self, request: CreateRequest) -> Job:
        """See `Provider.create`. One POST on a connection of its own; no try is a second one.

        That the id is taken means that this token's job exists: it is looked for and handed back.
        """
        create = self._prepared(request)
        try:
            return self._created(create)
        except CreateRejected:
            self._datasets.forget([request.training, request.validation])
            raise
        except CreateOutcomeUnknown:
            raise
        except Exception as error:
            raise self._unknown(create, f"{type(error).__name__} on the way") from error

    def cancel(self, job_id: str) -> Job:
        """See `Provider.cancel`. What a refusal means, the job itself tells: it may be over."""
        return self._told_to(job_id, _CANCEL)

    def pause(self, job_id: str) -> Job:
        """See `Provider.pause`: Fireworks cannot, though it may pause a job by itself."""
        raise ProviderError(
            "Fireworks cannot pause a job; cancel stops it, and resume asks it to go on from there",
            hint=f"{job_id} goes on",
        )

    def resume(self, job_id: str) -> Job:
        """See `Provider.resume`. What a refusal means, the job itself tells: it may go on."""
        return self._told_to(job_id, _RESUME)

    def delete_model(self, model: str) -> bool:
        """See `Provider.delete_model`."""
        return self._models.delete(model, self._id.get())

    def events(self, job_id: str) -> Iterator[Event]:
        """See `Provider.events`. Fireworks shows none."""
        del job_id
        return iter(())

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """See `Provider.checkpoints`. Fireworks lists none of a managed job."""
        del job_id
        return ()

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        """See `Provider.metrics`. The file's address expires, so that it is asked for anew."""
        url = next(filter(None, map(self._metrics_url, self._names(job.id))), None)
        if url is None:
            return ()
        what = f"the metrics of {job.stamp or job.id} in the storage of {self.name}"
        try:
            answer = self._http.repeat(lambda: signed_url.use("GET", url, what=what))
        except Refused as error:
            if error.refused.status == _NOT_FOUND:
                return ()  # not written yet
            raise
        return metrics.from_file(answer.content)

    def close(self) -> None:
        """See `Provider.close`."""
        self._http.close()

    def _names(self, job_id: str) -> tuple[JobName, ...]:
        """The jobs that an id may mean."""
        return names.candidates(job_id, self._id.get())

    def _jobs(self, job_id: str) -> tuple[Job, ...]:
        """The jobs that have this id, oldest first: there may be one of either kind."""
        jobs = [job for job in map(self._job, self._names(job_id)) if job is not None]
        return tuple(sorted(jobs, key=lambda job: job.created_at or 0))

    def _job(self, name: JobName) -> Job | None:
        document = self._shown(f"/v1/{name}")
        if document is None:
            return None
        shown = JobName.parsed(document.get("name"))
        if shown is None or shown.id != name.id:
            raise ProviderUnavailable(f"{self.name} was asked for {name} and shows something else")
        return self._told(document)

    def _told(self, document: Mapping[str, Any]) -> Job | None:
        """The job that Fireworks shows. How an early stop ended, its model tells."""
        made, model = wire.stopped_early(document), None
        if made is not None:
            try:
                model = self._models.get(made) or StoredModel(exists=False)
            except ProviderError:
                model = None  # not known, and so not over
        return wire.job(document, model, self._account.endpoint.secrets)

    def _shown(self, path: str) -> Mapping[str, Any] | None:
        """What Fireworks shows there; None if there is surely nothing."""
        try:
            answer = self._http.ask("GET", path)
        except Refused as error:
            if error.refused.status == _NOT_FOUND and error.refused.structured:
                return None
            raise
        document = answer.document()
        if document is None:
            raise ProviderUnavailable(f"{self.name} answered {answer.where} with what is no JSON")
        return document

    def _metrics_url(self, name: JobName) -> str | None:
        """Where the metrics of a job are, for now; None as long as there are none."""
        try:
            if name.kind is Kind.DPO:
                shown = self._shown(f"/v1/{name}:getMetricsFileEndpoint") or {}
                url = shown.get("signedUrl")
            else:
                url = (self._shown(f"/v1/{name}") or {}).get("metricsFileSignedUrl")
        except Refused as error:
            if error.refused.code == "FAILED_PRECONDITION":
                return None
            raise
        return url if isinstance(url, str) and url else None

    def _told_to(self, job_id: str, verb: str) -> Job:
        """Say something to a job and see what became of it. Saying it twice does no harm.

        A job that needs no telling is not told, and a refusal by one is none.
        """
        job = self.get(job_id)
        if job is None:
            raise ProviderError(f"{self.name} has no job {job_id}")
        if _has_done(job, verb):
            return job
        path = f"/v1/{job.id}{verb}"
        try:
            self._http.repeat(
                lambda: self._http.check(
                    self._http.send("POST", path, content=b"{}", headers=_JSON)
                )
            )
        except ProviderUnavailable as error:
            job = self.get(job_id)
            if job is not None and _has_done(job, verb):
                return job
            if not isinstance(error, Refused):
                raise
            raise ProviderError(error.message) from None
        told = self.get(job_id)
        if told is None:
            raise ProviderError(f"{self.name} has no job {job_id} any more")
        return told

    def _prepared(self, request: CreateRequest) -> _Create:
        """Everything about a create but its sending. Raises CreateRejected: nothing was sent."""
        spec = request.spec
        try:
            account = self._id.get()
            secret = self._wandb_key(spec)
            body = wire.create_body(
                request, account, addon=self._is_addon(request.base_model), wandb_key=secret
            )
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except CreateRejected:
            raise
        except (ConfigError, ProviderAuthError) as error:
            raise CreateRejected(
                error.message, remedy=Remedy.FIX_ACCOUNT, hint=error.hint
            ) from None
        except ProviderError as error:
            raise CreateRejected(
                error.message,
                remedy=Remedy.RETRY_NOW,
                retry_after=_RECONNECT_SECONDS,
                hint="nothing was sent",
            ) from None
        except Exception as error:
            raise CreateRejected(
                f"{spec.name} cannot be written as JSON: {type(error).__name__}",
                remedy=Remedy.FIX_SPEC,
                hint="look for text that is no text and numbers that are no numbers",
            ) from error
        name = JobName(account=account, kind=wire.kind(spec), id=spec.token)
        return _Create(name=name, content=content, secrets=(secret,) if secret else ())

    def _is_addon(self, model: str) -> bool:
        """Whether a model is trained further as a LoRA. Those of the library are base models."""
        name = names.base_model(model)
        if names.owner(name) == names.LIBRARY:
            return False
        found = self._models.get(name)
        if found is None:
            raise CreateRejected(
                f"{self.name} has no model {name}", remedy=Remedy.FIX_SPEC, hint="check spec.model"
            )
        return found.addon

    def _wandb_key(self, spec: JobSpec) -> str | None:
        if not spec.integrations:
            return None
        variable = spec.section.get(fields.WANDB_KEY, fields.WANDB_KEY_DEFAULT)
        check_key(variable, self._account.environment)
        key = self._account.environment.get(variable, "").strip()
        if not key:
            raise CreateRejected(
                f"{spec.name} reports to Weights & Biases, and the variable {variable} with its key"
                " is not set",
                remedy=Remedy.FIX_ACCOUNT,
                hint=f"export {variable}=…, or name another in spec.fireworks.{fields.WANDB_KEY}",
            )
        return key

    def _created(self, create: _Create) -> Job:
        name = create.name
        try:
            answer = self._http.send(
                "POST",
                f"/v1/accounts/{name.account}/{name.kind.value}",
                [(name.kind.id_parameter, name.id)],
                content=create.content,
                headers=_JSON,
            )
        except NoAnswer as error:
            if error.sent:
                raise self._unknown(create, error.message) from None
            raise error.rejected() from None
        if answer.ok:
            job = wire.job(answer.document())
            if job is None:
                raise self._unknown(create, f"{answer.status} without a job")
            return job
        refused = self._http.refusal(answer, create.secrets)
        if refused.status == _CONFLICT or refused.code == _TAKEN:
            return self._taken(create, answer, refused)
        if refused.status not in SURELY_REFUSED:
            raise self._unknown(create, self._http.words(answer, refused))
        raise rejection(refused, self.name, self._settings.api_key_env)

    def _taken(self, create: _Create, answer: Answer, refused: Refusal) -> Job:
        """The job that has the id already, which makes it this token's.

        Where there is none, "exists already" is about something else that no retry changes; an
        aborted create, or a conflict that nothing more is said about, may still become a job.
        """
        try:
            job = self._job(create.name)
        except ProviderError as error:
            raise self._unknown(create, error.message) from None
        if job is not None:
            return job
        if refused.code != _TAKEN:
            raise self._unknown(create, self._http.words(answer, refused))
        raise CreateRejected(
            f"{self.name} refused: {refused}",
            remedy=Remedy.FIX_SPEC,
            code=refused.code,
            hint="a deleted job may hold the id, or a model the name: raise spec.attempt for new"
            " ones",
        )

    def _unknown(self, create: _Create, reason: str) -> CreateOutcomeUnknown:
        return CreateOutcomeUnknown(
            f"{self.name} may or may not have created {create.name.id}: {reason}",
            hint="it is looked for by its id before anything is sent again",
        )


def _has_done(job: Job, verb: str) -> bool:
    """Whether a job need not be told so. One that is being cancelled runs, but does not go on."""
    stopping = verb == _RESUME and job.provider_status == _CANCELLING
    return job.status in _DONE[verb] and not stopping


def _age(entry: Mapping[str, Any]) -> int:
    return wire.moment(entry.get("createTime")) or 0
