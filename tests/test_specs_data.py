"""What a spec trains on: files found, refused or pinned, each told at the field that names it."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from reconciler import specs
from reconciler.config import Config, OpenAISettings
from reconciler.datasets import facts
from reconciler.datasets.facts import DatasetFacts
from reconciler.model import Dataset
from reconciler.specs import Loaded
from tests.repository import Repository, repository

EXAMPLE = (
    '{"messages": [{"role": "user", "content": "Where is order %d?"},'
    ' {"role": "assistant", "content": "On its way."}]}\n'
)
DATA = "".join(EXAMPLE % number for number in range(12))
OTHER = "".join(EXAMPLE % number for number in range(100, 113))
SHA256 = hashlib.sha256(DATA.encode()).hexdigest()
OTHER_SHA256 = hashlib.sha256(OTHER.encode()).hexdigest()

SPEC = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata: {name: NAME}
spec:
  provider: openai
  model: gpt-4.1-mini-2025-04-14
  training_file: """


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    (tmp_path / "repository").mkdir()
    made = repository(tmp_path / "repository")
    (made.root / "specs/data").mkdir()
    (made.root / "specs/data/train.jsonl").write_text(DATA)
    (made.root / "specs/data/valid.jsonl").write_text(OTHER)
    return made


def load(repo: Repository, training_file: str, name: str = "a") -> Loaded:
    text = SPEC.replace("NAME", name) + training_file + "\n"
    (repo.root / f"specs/{name}.yaml").write_text(text)
    config = Config(root=repo.root, providers={"openai": OpenAISettings(name="openai")})
    return specs.load(config)


def training(loaded: Loaded) -> Dataset:
    assert loaded.problems == ()
    return loaded.specs[0].training


def problem(loaded: Loaded) -> str:
    assert loaded.specs == ()
    (only,) = loaded.problems
    return str(only)


PRESENT = Dataset(
    path="specs/data/train.jsonl",
    sha256=SHA256,
    size=len(DATA),
    examples=12,
    format="chat",
    present=True,
)


def test_a_file_beside_the_spec_is_hashed_and_counted(repo: Repository) -> None:
    assert training(load(repo, "./data/train.jsonl")) == PRESENT
    assert training(load(repo, "../specs/data/../data/train.jsonl")) == PRESENT


@pytest.mark.parametrize(
    "reference", ["file-abc123", "s3://bucket/data/train.jsonl", "accounts/a/datasets/b"]
)
def test_anything_else_is_the_providers_own_name(repo: Repository, reference: str) -> None:
    loaded = load(repo, reference)
    mine = [problem for problem in loaded.problems if "must be a path" in problem.message]
    assert mine == []
    if reference.startswith("file-"):
        assert training(loaded) == Dataset(reference=reference)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            "data/train.jsonl",
            "data/train.jsonl must be a path relative to the spec, beginning with ./ or ../"
            " (write ./data/train.jsonl)",
            id="the ./ is missing",
        ),
        pytest.param(
            "data/elsewhere.jsonl",
            "data/elsewhere.jsonl must be a path relative to the spec, beginning with ./ or ../"
            " (write ./data/elsewhere.jsonl)",
            id="and the file too",
        ),
        pytest.param(
            "/srv/train.jsonl",
            "/srv/train.jsonl must be a path relative to the spec, beginning with ./ or ../",
            id="an absolute path",
        ),
        pytest.param(
            "./data/trian.jsonl",
            "there is no ./data/trian.jsonl (did you mean ./data/train.jsonl?)",
            id="a typing error",
        ),
        pytest.param(
            "./data/Train.JSONL",
            "there is no ./data/Train.JSONL (did you mean ./data/train.jsonl?)",
            id="another case",
        ),
        pytest.param(
            "./data/zzz.jsonl",
            "there is no ./data/zzz.jsonl"
            " (a file that is fetched later can be pinned: {path: …, sha256: …})",
            id="nothing like it",
        ),
        pytest.param(
            "./date/train.jsonl",
            "there is no ./date/train.jsonl (there is no folder ./date)",
            id="no such folder",
        ),
        pytest.param(
            "./data/train.jsonl/x",
            "there is no ./data/train.jsonl/x (there is no folder ./data/train.jsonl)",
            id="below a file",
        ),
        pytest.param("./data", "specs/data is a folder, not a file", id="a folder"),
        pytest.param("./data/empty.jsonl", "specs/data/empty.jsonl is empty", id="empty"),
        pytest.param(
            "./data/blank.jsonl",
            "specs/data/blank.jsonl holds no examples, only blank lines",
            id="blank",
        ),
        pytest.param("./data/pipe.jsonl", "specs/data/pipe.jsonl is a pipe, not a file", id="pipe"),
        pytest.param(
            "./data/socket.jsonl", "specs/data/socket.jsonl is a socket, not a file", id="socket"
        ),
        pytest.param(
            "../../outside.jsonl",
            "../../outside.jsonl is outside the repository"
            " (copy it into the repository, or write the provider's own name for it)",
            id="outside",
        ),
        pytest.param(
            "./data/link-out.jsonl",
            "./data/link-out.jsonl leads out of the repository by a symbolic link"
            " (copy it into the repository, or write the provider's own name for it)",
            id="a link that leads out",
        ),
        pytest.param(
            "./data/null",
            "./data/null leads out of the repository by a symbolic link"
            " (copy it into the repository, or write the provider's own name for it)",
            id="a device by a link",
        ),
        pytest.param(r'"./data/\0.jsonl"', "a path holds no NUL character", id="NUL"),
        pytest.param(
            "./data/itself.jsonl",
            "specs/data/itself.jsonl cannot be read: Too many levels of symbolic links",
            id="a link to itself",
        ),
    ],
)
def test_a_file_that_cannot_be_trained_on_is_told_at_its_field(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, written: str, expected: str
) -> None:
    data = repo.root / "specs/data"
    (repo.root.parent / "outside.jsonl").write_text(DATA)
    (data / "link-out.jsonl").symlink_to("../../../outside.jsonl")
    (data / "null").symlink_to(os.devnull)
    (data / "itself.jsonl").symlink_to("itself.jsonl")
    (data / "empty.jsonl").touch()
    (data / "blank.jsonl").write_text("\n \n")
    os.mkfifo(data / "pipe.jsonl")
    monkeypatch.chdir(data)  # the path of a socket has to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jsonl")
        assert problem(load(repo, written)) == f"specs/a.yaml:7:18: {expected}"


