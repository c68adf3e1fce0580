"""What Bedrock's service model allows a text to be, and how to say that one is not.

`rules` checks with it before anything is called, because boto3 does not: it looks at required
fields and types, and lets a name of 64 characters or an impossible ARN through. Pure. The patterns
are those of the service model `bedrock` of 2023-04-20 (as of 2026-11), rewritten where the
original takes exponential time on a text that does not fit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One kind of text. `words` say what it must look like, `example` shows one."""

    kind: str
    pattern: re.Pattern[str]
    longest: int | None
    words: str
    example: str = ""
    shortest: int = 1

    def complaint(self, text: str) -> str | None:
        """What is wrong with a text, as a sentence; None if nothing is."""
        if len(text) < self.shortest or (self.longest is not None and len(text) > self.longest):
            room = f"at least {self.shortest}"
            if self.longest is not None:
                room = f"{self.shortest} to {self.longest}"
            return f"{shown(text)} has {len(text)} characters, and {self.kind} has {room}"
        if not self.pattern.fullmatch(text):
            return f"{shown(text)} is not {self.kind}: {self.words}"
        return None


def shown(text: str) -> str:
    """A text in quotation marks, cut where it is too long to read."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def _limit(
    kind: str, pattern: str, longest: int | None, words: str, example: str = "", shortest: int = 1
) -> Limit:
    return Limit(
        kind=kind,
        pattern=re.compile(pattern, re.ASCII),
        longest=longest,
        words=words,
        example=example,
        shortest=shortest,
    )


_ID = r"[a-z0-9-]{1,63}[.][a-z0-9-]{1,63}"
_VERSIONS = r"(:[a-z0-9-]{1,63}){0,2}"
_DOTTED = rf"{_ID}[.]?[a-z0-9-]{{1,63}}{_VERSIONS}"
_NAME = r"[0-9a-zA-Z]([_-]?[0-9a-zA-Z])*[_-]?"
_REGION = r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}"
_TAG = r"[a-zA-Z0-9\s._:/=+@-]*"
_FILTER = r"[a-zA-Z0-9\s._:/=+$@-]*"

JOB_NAME = _limit(
    "a job's name",
    r"[a-zA-Z0-9][a-zA-Z0-9+.-]*",
    63,
    "letters, digits, +, - and ., beginning with a letter or digit",
)
MODEL_NAME = _limit(
    "a custom model's name",
    _NAME,
    63,
    "letters and digits, with single - or _ between them",
)
REQUEST_TOKEN = _limit(
    "a request token",
    r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?",
    256,
    "letters, digits and -, neither beginning nor ending with -",
)
ROLE = _limit(
    "the ARN of an IAM role",
    r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+",
    2048,
    "it begins with arn:aws:iam::, the account's 12 digits and :role/",
    "arn:aws:iam::111122223333:role/bedrock-customization",
)
MODEL = _limit(
    "a model that Bedrock can customize",
    rf"{_REGION}:([0-9]{{12}}:custom-model/{_DOTTED}/[a-z0-9]{{12}}|:foundation-model/{_ID}{_VERSIONS})"
    rf"|{_DOTTED}|{_NAME}",
    2048,
    "the id or ARN of a base model, or the ARN or name of a custom one",
    "amazon.nova-micro-v1:0",
)
TEACHER = _limit(
    "a teacher model",
    rf"{_REGION}:(:foundation-model/{_DOTTED}|{_NAME}|[0-9]{{12}}:inference-profile/[a-zA-Z0-9:.-]+)"
    rf"|{_DOTTED}",
    None,
    "the id or ARN of a base model, or the ARN of an inference profile",
    "amazon.nova-pro-v1:0",
)
KMS_KEY = _limit(
    "a KMS key",
    r"(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:(key/[a-zA-Z0-9-]{36}|alias/[a-zA-Z0-9/_-]+))"
    r"|[a-zA-Z0-9-]{36}|alias/[a-zA-Z0-9/_-]+",
    2048,
    "a key's id, its ARN, or an alias",
    "alias/fine-tuning",
)
LAMBDA = _limit(
    "the ARN of a Lambda function",
    r"arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}(-gov)?-[a-z]+-\d:\d{12}:function:[a-zA-Z0-9_.-]+"
    r"(:(\$LATEST|[a-zA-Z0-9_-]+))?",
    512,
    "it begins with arn:aws:lambda:, the region, the account and :function:",
    "arn:aws:lambda:us-east-1:111122223333:function:grade-answers",
)
TAG_KEY = _limit("a tag's key", _TAG, 128, "letters, digits, spaces and . _ : / = + @ -")
TAG_VALUE = _limit(
    "a tag's value", _TAG, 256, "letters, digits, spaces and . _ : / = + @ -", shortest=0
)
FILTER_KEY = _limit(
    "a key of request metadata", _FILTER, 256, "letters, digits, spaces and . _ : / = + $ @ -"
)
FILTER_VALUE = _limit(
    "a value of request metadata",
    _FILTER,
    256,
    "letters, digits, spaces and . _ : / = + $ @ -",
    shortest=0,
)
SUBNET = _limit("a subnet's id", r"[-0-9a-zA-Z]+", 32, "letters, digits and -")
SECURITY_GROUP = _limit("a security group's id", r"[-0-9a-zA-Z]+", 32, "letters, digits and -")
S3_URI = _limit(
    "an S3 URI that Bedrock takes",
    r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](/[-!_*'().a-zA-Z0-9]+)*/?",
    1024,
    "s3://BUCKET/KEY, with keys of letters, digits and - ! _ * ' ( ) . /",
    "s3://my-bucket/finetune/train.jsonl",
)

MAX_TAGS = 200
MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5
MAX_VALIDATORS = 10
MAX_FILTERS = 16
