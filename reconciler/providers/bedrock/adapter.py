"""The effects: AWS Bedrock's model customization, as a `Provider`.

`providers.connect` makes one per account. It translates through `wire`, calls through `calls`,
uploads through `files`, deletes through `models`, and classifies refusals through `refusals`. It
must never send a create twice, take an answer it does not understand for "there is none", or keep
anything between runs.

A job's name is its spec's token. Bedrock refuses a second job of a name for ever, and shows a job
by its name, so that one look tells whether a token was created, and nothing is ever paid twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from reconciler.config import BedrockSettings
from reconciler.errors import (
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.model import Checkpoint, Event, FileRef, Job, MetricPoint
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.bedrock import hyperparameters, metrics, s3_uri, wire
from reconciler.providers.bedrock.account import Account
from reconciler.providers.bedrock.calls import Calls
from reconciler.providers.bedrock.files import Files
from reconciler.providers.bedrock.limits import JOB_NAME
from reconciler.providers.bedrock.models import Models
from reconciler.providers.bedrock.refusals import NoAnswer, Refused, rejection

PAGE = 100
"""Jobs asked for at once; the service model allows 1000."""

_ARN = re.compile(r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:\d{12}:model-customization-job/\S+")
_LONGEST_ID = 1011
_NO_SUCH_JOB = "ResourceNotFoundException"
_NOT_FOUND = 404
_RECONNECT_SECONDS = 10.0


class BedrockProvider:
    """One region of one AWS account. See `Provider` for every method's contract.

    `environment` holds AWS's own variables, `sleep` waits between two tries of a read. Nothing is
    called yet. Raises ConfigError where no request could be made.
    """

    def __init__(
        self,
        settings: BedrockSettings,
        environment: Mapping[str, str],
        *,
        sleep: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._account = Account(settings, environment)
        self._calls = Calls(self._account, sleep=sleep)
        self._files = Files(self._calls, settings)
        self._models = Models(self._calls, settings.name, self._account.region)

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
        """See `Provider.grace`: a name is used up by its first job, whether it shows yet or not."""
        return 0.0

    @property
    def lists_stamps(self) -> bool:
        """See `Provider.lists_stamps`. Jobs are asked for one by one.

        A list shows their names, which are their stamps, but neither data nor hyperparameters nor
        why a job failed: what it ended with would be lost for whoever learnt of it by a list. An
        account runs few jobs at once, and keeps every one that it ever ran.
        """
        return False

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        """See `Provider.find`.

        Raises ProviderUnavailable for a job of that name that was not created with this token: it
        is not ours, and as long as it holds the name, none of ours can come to be.
        """
        del known  # a name belongs to one job
        job = self.get(token)
        if job is None:
            return ()
        if job.stamp != token:
            raise ProviderUnavailable(_foreign(self.name, token, job), hint=_FOREIGN_HINT)
        return (job,)

    def get(self, job_id: str) -> Job | None:
        """See `Provider.get`. Takes an ARN or a name; what can be neither is not asked for."""
        if not _is_id(job_id):
            return None
        try:
            answer = self._calls.bedrock("get_model_customization_job", jobIdentifier=job_id)
        except Refused as error:
            if error.refused.code == _NO_SUCH_JOB:
                return None
            raise
        job = wire.job(answer)
        if job is None:
            raise ProviderUnavailable(f"{self.name} shows {job_id} without an ARN")
        return job

    def list(self) -> Iterator[Job]:
        """See `Provider.list`. Of a job only what a list shows: `get` shows the rest."""
        page: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            answer = self._calls.bedrock(
                "list_model_customization_jobs",
                sortBy="CreationTime",
                sortOrder="Descending",
                maxResults=PAGE,
                **page,
            )
            yield from filter(None, map(wire.summary, self._entries(answer)))
            token = answer.get("nextToken")
            if not token:
                return
            if token in seen:
                raise ProviderUnavailable(f"{self.name} lists its jobs in a circle")
            seen.add(token)
            page = {"nextToken": token}

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        """See `Provider.upload`. What state remembers is not asked: the bytes' own name is."""
        del known
        return self._files.upload(file)

    def create(self, request: CreateRequest) -> Job:
        """See `Provider.create`. One POST on a connection of its own; no try is a second one."""
        parameters = self._parameters(request)
        try:
            return self._created(request, parameters)
        except CreateRejected:
            self._files.forget([request.training, request.validation])
            raise
        except CreateOutcomeUnknown:
            raise
        except Exception as error:
            raise self._unknown(request, f"{type(error).__name__} on the way") from error

    def cancel(self, job_id: str) -> Job:
        """See `Provider.cancel`. Bedrock first says Stopping; what was trained is paid for."""
        if not _is_id(job_id):
            raise ProviderError(f"{self.name} has no job {job_id!r}")
        try:
            self._calls.bedrock("stop_model_customization_job", jobIdentifier=job_id)
        except Refused as error:
            job = self.get(job_id)
            if job is None:
                raise ProviderError(f"{self.name} has no job {job_id}") from None
            if job.status.terminal or job.provider_status == "Stopping":
                return job
            raise ProviderError(error.message) from None
        job = self.get(job_id)
        if job is None:
            raise ProviderError(f"{self.name} has no job {job_id}")
        return job

    def pause(self, job_id: str) -> Job:
        """See `Provider.pause`: Bedrock cannot."""
        raise ProviderError(
            "Bedrock cannot pause a job; cancel stops it for good",
            hint=f"{job_id} goes on; what a cancelled job has used is paid for, and it leaves no"
            " model",
        )

    def resume(self, job_id: str) -> Job:
        """See `Provider.resume`: Bedrock cannot."""
        raise ProviderError(
            "Bedrock cannot resume a job; a new one trains from the beginning",
            hint=f"{job_id} stays as it is; to train again, raise spec.attempt",
        )

    def delete_model(self, model: str) -> bool:
        """See `Provider.delete_model`."""
        return self._models.delete(model)

    def events(self, job_id: str) -> Iterator[Event]:
        """See `Provider.events`: Bedrock keeps none."""
        del job_id
        return iter(())

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """See `Provider.checkpoints`: Bedrock keeps none."""
        del job_id
        return ()

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        """See `Provider.metrics`: from what the job has left in S3, once it has succeeded."""
        files: list[tuple[str, bytes]] = []
        for folder in job.result_files:
            try:
                place = s3_uri.place(folder)
                files += [
                    (key, self._calls.content(place.bucket, key))
                    for key in self._keys(place)
                    if metrics.is_metrics(key)
                ]
            except Refused as error:
                if error.refused.status != _NOT_FOUND:
                    raise
        return metrics.points(files)

    def close(self) -> None:
        """See `Provider.close`."""
        self._account.close()

    def _parameters(self, request: CreateRequest) -> dict[str, Any]:
        """What a create sends. Raises CreateRejected where it could not be what the spec means.

        A spec whose model another one produces learns only now which family that is.
        """
        misfits = list(hyperparameters.violations(request.spec, request.base_model))
        if misfits:
            raise CreateRejected(
                f"{request.base_model}: {misfits[0].message}",
                remedy=Remedy.FIX_SPEC,
                hint=misfits[0].hint,
            )
        try:
            return wire.create_request(request, self._settings)
        except (KeyError, ValueError) as error:
            raise CreateRejected(
                f"{self.name}: {request.spec.name} lacks what Bedrock needs: {error}",
                remedy=Remedy.FIX_SPEC,
                hint="`reconcile validate` says what",
            ) from error

    def _created(self, request: CreateRequest, parameters: Mapping[str, Any]) -> Job:
        try:
            answer = self._calls.send("create_model_customization_job", **parameters)
        except NoAnswer as error:
            if error.sent:
                raise self._unknown(request, error.message) from None
            raise CreateRejected(
                error.message,
                remedy=error.remedy,
                retry_after=_RECONNECT_SECONDS if error.transient else None,
                hint=error.hint,
            ) from None
        except ProviderAuthError as error:
            raise CreateRejected(
                error.message, remedy=Remedy.FIX_ACCOUNT, hint=error.hint
            ) from None
        except Refused as error:
            return self._despite(request, error)
        arn = answer.get("jobArn")
        if not isinstance(arn, str) or not arn:
            raise self._unknown(request, "an answer without a job")
        return self._shown(request, arn)

    def _shown(self, request: CreateRequest, arn: str) -> Job:
        """The job just created. That it exists is certain, whether it can be looked at or not."""
        try:
            job = self.get(request.spec.token)
        except ProviderError:
            job = None
        return job if job and job.id == arn else wire.created(request, arn)

    def _despite(self, request: CreateRequest, error: Refused) -> Job:
        """What a refused create means: ours may have come before, and hold the name."""
        token = request.spec.token
        if error.name_taken:
            try:
                job = self.get(token)
            except ProviderError as trouble:
                raise self._unknown(
                    request, f"its name is taken, by whom could not be told: {trouble.message}"
                ) from None
            if job is not None and job.stamp == token:
                return job
            if job is not None:
                raise CreateRejected(
                    _foreign(self.name, token, job),
                    remedy=Remedy.FIX_SPEC,
                    code=error.refused.code,
                    hint=_FOREIGN_HINT,
                )
            if not error.names_the_model:
                raise self._unknown(request, f"{error.message}, and no such job shows")
        if error.surely:
            raise rejection(error, self.name)
        raise self._unknown(request, error.message)

    def _unknown(self, request: CreateRequest, reason: str) -> CreateOutcomeUnknown:
        return CreateOutcomeUnknown(
            f"{self.name} may or may not have created {request.spec.token}: {reason}",
            hint="it is looked for by its token before anything is sent again",
        )

    def _entries(self, answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        entries = answer.get("modelCustomizationJobSummaries")
        if entries is None:
            raise ProviderUnavailable(
                f"{self.name} answered ListModelCustomizationJobs with something that is no list",
                hint="is the endpoint Bedrock's?",
            )
        return iter(entries)

    def _keys(self, place: s3_uri.Place) -> Iterator[str]:
        """The keys of all objects below a folder."""
        page: dict[str, Any] = {}
        while True:
            answer = self._calls.s3(
                "list_objects_v2", Bucket=place.bucket, Prefix=place.key, **page
            )
            yield from (entry["Key"] for entry in answer.get("Contents", ()))
            token = answer.get("NextContinuationToken")
            if not token or token == page.get("ContinuationToken"):
                return
            page = {"ContinuationToken": token}


def _is_id(job_id: str) -> bool:
    """Whether this can be the ARN or the name of a job at all."""
    if job_id.startswith("arn:"):
        return len(job_id) <= _LONGEST_ID and bool(_ARN.fullmatch(job_id))
    return JOB_NAME.complaint(job_id) is None


def _foreign(name: str, token: str, job: Job) -> str:
    return (
        f"{name} has a job named {token} that was not created for this spec ({job.id}), and a name"
        " is never free again"
    )


_FOREIGN_HINT = (
    "raise spec.attempt to train under a new name, or tie that job with `reconcile adopt`"
)
