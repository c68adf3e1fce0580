"""The handlers of accounts and of `/v1/accounts/{account}/models`.

`routes` puts them under their paths. The base models are another account's, and everyone's to see.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import World
from reconciler.sandbox.fireworks import views
from reconciler.sandbox.fireworks.catalogue import BASE_MODELS
from reconciler.sandbox.fireworks.job_store import JobStore
from reconciler.sandbox.fireworks.wire import (
    PUBLIC_ACCOUNT,
    check_account,
    listing,
    refused,
    single,
)
from reconciler.sandbox.store import Record


class ModelHandlers:
    """One method per operation."""

    def __init__(self, world: World, jobs: JobStore) -> None:
        self._world = world
        self._jobs = jobs

    async def list_accounts(self, request: Request) -> Response:
        """The accounts that a key opens: one."""
        return listing(self._world, request, "accounts", [views.account()])

    async def get_account(self, request: Request) -> Response:
        """The one account."""
        check_account(request)
        return single(request, views.account())

    async def list(self, request: Request) -> Response:
        """A page of an account's models."""
        if request.path_params["account"] == PUBLIC_ACCOUNT:
            found = [views.base_model(base) for base in BASE_MODELS.values()]
        else:
            check_account(request)
            found = [self._view(job) for job in self._jobs.models()]
        return listing(self._world, request, "models", found)

    async def get(self, request: Request) -> Response:
        """One model."""
        name = request.path_params["model"]
        if request.path_params["account"] == PUBLIC_ACCOUNT:
            base = BASE_MODELS.get(f"accounts/{PUBLIC_ACCOUNT}/models/{name}")
            if base is None:
                raise refused("NOT_FOUND")
            return single(request, views.base_model(base))
        check_account(request)
        return single(request, self._view(self._job(name)))

    async def delete(self, request: Request) -> Response:
        """Forget a model; its job stays."""
        check_account(request)
        self._job(request.path_params["model"])
        self._jobs.delete_model(request.path_params["model"])
        return JSONResponse({})

    def _job(self, model: str) -> Record:
        job = self._jobs.model(model)
        if job is None:
            raise refused("NOT_FOUND")
        return job

    def _view(self, job: Record) -> dict[str, Any]:
        course, base = self._jobs.course(job), BASE_MODELS[job["base"]]
        return views.tuned_model(job, course, self._world.clock(), base)