def test_a_file_that_may_not_be_read_is_told(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, file: str, **_: object) -> DatasetFacts:
        raise PermissionError(13, "Permission denied", str(path), file)

    monkeypatch.setattr(facts, "read", forbidden)
    assert problem(load(repo, "./data/train.jsonl")) == (
        "specs/a.yaml:7:18: specs/data/train.jsonl cannot be read: Permission denied"
    )


def test_a_link_inside_the_repository_goes_by_the_name_in_the_spec(repo: Repository) -> None:
    (repo.root / "specs/data/latest.jsonl").symlink_to("train.jsonl")
    assert training(load(repo, "./data/latest.jsonl")).path == "specs/data/latest.jsonl"


def test_up_from_a_linked_folder_is_up_from_where_it_really_is(repo: Repository) -> None:
    (repo.root / "store/2026").mkdir(parents=True)
    (repo.root / "store/train.jsonl").write_text(DATA)
    (repo.root / "specs/now").symlink_to("../store/2026", target_is_directory=True)
    assert training(load(repo, "./now/../train.jsonl")).path == "store/train.jsonl"


class TestPin:
    def test_a_pin_that_fits_changes_nothing(self, repo: Repository) -> None:
        pinned = load(repo, f"{{path: ./data/train.jsonl, sha256: {SHA256}}}")
        assert training(pinned) == PRESENT
        plain = load(repo, "./data/train.jsonl")
        assert pinned.specs[0].token == plain.specs[0].token

    def test_a_pin_stands_for_a_file_that_is_not_here(self, repo: Repository) -> None:
        here = load(repo, "./data/train.jsonl").specs[0]
        (repo.root / "specs/data/train.jsonl").unlink()
        absent = load(repo, f"{{path: ./data/train.jsonl, sha256: {SHA256}}}")
        assert training(absent) == Dataset(
            path="specs/data/train.jsonl", sha256=SHA256, present=False
        )
        assert absent.specs[0].token == here.token

    def test_another_content_is_told_at_the_pin(self, repo: Repository) -> None:
        loaded = load(repo, f"{{path: ./data/train.jsonl, sha256: {OTHER_SHA256}}}")
        assert problem(loaded) == (
            f"specs/a.yaml:7:53: ./data/train.jsonl is {SHA256[:12]}…, and"
            f" {OTHER_SHA256[:12]}… is pinned"
            " (fetch the pinned data; or pin the new one, which trains again)"
        )

    def test_a_pinned_path_is_a_path_too(self, repo: Repository) -> None:
        loaded = load(repo, f"{{path: data/train.jsonl, sha256: {SHA256}}}")
        assert "specs/a.yaml:7:25: " in str(loaded.problems[0])

    def test_a_pin_does_not_lead_out_of_the_repository(self, repo: Repository) -> None:
        loaded = load(repo, f"{{path: ../../absent.jsonl, sha256: {SHA256}}}")
        assert "is outside the repository" in problem(loaded)


