"""Which files matter to a watch, and who notices that they changed.

`cli` makes one `Files`, tells it after every pass what to `follow`, and closes it. It opens no file
and believes nothing: a change is a reason to look. What we write ourselves (sidecars, the folder
`.reconciler`) and what editors leave behind wakes nobody.

Folders of specs are watched with all that is in them; the folders of reconciler.yaml and of data
that lies elsewhere by themselves. Where the system has no notices to give, or no more of them, the
files are compared every so often instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from reconciler.config import FILE, Config
from reconciler.engine import PassResult
from reconciler.watch.doorbell import MOST_FILES, Ring, Wake

if TYPE_CHECKING:
    from watchfiles import Change

QUIET_MILLISECONDS = 300
"""Changes come in bursts: one is told when there was no other for so long."""

_LONGEST_BURST_MILLISECONDS = 3000
"""What never comes to rest is told so often."""

_MODIFIED = 2
"""`watchfiles.Change.modified`, without importing it."""

_SPECS = (".yaml", ".yml")
_SIDECARS = (".status.yaml", ".status.yml")
_DATA = ".jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What a repository's watch listens for. All paths are absolute and real.

    `folders` hold specs. `specs` and `data` are the files that the last pass knew. `mending` says
    that specs have problems: then any data file may be the one that was missing.
    """

    root: Path
    config: Path
    folders: AbstractSet[Path]
    specs: AbstractSet[Path] = field(default_factory=frozenset)
    data: AbstractSet[Path] = field(default_factory=frozenset)
    mending: bool = False

    def wants(self, path: Path, *, stays: bool = False) -> bool:
        """Whether a change of this path is a reason to look.

        `stays` says that it was there before and still is: of a folder that says nothing that its
        files do not say too, and where files are compared, our own sidecars would wake us by it.
        """
        if path == self.config or path in self.data:
            return True
        if not self._under_specs(path) or self._hidden(path):
            return False
        if path.name.endswith(_SPECS):
            return not path.name.endswith(_SIDECARS)
        if path.name.endswith(_DATA):
            return self.mending
        return not stays and (path.is_dir() or self._held_something(path))

    @property
    def places(self) -> tuple[frozenset[Path], frozenset[Path]]:
        """The folders to watch as they exist now: with all below them, and by themselves."""
        deep = frozenset(folder for folder in self.folders if folder.is_dir())
        missing = self.folders - deep
        flat = {self.config.parent, *(_nearest(folder) for folder in missing)}
        flat |= {_nearest(path.parent) for path in self.data if not _below(path, deep)}
        return deep, frozenset(flat - deep)

    def _under_specs(self, path: Path) -> bool:
        return _below(path, self.folders) or any(_below(folder, [path]) for folder in self.folders)

    def _hidden(self, path: Path) -> bool:
        inside = path.relative_to(self.root).parts if path.is_relative_to(self.root) else ()
        return any(part.startswith((".", "#")) for part in inside)

    def _held_something(self, path: Path) -> bool:
        """Whether files were here that we know: a folder that is moved away takes them along."""
        return any(_below(known, [path]) for known in (*self.specs, *self.data))


def interest(
    config: Config,
    file: Path | None,
    named: Iterable[Path],
    result: PassResult | None,
    before: Interest | None = None,
) -> Interest:
    """What to listen for after a pass; after one that came to nothing, what it was `before`.

    `file` is where the configuration was read, None for the default place. `named` are the paths
    that somebody asked for beside the configured ones.
    """
    root = Path(config.root).resolve()
    folders = {(root / folder).resolve() for folder in config.specs}
    folders |= {path.resolve() if path.is_dir() else path.resolve().parent for path in named}
    found = Interest(
        root=root,
        config=file.resolve() if file else root / FILE,
        folders=frozenset(folders),
        specs=before.specs if before else frozenset(),
        data=before.data if before else frozenset(),
        mending=True,
    )
    if result is None:
        return found
    broken = {root / problem.file for problem in result.problems}
    datasets = [d.path for spec in result.specs for d in (spec.training, spec.validation) if d]
    return replace(
        found,
        specs=frozenset({*(root / spec.source.path for spec in result.specs), *broken}),
        data=frozenset({*(root / path for path in datasets if path), *broken}),
        mending=bool(broken),
    )


class Files:
    """Listens for changed files from threads of its own, and rings.

    `polling` compares files even where the system gives notices.
    """

    def __init__(self, ring: Callable[[Ring], None], *, polling: bool = False) -> None:
        self._ring = ring
        self._polling = polling
        self._interest: Interest | None = None
        self._armed: frozenset[tuple[Path, int, bool]] = frozenset()
        self._stop = Event()
        self._threads: list[Thread] = []
        self.failure = ""
        """Why nobody notices changes, "" while somebody does. Passes go on by the clock."""

    def follow(self, interest: Interest) -> None:
        """Listen for this from now on. Costs nothing while the folders stay the same ones."""
        self._interest = interest
        deep, flat = interest.places
        wanted = frozenset([*_identified(deep, True), *_identified(flat, False)])
        if wanted == self._armed:
            return
        self.close()
        self._armed, self._stop = wanted, Event()
        self._threads = [
            Thread(target=self._listen, args=(places, recursive, self._stop), daemon=True)
            for places, recursive in ((deep, True), (flat, False))
            if places
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop listening, and give back every handle."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2)
        self._threads, self._armed = [], frozenset()

    def _listen(self, places: frozenset[Path], recursive: bool, stop: Event) -> None:
        """Ring for every burst until stopped; by comparing where notices are not to be had."""
        for polling in (self._polling, True):
            try:
                self._hear(places, recursive, polling, stop)
            except OSError as error:
                self.failure = f"changed files are not noticed: {error}"
            except Exception as error:  # noqa: BLE001 - the Rust side has exceptions of its own
                self.failure = f"changed files are not noticed: {type(error).__name__}: {error}"
            else:
                return
        self._ring(Ring(wake=Wake.FILES))

    def _hear(self, places: frozenset[Path], recursive: bool, polling: bool, stop: Event) -> None:
        import watchfiles

        bursts = watchfiles.watch(
            *places,
            watch_filter=self._wants,
            debounce=_LONGEST_BURST_MILLISECONDS,
            step=QUIET_MILLISECONDS,
            stop_event=stop,
            rust_timeout=1000,
            raise_interrupt=False,
            force_polling=polling or None,
            poll_delay_ms=QUIET_MILLISECONDS,
            recursive=recursive,
            ignore_permission_denied=True,
        )
        for burst in bursts:
            self.failure = ""
            paths = sorted({path for _, path in burst})
            config = self._interest is not None and str(self._interest.config) in paths
            self._ring(Ring(wake=Wake.FILES, files=tuple(paths[:MOST_FILES]), config=config))

    def _wants(self, change: Change, path: str) -> bool:
        listening = self._interest
        return listening is not None and listening.wants(Path(path), stays=change == _MODIFIED)


def _identified(places: Iterable[Path], recursive: bool) -> list[tuple[Path, int, bool]]:
    """Folders by more than their name: one that was made anew has to be watched anew."""
    found = []
    for place in places:
        try:
            found.append((place, place.stat().st_ino, recursive))
        except OSError:
            continue
    return found


def _nearest(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
