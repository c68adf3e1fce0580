"""The handlers of `/v1/files`.

`routes` puts them under their paths. Bodies go from the connection to the disk: no upload is ever
held in memory whole.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from reconciler.sandbox.exchange import World, bounded
from reconciler.sandbox.openai import fields
from reconciler.sandbox.openai.file_store import FileStore, file_object
from reconciler.sandbox.openai.job_store import JobStore
from reconciler.sandbox.openai.wire import page, refused, too_large
from reconciler.sandbox.store import Record

FILE_LIMIT = 512 * 1024 * 1024
"""Bytes of one file sent in one request."""

FORM_ROOM = 64 * 1024
"""Bytes that a form may need besides the file in it."""

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
"""What a file may be uploaded for."""

_MOST_FILES = 10_000


class FileHandlers:
    """One method per operation."""

    def __init__(self, world: World, files: FileStore, jobs: JobStore) -> None:
        self._world = world
        self._files = files
        self._jobs = jobs

    async def upload(self, request: Request) -> Response:
        """Store a file sent as a form: purpose, file, and perhaps expires_after."""
        limited = bounded(request, FILE_LIMIT + FORM_ROOM, lambda: too_large(FILE_LIMIT))
        async with limited.form() as form:
            purpose = fields.choice(*PURPOSES)(fields.required(form, "purpose"), "purpose")
            file = fields.required(form, "file")
            if not isinstance(file, UploadFile):
                raise refused("Invalid 'file': expected a file.", param="file", code="invalid_type")
            if (file.size or 0) > FILE_LIMIT:
                raise too_large(FILE_LIMIT)
            filename = file.filename or "file"
            check_name(filename, purpose, file.size or 0)
            keep = expiry(_expires_after(form))
            scratch = self._files.scratch()
            await asyncio.to_thread(save, file, scratch)
        record = self._files.add(scratch, filename=filename, purpose=purpose, keep=keep)
        return JSONResponse(file_object(record))

    async def list(self, request: Request) -> Response:
        """A page of files, newest first unless asked otherwise, all or those of one purpose."""
        query = request.query_params
        if query.get("purpose") in (None, "fine-tune-results"):
            self._jobs.settle()
        limit = query.get("limit", "1")
        if limit.isdigit():
            fields.integer(1, _MOST_FILES)(int(limit), "limit")
        order = fields.choice("asc", "desc")(query.get("order", "desc"), "order")
        found = [
            record
            for record in self._files.all()
            if query.get("purpose") in (None, record["purpose"])
        ]
        if order == "desc":
            found.reverse()
        chosen, more = page(
            self._world,
            request,
            found,
            default=_MOST_FILES,
            most=_MOST_FILES,
            name=lambda record: record["id"],
        )
        return JSONResponse(
            {
                "object": "list",
                "data": [file_object(record) for record in chosen],
                "has_more": more,
                "first_id": chosen[0]["id"] if chosen else None,
                "last_id": chosen[-1]["id"] if chosen else None,
            }
        )

    async def get(self, request: Request) -> Response:
        """One file's record."""
        return JSONResponse(file_object(self._file(request)))

    async def content(self, request: Request) -> Response:
        """One file's bytes."""
        record = self._file(request)
        return FileResponse(
            self._files.path(record["id"]),
            media_type="application/octet-stream",
            filename=record["filename"],
        )

    async def delete(self, request: Request) -> Response:
        """Delete a file. Jobs that were made from it go on."""
        record = self._file(request)
        self._files.delete(record["id"])
        return JSONResponse({"object": "file", "id": record["id"], "deleted": True})

    def _file(self, request: Request) -> Record:
        name = request.path_params["file"]
        record = self._files.get(name)
        if record is None:
            # A result file is made when its job's end is first seen, which may be now.
            self._jobs.settle()
            record = self._files.get(name)
        if record is None:
            raise refused(f"No such File object: {name}", param="id", status=404)
        return record


def save(upload: UploadFile, path: Path) -> None:
    """Write what was uploaded to a path, block by block."""
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target, 1024 * 1024)


def check_name(filename: str, purpose: str, size: int) -> None:
    """What OpenAI says at once: of an empty file, and of training data not named *.jsonl."""
    if size == 0:
        raise refused("File is empty.", param="file")
    if purpose in ("fine-tune", "batch") and not filename.lower().endswith(".jsonl"):
        product = "Fine-Tuning" if purpose == "fine-tune" else "Batch"
        raise refused(f"Invalid file format for {product} API. Must be .jsonl", param="file")


def expiry(expires_after: Mapping[str, Any] | None) -> int | None:
    """For how many seconds a file is kept; None if nothing was said."""
    if expires_after is None:
        return None
    anchor = fields.required(expires_after, "anchor", "expires_after")
    fields.choice("created_at")(anchor, "expires_after.anchor")
    seconds = fields.required(expires_after, "seconds", "expires_after")
    kept: int = fields.integer(3_600, 2_592_000)(seconds, "expires_after.seconds")
    return kept


def _expires_after(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """The policy inside a form, where it is spelled `expires_after[anchor]`."""
    found = {
        name: form[f"expires_after[{name}]"]
        for name in ("anchor", "seconds")
        if f"expires_after[{name}]" in form
    }
    seconds = found.get("seconds")
    if isinstance(seconds, str) and seconds.isdigit():
        found["seconds"] = int(seconds)
    return found or None
