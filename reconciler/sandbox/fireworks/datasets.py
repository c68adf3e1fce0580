"""The handlers of `/v1/accounts/{account}/datasets`.

`routes` puts them under their paths.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.exchange import Refusal, World, bounded
from reconciler.sandbox.fireworks import fields, storage, views
from reconciler.sandbox.fireworks.create_request import ID
from reconciler.sandbox.fireworks.dataset_store import DatasetStore, check_open
from reconciler.sandbox.fireworks.wire import (
    check_account,
    invalid,
    listing,
    read_json,
    refused,
    single,
)
from reconciler.sandbox.store import Record

UPLOAD_LIMIT = 150 * 1024 * 1024
"""Bytes of a file that comes in one request; a larger one needs a signed address."""

_FORM_ROOM = 64 * 1024  # for the form around the file
_FORMATS = ("FORMAT_UNSPECIFIED", "CHAT", "COMPLETION", "RL")
_DATASET = {
    "displayName": fields.text,
    "exampleCount": fields.count,
    "format": fields.choice(*_FORMATS),
    "userUploaded": fields.message({}),
}
_CREATE = {"datasetId": fields.text, "dataset": fields.message(_DATASET)}


class DatasetHandlers:
    """One method per operation."""

    def __init__(self, world: World, datasets: DatasetStore) -> None:
        self._world = world
        self._datasets = datasets

    async def create(self, request: Request) -> Response:
        """Announce a dataset whose files will follow."""
        check_account(request)
        body = fields.read(await read_json(request), _CREATE)
        name, details = body.get("datasetId", ""), body.get("dataset", {})
        if not ID.fullmatch(name):
            raise invalid(f'invalid dataset id "{name}"')
        if "userUploaded" not in details:
            raise invalid("dataset.user_uploaded is required: the sandbox has no other datasets")
        if "exampleCount" not in details:
            raise invalid("example_count is required for uploaded datasets")
        record = self._datasets.add(
            name,
            {
                "display_name": details.get("displayName", ""),
                "format": details.get("format", "FORMAT_UNSPECIFIED"),
                "example_count": details["exampleCount"],
            },
        )
        return JSONResponse(self._view(record))

    async def list(self, request: Request) -> Response:
        """A page of datasets."""
        check_account(request)
        found = [self._view(record) for record in self._datasets.all()]
        return listing(self._world, request, "datasets", found)

    async def get(self, request: Request) -> Response:
        """One dataset."""
        check_account(request)
        return single(request, self._view(self._record(request)))

    async def delete(self, request: Request) -> Response:
        """Forget a dataset and its files."""
        check_account(request)
        self._datasets.remove(request.path_params["dataset"])
        return JSONResponse({})

    async def upload(self, request: Request) -> Response:
        """Take the whole dataset as one file of a form."""
        check_account(request)
        record = self._record(request)
        check_open(record)
        limited = bounded(request, UPLOAD_LIMIT + _FORM_ROOM, _too_large)
        file = f"{secrets.token_hex(8)}.bytes"
        async with limited.form() as form:
            data = form.get("file")
            if not isinstance(data, UploadFile):
                raise invalid("the form must have a file in its field 'file'")
            size, filename = data.size or 0, data.filename or "dataset.jsonl"
            if size > UPLOAD_LIMIT:
                raise _too_large()
            if size == 0:
                raise invalid(f"{filename} is empty")
            await asyncio.to_thread(_save, data, self._datasets.folder(record) / file)
        entry = {"name": filename, "file": file}
        await asyncio.to_thread(self._datasets.complete, record["id"], [entry])
        return JSONResponse(
            {
                "id": views.dataset_name(record),
                "object": "file",
                "bytes": size,
                "created_at": int(self._world.clock()),
                "filename": filename,
                "purpose": "dataset",
            }
        )

    async def upload_endpoint(self, request: Request) -> Response:
        """Sign an address for every file; addresses signed before are good for nothing."""
        check_account(request)
        table = {"filenameToSize": _sizes, "readMask": fields.text}
        sizes = fields.read(await read_json(request), table).get("filenameToSize")
        if not sizes:
            raise invalid("filename_to_size is required")
        expires = self._world.clock() + storage.UPLOAD_SECONDS
        registered = {
            name: {
                "size": size,
                "expires": expires,
                "signature": secrets.token_hex(32),
                "file": None,
            }
            for name, size in sizes.items()
        }
        record = self._record(request)
        self._datasets.change(record["id"], lambda record: {**record, "registered": registered})
        addresses = {
            name: storage.upload_address(
                str(request.base_url), record["id"], name, registered[name]["signature"]
            )
            for name in registered
        }
        return JSONResponse({"filenameToSignedUrls": addresses})

    async def validate_upload(self, request: Request) -> Response:
        """Make a dataset of the files that have arrived, if they are all that were announced."""
        check_account(request)
        fields.read(await read_json(request), {})
        record = self._record(request)
        check_open(record)
        registered = record["registered"]
        if not registered:
            raise refused("FAILED_PRECONDITION", "no files have been registered for upload")
        for name, item in registered.items():
            if item["file"] is None:
                raise refused("FAILED_PRECONDITION", f"file {name} has not been uploaded")
            if item["size"] == 0:
                raise invalid(f"{name} is empty")
        files = [{"name": name, "file": item["file"]} for name, item in registered.items()]
        await asyncio.to_thread(self._datasets.complete, record["id"], files)
        return JSONResponse({})

    def _record(self, request: Request) -> Record:
        return self._datasets.get(request.path_params["dataset"])

    def _view(self, record: Record) -> dict[str, Any]:
        return views.dataset(record, self._datasets.state(record))


def _sizes(value: Any, place: str) -> dict[str, int]:
    """Sizes by the plain name of a file, each an int64."""
    if not isinstance(value, dict):
        raise invalid(f"invalid value for {place}: expected an object")
    for name in value:
        if not name.endswith(".jsonl") or "/" in name:
            raise invalid(f'invalid file name "{name}": expected the plain name of a .jsonl file')
    return {name: fields.count(size, f"{place}.{name}") for name, size in value.items()}


def _save(data: UploadFile, path: Any) -> None:
    with path.open("wb") as out:
        shutil.copyfileobj(data.file, out)


def _too_large() -> Refusal:
    return invalid(
        f"file is larger than the maximum of {UPLOAD_LIMIT} bytes; use :getUploadEndpoint"
    )
