"""What the tests of Bedrock and S3 share: signed requests by hand, refusals, data of every form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import httpx

from tests.sandbox.workbench import Api, jsonl

BUCKET = "data-bucket"
NOVA = "amazon.nova-micro-v1:0:128k"
TITAN = "amazon.titan-text-lite-v1:0:4k"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"
LLAMA = "meta.llama3-2-1b-instruct-v1:0:128k"
ROLE = "arn:aws:iam::000000000000:role/training"
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def signed(service: str, *, region: str = "us-east-1", key: str = "test") -> dict[str, str]:
    """The header of a signed request; nobody verifies the signature itself."""
    scope = f"{key}/20261123/{region}/{service}/aws4_request"
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, "
        f"SignedHeaders=host;x-amz-date, Signature={'a' * 64}"
    }


def s3(
    api: Api, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
) -> httpx.Response:
    """A request to S3; the path begins behind /s3/."""
    return api.http.request(
        method, f"{api.url}/s3/{path}", headers={**signed("s3"), **(headers or {})}, **options
    )


def put(api: Api, key: str, content: bytes, **headers: str) -> httpx.Response:
    """Put an object into the bucket; `if_match="x"` is the header If-Match."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return s3(api, "PUT", f"{BUCKET}/{key}", headers=named, content=content)


def s3_error(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a reply that must be S3's error."""
    root = ET.fromstring(reply.text)
    assert reply.headers["content-type"].startswith("application/xml")
    assert (root.tag, bool(root.findtext("Message"))) == ("Error", True)
    return reply.status_code, root.findtext("Code", "")


def xml(reply: httpx.Response) -> ET.Element:
    """The document of a reply that must be good."""
    assert reply.status_code == 200, reply.text
    return ET.fromstring(reply.text)


def objects(api: Api) -> list[str]:
    """The keys of everything in the bucket."""
    listed = xml(s3(api, "GET", f"{BUCKET}?list-type=2"))
    return [item.text or "" for item in listed.iter(f"{NAMESPACE}Key")]


def bedrock(
    api: Api,
    method: str,
    path: str,
    body: Any = None,
    *,
    region: str = "us-east-1",
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """A request to Bedrock."""
    content = None if body is None else json.dumps(body).encode()
    signature = signed("bedrock", region=region)
    return api.http.request(
        method, f"{api.url}/{path}", headers={**signature, **(headers or {})}, content=content
    )


def bedrock_error(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, exception and message of a reply that must be Bedrock's error."""
    name, _, origin = reply.headers["x-amzn-errortype"].partition(":")
    assert origin.startswith("http://internal.amazon.com/coral/")
    assert list(reply.json()) == ["message"]
    return reply.status_code, name, reply.json()["message"]


def good(reply: httpx.Response) -> Any:
    """The JSON of a reply that must be good."""
    assert reply.status_code in (200, 201), reply.text
    return reply.json()


def request_body(name: str = "job-1", **changes: Any) -> dict[str, Any]:
    """A sound create on the training data that `upload` makes; None takes a field away."""
    body = {
        "jobName": name,
        "customModelName": f"model-{name}",
        "roleArn": ROLE,
        "baseModelIdentifier": NOVA,
        "clientRequestToken": f"token-{name}",
        "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/train.jsonl"},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/out/"},
        **changes,
    }
    return {field: value for field, value in body.items() if value is not None}


def upload(api: Api, examples: Sequence[Any], key: str = "train.jsonl") -> None:
    """Put training data where `request_body` looks for it."""
    assert put(api, key, jsonl(examples)).status_code == 200


def create(api: Api, name: str = "job-1", **changes: Any) -> str:
    """A job on sound data of Nova's form; its ARN."""
    upload(api, [conversation()] * 20)
    return create_on_uploaded(api, name, **changes)


def create_on_uploaded(api: Api, name: str = "job-1", **changes: Any) -> str:
    """A job on data that has been uploaded already; its ARN."""
    reply = bedrock(api, "POST", "model-customization-jobs", request_body(name, **changes))
    assert reply.status_code == 201, reply.text
    arn: str = reply.json()["jobArn"]
    return arn


def job(api: Api, identifier: str) -> Any:
    """GetModelCustomizationJob's reply."""
    return good(bedrock(api, "GET", f"model-customization-jobs/{escaped(identifier)}"))


def escaped(identifier: str) -> str:
    """An identifier as one segment of a path."""
    return identifier.replace(":", "%3A").replace("/", "%2F")


def conversation(question: str = "How much?", answer: str = "Nothing.") -> dict[str, Any]:
    return {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [
            {"role": "user", "content": [{"text": question}]},
            {"role": "assistant", "content": [{"text": answer}]},
        ],
    }


def claude(question: str = "How much?", answer: str = "Nothing.") -> dict[str, Any]:
    return {
        "system": "Be short.",
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
    }


def pair() -> dict[str, Any]:
    return {"prompt": "How much?", "completion": "Nothing."}
