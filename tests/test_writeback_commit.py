"""What write_back commits and pushes: which files, with which message, in whose name."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.writeback import SKIP_CI, Written, describe, write_back
from tests.checkouts import BRANCH, Checkout, Remote
from tests.writeback import STATE, A, B, at, write


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
