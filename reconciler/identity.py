"""Identity: what makes two jobs the same job.

`specs` calls it once per spec; nobody else computes a digest or a token. Pure. A change in here
renames every job ever created, which makes every spec train again: the golden test
`tests/test_identity.py` holds the values of version 1 for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.model import Dataset, JobSpec

TOKEN_HASH_LENGTH = 16
"""Hex characters of the hash in a token: 64 bits, so that a name needs 2^32 versions to collide."""

PERMISSIONS = frozenset(
    {
        "accept_shutdown",
        "display_name",
        "job_tags",
        "kms_key_id",
        "model_tags",
        "output_s3_uri",
        "reservation_target",
        "role_arn",
        "use_reservation",
        "vpc",
        "wandb_api_key_env",
    }
)
"""Fields of a provider's section that steer a create and decide nothing about the model."""


def canonical_json(value: Any) -> bytes:
    """One spelling per value: sorted keys, no spaces, UTF-8; 3.0 is 3. NaN raises ValueError."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def identity(spec: JobSpec, upstream_token: str | None = None) -> dict[str, Any]:
    """The document that decides the trained model, defaults left out.

    An omitted value and "auto" are the same thing, as are the older top-level hyperparameters and
    `method.supervised`. Paths, labels, source and everything that only steers us (suspend, retry,
    deletion_policy) are absent. `upstream_token` stands for the model of a spec named by
    `model_from`, so that what that spec trains is part of what this one trains.
    """
    document = {
        "provider": spec.provider,
        "model": {"from": upstream_token} if spec.model_from else spec.model,
        "method": spec.method,
        "hyperparameters": _decided(spec.hyperparameters),
        "method_options": dict(spec.method_options),
        "training": _content(spec.training),
        "validation": _content(spec.validation) if spec.validation else None,
        "suffix": spec.suffix,
        "seed": spec.seed,
        "integrations": list(spec.integrations),
        "metadata": dict(spec.metadata),
        "section": {k: v for k, v in spec.section.items() if k not in PERMISSIONS},
        "conversion": spec.conversion or None,
        "attempt": spec.attempt or None,
        "retry": spec.retry or None,
    }
    return {key: value for key, value in document.items() if value not in (None, {}, [])}


def digest(document: Mapping[str, Any]) -> str:
    """sha256 of an identity document, in hex."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


def token(namespace: str, name: str, digest_: str) -> str:
    """`<name>-<16 hex>`: at most 57 characters of `[a-z0-9-]`, beginning with a letter.

    Legal as a Bedrock job name, a Fireworks job id and an OpenAI metadata value.
    """
    key = canonical_json([namespace, name, digest_])
    return f"{name}-{hashlib.sha256(key).hexdigest()[:TOKEN_HASH_LENGTH]}"


def root_name(spec: JobSpec) -> str:
    """The name in a spec's tokens: the first it ever had, so that a new name is no new job."""
    return spec.previous_names[-1] if spec.previous_names else spec.name


def _content(dataset: Dataset) -> dict[str, str]:
    """What a dataset is, wherever it lies: its bytes, or the provider's own name for them."""
    if dataset.sha256:
        return {"sha256": dataset.sha256}
    return {"reference": dataset.reference or ""}


def _decided(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in hyperparameters.items() if value not in (None, "auto")}


def _plain(value: Any) -> Any:
    """JSON types only, with whole floats as integers: YAML's `3` and `3.0` are one number."""
    match value:
        case str() | int() | None:
            return value
        case float():
            return int(value) if value.is_integer() else value
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
