"""The table of paths: which operation answers where.

`app.build` asks for it. A new endpoint is a line here, a handler, and a word in
`faults.OPERATIONS`.
"""

from __future__ import annotations

from starlette.routing import Route

from reconciler.sandbox.exchange import World, operation
from reconciler.sandbox.openai.file_store import FileStore
from reconciler.sandbox.openai.files import FileHandlers
from reconciler.sandbox.openai.job_store import JobStore
from reconciler.sandbox.openai.jobs import JobHandlers
from reconciler.sandbox.openai.models import ModelHandlers
from reconciler.sandbox.openai.uploads import UploadHandlers
from reconciler.sandbox.openai.wire import OpenAIDialect


def routes(world: World) -> list[Route]:
    """Everything this provider answers."""
    file_store = FileStore(world.data_dir / "openai" / "files", world.clock)
    job_store = JobStore(world, file_store)
    jobs = JobHandlers(world, job_store, file_store)
    files = FileHandlers(world, file_store, job_store)
    uploads = UploadHandlers(world, file_store)
    models = ModelHandlers(job_store)
    job, file, upload = "/fine_tuning/jobs/{job}", "/files/{file}", "/uploads/{upload}"
    table = (
        ("POST", "/fine_tuning/jobs", "create", jobs.create),
        ("GET", "/fine_tuning/jobs", "list", jobs.list),
        ("GET", job, "get", jobs.get),
        ("POST", f"{job}/cancel", "cancel", jobs.cancel),
        ("POST", f"{job}/pause", "pause", jobs.pause),
        ("POST", f"{job}/resume", "resume", jobs.resume),
        ("GET", f"{job}/events", "events", jobs.events),
        ("GET", f"{job}/checkpoints", "checkpoints", jobs.checkpoints),
        ("POST", "/files", "upload", files.upload),
        ("GET", "/files", "files", files.list),
        ("GET", file, "file", files.get),
        ("GET", f"{file}/content", "content", files.content),
        ("DELETE", file, "delete-file", files.delete),
        ("POST", "/uploads", "upload-start", uploads.start),
        ("POST", f"{upload}/parts", "upload-part", uploads.part),
        ("POST", f"{upload}/complete", "upload-complete", uploads.complete),
        ("POST", f"{upload}/cancel", "upload-cancel", uploads.cancel),
        ("GET", "/models", "models", models.list),
        ("GET", "/models/{model}", "model", models.get),
        ("DELETE", "/models/{model}", "delete-model", models.delete),
    )
    dialect = OpenAIDialect()
    return [
        Route(f"/v1{path}", operation(world, dialect, name, handler), methods=[method])
        for method, path, name, handler in table
    ]
