"""Which steps of a plan get a price, from which words of a spec, and what never stops a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cost import BaseModel, Estimate
from reconciler.datasets.counting import CACHE, DEFAULT_TOKENIZER
from reconciler.estimates import priced
from reconciler.model import Action, Dataset, JobSpec, Plan, Reason, Step
from tests.fakes import make_spec
from tests.repository import Repository, repository

MINI = BaseModel(
    id="gpt-4.1-mini-2025-04-14",
    provider="openai",
    usd_per_million_tokens=5.0,
    max_tokens_per_example=65_536,
    source="a price list",
)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


def data(
    repo: Repository, name: str = "train.jsonl", *, examples: int = 12, **more: Any
) -> Dataset:
    content = repo.data(name, examples=examples).read_bytes()
    values: dict[str, Any] = {
        "path": f"specs/{name}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "examples": examples,
        "format": "chat",
        "present": True,
        **more,
    }
    return Dataset(**values)


def spec_of(repo: Repository, **fields: Any) -> JobSpec:
    values = {"training": data(repo), "base": MINI, "hyperparameters": {"n_epochs": 3}, **fields}
    return replace(make_spec(), **values)


def step(
    spec: JobSpec | None, action: Action = Action.CREATE, reason: Reason = Reason.MISSING
) -> Step:
    return Step(
        action=action,
        reason=reason,
        token="support-bot-0",
        name="support-bot",
        provider="openai",
        spec=spec,
    )


def after(repo: Repository, before: Step, **options: Any) -> Step:
    plan = Plan(steps=(before,), lineage="l", serial=1)
    return priced(plan, repo.root, **options).steps[0]


def of(repo: Repository, spec: JobSpec) -> Estimate:
    found = after(repo, step(spec)).estimate
    assert found is not None
    return found


class TestWhichSteps:
    @pytest.mark.parametrize(
        ("action", "reason", "has_one"),
        [
            pytest.param(Action.CREATE, Reason.MISSING, True, id="a create"),
            pytest.param(Action.CREATE, Reason.RETRY_FAILED, True, id="another attempt"),
            pytest.param(Action.CREATE, Reason.PENDING_NOT_FOUND, True, id="a lost create"),
            pytest.param(Action.HOLD, Reason.WAITING_FOR_SPEC, True, id="waits for another spec"),
            pytest.param(Action.HOLD, Reason.SUSPENDED, True, id="suspended"),
            pytest.param(Action.HOLD, Reason.MODEL_SHUTS_DOWN, True, id="waits for a word"),
            pytest.param(Action.HOLD, Reason.NOT_CONFIGURED, True, id="waits for configuration"),
            pytest.param(Action.HOLD, Reason.MODEL_CLOSED, False, id="can never be created"),
            pytest.param(Action.HOLD, Reason.PROVIDER_UNAVAILABLE, False, id="may exist already"),
            pytest.param(Action.HOLD, Reason.JOB_MISSING, False, id="is never created again"),
            pytest.param(Action.HOLD, Reason.CREATE_REJECTED, False, id="was refused"),
            pytest.param(Action.ADOPT, Reason.TOKEN_MATCH, False, id="is paid for already"),
            pytest.param(Action.NOOP, Reason.UP_TO_DATE, False, id="is there"),
        ],
    )
    def test_what_is_created_now_or_one_day(
        self, repo: Repository, action: Action, reason: Reason, has_one: bool
    ) -> None:
        done = after(repo, step(spec_of(repo), action, reason))
        assert (done.estimate is not None) is has_one
        assert replace(done, estimate=None) == step(done.spec, action, reason)

    def test_an_orphan_has_no_spec_to_price(self, repo: Repository) -> None:
        orphan = step(None, Action.ORPHAN, Reason.NO_SPEC)
        assert after(repo, orphan) is orphan

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"method": "reinforcement"}, id="paid by the hour"),
            pytest.param({"training": Dataset(reference="file-1")}, id="the provider's own file"),
            pytest.param(
                {"training": Dataset(path="specs/train.jsonl", sha256="ab" * 32)},
                id="data that is not in this checkout",
            ),
        ],
    )
    def test_what_nobody_can_tell(self, repo: Repository, fields: Mapping[str, Any]) -> None:
        before = step(spec_of(repo, **fields))
        assert after(repo, before) == before

    def test_pictures_are_not_paid_for_by_the_token(self, repo: Repository) -> None:
        before = step(spec_of(repo, training=data(repo, format="image")))
        assert after(repo, before) == before

    def test_without_a_price_the_tokens_are_known_all_the_same(self, repo: Repository) -> None:
        found = of(repo, spec_of(repo, base=None))
        assert found.tokens > 0
        assert (found.usd, found.price, found.tokenizer) == (None, "", DEFAULT_TOKENIZER)

    def test_the_order_and_everything_else_of_a_plan_stay(self, repo: Repository) -> None:
        steps = (step(None, Action.ORPHAN, Reason.NO_SPEC), step(spec_of(repo)))
        done = priced(Plan(steps=steps, lineage="l", serial=7), repo.root)
        assert (done.lineage, done.serial) == ("l", 7)
        assert [each.action for each in done.steps] == [Action.ORPHAN, Action.CREATE]


class TestEpochs:
    @pytest.mark.parametrize(
        ("fields", "epochs"),
        [
            pytest.param({"hyperparameters": {"n_epochs": 4}}, 4, id="the portable word"),
            pytest.param({"hyperparameters": {"n_epochs": 4.0}}, 4, id="a whole float"),
            pytest.param(
                {"hyperparameters": {}, "section": {"epochs": 5}}, 5, id="Fireworks' own word"
            ),
            pytest.param(
                {"hyperparameters": {}, "section": {"hyperparameters": {"epochCount": "6"}}},
                6,
                id="Bedrock's own word, which is a text",
            ),
            pytest.param(
                {"hyperparameters": {}, "section": {"hyperparameters": {"epoch_count": 7}}},
                7,
                id="the same in snake case",
            ),
            pytest.param(
                {"hyperparameters": {"n_epochs": 4}, "section": {"epochs": 5}},
                4,
                id="the portable word first",
            ),
            pytest.param(
                {"hyperparameters": {}, "base": replace(MINI, default_epochs=2)},
                2,
                id="the model's default",
            ),
        ],
    )
    def test_however_a_spec_says_it(
        self, repo: Repository, fields: Mapping[str, Any], epochs: int
    ) -> None:
        found = of(repo, spec_of(repo, **fields))
        assert (found.epochs_low, found.epochs_high, found.exact) == (epochs, epochs, True)

    @pytest.mark.parametrize(
        "section",
        [
            pytest.param({}, id="left out"),
            pytest.param({"hyperparameters": None}, id="an empty section"),
            pytest.param({"hyperparameters": {"epochCount": "some"}}, id="no number"),
        ],
    )
    def test_what_is_left_to_the_provider(
        self, repo: Repository, section: Mapping[str, Any]
    ) -> None:
        found = of(repo, spec_of(repo, hyperparameters={}, section=section))
        assert (found.epochs_low, found.epochs_high, found.exact) == (3, 8, False)


class TestCounting:
    def test_the_price_is_that_of_every_epoch(self, repo: Repository) -> None:
        once, thrice = (
            of(repo, spec_of(repo, hyperparameters={"n_epochs": number})) for number in (1, 3)
        )
        assert thrice.tokens == 3 * once.tokens
        assert thrice.usd == round(3 * once.tokens * 5.0 / 1e6, 4)
        assert thrice.price == "$5.00 per 1M tokens (a price list)"

    def test_examples_beyond_the_models_limit_are_cut(self, repo: Repository) -> None:
        whole = of(repo, spec_of(repo))
        cut = of(repo, spec_of(repo, base=replace(MINI, max_tokens_per_example=5)))
        assert (whole.truncated, cut.truncated) == (0, 12)
        assert cut.tokens == 12 * 5 * 3

    def test_the_tokens_are_the_models_own_where_its_vocabulary_is_known(
        self, repo: Repository
    ) -> None:
        found = of(repo, spec_of(repo, base=replace(MINI, tokenizer="cl100k_base")))
        assert found.tokenizer == "cl100k_base"

    def test_the_same_bytes_are_counted_once(self, repo: Repository) -> None:
        first = of(repo, spec_of(repo))
        kept = list((repo.root / CACHE).iterdir())
        assert len(kept) == 1
        moment = kept[0].stat().st_mtime_ns
        assert of(repo, spec_of(repo, seed=7)) == first
        assert [path.stat().st_mtime_ns for path in (repo.root / CACHE).iterdir()] == [moment]

    def test_whoever_waits_is_told_which_file_and_how_far(self, repo: Repository) -> None:
        told: list[tuple[str, int, int]] = []
        spec = spec_of(repo)
        after(repo, step(spec), progress=lambda *news: told.append(news))
        size = spec.training.size
        assert told[-1] == ("specs/train.jsonl", size, size)

    def test_a_large_file_is_sampled_unless_every_token_is_asked_for(
        self, repo: Repository
    ) -> None:
        large = data(repo, "large.jsonl", examples=9_000)
        guess = of(repo, spec_of(repo, training=large))
        exact = after(repo, step(spec_of(repo, training=large)), exact=True).estimate
        assert exact is not None
        assert (guess.exact, exact.exact) == (False, True)
        assert guess.tokens_low <= guess.tokens <= guess.tokens_high
        assert guess.tokens_low <= exact.tokens <= guess.tokens_high


class TestTrouble:
    def test_data_that_is_gone_meanwhile_is_for_the_upload_to_tell(self, repo: Repository) -> None:
        before = step(spec_of(repo))
        (repo.root / "specs/train.jsonl").unlink()
        assert after(repo, before) == before

    def test_a_vocabulary_that_is_not_there_is_a_warning(self, repo: Repository) -> None:
        done = after(repo, step(spec_of(repo, base=replace(MINI, tokenizer="llama.json"))))
        assert done.estimate is None
        place = repo.root / "llama.json"  # whatever the working directory
        assert done.warning == f"its tokens were not counted: there is no tokenizer file {place}"

    def test_it_does_not_hide_another_warning(self, repo: Repository) -> None:
        before = step(spec_of(repo, base=replace(MINI, tokenizer="no-such-words")))
        done = after(repo, replace(before, warning="m shuts down soon"))
        assert done.warning.startswith(
            "m shuts down soon; its tokens were not counted: there is no tokenizer 'no-such-words'"
        )
