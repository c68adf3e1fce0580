"""Our limits are the service model's: nothing that AWS takes is refused, nothing else passes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.bedrock import limits, s3_uri
from reconciler.providers.bedrock.limits import Limit
from tests.fakes import make_spec
from tests.providers.bedrock_bench import model

SHAPES: dict[str, Limit] = {
    "JobName": limits.JOB_NAME,
    "CustomModelName": limits.MODEL_NAME,
    "IdempotencyToken": limits.REQUEST_TOKEN,
    "RoleArn": limits.ROLE,
    "BaseModelIdentifier": limits.MODEL,
    "TeacherModelIdentifier": limits.TEACHER,
    "KmsKeyId": limits.KMS_KEY,
    "LambdaArn": limits.LAMBDA,
    "TagKey": limits.TAG_KEY,
    "TagValue": limits.TAG_VALUE,
    "RequestMetadataMapKeyString": limits.FILTER_KEY,
    "RequestMetadataMapValueString": limits.FILTER_VALUE,
    "SubnetId": limits.SUBNET,
    "SecurityGroupId": limits.SECURITY_GROUP,
    "S3Uri": limits.S3_URI,
}
ID = "1" * 12
HARD = [
    "",
    "a",
    "-a",
    "a-",
    "a--b",
    "a_b",
    "a__b",
    "a.b",
    "a b",
    "ä",
    "a\n",
    "a$b",
    "support-bot-0123456789abcdef",
    "x" * 63,
    "x" * 64,
    "x" * 257,
    "amazon.nova-micro-v1:0",
    "amazon.nova-micro-v1:0:128k",
    "anthropic.claude-3-haiku-20240307-v1:0:200k",
    "meta.llama3-1-8b-instruct-v1:0:128k",
    "Amazon.Nova",
    "a.b.c",
    "a.b.c.d",
    "a.b:c:d:e",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
    f"arn:aws:bedrock:us-east-1:{ID}:custom-model/amazon.nova-micro-v1:0.x/abcdefghijkl",
    f"arn:aws:bedrock:us-east-1:{ID}:custom-model/amazon.nova-micro-v1:0:128k/abcdefghijkl",
    f"arn:aws:bedrock:us-east-1:{ID}:custom-model/short/abc",
    f"arn:aws:bedrock:us-east-1:{ID}:inference-profile/us.amazon.nova-pro-v1:0",
    "arn:aws:bedrock:us-east-1:somename",
    f"arn:aws:iam::{ID}:role/service/bedrock",
    "arn:aws:iam:::role/x",
    "arn:aws-us-gov:iam::role/x",
    f"arn:aws:iam::{ID}:user/x",
    f"arn:aws:kms:us-east-1:{ID}:key/{'a' * 36}",
    f"arn:aws:kms:us-east-1:{ID}:alias/fine/tuning",
    "b" * 36,
    "alias/fine-tuning",
    "alias/",
    f"arn:aws:lambda:us-east-1:{ID}:function:grade",
    f"arn:aws:lambda:us-gov-west-1:{ID}:function:grade:$LATEST",
    f"arn:aws:lambda:us-east-1:{ID}:function:grade:live",
    f"arn:aws:lambda:us-east-1:{ID}:layer:grade",
    "team: support@example.com / 2026+x=1",
    "subnet-0a1b2c3d",
    "s3://bucket",
    "s3://bucket/",
    "s3://bucket/key.jsonl",
    "s3://bucket/a/b/c.jsonl",
    "s3://bucket/a//c.jsonl",
    "s3://bucket/a/",
    "s3://bucket/a//",
    "s3://bucket//",
    "s3://bucket/dt=2026/x.jsonl",
    "s3://bucket/a b.jsonl",
    "s3://bucket/a%20b.jsonl",
    "s3://bucket/a_b-c!*'().jsonl",
    "s3://Bucket/key",
    "s3://bu/key",
    "s3://-bucket/key",
    "s3://" + "b" * 63 + "/key",
    "s3://" + "b" * 64 + "/key",
    "s3://bucket/" + "k" * 1012,
    "s3://bucket/" + "k" * 1013,
    "https://bucket.s3.amazonaws.com/key",
]


def theirs(shape: str, text: str) -> bool:
    """Whether the service model takes a text. Its patterns are meant for the whole of it."""
    limit = THEIRS[shape]
    fits = limit.metadata.get("min", 0) <= len(text) <= limit.metadata.get("max", 10**9)
    pattern = limit.metadata["pattern"].replace("$)", ")")
    return fits and re.fullmatch(pattern, text, re.ASCII) is not None


_MODEL = model()
THEIRS: dict[str, Any] = {shape: _MODEL.shape_for(shape) for shape in SHAPES}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_limit_is_as_long_as_the_models(shape: str) -> None:
    assert SHAPES[shape].longest == THEIRS[shape].metadata.get("max")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_limit_takes_what_the_model_takes(shape: str) -> None:
    limit = SHAPES[shape]
    for text in [text for text in HARD if text]:  # an empty one is none: it is left out
        assert (limit.complaint(text) is None) == theirs(shape, text), text


@pytest.mark.parametrize("shape", ["CustomModelName", "IdempotencyToken", "S3Uri", "TagKey"])
@given(text=st.text(alphabet="ab0-_./ :=é\n", min_size=1, max_size=12))
def test_a_limit_takes_what_the_model_takes_of_anything(shape: str, text: str) -> None:
    text = f"s3://bucket/{text}" if shape == "S3Uri" else text
    assert (SHAPES[shape].complaint(text) is None) == theirs(shape, text)


def test_a_job_name_that_does_not_fit_is_told_at_once() -> None:
    """The model's own pattern takes exponential time here, and this test would not end."""
    assert limits.JOB_NAME.complaint("a" + "-" * 60 + "_")


