"""The vendor's own SDK drives the sandbox, and its types are held against every answer.

The SDK reads leniently: it builds its objects without checking them. Here each answer is validated
for real. Where OpenAI's server is known to say what the SDK's types do not allow, the sandbox says
so too, and the test names the places.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import FileDeleted, FileObject, Model, ModelDeleted, Upload
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai.types.uploads import UploadPart
from pydantic import BaseModel, TypeAdapter, ValidationError

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import Running, serve

MODEL = "gpt-4.1-mini-2025-04-14"
NO_ERROR = {"error.code", "error.message"}  # {"code": null, ...} means that there is none
METHOD_ONLY = {"hyperparameters"}  # null unless the method is supervised
PAUSED = {"status"}  # a status that the enumeration lacks

CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
PREFERENCE = {
    "input": {"messages": CHAT["messages"][:1]},
    "preferred_output": CHAT["messages"][1:],
    "non_preferred_output": CHAT["messages"][1:],
}
GRADER = {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}


class Clock:
    """A clock that moves only when it is told to."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Running]:
    with serve(tmp_path_factory.mktemp("sandbox"), clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def client(sandbox: Running) -> Iterator[openai.OpenAI]:
    with connect(sandbox) as client:
        yield client


def connect(sandbox: Running, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{sandbox.url}/v1",
        api_key="test",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
        **options,
    )


def jsonl(example: Any, count: int = 12) -> bytes:
    return (json.dumps(example) + "\n").encode() * count


def strictly(kind: type[BaseModel], raw: Any, differing: set[str] | None = None) -> None:
    """Hold a raw answer against the SDK's type: it may differ in the places named, and must."""
    found = set()
    try:
        TypeAdapter(kind).validate_python(raw)
    except ValidationError as error:
        found = {".".join(str(part) for part in item["loc"]) for item in error.errors()}
    assert found == (differing or set())


def raw(client: openai.OpenAI, path: str) -> Any:
    return client.get(path, cast_to=object)


def raw_job(client: openai.OpenAI, job: FineTuningJob) -> Any:
    return raw(client, f"/fine_tuning/jobs/{job.id}")


def upload(client: openai.OpenAI, content: bytes) -> str:
    return client.files.create(file=("a.jsonl", content), purpose="fine-tune").id


def create(client: openai.OpenAI, content: bytes | None = None, **options: Any) -> FineTuningJob:
    training_file = upload(client, content or jsonl(CHAT))
    return client.fine_tuning.jobs.create(
        **{"model": MODEL, "training_file": training_file, **options}
    )


def test_create_and_retrieve(client: openai.OpenAI, clock: Clock) -> None:
    job = create(
        client,
        model="gpt-4.1-mini",
        validation_file=upload(client, jsonl(CHAT, 3)),
        suffix="support",
        seed=7,
        metadata={"owner": "support"},
        integrations=[{"type": "wandb", "wandb": {"project": "p"}}],
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    assert (job.status, job.model, job.seed) == ("validating_files", MODEL, 7)
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR)
    clock.now += 4
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR)
    clock.now += 60
    done = client.fine_tuning.jobs.retrieve(job.id)
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR)
    assert done.status == "succeeded"
    assert done.hyperparameters.n_epochs == 2
    assert done.metadata == {"owner": "support"}
    assert done.integrations is not None
    assert done.integrations[0].wandb.project == "p"


def test_nulls_that_the_sdk_sends_are_no_values(client: openai.OpenAI) -> None:
    job = create(client, suffix=None, seed=None, validation_file=None, metadata=None)
    assert (job.metadata, job.validation_file) == (None, None)
    assert isinstance(job.seed, int)


def test_list_by_pages_and_by_metadata(client: openai.OpenAI) -> None:
    created = [create(client, metadata={"batch": "a b&c", "n": str(n)}).id for n in range(3)]
    newest = list(reversed(created))
    assert [job.id for job in client.fine_tuning.jobs.list(limit=3)][:3] == newest
    found = client.fine_tuning.jobs.list(metadata={"batch": "a b&c"}, limit=2)
    assert [job.id for job in found] == newest
    found = client.fine_tuning.jobs.list(metadata={"batch": "a b&c", "n": "1"})
    assert [job.id for job in found] == [created[1]]
    without = client.fine_tuning.jobs.list(extra_query={"metadata": "null"})
    assert not {job.id for job in without} & set(created)
    for item in raw(client, "/fine_tuning/jobs?limit=3")["data"]:
        strictly(FineTuningJob, item, NO_ERROR)


