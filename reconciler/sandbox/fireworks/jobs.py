"""The handlers of `/v1/accounts/{account}/supervisedFineTuningJobs` and of `…/dpoJobs`.

`routes` puts one `JobHandlers` for each kind under its paths. They read a request, ask the stores,
and shape the reply; what a job does is decided by its record, see `course`.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import World, fault_of
from reconciler.sandbox.faults import Effect
from reconciler.sandbox.fireworks import create_request, learning, storage, training_data, views
from reconciler.sandbox.fireworks.catalogue import BASE_MODELS, BaseModel
from reconciler.sandbox.fireworks.create_request import ID, id_of, training_of
from reconciler.sandbox.fireworks.dataset_store import DatasetStore
from reconciler.sandbox.fireworks.job_store import PREFERENCE, JobStore
from reconciler.sandbox.fireworks.wire import (
    check_account,
    invalid,
    listing,
    read_json,
    refused,
    single,
)
from reconciler.sandbox.journal import entry_of
from reconciler.sandbox.store import Record

_ID_PARAMETERS = {
    "supervisedFineTuningJobs": "supervisedFineTuningJobId",
    "dpoJobs": "dpoJobId",
}
_INTERNAL_ERROR = {"code": "INTERNAL", "message": "Internal error", "phase": "training"}


class JobHandlers:
    """One method per operation on jobs of one kind."""

    def __init__(self, world: World, kind: str, jobs: JobStore, datasets: DatasetStore) -> None:
        self._world = world
        self._kind = kind
        self._jobs = jobs
        self._datasets = datasets

    async def create(self, request: Request) -> Response:
        """Create a job: everything is checked before the record is written, nothing after."""
        check_account(request)
        body = await read_json(request)
        job_id = self._id(request)
        complete = (
            create_request.preference if self._kind == PREFERENCE else create_request.supervised
        )
        wanted = complete(body, job_id)
        base = self._base_model(training_of(wanted))
        dataset = self._dataset(wanted["dataset"], "dataset")
        evaluation = wanted.get("evaluationDataset")
        checked = [dataset]
        if evaluation:
            checked.append(self._dataset(evaluation, "evaluation_dataset"))
        fault = await asyncio.to_thread(self._fault, checked, training_of(wanted)["epochs"])
        record = self._record(wanted, job_id, base, dataset, _error(request, fault))
        self._jobs.add(record)
        entry_of(request.scope).details = {
            "job": views.job_name(record),
            "model": training_of(wanted)["baseModel"] or training_of(wanted)["warmStartFrom"],
            "training_file": wanted["dataset"],
        }
        return JSONResponse(self._view(request, record))

    async def list(self, request: Request) -> Response:
        """A page of jobs."""
        check_account(request)
        lag, now = self._world.faults.list_lag, self._world.clock()
        found = [
            self._view(request, record)
            for record in self._jobs.all(self._kind)
            if now >= record["created"] + lag
        ]
        return listing(self._world, request, self._kind, found)

    async def get(self, request: Request) -> Response:
        """One job."""
        check_account(request)
        return single(request, self._view(request, self._job(request)))

    async def cancel(self, request: Request) -> Response:
        """Begin to cancel a job that has not ended."""
        check_account(request)
        await read_json(request)
        self._jobs.cancel(self._kind, request.path_params["job"])
        return JSONResponse({})

    async def resume(self, request: Request) -> Response:
        """Go on with a job that failed or was cancelled, from where its training stood."""
        check_account(request)
        await read_json(request)
        record = self._jobs.resume(self._kind, request.path_params["job"])
        return JSONResponse(self._view(request, record))

    async def delete(self, request: Request) -> Response:
        """Forget a job, whatever its state."""
        check_account(request)
        self._jobs.delete(self._kind, request.path_params["job"])
        return JSONResponse({})

    async def metrics(self, request: Request) -> Response:
        """A signed address for the metrics file of a job that has begun to train."""
        check_account(request)
        address = self._metrics_address(request, self._job(request))
        if not address:
            raise refused("NOT_FOUND")
        return JSONResponse({"signedUrl": address})

    def _id(self, request: Request) -> str:
        """The id that was asked for, or one made up as Fireworks does: eight small characters."""
        given = request.query_params.get(_ID_PARAMETERS[self._kind])
        if given is None:
            alphabet = string.ascii_lowercase + string.digits
            first = secrets.choice(string.ascii_lowercase)
            return first + "".join(secrets.choice(alphabet) for _ in range(7))
        if not ID.fullmatch(given):
            raise invalid(f'invalid job id "{given}"')
        return given

    def _base_model(self, training: Mapping[str, Any]) -> BaseModel:
        """The model to train, or the one that the adapter to start from was trained on."""
        if training["warmStartFrom"]:
            job = self._jobs.model(id_of(training["warmStartFrom"], "models", "warm_start_from"))
            if job is None:
                raise refused("NOT_FOUND", f"model {training['warmStartFrom']} not found")
            return BASE_MODELS[job["base"]]
        base = BASE_MODELS.get(training["baseModel"])
        if base is None:
            own = training["baseModel"].startswith("accounts/sandbox/models/")
            if own and self._jobs.model(training["baseModel"].rpartition("/")[2]):
                raise invalid(f"{training['baseModel']} is an HF_PEFT_ADDON, not a base model")
            raise refused("NOT_FOUND", f"model {training['baseModel']} not found")
        if not base.tunable:
            raise invalid(f"model {base.name} is not tunable")
        return base

    def _dataset(self, name: str, place: str) -> Record:
        record = self._datasets.get(id_of(name, "datasets", place))
        state = self._datasets.state(record)
        if state != "READY":
            raise refused("FAILED_PRECONDITION", f"dataset {name} is not ready: {state}")
        return record

    def _fault(self, datasets: Sequence[Record], epochs: int) -> str | None:
        """What a job on these datasets fails with: the first one's fault, if it has any."""
        preference = self._kind == PREFERENCE
        for record in datasets:
            files = self._datasets.files(record)
            if found := training_data.fault(files, preference=preference, epochs=epochs):
                return found
        return None

    def _record(
        self,
        wanted: Mapping[str, Any],
        job_id: str,
        base: BaseModel,
        dataset: Record,
        error: Mapping[str, Any] | None,
    ) -> Record:
        survey = dataset["survey"]
        return {
            "id": job_id,
            "kind": self._kind,
            "created": self._world.clock(),
            "request": wanted,
            "base": base.name,
            "examples": survey["examples"],
            "tokens": survey["tokens"],
            "steps": learning.total_steps(wanted, survey["examples"]),
            "error": error,
            "controls": [],
            "deleted_at": None,
            "speed": None,
            "secret": secrets.token_hex(16),
        }

    def _job(self, request: Request) -> Record:
        return self._jobs.get(self._kind, request.path_params["job"])

    def _view(self, request: Request, record: Record) -> dict[str, Any]:
        return views.job(
            record,
            self._jobs.course(record),
            self._jobs.state(record),
            self._world.clock(),
            self._metrics_address(request, record),
        )

    def _metrics_address(self, request: Request, record: Record) -> str:
        """Empty until the job has begun to train."""
        now = self._world.clock()
        if not self._jobs.course(record).has_begun(now):
            return ""
        return storage.metrics_address(str(request.base_url), record, now)


def _error(request: Request, fault: str | None) -> dict[str, Any] | None:
    """The end a job is heading for, if it is a bad one: its data's fault, or a fault asked for."""
    if fault:
        return {"code": "INVALID_ARGUMENT", "message": fault, "phase": "validation"}
    asked = fault_of(request)
    if asked is None or asked.effect is not Effect.FAIL_JOB:
        return None
    return _INTERNAL_ERROR | ({"code": asked.code} if asked.code else {})
