"""write_back against real repositories: what is committed, what is left alone, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ConfigError, ReconcilerError
from reconciler.git import redacted
from reconciler.model import State
from reconciler.writeback import SKIP_CI, Written, describe, write_back
from tests.checkouts import BRANCH, Checkout, Remote, remote_and_clone, run_git

A, B = "specs/a.status.yaml", "specs/b.status.yaml"
STATE = ".reconciler/state.json"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    remote_and_clone(folder)
    return folder


@pytest.fixture
def repositories(template: Path, tmp_path: Path) -> tuple[Remote, Checkout]:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "clone" / ".git" / "config"
    config.write_text(config.read_text().replace(str(template), str(tmp_path)))
    return Remote(tmp_path / "remote.git"), Checkout(tmp_path / "clone")


@pytest.fixture
def remote(repositories: tuple[Remote, Checkout]) -> Remote:
    return repositories[0]


@pytest.fixture
def clone(repositories: tuple[Remote, Checkout]) -> Checkout:
    return repositories[1]


def write(checkout: Checkout, files: dict[str, str], **options: Any) -> Written:
    """Write files as a pass does, and write them back to origin."""
    paths = checkout.write(files)
    options = {"remote": "origin", "sleep": lambda _: None, **options}
    return write_back(checkout.root, paths, environment=checkout.environment, **options)


def at(serial: int, lineage: str = "one") -> State:
    return State(lineage=lineage, serial=serial)


class TestCommit:
    def test_the_files_handed_in_are_pushed_and_nothing_else(
        self, remote: Remote, clone: Checkout
    ) -> None:
        clone.write({"notes.txt": "mine\n"})
        before = remote.files()
        done = write(clone, {A: "a\n"}, state=at(3))
        assert done == Written(commit=remote.tip(), branch=BRANCH, pushed=True, attempts=1)
        assert remote.files() == {**before, A: "a\n"}
        assert remote.git("log", "-1", "--format=%B", BRANCH).rstrip("\n") == (
            f"reconcile: 1 sidecar\n\n[skip ci]\n\n{A}\n\nReconciler-State: one/3"
        )

    def test_the_checkout_follows_and_is_clean(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n"})
        assert clone.git("status", "--porcelain=v2", "--branch").splitlines() == [
            f"# branch.oid {remote.tip()}",
            f"# branch.head {BRANCH}",
            f"# branch.upstream origin/{BRANCH}",
            "# branch.ab +0 -0",
        ]

    def test_the_same_bytes_again_make_no_commit(self, remote: Remote, clone: Checkout) -> None:
        first = write(clone, {A: "a\n", B: "b\n"})
        tip = remote.tip()
        again = write(clone, {A: "a\n", B: "b\n"})
        assert first.commit == tip == remote.tip()
        assert again == Written(commit=None, branch=BRANCH, pushed=False, attempts=1)

    def test_no_files_ask_nobody(self, clone: Checkout) -> None:
        done = write(clone, {}, remote="https://127.0.0.1:1/nowhere.git")
        assert done == Written(commit=None, branch=BRANCH, pushed=False, attempts=0)

    def test_only_what_changed_is_listed(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n", B: "b\n"})
        write(clone, {A: "a\n", B: "b2\n"})
        body = remote.git("log", "-1", "--format=%B", BRANCH)
        assert B in body
        assert A not in body

    def test_without_a_remote_it_stays_here(self, remote: Remote, clone: Checkout) -> None:
        tip = remote.tip()
        done = write(clone, {A: "a\n"}, remote=None)
        assert done.commit == clone.git("rev-parse", "HEAD").strip()
        assert not done.pushed
        assert remote.tip() == tip
        assert clone.git("status", "--porcelain") == ""

    def test_a_folder_of_the_checkout_may_be_the_root(
        self, remote: Remote, clone: Checkout
    ) -> None:
        clone.write({"team/specs/c.status.yaml": "c\n"})
        inner = Checkout(clone.root / "team")
        done = write_back(
            inner.root,
            [Path("specs/c.status.yaml")],
            environment=clone.environment,
            sleep=lambda _: None,
            remote="origin",
        )
        assert done.pushed
        assert remote.files()["team/specs/c.status.yaml"] == "c\n"

    @pytest.mark.parametrize(
        "name",
        [
            "specs/with space.status.yaml",
            "specs/größe-模型.status.yaml",
            "specs/*.status.yaml",
            ":(glob)odd.status.yaml",
            'specs/"quoted"\t.status.yaml',
        ],
    )
    def test_any_name_of_a_file(self, remote: Remote, clone: Checkout, name: str) -> None:
        write(clone, {name: "one\n", A: "a\n"}, state=at(1))
        write(clone, {name: "two\n"}, state=at(2))
        assert remote.files()[name] == "two\n"
        assert remote.files()[A] == "a\n"
        assert clone.git("status", "--porcelain") == ""

    def test_a_sidecar_that_is_gone_is_removed(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n", B: "b\n"})
        (clone.root / A).unlink()
        done = write_back(
            clone.root,
            [clone.root / A],
            environment=clone.environment,
            sleep=lambda _: None,
            remote="origin",
        )
        assert done.pushed
        assert A not in remote.files()
        assert B in remote.files()
        assert clone.git("status", "--porcelain") == ""

    def test_what_git_ignores_is_left_out(self, remote: Remote, clone: Checkout) -> None:
        clone.commit({".gitignore": ".reconciler/\n"})
        done = write(clone, {A: "a\n", STATE: "{}\n"})
        assert A in remote.files()
        assert STATE not in remote.files()
        assert done.note == "", "a state that git does not keep is as it should be"

    def test_sidecars_that_git_ignores_are_told_of(self, remote: Remote, clone: Checkout) -> None:
        tip = clone.commit({".gitignore": "*.status.yaml\n"})
        done = write(clone, {f"specs/{number}.status.yaml": "x\n" for number in range(5)})
        assert done.commit is None
        assert done.note == (
            "not for git, by .gitignore or place: specs/0.status.yaml, specs/1.status.yaml,"
            " specs/2.status.yaml and 2 more"
        )
        assert remote.tip() == tip

    def test_what_git_ignores_but_holds_is_written(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n"})
        clone.commit({".gitignore": "*.status.yaml\n"})
        write(clone, {A: "a2\n"})
        assert remote.files()[A] == "a2\n"

    def test_what_lies_outside_the_checkout_is_left_out(
        self, remote: Remote, clone: Checkout, tmp_path: Path
    ) -> None:
        tip = remote.tip()
        outside = [tmp_path / "state.json", tmp_path / "x.status.yaml"]
        for path in outside:
            path.write_text("{}")
        done = write_back(
            clone.root,
            outside,
            environment=clone.environment,
            sleep=lambda _: None,
            remote="origin",
        )
        assert done.commit is None
        assert "x.status.yaml" in done.note
        assert "state.json" not in done.note
        assert remote.tip() == tip


class TestMessage:
    def test_counts_sidecars_and_keeps_ci_from_starting(self) -> None:
        text = describe([B, STATE, A])
        assert text.splitlines() == [
            "reconcile: 2 sidecars",
            "",
            SKIP_CI,
            "",
            STATE,
            A,
            B,
        ]

    def test_a_state_alone(self) -> None:
        assert describe([STATE]).startswith("reconcile: state\n")

    def test_of_ones_own(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n"}, message="sidecars: größer\n\nwhy\n", state=at(7))
        assert remote.git("log", "-1", "--format=%B", BRANCH).rstrip("\n") == (
            "sidecars: größer\n\nwhy\n\nReconciler-State: one/7"
        )


class TestWho:
    def test_the_program_where_git_knows_nobody(self, remote: Remote, clone: Checkout) -> None:
        write(clone, {A: "a\n"})
        form = "--format=%an <%ae> %cn <%ce>"
        us = "reconciler <reconciler@localhost>"
        assert remote.git("log", "-1", form, BRANCH).strip() == f"{us} {us}"
        assert "reconciler@localhost" not in (clone.root / ".git/config").read_text()

    def test_whom_git_is_configured_for(self, remote: Remote, clone: Checkout) -> None:
        clone.git("config", "user.name", "Bot")
        clone.git("config", "user.email", "bot@example.com")
        write(clone, {A: "a\n"})
        form = "--format=%an <%ae> %cn <%ce>"
        bot = "Bot <bot@example.com>"
        assert remote.git("log", "-1", form, BRANCH).strip() == f"{bot} {bot}"


class TestCheckoutIsLeftAlone:
    """Whatever is staged or edited, in every state a checkout can be in."""

    @pytest.fixture
    def busy(self, clone: Checkout) -> Checkout:
        clone.commit({"specs/b.yaml": "b: 1\n", "gone.txt": "x\n", "moved.txt": "long enough\n"})
        clone.write({"specs/a.yaml": "a: staged\n", "new file.txt": "new\n"})
        clone.git("add", "specs/a.yaml", "new file.txt")
        clone.write({"specs/a.yaml": "a: edited on top\n", "specs/b.yaml": "b: edited\n"})
        clone.write({"untracked.txt": "?\n", "planned.txt": "later\n"})
        clone.git("add", "--intent-to-add", "planned.txt")
        clone.git("rm", "--quiet", "gone.txt")
        clone.git("mv", "moved.txt", "where it went.txt")
        clone.git("update-index", "--assume-unchanged", "README.md")
        clone.git("status")  # refreshes the index once, so that nothing else has to
        return clone

    def test_where_it_follows_the_branch(self, remote: Remote, busy: Checkout) -> None:
        others = busy.others(A, B)
        write(busy, {A: "a\n", B: "b\n"})
        assert busy.others(A, B) == others
        assert busy.git("rev-parse", "HEAD").strip() == remote.tip()
        assert busy.git("status", "--porcelain", "--", A, B) == ""
        assert remote.files()["specs/a.yaml"] == "a: 1\n"

    def test_where_the_remote_has_moved(self, remote: Remote, busy: Checkout) -> None:
        busy.clone("other").commit({"specs/c.yaml": "c: 1\n"})
        head, index, others = busy.git("rev-parse", "HEAD"), busy.index(), busy.others(A)
        done = write(busy, {A: "a\n"})
        assert busy.index() == index
        assert busy.others(A) == others
        assert busy.git("rev-parse", "HEAD") == head
        assert not (busy.root / ".git" / "FETCH_HEAD").exists()
        assert remote.files()["specs/c.yaml"] == "c: 1\n"
        assert "git pull" in done.note

    def test_where_commits_are_not_pushed(self, remote: Remote, busy: Checkout) -> None:
        tip = remote.tip()
        busy.git("commit", "--quiet", "-m", "private")
        head, index = busy.git("rev-parse", "HEAD"), busy.index()
        write(busy, {A: "a\n"})
        assert busy.git("rev-parse", "HEAD") == head
        assert busy.index() == index
        assert remote.git("rev-parse", f"{BRANCH}^").strip() == tip
        assert "private" not in remote.commits()

    def test_where_another_branch_is_checked_out(self, remote: Remote, busy: Checkout) -> None:
        busy.git("switch", "--quiet", "-c", "feature")
        head, index = busy.git("rev-parse", "HEAD"), busy.index()
        done = write(busy, {A: "a\n"}, branch=BRANCH)
        assert busy.git("rev-parse", "HEAD") == head
        assert busy.index() == index
        assert remote.tip() == done.commit

    def test_where_somebody_holds_the_index(self, remote: Remote, busy: Checkout) -> None:
        lock = busy.root / ".git" / "index.lock"
        lock.touch()
        index = busy.index()
        done = write(busy, {A: "a\n"})
        lock.unlink()
        assert busy.index() == index
        assert remote.tip() == done.commit
        assert "git pull" in done.note

    def test_in_the_middle_of_a_merge(self, remote: Remote, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "-c", "feature")
        clone.commit({"specs/a.yaml": "a: theirs\n"}, push=False)
        clone.git("switch", "--quiet", BRANCH)
        clone.commit({"specs/a.yaml": "a: ours\n"})
        with pytest.raises(AssertionError, match="merge"):
            clone.git("merge", "feature")
        index = clone.index()
        write(clone, {A: "a\n"})
        assert clone.index() == index
        assert remote.files()[A] == "a\n"
        with pytest.raises(ReconcilerError, match="a merge, a pick or a revert is under way"):
            write(clone, {A: "a2\n"}, remote=None)
        assert clone.index() == index

    def test_no_hook_of_the_repository_runs(self, remote: Remote, clone: Checkout) -> None:
        for name in ("pre-commit", "commit-msg", "pre-push", "reference-transaction"):
            hook = clone.root / ".git" / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch '{clone.root}/ran-{name}'\nexit 1\n")
            hook.chmod(0o755)
        assert write(clone, {A: "a\n"}).pushed
        assert list(clone.root.glob("ran-*")) == []
        assert remote.files()[A] == "a\n"

    def test_an_index_that_a_hook_hands_on_is_not_touched(
        self, remote: Remote, clone: Checkout, tmp_path: Path
    ) -> None:
        foreign = tmp_path / "foreign-index"
        paths = clone.write({A: "a\n"})
        write_back(
            clone.root,
            paths,
            environment={
                **clone.environment,
                "GIT_INDEX_FILE": str(foreign),
                "GIT_DIR": str(tmp_path / "nowhere"),
            },
            sleep=lambda _: None,
            remote="origin",
        )
        assert not foreign.exists()
        assert remote.files()[A] == "a\n"

    @pytest.mark.parametrize("bytes_", [b"a\nb\n", b"a\r\nb\r\n"], ids=["LF", "CRLF"])
    def test_line_ends_are_those_git_would_commit(
        self, remote: Remote, clone: Checkout, bytes_: bytes
    ) -> None:
        clone.git("config", "core.autocrlf", "true")
        clone.git("config", "core.safecrlf", "true")
        (clone.root / A).write_bytes(bytes_)
        write_back(
            clone.root,
            [clone.root / A],
            environment=clone.environment,
            sleep=lambda _: None,
            remote="origin",
        )
        assert remote.files()[A] == "a\nb\n"
        assert clone.git("status", "--porcelain") == ""


class TestCheckoutsOfCI:
    def test_a_detached_head_needs_a_branch(self, remote: Remote, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "--detach")
        with pytest.raises(ConfigError, match="no branch is checked out"):
            write(clone, {A: "a\n"})
        head, index = clone.git("rev-parse", "HEAD"), clone.index()
        assert write(clone, {A: "a\n"}, branch=BRANCH).pushed
        assert (clone.git("rev-parse", "HEAD"), clone.index()) == (head, index)
        assert remote.files()[A] == "a\n"

    def test_a_detached_head_writes_again_and_again(self, remote: Remote, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "--detach")
        for serial in (1, 2, 3):
            done = write(
                clone, {A: f"a{serial}\n", STATE: f"{serial}\n"}, branch=BRANCH, state=at(serial)
            )
            assert done.attempts == 1
        assert remote.files()[STATE] == "3\n"
        assert len(remote.commits()) == 4

    def test_the_merge_of_a_pull_request(self, remote: Remote, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "-c", "feature/x")
        clone.commit({"specs/b.yaml": "b: 1\n"}, push=False)
        clone.git("push", "--quiet", "origin", "feature/x")
        clone.git("switch", "--quiet", BRANCH)
        clone.commit({"README.md": "more\n"})
        clone.git("merge", "--quiet", "--no-edit", "feature/x")
        clone.git("push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
        runner = clone.root.parent / "runner"
        run_git(runner.parent, "init", "--quiet", "runner")
        run_git(runner, "remote", "add", "origin", f"file://{remote.root}")
        ref = "+refs/pull/1/merge:refs/remotes/pull/1/merge"
        run_git(runner, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", ref)
        run_git(runner, "checkout", "--quiet", "--detach", "refs/remotes/pull/1/merge")
        main = remote.tip()
        done = write(Checkout(runner), {B: "b\n"}, branch="feature/x")
        assert done.pushed
        assert remote.tip() == main
        assert remote.commits("feature/x") == ["reconcile: 1 sidecar", "a change", "specs"]
        assert remote.files("feature/x")["README.md"] == "hello\n"
        fetched = run_git(runner, "rev-list", "--count", f"{done.commit}")
        assert fetched.strip() == "2", "the branch's past was not fetched"

    def test_a_shallow_clone(self, remote: Remote, clone: Checkout) -> None:
        clone.commit({"README.md": "more\n"})
        shallow = clone.clone("shallow", "--depth=1")
        assert (shallow.root / ".git" / "shallow").exists()
        clone.commit({"README.md": "and more\n"})
        assert write(shallow, {A: "a\n"}).pushed
        assert remote.commits() == ["reconcile: 1 sidecar", "a change", "a change", "specs"]
        assert remote.files()["README.md"] == "and more\n"

    def test_a_sparse_checkout(self, remote: Remote, clone: Checkout) -> None:
        clone.commit({"models/big.txt": "big\n", "models/deep/er.txt": "x\n"})
        sparse = clone.clone("sparse", "--sparse")
        sparse.git("sparse-checkout", "set", "--cone", "--sparse-index", "specs")
        assert not (sparse.root / "models").exists()
        before = remote.files()
        write(sparse, {A: "a\n"})
        assert remote.files() == {**before, A: "a\n"}
        assert sparse.git("status", "--porcelain") == ""
        assert not (sparse.root / "models").exists()

    def test_a_partial_clone_fetches_no_content(self, remote: Remote, clone: Checkout) -> None:
        remote.git("config", "uploadpack.allowFilter", "true")
        clone.commit({"models/big.txt": "big\n"})
        blob = clone.git("rev-parse", "HEAD:models/big.txt").strip()
        partial = clone.clone("partial", "--filter=blob:none", "--sparse")
        partial.git("sparse-checkout", "set", "specs")
        write(partial, {A: "a\n"})
        missing = partial.git("rev-list", "--objects", "--missing=print", "HEAD")
        assert f"?{blob}" in missing
        assert remote.files()["models/big.txt"] == "big\n"

    def test_a_submodule_is_neither_broken_nor_written_into(
        self, clone: Checkout, tmp_path: Path
    ) -> None:
        inner_remote, _ = remote_and_clone(tmp_path / "inner")
        clone.git("submodule", "--quiet", "add", f"file://{inner_remote.root}", "vendor")
        clone.git("commit", "--quiet", "-m", "submodule")
        clone.git("push", "--quiet", "origin", BRANCH)
        entry = clone.git("ls-tree", "HEAD", "vendor")
        write(clone, {A: "a\n"})
        assert clone.git("ls-tree", "HEAD", "vendor") == entry
        assert clone.git("status", "--porcelain") == ""
        with pytest.raises(ConfigError, match="vendor"):
            write(clone, {"vendor/specs/a.status.yaml": "a\n"})
        assert clone.git("ls-tree", "HEAD", "vendor") == entry

    def test_a_checkout_beside_the_main_one(self, remote: Remote, clone: Checkout) -> None:
        clone.git("worktree", "add", "--quiet", "-b", "side", "../side")
        side = Checkout(clone.root.parent / "side")
        index = clone.index()
        write(side, {A: "a\n"}, branch="side")
        assert remote.files("side")[A] == "a\n"
        assert clone.index() == index
        with pytest.raises(ConfigError, match="checked out in"):
            write(side, {B: "b\n"}, branch=BRANCH, remote=None)


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


class TestRefusals:
    def test_a_protected_branch(self, remote: Remote, clone: Checkout) -> None:
        remote.hook(
            "pre-receive",
            'echo "error: GH006: Protected branch update failed for refs/heads/main." >&2\n'
            'echo "error: Changes must be made through a pull request." >&2\nexit 1',
        )
        tip, slept = remote.tip(), list[float]()
        with pytest.raises(ReconcilerError) as caught:
            write(clone, {A: "a\n"}, sleep=slept.append)
        assert str(caught.value) == (
            "origin does not let this run write to main: pre-receive hook declined;"
            " error: GH006: Protected branch update failed for refs/heads/main.;"
            " error: Changes must be made through a pull request."
            " (nothing is lost: the state is safe and the sidecars are on disk; allow this account"
            " to push to main (in CI: permission to write contents, and a way round the branch's"
            " protection), or write back to another branch, or commit the files in a pull request)"
        )
        assert slept == []
        assert remote.tip() == tip
        assert clone.git("status", "--porcelain") == f"?? {A}\n"

    def test_another_branch_as_a_way_out(self, remote: Remote, clone: Checkout) -> None:
        remote.hook("update", '[ "$1" != refs/heads/main ]')
        tip = remote.tip()
        with pytest.raises(ReconcilerError, match="does not let this run write to main"):
            write(clone, {A: "a\n"})
        for text in ("a\n", "a2\n"):
            assert write(clone, {A: text}, branch="reconciler/status").pushed
        assert remote.tip() == tip
        assert remote.files("reconciler/status")[A] == "a2\n"
        assert remote.git("merge-base", BRANCH, "reconciler/status").strip() == tip

    def test_a_remote_that_is_away_is_asked_again(self, remote: Remote, clone: Checkout) -> None:
        away = remote.root.with_name("away.git")
        remote.root.rename(away)
        slept: list[float] = []
        with pytest.raises(ReconcilerError, match="main at origin cannot be reached") as caught:
            write(clone, {A: "a\n"}, sleep=slept.append, attempts=4)
        assert "nothing is lost" in caught.value.hint
        assert len(slept) == 3
        assert all(pause <= longest for pause, longest in zip(slept, (0.5, 1, 2), strict=True))

        def return_(_: float) -> None:
            away.rename(remote.root)

        assert write(clone, {A: "a\n"}, sleep=return_).attempts == 2

    def test_a_password_in_a_url_is_never_told(self, clone: Checkout) -> None:
        url = "https://user:sec@ret@127.0.0.1:1/x.git"
        with pytest.raises(ReconcilerError) as caught:
            write(clone, {A: "a\n"}, remote=url, attempts=1)
        assert "sec" not in str(caught.value)
        assert "https://***@127.0.0.1:1/x.git" in str(caught.value)
        assert redacted("fatal: unable to access 'https://x:ghs_1@h/'") == (
            "fatal: unable to access 'https://***@h/'"
        )

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"remote": "upstream"}, "there is no remote named upstream"),
            ({"remote": "--upload-pack=x"}, "there is no remote named --upload-pack=x"),
            ({"branch": "-x..y"}, "is no name for a branch"),
            ({"branch": "a:b"}, "is no name for a branch"),
        ],
    )
    def test_names_that_name_nothing(
        self, clone: Checkout, options: dict[str, str], words: str
    ) -> None:
        with pytest.raises(ConfigError, match=words):
            write(clone, {A: "a\n"}, **options)

    def test_a_folder_without_git(self, tmp_path: Path) -> None:
        folder = tmp_path / "plain"
        folder.mkdir()
        with pytest.raises(ConfigError, match="is not in a checkout of git"):
            write(Checkout(folder), {A: "a\n"})

    def test_a_remote_without_a_branch(self, tmp_path: Path) -> None:
        run_git(tmp_path, "init", "--quiet", "--bare", "empty.git")
        run_git(tmp_path, "clone", "--quiet", "empty.git", "clone")
        checkout = Checkout(tmp_path / "clone")
        checkout.git("commit", "--quiet", "--allow-empty", "-m", "mine")
        with pytest.raises(ReconcilerError, match="origin has no branch yet"):
            write(checkout, {A: "a\n"})

    def test_a_repository_without_a_commit(self, tmp_path: Path) -> None:
        run_git(tmp_path, "init", "--quiet", "new")
        with pytest.raises(ConfigError, match="there is no commit to write back to"):
            write(Checkout(tmp_path / "new"), {A: "a\n"}, remote=None)

    def test_a_sidecar_in_large_file_storage(self, clone: Checkout) -> None:
        clone.commit({".gitattributes": "*.json filter=lfs diff=lfs merge=lfs -text\n"})
        with pytest.raises(ConfigError, match="kept in Git LFS"):
            write(clone, {STATE: "{}\n"})

    def test_a_machine_without_git(self, clone: Checkout) -> None:
        paths = clone.write({A: "a\n"})
        with pytest.raises(ReconcilerError, match="git cannot be run"):
            write_back(
                clone.root,
                paths,
                environment={**clone.environment, "PATH": "/nowhere"},
                sleep=lambda _: None,
            )


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
