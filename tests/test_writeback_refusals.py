"""What keeps write_back from writing, and what a person is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import ConfigError, ReconcilerError
from reconciler.git import redacted
from reconciler.writeback import write_back
from tests.checkouts import BRANCH, Checkout, Remote, run_git
from tests.writeback import STATE, A, write


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