def test_cancel(client: openai.OpenAI) -> None:
    job = create(client)
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR)
    with pytest.raises(openai.BadRequestError) as refused:
        client.fine_tuning.jobs.cancel(job.id)
    assert refused.value.code == "invalid_job_state"


def test_pause_and_resume(client: openai.OpenAI, clock: Clock) -> None:
    job = create(client)
    clock.now += 4
    paused: str = client.fine_tuning.jobs.pause(job.id).status
    assert paused == "paused"
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR | PAUSED)
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR)


def test_what_cannot_be_paused_or_resumed_is_refused(client: openai.OpenAI, clock: Clock) -> None:
    job = create(client)
    jobs = client.fine_tuning.jobs
    with pytest.raises(openai.BadRequestError, match="its status is 'validating_files'") as early:
        jobs.pause(job.id)
    assert early.value.code == "invalid_job_state"
    clock.now += 4
    with pytest.raises(openai.BadRequestError, match="its status is 'running'"):
        jobs.resume(job.id)
    clock.now += 60
    for tell in (jobs.pause, jobs.resume):
        with pytest.raises(openai.BadRequestError, match="its status is 'succeeded'"):
            tell(job.id)
        with pytest.raises(openai.NotFoundError) as missing:
            tell("ftjob-none")
        assert missing.value.code == "fine_tune_not_found"


def test_preference(client: openai.OpenAI, clock: Clock) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3}}}
    job = create(client, jsonl(PREFERENCE), method=method)
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR | METHOD_ONLY)
    clock.now += 60
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded"
    assert done.method is not None
    assert done.method.dpo is not None
    assert done.method.dpo.hyperparameters is not None
    assert done.method.dpo.hyperparameters.beta == 0.3
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR | METHOD_ONLY)


def test_reinforcement(client: openai.OpenAI, clock: Clock) -> None:
    tasks = jsonl({"messages": CHAT["messages"][:1], "answer": "4"})
    job = create(
        client,
        tasks,
        model="o4-mini",
        validation_file=upload(client, tasks),
        method={"type": "reinforcement", "reinforcement": {"grader": GRADER}},
    )
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR | METHOD_ONLY)
    clock.now += 60
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"
    strictly(FineTuningJob, raw_job(client, job), NO_ERROR | METHOD_ONLY)
    for item in raw(client, f"/fine_tuning/jobs/{job.id}/checkpoints")["data"]:
        strictly(FineTuningJobCheckpoint, item)


def test_failure(client: openai.OpenAI, clock: Clock) -> None:
    job = create(client, jsonl(CHAT, 7))
    clock.now += 60
    failed = client.fine_tuning.jobs.retrieve(job.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "invalid_n_examples"
    strictly(FineTuningJob, raw_job(client, job))


def test_events_and_checkpoints(client: openai.OpenAI, clock: Clock) -> None:
    validation = upload(client, jsonl(CHAT, 3))
    job = create(client, validation_file=validation, hyperparameters={"n_epochs": 4})
    clock.now += 60
    path = f"/fine_tuning/jobs/{job.id}"
    for item in raw(client, f"{path}/events?limit=100")["data"]:
        strictly(FineTuningJobEvent, item)
    checkpoints = raw(client, f"{path}/checkpoints")["data"]
    for item in checkpoints:
        strictly(FineTuningJobCheckpoint, item)
    walked = list(client.fine_tuning.jobs.list_events(job.id, limit=7))
    assert walked[-1].message == f"Created fine-tuning job: {job.id}"
    assert len({event.id for event in walked}) == len(walked) > 48
    listed = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=2))
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert [item.step_number for item in listed] == [48, 36, 24]
    assert listed[0].fine_tuned_model_checkpoint == done.fine_tuned_model
    results = client.files.content(done.result_files[0]).read()
    assert base64.b64decode(results).startswith(b"step,train_loss,")


