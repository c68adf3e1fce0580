"""The Fireworks adapter at a server that says what a test scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reconciler import providers
from reconciler.config import FireworksSettings
from reconciler.model import Dataset, JobSpec
from reconciler.providers.fireworks.adapter import FireworksProvider
from tests.fakes import make_spec
from tests.providers.loopback import Answering, Heard, Loopback, Reply, loopback, route

KEY = "fw_3ZbXq7Yh2LkPm9Rt5VwN"
WANDB = "0123456789abcdef0123456789abcdef01234567"
ENVIRONMENT = {
    "FIREWORKS_API_KEY": KEY,
    "WANDB_API_KEY": WANDB,
    "OTHER_WANDB_API_KEY": f"other-{WANDB}",
}
ROOT = "/v1/accounts/acme"
SFT = f"{ROOT}/supervisedFineTuningJobs"
DPO = f"{ROOT}/dpoJobs"
DATASETS = f"{ROOT}/datasets"
MODELS = f"{ROOT}/models"


@dataclass
class Bench:
    """A server, an adapter that speaks to it, and the waits the adapter asked for."""

    server: Loopback
    provider: FireworksProvider
    naps: list[float]


@contextmanager
def bench(answer: Answering, **settings: Any) -> Iterator[Bench]:
    """An adapter at a scripted server. `settings` are those of reconciler.yaml."""
    naps: list[float] = []
    with loopback(answer) as server:
        values = {"name": "fireworks", "base_url": server.url, "account_id": "acme", **settings}
        provider = providers.connect(FireworksSettings(**values), ENVIRONMENT, sleep=naps.append)
        assert isinstance(provider, FireworksProvider)
        try:
            yield Bench(server=server, provider=provider, naps=naps)
        finally:
            provider.close()


def spec(name: str = "support-bot", **values: Any) -> JobSpec:
    """A spec for Fireworks, complete and stamped."""
    given: dict[str, Any] = {
        "provider": "fireworks",
        "provider_type": "fireworks",
        "model": "qwen3-8b",
        "training": Dataset(
            path="data/train.jsonl",
            sha256="ab" * 32,
            size=10,
            examples=12,
            format="preference" if values.get("method") == "dpo" else "chat",
            present=True,
        ),
        **values,
    }
    return make_spec(name, **given)


SPEC = spec(suffix="support")
TOKEN = SPEC.token
ID = f"accounts/acme/supervisedFineTuningJobs/{TOKEN}"
MODEL = "accounts/acme/models/support-0123456789abcdef"
INTEGRATIONS = ({"type": "wandb", "wandb": {"project": "p"}},)


def grpc(status: int, code: int = 0, message: str = "", *details: object) -> Reply:
    """An error as the gateway in front of Fireworks' services writes it."""
    return Reply(status, {"code": code, "message": message, "details": list(details)})


GONE = grpc(404, 5, "not found")


def nothing_but(table: Mapping[str, Reply | Answering]) -> Answering:
    """A server that has this and nothing else, and says so in gRPC's words."""
    known = route(table)

    def answer(heard: Heard) -> Reply:
        return known(heard) if f"{heard.method} {heard.path}" in table else GONE

    return answer


def sft(id_: str, state: str = "RUNNING", **fields: Any) -> dict[str, Any]:
    """A supervised job as Fireworks shows it."""
    return {
        "name": f"accounts/acme/supervisedFineTuningJobs/{id_}",
        "state": f"JOB_STATE_{state}",
        "createTime": "2026-07-17T19:59:05.933252Z",
        "dataset": "accounts/acme/datasets/d",
        "baseModel": "accounts/fireworks/models/qwen3-8b",
        "outputModel": f"accounts/acme/models/{id_}",
        **fields,
    }


def dpo(id_: str, state: str = "RUNNING", **fields: Any) -> dict[str, Any]:
    """A dpo job as Fireworks shows it."""
    return {
        "name": f"accounts/acme/dpoJobs/{id_}",
        "state": f"JOB_STATE_{state}",
        "createTime": "2026-07-17T19:59:06Z",
        "dataset": "accounts/acme/datasets/d",
        "trainingConfig": {
            "baseModel": "accounts/fireworks/models/qwen3-8b",
            "outputModel": f"accounts/acme/models/{id_}",
        },
        **fields,
    }


def listing(**collections: list[dict[str, Any]]) -> Reply:
    """A page of a collection, the last one."""
    return Reply(200, {**collections, "totalSize": 1})


def sent(heard: list[Heard], method: str = "POST") -> list[Heard]:
    """The requests of one method."""
    return [request for request in heard if request.method == method]


def dumped(value: object) -> str:
    """Everything a value shows of itself."""
    return f"{value!r} {json.dumps(getattr(value, '__dict__', {}), default=repr)}"
