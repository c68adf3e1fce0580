"""How far an upload in parts got, on the disk: what a run that was killed leaves to the next.

Adapters write it as answers arrive and read it before they send. It names the upload and its parts
by the provider's ids, which are no secrets: a key or a signed URL has no place in it. Nothing is
believed that the file itself does not prove to be about these bytes; a damaged one is as good as
none, and one that cannot be written costs only what it would have saved.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from threading import Lock
from typing import Any

from reconciler import durable
from reconciler.providers.base import LocalFile

_VERSION = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An upload that was begun. `parts` are the provider's ids of those it has, by their number.

    `part` is the size of a part in bytes. `expires_at` is in unix seconds, None where the provider
    sets no time.
    """

    upload: str
    part: int
    expires_at: int | None = None
    parts: Mapping[int, str] = field(default_factory=dict)


class Notes:
    """The notes on one upload, for the threads that send its parts.

    They are kept in memory where the file has no place for them on the disk.
    """

    def __init__(self, file: LocalFile) -> None:
        self._file = file
        self._guard = Lock()
        self._progress: Progress | None = None

    def read(self, part: int) -> Progress | None:
        """What an earlier run wrote down on these bytes in parts of this size, if anything."""
        self._progress = None
        if self._file.progress is not None:
            with suppress(OSError, ValueError, RecursionError):
                document = json.loads(self._file.progress.read_bytes())
                self._progress = _progress(document, self._file, part)
        return self._progress

    def begin(self, progress: Progress) -> None:
        """Note an upload before its first part leaves."""
        with self._guard:
            self._write(progress)

    def add(self, number: int, id_: str) -> None:
        """Note that the provider has a part: when this returns, it will not be sent again."""
        with self._guard:
            if self._progress is not None:
                parts = {**self._progress.parts, number: id_}
                self._write(replace(self._progress, parts=parts))

    @property
    def parts(self) -> Mapping[int, str]:
        """The ids of the parts that the provider has, by number."""
        return self._progress.parts if self._progress else {}

    def forget(self) -> None:
        """The upload is over, or good for nothing any more."""
        with self._guard:
            self._progress = None
            if self._file.progress is not None:
                durable.forget(self._file.progress)

    def _write(self, progress: Progress) -> None:
        self._progress = progress
        path = self._file.progress
        if path is None:
            return
        try:
            durable.make_folder(path.parent)
            durable.replace_file(path, _written(progress, self._file))
        except OSError as error:
            _log.warning(
                "%s: %s; an upload that is interrupted will begin anew", path, error.strerror
            )


def _written(progress: Progress, file: LocalFile) -> bytes:
    about = {"version": _VERSION, "sha256": file.sha256, "size": file.size}
    return json.dumps({**about, **asdict(progress)}, indent=1, sort_keys=True).encode()


def _progress(document: Any, file: LocalFile, part: int) -> Progress | None:
    """The progress that a document tells, if it is one on these bytes and parts."""
    about = {"version": _VERSION, "sha256": file.sha256, "size": file.size, "part": part}
    if not isinstance(document, dict) or any(document.get(key) != about[key] for key in about):
        return None
    upload, expires_at = document.get("upload"), document.get("expires_at")
    parts = document.get("parts")
    if not isinstance(upload, str) or not upload or not isinstance(expires_at, int | None):
        return None
    if not isinstance(parts, dict) or not all(isinstance(id_, str) for id_ in parts.values()):
        return None
    last = -(-file.size // part)
    numbered = {int(number): id_ for number, id_ in parts.items()}
    if not all(1 <= number <= last and id_ for number, id_ in numbered.items()):
        return None
    return Progress(upload=upload, part=part, expires_at=expires_at, parts=numbered)
