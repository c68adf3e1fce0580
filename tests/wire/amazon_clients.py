"""boto3 clients of a running sandbox, as anybody would make them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]  # AWS ships no types
from botocore.config import Config  # type: ignore[import-untyped]  # as above


@contextlib.contextmanager
def client(
    service: str, endpoint: str, *, access_key: str = "test", attempts: int = 1
) -> Iterator[Any]:
    """A client that makes so many attempts."""
    config = Config(
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": attempts, "mode": "standard"},
        proxies={},
    )
    made = boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key="test",
        config=config,
    )
    try:
        yield made
    finally:
        made.close()


def code(error: Any) -> tuple[str, int]:
    """The code and status of botocore's error."""
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
