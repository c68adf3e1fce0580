"""The handlers of `/model-customization-jobs`.

`routes` puts them under their paths. They read a request, ask the stores, and shape the reply; what
a job does is decided by its record, see `course`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.bedrock import create_request, learning, training_data, views
from reconciler.sandbox.bedrock.catalogue import BaseModel
from reconciler.sandbox.bedrock.job_store import JobStore, job_arn, job_id, split
from reconciler.sandbox.bedrock.shapes import Text
from reconciler.sandbox.bedrock.training_data import DataFacts
from reconciler.sandbox.bedrock.wire import (
    identifier,
    invalid,
    listing,
    moment,
    page,
    read_json,
    refused,
    region_of,
    require,
)
from reconciler.sandbox.exchange import World, fault_of
from reconciler.sandbox.faults import Effect
from reconciler.sandbox.journal import entry_of
from reconciler.sandbox.s3.object_store import ObjectStore
from reconciler.sandbox.store import Record, new_id

_IDENTIFIER = Text(
    most=1011,
    pattern=r"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-customization-job/"
    r"[a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([a-z0-9-]{1,63}[.]){0,2}[a-z0-9-]{1,63}"
    r"([:][a-z0-9-]{1,63}){0,2}/[a-z0-9]{12})|([a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*)",
    matcher=r"(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-customization-job/"
    r"[a-z0-9-]+[.][a-z0-9.-]+([:][a-z0-9-]{1,63}){0,2}/[a-z0-9]{12})|"
    r"([a-zA-Z0-9][a-zA-Z0-9+.-]*)",
)
_STATUS = Text(choices=("InProgress", "Completed", "Failed", "Stopping", "Stopped"))
SORT_BY = Text(choices=("CreationTime",))
SORT_ORDER = Text(choices=("Ascending", "Descending"))

_INTERNAL_ERROR = "Encountered an unexpected error when processing the request, please try again"
_FAILURES = {
    "third_party_terms": "Automated tests flagged this fine-tuning job as including materials that "
    "are potentially inconsistent with Anthropic's third-party license terms. Please contact "
    "support.",
}
"""What `fail-job` says for a code; every other code is an internal error."""


class JobHandlers:
    """One method per operation."""

    def __init__(self, world: World, jobs: JobStore, objects: ObjectStore) -> None:
        self._world = world
        self._jobs = jobs
        self._objects = objects

    async def create(self, request: Request) -> Response:
        """Create a job, unless this token has made one: everything is checked before it is stored.

        What a token that is sent again with another request does is not documented: here it is the
        earlier job's, as the token's description says.
        """
        region = region_of(request)
        body = await read_json(request, create_request.SHAPE)
        earlier = self._jobs.of_token(region, body.get("clientRequestToken"))
        if earlier is None:
            base = self._jobs.base_of(region, body["baseModelIdentifier"])
            wanted = create_request.complete(body, base.family)
            facts = await asyncio.to_thread(self._inspect, wanted, base)
            record = self._record(request, wanted, base, facts)
            stored = self._jobs.add(record)
            if stored is record:
                entry_of(request.scope).details = {
                    "job": record["arn"],
                    "model": wanted["baseModelIdentifier"],
                    "training_file": wanted["trainingDataConfig"].get("s3Uri"),
                    "name": wanted["jobName"],
                }
            earlier = stored
        return JSONResponse({"jobArn": earlier["arn"]}, status_code=201)

    async def list(self, request: Request) -> Response:
        """A page of jobs, newest first unless asked otherwise, that match all filters."""
        now = self._world.clock()
        query = request.query_params
        wanted = _filters(request)
        found = [
            record
            for record in self._jobs.all(region_of(request))
            if now >= record["created"] + self._world.faults.list_lag
            and self._matches(record, wanted, now)
        ]
        if query.get("sortOrder") != "Ascending":
            found.reverse()
        chosen, token = page(self._world, request, found, lambda record: str(record["made"]))
        summaries = [views.job_summary(record, self._jobs.course(record), now) for record in chosen]
        return listing("modelCustomizationJobSummaries", summaries, token)

    async def get(self, request: Request) -> Response:
        """One job."""
        record = self._job(request)
        course = self._jobs.course(record)
        return JSONResponse(views.job(record, course, self._world.clock()))

    async def stop(self, request: Request) -> Response:
        """Begin to stop a job that is in progress."""
        self._jobs.stop(self._job(request))
        return JSONResponse({})

    def _job(self, request: Request) -> Record:
        name = identifier(request)
        require(name, _IDENTIFIER, "jobIdentifier")
        record = self._jobs.get(region_of(request), name)
        if record is None:
            raise refused(
                "ResourceNotFoundException", f"Could not find the model customization job {name}."
            )
        return record

    def _matches(self, record: Record, wanted: Mapping[str, Any], now: float) -> bool:
        status = self._jobs.course(record).status(now)
        return (
            wanted["status"] in (None, status)
            and wanted["name"] in record["name"]
            and (wanted["after"] is None or record["created"] > wanted["after"])
            and (wanted["before"] is None or record["created"] < wanted["before"])
        )

    def _inspect(self, wanted: Mapping[str, Any], base: BaseModel) -> DataFacts:
        """What all the job's data together are; the failure is that of the first bad object."""
        training = wanted["trainingDataConfig"].get("s3Uri")
        validators = [item["s3Uri"] for item in wanted["validationDataConfig"]["validators"]]
        uris = [training, *validators] if training else validators
        method = wanted["customizationType"]
        facts = []
        for uri in uris:
            bucket, key = split(uri)
            record = self._objects.get(bucket, key) if key else None
            if record is None:
                raise invalid(
                    "Could not validate GetObject permissions to access Amazon S3 bucket: "
                    f"{bucket} at key {key}"
                )
            path = self._objects.path(bucket, record)
            facts.append(training_data.inspect(path, key, family=base.family, method=method))
        failure = next((fact.failure for fact in facts if fact.failure), None)
        if not training:  # a distillation from logs, which the sandbox cannot read
            return DataFacts(records=1, tokens=0, failure=failure)
        if failure is None:
            records = sum(fact.records for fact in facts)
            failure = training_data.count_failure(
                split(training)[1], records, family=base.family, method=method
            )
        return DataFacts(records=facts[0].records, tokens=facts[0].tokens, failure=failure)

    def _record(
        self, request: Request, wanted: Mapping[str, Any], base: BaseModel, facts: DataFacts
    ) -> Record:
        region = region_of(request)
        name = wanted["jobName"]
        return {
            "id": job_id(name),
            "arn": job_arn(region, base, name),
            "name": name,
            "region": region,
            "created": self._world.clock(),
            "made": new_id("", 12),
            "base": base.id,
            "request": wanted,
            "records": facts.records,
            "tokens": facts.tokens,
            "steps": learning.total_steps(wanted["hyperParameters"], facts.records),
            "error": _failure(request, facts),
            "stopped_at": None,
            "speed": None,
            "settled": False,
            "tags": wanted.get("jobTags", []),
            "model_tags": wanted.get("customModelTags", []),
            "model_deleted": False,
        }


def _filters(request: Request) -> dict[str, Any]:
    query = request.query_params
    shapes = {
        "statusEquals": _STATUS,
        "nameContains": create_request.JOB_NAME,
        "sortBy": SORT_BY,
        "sortOrder": SORT_ORDER,
    }
    for name, shape in shapes.items():
        if name in query:
            require(query[name], shape, name)
    return {
        "status": query.get("statusEquals"),
        "name": query.get("nameContains", ""),
        "after": moment(query.get("creationTimeAfter"), "creationTimeAfter"),
        "before": moment(query.get("creationTimeBefore"), "creationTimeBefore"),
    }


def _failure(request: Request, facts: DataFacts) -> dict[str, Any] | None:
    """The end a job is heading for, if it is a bad one: its data's fault, or a fault asked for."""
    if facts.failure:
        return {"message": facts.failure, "phase": "validation"}
    fault = fault_of(request)
    if fault is None or fault.effect is not Effect.FAIL_JOB:
        return None
    return {"message": _FAILURES.get(fault.code, _INTERNAL_ERROR), "phase": "training"}
