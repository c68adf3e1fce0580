"""The adapter against moto's server, over the wire: another hand's idea of the same service.

moto's server finds a job by its name alone, never by its ARN, and its jobs end only when poked.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.errors import CreateRejected, ProviderError, Remedy
from reconciler.model import Dataset, JobStatus, MetricPoint
from reconciler.providers.bedrock.adapter import BedrockProvider
from tests.providers.bedrock_bench import BUCKET, ROLE, Moto, make, moto_server, request


@pytest.fixture(scope="module")
def moto() -> Iterator[Moto]:
    with moto_server() as server:
        yield server


@pytest.fixture
def provider(moto: Moto) -> Iterator[BedrockProvider]:
    adapter = moto.adapter()
    yield adapter
    adapter.close()


def test_a_job_is_created_found_and_got_by_its_name(provider: BedrockProvider) -> None:
    spec = make("born", hyperparameters={"n_epochs": 3}, validation=Dataset(sha256="cd" * 32))
    job = provider.create(request(spec))
    assert (job.stamp, job.status) == (spec.token, JobStatus.RUNNING)
    assert job.hyperparameters == {"n_epochs": 3}
    assert job.validation_file == f"s3://{BUCKET}/finetune/{'cd' * 32}.jsonl"
    assert provider.find(spec.token) == (job,)
    assert provider.get(spec.token) == job


def test_nothing_is_found_of_a_token_that_was_never_sent(provider: BedrockProvider) -> None:
    assert provider.find("never-0123456789abcdef") == ()


def test_a_second_create_of_a_token_finds_the_first(provider: BedrockProvider) -> None:
    spec = make("twice")
    first = provider.create(request(spec))
    assert provider.create(request(spec)) == first


def test_a_name_that_is_somebody_elses_is_refused(provider: BedrockProvider, moto: Moto) -> None:
    spec = make("squatted")
    provider.create(request(spec))
    moto.poke(spec.token, client_request_token="another-hand")
    with pytest.raises(CreateRejected, match="was not created for this spec") as caught:
        provider.create(request(spec))
    assert caught.value.remedy is Remedy.FIX_SPEC


def test_tags_tie_the_job_to_its_spec(provider: BedrockProvider, moto: Moto) -> None:
    spec = make("tagged", metadata={"owner": "support"})
    job = provider.create(request(spec))
    client = moto.client("bedrock")
    tags = {tag["key"]: tag["value"] for tag in client.list_tags_for_resource(
        resourceARN=job.id)["tags"]}  # fmt: skip
    client.close()
    assert tags == {
        "owner": "support",
        "reconciler-token": spec.token,
        "reconciler-source": "default/tagged",
    }


def test_a_job_is_stopped_and_may_be_stopped_again(provider: BedrockProvider) -> None:
    job = provider.create(request(make("stopped")))
    for _ in range(2):
        stopped = provider.cancel(str(job.stamp))
        assert stopped.status is JobStatus.CANCELLED
        assert stopped.fine_tuned_model is None
    with pytest.raises(ProviderError, match="has no job"):
        provider.cancel("nobody")


def test_a_job_that_is_over_tells_its_model_and_not_before(
    provider: BedrockProvider, moto: Moto
) -> None:
    job = provider.create(request(make("over")))
    assert job.fine_tuned_model is None
    assert job.finished_at is None
    moto.poke(str(job.stamp), status="Completed")
    done = provider.get(str(job.stamp))
    assert done is not None
    assert done.status is JobStatus.SUCCEEDED
    assert done.fine_tuned_model
    assert done.finished_at == done.created_at


def test_a_failed_job_says_why(provider: BedrockProvider, moto: Moto) -> None:
    job = provider.create(request(make("failed")))
    assert job.error is None
    moto.poke(str(job.stamp), status="Failed")
    failed = provider.get(str(job.stamp))
    assert failed is not None
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == (None, "Failure Message")


def test_the_list_has_every_job(provider: BedrockProvider) -> None:
    made = [provider.create(request(make(f"listed-{number}"))).id for number in range(3)]
    listed = [job.id for job in provider.list()]
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_loss_curve_is_found_where_the_job_left_it(
    provider: BedrockProvider, moto: Moto
) -> None:
    job = provider.create(request(make("curved")))
    assert provider.metrics(job) == ()
    moto.poke(str(job.stamp), status="Completed")
    done = provider.get(str(job.stamp))
    assert done is not None
    assert done.result_files == (
        f"s3://{BUCKET}/finetune/output/model-customization-job-{job.stamp}/",
    )
    assert provider.metrics(done) == ()
    folder = f"finetune/output/model-customization-job-{job.stamp}"
    moto.put(
        f"{folder}/training_artifacts/step_wise_training_metrics.csv",
        b"step_number,epoch_number,training_loss,perplexity\n1,0,2.5,12.18\n2,0,1.5,4.48\n",
    )
    moto.put(
        f"{folder}/validation_artifacts/post_fine_tuning_validation/validation/"
        "validation_metrics.csv",
        b"step_number,epoch_number,validation_loss,perplexity\n2,0,1.75,5.75\n",
    )
    moto.put(f"{folder}/training_artifacts/manifest.json", b"{}")
    assert provider.metrics(done) == (
        MetricPoint(step=1, values={"epoch": 0.0, "train_loss": 2.5, "perplexity": 12.18}),
        MetricPoint(
            step=2,
            values={
                "epoch": 0.0,
                "train_loss": 1.5,
                "perplexity": 4.48,
                "valid_loss": 1.75,
                "valid_perplexity": 5.75,
            },
        ),
    )


def test_a_spec_says_its_own_role(moto: Moto) -> None:
    adapter = moto.adapter(role_arn=None)
    spec = make("own-role", section={"role_arn": ROLE})
    assert adapter.create(request(spec)).stamp == spec.token
    adapter.close()
