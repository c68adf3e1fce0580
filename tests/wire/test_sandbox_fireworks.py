"""The `fireworks-ai` SDK drives the sandbox: datasets, jobs of both kinds, models.

And whatever the sandbox shows has a place in the SDK's types.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import fireworks
import httpx
import pytest
from fireworks.types import Account, Dataset, DpoJob, Model, SupervisedFineTuningJob

from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import serve
from tests.sandbox.gateway import ACCOUNT, BASE, chats
from tests.sandbox.workbench import Clock, jsonl, preference

CONTENT = jsonl(chats())
DATASET = f"{ACCOUNT}/datasets/train"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a sandbox with a dataset that is ready; its clock is the test's."""
    clock = Clock()
    with (
        serve(tmp_path_factory.mktemp("data"), clock=clock) as running,
        fireworks.Fireworks(
            api_key="test", account_id="sandbox", base_url=running.url, max_retries=0
        ) as client,
    ):
        uploaded(client, clock, "train", CONTENT)
        yield SimpleNamespace(client=client, clock=clock, url=running.url)


def uploaded(client: Any, clock: Clock, name: str, content: bytes) -> str:
    client.datasets.create(
        dataset_id=name,
        dataset={"user_uploaded": {}, "example_count": str(content.count(b"\n"))},
    )
    client.datasets.upload(name, file=("data.jsonl", content))
    clock.advance(2)
    return f"{ACCOUNT}/datasets/{name}"


def number(error: fireworks.APIStatusError) -> int:
    """gRPC's number in the body of an error."""
    body: Any = error.body
    code: int = body["code"]
    return code


def test_the_account(bench: Any) -> None:
    assert [account.name for account in bench.client.accounts.list()] == [ACCOUNT]
    assert bench.client.accounts.get().state == "READY"


def test_a_dataset_in_one_request(bench: Any) -> None:
    client = bench.client
    created = client.datasets.create(
        dataset_id="one", dataset={"user_uploaded": {}, "example_count": "12", "format": "CHAT"}
    )
    assert (created.state, created.format) == ("UPLOADING", "CHAT")
    sent = client.datasets.upload("one", file=("data.jsonl", CONTENT))
    assert (sent.bytes, sent.filename) == (len(CONTENT), "data.jsonl")
    bench.clock.advance(2)
    ready = client.datasets.get("one")
    assert (ready.state, ready.status.code, ready.example_count) == ("READY", "OK", "12")
    assert f"{ACCOUNT}/datasets/one" in {dataset.name for dataset in client.datasets.list()}
    with pytest.raises(fireworks.ConflictError) as taken:
        client.datasets.create(
            dataset_id="one", dataset={"user_uploaded": {}, "example_count": "1"}
        )
    assert taken.value.body == {"code": 6, "message": "resource already exists", "details": []}
    client.datasets.delete("one")
    with pytest.raises(fireworks.NotFoundError):
        client.datasets.get("one")


def test_a_dataset_through_a_signed_address(bench: Any) -> None:
    client, size = bench.client, len(CONTENT)
    client.datasets.create(
        dataset_id="signed", dataset={"user_uploaded": {}, "example_count": "12"}
    )
    addresses = client.datasets.get_upload_endpoint(
        "signed", filename_to_size={"data.jsonl": str(size)}
    ).filename_to_signed_urls
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Goog-Content-Length-Range": f"{size},{size}",
    }
    with httpx.Client(trust_env=False) as storage:
        keyed = headers | {"Authorization": "Bearer test"}
        assert (
            storage.put(addresses["data.jsonl"], content=CONTENT, headers=keyed).status_code == 400
        )
        assert storage.put(addresses["data.jsonl"], content=CONTENT, headers=headers).is_success
    client.datasets.validate_upload("signed", body={})
    bench.clock.advance(2)
    assert client.datasets.get("signed").state == "READY"


def test_a_dataset_that_is_none_fails_in_words(bench: Any) -> None:
    uploaded(bench.client, bench.clock, "broken", b"not json\n")
    failed = bench.client.datasets.get("broken")
    assert (failed.state, failed.status.code) == ("FAILED", "INVALID_ARGUMENT")


