"""What the Fireworks adapter sends is what Fireworks' own SDK would send.

Bodies are held against the SDK's request types, whole: a key that they do not know is a failure.
Paths, queries and uploads are held against the SDK itself, both speaking to the same server.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fireworks import Fireworks
from fireworks.types import (
    dataset_create_params,
    dataset_get_upload_endpoint_params,
    dpo_job_create_params,
    supervised_fine_tuning_job_create_params,
)
from pydantic import TypeAdapter

from reconciler.model import Job, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest, LocalFile
from reconciler.providers.fireworks import datasets, fields, wire
from reconciler.providers.fireworks.adapter import FireworksProvider
from tests.providers.fireworks_bench import (
    DATASETS,
    DPO,
    GONE,
    KEY,
    MODELS,
    SFT,
    Bench,
    bench,
    dpo,
    sent,
    sft,
    spec,
)
from tests.providers.loopback import Answering, Heard, Reply, route, script

SUPERVISED: TypeAdapter[Any] = TypeAdapter(
    supervised_fine_tuning_job_create_params.SupervisedFineTuningJobCreateParams
)
PREFERENCE: TypeAdapter[Any] = TypeAdapter(dpo_job_create_params.DpoJobCreateParams)
DATASET: TypeAdapter[Any] = TypeAdapter(dataset_create_params.DatasetCreateParams)
ENDPOINT: TypeAdapter[Any] = TypeAdapter(
    dataset_get_upload_endpoint_params.DatasetGetUploadEndpointParams
)

AHEAD = ("lrScheduler", "purpose")
"""Fields of Fireworks' REST description 5.10.0 that this version of its SDK does not have yet."""

INTEGRATIONS = ({"type": "wandb", "wandb": {"project": "p", "entity": "e"}},)
SECTION = {
    "learning_rate": 1e-4,
    "learning_rate_warmup_steps": 10,
    "lora_rank": 16,
    "max_context_length": 8192,
    "optimizer_weight_decay": 0.01,
    "sampler_checkpoint_save_interval_steps": 100,
    "region": "US_IOWA_1",
    "display_name": "Support",
    "renderer_hugging_face_repo_id": "Qwen/Qwen3-8B",
    "use_reservation": True,
    "reservation_target": "accounts/acme/reservations/r",
    "aws_s3_config": {"credentials_secret": "accounts/acme/secrets/s", "iam_role_arn": "arn:x"},
    "azure_blob_storage_config": {
        "credentials_secret": "accounts/acme/secrets/s",
        "managed_identity_client_id": "u",
        "tenant_id": "t",
    },
}
ONLY_SUPERVISED = {
    "eval_auto_carveout": True,
    "is_turbo": True,
    "lr_scheduler": {"cosine": {"min_lr_ratio": 0.1, "decay_ratio": 0.8}},
    "purpose": "pilot",
}
LOSS = {"method": "DPO", "dpo": {"ref_cache_concurrency": 4, "ref_cache_batch_size": 8}}
SPECS: dict[str, JobSpec] = {
    "nothing but the data": spec(),
    "everything a supervised job can say": spec(
        suffix="support",
        hyperparameters={"n_epochs": 3, "batch_size": 32},
        integrations=INTEGRATIONS,
        section={**SECTION, **ONLY_SUPERVISED},
    ),
    "a dpo job": spec(method="dpo"),
    "everything a dpo job can say": spec(
        method="dpo",
        suffix="support",
        hyperparameters={"n_epochs": 1, "batch_size": 4, "beta": 0.1},
        integrations=INTEGRATIONS,
        section={**SECTION, "loss_config": LOSS},
    ),
    "another loss": spec(method="dpo", section={"loss_config": {"method": "ORPO"}}),
}


