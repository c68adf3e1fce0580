"""The handlers of `/custom-models` and `/foundation-models`, and of tags.

`routes` puts them under their paths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.bedrock import views
from reconciler.sandbox.bedrock.catalogue import BASE_MODELS, base_model
from reconciler.sandbox.bedrock.create_request import MODEL_NAME, TAGS
from reconciler.sandbox.bedrock.job_store import JobStore
from reconciler.sandbox.bedrock.jobs import SORT_BY, SORT_ORDER
from reconciler.sandbox.bedrock.shapes import Listing, Structure, Text
from reconciler.sandbox.bedrock.wire import (
    identifier,
    listing,
    moment,
    page,
    read_json,
    refused,
    region_of,
    require,
)
from reconciler.sandbox.exchange import Refusal, World
from reconciler.sandbox.store import Record

_RESOURCE = Text(least=20, most=1011)
_MODEL_STATUS = Text(choices=("Active", "Creating", "Failed"))
_MOST_TAGS = 200
_LIST_TAGS = Structure(required=("resourceARN",), members={"resourceARN": _RESOURCE})
_TAG = Structure(required=("resourceARN", "tags"), members={"resourceARN": _RESOURCE, "tags": TAGS})
_UNTAG = Structure(
    required=("resourceARN", "tagKeys"),
    members={"resourceARN": _RESOURCE, "tagKeys": Listing(of=Text(least=1, most=128), most=200)},
)

_Tags = list[dict[str, str]]


class ModelHandlers:
    """One method per operation."""

    def __init__(self, world: World, jobs: JobStore) -> None:
        self._world = world
        self._jobs = jobs

    async def list(self, request: Request) -> Response:
        """A page of custom models, newest first unless asked otherwise."""
        query = request.query_params
        wanted = _filters(request)
        found = [
            record for record in self._jobs.models(region_of(request)) if self._fits(record, wanted)
        ]
        if query.get("sortOrder") != "Ascending":
            found.reverse()
        chosen, token = page(self._world, request, found, lambda record: str(record["made"]))
        summaries = [views.model_summary(record, self._jobs.course(record)) for record in chosen]
        return listing("modelSummaries", summaries, token)

    async def get(self, request: Request) -> Response:
        """One custom model."""
        record = self._model(request)
        return JSONResponse(views.model(record, self._jobs.course(record)))

    async def delete(self, request: Request) -> Response:
        """Forget a model; its job stays."""
        record = self._model(request)
        self._jobs.change(record, lambda record: {**record, "model_deleted": True})
        return JSONResponse({})

    async def list_base(self, request: Request) -> Response:
        """Every foundation model that can be customized."""
        region, method = region_of(request), request.query_params.get("byCustomizationType")
        provider = request.query_params.get("byProvider", "").lower()
        found = [
            views.foundation_model(base, region)
            for base in BASE_MODELS.values()
            if (method is None or method in base.family.methods)
            and provider in ("", base.provider.lower())
        ]
        return JSONResponse({"modelSummaries": found})

    async def get_base(self, request: Request) -> Response:
        """One foundation model."""
        name = identifier(request)
        base = base_model(name)
        if base is None:
            raise _unknown(name)
        details = views.foundation_model(base, region_of(request))
        return JSONResponse({"modelDetails": details})

    async def list_tags(self, request: Request) -> Response:
        """The tags of a job or a custom model."""
        body = await read_json(request, _LIST_TAGS)
        record, name = self._tagged(request, body)
        return JSONResponse({"tags": record[name]})

    async def tag(self, request: Request) -> Response:
        """Add tags, in place of those with the same keys."""
        body = await read_json(request, _TAG)
        added = {tag["key"]: tag["value"] for tag in body["tags"]}

        def change(tags: _Tags) -> _Tags:
            merged = {tag["key"]: tag["value"] for tag in tags} | added
            if len(merged) > _MOST_TAGS:
                raise refused("TooManyTagsException")
            return [{"key": key, "value": value} for key, value in merged.items()]

        return self._retag(request, body, change)

    async def untag(self, request: Request) -> Response:
        """Take tags away."""
        body = await read_json(request, _UNTAG)
        return self._retag(
            request, body, lambda tags: [tag for tag in tags if tag["key"] not in body["tagKeys"]]
        )

    def _retag(
        self, request: Request, body: Mapping[str, Any], change: Callable[[_Tags], _Tags]
    ) -> Response:
        record, name = self._tagged(request, body)
        self._jobs.change(record, functools.partial(_with_tags, name=name, change=change))
        return JSONResponse({})

    def _tagged(self, request: Request, body: Mapping[str, Any]) -> tuple[Record, str]:
        """The job that a resource belongs to, and the name of the resource's tags in its record."""
        arn, region = body["resourceARN"], region_of(request)
        job = self._jobs.get(region, arn) if arn.startswith("arn:") else None
        if job:
            return job, "tags"
        model = self._jobs.model(region, arn) if arn.startswith("arn:") else None
        if model is None:
            raise _unknown(arn)
        return model, "model_tags"

    def _model(self, request: Request) -> Record:
        name = identifier(request)
        record = self._jobs.model(region_of(request), name)
        if record is None:
            raise _unknown(name)
        return record

    def _fits(self, record: Record, wanted: Mapping[str, Any]) -> bool:
        shown = views.model_summary(record, self._jobs.course(record))
        created = self._jobs.course(record).finished_at
        return (
            wanted["name"] in shown["modelName"]
            and wanted["base"] in (None, shown["baseModelArn"])
            and wanted["status"] in (None, shown["modelStatus"])
            and (wanted["after"] is None or created > wanted["after"])
            and (wanted["before"] is None or created < wanted["before"])
        )


def _with_tags(record: Record, *, name: str, change: Callable[[_Tags], _Tags]) -> Record:
    return {**record, name: change(record[name])}


def _filters(request: Request) -> dict[str, Any]:
    query = request.query_params
    shapes = {
        "nameContains": MODEL_NAME,
        "modelStatus": _MODEL_STATUS,
        "sortBy": SORT_BY,
        "sortOrder": SORT_ORDER,
    }
    for name, shape in shapes.items():
        if name in query:
            require(query[name], shape, name)
    return {
        "name": query.get("nameContains", ""),
        "status": query.get("modelStatus"),
        "base": query.get("baseModelArnEquals") or query.get("foundationModelArnEquals"),
        "after": moment(query.get("creationTimeAfter"), "creationTimeAfter"),
        "before": moment(query.get("creationTimeBefore"), "creationTimeBefore"),
    }


def _unknown(name: str) -> Refusal:
    return refused("ResourceNotFoundException", f"Could not find the resource {name}.")
