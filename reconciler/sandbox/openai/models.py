"""The handlers of `/v1/models`: base models, and what succeeded jobs have left.

`routes` puts them under their paths.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal
from reconciler.sandbox.openai.catalogue import BASE_MODELS, BaseModel, ancestor, base_model
from reconciler.sandbox.openai.job_store import JobStore, TunedModel
from reconciler.sandbox.openai.wire import refused


class ModelHandlers:
    """One method per operation."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def list(self, _request: Request) -> Response:
        """All models, those of OpenAI first. This list has no pages."""
        base = [
            _base_object(model, name)
            for model in BASE_MODELS
            for name in (model.id, *model.aliases)
        ]
        tuned = [_tuned_object(model) for model in self._jobs.models()]
        return JSONResponse({"object": "list", "data": [*base, *tuned]})

    async def get(self, request: Request) -> Response:
        """One model."""
        name = request.path_params["model"]
        base = base_model(name)
        if base:
            return JSONResponse(_base_object(base, name))
        return JSONResponse(_tuned_object(self._tuned(name)))

    async def delete(self, request: Request) -> Response:
        """Delete a fine-tuned model; nobody deletes one of OpenAI's."""
        name = request.path_params["model"]
        if base_model(name):
            raise refused(
                "You have insufficient permissions for this operation.", param="model", status=403
            )
        self._jobs.delete_model(self._tuned(name))
        return JSONResponse({"id": name, "object": "model", "deleted": True})

    def _tuned(self, name: str) -> TunedModel:
        found = next((model for model in self._jobs.models() if model.id == name), None)
        if found is None:
            raise _unknown(name)
        return found


def _unknown(name: str) -> Refusal:
    return refused(
        f"The model '{name}' does not exist", param="model", code="model_not_found", status=404
    )


def _base_object(model: BaseModel, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": model.created,
        "owned_by": "system",
        "shutdown_date": model.shutdown,
    }


def _tuned_object(model: TunedModel) -> dict[str, Any]:
    """A fine-tuned model goes when its base model goes."""
    base = ancestor(model.id)
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.job["organization_id"],
        "shutdown_date": base.shutdown if base else None,
    }
