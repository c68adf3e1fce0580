"""The providers as the process tests know them: a line each in ACCOUNTS.

What was paid for is counted in the sandbox's own store of jobs, whatever anybody was told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPEC = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata: {{name: {name}}}
spec:
  provider: {provider}
  model: {model}
  training_file: ./train.jsonl
  suffix: {name}
"""

CONFIG = """\
apiVersion: finetuning.reconciler/v1
kind: Config
providers:
  openai: {type: openai, creation_grace: 1s}
  bedrock:
    type: bedrock
    region: us-east-1
    bucket: sandbox
    role_arn: arn:aws:iam::123456789012:role/tune
  fireworks: {type: fireworks, account_id: sandbox}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`jobs` is where the sandbox keeps a job each, `name` what a job says it was made for."""

    provider: str
    model: str
    jobs: str
    name: Callable[[Mapping[str, Any]], str]

    def __str__(self) -> str:
        return self.provider

    def spec(self, name: str) -> str:
        """A spec of that name for this provider."""
        return SPEC.format(name=name, provider=self.provider, model=self.model)

    def paid(self, data_dir: Path) -> Counter[str]:
        """How many jobs exist, by the name of the spec they were made for."""
        records = (json.loads(path.read_bytes()) for path in data_dir.glob(self.jobs))
        return Counter(self.name(record) for record in records)


ACCOUNTS = (
    Account(
        provider="openai",
        model="gpt-4.1-mini-2025-04-14",
        jobs="openai/jobs/*.json",
        name=lambda record: str(record["request"]["suffix"]),
    ),
    Account(
        provider="bedrock",
        model="amazon.nova-micro-v1:0:128k",
        jobs="bedrock/*/jobs/*.json",
        name=lambda record: _without_hash(record["name"]),
    ),
    Account(
        provider="fireworks",
        model="qwen3-8b",
        jobs="fireworks/supervisedFineTuningJobs/*.json",
        name=lambda record: _without_hash(record["id"]),
    ),
)


def environment(url: str) -> dict[str, str]:
    """What the adapters, and the vendor's SDK, find their server and a key in."""
    return {
        "OPENAI_API_KEY": "sk-test-0123456789abcdefghij",
        "OPENAI_BASE_URL": f"{url}/v1",
        "FIREWORKS_API_KEY": "fw_test0123456789",
        "FIREWORKS_BASE_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_BEDROCK": url,
        "AWS_ENDPOINT_URL_S3": f"{url}/s3",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _without_hash(token: str) -> str:
    return token.rpartition("-")[0]
