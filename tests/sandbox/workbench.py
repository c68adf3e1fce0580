"""What the sandbox's tests share: a clock that stands still, data to train on, a small client."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve

START = 1_790_000_000.25
MODEL = "gpt-4.1-mini-2025-04-14"
HEADERS = {"authorization": "Bearer test"}


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Api:
    """A client of one running sandbox: paths begin after /v1."""

    def __init__(self, url: str, data_dir: Path, clock: Clock) -> None:
        self.url = url
        self.data_dir = data_dir
        self.clock = clock
        self.http = httpx.Client(
            base_url=f"{url}/v1", headers=HEADERS, verify=False, timeout=30, trust_env=False
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, path, **options)

    def get(self, path: str) -> Any:
        """The JSON of a reply that must be good."""
        return _good(self.request("GET", path))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _good(self.request("POST", path, json=body))

    def upload(self, content: bytes, purpose: str = "fine-tune", name: str = "a.jsonl") -> str:
        reply = self.request(
            "POST", "/files", data={"purpose": purpose}, files={"file": (name, content)}
        )
        file_id: str = _good(reply)["id"]
        return file_id

    def create(self, content: bytes | None = None, **body: Any) -> Any:
        """A job on this data, or on a dozen sound examples."""
        training_file = self.upload(chat_file() if content is None else content)
        return self.post(
            "/fine_tuning/jobs", {"model": MODEL, "training_file": training_file} | body
        )

    def job(self, job_id: str) -> Any:
        return self.get(f"/fine_tuning/jobs/{job_id}")

    def messages(self, job_id: str) -> list[str]:
        """What the job has told so far, oldest first."""
        listed = self.get(f"/fine_tuning/jobs/{job_id}/events?limit=100")["data"]
        return [event["message"] for event in reversed(listed)]

    def journal(self) -> list[dict[str, Any]]:
        """Every request so far, as the sandbox wrote it down."""
        path = self.data_dir / "requests.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def created_jobs(self) -> list[str]:
        """The jobs that would have been billed."""
        return [line["job"] for line in self.journal() if "job" in line]


@contextlib.contextmanager
def opened(folder: Path, clock: Clock, *faults: str, speed: float = 1.0) -> Iterator[Api]:
    """A running sandbox and its client."""
    script = [parse(fault) for fault in faults]
    with serve(folder, faults=script, speed=speed, clock=clock) as running:
        api = Api(running.url, folder, clock)
        with api.http:
            yield api


def refusal(reply: httpx.Response) -> tuple[int, str | None, str | None]:
    """Status, code and param of a reply that must be OpenAI's error."""
    error = reply.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    return reply.status_code, error["code"], error["param"]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does, on a slow machine too; a minute is no condition at all."""
    for _ in range(3_000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never happened")


def chat(question: str = "How much?", answer: str = "Nothing at all.") -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def preference() -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": "How much?"}]},
        "preferred_output": [{"role": "assistant", "content": "Nothing."}],
        "non_preferred_output": [{"role": "assistant", "content": "A lot."}],
    }


def task() -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "2 + 2?"}], "reference": "4"}


def chat_file(examples: int = 12) -> bytes:
    return jsonl([chat(f"Question {number}?") for number in range(examples)])


def jsonl(examples: Sequence[Any]) -> bytes:
    return "".join(json.dumps(example) + "\n" for example in examples).encode()


def _good(reply: httpx.Response) -> Any:
    assert reply.status_code == 200, reply.text
    return reply.json()
