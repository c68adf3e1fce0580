"""What the tests of the Bedrock adapter share: a scripted server, moto's, specs, and jobs shown.

The scripted one says byte by byte what AWS's servers say, for what moto gets wrong or cannot do.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from reconciler.config import BedrockSettings
from reconciler.model import Dataset, Job, JobSpec, JobStatus
from reconciler.providers.base import CreateRequest
from reconciler.providers.bedrock.adapter import BedrockProvider
from tests.fakes import make_spec
from tests.providers.loopback import Answering, Heard, Loopback, Reply, _Handler, _Server

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bedrock-customization"
BUCKET = "training-data"
NOVA = "amazon.nova-micro-v1:0"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0:200k"
TITAN = "amazon.titan-text-express-v1:0:8k"
LLAMA = "meta.llama3-1-8b-instruct-v1:0:128k"
JOBS = "/model-customization-jobs"

SETTINGS = BedrockSettings(name="bedrock", region="us-east-1", role_arn=ROLE, bucket=BUCKET)

S3 = Dataset(reference=f"s3://{BUCKET}/train.jsonl")
LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:grade"
RFT = {
    "customization_type": "REINFORCEMENT_FINE_TUNING",
    "rft": {"grader_lambda_arn": LAMBDA},
}
DISTILLATION = {
    "customization_type": "DISTILLATION",
    "distillation": {"teacher_model": "amazon.nova-pro-v1:0"},
}
CPT = {"customization_type": "CONTINUED_PRE_TRAINING"}


def local(**fields: Any) -> Dataset:
    """Local data; chat, and enough of it."""
    values = {"path": "data/x.jsonl", "sha256": "ab" * 32, "examples": 200, "format": "chat"}
    return Dataset(**{**values, **fields})


def make(name: str = "support-bot", **fields: Any) -> JobSpec:
    """A complete spec for Bedrock, its data local unless told otherwise."""
    values: dict[str, Any] = {
        "provider": "bedrock",
        "provider_type": "bedrock",
        "model": NOVA,
        "training": Dataset(
            path="data/train.jsonl",
            sha256="ab" * 32,
            size=10,
            examples=200,
            format="chat",
            present=True,
        ),
    }
    return make_spec(name, **{**values, **fields})


def request(spec: JobSpec, model: str | None = None) -> CreateRequest:
    """A create of this spec, its data in S3."""
    return CreateRequest(
        spec=spec,
        base_model=model or spec.model or NOVA,
        training=f"s3://{BUCKET}/finetune/{'ab' * 32}.jsonl",
        validation=f"s3://{BUCKET}/finetune/{'cd' * 32}.jsonl" if spec.validation else None,
    )


def arn(id_: str = "a1b2c3d4e5f6", model: str = "amazon.nova-micro-v1:0:128k") -> str:
    """The ARN of a job, as AWS writes them."""
    return f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-customization-job/{model}/{id_}"


def shown(token: str, status: str = "InProgress", **fields: Any) -> dict[str, Any]:
    """A job on the wire, as GetModelCustomizationJob answers. A field of None is left out."""
    job = {
        "jobArn": arn(),
        "jobName": token,
        "clientRequestToken": token,
        "outputModelName": "support-bot-0123456789abcdef",
        "roleArn": ROLE,
        "status": status,
        "creationTime": "2026-11-01T10:00:00Z",
        "baseModelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
        "hyperParameters": {"epochCount": "2"},
        "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/finetune/train.jsonl"},
        "validationDataConfig": {"validators": []},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/finetune/output/"},
        **fields,
    }
    return {key: value for key, value in job.items() if value is not None}


def refused(status: int, code: str, message: str = "no", **headers: str) -> Reply:
    """An error in the shape of AWS's REST services."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(status, {"message": message}, {"x-amzn-errortype": f"{code}:http://x/", **named})


