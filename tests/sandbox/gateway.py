"""What the tests of Fireworks share: requests by hand, refusals, datasets and jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from tests.sandbox.workbench import Api, chat, jsonl

ACCOUNT = "accounts/sandbox"
BASE = "accounts/fireworks/models/qwen3-8b"
SUPERVISED, PREFERENCE = "supervisedFineTuningJobs", "dpoJobs"
ID_PARAMETERS = {SUPERVISED: "supervisedFineTuningJobId", PREFERENCE: "dpoJobId"}
OK = {"code": "OK", "message": ""}


def fireworks(api: Api, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
    """A request to the gateway; the path begins behind /v1/accounts/sandbox/."""
    return api.http.request(method, f"{api.url}/v1/{ACCOUNT}/{path}", json=body, **options)


def good(reply: httpx.Response) -> Any:
    """The JSON of a reply that must be good."""
    assert reply.status_code == 200, reply.text
    return reply.json()


def refusal(reply: httpx.Response) -> tuple[int, int, str]:
    """Status, gRPC's number and message of a reply that must be the gateway's error."""
    assert sorted(reply.json()) == ["code", "details", "message"]
    assert reply.json()["details"] == []
    return reply.status_code, reply.json()["code"], reply.json()["message"]


def announce(api: Api, name: str, **details: Any) -> Any:
    """A dataset whose files will follow."""
    dataset = {"userUploaded": {}, "exampleCount": "12", **details}
    return good(fireworks(api, "POST", "datasets", {"datasetId": name, "dataset": dataset}))


def send(api: Api, name: str, content: bytes, filename: str = "data.jsonl") -> httpx.Response:
    """The file of a dataset, in one request."""
    return fireworks(api, "POST", f"datasets/{name}:upload", files={"file": (filename, content)})


def upload(api: Api, examples: Sequence[Any] | bytes, name: str = "train") -> str:
    """A dataset that is ready: the clock is moved until it is. Its full name."""
    announce(api, name)
    content = examples if isinstance(examples, bytes) else jsonl(examples)
    good(send(api, name, content))
    api.clock.advance(1)
    return f"{ACCOUNT}/datasets/{name}"


def request_body(kind: str = SUPERVISED, **changes: Any) -> dict[str, Any]:
    """A sound create on the dataset that `upload` makes; None takes a field away."""
    training = {"baseModel": BASE}
    body: dict[str, Any] = {"dataset": f"{ACCOUNT}/datasets/train"}
    body |= training if kind == SUPERVISED else {"trainingConfig": training}
    body |= changes
    return {field: value for field, value in body.items() if value is not None}


def create(
    api: Api, name: str | None = "job-1", *, kind: str = SUPERVISED, **changes: Any
) -> httpx.Response:
    """A create on a dataset that is there."""
    params = {ID_PARAMETERS[kind]: name} if name is not None else {}
    return fireworks(api, "POST", kind, request_body(kind, **changes), params=params)


def job(api: Api, name: str = "job-1", kind: str = SUPERVISED) -> Any:
    """A job as the gateway shows it."""
    return good(fireworks(api, "GET", f"{kind}/{name}"))


def state(api: Api, name: str = "job-1", kind: str = SUPERVISED) -> str:
    """A job's state without its prefix."""
    shown: str = job(api, name, kind)["state"]
    return shown.removeprefix("JOB_STATE_")


def states(api: Api, seconds: float, name: str = "job-1", kind: str = SUPERVISED) -> list[str]:
    """The states that a job walks through, looked at ten times a second."""
    seen: list[str] = []
    for _ in range(int(seconds * 10)):
        now = state(api, name, kind)
        if not seen or seen[-1] != now:
            seen.append(now)
        api.clock.advance(0.1)
    return seen


def chats(count: int = 12) -> list[dict[str, Any]]:
    return [chat(f"Question {number}?") for number in range(count)]


def with_message(**message: Any) -> dict[str, Any]:
    """An example with one message more, in front."""
    example: Mapping[str, Any] = chat()
    return {"messages": [message, *example["messages"]]}
