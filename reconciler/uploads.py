"""How training data gets to a provider: in the form it reads, by its content's name, once.

`apply` asks for a dataset's reference before every create. What is up there already is found by its
hash, in the state or at the provider; what is not is converted where that is needed, and sent. An
upload costs nothing and may be repeated: only the create after it is money.

Under `.reconciler/cache/` lie converted files, each named after what it was made of and what it
holds, and notes on uploads in parts that are under way. Deleting them costs time and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock

from reconciler import durable
from reconciler.errors import CreateRejected, Remedy, SpecError
from reconciler.model import Dataset, JobSpec, Tell
from reconciler.providers.base import LocalFile, Provider
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_file

CACHE = Path(".reconciler/cache")

CONVERTED_KEPT = 16
"""Converted files that stay for a later pass, those of this one not counted."""


def nobody(_name: str, _done: int, _total: int) -> None:
    """Who is told where nobody asked."""


class Uploads:
    """The uploads of one repository in one pass. `root` is where dataset paths begin.

    One thread uploads a file while the others that need the same bytes wait for it.
    """

    def __init__(self, root: Path, tell: Tell = nobody) -> None:
        self._root = root
        self._tell = tell
        self._guard = Lock()
        self._locks: dict[tuple[str, str], Lock] = {}
        self._converted: dict[tuple[str, str], LocalFile] = {}

    def reference(self, dataset: Dataset, spec: JobSpec, provider: Provider, ledger: Ledger) -> str:
        """The provider's name for this data, uploading the bytes only where it has none.

        Raises CreateRejected where there are no bytes, or none that the provider takes, and what
        `Provider.upload` raises.
        """
        if dataset.sha256 is None:
            return dataset.reference or ""
        with self._alone(provider.scope, dataset.sha256):
            if spec.conversion and dataset.format == "chat":
                return self._uploaded(self._in_form(dataset, spec.conversion), provider, ledger)
            if dataset.present:
                return self._uploaded(self._local(dataset), provider, ledger)
            known = ledger.state.files.get(provider.scope, {}).get(dataset.sha256)
            if known is None:
                raise _absent(dataset)
            return known.reference

    def _uploaded(self, file: LocalFile, provider: Provider, ledger: Ledger) -> str:
        known = ledger.state.files.get(provider.scope, {}).get(file.sha256)
        ref = provider.upload(replace(file, progress=self._notes(file, provider.scope)), known)
        if ref != known:
            ledger.commit(lambda state: with_file(state, provider.scope, ref))
        return ref.reference

    def _in_form(self, dataset: Dataset, conversion: str) -> LocalFile:
        """The data in the provider's form: converted in this pass at most once, for whoever asks.

        What an earlier pass has made is used if it still holds what its name says.
        """
        source = self._local(dataset)
        key = (source.sha256, conversion)
        with self._alone(f"to {conversion}", source.sha256):
            if key not in self._converted:
                folder = self._root / CACHE / "converted"
                name = f"{source.sha256}-{conversion.replace('/', '-')}"
                self._converted[key] = self._kept(folder, name, dataset) or self._made(
                    folder, name, dataset, conversion
                )
                _tidy(folder, {file.path for file in self._converted.values()})
            return self._converted[key]

    def _kept(self, folder: Path, name: str, dataset: Dataset) -> LocalFile | None:
        """What an earlier pass has made of these bytes, if its content is what its name says."""
        for path in sorted(folder.glob(f"{name}-*.jsonl")):
            sha256 = path.stem.removeprefix(f"{name}-")
            with suppress(OSError), path.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == sha256:
                    return self._file(path, sha256, stream.tell(), dataset)
            durable.forget(path)
        return None

    def _made(self, folder: Path, name: str, dataset: Dataset, conversion: str) -> LocalFile:
        from reconciler.datasets.conversion import convert

        source, target = self._local(dataset), folder / f"{name}.new"
        try:
            durable.make_folder(folder)
            durable.sweep(target)
            made = convert(source.path, target, conversion, file=dataset.path or "")
            if made.source_sha256 != source.sha256:
                raise CreateRejected(
                    f"{dataset.path} has changed since it was read",
                    remedy=Remedy.RETRY_NOW,
                    hint="leave it alone while it is uploaded",
                )
            path = folder / f"{name}-{made.sha256}.jsonl"
            target.replace(path)
        except SpecError as error:
            raise CreateRejected(str(error), remedy=Remedy.FIX_SPEC) from None
        except OSError as error:
            raise CreateRejected(
                f"{dataset.path} cannot be converted: {error.strerror}",
                remedy=Remedy.RETRY_NOW,
                hint=f"is there room in {CACHE}, and may the file be read?",
            ) from error
        finally:
            durable.forget(target)
        return self._file(path, made.sha256, made.size, dataset)

    @contextmanager
    def _alone(self, place: str, sha256: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault((place, sha256), Lock())
        with lock:
            yield

    def _local(self, dataset: Dataset) -> LocalFile:
        if dataset.path is None or dataset.size is None or dataset.sha256 is None:
            raise _absent(dataset)
        return self._file(self._root / dataset.path, dataset.sha256, dataset.size, dataset)

    def _file(self, path: Path, sha256: str, size: int, dataset: Dataset) -> LocalFile:
        tell = partial(self._told, dataset.path or path.name, size)
        return LocalFile(path=path, sha256=sha256, size=size, tell=tell)

    def _told(self, name: str, total: int, done: int) -> None:
        self._tell(name, done, total)

    def _notes(self, file: LocalFile, scope: str) -> Path:
        """Where an upload of these bytes to this account notes how far it got."""
        account = hashlib.sha256(scope.encode()).hexdigest()[:16]
        return self._root / CACHE / "uploads" / f"{file.sha256}-{account}.json"


def _tidy(folder: Path, used: set[Path]) -> None:
    """Remove the oldest converted files that this pass has no use for, beyond CONVERTED_KEPT."""
    others = [path for path in folder.glob("*.jsonl") if path not in used]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in others[CONVERTED_KEPT:]:
        durable.forget(path)


def _absent(dataset: Dataset) -> CreateRejected:
    return CreateRejected(
        f"the bytes of {dataset.path or dataset.sha256} are not here",
        remedy=Remedy.FIX_ACCOUNT,
        hint="apply where the data is",
    )
