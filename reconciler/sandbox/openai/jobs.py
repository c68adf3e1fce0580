"""The handlers of `/v1/fine_tuning/jobs`.

`routes` puts them under their paths. They read a request, ask the stores, and shape the reply; what
a job does is decided by its record, see `timeline`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal, World, fault_of
from reconciler.sandbox.faults import Effect
from reconciler.sandbox.journal import entry_of
from reconciler.sandbox.openai import create_request, learning, training_data
from reconciler.sandbox.openai.catalogue import BaseModel, ancestor, base_model
from reconciler.sandbox.openai.events import events
from reconciler.sandbox.openai.file_store import FileStore
from reconciler.sandbox.openai.job_store import JobStore, checkpoint_objects, job_object
from reconciler.sandbox.openai.training_data import DataFacts
from reconciler.sandbox.openai.wire import ORGANIZATION, listing, page, read_json, refused
from reconciler.sandbox.store import Record, new_id

_FILTER = re.compile(r"metadata\[(.+)\]")
_MOST_JOBS = 100

_FAILURES: dict[str, dict[str, Any]] = {
    "server_error": {
        "code": "server_error",
        "message": "The job failed due to an internal error. Please try again.",
        "param": None,
        "phase": "running",
    },
    "invalid_training_file": {
        "code": "invalid_training_file",
        "message": "The job failed due to an invalid training file. This training file was blocked "
        "because too many examples were flagged by our moderation API for containing content that "
        "violates OpenAI's usage policies in the following categories: hate.",
        "param": "training_file",
        "phase": "validating_files",
    },
}
"""How a job fails on which `fail-job` code asks for it, rather than its data."""


class JobHandlers:
    """One method per operation."""

    def __init__(self, world: World, jobs: JobStore, files: FileStore) -> None:
        self._world = world
        self._jobs = jobs
        self._files = files

    async def create(self, request: Request) -> Response:
        """Create a job: everything is checked before the record is written, nothing after."""
        wanted = create_request.read(await read_json(request))
        base = self._base_model(wanted["model"])
        create_request.check_together(wanted, base.methods if base else ())
        if base and wanted["model"] in base.aliases:
            wanted["model"] = base.id
        for role in ("training_file", "validation_file"):
            self._check_file(wanted[role], role)
        facts = await asyncio.to_thread(self._inspect, wanted, base.data if base else "chat")
        record = self._record(request, wanted, facts)
        self._jobs.add(record)
        noted = ("model", "training_file", "suffix", "metadata")
        details = {name: wanted[name] for name in noted}
        entry_of(request.scope).details = {"job": record["id"], **details}
        return JSONResponse(self._view(record))

    async def list(self, request: Request) -> Response:
        """A page of jobs, newest first, all or those whose metadata match."""
        wanted = _filter(request)
        if self._world.faults.no_metadata:
            wanted = {}
        names = self._jobs.newest_first()
        if wanted != {} or self._world.faults.list_lag:
            names = [name for name in names if self._is_listed(name, wanted)]
        chosen, more = page(
            self._world, request, names, default=20, most=_MOST_JOBS, name=lambda name: name
        )
        records = (self._jobs.get(name) for name in chosen)
        return listing([self._view(record) for record in records if record], has_more=more)

    async def get(self, request: Request) -> Response:
        """One job."""
        return JSONResponse(self._view(self._job(request)))

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that has not ended."""
        return self._control(request, "cancel")

    async def pause(self, request: Request) -> Response:
        """Pause a job that waits or runs."""
        return self._control(request, "pause")

    async def resume(self, request: Request) -> Response:
        """Put a paused job back into the queue."""
        return self._control(request, "resume")

    async def events(self, request: Request) -> Response:
        """A page of a job's events, newest first."""
        record = self._job(request)
        now = self._world.clock()
        found = events(record, self._jobs.timeline(record), now)
        chosen, more = page(
            self._world, request, found, default=20, most=100, name=lambda event: event["id"]
        )
        return listing(chosen, has_more=more)

    async def checkpoints(self, request: Request) -> Response:
        """A page of a job's checkpoints, newest first."""
        record = self._job(request)
        now = self._world.clock()
        found = checkpoint_objects(record, self._jobs.timeline(record), now)
        chosen, more = page(
            self._world, request, found, default=10, most=100, name=lambda item: item["id"]
        )
        return JSONResponse(
            {
                "object": "list",
                "data": chosen,
                "has_more": more,
                "first_id": chosen[0]["id"] if chosen else None,
                "last_id": chosen[-1]["id"] if chosen else None,
            }
        )

    def _base_model(self, name: str) -> BaseModel | None:
        """The model to train on, or the one that a tuned model was trained on."""
        if name.startswith("ft:"):
            tuned = any(model.id == name for model in self._jobs.models())
            return ancestor(name) if tuned else None
        return base_model(name)

    def _check_file(self, name: str | None, role: str) -> None:
        if name is None:
            return
        record = self._files.get(name)
        if record is None:
            raise refused(f"invalid {role}: no such File object: {name}", param=role)
        if record["purpose"] != "fine-tune":
            raise refused(
                f"invalid {role}: {name} has the purpose '{record['purpose']}', it must be "
                "'fine-tune'",
                param=role,
            )

    def _inspect(self, wanted: Mapping[str, Any], data: str) -> dict[str, DataFacts]:
        return {
            role: training_data.inspect(
                self._files.path(wanted[f"{role}_file"]),
                file_id=wanted[f"{role}_file"],
                method=wanted["method"]["type"],
                data=data,
                role=role,
            )
            for role in ("training", "validation")
            if wanted[f"{role}_file"]
        }

    def _record(
        self, request: Request, wanted: Mapping[str, Any], facts: Mapping[str, DataFacts]
    ) -> Record:
        training = facts["training"]
        resolved = learning.resolve(wanted["method"], training.examples)
        seed = secrets.randbelow(2**31) if wanted["seed"] is None else wanted["seed"]
        return {
            "id": new_id("ftjob-", 24),
            "created": self._world.clock(),
            "organization_id": ORGANIZATION,
            "request": {
                **wanted,
                "metadata": None if self._world.faults.no_metadata else wanted["metadata"],
            },
            "seed": seed,
            "resolved": resolved,
            "training": {"examples": training.examples, "tokens": training.tokens},
            "steps": learning.total_steps(resolved, training.examples),
            "error": _failure(request, facts),
            "controls": [],
            "speed": None,
            "deleted_models": [],
        }

    def _is_listed(self, name: str, wanted: Mapping[str, str] | None) -> bool:
        record = self._jobs.stored(name)
        if record is None or self._world.clock() < record["created"] + self._world.faults.list_lag:
            return False
        carried = record["request"]["metadata"]
        if wanted is None:
            return carried is None
        return wanted.items() <= (carried or {}).items()

    def _control(self, request: Request, action: str) -> Response:
        record = self._jobs.control(request.path_params["job"], action)
        if record is None:
            raise _unknown(request.path_params["job"])
        return JSONResponse(self._view(record))

    def _job(self, request: Request) -> Record:
        record = self._jobs.get(request.path_params["job"])
        if record is None:
            raise _unknown(request.path_params["job"])
        return record

    def _view(self, record: Record) -> dict[str, Any]:
        view = job_object(record, self._jobs.timeline(record), self._world.clock())
        if self._world.faults.no_metadata:
            del view["metadata"]
        return view


