"""A branch that a commit is put on: one of a remote, or one of this checkout.

`writeback` asks a branch for its tip, builds a commit on it and publishes that. Publishing is
compare-and-swap: of two who built on one tip the second is told so, and nothing is ever forced.

Where the branch checked out here is the one published, and was at the very tip, it moves along, and
the index learns of the new files and of nothing else. Otherwise the checkout is left alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.errors import ConfigError, ReconcilerError
from reconciler.git import NETWORK_SECONDS, Answer, Git, redacted

_MOVED = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref"
    r"|incorrect old value|reference already exists"
)
"""Why a push is refused when another one came first: git's own words, and its server's."""

_FORBIDDEN = re.compile(
    r"denied|authentication failed|could not read (username|password)|error: 40[13]"
    r"|not allowed|not authorized|read.only|repository not found|insufficient permission"
    r"|host key verification failed",
    re.IGNORECASE,
)
_LOG = "reconcile: write-back"
_QUIETLY = (
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--no-auto-gc",
)
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")


class Unreachable(ReconcilerError):
    """The remote did not answer as a remote does. It may the next time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBranch:
    """A branch of a remote, given by its name or its URL."""

    git: Git
    name: str
    at: str

    @property
    def place(self) -> str:
        """`main at origin`."""
        return f"{self.name} at {redacted(self.at)}"

    @property
    def remote(self) -> bool:
        """It is somebody else's."""
        return True

    def tip(self) -> str:
        """The commit to build on, fetched if need be; of a branch not there yet, the remote's HEAD.

        Raises Unreachable, and ReconcilerError where the remote is empty or lets nobody look.
        """
        ref = f"refs/heads/{self.name}"
        answer = self._ask("ls-remote", "--", self.at, ref, "HEAD")
        advertised = (line.partition("\t") for line in answer.text.splitlines())
        oids = {name: oid for oid, _, name in advertised}
        tip = oids.get(ref) or oids.get("HEAD")
        if tip is None:
            raise ReconcilerError(
                f"{redacted(self.at)} has no branch yet",
                hint=f"push one first: git push {redacted(self.at)} HEAD:{ref}",
            )
        if not self._has(tip):
            wanted = ref if ref in oids else "HEAD"
            self._ask("fetch", *_QUIETLY, *self._depth(), "--", self.at, wanted)
        if not self._has(tip):
            raise Unreachable(f"{self.place} was rewritten while it was fetched")
        return tip

    def publish(self, commit: str, tip: str, index_info: str) -> bool:
        """Push; then have the branch checked out here follow, if it was at the same tip.

        False if another push came first. `index_info` is what the commit changes, as
        `git update-index -z --index-info` reads it. Raises Unreachable, and ReconcilerError where
        the push is refused.
        """
        refspec = f"{commit}:refs/heads/{self.name}"
        options = ("--porcelain", "--no-follow-tags", "--recurse-submodules=no")
        answer = self.git.run("push", *options, "--", self.at, refspec, seconds=NETWORK_SECONDS)
        if not answer.ok:
            refusal = "".join(line for line in answer.text.splitlines() if line.startswith("!"))
            if _MOVED.search(refusal):
                return False
            if refusal or _FORBIDDEN.search(answer.errors):
                raise self._refused(answer, refusal)
            raise Unreachable(f"{self.place} cannot be reached: {answer.words}")
        follow(self.git, self.name, commit, tip, index_info)
        return True

    def _ask(self, *arguments: str) -> Answer:
        answer = self.git.run(*arguments, seconds=NETWORK_SECONDS)
        if answer.ok:
            return answer
        if _FORBIDDEN.search(answer.errors):
            raise self._refused(answer, "")
        raise Unreachable(f"{self.place} cannot be reached: {answer.words}")

    def _has(self, commit: str) -> bool:
        return self.git.run("cat-file", "-e", f"{commit}^{{commit}}").ok

    def _depth(self) -> tuple[str, ...]:
        """One commit where a shallow clone knows nothing of the branch: its past is not for us."""
        if self.git.read("rev-parse", "--is-shallow-repository").strip() != "true":
            return ()
        known = self.git.read(
            "for-each-ref", f"refs/heads/{self.name}", f"refs/remotes/*/{self.name}"
        )
        return () if known else ("--depth=1",)

    def _refused(self, answer: Answer, refusal: str) -> ReconcilerError:
        reason = refusal.rpartition("(")[2].rstrip(")")
        words = answer.words if reason in answer.words else f"{reason}; {answer.words}"
        return ReconcilerError(
            f"{redacted(self.at)} does not let this run write to {self.name}: {words}",
            hint=(
                f"allow this account to push to {self.name} (in CI: permission to write contents,"
                " and a way round the branch's protection), or write back to another branch, or"
                " commit the files in a pull request"
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBranch:
    """A branch of this repository, where no remote is to know of it."""

    git: Git
    name: str

    @property
    def place(self) -> str:
        """Its name, since there is no other."""
        return self.name

    @property
    def remote(self) -> bool:
        """It is ours."""
        return False

    def tip(self) -> str:
        """The commit to build on; of a branch not there yet, the commit checked out."""
        for revision in (f"refs/heads/{self.name}", "HEAD"):
            answer = self.git.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
            if answer.ok:
                return answer.text.strip()
        raise ConfigError(
            "there is no commit to write back to", hint="commit the specs first: git commit"
        )

    def publish(self, commit: str, tip: str, index_info: str) -> bool:
        """Move the branch, and the index with it if that branch is checked out.

        False if the branch moved meanwhile, or if somebody holds the index for a moment.
        """
        ref = f"refs/heads/{self.name}"
        if checked_out(self.git) == self.name:
            if busy := under_way(self.git):
                raise ReconcilerError(
                    f"{self.name} cannot be committed to: {busy} is there, so a merge, a pick or"
                    " a revert is under way",
                    hint="finish or abort it (git status tells how), then run the command again",
                )
            return follow(self.git, self.name, commit, tip, index_info)
        elsewhere = self.git.read("for-each-ref", "--format=%(worktreepath)", ref).strip()
        if elsewhere:
            raise ConfigError(
                f"{self.name} is checked out in {elsewhere}",
                hint="run the command there, or name another branch",
            )
        exists = self.git.run("show-ref", "--verify", "--quiet", ref).ok
        before = tip if exists else "0" * len(tip)
        return self.git.run("update-ref", "-m", _LOG, ref, commit, before).ok


def follow(git: Git, branch: str, commit: str, tip: str, index_info: str) -> bool:
    """Move the branch checked out here from `tip` to `commit`; False where that is not its place.

    The index comes first: should the run end in between, the files are staged, and no commit of
    a person takes them back.
    """
    head = git.run("rev-parse", "--verify", "--quiet", "HEAD")
    if checked_out(git) != branch or head.text.strip() != tip or under_way(git):
        return False
    if not git.run("update-index", "-z", "--index-info", stdin=index_info).ok:
        return False  # somebody else holds the index
    return git.run("update-ref", "-m", _LOG, f"refs/heads/{branch}", commit, tip).ok


def checked_out(git: Git) -> str | None:
    """The branch checked out, None for a detached HEAD."""
    answer = git.run("symbolic-ref", "--quiet", "HEAD")
    ref = answer.text.strip()
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def under_way(git: Git) -> str | None:
    """What would become part of the next commit here, such as a merge."""
    found = (n for n in _UNDER_WAY if git.run("rev-parse", "--verify", "--quiet", n).ok)
    return next(found, None)


def choose(git: Git, remote: str | None, branch: str | None) -> Branch:
    """The branch that was asked for. Raises ConfigError where there is none to speak of."""
    name = branch or checked_out(git)
    if name is None:
        raise ConfigError(
            "no branch is checked out, so there is none to write back to",
            hint="name one, or check one out: git switch BRANCH",
        )
    if not git.run("check-ref-format", f"refs/heads/{name}").ok:
        raise ConfigError(f"{name!r} is no name for a branch", hint="name one such as main")
    if remote is None:
        return LocalBranch(git=git, name=name)
    names = git.read("remote").split()
    if remote not in names and not any(sign in remote for sign in "/\\:"):
        raise ConfigError(
            f"there is no remote named {remote}",
            hint=f"git remote knows: {', '.join(names) or 'none'}",
        )
    return RemoteBranch(git=git, name=name, at=remote)


Branch = RemoteBranch | LocalBranch
