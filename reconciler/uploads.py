"""How training data gets to a provider: in the form it reads, by its content's name, once.

`apply` asks for a dataset's reference before every create. What is up there already is found by its
hash, in the state or at the provider; what is not is converted where that is needed, and sent. An
upload costs nothing and may be repeated: only the create after it is money.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

from reconciler import durable
from reconciler.errors import CreateRejected, Remedy, SpecError
from reconciler.model import Dataset, JobSpec
from reconciler.providers.base import LocalFile, Provider
from reconciler.state.commit import Ledger
from reconciler.state.edit import with_file

CACHE = Path(".reconciler/cache")


class Uploads:
    """The uploads of one repository. `root` is where dataset paths begin.

    One thread uploads a file while the others that need the same bytes wait for it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._guard = Lock()
        self._locks: dict[tuple[str, str], Lock] = {}

    def reference(self, dataset: Dataset, spec: JobSpec, provider: Provider, ledger: Ledger) -> str:
        """The provider's name for this data, uploading the bytes only where it has none.

        Raises CreateRejected where there are no bytes, or none that the provider takes, and what
        `Provider.upload` raises.
        """
        if dataset.sha256 is None:
            return dataset.reference or ""
        with self._alone(provider.scope, dataset.sha256):
            if spec.conversion and dataset.format == "chat":
                with self._converted(dataset, spec) as file:
                    return _uploaded(file, provider, ledger)
            if dataset.present:
                return _uploaded(self._local(dataset), provider, ledger)
            known = ledger.state.files.get(provider.scope, {}).get(dataset.sha256)
            if known is None:
                raise _absent(dataset)
            return known.reference

    @contextmanager
    def _alone(self, scope: str, sha256: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault((scope, sha256), Lock())
        with lock:
            yield

    @contextmanager
    def _converted(self, dataset: Dataset, spec: JobSpec) -> Iterator[LocalFile]:
        """The data in the provider's form, in a file that lasts as long as the context."""
        from reconciler.datasets.conversion import convert

        source = self._local(dataset)
        folder = self._root / CACHE
        durable.make_folder(folder)
        target = durable.beside(folder / f"{source.sha256}.jsonl")
        try:
            made = convert(source.path, target, spec.conversion, file=dataset.path or "")
            if made.source_sha256 != source.sha256:
                raise CreateRejected(
                    f"{dataset.path} has changed since it was read",
                    remedy=Remedy.RETRY_NOW,
                    hint="leave it alone while it is uploaded",
                )
            yield replace(source, path=target, sha256=made.sha256, size=made.size)
        except SpecError as error:
            raise CreateRejected(str(error), remedy=Remedy.FIX_SPEC) from None
        finally:
            durable.forget(target)

    def _local(self, dataset: Dataset) -> LocalFile:
        if dataset.path is None or dataset.size is None or dataset.sha256 is None:
            raise _absent(dataset)
        path = self._root / dataset.path
        return LocalFile(path=path, sha256=dataset.sha256, size=dataset.size)


def _uploaded(file: LocalFile, provider: Provider, ledger: Ledger) -> str:
    known = ledger.state.files.get(provider.scope, {}).get(file.sha256)
    ref = provider.upload(file, known)
    if ref != known:
        ledger.commit(lambda state: with_file(state, provider.scope, ref))
    return ref.reference


def _absent(dataset: Dataset) -> CreateRejected:
    return CreateRejected(
        f"the bytes of {dataset.path or dataset.sha256} are not here",
        remedy=Remedy.FIX_ACCOUNT,
        hint="apply where the data is",
    )
