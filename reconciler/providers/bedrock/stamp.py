"""The stamp: how a job and its model on Bedrock carry the token of the spec they were made for.

`wire` puts it on a create, `rules` keeps its place free. Pure. A job's name and its request token
are the token; the model's name ends in the token's hash; both carry it as a tag, with its source.
"""

from __future__ import annotations

from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import JobSpec
from reconciler.providers.base import SOURCE_KEY
from reconciler.providers.bedrock.limits import MODEL_NAME, TAG_VALUE

TOKEN_KEY = "reconciler-token"  # noqa: S105 - the token is a public name, not a secret
OUR_KEYS = (TOKEN_KEY, SOURCE_KEY)

SUFFIX_ROOM = (MODEL_NAME.longest or 0) - TOKEN_HASH_LENGTH - 1
"""Characters of a model's name that are left to the suffix."""


def model_name(spec: JobSpec) -> str:
    """The name of the model to be: the suffix, or the spec's name, and the token's hash.

    Bedrock's names are unique in an account, so that every version of a spec needs its own.
    """
    return f"{spec.suffix or spec.name}-{spec.token[-TOKEN_HASH_LENGTH:]}"


def tags(spec: JobSpec) -> dict[str, str]:
    """The two tags that tie a job or a model to its spec."""
    source = f"{spec.namespace}/{spec.name}"
    if spec.source.commit:
        source += f"@{spec.source.commit}"
    return {TOKEN_KEY: spec.token, SOURCE_KEY: source[: TAG_VALUE.longest]}
