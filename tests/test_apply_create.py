"""A create, move by move: written ahead, sent once, written down, refused or interrupted."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import pytest

from reconciler.errors import CreateOutcomeUnknown, CreateRejected, Remedy, StateError
from reconciler.model import Binding, Dataset, Result
from tests.apply_house import SPEC, House
from tests.fakes import NOW, Killed, make_spec, raise_on


@pytest.fixture
def house() -> House:
    return House()


class TestCreate:
    def test_writes_ahead_sends_once_writes_down(self, house: House) -> None:
        seen: list[Binding] = []
        house.provider.before = lambda operation: (
            seen.append(house.record.binding) if operation == "create" else None
        )
        outcome = house.create()
        assert outcome.result is Result.CREATED
        assert seen == [Binding.PENDING]
        assert house.record.binding is Binding.BOUND
        assert house.record.job == house.provider.jobs["ftjob-1"]
        assert len(house.provider.creates) == 1

    def test_the_grace_counts_from_when_waiting_for_an_answer_ended(self, house: House) -> None:
        def hang(operation: str) -> None:
            if operation == "create":
                house.clock.sleep(120)
                raise CreateOutcomeUnknown("read timeout")

        house.provider.before = hang
        outcome = house.create()
        assert outcome.result is Result.UNKNOWN
        assert house.record.binding is Binding.PENDING
        assert house.record.pending_since == NOW + 120
        assert outcome.record == house.record

    def test_sends_what_the_spec_asks_for(self, house: House) -> None:
        spec = make_spec(validation=Dataset(reference="file-valid"))
        house.create(spec)
        (request,) = house.provider.creates
        assert request.spec == spec
        assert request.base_model == "gpt-4.1-mini-2025-04-14"
        assert request.training == f"file-{SPEC.training.sha256[:8]}"  # type: ignore[index]
        assert request.validation == "file-valid"

    def test_grace_counts_from_the_send_not_from_the_upload(self, house: House) -> None:
        house.provider.after = lambda operation: (
            house.clock.sleep(5000) if operation == "upload" else None
        )
        house.provider.before = raise_on("create", CreateOutcomeUnknown("lost"))
        house.create()
        assert house.record.pending_since == NOW + 5000

    def test_a_server_that_drops_the_token_is_named(self, house: House) -> None:
        create = house.provider.create
        house.provider.create = lambda request: replace(create(request), stamp=None)  # type: ignore[method-assign]
        outcome = house.create()
        assert outcome.result is Result.CREATED
        assert "set its stamp to suffix" in outcome.hint

    def test_a_lost_answer_leaves_it_pending(self, house: House) -> None:
        house.provider.after = raise_on("create", CreateOutcomeUnknown("reset by peer"))
        outcome = house.create()
        assert outcome.result is Result.UNKNOWN
        assert house.record.binding is Binding.PENDING
        assert house.record.pending_since == NOW

    def test_a_kill_after_the_send_leaves_it_pending(self, house: House) -> None:
        house.provider.after = raise_on("create", Killed())
        with pytest.raises(Killed):
            house.create()
        assert house.record.binding is Binding.PENDING

    def test_nothing_is_sent_if_the_intention_cannot_be_saved(self, house: House) -> None:
        def full() -> None:
            raise StateError("disk full")

        spec = make_spec(training=Dataset(reference="file-1"))
        house.store.before_write = full
        with pytest.raises(StateError, match="disk full"):
            house.create(spec)
        assert house.provider.creates == []

    def test_a_job_is_not_forgotten_when_its_id_cannot_be_saved(self, house: House) -> None:
        def full_after_create() -> None:
            if house.provider.creates:
                raise StateError("disk full")

        house.store.before_write = full_after_create
        with pytest.raises(StateError):
            house.create()
        assert house.record.binding is Binding.PENDING


class TestRejected:
    @pytest.mark.parametrize(
        ("remedy", "said", "wait"),
        [
            pytest.param(Remedy.RETRY_NOW, None, 5, id="in a moment"),
            pytest.param(Remedy.RETRY_LATER, None, 3600, id="in an hour"),
            pytest.param(Remedy.RETRY_LATER, 90, 90, id="when the provider says"),
            pytest.param(Remedy.FIX_ACCOUNT, None, 10, id="once somebody has acted"),
            pytest.param(Remedy.FIX_SPEC, None, None, id="never by itself"),
            pytest.param(Remedy.FIX_SPEC, 5, None, id="never, whatever the provider says"),
        ],
    )
    def test_keeps_why_and_when(
        self, house: House, remedy: Remedy, said: float | None, wait: float | None
    ) -> None:
        error = CreateRejected("no", remedy=remedy, code="c", retry_after=said)
        house.provider.before = raise_on("create", error)
        outcome = house.create()
        assert outcome.result is Result.REJECTED
        rejection = house.record.rejection
        assert rejection is not None
        assert (rejection.remedy, rejection.code, rejection.message) == (remedy, "c", "no")
        assert rejection.retry_at == (None if wait is None else NOW + wait)
        assert house.record.pending_since is None

    def test_a_refused_file_is_a_refused_create(self, house: House) -> None:
        error = CreateRejected("too large", remedy=Remedy.FIX_SPEC)
        house.provider.before = raise_on("upload", error)
        assert house.create().result is Result.REJECTED
        assert house.provider.creates == []

    def test_a_retry_clears_the_old_refusal(self, house: House) -> None:
        error = CreateRejected("wait", remedy=Remedy.RETRY_NOW)
        house.provider.before = raise_on("create", error)
        house.create()
        house.provider.before = lambda _: None
        assert house.create().result is Result.CREATED
        assert house.record.rejection is None


def test_an_interrupt_does_not_wait_for_answers_and_nothing_is_written_after_it() -> None:
    house = House()
    answer = threading.Event()

    def interrupted_while_waiting(operation: str) -> None:
        if operation == "create":
            os.kill(os.getpid(), signal.SIGINT)
            assert answer.wait(10)

    house.provider.before = interrupted_while_waiting
    with pytest.raises(KeyboardInterrupt):
        house.create()
    assert not answer.is_set()
    before = house.store.state
    answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("apply"):
            thread.join(10)
    assert len(house.provider.creates) == 1
    assert house.store.state == before
    assert house.record.binding is Binding.PENDING
