"""The files a pass wrote, committed to git and pushed, beside whatever else goes on there.

`cli` calls `write_back` after a pass. The commit is made in an index of its own, on the tip of the
branch, and holds the files handed in and nothing else: what is staged or edited in the checkout
stays as it is. It never forces a push, never publishes a person's commits, never asks anything.

When others push meanwhile, ours goes on top of theirs:

- a sidecar is a projection of the state, so the later state has the later truth. Every commit says
  which state it was made from (the trailer `Reconciler-State: LINEAGE/SERIAL`); of two runners with
  one state, the one that passed first does not undo the other, whoever pushes last;
- any other file is a truth of its own (a state kept in git). It is replaced only if ours was made
  from what is there; else everything is refused, since records would be lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.branches import Branch, Unreachable, checked_out, choose
from reconciler.errors import ConfigError, ReconcilerError
from reconciler.git import Git
from reconciler.model import State
from reconciler.status import SUFFIX

TRAILER = "Reconciler-State"
SKIP_CI = "[skip ci]"
"""GitHub and GitLab start nothing for a push whose last commit says so, wherever it says it.

https://docs.github.com/en/actions/managing-workflow-runs/skipping-workflow-runs and
https://docs.gitlab.com/ee/ci/pipelines/#skip-a-pipeline. It stands right after the
subject, before a list of files that may be long.
"""

_NAME, _EMAIL = "reconciler", "reconciler@localhost"
_RECENT = 100
_NAMED = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a write-back. `commit` is None where the branch held every byte already.

    `pushed` is whether a remote has it; `attempts` how often the branch's tip was looked at;
    `note` what a person may want to know, on one line, or "".
    """

    commit: str | None
    branch: str
    pushed: bool
    attempts: int
    note: str = ""


def write_back(  # noqa: PLR0913 - one parameter per fact of the run
    root: Path,
    files: Sequence[Path],
    *,
    environment: Mapping[str, str],
    sleep: Callable[[float], None],
    message: str = "",
    state: State | None = None,
    remote: str | None = None,
    branch: str | None = None,
    attempts: int = 5,
) -> Written:
    """Commit these files to a branch, and push it if there is a `remote` (a name or a URL).

    `files` are absolute or relative to `root`, a folder of a checkout. Those that git ignores and
    those outside the checkout are left out; a sidecar that is gone is removed. `branch` is by
    default the one checked out; a remote that has none of that name gets it, from its own HEAD.
    `state` is what the files were made from; without it, ours count as the later ones. `message`
    is by default that of `describe`. `sleep` takes seconds.

    Raises ConfigError for what the caller got wrong (no checkout, no branch, no such remote) and
    ReconcilerError for the rest: refused by the remote, out of reach, or a state that others have
    changed. Nothing was committed then, and the files are as they were.
    """
    git = Git(root=_toplevel(root, environment), environment=environment)
    target = choose(git, remote, branch)
    with TemporaryDirectory(prefix="reconcile-") as folder:
        index = git.with_index(Path(folder) / "index")
        entries, left_out = _gather(git, index, root, files)
        run = _Run(git=git, index=index, target=target, entries=entries, state=state)
        if not entries:
            return run.result(None, 0, left_out)
        return _publish(run, message, left_out, sleep, attempts)


def describe(paths: Iterable[str]) -> str:
    """The message of a commit of these paths, which are relative to the top of the repository."""
    listed = sorted(paths)
    sidecars = sum(path.endswith(SUFFIX) for path in listed)
    what = f"{sidecars} sidecar{'s' * (sidecars != 1)}" if sidecars else "state"
    return "\n\n".join((f"reconcile: {what}", SKIP_CI, "\n".join(listed))) + "\n"