class TestGitLfs:
    def test_a_pointer_is_as_good_as_a_pin(self, repo: Repository) -> None:
        here = load(repo, "./data/train.jsonl").specs[0]
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize 99\n"
        (repo.root / "specs/data/train.jsonl").write_text(pointer)
        absent = load(repo, "./data/train.jsonl")
        assert training(absent) == Dataset(
            path="specs/data/train.jsonl", sha256=SHA256, present=False
        )
        assert absent.specs[0].token == here.token

    def test_a_pointer_to_other_data_breaks_a_pin(self, repo: Repository) -> None:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize 99\n"
        (repo.root / "specs/data/train.jsonl").write_text(pointer)
        loaded = load(repo, f"{{path: ./data/train.jsonl, sha256: {OTHER_SHA256}}}")
        assert "is pinned" in problem(loaded)


def test_what_is_wrong_inside_a_file_is_told_there_and_once(repo: Repository) -> None:
    bad = DATA + EXAMPLE.replace("assistant", "assitant")
    (repo.root / "specs/data/train.jsonl").write_text(bad)
    load(repo, "./data/train.jsonl", name="a")
    assert problem(load(repo, "./data/train.jsonl", name="b")) == (
        'specs/data/train.jsonl:13:75: /messages/1/role: "assitant" is not a role'
        " (system, user, assistant, tool)"
    )


def test_every_file_is_read_once_however_many_specs_share_it(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    read = facts.read

    def counted(path: Path, file: str, **_: object) -> DatasetFacts:
        reads.append(file)
        return read(path, file)

    load(repo, "./data/train.jsonl", name="a")
    load(repo, "./data/../data/train.jsonl", name="b")
    monkeypatch.setattr(facts, "read", counted)
    loaded = load(repo, "./data/train.jsonl", name="c")
    assert [spec.training for spec in loaded.specs] == [PRESENT] * 3
    assert reads == ["specs/data/train.jsonl"]
    assert loaded.data_files == ("specs/data/train.jsonl",)


@pytest.mark.parametrize(
    ("training_file", "validation_file"),
    [
        ("./data/train.jsonl", "./data/train.jsonl"),
        ("./data/train.jsonl", "./data/copy.jsonl"),
        ("./data/train.jsonl", f"{{path: ./absent.jsonl, sha256: {SHA256}}}"),
        ("file-abc", "file-abc"),
    ],
)
def test_validation_data_must_not_be_the_training_data(
    repo: Repository, training_file: str, validation_file: str
) -> None:
    (repo.root / "specs/data/copy.jsonl").write_text(DATA)
    loaded = load(repo, f"{training_file}\n  validation_file: {validation_file}")
    assert problem(loaded) == (
        "specs/a.yaml:8:20: validation_file is the same data as training_file"
        " (hold back examples that training does not see, or leave it out)"
    )


def test_other_validation_data_is_fine(repo: Repository) -> None:
    loaded = load(repo, "./data/train.jsonl\n  validation_file: ./data/valid.jsonl")
    assert loaded.problems == ()
    assert loaded.specs[0].validation == Dataset(
        path="specs/data/valid.jsonl",
        sha256=OTHER_SHA256,
        size=len(OTHER),
        examples=13,
        format="chat",
        present=True,
    )
    assert loaded.data_files == ("specs/data/train.jsonl", "specs/data/valid.jsonl")


def test_data_of_the_wrong_format_is_told_though_a_line_is_wrong_too(repo: Repository) -> None:
    wrong = '{"messages": [{"role": "robot", "content": "?"}]}\n'
    (repo.root / "specs/data/train.jsonl").write_text(wrong + DATA)
    problems = load(repo, "./data/train.jsonl\n  method: {type: dpo}").problems
    assert [(problem.file, problem.message.split(": ")[-1][:50]) for problem in problems] == [
        ("specs/a.yaml", "specs/data/train.jsonl is in the chat format, but "),
        ("specs/data/train.jsonl", '"robot" is not a role (system, user, assistant, to'),
    ]