SPEC = make(suffix="support")
TOKEN = SPEC.token
REQUEST = request(SPEC)
NOT_FOUND = refused(404, "ResourceNotFoundException", "The provided job does not exist.")
MINE = Reply(200, shown(TOKEN))
FOREIGN = Reply(200, shown(TOKEN, clientRequestToken="another-hand"))
CREATED = Reply(201, {"jobArn": arn()})
BUSY = refused(503, "ServiceUnavailable", "try later")
MODEL = (
    "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/a1b2c3d4e5f6"
)
DONE = Job(
    id=arn(),
    status=JobStatus.SUCCEEDED,
    provider_status="Completed",
    result_files=("s3://training-data/out/model-customization-job-a1b2c3d4e5f6/",),
)


@dataclass
class Bench:
    """A server, an adapter that speaks to it, and the waits the adapter asked for."""

    server: Loopback
    provider: BedrockProvider
    naps: list[float]

    def heard(self, method: str) -> list[Heard]:
        """What was asked by this method."""
        return [heard for heard in self.server.heard if heard.method == method]


@contextmanager
def bench(answer: Answering, **settings: Any) -> Iterator[Bench]:
    """An adapter at a scripted server, which is both Bedrock and S3."""
    naps: list[float] = []
    with loopback(answer) as server:
        values = {"endpoint_url": server.url, "s3_endpoint_url": server.url, **settings}
        provider = BedrockProvider(replace(SETTINGS, **values), ENVIRONMENT, sleep=naps.append)
        try:
            yield Bench(server=server, provider=provider, naps=naps)
        finally:
            provider.close()


def serve(at: Bench, post: Reply | Answering, get: Reply = NOT_FOUND) -> Bench:
    """Answer creates and looks."""

    def answer(heard: Heard) -> Reply:
        if heard.method == "GET":
            return get
        return post if isinstance(post, Reply) else post(heard)

    at.server.answer = answer
    return at


@contextmanager
def loopback(answer: Answering) -> Iterator[Loopback]:
    """Serve until the context ends, S3's methods too."""
    server = _Server(("127.0.0.1", 0), _AnyMethod)
    server.state = Loopback(url=f"http://127.0.0.1:{server.server_port}", answer=answer)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _AnyMethod(_Handler):
    do_PUT = _Handler._any  # noqa: N815 - the base finds methods by these names
    do_HEAD = _Handler._any  # noqa: N815 - as above


@dataclass
class Moto:
    """moto's server, and its memory."""

    url: str

    def adapter(self, naps: list[float] | None = None, **settings: Any) -> BedrockProvider:
        """An adapter at it. The caller closes it."""
        values = {"endpoint_url": self.url, "s3_endpoint_url": self.url, **settings}
        sleep = (naps if naps is not None else []).append
        return BedrockProvider(replace(SETTINGS, **values), ENVIRONMENT, sleep=sleep)

    def poke(self, name: str, **fields: Any) -> None:
        """Set a job's fields: moto's jobs stay InProgress for ever."""
        from moto.bedrock.models import bedrock_backends

        job = bedrock_backends["123456789012"]["us-east-1"].model_customization_jobs[name]
        for field_, value in fields.items():
            setattr(job, field_, value)

    def client(self, service: str) -> Any:
        """boto3's own client of it. The caller closes it."""
        import boto3  # type: ignore[import-untyped]  # it has no types

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )

    def put(self, key: str, content: bytes) -> None:
        """Leave an object in the bucket."""
        client = self.client("s3")
        try:
            client.put_object(Bucket=BUCKET, Key=key, Body=content)
        finally:
            client.close()


@contextmanager
def moto_server() -> Iterator[Moto]:
    """moto on loopback, with the bucket in it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        moto = Moto(url=f"http://{host}:{port}")
        client = moto.client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield moto
    finally:
        server.stop()


def errors(body: Mapping[str, Any], operation: str = "CreateModelCustomizationJob") -> str:
    """What botocore's own validation says of a request; "" for nothing."""
    from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # it has no types

    report = ParamValidator().validate(body, model().operation_model(operation).input_shape)
    return str(report.generate_report())


@cache
def model() -> Any:
    """The service model that boto3 speaks by."""
    from botocore.loaders import Loader  # type: ignore[import-untyped]  # it has no types
    from botocore.model import ServiceModel  # type: ignore[import-untyped]  # as above

    return ServiceModel(Loader().load_service_model("bedrock", "service-2"), "bedrock")
