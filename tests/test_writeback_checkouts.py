"""What write_back leaves alone in a checkout, and the kinds of checkouts it can write from."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import ConfigError, ReconcilerError
from reconciler.writeback import write_back
from tests.checkouts import BRANCH, Checkout, Remote, remote_and_clone, run_git
from tests.writeback import STATE, A, B, at, write


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
