"""Names that exist twice, and chains of specs that train on each other's models."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import config, specs
from reconciler.config import Config, OpenAISettings
from reconciler.specs import Loaded
from tests.repository import Repository, repository

PROVIDERS = {name: OpenAISettings(name=name) for name in ("openai", "azure")}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def chained(repo: Repository, name: str, upstream: str, more: str = "") -> Path:
    path = repo.add(name, more)
    text = path.read_text()
    path.write_text(text.replace("model: gpt-4.1-mini-2025-04-14", f"model: {{from: {upstream}}}"))
    return path


def load(repo: Repository, *paths: str) -> Loaded:
    return specs.load(
        Config(root=repo.root, providers=PROVIDERS), [str(repo.root / path) for path in paths]
    )


def problems(loaded: Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


def tokens(loaded: Loaded) -> dict[str, str]:
    return {spec.name: spec.token for spec in loaded.specs}


def test_a_chain_is_stamped_from_its_beginning_in_whatever_order_it_is_read(
    repo: Repository,
) -> None:
    chained(repo, "a", "b")
    chained(repo, "b", "c")
    repo.add("c")
    loaded = load(repo)
    assert loaded.problems == ()
    assert [spec.name for spec in loaded.specs] == ["a", "b", "c"]
    a, b, c = loaded.specs
    assert (a.model, a.model_from) == (None, "b")
    assert a.identity["model"] == {"from": b.token}
    assert b.identity["model"] == {"from": c.token}
    assert c.identity["model"] == "gpt-4.1-mini-2025-04-14"


def test_an_edit_upstream_trains_everything_downstream_again(repo: Repository) -> None:
    repo.add("base")
    chained(repo, "middle", "base")
    chained(repo, "last", "middle")
    repo.add("apart")
    before = tokens(load(repo))
    repo.add("base", "  seed: 7")
    after = tokens(load(repo))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"base", "middle", "last"}


def test_a_chain_of_thousands_is_no_deeper_than_one(repo: Repository) -> None:
    document = chained(repo, "x", "y").read_text()
    (repo.root / "specs/x.yaml").unlink()
    repo.add("job-0")
    length = 3_000
    texts = [
        document.replace("name: x", f"name: job-{n}").replace("from: y", f"from: job-{n - 1}")
        for n in range(length, 0, -1)
    ]
    (repo.root / "specs/chain.yaml").write_text("---\n".join(texts[:1500]))
    (repo.root / "specs/chain2.yaml").write_text("---\n".join(texts[1500:]))
    loaded = load(repo)
    assert loaded.problems == ()
    assert len(loaded.specs) == length + 1


@pytest.mark.parametrize(
    ("upstream", "hint"),
    [
        ("suport-bot", "did you mean support-bot?"),
        ("zzz", "the specs are support-bot, tone"),
    ],
)
def test_an_upstream_that_does_not_exist(repo: Repository, upstream: str, hint: str) -> None:
    repo.add("support-bot")
    chained(repo, "tone", upstream)
    loaded = load(repo)
    assert problems(loaded) == [
        f"specs/tone.yaml:7:17: there is no spec named {upstream} ({hint})",
    ]
    assert tokens(loaded).keys() == {"support-bot"}


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        pytest.param(
            {"a": "a"},
            ["specs/a.yaml:7:17: no spec can train on its own model: a -> a"],
            id="itself",
        ),
        pytest.param(
            {"a": "b", "b": "c", "c": "a"},
            ["specs/a.yaml:7:17: no spec can train on its own model: a -> b -> c -> a"],
            id="three in a circle",
        ),
        pytest.param(
            {"a": "c", "b": "c", "c": "b"},
            [
                "specs/a.yaml:7:17: c has problems of its own (see specs/c.yaml:1)",
                "specs/b.yaml:7:17: no spec can train on its own model: b -> c -> b",
            ],
            id="one outside that leads into a circle",
        ),
        pytest.param(
            {"a": "b", "b": "a", "c": "d", "d": "c"},
            [
                "specs/a.yaml:7:17: no spec can train on its own model: a -> b -> a",
                "specs/c.yaml:7:17: no spec can train on its own model: c -> d -> c",
            ],
            id="two circles",
        ),
    ],
)
def test_a_circle_is_drawn_once_and_takes_nobody_else_down(
    repo: Repository, links: dict[str, str], expected: list[str]
) -> None:
    repo.add("fine")
    for name, upstream in links.items():
        chained(repo, name, upstream)
    loaded = load(repo)
    assert problems(loaded) == expected
    assert tokens(loaded).keys() == {"fine"}


def test_a_model_stays_at_the_provider_that_made_it(repo: Repository) -> None:
    path = repo.add("base")
    path.write_text(path.read_text().replace("provider: openai", "provider: azure"))
    chained(repo, "tone", "base")
    assert problems(load(repo)) == [
        (
            "specs/tone.yaml:7:17: base is trained at azure, and this one at openai"
            " (a model stays at the provider that made it)"
        )
    ]


def test_whoever_trains_on_a_broken_spec_is_told_where_it_is_broken(repo: Repository) -> None:
    repo.add("base", "  validation_file: ./none.jsonl")
    chained(repo, "middle", "base")
    chained(repo, "last", "middle")
    repo.add("fine")
    loaded = load(repo)
    assert tokens(loaded).keys() == {"fine"}
    assert [text.partition(" (")[0] for text in problems(loaded)] == [
        "specs/base.yaml:9:20: there is no ./none.jsonl",
        "specs/last.yaml:7:17: middle has problems of its own",
        "specs/middle.yaml:7:17: base has problems of its own",
    ]


class TestNames:
    def test_a_name_exists_once_and_neither_of_two_goes_on(self, repo: Repository) -> None:
        repo.add("a")
        (repo.root / "specs/z.yaml").write_text((repo.root / "specs/a.yaml").read_text())
        repo.add("fine")
        loaded = load(repo)
        assert problems(loaded) == [
            (
                "specs/z.yaml:4:9: the name a is taken by specs/a.yaml:1"
                " (a name is unique among all specs)"
            )
        ]
        assert tokens(loaded).keys() == {"fine"}

    def test_in_one_file_too(self, repo: Repository) -> None:
        path = repo.add("a")
        path.write_text("---\n".join([path.read_text()] * 3))
        assert [text.partition(" (")[0] for text in problems(load(repo))] == [
            "specs/a.yaml:13:9: the name a is taken by specs/a.yaml:1",
            "specs/a.yaml:22:9: the name a is taken by specs/a.yaml:1",
        ]

    @pytest.mark.parametrize(("named", "other"), [("a", "z"), ("z", "a")])
    def test_the_one_that_was_named_is_told_of_the_other(
        self, repo: Repository, named: str, other: str
    ) -> None:
        repo.add("a")
        (repo.root / "specs/z.yaml").write_text((repo.root / "specs/a.yaml").read_text())
        assert problems(load(repo, f"specs/{named}.yaml")) == [
            (
                f"specs/{named}.yaml:4:9: the name a is taken by specs/{other}.yaml:1"
                " (a name is unique among all specs)"
            )
        ]

    def test_nobody_trains_on_one_of_two(self, repo: Repository) -> None:
        repo.add("a")
        (repo.root / "specs/b.yaml").write_text((repo.root / "specs/a.yaml").read_text())
        chained(repo, "c", "a")
        assert problems(load(repo))[1:] == [
            "specs/c.yaml:7:17: there is more than one spec named a (rename all but one)"
        ]


class TestSelection:
    def test_what_a_selected_spec_builds_upon_is_read_along(self, repo: Repository) -> None:
        repo.add("base")
        chained(repo, "tone", "base")
        whole = tokens(load(repo))
        some = load(repo, "specs/tone.yaml")
        assert tokens(some) == {"tone": whole["tone"]}
        assert some.files == ("specs/tone.yaml",)

    def test_problems_of_others_are_theirs(self, repo: Repository) -> None:
        repo.add("broken", "  validation_file: ./none.jsonl")
        (repo.root / "specs/no.yaml").write_text("kind: [")
        repo.add("fine")
        loaded = load(repo, "specs/fine.yaml")
        assert problems(loaded) == []
        assert tokens(loaded).keys() == {"fine"}

    def test_unless_one_builds_upon_them(self, repo: Repository) -> None:
        repo.add("base", "  validation_file: ./none.jsonl")
        chained(repo, "tone", "base")
        assert problems(load(repo, "specs/tone.yaml")) == [
            "specs/tone.yaml:7:17: base has problems of its own (see specs/base.yaml:1)"
        ]

    def test_a_circle_is_told_from_where_one_stands(self, repo: Repository) -> None:
        chained(repo, "a", "b")
        chained(repo, "b", "a")
        assert problems(load(repo, "specs/b.yaml")) == [
            "specs/b.yaml:7:17: no spec can train on its own model: b -> a -> b"
        ]

    def test_data_of_others_is_not_read(self, repo: Repository) -> None:
        repo.add("a", data="a.jsonl")
        repo.add("b", data="b.jsonl")
        assert load(repo, "specs/b.yaml").data_files == ("specs/b.jsonl",)


def test_a_chain_reads_the_data_of_its_first_models_family(repo: Repository) -> None:
    """The model a job will start from has no name yet, but a family."""
    first = repo.add("first")
    first.write_text(
        first.read_text()
        .replace("provider: openai", "provider: bedrock")
        .replace("gpt-4.1-mini-2025-04-14", "amazon.nova-micro-v1:0:128k")
    )
    second = repo.root / "specs/second.yaml"
    second.write_text(
        first.read_text()
        .replace("name: first", "name: second")
        .replace("model: amazon.nova-micro-v1:0:128k", "model: {from: first}")
    )
    loaded = specs.load(config.load(None, start=repo.root, environment={}))
    assert loaded.problems == ()
    conversions = {spec.name: spec.conversion for spec in loaded.specs}
    assert conversions == dict.fromkeys(["first", "second"], "bedrock-conversation-2024/1")
