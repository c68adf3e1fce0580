"""A plan that was reviewed is carried out as it was reviewed, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler import schema
from tests.e2e.command import Command, creates
from tests.repository import Repository, repository

CONFIG = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
PRICE = "models:\n  gpt-4.1-mini-2025-04-14: {provider: openai, price: {per_million_tokens: 50}}\n"


ENVIRONMENT = {"RECONCILER_SANDBOX": "1", "RECONCILER_SANDBOX_SPEED": "50"}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of one spec, with its plan in plan.json. Not to be changed: see `reviewed`."""
    files = repository(tmp_path_factory.mktemp("planned"))
    files.add("support-bot", "  hyperparameters: {n_epochs: 3}\n")
    told = Command(files, ENVIRONMENT)("plan", "--out", "plan.json")
    assert told.stderr == "kept in plan.json; to do just this: reconcile apply --plan plan.json\n"
    return files.root


@pytest.fixture
def reviewed(planned: Path, tmp_path: Path) -> Command:
    """A copy of that repository, for a test of its own."""
    root = shutil.copytree(planned, tmp_path / "repository")
    return Command(Repository(root), ENVIRONMENT)


def jobs(reconcile: Command) -> list[str]:
    return creates(reconcile.files.root / ".reconciler/sandbox/providers")


def kept(reconcile: Command) -> Any:
    return json.loads((reconcile.files.root / "plan.json").read_bytes())


def keep(reconcile: Command, document: Any) -> None:
    (reconcile.files.root / "plan.json").write_text(json.dumps(document))


def refusal(reconcile: Command, *arguments: str) -> str:
    """Why apply --plan goes no further; it must say so, and create nothing."""
    before = jobs(reconcile)
    done = reconcile("apply", "--plan", "plan.json", *arguments, check=5)
    assert jobs(reconcile) == before
    assert done.stdout == ""
    return done.stderr


def test_what_was_reviewed_is_done_once(reviewed: Command) -> None:
    document = kept(reviewed)
    assert schema.check("savedplan", document) == ()
    (step,) = document["steps"]
    assert (step["action"], step["name"], step["usd"]) == (
        "create",
        "support-bot",
        step["usd_high"],
    )
    reviewed("apply", "--plan", "plan.json", "--wait")
    assert len(jobs(reviewed)) == 1
    status = reviewed.files.sidecar("support-bot")
    assert (status["phase"], status["token"]) == ("Succeeded", step["token"])
    assert "create was planned, and is not to be done any more" in refusal(reviewed)


def edit(files: Repository) -> None:
    files.add("support-bot", "  hyperparameters: {n_epochs: 4}\n")


def other_data(files: Repository) -> None:
    files.data("train.jsonl", seed=" now")


def another_spec(files: Repository) -> None:
    files.add("tone")


def another_price(files: Repository) -> None:
    (files.root / "reconciler.yaml").write_text(CONFIG + PRICE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            edit,
            [
                "support-bot: create was planned, and is not to be done any more",
                "support-bot: create was not planned (support-bot-",
            ],
            id="the spec was edited",
        ),
        pytest.param(
            other_data, ["support-bot: create was not planned (support-bot-"], id="its data was"
        ),
        pytest.param(another_spec, ["tone: create was not planned (tone-"], id="another create"),
        pytest.param(
            another_price,
            [
                "support-bot: cost in US dollars 0.00",
                "support-bot: price $5.00 per 1M tokens",
                "→ $50.00 per 1M tokens (reconciler.yaml)",
            ],
            id="another price",
        ),
    ],
)
def test_what_moved_since_is_told_and_nothing_is_called(
    reviewed: Command, change: Callable[[Repository], None], words: list[str]
) -> None:
    change(reviewed.files)
    told = refusal(reviewed)
    assert told.startswith("error: this is not what was reviewed any more: ")
    assert "plan again, have that reviewed, and apply it" in told
    for word in words:
        assert word in told
    assert not list(reviewed.files.root.glob("specs/*.status.yaml"))


def test_a_status_that_was_refreshed_meanwhile_refuses_nothing(reviewed: Command) -> None:
    reviewed("apply")
    reviewed.files.add("tone")
    reviewed("plan", "--out", "plan.json")
    reviewed("apply", "--wait", "support-bot")
    serial = json.loads(reviewed("state", "pull").stdout)["serial"]
    assert kept(reviewed)["serial"] < serial
    reviewed("apply", "--plan", "plan.json")
    assert len(jobs(reviewed)) == 2


def test_a_plan_of_one_spec_is_of_that_one(reviewed: Command) -> None:
    reviewed.files.add("tone")
    reviewed("plan", "tone", "--out", "plan.json")
    assert kept(reviewed)["request"]["paths"] == ["tone"]
    done = reviewed.json("apply", "--plan", "plan.json")
    assert [(each["name"], each["result"]) for each in done["outcomes"]] == [("tone", "created")]


class TestFilesThatCannotBeTrusted:
    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
            pytest.param(lambda data: data.replace(b'"create"', b'"delete"'), id="no such action"),
        ],
    )
    def test_what_is_no_plan_is_a_matter_of_usage(
        self, reviewed: Command, damage: Callable[[bytes], bytes]
    ) -> None:
        file = reviewed.files.root / "plan.json"
        file.write_bytes(damage(file.read_bytes()))
        done = reviewed("apply", "--plan", "plan.json", check=2)
        assert "plan.json is no saved plan: " in done.stderr
        assert "reconcile plan --out writes one" in done.stderr
        assert jobs(reviewed) == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [("token", "support-bot-0000000000000000"), ("usd", 0.0)],
    )
    def test_what_was_tampered_with_can_only_refuse(
        self, reviewed: Command, field: str, value: object
    ) -> None:
        document = kept(reviewed)
        document["steps"][0][field] = value
        keep(reviewed, document)
        assert "support-bot: " in refusal(reviewed)

    def test_a_plan_that_is_not_there(self, reviewed: Command) -> None:
        told = reviewed("apply", "--plan", "plan-2.json", check=2).stderr
        assert "plan-2.json cannot be read: No such file or directory" in told


class TestUsage:
    @pytest.mark.parametrize("arguments", [["support-bot"], ["--prune"]], ids=["name", "prune"])
    def test_the_plan_says_itself_what_it_is_about(
        self, reviewed: Command, arguments: list[str]
    ) -> None:
        told = reviewed("apply", "--plan", "plan.json", *arguments, check=2).stderr
        assert "plan.json says itself which specs it is about, and whether to prune" in told

    def test_limits_may_be_lowered_once_more(self, reviewed: Command) -> None:
        assert "more than max_creates 0" in refusal(reviewed, "--max-creates", "0")
        assert "more than max_cost_usd $0.00" in refusal(reviewed, "--max-cost", "0.0001")

    def test_a_place_where_no_plan_can_be_kept(self, reviewed: Command, tmp_path: Path) -> None:
        place = str(tmp_path / "nowhere" / "plan.json")
        told = reviewed("plan", "--out", place, check=2).stderr
        assert f"{place} cannot be written: " in told
        assert "name another file with --out" in told