def test_files(client: openai.OpenAI) -> None:
    created = client.files.create(
        file=("b.jsonl", jsonl(CHAT)),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    assert created.expires_at == created.created_at + 3_600
    strictly(FileObject, raw(client, f"/files/{created.id}"))
    assert client.files.retrieve(created.id) == created
    assert client.files.content(created.id).read() == jsonl(CHAT)
    pages = client.files.list(purpose="fine-tune", limit=1, order="asc")
    assert created.id in [file.id for file in pages]
    for item in raw(client, "/files")["data"]:
        strictly(FileObject, item)
    deleted = client.files.delete(created.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (created.id, True, "file")
    strictly(FileDeleted, deleted.model_dump())
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(created.id)


def test_uploads(client: openai.OpenAI) -> None:
    content = jsonl(CHAT, 100)
    raw_upload = client.uploads.with_raw_response
    begun = raw_upload.create(
        filename="c.jsonl", purpose="fine-tune", bytes=len(content), mime_type="text/jsonl"
    )
    strictly(Upload, begun.http_response.json())
    upload_id = begun.parse().id
    part = client.uploads.parts.with_raw_response.create(upload_id, data=content)
    strictly(UploadPart, part.http_response.json())
    done = raw_upload.complete(
        upload_id, part_ids=[part.parse().id], md5=hashlib.md5(content).hexdigest()
    )
    strictly(Upload, done.http_response.json())
    whole = client.uploads.upload_file_chunked(
        file=content,
        filename="d.jsonl",
        bytes=len(content),
        purpose="fine-tune",
        mime_type="text/jsonl",
        part_size=4_096,
    )
    assert whole.status == "completed"
    assert whole.file is not None
    assert client.files.content(whole.file.id).read() == content
    given_up = client.uploads.create(
        filename="e.jsonl", purpose="fine-tune", bytes=9, mime_type="text/jsonl"
    )
    assert client.uploads.cancel(given_up.id).status == "cancelled"


def test_models(client: openai.OpenAI, clock: Clock) -> None:
    job = create(client)
    clock.now += 60
    tuned = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert tuned is not None
    assert client.models.retrieve(MODEL).shutdown_date == "2027-01-14"
    assert tuned in {model.id for model in client.models.list()}
    for item in raw(client, "/models")["data"]:
        strictly(Model, item)
    deleted = client.models.delete(tuned)
    strictly(ModelDeleted, deleted.model_dump())
    for again in (client.models.retrieve, client.models.delete):
        with pytest.raises(openai.NotFoundError, match="does not exist") as missing:
            again(tuned)
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model == tuned
    with pytest.raises(openai.PermissionDeniedError, match="insufficient permissions"):
        client.models.delete(MODEL)


def test_errors_are_what_the_sdk_takes_them_for(client: openai.OpenAI, sandbox: Running) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.fine_tuning.jobs.retrieve("ftjob-nothing")
    assert (missing.value.code, missing.value.param) == ("fine_tune_not_found", "fine_tune_id")
    assert missing.value.request_id is not None
    with pytest.raises(openai.BadRequestError) as refused:
        create(client, suffix="x" * 65)
    assert refused.value.param == "suffix"
    stranger = connect(sandbox).with_options(api_key="invalid")
    with stranger, pytest.raises(openai.AuthenticationError) as unknown:
        stranger.models.list()
    assert unknown.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("create=429,x1", openai.RateLimitError),
        ("create=500,x1", openai.InternalServerError),
        ("create=status-after:503,x1", openai.InternalServerError),
        ("create=drop-before,x1", openai.APIConnectionError),
        ("create=drop-after,x1", openai.APIConnectionError),
    ],
)
def test_faults_are_what_the_sdk_takes_them_for(
    tmp_path_factory: pytest.TempPathFactory, fault: str, error: type[Exception]
) -> None:
    folder = tmp_path_factory.mktemp("faults")
    with serve(folder, faults=[parse(fault)]) as running, connect(running) as client:
        with pytest.raises(error):
            create(client)
        after = "-after" in fault
        assert len(list(client.fine_tuning.jobs.list())) == int(after)
