"""Which specs a command is about: paths, names and labels, and what lies outside of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import selection
from reconciler.config import Config, OpenAISettings
from reconciler.errors import ConfigError
from reconciler.specs import Loaded
from tests.repository import Repository, repository


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Three specs, and the working directory at the root."""
    found = repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    labelled(found, "billing", "team: sales")
    labelled(found, "support-bot", "team: support, stage: live")
    labelled(found, "tone", "team: support")
    return found


def labelled(repo: Repository, name: str, labels: str) -> Path:
    path = repo.add(name)
    path.write_text(
        path.read_text().replace(f"  name: {name}\n", f"  name: {name}\n  labels: {{{labels}}}\n")
    )
    return path


def load(repo: Repository, *words: str, labels: tuple[str, ...] = ()) -> Loaded:
    config = Config(root=repo.root, providers={"openai": OpenAISettings(name="openai")})
    return selection.load(config, words, labels, None)


def chosen(repo: Repository, *words: str, labels: tuple[str, ...] = ()) -> list[str]:
    return [spec.name for spec in load(repo, *words, labels=labels).specs]


def refusal(repo: Repository, *words: str, labels: tuple[str, ...] = ()) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(repo, *words, labels=labels)
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("words", "labels", "expected"),
    [
        pytest.param((), (), ["billing", "support-bot", "tone"], id="everything"),
        pytest.param(("tone",), (), ["tone"], id="a name"),
        pytest.param(("tone", "billing"), (), ["billing", "tone"], id="in the order of the files"),
        pytest.param(("tone", "tone"), (), ["tone"], id="a name twice"),
        pytest.param(("specs/tone.yaml",), (), ["tone"], id="a path"),
        pytest.param(("./specs/tone.yaml",), (), ["tone"], id="a path that begins with a dot"),
        pytest.param(("specs",), (), ["billing", "support-bot", "tone"], id="a folder"),
        pytest.param(("specs/tone.yaml", "tone"), (), ["tone"], id="one spec both ways"),
        pytest.param(("specs/tone.yaml", "billing"), (), ["billing", "tone"], id="both mixed"),
        pytest.param(("billing", "specs/tone.yaml"), (), ["billing", "tone"], id="either way"),
        pytest.param((), ("team=support",), ["support-bot", "tone"], id="a label and its value"),
        pytest.param((), ("stage",), ["support-bot"], id="a label of any value"),
        pytest.param((), ("team=support", "stage"), ["support-bot"], id="all of several"),
        pytest.param(("tone",), ("team",), ["tone"], id="a name that carries the label"),
        pytest.param(("specs",), ("team=sales",), ["billing"], id="of a folder, those labelled"),
    ],
)
def test_what_is_chosen(
    repo: Repository, words: tuple[str, ...], labels: tuple[str, ...], expected: list[str]
) -> None:
    assert chosen(repo, *words, labels=labels) == expected


def test_a_name_is_the_same_spec_as_its_file(repo: Repository) -> None:
    by_name, by_path = load(repo, "tone"), load(repo, "specs/tone.yaml")
    assert by_name == by_path
    assert by_name.files == ("specs/tone.yaml",)
    assert by_name.data_files == ("specs/train.jsonl",)


def test_a_name_does_not_bring_its_neighbours_in_the_file(repo: Repository) -> None:
    file = repo.root / "specs/tone.yaml"
    other = file.read_text().replace("name: tone", "name: mood")
    file.write_text(f"{file.read_text()}---\n{other}")
    assert chosen(repo, "mood") == ["mood"]
    assert chosen(repo, "specs/tone.yaml") == ["tone", "mood"]


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        pytest.param(
            "suport-bot",
            "suport-bot is no path, and no spec has that name",
            "did you mean support-bot?",
            id="a slip of the finger",
        ),
        pytest.param(
            "zzz",
            "zzz is no path, and no spec has that name",
            "the specs are billing, support-bot, tone",
            id="nothing like it",
        ),
        pytest.param(
            "specs/toen.yaml",
            "there is no specs/toen.yaml",
            "did you mean tone.yaml?",
            id="what looks like a path is one",
        ),
        pytest.param(
            "tone.yml", "there is no tone.yml", "the repository holds specs/", id="a file"
        ),
        pytest.param(
            "specs/tone",
            "there is no specs/tone",
            "specs holds billing.yaml, support-bot.yaml, tone.yaml",
            id="a slash makes it a path",
        ),
    ],
)
def test_a_word_that_is_nothing(repo: Repository, word: str, message: str, hint: str) -> None:
    assert refusal(repo, word) == (message, hint)


def test_where_there_is_no_spec_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(repository(tmp_path), "tone")[1] == "the specs are none"


