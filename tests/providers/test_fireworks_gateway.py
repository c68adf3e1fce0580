"""Where a gateway's translation to Fireworks is wrong, ours is not: one test for each difference.

What the gateway sends was seen on npm's @portkey-ai/gateway 1.15.2. It stands in each docstring.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import FireworksSettings
from reconciler.errors import CreateRejected
from reconciler.model import Dataset, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.fireworks import datasets, rules, wire
from tests.providers.fireworks_bench import DPO, GONE, SFT, bench, dpo, grpc, sent, sft, spec
from tests.providers.loopback import Answering, Heard, Reply, route, script

SETTINGS = FireworksSettings(name="fireworks", account_id="acme")
FULL_MODEL = "accounts/fireworks/models/qwen3-8b"
FULL_DATASET = "accounts/acme/datasets/d"


def body(of: JobSpec, **values: Any) -> dict[str, Any]:
    given = {"base_model": "qwen3-8b", "training": "d", **values}
    return wire.create_body(CreateRequest(spec=of, **given), "acme")


def refused(of: JobSpec) -> list[str]:
    return [".".join(map(str, v.path)) for v in rules.check(of, SETTINGS)]


def test_full_names_stay_as_they_are() -> None:
    """The gateway puts its prefix before everything, a full name too."""
    full = body(
        spec(), base_model=FULL_MODEL, training=FULL_DATASET, validation="accounts/acme/datasets/v"
    )
    short = body(spec(), validation="v")
    assert full == short
    assert full["baseModel"] == FULL_MODEL
    assert full["dataset"] == FULL_DATASET


def test_the_suffix_is_part_of_the_models_name() -> None:
    """The gateway sends the suffix as the job's display name, and no output model."""
    made = spec(suffix="support")
    assert body(made)["outputModel"] == f"accounts/acme/models/support-{made.token[-16:]}"
    assert "displayName" not in body(made)


def test_a_model_always_has_a_name_that_ties_it_to_its_spec() -> None:
    """The gateway's `output_model` is any true value, for which the suffix is sent."""
    made = spec()
    assert body(made)["outputModel"] == f"accounts/acme/models/{made.token}"


def test_both_ways_to_write_hyperparameters_are_one() -> None:
    """The gateway loses `epochs` where they stand within `method`."""
    within = spec(hyperparameters={"n_epochs": 3})
    older = spec(hyperparameters={"n_epochs": 3}, top_level_hyperparameters=True)
    assert body(within)["epochs"] == body(older)["epochs"] == 3


def test_a_multiplier_is_no_rate() -> None:
    """The gateway sends the multiplier as `learning_rate`."""
    multiplied = spec(hyperparameters={"learning_rate_multiplier": 2})
    assert refused(multiplied) == [
        "spec.method.supervised.hyperparameters.learning_rate_multiplier"
    ]
    assert not {"learning_rate", "learningRate"} & body(multiplied).keys()


def test_a_rate_has_the_name_that_the_api_knows() -> None:
    """The gateway writes `learning_rate`; the API's field is `learningRate`."""
    assert body(spec(section={"learning_rate": 1e-4}))["learningRate"] == 1e-4


def test_a_batch_size_is_sent() -> None:
    """The gateway drops it."""
    assert body(spec(hyperparameters={"batch_size": 16}))["batchSizeSamples"] == 16


@pytest.mark.parametrize("field", ["seed", "metadata"])
def test_what_fireworks_has_no_field_for_is_refused(field: str) -> None:
    """The gateway drops seed and metadata without a word."""
    values: dict[str, Any] = {"seed": 42, "metadata": {"owner": "me"}}
    assert refused(spec(**{field: values[field]})) == [f"spec.{field}"]


def test_an_integration_is_sent() -> None:
    """The gateway drops it."""
    reporting = spec(integrations=({"type": "wandb", "wandb": {"project": "p"}},))
    assert body(reporting)["wandbConfig"] == {"enabled": True, "project": "p"}


