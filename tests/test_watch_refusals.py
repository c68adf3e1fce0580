"""What a policy or a person refuses to a watch: how it is told, and that the rest goes on."""

from __future__ import annotations

import os
import pty
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.consent import Consent, Keys, NotApproved, answering
from reconciler.cli.watched import passed, troubles
from reconciler.errors import (
    ConfigError,
    PolicyError,
    Problem,
    ReconcilerError,
    SpecError,
    StateLocked,
)
from reconciler.model import Action, Plan, Reason, Step
from reconciler.watch import Doorbell, Look, Outage, Ring, Wake
from tests.fakes import NOW, OWNER, make_spec
from tests.repository import repository
from tests.watch_house import TOLERANT, House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    return House(repository(tmp_path))


class TestRefusals:
    def test_a_policy_refuses_the_creates_and_what_runs_is_looked_at(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.goes_on("ftjob-1")
        house.files.add("two")
        phases, refused = house.run(max_creates=0)
        assert phases == {"one": "Running", "two": "Pending"}
        assert isinstance(refused, PolicyError)
        assert house.files.sidecar("one")["phase"] == "Running"
        assert len(house.provider.creates) == 1

    def test_where_every_spec_is_refused_they_are_shown_all_the_same(self, house: House) -> None:
        house.files.add("one")
        phases, refused = house.run(max_creates=0)
        assert phases == {"one": "Pending"}
        assert isinstance(refused, PolicyError)

    def test_a_name_that_is_also_a_folder_is_still_a_spec(self, house: House) -> None:
        (house.files.root / "one").mkdir()
        house.files.add("one")
        house.run()
        house.goes_on("ftjob-1")
        house.files.add("two")
        assert house.run(max_creates=0)[0]["one"] == "Running"

    def test_two_specs_in_one_file_of_which_one_is_refused(self, house: House) -> None:
        (house.files.root / "one").mkdir()
        path = house.files.add("one")
        house.run()
        path.write_text(path.read_text() + "---\n" + house.files.add("two").read_text())
        (house.files.root / "specs/two.yaml").unlink()
        phases, _ = house.run(max_creates=0)
        assert phases == {"one": "Pending", "two": "Pending"}
        assert len(house.provider.creates) == 1

    def test_problems_are_told_beside_a_refusal(self, house: House) -> None:
        house.files.add("one")
        house.files.add("broken", "  sede: 1\n")
        found = passed(house.session, replace(TOLERANT, max_creates=0), house.consent)
        assert [problem.file for problem in found.result.problems] == ["specs/broken.yaml"]

    def test_the_lock_of_another_run_is_raised(self, house: House) -> None:
        house.files.add("one")
        house.store.holder = OWNER
        with pytest.raises(StateLocked):
            house.run()


class TestConsent:
    @pytest.fixture(autouse=True)
    def a_person_is_there(self, house: House) -> None:
        house.consent = Consent(needed=True)

    def test_nothing_is_created_before_a_yes_and_then_it_is(self, house: House) -> None:
        house.files.add("one")
        phases, refused = house.run()
        assert phases == {"one": "Pending"}
        assert "training one" in str(refused)
        assert "type y" in str(refused)
        assert house.provider.creates == []
        assert house.consent.answer(True)
        assert house.run()[1] is None
        assert len(house.provider.creates) == 1

    def test_an_edit_asks_anew_and_what_runs_goes_on(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.consent.answer(True)
        house.run()
        house.goes_on("ftjob-1")
        house.files.add("two")
        phases, refused = house.run()
        assert phases == {"one": "Running", "two": "Pending"}
        assert "training two" in str(refused)

    def test_what_was_agreed_to_may_be_repeated(self, house: House) -> None:
        house.files.add("one")
        house.run()
        house.consent.answer(True)
        plan = house.session.plan(TOLERANT)
        for _ in range(3):
            house.consent.approve(plan)

    def test_what_was_declined_is_not_asked_again_until_somebody_wants_it(
        self, house: House
    ) -> None:
        house.files.add("one")
        house.run()
        assert house.consent.answer(False)
        assert "was not approved" in str(house.run()[1])
        assert not house.consent.answer(True)
        assert house.provider.creates == []
        house.consent.ask_again()
        assert "waits for your yes" in str(house.run()[1])

    def test_nobody_is_asked_about_nothing(self, house: House) -> None:
        assert house.run() == ({}, None)
        assert not house.consent.answer(True)

    def test_an_attempt_that_its_spec_allows_is_agreed_to(self) -> None:
        consent = Consent(needed=True)
        consent.approve(plan_of(retry=1))
        with pytest.raises(NotApproved):
            consent.approve(plan_of(retry=0))

    def test_many_are_counted(self) -> None:
        plan = Plan(steps=plan_of(retry=0).steps * 7, lineage="", serial=0)
        with pytest.raises(NotApproved, match="and 4 more"):
            Consent(needed=True).approve(plan)


def plan_of(*, retry: int) -> Plan:
    spec = make_spec(retry=retry)
    step = Step(
        action=Action.CREATE,
        reason=Reason.MISSING,
        token=spec.token,
        name=spec.name,
        provider="openai",
        spec=spec,
    )
    return Plan(steps=(step,), lineage="", serial=0)


class TestKeys:
    @pytest.mark.parametrize(("typed", "answers"), [("y", True), ("YES", True), ("n", False)])
    def test_an_answer_wakes_the_loop(self, typed: str, *, answers: bool) -> None:
        consent, bell = Consent(needed=True), Doorbell()
        with suppress(NotApproved):
            consent.approve(plan_of(retry=0))
        heard = answering(consent, bell.ring)
        heard("what?")
        assert bell.wait(0) is None
        heard(typed.lower())
        assert bell.wait(0) == Ring(wake=Wake.DUE)
        if answers:
            consent.approve(plan_of(retry=0))

    def test_lines_are_read_from_no_terminal_that_is_not_ours(self) -> None:
        ours, theirs = pty.openpty()
        heard: list[str] = []
        with Keys(theirs, heard.append, wanted=True):
            os.write(ours, b"y\n")
        os.close(ours)
        os.close(theirs)
        assert heard == []

    def test_nothing_is_read_where_nothing_is_asked(self) -> None:
        with Keys(0, lambda _: None, wanted=False) as keys:
            assert keys._thread is None


@pytest.mark.parametrize(
    ("error", "about", "again"),
    [
        pytest.param(StateLocked("locked"), "state", True, id="a lock is tried again"),
        pytest.param(PolicyError("no"), "policy", False, id="a policy waits for somebody"),
        pytest.param(ConfigError("no"), "configuration", False, id="so does a bad setting"),
        pytest.param(
            NotApproved(plan_of(retry=0), declined=False), "approval", False, id="consent"
        ),
        pytest.param(ReconcilerError("x"), "pass", True, id="anything else"),
    ],
)
def test_a_trouble_says_what_is_troubled(
    error: ReconcilerError, about: str, *, again: bool
) -> None:
    (trouble,) = troubles(look(error), None, "")
    assert trouble.about == about
    assert (trouble.retry_at is not None) is again


def test_specs_that_are_no_specs_are_problems_and_not_a_trouble() -> None:
    error = SpecError([Problem("specs/a.yaml", 1, 1, "bad")])
    assert list(troubles(look(error), None, "")) == []


def test_troubles_of_everything_at_once() -> None:
    away = (Outage(provider="openai", message="no answer", retry_at=NOW),)
    found = troubles(replace(look(None), away=away), ConfigError("bad"), "no notices")
    assert [(t.about, t.name) for t in found] == [
        ("reconciler.yaml", ""),
        ("provider", "openai"),
        ("files", ""),
    ]


def look(error: ReconcilerError | None) -> Look:
    return Look(
        ring=Ring(wake=Wake.START),
        at=NOW,
        result=None,
        trouble=error,
        failures=1,
        away=(),
        next_look=NOW + 5,
    )