def test_a_supervised_job_through_its_whole_life(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    created = jobs.create(
        dataset=DATASET,
        supervised_fine_tuning_job_id="whole",
        base_model=BASE,
        epochs=2,
        learning_rate=1e-4,
        lora_rank=16,
        output_model="support",
        display_name="Support",
        batch_size_samples=4,
    )
    assert (created.state, created.epochs, created.lora_rank) == ("JOB_STATE_CREATING", 2, 16)
    states: list[Any] = []
    for _ in range(80):
        state = jobs.get("whole").state
        if not states or states[-1] != state:
            states.append(state)
        bench.clock.advance(0.1)
    names = ("CREATING", "PENDING", "VALIDATING", "RUNNING", "COMPLETED")
    assert states == [f"JOB_STATE_{name}" for name in names]
    ended = jobs.get("whole")
    assert ended.completed_time is not None
    assert ended.create_time < ended.completed_time
    assert (ended.job_progress.percent, ended.estimated_cost.currency_code) == (100, "USD")
    model = bench.client.models.get("support")
    assert (model.name, model.state, model.kind) == (ended.output_model, "READY", "HF_PEFT_ADDON")
    assert (model.fine_tuning_job, model.peft_details.r) == (ended.name, 16)
    metrics = httpx.get(ended.metrics_file_signed_url, trust_env=False).text
    assert metrics.count("\n") == 6


def test_the_same_id_is_refused(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    asked = {"dataset": DATASET, "base_model": BASE, "supervised_fine_tuning_job_id": "once"}
    jobs.create(**asked)
    with pytest.raises(fireworks.ConflictError) as taken:
        jobs.create(**asked)
    assert taken.value.status_code == 409


def test_cancel_and_resume(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    jobs.create(dataset=DATASET, base_model=BASE, supervised_fine_tuning_job_id="cancelled")
    bench.clock.advance(3)
    jobs.cancel("cancelled", body={})
    seen = []
    for _ in range(2):
        seen.append(jobs.get("cancelled").state)
        bench.clock.advance(2)
    assert seen == ["JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"]
    with pytest.raises(fireworks.BadRequestError) as refused:
        jobs.cancel("cancelled", body={})
    assert number(refused.value) == 9
    assert jobs.resume("cancelled", body={}).state == "JOB_STATE_PENDING"
    bench.clock.advance(60)
    assert jobs.get("cancelled").state == "JOB_STATE_COMPLETED"
    jobs.delete("cancelled")
    with pytest.raises(fireworks.NotFoundError):
        jobs.get("cancelled")


def test_what_cannot_be_resumed_is_refused(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    jobs.create(dataset=DATASET, base_model=BASE, supervised_fine_tuning_job_id="unresumed")
    for _ in range(2):  # while it goes on, and when it has completed
        with pytest.raises(fireworks.BadRequestError) as refused:
            jobs.resume("unresumed", body={})
        assert number(refused.value) == 9
        bench.clock.advance(60)
    with pytest.raises(fireworks.NotFoundError):
        jobs.resume("nothing", body={})


def test_a_model_is_deleted_once_and_its_job_stays(bench: Any) -> None:
    jobs, models = bench.client.supervised_fine_tuning_jobs, bench.client.models
    jobs.create(
        dataset=DATASET,
        base_model=BASE,
        supervised_fine_tuning_job_id="deleted",
        output_model="short-lived",
    )
    with pytest.raises(fireworks.NotFoundError):
        models.delete("short-lived")  # it is not there before its job has completed
    bench.clock.advance(60)
    assert models.delete("short-lived") == {}
    for again in (models.get, models.delete):
        with pytest.raises(fireworks.NotFoundError) as missing:
            again("short-lived")
        assert number(missing.value) == 5
    assert jobs.get("deleted").state == "JOB_STATE_COMPLETED"
    with pytest.raises(fireworks.PermissionDeniedError) as refused:
        models.delete(BASE.rpartition("/")[2], account_id="fireworks")
    assert number(refused.value) == 7


def test_lists_and_pages(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    for number in range(5):
        jobs.create(
            dataset=DATASET, base_model=BASE, supervised_fine_tuning_job_id=f"listed-{number}"
        )
    found = [job.name.rpartition("/")[2] for job in jobs.list(page_size=2)]
    assert [name for name in found if name.startswith("listed")] == [
        f"listed-{number}" for number in range(5)
    ]
    running = jobs.list(filter='name="accounts/sandbox/supervisedFineTuningJobs/listed-3"')
    assert [job.base_model for job in running] == [BASE]


def test_a_preference_job(bench: Any) -> None:
    client = bench.client
    dataset = uploaded(client, bench.clock, "pairs", jsonl([preference()] * 10))
    created = client.dpo_jobs.create(
        dataset=dataset,
        dpo_job_id="preferred",
        training_config={"base_model": BASE, "epochs": 1, "output_model": "preferred"},
        loss_config={"method": "DPO", "dpo": {"beta": 0.1}},
    )
    assert created.loss_config.method == "DPO"
    bench.clock.advance(60)
    assert client.dpo_jobs.get("preferred").state == "JOB_STATE_COMPLETED"
    address = client.dpo_jobs.get_metrics_file_endpoint("preferred").signed_url
    assert httpx.get(address, trust_env=False).is_success
    assert [job.name for job in client.dpo_jobs.list()] == [created.name]
    client.dpo_jobs.create(
        dataset=dataset,
        dpo_job_id="stopped",
        training_config={"warm_start_from": f"{ACCOUNT}/models/preferred"},
    )
    client.dpo_jobs.cancel("stopped", body={})
    assert client.dpo_jobs.get("stopped").state == "JOB_STATE_CANCELLING"
    bench.clock.advance(2)
    assert client.dpo_jobs.resume("stopped", body={}).state == "JOB_STATE_PENDING"


def test_a_job_whose_data_are_bad(bench: Any) -> None:
    example = {"messages": [{"role": "bananas", "content": "x"}]}
    dataset = uploaded(bench.client, bench.clock, "bad", jsonl([example] * 3))
    jobs = bench.client.supervised_fine_tuning_jobs
    jobs.create(dataset=dataset, base_model=BASE, supervised_fine_tuning_job_id="bad")
    bench.clock.advance(60)
    failed = jobs.get("bad")
    assert (failed.state, failed.status.code) == ("JOB_STATE_FAILED", "INVALID_ARGUMENT")
    assert "invalid role bananas" in failed.status.message


def test_refusals_are_the_sdks_exceptions(bench: Any) -> None:
    jobs = bench.client.supervised_fine_tuning_jobs
    with pytest.raises(fireworks.NotFoundError):
        jobs.get("nothing")
    with pytest.raises(fireworks.BadRequestError) as refused:
        jobs.create(dataset=DATASET, base_model=BASE, gradient_accumulation_steps=2)
    assert number(refused.value) == 3
    with pytest.raises(fireworks.PermissionDeniedError):
        jobs.list(account_id="other")
    with (
        fireworks.Fireworks(
            api_key="invalid", account_id="sandbox", base_url=bench.url, max_retries=0
        ) as stranger,
        pytest.raises(fireworks.PermissionDeniedError),
    ):
        stranger.supervised_fine_tuning_jobs.list()


def test_the_sdk_sends_a_create_again_and_the_id_keeps_it_one(tmp_path: Any) -> None:
    """Without an id of one's own, the SDK's silent retry would have paid for a second job."""
    clock = Clock()
    fault = parse("fireworks.create=drop-after,x1")
    with (
        serve(tmp_path, faults=[fault], clock=clock) as running,
        fireworks.Fireworks(
            api_key="test", account_id="sandbox", base_url=running.url, max_retries=1
        ) as client,
    ):
        uploaded(client, clock, "train", CONTENT)
        with pytest.raises(fireworks.ConflictError):
            client.supervised_fine_tuning_jobs.create(
                dataset=DATASET, base_model=BASE, supervised_fine_tuning_job_id="once"
            )
        assert len(list(client.supervised_fine_tuning_jobs.list())) == 1


def test_whatever_is_shown_has_a_place_in_the_sdks_types(bench: Any) -> None:
    client = bench.client
    client.supervised_fine_tuning_jobs.create(
        dataset=DATASET, base_model=BASE, supervised_fine_tuning_job_id="typed"
    )
    bench.clock.advance(60)
    # In the pages of 5.10.0 or seen in replies, and not in the SDK's types of 1.2.28.
    newer = {
        *("encryptionState", "renderSamplesSignedUrl", "lrScheduler", "purpose"),
        "updateTime",
    }
    for shown, kind in (
        (client.supervised_fine_tuning_jobs.get("typed"), SupervisedFineTuningJob),
        (next(iter(client.dpo_jobs.list())), DpoJob),
        (client.datasets.get("train"), Dataset),
        (client.models.get("typed"), Model),
        (client.accounts.get(), Account),
    ):
        fields: dict[str, Any] = kind.model_fields
        known = {field.alias or name for name, field in fields.items()}
        document = shown.to_dict(mode="json", use_api_names=True)
        assert set(document) <= known | newer, kind
        kind.model_validate(document)
