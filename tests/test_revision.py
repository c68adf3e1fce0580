"""What git says of a checkout: its commit, what was edited, its branch and its remote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli import revision
from tests.checkouts import BRANCH, Checkout, remote_and_clone, run_git


@pytest.fixture
def clone(tmp_path: Path) -> Checkout:
    return remote_and_clone(tmp_path)[1]


class TestHead:
    def test_is_the_commit(self, clone: Checkout) -> None:
        assert revision.head(clone.root) == clone.git("rev-parse", "HEAD").strip()

    def test_says_what_is_edited(self, clone: Checkout) -> None:
        clone.write({"specs/a.yaml": "a: 2\n"})
        assert (revision.head(clone.root) or "").endswith("-dirty")

    def test_takes_no_notice_of_our_own_files(self, clone: Checkout) -> None:
        clone.write({"specs/a.status.yaml": "x\n", ".reconciler/state.json": "{}\n"})
        assert revision.head(clone.root) == clone.git("rev-parse", "HEAD").strip()

    def test_takes_no_notice_of_them_in_a_folder_of_a_repository(self, clone: Checkout) -> None:
        clone.commit({"team/specs/a.yaml": "a: 1\n"})
        clone.write({"team/.reconciler/state.json": "{}\n", "team/specs/a.status.yaml": "x\n"})
        assert revision.head(clone.root / "team") == clone.git("rev-parse", "HEAD").strip()

    def test_is_none_without_git_or_a_commit(self, tmp_path: Path) -> None:
        assert revision.head(tmp_path) is None
        run_git(tmp_path, "init", "--quiet")
        assert revision.head(tmp_path) is None


class TestDirty:
    def test_a_clean_checkout(self, clone: Checkout) -> None:
        clone.write({"specs/a.status.yaml": "x\n", ".reconciler/cache/x": "{}\n"})
        assert revision.dirty(clone.root) == ()

    def test_every_kind_of_change_by_its_path(self, clone: Checkout) -> None:
        clone.commit({"gone.txt": "1\n", "old name.txt": "long enough to know\n", "kept": "1\n"})
        clone.git("rm", "--quiet", "gone.txt")
        clone.git("mv", "old name.txt", "new näme.txt")
        clone.write({"specs/a.yaml": "a: 2\n", "new folder/x.yaml": "1\n", "new folder/y": "1\n"})
        assert revision.dirty(clone.root) == (
            "gone.txt",
            "new folder/",
            "new näme.txt",
            "specs/a.yaml",
        )

    def test_a_merge_that_is_not_done(self, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "-c", "feature")
        clone.commit({"specs/a.yaml": "a: theirs\n"}, push=False)
        clone.git("switch", "--quiet", BRANCH)
        clone.commit({"specs/a.yaml": "a: ours\n"}, push=False)
        with pytest.raises(AssertionError):
            clone.git("merge", "feature")
        assert revision.dirty(clone.root) == ("specs/a.yaml",)

    def test_only_the_folder_asked_for(self, clone: Checkout) -> None:
        clone.write({"specs/a.yaml": "a: 2\n", "README.md": "2\n"})
        assert revision.dirty(clone.root / "specs") == ("specs/a.yaml",)

    def test_nothing_without_git(self, tmp_path: Path) -> None:
        assert revision.dirty(tmp_path) == ()


def event(folder: Path, repository: object) -> str:
    path = folder / "event.json"
    path.write_text(json.dumps({"pull_request": {"head": {"repo": repository}}}))
    return str(path)


class TestBranch:
    def test_is_the_one_checked_out_whatever_ci_says(self, clone: Checkout) -> None:
        clone.git("switch", "--quiet", "-c", "feature/größe")
        found = revision.branch({"GITHUB_REF_NAME": BRANCH}, clone.root)
        assert found == "feature/größe"

    def test_is_known_before_the_first_commit(self, tmp_path: Path) -> None:
        run_git(tmp_path, "init", "--quiet")
        assert revision.branch({}, tmp_path) == BRANCH

    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            pytest.param({}, None, id="nobody says"),
            pytest.param(
                {"GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch", "GITHUB_HEAD_REF": ""},
                "main",
                id="GitHub, a push",
            ),
            pytest.param(
                {"GITHUB_REF_NAME": "v1.0", "GITHUB_REF_TYPE": "tag"}, None, id="GitHub, a tag"
            ),
            pytest.param(
                {"GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "feature/x"},
                "feature/x",
                id="GitHub, a pull request",
            ),
            pytest.param(
                {"GITHUB_REF_NAME": "12/merge", "GITHUB_REF_TYPE": "branch"},
                None,
                id="GitHub, the merge of a pull request is no branch",
            ),
            pytest.param({"CI_COMMIT_BRANCH": "main"}, "main", id="GitLab, a branch"),
            pytest.param(
                {
                    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
                    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "team/models",
                    "CI_PROJECT_PATH": "team/models",
                },
                "feature",
                id="GitLab, a merge request",
            ),
            pytest.param(
                {
                    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main",
                    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "stranger/models",
                    "CI_PROJECT_PATH": "team/models",
                },
                None,
                id="GitLab, a merge request of a fork",
            ),
        ],
    )
    def test_of_a_detached_head(
        self, clone: Checkout, environment: dict[str, str], expected: str | None
    ) -> None:
        clone.git("switch", "--quiet", "--detach")
        assert revision.branch(environment, clone.root) == expected

    @pytest.mark.parametrize(
        ("repository", "expected"),
        [
            pytest.param({"full_name": "team/models"}, "main", id="of this repository"),
            pytest.param({"full_name": "stranger/models"}, None, id="of a fork"),
            pytest.param(None, None, id="of a fork that was deleted"),
        ],
    )
    def test_of_a_pull_request(
        self, clone: Checkout, tmp_path: Path, repository: object, expected: str | None
    ) -> None:
        clone.git("switch", "--quiet", "--detach")
        environment = {
            "GITHUB_HEAD_REF": "main",
            "GITHUB_REPOSITORY": "team/models",
            "GITHUB_EVENT_PATH": event(tmp_path, repository),
        }
        assert revision.branch(environment, clone.root) == expected

    def test_of_a_pull_request_that_cannot_be_read(self, clone: Checkout, tmp_path: Path) -> None:
        clone.git("switch", "--quiet", "--detach")
        environment = {"GITHUB_HEAD_REF": "main", "GITHUB_EVENT_PATH": str(tmp_path / "none")}
        assert revision.branch(environment, clone.root) is None


class TestRemote:
    def test_is_the_one_the_branch_follows(self, clone: Checkout) -> None:
        clone.git("remote", "rename", "origin", "upstream")
        clone.git("remote", "add", "origin", "file:///nowhere")
        assert revision.remote(clone.root, BRANCH) == "upstream"
        assert revision.remote(clone.root, "another") == "origin"

    def test_is_the_only_one(self, clone: Checkout) -> None:
        clone.git("remote", "rename", "origin", "upstream")
        assert revision.remote(clone.root, "another") == "upstream"

    def test_is_none_where_there_is_none_or_a_choice(self, clone: Checkout) -> None:
        clone.git("remote", "rename", "origin", "one")
        clone.git("remote", "add", "two", "file:///nowhere")
        assert revision.remote(clone.root, "another") is None
        clone.git("remote", "remove", "two")
        clone.git("remote", "remove", "one")
        assert revision.remote(clone.root, BRANCH) is None
