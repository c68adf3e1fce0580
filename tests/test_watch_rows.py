"""The rows of a watch: what is shown of each job, and how often a provider is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.rows import Followed, watch_rows
from reconciler.cli.watched import passed
from reconciler.errors import ConfigError
from reconciler.model import Event, JobStatus
from reconciler.watch import Outages
from tests.fakes import FakeProvider
from tests.repository import repository
from tests.watch_house import TOLERANT, House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    return House(repository(tmp_path))


class TestRows:
    def test_a_running_job_has_its_step_its_loss_and_its_curve(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.goes_on("ftjob-1")
        house.provider.on_events = lambda _: events(9)
        followed = Followed(house.session.provider, curves=True)
        found = passed(house.session, TOLERANT, house.consent)
        (row,) = watch_rows(found.result, followed)
        assert (row.step, row.total_steps, row.train_loss) == (9, 100, 0.1)
        assert row.losses == tuple(1 / n for n in range(1, 11))
        house.provider.on_events = lambda _: events(30)
        (row,) = watch_rows(found.result, followed)
        assert len(row.losses) == 12

    def test_no_more_jobs_are_asked_than_a_screen_shows(self, house: House) -> None:
        for number in range(6):
            house.files.add(f"job-{number}")
        house.run()
        for id_ in list(house.provider.jobs):
            house.goes_on(id_)
        found = passed(house.session, TOLERANT, house.consent)
        house.provider.calls.clear()
        watch_rows(found.result, Followed(house.session.provider, most=4))
        assert house.provider.calls == ["events"] * 4

    def test_a_job_whose_spec_has_a_problem_is_shown_under_its_name(self, house: House) -> None:
        path = house.files.add("one")
        house.run()
        path.write_text(path.read_text().replace("spec:", "spec:\n  sede: 1"))
        found = passed(house.session, TOLERANT, house.consent)
        (row,) = watch_rows(found.result, Followed(house.session.provider))
        assert (row.key, row.phase, row.message) == (
            "one",
            "Pending",
            "no sound spec asks for it now",
        )

    def test_a_job_that_was_replaced_and_goes_on_is_shown_by_its_token(self, house: House) -> None:
        house.files.add("one")
        house.run()
        (token,) = house.store.state.records
        house.files.add("one", "  seed: 7\n")
        found = passed(house.session, TOLERANT, house.consent)
        rows = watch_rows(found.result, Followed(house.session.provider))
        assert [row.key for row in rows] == ["one", token]

    def test_a_provider_that_is_away_is_not_told_with_every_job(self, house: House) -> None:
        house.files.add("one")
        outages = Outages(house.clock)

        def connect(_: str) -> FakeProvider:
            raise ConfigError("OPENAI_API_KEY is not set")

        session = replace(house.session, connect=outages.connected(connect), _providers={})
        found = passed(session, TOLERANT, house.consent)
        followed = Followed(session.provider)
        (row,) = watch_rows(found.result, followed, {"openai"})
        assert (row.phase, row.message, row.hint) == ("Held", "waits for openai", "")
        (row,) = watch_rows(found.result, followed)
        assert "OPENAI_API_KEY is not set" in row.message

    def test_a_failed_job_says_what_to_do(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.provider.end("ftjob-1", JobStatus.FAILED)
        found = passed(house.session, TOLERANT, house.consent)
        (row,) = watch_rows(found.result, Followed(house.session.provider))
        assert row.phase == "Failed"
        assert "raise spec.attempt" in row.hint


def events(step: int) -> Iterator[Event]:
    for number in range(step, -1, -1):
        data = {"step": number, "total_steps": 100, "train_loss": 1 / (number + 1)}
        yield Event(id=str(number), created_at=0, level="info", message="", data=data)
