"""The signals that a watch hears: a stop lets a pass end, within bounds, and begins no other."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from reconciler.cli.interrupts import Interrupts
from reconciler.watch import Doorbell, Ring, Wake


@pytest.fixture
def bell() -> Doorbell:
    return Doorbell()


@pytest.fixture
def interrupts(bell: Doorbell) -> Iterator[Interrupts]:
    with Interrupts(bell) as held:
        yield held


class TestInterrupts:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_between_passes_a_stop_rings(
        self, bell: Doorbell, interrupts: Interrupts, number: signal.Signals
    ) -> None:
        signal.raise_signal(number)
        assert interrupts.stopping
        assert bell.wait(0) == Ring(wake=Wake.STOP)

    def test_a_hangup_is_a_wish_to_look(self, bell: Doorbell, interrupts: Interrupts) -> None:
        signal.raise_signal(signal.SIGHUP)
        assert not interrupts.stopping
        assert bell.wait(0) == Ring(wake=Wake.ASKED)

    def test_a_pass_may_end_first(self, bell: Doorbell, interrupts: Interrupts) -> None:
        with interrupts.busy():
            signal.raise_signal(signal.SIGINT)
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        assert bell.wait(0) == Ring(wake=Wake.STOP)

    def test_one_that_takes_too_long_is_interrupted(self, interrupts: Interrupts) -> None:
        left: list[float] = []

        def too_long() -> None:
            with interrupts.busy():
                signal.raise_signal(signal.SIGTERM)
                left.append(signal.getitimer(signal.ITIMER_REAL)[0])
                signal.raise_signal(signal.SIGALRM)

        with pytest.raises(KeyboardInterrupt):
            too_long()
        assert 0 < left[0] <= 1
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def test_a_second_time_does_not_wait(self, interrupts: Interrupts) -> None:
        def twice() -> None:
            with interrupts.busy():
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            twice()

    def test_after_a_stop_no_other_pass_begins(self, interrupts: Interrupts) -> None:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.busy():
            pytest.fail("a pass began")

    def test_the_signals_are_given_back(self, bell: Doorbell) -> None:
        before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        with Interrupts(bell):
            pass
        after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        assert after == before