def snake(value: Any) -> Any:
    """A body with its keys as the SDK's callers write them."""
    match value:
        case Mapping():
            return {re.sub("([A-Z])", r"_\1", k).lower(): snake(v) for k, v in value.items()}
        case list():
            return [snake(item) for item in value]
        case _:
            return value


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
    if isinstance(value, dict):
        for key, item in value.items():
            if item is None:
                yield key
            yield from nulls(item)


def known(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without the fields that the SDK is behind with."""
    return {key: value for key, value in body.items() if key not in AHEAD}


def types_of(made: JobSpec) -> TypeAdapter[Any]:
    return PREFERENCE if made.method == "dpo" else SUPERVISED


def create(made: JobSpec, model: str = "qwen3-8b") -> CreateRequest:
    validation = "v" if made.method == "supervised" else None
    return CreateRequest(spec=made, base_model=model, training="d", validation=validation)


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    empty = Reply(200, {})
    table: dict[str, Reply | Answering] = {
        f"POST {SFT}": Reply(200, sft("t")),
        f"POST {DPO}": Reply(200, dpo("t")),
        f"GET {SFT}": empty,
        f"GET {DPO}": empty,
        f"GET {SFT}/t": Reply(200, sft("t")),
        f"GET {DPO}/t": Reply(200, dpo("t")),
        f"POST {SFT}/t:cancel": empty,
        f"POST {DPO}/t:cancel": empty,
        f"GET {SFT}/p": Reply(200, sft("p", "PAUSED")),
        f"POST {SFT}/p:resume": empty,
        f"GET {DPO}/t:getMetricsFileEndpoint": empty,
        f"GET {MODELS}/m": Reply(200, {"kind": "HF_PEFT_ADDON"}),
        "GET /v1/accounts": Reply(200, {"accounts": [{"name": "accounts/acme"}]}),
    }
    with bench(route(table)) as made:
        yield made


@pytest.fixture(scope="module")
def sdk(server: Bench) -> Iterator[Fireworks]:
    with Fireworks(
        base_url=server.server.url, api_key=KEY, account_id="acme", max_retries=0
    ) as client:
        yield client


def heard(server: Bench, call: Callable[[], object]) -> list[Heard]:
    """The requests that a call sends."""
    before = len(server.server.heard)
    call()
    return server.server.heard[before:]


@pytest.mark.parametrize("made", SPECS.values(), ids=list(SPECS))
def test_a_body_is_one_the_sdk_knows(server: Bench, made: JobSpec) -> None:
    (request,) = heard(server, lambda: server.provider.create(create(made)))
    body = snake(known(request.json))
    assert plain(types_of(made).validate_python(body)) == body
    assert not list(nulls(request.json))


def test_what_the_sdk_is_behind_with_has_the_form_that_is_described() -> None:
    body = wire.create_body(create(SPECS["everything a supervised job can say"]), "acme")
    assert {key: body[key] for key in AHEAD} == {
        "lrScheduler": {"cosine": {"minLrRatio": 0.1, "decayRatio": 0.8}},
        "purpose": "PURPOSE_PILOT",
    }


def test_the_check_would_see_a_key_that_the_sdk_does_not_know() -> None:
    for types in (SUPERVISED, PREFERENCE):
        assert types.validate_python({"dataset": "d", "seed": 1}) != {"dataset": "d", "seed": 1}
    nested = {"dataset": "d", "training_config": {"seed": 1}}
    assert PREFERENCE.validate_python(nested) != nested


def test_every_field_of_a_spec_is_tried_here() -> None:
    tried = {*SECTION, *ONLY_SUPERVISED, fields.LOSS, fields.WANDB_KEY}
    assert tried == fields.KNOWN


@pytest.mark.parametrize("made", SPECS.values(), ids=list(SPECS))
def test_a_create_is_the_sdks(server: Bench, sdk: Fireworks, made: JobSpec) -> None:
    (ours,) = heard(server, lambda: server.provider.create(create(made)))
    arguments = snake(known(ours.json))
    jobs: Any = sdk.dpo_jobs if made.method == "dpo" else sdk.supervised_fine_tuning_jobs
    id_ = "dpo_job_id" if made.method == "dpo" else "supervised_fine_tuning_job_id"
    (theirs,) = heard(server, lambda: jobs.create(**arguments, **{id_: made.token}))
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert known(ours.json) == theirs.json
    for header in ("content-type", "authorization"):
        assert ours.headers[header] == theirs.headers[header]


SFT_NAME = "accounts/acme/supervisedFineTuningJobs/t"
PAUSED_NAME = "accounts/acme/supervisedFineTuningJobs/p"
DPO_NAME = "accounts/acme/dpoJobs/t"
ORDER = {"page_size": 200, "order_by": "create_time desc"}
CURVE = Job(id=DPO_NAME, status=JobStatus.RUNNING, provider_status="", stamp="t")
OPERATIONS: dict[str, tuple[Callable[[FireworksProvider], object], Callable[[Any], object]]] = {
    "get": (
        lambda ours: ours.get(SFT_NAME),
        lambda sdk: sdk.supervised_fine_tuning_jobs.get("t"),
    ),
    "get a dpo job": (lambda ours: ours.get(DPO_NAME), lambda sdk: sdk.dpo_jobs.get("t")),
    "find": (
        lambda ours: ours.find("t"),
        lambda sdk: (sdk.supervised_fine_tuning_jobs.get("t"), sdk.dpo_jobs.get("t")),
    ),
    "list": (
        lambda ours: list(ours.list()),
        lambda sdk: (
            list(sdk.supervised_fine_tuning_jobs.list(**ORDER)),
            list(sdk.dpo_jobs.list(**ORDER)),
        ),
    ),
    "cancel": (
        lambda ours: ours.cancel(SFT_NAME),
        lambda sdk: (
            sdk.supervised_fine_tuning_jobs.get("t"),
            sdk.supervised_fine_tuning_jobs.cancel("t", body={}),
            sdk.supervised_fine_tuning_jobs.get("t"),
        ),
    ),
    "cancel a dpo job": (
        lambda ours: ours.cancel(DPO_NAME),
        lambda sdk: (
            sdk.dpo_jobs.get("t"),
            sdk.dpo_jobs.cancel("t", body={}),
            sdk.dpo_jobs.get("t"),
        ),
    ),
    "resume": (
        lambda ours: ours.resume(PAUSED_NAME),
        lambda sdk: (
            sdk.supervised_fine_tuning_jobs.get("p"),
            sdk.supervised_fine_tuning_jobs.resume("p", body={}),
            sdk.supervised_fine_tuning_jobs.get("p"),
        ),
    ),
    "metrics": (
        lambda ours: ours.metrics(CURVE),
        lambda sdk: sdk.dpo_jobs.get_metrics_file_endpoint("t"),
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_is_the_sdks(server: Bench, sdk: Fireworks, operation: str) -> None:
    ours, theirs = OPERATIONS[operation]
    requests = heard(server, lambda: ours(server.provider))
    expected = heard(server, lambda: theirs(sdk))
    assert [(h.method, h.path, h.query, h.body) for h in requests] == [
        (h.method, h.path, h.query, h.body) for h in expected
    ]
    assert requests[0].headers["authorization"] == expected[0].headers["authorization"]


def test_a_model_is_looked_at_as_the_sdk_looks_at_it(server: Bench, sdk: Fireworks) -> None:
    request = create(spec(), model="accounts/acme/models/m")
    looked, made = heard(server, lambda: server.provider.create(request))
    (expected,) = heard(server, lambda: sdk.models.get("m"))
    assert (looked.method, looked.target) == (expected.method, expected.target)
    body = snake(made.json)
    assert plain(SUPERVISED.validate_python(body)) == body
    assert "warm_start_from" in body


def test_accounts_are_listed_as_the_sdk_lists_them(server: Bench, sdk: Fireworks) -> None:
    (expected,) = heard(server, lambda: list(sdk.accounts.list()))
    with bench(
        script(Reply(200, {"accounts": [{"name": "accounts/acme"}]})), account_id=None
    ) as at:
        assert at.provider.scope.endswith("/acme")
    assert at.server.heard[0].target == expected.target


class TestUpload:
    CONTENT = b'{"messages": []}\r\n--boundary\r\n' * 3

    @pytest.fixture
    def file(self, tmp_path: Path) -> LocalFile:
        sha256 = hashlib.sha256(self.CONTENT).hexdigest()
        path = tmp_path / f"{datasets.dataset_id(sha256)}.jsonl"
        path.write_bytes(self.CONTENT)
        return LocalFile(path=path, sha256=sha256, size=len(self.CONTENT))

    def server(self, file: LocalFile) -> tuple[Answering, str]:
        """A server that stores one dataset; and the dataset's id."""
        id_ = datasets.dataset_id(file.sha256)
        shown = {"name": f"accounts/acme/datasets/{id_}", "state": "READY"}
        signed = {f"{id_}.jsonl": "to be told"}

        def answer(heard: Heard) -> Reply:
            signed[f"{id_}.jsonl"] = f"http://{heard.headers['host']}/bucket/x?sig=1"
            table: dict[str, Reply | Answering] = {
                f"GET {DATASETS}/{id_}": looks,
                f"POST {DATASETS}": Reply(200, shown),
                f"POST {DATASETS}/{id_}:upload": Reply(200, {}),
                f"POST {DATASETS}/{id_}:getUploadEndpoint": Reply(
                    200, {"filenameToSignedUrls": signed}
                ),
                "PUT /bucket/x": Reply(200),
                f"POST {DATASETS}/{id_}:validateUpload": Reply(200, {}),
            }
            return route(table)(heard)

        looks = script(GONE, GONE, Reply(200, shown))
        return answer, id_

    def test_a_small_file_goes_up_as_the_sdk_sends_it(self, file: LocalFile) -> None:
        answer, id_ = self.server(file)
        with bench(answer) as at:
            at.provider.upload(file)
            made, filled = sent(at.server.heard)
            with Fireworks(
                base_url=at.server.url, api_key=KEY, account_id="acme", max_retries=0
            ) as sdk:
                body = snake(made.json)
                (expected,) = heard(at, lambda: sdk.datasets.create(**body))
                (uploaded,) = heard(at, lambda: sdk.datasets.upload(id_, file=file.path))
                (looked,) = heard(at, lambda: sdk.datasets.get(id_))
        assert plain(DATASET.validate_python(body)) == body
        assert (made.target, made.json) == (expected.target, expected.json)
        assert (filled.target, filled.form) == (uploaded.target, uploaded.form)
        assert looked.target == at.server.heard[0].target

    def test_a_large_file_is_announced_as_the_sdk_announces_it(
        self, file: LocalFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(datasets, "MAX_DIRECT", 1)
        answer, id_ = self.server(file)
        with bench(answer) as at:
            at.provider.upload(file)
            _, asked, validated = sent(at.server.heard)
            with Fireworks(
                base_url=at.server.url, api_key=KEY, account_id="acme", max_retries=0
            ) as sdk:
                sizes = {f"{id_}.jsonl": str(file.size)}
                (endpoint,) = heard(
                    at, lambda: sdk.datasets.get_upload_endpoint(id_, filename_to_size=sizes)
                )
                (checked,) = heard(at, lambda: sdk.datasets.validate_upload(id_, body={}))
        assert ENDPOINT.validate_python({"filename_to_size": sizes}) == {"filename_to_size": sizes}
        assert (asked.target, asked.json) == (endpoint.target, endpoint.json)
        assert (validated.target, validated.json) == (checked.target, checked.json)