def _unknown(name: str) -> Refusal:
    return refused(
        f"Could not find fine tune: {name}",
        param="fine_tune_id",
        code="fine_tune_not_found",
        status=404,
    )


def _filter(request: Request) -> dict[str, str] | None:
    """The metadata a job must have: {} for any, None for jobs without metadata."""
    pairs = {}
    for key, value in request.query_params.multi_items():
        match = _FILTER.fullmatch(key)
        if match:
            pairs[match.group(1)] = value
    bare = request.query_params.get("metadata")
    if bare is None:
        return pairs
    if bare != "null" or pairs:
        raise refused(
            "Invalid 'metadata': use metadata[key]=value, or metadata=null by itself.",
            param="metadata",
            code="invalid_value",
        )
    return None


def _failure(request: Request, facts: Mapping[str, DataFacts]) -> dict[str, Any] | None:
    """The end a job is heading for, if it is a bad one: its data's fault, or a fault asked for."""
    for found in facts.values():
        if found.error:
            return {**found.error, "phase": "validating_files"}
    fault = fault_of(request)
    if fault is None or fault.effect is not Effect.FAIL_JOB:
        return None
    usual = _FAILURES["server_error"]
    return {**usual, "code": fault.code or "server_error", **_FAILURES.get(fault.code, {})}
