"""Jobs that nobody declared: each gets a spec and is tied to it, and nothing is paid again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import report, schema
from reconciler.config import OpenAISettings
from reconciler.discover import Discovery, discover
from reconciler.engine import Reconciler, Request
from reconciler.errors import ConfigError, ProviderAuthError, ProviderUnavailable, SpecError
from reconciler.model import Action, Binding, Job, JobStatus, Result
from tests.fakes import FakeProvider, Killed, raise_on
from tests.house import House
from tests.repository import repository


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(repository(tmp_path))


def foreign(house: House, id_: str, **fields: Any) -> Job:
    """A job made by hand, outside of any repository."""
    values: dict[str, Any] = {
        "status": JobStatus.SUCCEEDED,
        "provider_status": "succeeded",
        "created_at": 1000 + len(house.provider.jobs),
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "fine_tuned_model": f"ft:gpt-4.1-mini-2025-04-14:acme:support:{id_}",
    }
    house.provider.jobs[id_] = Job(id=id_, **{**values, **fields})
    return house.provider.jobs[id_]


def found(house: House, **options: Any) -> Discovery:
    return discover(house.reconciler(), **options)


def actions(house: House) -> list[Action]:
    return [step.action for step in house.reconciler().plan(Request()).steps]


def written(house: House, folder: str = "specs/adopted") -> list[str]:
    return sorted(path.name for path in (house.files.root / folder).iterdir())


class TestFound:
    def test_the_next_plan_is_empty_and_nothing_is_paid(self, house: House) -> None:
        foreign(house, "ftjob-a")
        foreign(house, "ftjob-b")
        running = JobStatus.RUNNING
        foreign(house, "ftjob-c", status=running, provider_status="running", fine_tuned_model=None)
        result = found(house)
        assert [outcome.result for outcome in result.outcomes] == [Result.ADOPTED] * 3
        assert result.outcomes[0].message == "ftjob-a is declared in specs/adopted/support.yaml"
        assert result.notes == ()
        assert written(house) == [
            "gpt-4-1-mini-2025-04-14.yaml",
            "support-ftjobb.yaml",
            "support.yaml",
        ]
        assert actions(house) == [Action.NOOP] * 3
        house.run()
        assert house.provider.creates == []

    def test_the_state_is_written_once_and_holds_the_jobs(self, house: House) -> None:
        for number in range(30):
            foreign(house, f"ftjob-{number}")
        found(house)
        assert house.store.writes == 1
        records = house.store.state.records.values()
        assert {record.job.id for record in records if record.job} == set(house.provider.jobs)
        assert {record.binding for record in records} == {Binding.BOUND}
        paths = {record.source.path for record in records}
        assert paths == {f"specs/adopted/{name}" for name in written(house)}

    def test_a_second_look_finds_nothing(self, house: House) -> None:
        foreign(house, "ftjob-a")
        found(house)
        again = found(house)
        assert again == Discovery(notes=("openai: 1 passed over: 1 tied already",))
        assert house.store.writes == 1

    def test_the_file_says_where_it_came_from(self, house: House) -> None:
        foreign(house, "ftjob-a", seed=7, hyperparameters={"n_epochs": 3})
        found(house)
        text = (house.files.root / "specs/adopted/support.yaml").read_text()
        assert text.startswith("# Written from what ftjob-a at openai shows;")
        assert yaml.safe_load(text)["spec"] == {
            "provider": "openai",
            "model": "gpt-4.1-mini-2025-04-14",
            "training_file": "file-1",
            "suffix": "support",
            "seed": 7,
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
        }

    def test_a_list_that_shows_no_data_is_completed(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = foreign(house, "ftjob-a")
        foreign(house, "ftjob-b")
        brief = [replace(job, training_file=None) for job in house.provider.jobs.values()]
        del house.provider.jobs["ftjob-b"]
        monkeypatch.setattr(house.provider, "list", lambda: iter(brief), raising=True)
        result = found(house)
        assert [outcome.record and outcome.record.job for outcome in result.outcomes] == [whole]
        assert result.notes == ("openai: 1 passed over: 1 gone while looking",)

    def test_a_repository_without_specs(self, house: House) -> None:
        (house.files.root / "specs").rmdir()
        foreign(house, "ftjob-a")
        found(house)
        assert actions(house) == [Action.NOOP]

    def test_an_account_without_jobs_leaves_no_trace(self, house: House) -> None:
        assert found(house) == Discovery()
        assert not (house.files.root / "specs/adopted").exists()
        assert house.store.writes == 0


class TestPassedOver:
    def test_what_is_known_or_failed(self, house: House) -> None:
        house.files.add("mine")
        house.run()
        failed, cancelled = JobStatus.FAILED, JobStatus.CANCELLED
        foreign(house, "ftjob-f", status=failed)
        foreign(house, "ftjob-g", status=failed)
        foreign(house, "ftjob-x", status=cancelled)
        stamp = house.provider.jobs["ftjob-1"].stamp
        foreign(house, "ftjob-twin", stamp=stamp)
        foreign(house, "ftjob-short", stamp=(stamp or "")[-16:])
        result = found(house)
        assert result.outcomes == ()
        (note,) = result.notes
        assert note.startswith("openai: 6 passed over: ")
        assert set(note.partition("over: ")[2].split(", ")) == {
            "1 tied already",
            "2 made for a spec known here",
            "2 failed",
            "1 cancelled",
        }

    def test_a_job_of_a_create_that_was_never_answered(self, house: House) -> None:
        house.files.add("mine")
        house.provider.after = raise_on("create", Killed())
        with pytest.raises(Killed):
            house.run()
        house.provider.after = lambda _: None
        assert found(house).outcomes == ()
        assert actions(house) == [Action.ADOPT]

    def test_the_stamp_of_another_repository_is_not_ours(self, house: House) -> None:
        foreign(house, "ftjob-a", stamp="theirs-0123456789abcdef")
        assert [outcome.result for outcome in found(house).outcomes] == [Result.ADOPTED]

    def test_a_job_that_no_spec_can_say(self, house: House) -> None:
        foreign(house, "ftjob-a", method={"type": "distillation"})
        foreign(house, "ftjob-b", training_file=None)
        foreign(house, "ftjob-c")
        first, second, third = found(house).outcomes
        assert [first.result, second.result, third.result] == [
            Result.HELD,
            Result.HELD,
            Result.ADOPTED,
        ]
        assert first.message.startswith("ftjob-a has no spec that would load: ")
        assert "type: distillation" in first.message
        assert second.message.endswith("openai does not show its training_file")
        assert second.hint == "write one by hand, then: reconcile adopt NAME ftjob-b"
        assert len(written(house)) == 1
        assert actions(house) == [Action.NOOP]

    def test_half_a_character_holds_one_job_only(self, house: House) -> None:
        foreign(house, "ftjob-a", metadata={"owner": "\ud800"})
        foreign(house, "ftjob-b")
        assert [o.result for o in found(house).outcomes] == [Result.HELD, Result.ADOPTED]

    def test_both_reports_take_what_was_found(self, house: House) -> None:
        foreign(house, "ftjob-a", method={"type": "distillation"})
        foreign(house, "ftjob-b")
        outcomes = found(house).outcomes
        text = report.choose("text").pass_result(outcomes, color=False, width=200)
        assert "ftjob-b is declared in specs/adopted/support-ftjobb.yaml" in text
        assert "ftjob-a has no spec that would load" in text
        document = json.loads(report.choose("json").pass_result(outcomes, color=False, width=80))
        assert schema.check("output", document) == ()


class TestFiles:
    def test_no_file_is_overwritten(self, house: House) -> None:
        folder = house.files.root / "specs/adopted"
        folder.mkdir()
        (folder / "support.yaml").write_text("# mine\n")
        (folder / "Support-ftjoba.txt").write_text("mine too\n")
        foreign(house, "ftjob-a")
        found(house)
        assert (folder / "support.yaml").read_text() == "# mine\n"
        assert "support-ftjoba-2.yaml" in written(house)

    def test_one_that_comes_meanwhile_is_kept(self, house: House) -> None:
        foreign(house, "ftjob-a")
        path = house.files.root / "specs/adopted/support.yaml"

        def come() -> None:
            path.write_text("# mine\n")

        house.store.after_write = come
        (outcome,) = found(house).outcomes
        assert outcome.result is Result.FAILED
        assert outcome.message == "support.yaml cannot be written: File exists"
        assert outcome.hint.startswith("reconcile state rm support-")
        assert path.read_text() == "# mine\n"

    def test_names_of_specs_and_of_the_past_are_not_taken_again(self, house: House) -> None:
        house.files.add("support", "  suspend: true\n")
        foreign(house, "ftjob-a")
        found(house)
        assert written(house) == ["support-ftjoba.yaml"]

    def test_a_death_in_between_pays_nothing(self, house: House) -> None:
        foreign(house, "ftjob-a")

        def die() -> None:
            raise Killed

        house.store.before_write = die
        with pytest.raises(Killed):
            found(house)
        assert list((house.files.root / "specs").rglob("*.yaml")) == []
        house.store.before_write, house.store.after_write = lambda: None, die
        with pytest.raises(Killed):
            found(house)
        house.store.after_write = lambda: None
        house.run()
        assert house.provider.creates == []
        assert not list(house.files.root.glob(".reconciler-discover-*"))

    def test_another_folder(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(house.files.root / "specs")
        foreign(house, "ftjob-a")
        found(house, into="theirs")
        assert written(house, "specs/theirs") == ["support.yaml"]
        assert actions(house) == [Action.NOOP]

    @pytest.mark.parametrize("into", ["elsewhere", "specs/.hidden", "..", "specs/file"])
    def test_a_folder_that_no_pass_reads(
        self, house: House, monkeypatch: pytest.MonkeyPatch, into: str
    ) -> None:
        monkeypatch.chdir(house.files.root)
        (house.files.root / "specs/file").write_text("")
        foreign(house, "ftjob-a")
        with pytest.raises(ConfigError, match="is no folder that specs are read from"):
            found(house, into=into)
        assert (house.store.writes, house.provider.calls) == (0, [])

    def test_a_repository_that_cannot_be_written(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        foreign(house, "ftjob-a")

        def refuse(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("reconciler.discover.TemporaryDirectory", refuse)
        with pytest.raises(ConfigError, match="cannot be written to: Permission denied"):
            found(house)
        assert house.store.writes == 0


class TestProviders:
    def test_a_name_that_is_none(self, house: House) -> None:
        with pytest.raises(ConfigError, match="there is no provider azure"):
            found(house, provider="azure")

    def test_one_without_credentials_is_noted(self, house: House) -> None:
        foreign(house, "ftjob-a")
        result = discover(_several(house, ConfigError("other needs a key")))
        assert len(result.outcomes) == 1
        assert result.notes == ("not asked: other needs a key",)

    def test_one_without_credentials_that_was_named(self, house: House) -> None:
        with pytest.raises(ConfigError, match="other needs a key"):
            discover(_several(house, ConfigError("other needs a key")), provider="other")

    def test_nobody_has_credentials(self, house: House) -> None:
        house.provider.before = raise_on("list", ProviderAuthError("openai refuses the key"))
        with pytest.raises(ConfigError, match="no provider has credentials") as caught:
            found(house)
        assert caught.value.hint == "openai refuses the key"

    def test_one_that_does_not_answer_stops_it_before_anything_is_written(
        self, house: House
    ) -> None:
        foreign(house, "ftjob-a")
        with pytest.raises(ProviderUnavailable):
            discover(_several(house, ProviderUnavailable("down")))
        assert house.store.writes == 0

    def test_two_names_of_one_account(self, house: House) -> None:
        foreign(house, "ftjob-a")
        result = discover(_several(house, None))
        assert len(result.outcomes) == 1
        assert result.notes == (
            "other: 1 passed over: 1 shown by another provider of reconciler.yaml",
        )

    def test_a_broken_spec_asks_nobody(self, house: House) -> None:
        house.files.add("mine", "  n_epochs: 3\n")
        with pytest.raises(SpecError):
            found(house)
        assert house.provider.calls == []


def _several(house: House, failure: Exception | None) -> Reconciler:
    """The same house with a second provider, which fails or shows the same account."""

    def connect(name: str) -> FakeProvider:
        if name == "other" and failure is not None:
            raise failure
        return house.provider

    one = house.reconciler()
    both = {name: OpenAISettings(name=name) for name in ("openai", "other")}
    return replace(one, config=replace(one.config, providers=both), connect=connect)