def _publish(
    run: _Run, message: str, left_out: str, sleep: Callable[[float], None], attempts: int
) -> Written:
    """Build on the tip and publish, again and again while others come first."""
    made: str | None = None
    trouble: Unreachable | None = None
    for attempt in range(1, attempts + 1):
        try:
            tip = run.target.tip()
            if made and run.git.run("merge-base", "--is-ancestor", made, tip).ok:
                run.remember(made)
                return run.result(made, attempt, left_out)  # its answer was lost, not the push
            wanted, kept = run.wanted(tip)
            note = _note(left_out, _kept(kept))
            commit = run.commit(tip, wanted, message or describe(wanted))
            if commit is None:
                return run.result(None, attempt, note)
            made, trouble = commit, None
            if run.target.publish(commit, tip, _index_info(wanted, tip)):
                run.remember(commit)
                return run.result(commit, attempt, note)
        except Unreachable as error:
            trouble = error
        except ReconcilerError as error:
            raise run.refused(error) from None
        if attempt < attempts:
            longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            sleep(random.uniform(0, longest))  # noqa: S311 - runners take turns, no secret
    raise run.refused(trouble or _overtaken(run.target, attempts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A file as an index holds it. Both are None where the file is gone."""

    mode: str | None = None
    blob: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One write-back: our files by their path in the repository, and where they are to go."""

    git: Git
    index: Git
    target: Branch
    entries: Mapping[str, _Entry]
    state: State | None

    @property
    def written(self) -> str:
        """The ref that remembers what was last written to this branch from here.

        A checkout that does not follow the branch has no other way to know its own commit again.
        """
        return f"refs/reconciler/written/{self.target.name}"

    def wanted(self, tip: str) -> tuple[dict[str, _Entry], list[str]]:
        """What of ours the tip lacks, and the sidecars of which it holds a later truth.

        Raises ReconcilerError where a file that is no sidecar was changed by somebody else.
        """
        known_from = [revision for revision in ("HEAD", self.written) if self._is_there(revision)]
        found = _blobs(self.git, (tip, *known_from), self.entries)
        later = self._later(tip)
        wanted, kept = {}, []
        for path, entry in self.entries.items():
            theirs = found[tip, path]
            known = theirs in ({found[revision, path] for revision in known_from} or {None})
            if theirs == entry.blob:
                continue
            if not known and not path.endswith(SUFFIX):
                raise _conflict(path, self.target.place)
            if path in later or (theirs is None and not known and self._has_grown(tip)):
                kept.append(path)  # written by a later pass; or removed, and not ours to bring back
            else:
                wanted[path] = entry
        return wanted, kept

    def commit(self, tip: str, wanted: Mapping[str, _Entry], message: str) -> str | None:
        """A commit of these files on the tip; None where there are none to add."""
        if not wanted:
            return None
        self.index.read("read-tree", tip)
        self.index.read("update-index", "-z", "--index-info", stdin=_index_info(wanted, tip))
        tree = self.index.read("write-tree", "--missing-ok").strip()  # what the tip has, it has
        arguments = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", tree, "-p", tip, "-F", "-")
        if self.state is not None:
            message = f"{message.rstrip()}\n\n{TRAILER}: {self.state.lineage}/{self.state.serial}\n"
        who = _identity(self.git)
        return self.git.read(*arguments, stdin=message, variables=who).strip()

    def remember(self, commit: str) -> None:
        """Know the commit again, the next time. A ref that cannot be kept is no reason to fail."""
        self.git.run("update-ref", self.written, commit)

    def result(self, commit: str | None, attempts: int, note: str) -> Written:
        """What to report; where the checkout stayed behind, how it catches up."""
        pushed = commit is not None and self.target.remote
        behind = ""
        if pushed and checked_out(self.git) == self.target.name and not self._is_at(commit):
            behind = (
                f"{self.target.name} here stayed where it was: discard these files, then git pull"
            )
        return Written(
            commit=commit,
            branch=self.target.name,
            pushed=pushed,
            attempts=attempts,
            note=_note(note, behind),
        )

    def refused(self, error: ReconcilerError) -> ReconcilerError:
        """The error, and that nothing is lost by it."""
        if all(path.endswith(SUFFIX) for path in self.entries):
            safe = "nothing is lost: the state is safe and the sidecars are on disk"
        else:
            safe = (
                "no job is lost: the state and the sidecars are on disk here, and a run without"
                " them finds every job by its token"
            )
        hint = f"{safe}; {error.hint}" if error.hint else f"{safe}; run the command again"
        kind = ConfigError if isinstance(error, ConfigError) else ReconcilerError
        return kind(error.message, hint=hint)

    def _later(self, tip: str) -> set[str]:
        """The paths that commits from later states have touched.

        Only the newest commits can be: ours is a pass that ended a moment ago.
        """
        if self.state is None:
            return set()
        form = f"--format=%H %(trailers:key={TRAILER},valueonly,separator=%x20)"
        later: set[str] = set()
        for line in self.git.read(
            "log", "--no-show-signature", f"-{_RECENT}", form, tip
        ).splitlines():
            commit, _, trailer = line.partition(" ")
            lineage, _, serial = trailer.rpartition("/")
            same = lineage == self.state.lineage and serial.isdecimal()
            if same and int(serial) > self.state.serial:
                options = ("-r", "--root", "--no-commit-id", "--name-only", "-z")
                later.update(self.git.read("diff-tree", *options, commit).split("\0"))
        return later

    def _has_grown(self, tip: str) -> bool:
        """Whether the tip comes from what is checked out here: what it lacks was removed."""
        return self.git.run("merge-base", "--is-ancestor", "HEAD", tip).ok

    def _is_there(self, revision: str) -> bool:
        return self.git.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").ok

    def _is_at(self, commit: str | None) -> bool:
        return self.git.run("rev-parse", "--verify", "--quiet", "HEAD").text.strip() == commit


def _toplevel(root: Path, environment: Mapping[str, str]) -> Path:
    answer = Git(root=root, environment=environment).run("rev-parse", "--show-toplevel")
    if not answer.ok:
        raise ConfigError(
            f"{root} is not in a checkout of git: {answer.words}",
            hint="write back from a clone, or leave write-back out",
        )
    return Path(answer.text.removesuffix("\n"))


def _gather(
    git: Git, index: Git, root: Path, files: Sequence[Path]
) -> tuple[dict[str, _Entry], str]:
    """Our files, put into the repository as `git add` would; in words, sidecars not for it."""
    top, inside, outside = git.root.resolve(), {}, []
    for file in files:
        path = (root / file).resolve()
        if path.is_relative_to(top) and "\n" not in str(path):
            inside[path.relative_to(top).as_posix()] = path
        else:
            outside.append(str(file))
    names = "".join(f"./{name}\0" for name in inside)  # a name may begin with a colon
    answer = git.run("check-ignore", "-z", "--stdin", stdin=names)
    if answer.code > 1:  # 1 is "none of them"
        raise ConfigError(
            f"not for this repository to commit: {answer.words}",
            hint="write back from the repository that holds the specs",
        )
    ignored = {name.removeprefix("./") for name in answer.text.split("\0")[:-1]}
    inside = {name: path for name, path in inside.items() if name not in ignored}
    _refuse_lfs(index, inside)
    there = "".join(f"{name}\0" for name, path in inside.items() if path.is_file())
    index.read("update-index", "--add", "-z", "--stdin", stdin=there)
    entries = {name: _Entry() for name in inside if name.endswith(SUFFIX)}
    for line in index.read("ls-files", "--stage", "-z").split("\0")[:-1]:
        facts, name = line.split("\t", 1)
        mode, blob, _ = facts.split(" ")
        entries[name] = _Entry(mode=mode, blob=blob)
    left_out = sorted(name for name in (*outside, *ignored) if name.endswith(SUFFIX))
    return entries, f"not for git, by .gitignore or place: {_few(left_out)}" if left_out else ""


def _refuse_lfs(index: Git, names: Iterable[str]) -> None:
    """Raise ConfigError for a file kept in LFS: only a hook would upload it, and none runs."""
    listed = "".join(f"{name}\0" for name in names)
    facts = index.read("check-attr", "-z", "--stdin", "filter", stdin=listed).split("\0")
    for name, value in zip(facts[::3], facts[2::3], strict=False):
        if value == "lfs":
            raise ConfigError(
                f"{name} is kept in Git LFS, which write-back does not upload to",
                hint=f"take it out, in .gitattributes: {name} -filter -diff -merge text",
            )


def _blobs(
    git: Git, revisions: Sequence[str], paths: Iterable[str]
) -> dict[tuple[str, str], str | None]:
    """The blob of every path in every revision, None where it has none."""
    asked = [(revision, path) for revision in revisions for path in paths]
    names = "".join(f"{revision}:{path}\n" for revision, path in asked)
    lines = git.read("cat-file", "--batch-check", stdin=names).splitlines()
    kinds = (line.split(" ") for line in lines)
    found = (words[0] if words[1:2] == ["blob"] else None for words in kinds)
    return dict(zip(asked, found, strict=True))


def _index_info(entries: Mapping[str, _Entry], tip: str) -> str:
    nothing = "0" * len(tip)
    return "".join(
        f"{entry.mode or 0} {entry.blob or nothing}\t{path}\0" for path, entry in entries.items()
    )


def _identity(git: Git) -> dict[str, str]:
    """Who commits: as git is configured, else this program by its own name."""
    pattern = r"^(user|author|committer)\.(name|email)$"
    configured = set(git.run("config", "--name-only", "--get-regexp", pattern).text.split())
    variables = {}
    for role in ("author", "committer"):
        stated = (
            {f"user.{part}", f"{role}.{part}"} & configured
            or f"GIT_{role}_{part}".upper() in git.environment
            for part in ("name", "email")
        )
        if not all(stated):
            variables[f"GIT_{role.upper()}_NAME"] = _NAME
            variables[f"GIT_{role.upper()}_EMAIL"] = _EMAIL
    return variables


def _conflict(path: str, place: str) -> ReconcilerError:
    return ReconcilerError(
        f"{path} on {place} was changed by another run, and holds records that ours lacks",
        hint=(
            f"take theirs (git fetch, then git checkout FETCH_HEAD -- {path}) and apply again: it"
            " adopts what this run created; for several runners keep the state in S3"
        ),
    )


def _overtaken(target: Branch, attempts: int) -> ReconcilerError:
    times = f"{attempts} times" if attempts != 1 else "once"
    return ReconcilerError(f"{target.place} moved {times} while this run was writing to it")


def _kept(paths: Sequence[str]) -> str:
    return f"a later run has written or removed: {_few(paths)}" if paths else ""


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _note(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
