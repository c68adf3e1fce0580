"""What the engine is asked for by name: to cancel a job, to show a record, to find a spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine import find_spec
from reconciler.errors import ConfigError
from reconciler.model import Result
from tests.house import House
from tests.repository import repository


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(repository(tmp_path))


class TestVerbs:
    def test_cancel_by_name(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        assert house.reconciler().cancel("support-bot").result is Result.CANCELLED

    def test_cancel_without_a_running_job(self, house: House) -> None:
        with pytest.raises(ConfigError, match="no jobs of support-bot are running"):
            house.reconciler().cancel("support-bot")

    def test_cancel_asks_which(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        house.files.add("support-bot", "  seed: 7\n")
        house.run()
        with pytest.raises(ConfigError, match=r"2 jobs .*name one of support-bot-"):
            house.reconciler().cancel("support-bot")

    def test_record_is_that_of_the_spec_as_it_is_now(self, house: House) -> None:
        house.files.add("support-bot")
        first = house.run().current[0]
        house.clock.sleep(10)
        house.files.add("support-bot", "  seed: 7\n")
        house.run()
        house.files.add("support-bot")
        assert house.reconciler().record("support-bot").token == first.token

    def test_an_unknown_name_says_what_there_is(self, house: House) -> None:
        house.files.add("support-bot")
        house.run()
        with pytest.raises(ConfigError, match="it knows: support-bot"):
            house.reconciler().record("suport-bot")
        with pytest.raises(ConfigError, match="the specs are: support-bot"):
            find_spec(house.reconciler().load(), "suport-bot")
