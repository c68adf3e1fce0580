"""The datasets of the sandbox: a record each, and their files beside it.

The handlers of datasets, of the storage and of jobs share it. A dataset takes files until they are
complete; then it is surveyed once, and after a moment it is READY, or FAILED if it is none: a state
that the SDK's list of 2026 does not have, beside a `status` which it has.

A record holds id, created, updated, display_name, format, example_count, secret, registered
({name: {size, expires, signature, file}}, what signed addresses were given for), files ([{name,
file}]), survey (null until complete), speed (that of the server which surveyed it).
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.sandbox.exchange import World
from reconciler.sandbox.fireworks import training_data
from reconciler.sandbox.fireworks.training_data import Files
from reconciler.sandbox.fireworks.wire import refused
from reconciler.sandbox.store import Collection, Record

SURVEY_SECONDS = 1.0
"""How long a dataset is being looked at once all its files are there."""


class DatasetStore:
    """All datasets, by id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._records = Collection(world.data_dir / "fireworks" / "datasets")

    def add(self, name: str, details: Mapping[str, Any]) -> Record:
        """Store a new dataset without files; Refusal if its id is taken."""
        now = self._world.clock()
        record = {
            "id": name,
            "created": now,
            "updated": now,
            "secret": secrets.token_hex(16),
            "registered": {},
            "files": [],
            "survey": None,
            "speed": None,
            **details,
        }

        def revision(existing: Record | None) -> Record:
            if existing:
                raise refused("ALREADY_EXISTS")
            return record

        self._records.revise(name, revision)
        self.folder(record).mkdir(exist_ok=True)
        return record

    def get(self, name: str) -> Record:
        """The dataset; Refusal if there is none."""
        record = self._records.load(name)
        if record is None:
            raise refused("NOT_FOUND")
        return record

    def all(self) -> list[Record]:
        """Every dataset, by id."""
        return self._records.all()

    def change(self, name: str, change: Callable[[Record], Record]) -> Record:
        """Change a dataset that still takes files; Refusal if it takes no more, or is not there."""

        def checked(record: Record) -> Record:
            check_open(record)
            return {**change(record), "updated": self._world.clock()}

        changed = self._records.update(name, checked)
        if changed is None:
            raise refused("NOT_FOUND")
        return changed

    def complete(self, name: str, files: Sequence[Mapping[str, str]]) -> None:
        """Make these files the dataset: they are read once, here."""
        paths = [(item["name"], self.folder({"id": name}) / item["file"]) for item in files]
        survey = dataclasses.asdict(training_data.survey(paths))
        self.change(
            name,
            lambda record: {
                **record,
                "files": list(files),
                "survey": survey,
                "speed": self._world.speed,
            },
        )

    def remove(self, name: str) -> None:
        """Forget a dataset and its files."""
        record = self.get(name)
        self._records.remove(name)
        shutil.rmtree(self.folder(record), ignore_errors=True)

    def state(self, record: Record) -> str:
        """UPLOADING, READY or FAILED."""
        if record["survey"] is None:
            return "UPLOADING"
        if self._world.clock() < record["updated"] + SURVEY_SECONDS / record["speed"]:
            return "UPLOADING"
        return "FAILED" if record["survey"]["error"] else "READY"

    def files(self, record: Record) -> Files:
        """Name and place of every file of a dataset."""
        return [(item["name"], self.folder(record) / item["file"]) for item in record["files"]]

    def folder(self, record: Record) -> Path:
        """Where the files of a dataset are."""
        return self._records.folder / str(record["id"])


def check_open(record: Record) -> None:
    """Refuse a dataset that takes no more files: once complete, it never changes."""
    if record["survey"] is not None:
        raise refused("FAILED_PRECONDITION", "dataset has been uploaded and is immutable")
