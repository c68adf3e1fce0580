"""No call repeats a key, whatever a server answers and however the call fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.model import Job, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.fireworks.adapter import FireworksProvider
from tests.providers.fireworks_bench import (
    ID,
    INTEGRATIONS,
    KEY,
    MODEL,
    TOKEN,
    WANDB,
    bench,
    dumped,
    grpc,
    spec,
)
from tests.providers.loopback import DROP, Reply, complaints, script

CALLS: list[Callable[[FireworksProvider], object]] = [
    lambda provider: provider.find(TOKEN),
    lambda provider: provider.get(ID),
    lambda provider: list(provider.list()),
    lambda provider: provider.create(
        CreateRequest(spec=spec(integrations=INTEGRATIONS), base_model="m", training="d")
    ),
    lambda provider: provider.cancel(ID),
    lambda provider: provider.resume(ID),
    lambda provider: provider.delete_model(MODEL),
    lambda provider: provider.metrics(
        Job(id=ID, status=JobStatus.RUNNING, provider_status="", stamp=TOKEN)
    ),
]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(grpc(401, 16, f"bad key {KEY} and {WANDB}"), id="refused"),
        pytest.param(grpc(400, 3, f"bad key {KEY[:12]} and {WANDB}"), id="partly repeated"),
        pytest.param(Reply(500, f"<p>{KEY}{WANDB}".encode()), id="a page"),
        pytest.param(Reply(302, headers={"Location": f"http://h/?k={KEY}"}), id="redirected"),
        pytest.param(Reply(200, f"{KEY}{WANDB}".encode()), id="not understood"),
        pytest.param(Reply(raw=f"HTTP/1.1 200 OK\r\n{KEY}\x00\r\n\r\n".encode()), id="no HTTP"),
        pytest.param(DROP, id="lost"),
    ],
)
def test_a_key_is_never_said(reply: Reply) -> None:
    with bench(script(reply)) as at:
        said = complaints(at.provider, CALLS)
        said += f"{at.provider!r} {dumped(at.provider)} {vars(at.provider)}"
    assert "fireworks" in said
    assert KEY not in said
    assert WANDB not in said
