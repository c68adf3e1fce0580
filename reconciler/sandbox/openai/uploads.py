"""The handlers of `/v1/uploads`: files too big for one request, sent in parts.

`routes` puts them under their paths. A part is a file in the folder of its upload; completing puts
the parts together in the order the client names, checks size and md5, and makes a file of them. A
part that no completion names is no trouble, whoever sent it twice: only the sum of all is bounded.
The log has the size and the SHA-256 of every part, so that tests can tell one sent again. No part
is ever in memory whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal, World, bounded
from reconciler.sandbox.journal import entry_of
from reconciler.sandbox.openai import fields
from reconciler.sandbox.openai.file_store import FileStore, file_object
from reconciler.sandbox.openai.files import FORM_ROOM, PURPOSES, check_name, expiry
from reconciler.sandbox.openai.wire import read_json, refused, too_large
from reconciler.sandbox.store import Collection, Record, new_id

PART_LIMIT = 64 * 1024 * 1024
"""Bytes of one part."""

UPLOAD_LIMIT = 8 * 1024 * 1024 * 1024
"""Bytes of all parts of an upload."""

OPEN_SECONDS = 3_600
"""How long an upload takes parts."""

_BLOCK = 1024 * 1024


class UploadHandlers:
    """One method per operation."""

    def __init__(self, world: World, files: FileStore) -> None:
        self._world = world
        self._files = files
        self._uploads = Collection(world.data_dir / "openai" / "uploads")

    async def start(self, request: Request) -> Response:
        """Begin an upload: name, purpose, size and type of the file to be."""
        body = await read_json(request)
        fields.only(body, ("filename", "purpose", "bytes", "mime_type", "expires_after"))
        filename = fields.string(fields.required(body, "filename"), "filename", least=1)
        purpose = fields.choice(*PURPOSES)(fields.required(body, "purpose"), "purpose")
        size = fields.integer(1, UPLOAD_LIMIT)(fields.required(body, "bytes"), "bytes")
        fields.string(fields.required(body, "mime_type"), "mime_type", least=1)
        check_name(filename, purpose, size)
        keep = expiry(body.get("expires_after"))
        created = int(self._world.clock())
        record = {
            "id": new_id("upload_", 32),
            "created_at": created,
            "expires_at": created + OPEN_SECONDS,
            "filename": filename,
            "purpose": purpose,
            "bytes": size,
            "keep": keep,
            "parts": {},
            "status": "pending",
            "file": None,
        }
        self._uploads.put(record["id"], record)
        return self._reply(record)

    async def part(self, request: Request) -> Response:
        """Take one part, sent as a form with the field `data`."""
        name = request.path_params["upload"]
        self._check_open(self._uploads.get(name), name)
        limited = bounded(request, PART_LIMIT + FORM_ROOM, lambda: too_large(PART_LIMIT))
        async with limited.form() as form:
            data = fields.required(form, "data")
            if not isinstance(data, UploadFile):
                raise refused("Invalid 'data': expected a file.", param="data", code="invalid_type")
            size = data.size or 0
            if size > PART_LIMIT:
                raise too_large(PART_LIMIT)
            if size == 0:
                raise refused("The part is empty.", param="data")
            part = f"part_{secrets.token_hex(16)}"
            self._folder(name).mkdir(exist_ok=True)
            digest = await asyncio.to_thread(_save, data, self._folder(name) / part)
        details = {"upload": name, "part": part, "bytes": size, "sha256": digest}
        entry_of(request.scope).details |= details

        def with_part(record: Record) -> Record:
            self._check_open(record, name)
            parts = {**record["parts"], part: size}
            if sum(parts.values()) > UPLOAD_LIMIT:
                raise refused(
                    f"The parts of upload {name} hold more than {UPLOAD_LIMIT} bytes.",
                    code="upload_too_large",
                )
            return {**record, "parts": parts}

        self._uploads.update(name, with_part)
        return JSONResponse(
            {
                "object": "upload.part",
                "id": part,
                "created_at": int(self._world.clock()),
                "upload_id": name,
            }
        )

    async def complete(self, request: Request) -> Response:
        """Make a file of the parts, if they are what was announced."""
        body = await read_json(request)
        fields.only(body, ("part_ids", "md5"))
        part_ids = fields.array(fields.required(body, "part_ids"), "part_ids")
        md5 = None if body.get("md5") is None else fields.string(body["md5"], "md5")
        name = request.path_params["upload"]

        record = self._check_open(self._uploads.get(name), name)
        scratch = await asyncio.to_thread(self._assemble, record, part_ids, md5)

        def completed(record: Record) -> Record:
            self._check_open(record, name)
            file = self._files.add(
                scratch,
                filename=record["filename"],
                purpose=record["purpose"],
                keep=record["keep"],
            )
            return {**record, "status": "completed", "file": file_object(file)}

        try:
            return self._close(name, self._uploads.update(name, completed))
        finally:
            scratch.unlink(missing_ok=True)

    async def cancel(self, request: Request) -> Response:
        """Give an upload up: it takes no more parts."""
        name = request.path_params["upload"]

        def cancelled(record: Record) -> Record:
            self._check_open(record, name)
            return {**record, "status": "cancelled"}

        return self._close(name, self._uploads.update(name, cancelled))

    def _assemble(self, record: Record, part_ids: Sequence[Any], md5: str | None) -> Path:
        """The parts as one file, if they are what was announced."""
        _check_parts(record, part_ids)
        digest = hashlib.md5(usedforsecurity=False)
        scratch = self._files.scratch()
        with scratch.open("wb") as whole:
            for part in part_ids:
                with (self._folder(record["id"]) / part).open("rb") as stream:
                    while block := stream.read(_BLOCK):
                        digest.update(block)
                        whole.write(block)
        if md5 is not None and digest.hexdigest() != md5.lower():
            scratch.unlink()
            raise refused(
                "The md5 checksum does not match the bytes that were uploaded.", param="md5"
            )
        return scratch

    def _close(self, name: str, record: Record | None) -> Response:
        """Answer with an upload that takes no more parts, and forget those it had."""
        if record is None:
            raise _unknown(name)
        shutil.rmtree(self._folder(name), ignore_errors=True)
        return self._reply(record)

    def _check_open(self, record: Record | None, name: str) -> Record:
        """The upload; refused if it does not exist or takes no more parts."""
        if record is None:
            raise _unknown(name)
        status = self._status(record)
        if status != "pending":
            raise refused(f"Upload {name} is {status}.", code=f"upload_{status}")
        return record

    def _status(self, record: Record) -> str:
        late = self._world.clock() >= record["expires_at"]
        status: str = record["status"]
        return "expired" if status == "pending" and late else status

    def _folder(self, name: str) -> Path:
        return self._uploads.folder / name

    def _reply(self, record: Record) -> Response:
        shown = ("id", "bytes", "created_at", "filename", "purpose", "expires_at", "file")
        view: dict[str, Any] = {name: record[name] for name in shown}
        return JSONResponse({"object": "upload", "status": self._status(record), **view})


def _check_parts(record: Record, part_ids: Sequence[Any]) -> None:
    for part in part_ids:
        if not isinstance(part, str) or part not in record["parts"]:
            raise refused(f"No such part: {part}", param="part_ids")
    if len(set(part_ids)) < len(part_ids):
        raise refused("A part is named twice.", param="part_ids")
    size = sum(record["parts"][part] for part in part_ids)
    if size != record["bytes"]:
        raise refused(
            f"The parts hold {size} bytes, but {record['bytes']} were announced.", param="part_ids"
        )


def _save(upload: UploadFile, path: Path) -> str:
    """Write what was uploaded to a path, block by block; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as target:
        while block := upload.file.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _unknown(name: str) -> Refusal:
    return refused(f"No such Upload object: {name}", param="id", status=404)
