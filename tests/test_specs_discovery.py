"""Which files are read as specs, and which never."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from reconciler.config import Config
from reconciler.errors import ConfigError
from reconciler.specs.discovery import Found, find


def tree(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def found(root: Path, *paths: str, folders: tuple[str, ...] = ("specs",)) -> Found:
    return find(Config(root=root, specs=folders), paths)


def selected(found: Found) -> list[str]:
    return [file.name for file in found.files if file.selected]


def problems(found: Found) -> list[str]:
    return [str(problem) for problem in found.problems]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def test_every_yaml_file_below_the_folder_in_the_order_of_names(root: Path) -> None:
    tree(root, "specs/b.yml", "specs/a.yaml", "specs/team/z/c.yaml", "specs/B.yaml")
    tree(root, "elsewhere/d.yaml", "specs/README.md", "specs/data/x.jsonl")
    everything = found(root)
    assert selected(everything) == [
        "specs/B.yaml",
        "specs/a.yaml",
        "specs/b.yml",
        "specs/team/z/c.yaml",
    ]
    assert everything.problems == ()


def test_sidecars_hidden_things_and_the_configuration_are_no_specs(root: Path) -> None:
    tree(root, "a.yaml", "a.status.yaml", "b.status.yml", ".hidden.yaml", ".git/c.yaml")
    tree(root, "reconciler.yaml", "specs/reconciler.yaml", "specs/.cache/d.yaml")
    assert selected(found(root, folders=(".",))) == ["a.yaml", "specs/reconciler.yaml"]


def test_a_folder_without_specs_is_empty_and_no_problem(root: Path) -> None:
    assert found(tree(root, "specs/.gitkeep")) == Found(files=(), problems=())


def test_paths_select_and_the_rest_is_still_known(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(root, "specs/a.yaml", "specs/b/c.yaml", "specs/b/d.yaml", "more/e.yaml")
    monkeypatch.chdir(root / "specs")
    some = found(root, "b", "../more/e.yaml")
    assert selected(some) == ["more/e.yaml", "specs/b/c.yaml", "specs/b/d.yaml"]
    assert [file.name for file in some.files if not file.selected] == ["specs/a.yaml"]


def test_a_file_named_twice_is_read_once(root: Path) -> None:
    tree(root, "specs/a.yaml")
    twice = found(root, str(root / "specs"), str(root / "specs/a.yaml"))
    assert [file.name for file in twice.files] == ["specs/a.yaml"]


def test_without_the_usual_folder_a_named_file_is_enough(root: Path) -> None:
    tree(root, "more/a.yaml")
    assert selected(found(root, str(root / "more"))) == ["more/a.yaml"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            "specs/suport.yaml",
            "there is no specs/suport.yaml (did you mean support.yaml?)",
            id="a typing error",
        ),
        pytest.param(
            "specs/zzz.yaml",
            "there is no specs/zzz.yaml (specs holds b.yml, support.yaml, team/)",
            id="nothing like it",
        ),
        pytest.param(
            "spec/x/y.yaml",
            "there is no spec/x/y.yaml (the repository holds specs/)",
            id="a missing folder",
        ),
        pytest.param(
            "specs/b.status.yml",
            "specs/b.status.yml is a status sidecar (name the spec beside it)",
            id="a sidecar",
        ),
        pytest.param(
            "specs/notes.txt",
            "specs/notes.txt is not a spec file (specs end in .yaml or .yml)",
            id="another kind of file",
        ),
    ],
)
def test_a_path_that_is_no_spec_is_a_mistake_on_the_command_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str
) -> None:
    tree(root, "specs/support.yaml", "specs/b.yml", "specs/b.status.yml", "specs/team/c.yaml")
    tree(root, "specs/notes.txt")
    monkeypatch.chdir(root)
    with pytest.raises(ConfigError) as error:
        found(root, path)
    assert str(error.value) == expected


def test_the_configured_folder_has_to_exist(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no specs \(the repository holds no specs\)"):
        found(tree(root, "README.md"))


def test_nothing_outside_the_repository_is_read(root: Path, tmp_path: Path) -> None:
    tree(tmp_path, "outside/a.yaml")
    tree(root, "specs/b.yaml")
    with pytest.raises(ConfigError, match=r"^.*outside is outside the repository"):
        found(root, str(tmp_path / "outside"))
    with pytest.raises(ConfigError, match=r"^\.\./outside is outside the repository"):
        found(root, folders=("../outside",))


def test_links_within_the_repository_lead_to_files_by_their_own_names(root: Path) -> None:
    tree(root, "specs/a.yaml", "common/b.yaml", "common/more/c.yaml")
    (root / "specs/again.yaml").symlink_to("a.yaml")
    (root / "specs/circle").symlink_to("..", target_is_directory=True)
    (root / "specs/b.yaml").symlink_to("../common/b.yaml")
    (root / "specs/more").symlink_to("../common/more", target_is_directory=True)
    (root / "specs/data.jsonl").symlink_to("nowhere")
    assert selected(found(root)) == ["common/b.yaml", "common/more/c.yaml", "specs/a.yaml"]
    assert found(root).problems == ()


def test_a_file_is_itself_by_whatever_link_it_is_named(root: Path) -> None:
    tree(root, "common/b.yaml", "specs/a.yaml")
    (root / "specs/b.yaml").symlink_to("../common/b.yaml")
    both = found(root, str(root / "specs/b.yaml"))
    assert selected(both) == ["common/b.yaml"]
    assert [file.name for file in both.files] == ["common/b.yaml", "specs/a.yaml"]


def test_a_repository_reached_by_a_link_is_the_same_repository(root: Path, tmp_path: Path) -> None:
    tree(root, "specs/a.yaml")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert selected(found(link, str(link / "specs/a.yaml"))) == ["specs/a.yaml"]


def test_links_that_lead_out_or_nowhere_are_told(root: Path, tmp_path: Path) -> None:
    tree(tmp_path, "outside/a.yaml")
    tree(root, "specs/b.yaml")
    (root / "specs/out.yaml").symlink_to("../../outside/a.yaml")
    (root / "specs/folder").symlink_to("../../outside", target_is_directory=True)
    (root / "specs/gone.yaml").symlink_to("nowhere.yaml")
    (root / "specs/itself.yaml").symlink_to("itself.yaml")
    everything = found(root)
    assert selected(everything) == ["specs/b.yaml"]
    out = "is a symbolic link that leads out of the repository"
    copy = "(copy what it points to into the repository)"
    assert sorted(problems(everything)) == [
        f"specs/folder: {out} {copy}",
        "specs/gone.yaml: is a symbolic link to nothing (mend or remove it)",
        "specs/itself.yaml: is a symbolic link to nothing (mend or remove it)",
        f"specs/out.yaml: {out} {copy}",
    ]


def test_what_is_no_file_is_told_and_never_opened(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(root, "specs/a.yaml", "specs/folder.yaml/b.yaml")
    os.mkfifo(root / "specs/pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
        listener.bind("repository/specs/socket.yaml")
        everything = found(root)
    assert selected(everything) == ["specs/a.yaml", "specs/folder.yaml/b.yaml"]
    assert problems(everything) == [
        "specs/pipe.yaml: is not a regular file (remove it, or rename it)",
        "specs/socket.yaml: is not a regular file (remove it, or rename it)",
    ]


def test_a_name_that_would_break_a_message_is_shown_escaped(root: Path) -> None:
    tree(root, "specs/a.yaml", "specs/two\nlines.yaml")
    (root / os.fsdecode(b"specs/latin-\xe9.yaml")).touch()
    everything = found(root)
    assert selected(everything) == ["specs/a.yaml"]
    assert problems(everything) == [
        "specs/latin-\\udce9.yaml: has a name that cannot be printed (rename it)",
        "specs/two\\nlines.yaml: has a name that cannot be printed (rename it)",
    ]
