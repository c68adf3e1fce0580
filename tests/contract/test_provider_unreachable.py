"""A provider that cannot be reached proves nothing: no job is missing, and no model is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.model import Job
from tests.contract.provider_bench import Bench, end

UNREACHABLE: dict[str, Callable[[Bench, Job], object]] = {
    "find": lambda bench, _: bench.provider.find(bench.spec().token),
    "get": lambda bench, job: bench.provider.get(job.id),
    "list": lambda bench, _: list(bench.provider.list()),
    "cancel": lambda bench, job: bench.provider.cancel(job.id),
    "events": lambda bench, job: list(bench.provider.events(job.id)),
    "checkpoints": lambda bench, job: bench.provider.checkpoints(job.id),
    "upload": lambda bench, _: bench.provider.upload(bench.file("goodbye")),
}


@pytest.mark.parametrize("call", UNREACHABLE)
def test_a_server_that_cannot_be_reached_proves_nothing(bench: Bench, call: str) -> None:
    job = bench.create()
    bench.unplug()
    if call in ("events", "checkpoints") and bench.unique:
        assert not UNREACHABLE[call](bench, job)  # there are none, and nobody is asked
        return
    with pytest.raises(ProviderUnavailable):
        UNREACHABLE[call](bench, job)


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_server_that_cannot_be_reached_is_told_nothing(bench: Bench, verb: str) -> None:
    job = bench.create()
    bench.unplug()
    with pytest.raises(ProviderError) as caught:
        getattr(bench.provider, verb)(job.id)
    assert isinstance(caught.value, ProviderUnavailable) is (verb in bench.can)


def test_a_model_at_a_server_that_cannot_be_reached_may_be_there(bench: Bench) -> None:
    ended = end(bench, bench.create())
    assert ended.fine_tuned_model
    bench.unplug()
    with pytest.raises(ProviderUnavailable):
        bench.provider.delete_model(ended.fine_tuned_model)