@pytest.mark.parametrize("name", ["a", "support-bot", "a" * 40, "a1-b2-c3"])
def test_every_token_is_a_job_name_and_a_request_token(name: str) -> None:
    token = make_spec(name).token
    assert limits.JOB_NAME.complaint(token) is None
    assert limits.REQUEST_TOKEN.complaint(token) is None


@pytest.mark.parametrize("text", [text for text in HARD if text.startswith("s3://")])
def test_a_uri_has_a_fault_exactly_where_the_model_refuses_it(text: str) -> None:
    assert (s3_uri.fault(text) is None) == theirs("S3Uri", text)


@pytest.mark.parametrize(
    ("uri", "message", "hint"),
    [
        ("file-abc", "'file-abc' is not an S3 URI", "s3://BUCKET/KEY for data that is there"),
        ("s3%3A%2F%2Fbucket%2Fkey", "is not an S3 URI", "not URL-encoded: s3://bucket/key"),
        ("S3://bucket/key", "is not an S3 URI", "s3://bucket/key"),
        ("s3://Bucket/key", "'Bucket' is not the name of a bucket", "lower-case letters"),
        ("s3://bucket/dt=2026/x", "holds '=', which Bedrock does not take", "copy the data"),
        ("s3://bucket/a b", "holds ' ', which Bedrock does not take", "copy the data"),
        ("s3://bucket/a//b", "a folder without a name (//)", "one / between"),
        ("s3://bucket//b", "a folder without a name (//)", "one / between"),
        ("s3://bucket/" + "k" * 1013, "has 1025 characters", "as s3://"),
    ],
)
def test_a_fault_of_a_uri_says_what_and_what_instead(uri: str, message: str, hint: str) -> None:
    fault = s3_uri.fault(uri)
    assert fault is not None
    assert message in fault.message
    assert hint in fault.hint
    assert len(fault.message) < 200


def test_a_complaint_shows_a_long_text_in_part() -> None:
    complaint = limits.MODEL_NAME.complaint("x" * 300)
    assert complaint is not None
    assert "300 characters, and a custom model's name has 1 to 63" in complaint
    assert len(complaint) < 160
    assert limits.TEACHER.complaint("") == "'' has 0 characters, and a teacher model has at least 1"


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://b-1/a/c.jsonl", "b-1", "a/c.jsonl"),
        ("s3://b-1/a/", "b-1", "a/"),
        ("s3://b-1", "b-1", ""),
    ],
)
def test_a_uri_is_taken_apart(uri: str, bucket: str, key: str) -> None:
    assert s3_uri.place(uri) == s3_uri.Place(bucket=bucket, key=key)


def test_what_is_no_uri_has_no_place() -> None:
    with pytest.raises(ValueError, match="file-1"):
        s3_uri.place("file-1")
