"""What write_back does where somebody else has pushed: whose file is kept, when it gives up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.errors import ReconcilerError
from reconciler.model import State
from reconciler.writeback import write_back
from tests.checkouts import BRANCH, Checkout, Remote
from tests.writeback import STATE, A, B, at, write


class TestOthers:
    """Somebody else has pushed since this run began."""

    def test_a_person_who_edited_specs(self, remote: Remote, clone: Checkout) -> None:
        other = clone.clone("other")
        other.commit({"specs/a.yaml": "a: 2\n", "specs/b.yaml": "b: 1\n"}, "new specs")
        assert write(clone, {A: "a\n"}).pushed
        assert remote.commits() == ["reconcile: 1 sidecar", "new specs", "specs"]
        assert remote.files()["specs/a.yaml"] == "a: 2\n"

    @pytest.mark.parametrize("moment", ["between look and push", "while the push is under way"])
    def test_who_comes_first_is_built_upon(
        self, remote: Remote, clone: Checkout, moment: str
    ) -> None:
        other = clone.clone("other")
        other.commit({"README.md": "second\n"}, "the other", push=False)
        other.git("push", "--quiet", "origin", "HEAD:refs/heads/waiting")
        environment = clone.environment
        move = f"git --git-dir='{remote.root}' update-ref refs/heads/main refs/heads/waiting"
        if moment.startswith("while"):
            once = "[ -e raced ] && exit 0\ntouch raced\nunset GIT_QUARANTINE_PATH"
            remote.hook("pre-receive", f"{once}\n{move}")
        else:
            environment = before_push(clone.root.parent / "bin", move, environment)
        slept: list[float] = []
        done = write_back(
            clone.root,
            clone.write({A: "a\n"}),
            environment=environment,
            sleep=slept.append,
            remote="origin",
        )
        assert done.attempts == 2
        assert len(slept) == 1
        assert 0 <= slept[0] <= 0.5
        assert remote.commits() == ["reconcile: 1 sidecar", "the other", "specs"]
        assert remote.files()["README.md"] == "second\n"

    def test_who_always_comes_first_is_given_way_to_at_last(
        self, remote: Remote, clone: Checkout
    ) -> None:
        remote.hook(
            "pre-receive",
            "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
            "export GIT_COMMITTER_NAME=o GIT_COMMITTER_EMAIL=o GIT_AUTHOR_NAME=o\n"
            "export GIT_AUTHOR_EMAIL=o\n"
            "git update-ref refs/heads/main"
            " $(git commit-tree -p main -m 'the other' 'main^{tree}')",
        )
        slept: list[float] = []
        with pytest.raises(ReconcilerError, match="main at origin moved 3 times") as caught:
            write(clone, {A: "a\n"}, sleep=slept.append, attempts=3)
        assert "nothing is lost" in caught.value.hint
        assert "run the command again" in caught.value.hint
        assert len(slept) == 2
        assert remote.commits() == ["the other", "the other", "the other", "specs"]

    @pytest.mark.parametrize(
        ("theirs", "ours", "kept"),
        [
            pytest.param(at(4), at(5), "ours", id="the later state is ours"),
            pytest.param(at(5), at(4), "theirs", id="the later state is theirs"),
            pytest.param(at(5), at(5), "ours", id="one state: who comes last has the newer specs"),
            pytest.param(at(9, "two"), at(4), "ours", id="states that cannot be compared"),
            pytest.param(None, at(4), "ours", id="a person touched a projection"),
        ],
    )
    def test_the_same_sidecar(
        self, remote: Remote, clone: Checkout, theirs: State | None, ours: State, kept: str
    ) -> None:
        write(clone, {A: "before\n"}, state=at(1))
        other = clone.clone("other")
        write(other, {A: "theirs\n"}, state=theirs)
        done = write(clone, {A: "ours\n", B: "b\n"}, state=ours)
        assert remote.files()[A] == f"{kept}\n"
        assert remote.files()[B] == "b\n"
        assert (A in done.note) == (kept == "theirs")

    def test_a_sidecar_that_was_removed_stays_removed(
        self, remote: Remote, clone: Checkout
    ) -> None:
        write(clone, {A: "before\n"}, state=at(1))
        other = clone.clone("other")
        other.git("rm", "--quiet", A, "specs/a.yaml")
        other.git("commit", "--quiet", "-m", "no more")
        other.git("push", "--quiet", "origin", BRANCH)
        done = write(clone, {A: "ours\n"}, state=at(2))
        assert done.commit is None
        assert A in done.note
        assert A not in remote.files()

    def test_a_branch_of_its_own_that_never_had_the_sidecar_gets_it(
        self, remote: Remote, clone: Checkout
    ) -> None:
        clone.git("push", "--quiet", "origin", "HEAD:refs/heads/status")
        write(clone, {A: "before\n"}, state=at(1))
        assert write(clone, {A: "now\n"}, state=at(2), branch="status").pushed
        assert remote.files("status")[A] == "now\n"
        assert remote.files()[A] == "before\n"

    def test_a_state_in_git_is_never_written_over(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {STATE: "1\n", A: "a1\n"}, state=at(1))
        other = clone.clone("other")
        write(other, {STATE: "2 by the other\n", A: "a2\n"}, state=at(2))
        tip, index = remote.tip(), clone.index()
        with pytest.raises(ReconcilerError, match="changed by another run") as caught:
            write(clone, {STATE: "2 by us\n", A: "a3\n", B: "b\n"}, state=at(3))
        assert type(caught.value) is ReconcilerError
        assert "git checkout FETCH_HEAD -- .reconciler/state.json" in caught.value.hint
        assert "no job is lost" in caught.value.hint
        assert remote.tip() == tip
        assert clone.index() == index
        assert (clone.root / STATE).read_text() == "2 by us\n"

    def test_the_way_out_of_a_conflict_works_as_it_is_told(
        self, remote: Remote, clone: Checkout
    ) -> None:
        write(clone, {STATE: "1\n"}, state=at(1))
        write(clone.clone("other"), {STATE: "2 by the other\n"}, state=at(2))
        with pytest.raises(ReconcilerError):
            write(clone, {STATE: "2 by us\n"}, state=at(2))
        clone.git("fetch", "--quiet", "origin", BRANCH)
        clone.git("checkout", "FETCH_HEAD", "--", STATE)
        assert (clone.root / STATE).read_text() == "2 by the other\n"
        clone.git("pull", "--quiet", "--ff-only")
        assert write(clone, {STATE: "3\n"}, state=at(3)).pushed
        assert remote.files()[STATE] == "3\n"

    def test_a_state_that_both_have_alike_is_no_conflict(
        self, remote: Remote, clone: Checkout
    ) -> None:
        other = clone.clone("other")
        write(other, {STATE: "1\n"}, state=at(1))
        assert write(clone, {STATE: "1\n", A: "a\n"}, state=at(1)).pushed
        assert remote.files()[A] == "a\n"

    def test_a_push_whose_answer_was_lost_is_known_again(
        self, remote: Remote, clone: Checkout
    ) -> None:
        remote.hook(
            "reference-transaction",
            '[ "$1" = committed ] && [ ! -e lost ] && touch lost && kill -9 $PPID\nexit 0',
        )
        done = write(clone, {A: "a\n"}, state=at(1))
        assert done.attempts == 2
        assert done.commit == remote.tip()
        assert done.pushed
        assert remote.commits() == ["reconcile: 1 sidecar", "specs"]


def before_push(folder: Path, line: str, environment: dict[str, str]) -> dict[str, str]:
    """An environment whose git runs a line of shell before its first push."""
    folder.mkdir()
    script = folder / "git"
    real = shutil.which("git")
    script.write_text(
        f"#!/bin/sh\nPATH='{environment['PATH']}'\n"
        f'case " $* " in *" push "*) [ -e "$0.raced" ] || {{ touch "$0.raced"; {line}; }};; esac\n'
        f"exec '{real}' \"$@\"\n"
    )
    script.chmod(0o755)
    return {**environment, "PATH": f"{folder}:{environment['PATH']}"}
