"""The adapter as a whole: what it is, no answer that proves anything, and nothing left open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.errors import ProviderUnavailable
from tests.providers.bedrock_bench import DONE, MINE, MODEL, TOKEN, Bench, arn, bench
from tests.providers.loopback import DROP, script


def test_what_it_is(at: Bench) -> None:
    provider = at.provider
    assert (provider.name, provider.grace, provider.lists_stamps) == ("bedrock", 0.0, False)
    assert provider.scope == "aws:111122223333/us-east-1/training-data/finetune@127.0.0.1"


CALLS: dict[str, Callable[[Bench], Any]] = {
    "find": lambda at: at.provider.find(TOKEN),
    "get": lambda at: at.provider.get(arn()),
    "list": lambda at: list(at.provider.list()),
    "cancel": lambda at: at.provider.cancel(arn()),
    "delete_model": lambda at: at.provider.delete_model(MODEL),
    "metrics": lambda at: at.provider.metrics(DONE),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_answer_proves_nothing(at: Bench, call: str) -> None:
    at.server.answer = script(DROP)
    with pytest.raises(ProviderUnavailable, match="tried 4 times"):
        CALLS[call](at)


def test_a_closed_adapter_has_given_everything_back() -> None:
    with bench(script(MINE)) as at:
        at.provider.get(TOKEN)
        at.provider.close()
        at.provider.close()
