"""The table of paths: which operation answers where.

`app.build` asks for it. A new endpoint is a line here, a handler, and a word in
`faults.OPERATIONS_OF`.
"""

from __future__ import annotations

from starlette.routing import Route

from reconciler.sandbox.bedrock.job_store import JobStore
from reconciler.sandbox.bedrock.jobs import JobHandlers
from reconciler.sandbox.bedrock.models import ModelHandlers
from reconciler.sandbox.bedrock.wire import BedrockDialect
from reconciler.sandbox.exchange import World, operation
from reconciler.sandbox.s3.object_store import ObjectStore


def routes(world: World, objects: ObjectStore) -> list[Route]:
    """Everything this provider answers. Jobs read their data from `objects`, and write to it."""
    store = JobStore(world, objects)
    objects.before_reading(store.settle)
    jobs = JobHandlers(world, store, objects)
    models = ModelHandlers(world, store)
    table = (
        ("POST", "/model-customization-jobs", "create", jobs.create),
        ("GET", "/model-customization-jobs", "list", jobs.list),
        ("POST", "/model-customization-jobs/{id:path}/stop", "cancel", jobs.stop),
        ("GET", "/model-customization-jobs/{id:path}", "get", jobs.get),
        ("GET", "/custom-models", "models", models.list),
        ("GET", "/custom-models/{id:path}", "model", models.get),
        ("DELETE", "/custom-models/{id:path}", "delete-model", models.delete),
        ("GET", "/foundation-models", "base-models", models.list_base),
        ("GET", "/foundation-models/{id:path}", "base-model", models.get_base),
        ("POST", "/listTagsForResource", "tags", models.list_tags),
        ("POST", "/tagResource", "tag", models.tag),
        ("POST", "/untagResource", "untag", models.untag),
    )
    dialect = BedrockDialect()
    return [
        Route(path, operation(world, dialect, name, handler), methods=[method])
        for method, path, name, handler in table
    ]
