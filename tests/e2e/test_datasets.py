"""`reconcile datasets`, as a process: what files hold, offline and without a key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.command import Command

MODELS = """\
apiVersion: finetuning.reconciler/v1
kind: Config
models:
  gpt-own:
    provider: openai
    methods: [supervised, dpo]
    price: {per_million_tokens: 4}
    max_tokens_per_example: 30
"""


def entry(reconcile: Command, *arguments: str, check: int = 0) -> Any:
    (found,) = reconcile.json("datasets", *arguments, check=check)["datasets"]
    return found


def test_the_files_of_all_specs_are_shown(reconcile: Command) -> None:
    (reconcile.files.root / "reconciler.yaml").write_text(MODELS)
    reconcile.files.data("valid.jsonl", examples=10, seed="!")
    reconcile.files.add("support-bot", "  validation_file: ./valid.jsonl\n")
    reconcile.files.add("other-bot", data="train.jsonl")
    shown = reconcile("datasets").stdout
    train, valid = shown.split("\n\n")
    assert train.startswith("specs/train.jsonl\n  chat · 12 examples · ")
    assert "used by" in train
    assert "other-bot (training), support-bot (training)" in train
    assert "gpt-own" in train  # the built-in models close one day
    assert valid.startswith("specs/valid.jsonl\n  chat · 10 examples · ")
    assert "support-bot (validation)" in valid
    assert "PER 1M" not in valid  # nobody trains on it


def test_a_file_can_be_named_wherever_it_is(reconcile: Command) -> None:
    path = reconcile.files.data("x.jsonl").rename(reconcile.files.root.parent / "x.jsonl")
    found = entry(reconcile, "../x.jsonl")
    assert (found["file"], found["format"], found["examples"]) == ("../x.jsonl", "chat", 12)
    assert found["size"] == path.stat().st_size
    assert found["tokens"]["exact"]
    assert sum(bar["examples"] for bar in found["tokens"]["histogram"]) == 12


def test_prices_follow_the_table_the_epochs_and_the_limit(reconcile: Command) -> None:
    (reconcile.files.root / "reconciler.yaml").write_text(MODELS)
    path = reconcile.files.data("x.jsonl", examples=10)
    long = {
        "messages": [{"role": role, "content": "word " * 500} for role in ("user", "assistant")]
    }
    path.write_text(path.read_text() + json.dumps(long) + "\n")
    found = entry(reconcile, "specs/x.jsonl", "--epochs", "2")
    (own,) = [price for price in found["prices"] if price["model"] == "gpt-own"]
    cut = found["tokens"]["tokens"] - found["tokens"]["longest"] + 30
    assert own["estimate"]["tokens"] == 2 * cut
    assert own["estimate"]["truncated"] == 1
    assert own["estimate"]["usd"] == pytest.approx(2 * cut * 4 / 1e6, abs=1e-4)
    automatic = entry(reconcile, "specs/x.jsonl")["prices"]
    (own,) = [price for price in automatic if price["model"] == "gpt-own"]
    assert (own["estimate"]["epochs_low"], own["estimate"]["epochs_high"]) == (3, 9)


def test_models_that_cannot_read_a_file_are_not_priced(reconcile: Command) -> None:
    (reconcile.files.root / "reconciler.yaml").write_text(MODELS)
    path = reconcile.files.root / "pairs.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "input": {"messages": [{"role": "user", "content": f"Hi {number}"}]},
                    "preferred_output": [{"role": "assistant", "content": "Hello"}],
                    "non_preferred_output": [{"role": "assistant", "content": "What?"}],
                }
            )
            + "\n"
            for number in range(12)
        )
    )
    found = entry(reconcile, "pairs.jsonl")
    assert found["format"] == "preference"
    assert "gpt-own" in {price["model"] for price in found["prices"]}
    assert "bedrock" not in {price["provider"] for price in found["prices"]}


def test_a_model_that_is_closed_is_not_priced(reconcile: Command) -> None:
    closed = MODELS + "    closes_on: '2026-01-01'\n"
    (reconcile.files.root / "reconciler.yaml").write_text(closed)
    reconcile.files.data("x.jsonl")
    found = entry(reconcile, "specs/x.jsonl")
    assert "gpt-own" not in {price["model"] for price in found["prices"]}


def test_another_tokenizer_counts_other_tokens(reconcile: Command) -> None:
    path = reconcile.files.data("x.jsonl")
    path.write_text(path.read_text().replace("Monday", "понедельник"))
    new = entry(reconcile, "specs/x.jsonl")["tokens"]
    old = entry(reconcile, "specs/x.jsonl", "--tokenizer", "cl100k_base")["tokens"]
    assert (new["tokenizer"], old["tokenizer"]) == ("o200k_base", "cl100k_base")
    assert old["tokens"] > new["tokens"]


def test_a_large_file_is_sampled_and_exact_on_request(reconcile: Command) -> None:
    reconcile.files.data("x.jsonl", examples=9_000)
    sampled = entry(reconcile, "specs/x.jsonl")["tokens"]
    exact = entry(reconcile, "specs/x.jsonl", "--exact")["tokens"]
    assert (sampled["sampled"], exact["sampled"]) == (True, False)
    assert sampled["low"] <= exact["tokens"] <= sampled["high"]
    shown = reconcile("datasets", "specs/x.jsonl").stdout
    assert "%, sampled (o200k_base)" in shown
    assert entry(reconcile, "specs/x.jsonl")["tokens"] == sampled


def test_bad_data_is_listed_and_exits_with_3(reconcile: Command) -> None:
    path = reconcile.files.add("support-bot").with_name("train.jsonl")
    path.write_text(path.read_text() + "{\n" + '{"messages": "none"}\n')
    done = reconcile("datasets", check=3)
    assert "specs/train.jsonl:13:" in done.stdout
    assert "specs/train.jsonl:14:" in done.stdout
    assert "14 examples" in done.stdout
    found = entry(reconcile, "specs/train.jsonl", check=3)
    assert {problem["line"] for problem in found["problems"]} == {13, 14}
    assert found["tokens"]["tokens"] > 0


def test_problems_of_a_spec_are_pointed_to(reconcile: Command) -> None:
    reconcile.files.add("support-bot", "  seed: -1\n")
    done = reconcile("datasets", check=3)
    assert "specs/train.jsonl" in done.stdout
    assert "in the specs themselves: reconcile validate lists them" in done.stderr


def test_data_that_is_pinned_and_not_here_is_no_problem(reconcile: Command) -> None:
    path = reconcile.files.add("support-bot")
    pinned = f"{{path: ./train.jsonl, sha256: {'ab' * 32}}}"
    path.write_text(path.read_text().replace("./train.jsonl", pinned))
    (reconcile.files.root / "specs" / "train.jsonl").unlink()
    assert "specs/train.jsonl" in (shown := reconcile("datasets").stdout)
    assert "not here" in shown


def test_what_training_and_validation_have_in_common_is_told(reconcile: Command) -> None:
    reconcile.files.data("valid.jsonl", examples=3)
    reconcile.files.add("support-bot", "  validation_file: ./valid.jsonl\n")
    train, valid = reconcile.json("datasets")["datasets"]
    assert train["overlaps"] == [
        {"validation": "specs/valid.jsonl", "examples": 3, "line": 1, "training_line": 1}
    ]
    assert valid["overlaps"] == []
    assert "3 examples also in specs/valid.jsonl" in reconcile("datasets").stdout


def test_roles_turns_tools_and_duplicates_are_counted(reconcile: Command) -> None:
    path = reconcile.files.root / "x.jsonl"
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
    asked = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "There."},
    ]
    lines = [{"messages": asked}, {"messages": asked}, {"messages": asked[1:], "tools": [tool]}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = entry(reconcile, "x.jsonl")
    assert found["roles"] == {"assistant": 3, "system": 2, "user": 3}
    assert (found["with_system"], found["with_tools"], found["tools"]) == (2, 1, ["look_up"])
    assert (found["messages"], found["turns"]) == ({"2": 1, "3-4": 2}, {"1": 3})
    assert (found["duplicates"], found["with_images"]) == (1, 0)


def test_a_pointer_of_git_lfs_is_no_data(reconcile: Command) -> None:
    path = reconcile.files.root / "x.jsonl"
    path.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 123456789\n"
    )
    found = entry(reconcile, "x.jsonl")
    assert (found["not_here"], found["size"], found["tokens"]) == (True, 123_456_789, None)
    assert (found["prices"], found["duplicates"]) == ([], None)


def test_a_repository_without_data_says_so(reconcile: Command) -> None:
    assert reconcile("datasets").stdout == "no spec names a data file of this repository\n"
    assert reconcile.json("datasets")["datasets"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read"),
        (["specs"], "specs cannot be read"),
        (["specs/x.jsonl", "--tokenizer", "gpt-9"], "there is no tokenizer 'gpt-9'"),
        (["specs/x.jsonl", "--tokenizer", "t.json"], "there is no tokenizer file t.json"),
        (["specs/x.jsonl", "--epochs", "0"], "--epochs"),
        (["specs/x.jsonl", "--format", "sarif"], "choose --format text or json"),
    ],
)
def test_what_cannot_be_done_exits_with_2(
    reconcile: Command, arguments: list[str], words: str
) -> None:
    reconcile.files.data("x.jsonl")
    done = reconcile("datasets", *arguments, check=2)
    assert words in done.stderr
    assert done.stdout == ""


def test_counts_are_remembered_beside_the_state_and_nowhere_else(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    before = {path for path in reconcile.files.root.rglob("*") if path.is_file()}
    first = reconcile("datasets").stdout
    fresh = {path for path in reconcile.files.root.rglob("*") if path.is_file()} - before
    cache = reconcile.files.root / ".reconciler" / "cache"
    assert fresh
    assert all(path.is_relative_to(cache) for path in fresh)
    assert reconcile("datasets").stdout == first