def test_a_preference_job_is_no_supervised_one() -> None:
    """The gateway sends method dpo to the supervised collection."""
    made = spec(method="dpo", hyperparameters={"beta": 0.1})
    request = CreateRequest(spec=made, base_model="qwen3-8b", training="d")
    with bench(script(Reply(200, dpo(made.token)))) as at:
        at.provider.create(request)
    (heard,) = at.server.heard
    assert heard.path == DPO
    assert heard.json["lossConfig"] == {"method": "DPO", "dpo": {"beta": 0.1}}
    assert set(heard.json["trainingConfig"]) == {"baseModel", "outputModel"}


def test_a_create_can_be_told_from_every_other() -> None:
    """The gateway sends no id, so that a lost answer costs a second job."""
    made = spec()
    request = CreateRequest(spec=made, base_model="qwen3-8b", training="d")
    with bench(script(Reply(200, sft(made.token)))) as at:
        at.provider.create(request)
    assert at.server.heard[0].query == {"supervisedFineTuningJobId": made.token}


def test_a_request_is_not_changed_by_being_sent() -> None:
    """The gateway rewrites its caller's object, so that a second target gets two prefixes."""
    made = spec(section={"lr_scheduler": {"linear": {"decay_ratio": 0.5}}})
    request = CreateRequest(spec=made, base_model="qwen3-8b", training="d", validation="v")
    before = copy.deepcopy(request)
    assert wire.create_body(request, "acme") == wire.create_body(request, "acme")
    assert request == before


def test_what_cannot_be_trained_on_is_refused_here() -> None:
    """The gateway checks nothing: a suffix of 65 characters goes out."""
    broken = spec(suffix="s" * 65, training=Dataset(reference="s3://bucket/x.jsonl"))
    assert refused(broken) == ["spec.training_file", "spec.suffix"]


def test_the_first_page_is_asked_for_without_a_token() -> None:
    """The gateway asks for page "1"."""
    with bench(script(Reply(200, {}))) as at:
        assert list(at.provider.list()) == []
    assert all("pageToken" not in heard.query for heard in at.server.heard)


def test_every_job_is_listed_with_its_own_id() -> None:
    """The gateway pages by a job's id, which is no page token."""
    pages = {None: ("a", "p2"), "p2": ("b", None)}

    def answer(heard: Heard) -> Reply:
        if heard.path == DPO:
            return Reply(200, {})
        id_, token = pages[heard.query.get("pageToken")]
        page = {"supervisedFineTuningJobs": [sft(id_)]}
        return Reply(200, page | ({"nextPageToken": token} if token else {}))

    with bench(answer) as at:
        assert [job.stamp for job in at.provider.list()] == ["a", "b"]


def test_a_cancelled_job_is_not_deleted() -> None:
    """The gateway cancels by DELETE, and takes POST …/pause and …/resume for it too."""
    table: dict[str, Reply | Answering] = {
        f"GET {SFT}/t": script(
            Reply(200, sft("t", "PAUSED")),
            Reply(200, sft("t", "PENDING")),
            Reply(200, sft("t")),
            Reply(200, sft("t", "CANCELLED")),
        ),
        f"POST {SFT}/t:cancel": Reply(200, {}),
        f"POST {SFT}/t:resume": Reply(200, {}),
    }
    name = "accounts/acme/supervisedFineTuningJobs/t"
    with bench(route(table)) as at:
        assert at.provider.resume(name).status is JobStatus.QUEUED
        assert at.provider.cancel(name).status is JobStatus.CANCELLED
    assert not sent(at.server.heard, "DELETE")


def test_a_job_that_is_not_there_is_said_to_be_not_there() -> None:
    """The gateway makes a 500 of it."""
    with bench(script(GONE)) as at:
        assert at.provider.get("t") is None


@pytest.mark.parametrize("state", ["EARLY_STOPPED", "EXPIRED"])
def test_a_job_that_is_over_does_not_wait_for_ever(state: str) -> None:
    """The gateway calls both queued."""
    table = {
        f"GET {SFT}/t": Reply(200, sft("t", state)),
        "GET /v1/accounts/acme/models/t": Reply(200, {"state": "READY"}),
    }
    with bench(route(table)) as at:
        job = at.provider.get("accounts/acme/supervisedFineTuningJobs/t")
    assert job is not None
    assert job.status.terminal


