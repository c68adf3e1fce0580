"""What the OpenAI adapter sends is what OpenAI's own SDK would send.

Bodies are held against the SDK's request types, whole: a key that they do not know is a failure.
Paths, queries and uploads are held against the SDK itself, both speaking to the same server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from openai.types.fine_tuning.job_create_params import JobCreateParams
from pydantic import TypeAdapter

from reconciler.model import Dataset, Job, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.openai.adapter import OpenAIProvider
from tests.fakes import make_spec
from tests.providers.loopback import KEY, Bench, Heard, Reply, bench, route

BODY: TypeAdapter[JobCreateParams] = TypeAdapter(JobCreateParams)
JOB = {"id": "ftjob-1", "object": "fine_tuning.job", "status": "queued", "metadata": {}}
FILE = {"id": "file-1", "object": "file", "purpose": "fine-tune", "status": "processed"}
LIST = {"object": "list", "data": [], "has_more": False}
JOBS = "/v1/fine_tuning/jobs"

STRING_CHECK = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
SIMILARITY = {
    "type": "text_similarity",
    "name": "near",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "rouge_l",
}
PYTHON = {"type": "python", "name": "code", "source": "def grade(sample, item): return 1.0"}
SCORE_MODEL = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4.1-2025-04-14",
    "input": [{"role": "user", "content": "Score {{sample.output_text}}"}],
    "range": [0, 1],
    "sampling_params": {"temperature": 0.0, "seed": 1},
}
LABEL_MODEL = {
    "type": "label_model",
    "name": "label",
    "model": "gpt-4.1-2025-04-14",
    "input": [{"role": "user", "content": "Label {{sample.output_text}}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}


def multi(grader: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "multi", "name": "all", "graders": grader, "calculate_output": "score"}


GRADERS = {
    "string_check": STRING_CHECK,
    "text_similarity": SIMILARITY,
    "python": PYTHON,
    "score_model": SCORE_MODEL,
    **{
        f"multi of {grader['type']}": multi(grader)
        for grader in (STRING_CHECK, SIMILARITY, PYTHON, SCORE_MODEL, LABEL_MODEL)
    },
}
EVERY_EFFORT = {
    "batch_size": 8,
    "learning_rate_multiplier": 0.5,
    "n_epochs": 2,
    "compute_multiplier": 1.5,
    "eval_interval": 5,
    "eval_samples": 2,
    "reasoning_effort": "medium",
}
SPECS: dict[str, JobSpec] = {
    "nothing but the data": make_spec(),
    "everything a supervised job can say": make_spec(
        hyperparameters={"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1e-05},
        suffix="support",
        seed=2147483647,
        validation=Dataset(sha256="cd" * 32),
        integrations=(
            {"type": "wandb", "wandb": {"project": "p", "name": "n", "entity": "e", "tags": ["t"]}},
            {"type": "wandb", "wandb": {"project": "p", "name": None}},
        ),
        metadata={"owner": "support"},
    ),
    "the older form": make_spec(
        hyperparameters={"n_epochs": 3}, top_level_hyperparameters=True, seed=0
    ),
    "dpo": make_spec(method="dpo"),
    "dpo with its settings": make_spec(
        method="dpo",
        hyperparameters={"beta": 0.1, "n_epochs": 1, "batch_size": 2},
    ),
    **{
        f"reinforcement by {name}": make_spec(
            method="reinforcement",
            method_options={"grader": grader},
            hyperparameters=EVERY_EFFORT,
            validation=Dataset(sha256="cd" * 32),
        )
        for name, grader in GRADERS.items()
    },
}


def plain(value: Any) -> Any:
    """A validated value with its lazy parts read."""
    match value:
        case str() | int() | float() | None:
            return value
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case Iterable():
            return [plain(item) for item in value]
        case _:
            raise TypeError(type(value))


def nulls(value: Any) -> Iterator[str]:
    """Keys that hold null, however deep."""
    match value:
        case dict():
            for key, item in value.items():
                if item is None:
                    yield key
                yield from nulls(item)
        case list():
            for item in value:
                yield from nulls(item)


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    table = {
        f"POST {JOBS}": Reply(200, JOB),
        f"GET {JOBS}": Reply(200, LIST),
        f"GET {JOBS}/ftjob-1": Reply(200, JOB),
        f"POST {JOBS}/ftjob-1/cancel": Reply(200, JOB),
        f"GET {JOBS}/ftjob-1/events": Reply(200, LIST),
        f"GET {JOBS}/ftjob-1/checkpoints": Reply(200, LIST),
        "GET /v1/files": Reply(200, LIST),
        "POST /v1/files": Reply(200, FILE),
        "GET /v1/files/file-1": Reply(200, FILE),
        "GET /v1/files/file-1/content": Reply(200, b"step,train_loss\n1,1\n"),
        "DELETE /v1/files/file-1": Reply(200, {"id": "file-1", "deleted": True}),
    }
    with bench(route(table), stamp="metadata") as made:
        yield made


@pytest.fixture(scope="module")
def sdk(server: Bench) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.server.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def heard(server: Bench, call: Callable[[], object]) -> list[Heard]:
    """The requests that a call sends."""
    before = len(server.server.heard)
    call()
    return server.server.heard[before:]


def create(spec: JobSpec) -> CreateRequest:
    validation = "file-2" if spec.validation else None
    return CreateRequest(
        spec=spec, base_model="gpt-4.1-mini-2025-04-14", training="file-1", validation=validation
    )


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_a_body_is_one_the_sdk_knows(server: Bench, spec: JobSpec) -> None:
    (sent,) = heard(server, lambda: server.provider.create(create(spec)))
    assert plain(BODY.validate_python(sent.json)) == sent.json
    assert not list(nulls(sent.json))


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_a_body_stamped_in_the_suffix_is_one_too(spec: JobSpec) -> None:
    with bench(route({f"POST {JOBS}": Reply(200, JOB)}), stamp="suffix") as made:
        (sent,) = heard(made, lambda: made.provider.create(create(spec)))
    assert plain(BODY.validate_python(sent.json)) == sent.json
    assert len(sent.json["suffix"]) <= 64


def test_the_check_would_see_a_key_that_the_sdk_does_not_know(server: Bench) -> None:
    spec = replace(make_spec(), section={"extra_body": {"n_epoch": 3}})
    (sent,) = heard(server, lambda: server.provider.create(create(spec)))
    assert plain(BODY.validate_python(sent.json)) != sent.json


ENDED = Job(id="ftjob-1", status=JobStatus.SUCCEEDED, provider_status="", result_files=("file-1",))
OPERATIONS: dict[str, tuple[Callable[[OpenAIProvider], object], Callable[[OpenAI], object]]] = {
    "get": (
        lambda ours: ours.get("ftjob-1"),
        lambda sdk: sdk.fine_tuning.jobs.retrieve("ftjob-1"),
    ),
    "list": (
        lambda ours: list(ours.list()),
        lambda sdk: list(sdk.fine_tuning.jobs.list(limit=100)),
    ),
    "find": (
        lambda ours: ours.find("bot-0123456789abcdef"),
        lambda sdk: list(
            sdk.fine_tuning.jobs.list(
                limit=100, metadata={"reconciler-token": "bot-0123456789abcdef"}
            )
        ),
    ),
    "cancel": (
        lambda ours: ours.cancel("ftjob-1"),
        lambda sdk: sdk.fine_tuning.jobs.cancel("ftjob-1"),
    ),
    "events": (
        lambda ours: list(ours.events("ftjob-1")),
        lambda sdk: list(sdk.fine_tuning.jobs.list_events("ftjob-1", limit=100)),
    ),
    "checkpoints": (
        lambda ours: ours.checkpoints("ftjob-1"),
        lambda sdk: list(sdk.fine_tuning.jobs.checkpoints.list("ftjob-1", limit=100)),
    ),
    "metrics": (
        lambda ours: ours.metrics(ENDED),
        lambda sdk: sdk.files.content("file-1"),
    ),
    "list files": (
        lambda ours: list(ours.files.stored()),
        lambda sdk: list(sdk.files.list(purpose="fine-tune")),
    ),
    "delete a file": (
        lambda ours: ours.files.delete("file-1"),
        lambda sdk: sdk.files.delete("file-1"),
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_is_the_sdks(server: Bench, sdk: OpenAI, operation: str) -> None:
    ours, theirs = OPERATIONS[operation]
    (sent,) = heard(server, lambda: ours(server.provider))
    (expected,) = heard(server, lambda: theirs(sdk))
    assert (sent.method, sent.path, sent.query) == (
        expected.method,
        expected.path,
        expected.query,
    )
    assert sent.headers["authorization"] == expected.headers["authorization"]


def test_a_create_is_the_sdks(server: Bench, sdk: OpenAI) -> None:
    (sent,) = heard(server, lambda: server.provider.create(create(make_spec())))
    (expected,) = heard(server, lambda: sdk.fine_tuning.jobs.create(**sent.json))
    assert (sent.method, sent.target, sent.json) == (
        expected.method,
        expected.target,
        expected.json,
    )
    assert sent.headers["content-type"] == expected.headers["content-type"]


def test_an_upload_is_the_sdks(server: Bench, sdk: OpenAI, tmp_path: Path) -> None:
    content = b'{"messages": []}\r\n--boundary\r\n' * 3
    sha256 = hashlib.sha256(content).hexdigest()
    path = tmp_path / f"{sha256}.jsonl"
    path.write_bytes(content)
    file = LocalFile(path=path, sha256=sha256, size=len(content))
    _, sent = heard(server, lambda: server.provider.upload(file))
    (expected,) = heard(server, lambda: sdk.files.create(file=path, purpose="fine-tune"))
    assert (sent.method, sent.target) == (expected.method, expected.target)
    assert sent.form == expected.form == {
        "purpose": (None, b"fine-tune"),
        "file": (f"{sha256}.jsonl", content),
    }  # fmt: skip
