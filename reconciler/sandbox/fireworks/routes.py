"""The table of paths: which operation answers where.

`app.build` asks for it. A new endpoint is a line here, a handler, and a word in
`faults.OPERATIONS_OF`.
"""

from __future__ import annotations

from starlette.routing import Route

from reconciler.sandbox.exchange import World, operation
from reconciler.sandbox.fireworks import storage
from reconciler.sandbox.fireworks.dataset_store import DatasetStore
from reconciler.sandbox.fireworks.datasets import DatasetHandlers
from reconciler.sandbox.fireworks.job_store import PREFERENCE, SUPERVISED, JobStore
from reconciler.sandbox.fireworks.jobs import JobHandlers
from reconciler.sandbox.fireworks.models import ModelHandlers
from reconciler.sandbox.fireworks.storage import StorageDialect, StorageHandlers
from reconciler.sandbox.fireworks.wire import FireworksDialect

_ACCOUNT = "/v1/accounts/{account}"


def routes(world: World) -> list[Route]:
    """Everything this provider answers: the gateway, and the storage behind it."""
    dataset_store, job_store = DatasetStore(world), JobStore(world)
    datasets = DatasetHandlers(world, dataset_store)
    models = ModelHandlers(world, job_store)
    dataset, model = f"{_ACCOUNT}/datasets/{{dataset}}", f"{_ACCOUNT}/models/{{model}}"
    table = [
        ("GET", "/v1/accounts", "accounts", models.list_accounts),
        ("GET", _ACCOUNT, "account", models.get_account),
        ("POST", f"{_ACCOUNT}/datasets", "create-file", datasets.create),
        ("GET", f"{_ACCOUNT}/datasets", "files", datasets.list),
        ("POST", f"{dataset}:upload", "upload", datasets.upload),
        ("POST", f"{dataset}:getUploadEndpoint", "upload-start", datasets.upload_endpoint),
        ("POST", f"{dataset}:validateUpload", "upload-complete", datasets.validate_upload),
        ("GET", dataset, "file", datasets.get),
        ("DELETE", dataset, "delete-file", datasets.delete),
        ("GET", f"{_ACCOUNT}/models", "models", models.list),
        ("GET", model, "model", models.get),
        ("DELETE", model, "delete-model", models.delete),
    ]
    for kind in (SUPERVISED, PREFERENCE):
        jobs = JobHandlers(world, kind, job_store, dataset_store)
        collection, job = f"{_ACCOUNT}/{kind}", f"{_ACCOUNT}/{kind}/{{job}}"
        table += [
            ("POST", collection, "create", jobs.create),
            ("GET", collection, "list", jobs.list),
            ("POST", f"{job}:cancel", "cancel", jobs.cancel),
            ("POST", f"{job}:resume", "resume", jobs.resume),
            ("GET", f"{job}:getMetricsFileEndpoint", "metrics", jobs.metrics),
            ("GET", job, "get", jobs.get),
            ("DELETE", job, "delete", jobs.delete),
        ]
    stored = StorageHandlers(world, dataset_store, job_store)
    signed = (
        ("PUT", f"{storage.PREFIX}/datasets/{{dataset}}/{{file}}", "upload-part", stored.put),
        ("GET", f"{storage.PREFIX}/{{kind}}/{{job}}/metrics.jsonl", "content", stored.metrics),
    )
    gateway, storage_dialect = FireworksDialect(), StorageDialect()
    return [
        *(
            Route(path, operation(world, gateway, name, handler), methods=[method])
            for method, path, name, handler in table
        ),
        *(
            Route(path, operation(world, storage_dialect, name, handler), methods=[method])
            for method, path, name, handler in signed
        ),
    ]