@pytest.mark.parametrize("label", ["owner", "team=marketing", "team=", "=support", "Team"])
def test_a_label_that_nobody_carries(repo: Repository, label: str) -> None:
    message, hint = refusal(repo, labels=(label,))
    assert message == f"none of these specs carries the label {label}"
    assert hint == "labels stand under metadata.labels; write key or key=value"


def test_one_unknown_name_among_others_chooses_nothing(repo: Repository) -> None:
    assert refusal(repo, "tone", "suport-bot")[0].startswith("suport-bot is no path")


class TestFilesOfTheSameName:
    def test_a_folder_goes_before_a_spec(self, repo: Repository) -> None:
        (repo.root / "tone").mkdir()
        assert chosen(repo, "tone") == []

    def test_a_file_goes_before_a_spec_and_says_what_it_is(self, repo: Repository) -> None:
        (repo.root / "tone").write_text("")
        assert refusal(repo, "tone") == ("tone is not a spec file", "specs end in .yaml or .yml")

    def test_what_lies_in_another_folder_does_not(
        self, repo: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (repo.root / "tone").mkdir()
        monkeypatch.chdir(repo.root / "specs")
        assert chosen(repo, "tone") == ["tone"]


class TestWhatIsBroken:
    def test_elsewhere_stops_nobody(self, repo: Repository) -> None:
        repo.add("broken", "  n_epochs: 3\n")
        (repo.root / "specs/worse.yaml").write_text("kind: [")
        loaded = load(repo, "tone")
        assert loaded.problems == ()
        assert [spec.name for spec in loaded.valid()] == ["tone"]

    def test_outside_the_labels_is_told(self, repo: Repository) -> None:
        """A spec that cannot be read may carry the label, too."""
        repo.add("broken", "  n_epochs: 3\n")
        loaded = load(repo, labels=("team=sales",))
        assert [problem.file for problem in loaded.errors] == ["specs/broken.yaml"]

    def test_in_the_file_of_the_one_that_was_named_is_told(self, repo: Repository) -> None:
        file = repo.root / "specs/tone.yaml"
        broken = file.read_text().replace("name: tone", "name: mood").replace("model:", "modle:")
        file.write_text(f"{file.read_text()}---\n{broken}")
        assert load(repo, "tone").errors

    def test_in_a_file_that_was_named_beside_is_told(self, repo: Repository) -> None:
        repo.add("broken", "  n_epochs: 3\n")
        loaded = load(repo, "tone", "specs/broken.yaml")
        assert [problem.file for problem in loaded.errors] == ["specs/broken.yaml"]

    def test_a_broken_spec_has_no_name_to_be_called_by(self, repo: Repository) -> None:
        repo.add("broken", "  n_epochs: 3\n")
        assert refusal(repo, "broken") == (
            "broken is no path, and no sound spec has that name",
            "reconcile validate shows the specs that have problems",
        )

    def test_data_that_is_only_warned_of_comes_along(self, repo: Repository) -> None:
        path = repo.data("twice.jsonl")
        path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[0])
        repo.add("again", data="other.jsonl")
        (repo.root / "specs/other.jsonl").write_text(path.read_text())
        loaded = load(repo, "again")
        assert {problem.file for problem in loaded.problems} == {"specs/other.jsonl"}
        assert loaded.errors == ()


class TestChains:
    @pytest.fixture
    def chain(self, repo: Repository) -> Repository:
        path = repo.add("dpo")
        text = path.read_text()
        path.write_text(text.replace("model: gpt-4.1-mini-2025-04-14", "model: {from: tone}"))
        return repo

    def test_a_name_does_not_bring_what_it_trains_on(self, chain: Repository) -> None:
        assert chosen(chain, "dpo") == ["dpo"]

    def test_and_is_the_same_job_as_with_everything(self, chain: Repository) -> None:
        (alone,) = load(chain, "dpo").specs
        (among,) = [spec for spec in load(chain).specs if spec.name == "dpo"]
        assert alone == among

    def test_what_it_trains_on_may_not_be_broken(self, chain: Repository) -> None:
        (chain.root / "specs/tone.yaml").write_text("kind: [")
        assert refusal(chain, "dpo")[0] == "dpo is no path, and no sound spec has that name"


def test_a_former_name_is_none_to_be_called_by(repo: Repository) -> None:
    file = repo.root / "specs/tone.yaml"
    file.write_text(
        file.read_text().replace("  name: tone\n", "  name: mood\n  previous_names: [tone]\n")
    )
    assert chosen(repo, "mood") == ["mood"]
    assert refusal(repo, "tone")[0] == "tone is no path, and no spec has that name"