def test_a_state_that_nobody_knows_is_no_queue() -> None:
    """The gateway calls every state that it does not know queued."""
    job = wire.job(sft("t", "DREAMING"))
    assert job is not None
    assert job.status is JobStatus.UNKNOWN


def test_files_are_being_validated_while_they_are() -> None:
    """The gateway never says so."""
    job = wire.job(sft("t", "VALIDATING"))
    assert job is not None
    assert job.status is JobStatus.VALIDATING_FILES


def test_there_is_no_model_before_it_is_made() -> None:
    """The gateway shows the output model from the first moment."""
    running, done = wire.job(sft("t")), wire.job(sft("t", "COMPLETED"))
    assert running is not None
    assert done is not None
    assert running.fine_tuned_model is None
    assert done.fine_tuned_model == "accounts/acme/models/t"


def test_times_are_in_seconds_and_the_end_is_among_them() -> None:
    """The gateway writes milliseconds, and the end under a name of its own."""
    job = wire.job(sft("t", "COMPLETED", completedTime="2026-07-17T20:00:05Z"))
    assert job is not None
    assert (job.created_at, job.finished_at) == (1784318345, 1784318405)


def test_a_healthy_job_has_no_error_and_a_failed_one_has_its_words() -> None:
    """The gateway has the status, be it OK, as the error."""
    status = {"code": "INVALID_ARGUMENT", "message": "row 3 is empty"}
    healthy, failed = (
        wire.job(sft("t", status={"code": "OK"})),
        wire.job(sft("t", "FAILED", status=status)),
    )
    assert healthy is not None
    assert failed is not None
    assert healthy.error is None
    assert failed.error is not None
    assert failed.error.message == "row 3 is empty"


def test_what_fireworks_says_about_a_refusal_is_passed_on() -> None:
    """The gateway answers `{}`: the message is lost."""
    request = CreateRequest(spec=spec(), base_model="qwen3-8b", training="d")
    refusal = grpc(400, 3, "epochs must be positive")
    with bench(script(refusal)) as at, pytest.raises(CreateRejected) as caught:
        at.provider.create(request)
    assert "epochs must be positive" in caught.value.message


def test_an_upload_is_announced_with_the_length_it_has_and_no_line_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway announces the length of the form around it, plus one, and skips broken lines."""
    monkeypatch.setattr(datasets, "MAX_DIRECT", 1)
    content = b'{"messages": []}\nnot json\n{"messages": []}'
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    id_ = datasets.dataset_id(sha256)
    shown = {"name": f"accounts/acme/datasets/{id_}", "state": "READY"}
    stored = f"/v1/accounts/acme/datasets/{id_}"

    def signed(_: Heard) -> Reply:
        urls = {f"{id_}.jsonl": f"{at.server.url}/bucket/x?sig=1"}
        return Reply(200, {"filenameToSignedUrls": urls})

    table: dict[str, Reply | Answering] = {
        f"GET {stored}": script(GONE, GONE, Reply(200, shown)),
        "POST /v1/accounts/acme/datasets": Reply(200, shown),
        f"POST {stored}:getUploadEndpoint": signed,
        "PUT /bucket/x": Reply(200),
        f"POST {stored}:validateUpload": Reply(200, {}),
    }
    with bench(route(table)) as at:
        at.provider.upload(LocalFile(path=path, sha256=sha256, size=len(content)))
    made, asked, _ = sent(at.server.heard)
    (put,) = sent(at.server.heard, "PUT")
    assert made.json["dataset"]["exampleCount"] == "3"
    assert asked.json == {"filenameToSize": {f"{id_}.jsonl": str(len(content))}}
    assert put.headers["x-goog-content-length-range"] == f"{len(content)},{len(content)}"
    assert put.body == content
