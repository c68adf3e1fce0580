"""The files of the sandbox: a record each, and their bytes beside it.

The handlers of files, uploads and jobs share it. A file never changes; it expires or is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.sandbox.store import Collection, Record, new_id, replace

BATCH_FILES_EXPIRE = 30 * 24 * 3600
"""Seconds that a file with the purpose `batch` is kept where nothing else was said."""


class FileStore:
    """All files, by id."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._records = Collection(folder)
        self._clock = clock

    def scratch(self) -> Path:
        """Where to write bytes that may become a file."""
        return self._records.folder / new_id(".", 24)

    def add(self, scratch: Path, *, filename: str, purpose: str, keep: int | None) -> Record:
        """Make a file of the bytes at a scratch path; `keep` seconds, None for ever."""
        name = new_id("file-", 22)
        path = scratch.replace(self.path(name))
        created = int(self._clock())
        if keep is None and purpose == "batch":
            keep = BATCH_FILES_EXPIRE
        record = {
            "id": name,
            "bytes": path.stat().st_size,
            "created_at": created,
            "filename": filename,
            "purpose": purpose,
            "expires_at": None if keep is None else created + keep,
        }
        self._records.put(name, record)
        return record

    def add_result(self, name: str, content: bytes, created: int) -> None:
        """Store a job's result file under the name it has always had; twice is harmless."""
        replace(self.path(name), content)
        record = {
            "id": name,
            "bytes": len(content),
            "created_at": created,
            "filename": "step_metrics.csv",
            "purpose": "fine-tune-results",
            "expires_at": None,
        }
        self._records.put(name, record)

    def get(self, name: str) -> Record | None:
        """The file's record, or None if there is no such file, or no more."""
        record = self._records.get(name)
        return record if record and self._is_kept(record) else None

    def all(self) -> list[Record]:
        """Every file there is, oldest first."""
        kept = [record for record in self._records.all() if self._is_kept(record)]
        return sorted(kept, key=lambda record: (record["created_at"], record["id"]))

    def path(self, name: str) -> Path:
        """Where a file's bytes are."""
        return self._records.folder / f"{name}.bytes"

    def delete(self, name: str) -> None:
        """Forget a file and its bytes."""
        self._records.remove(name)
        self.path(name).unlink(missing_ok=True)

    def _is_kept(self, record: Record) -> bool:
        return record["expires_at"] is None or self._clock() < record["expires_at"]


def file_object(record: Record) -> dict[str, Any]:
    """OpenAI's `file` object."""
    return {"object": "file", **record, "status": "processed", "status_details": None}
