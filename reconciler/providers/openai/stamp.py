"""The stamp: how a job at an OpenAI-shaped server carries the token of the spec it was made for.

`wire` puts it on a create and reads it off a job, `rules` keeps its place free. Pure. There are two
ways, chosen by `stamp` in reconciler.yaml: two keys of the job's metadata, or, for servers that
drop metadata, the token's hash at the end of the suffix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reconciler.config import OpenAISettings
from reconciler.identity import TOKEN_HASH_LENGTH
from reconciler.model import JobSpec
from reconciler.providers.base import SOURCE_KEY

TOKEN_KEY = "reconciler-token"  # noqa: S105 - the token is a public name, not a secret
OUR_KEYS = (TOKEN_KEY, SOURCE_KEY)

_PINNED = ("model", "training_file", "validation_file")
"""Fields of a create that no extra body may touch: they are what the spec's token stands for."""

MAX_METADATA = 16  # pairs; OpenAI's OpenAPI description, 2026-08, in prose
MAX_KEY = 64
MAX_VALUE = 512

_MAX_SUFFIX = 64  # OpenAI's OpenAPI description, 2026-08: maxLength of `suffix`
_MAX_SUFFIX_AZURE = 40  # Azure OpenAI's REST reference; of letters, digits, - and _
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
_OPENAI_HOST = re.compile(r"([a-z]+\.)?api\.openai\.com")
_STAMPED = re.compile(rf"-([0-9a-f]{{{TOKEN_HASH_LENGTH}}})$")
_MODEL_PARTS = 5  # ft:base:organisation:suffix:id


def is_openai(settings: OpenAISettings) -> bool:
    """Whether the server is OpenAI's own, in any of its regions."""
    return bool(_OPENAI_HOST.fullmatch(_host(settings)))


def is_azure(settings: OpenAISettings) -> bool:
    """Whether the server is Azure's: by its name, or by the header it wants its key in."""
    return settings.auth == "api-key" or _host(settings).endswith(_AZURE_HOSTS)


def in_suffix(settings: OpenAISettings) -> bool:
    """Whether the stamp goes in the suffix rather than in metadata."""
    return settings.stamp == "suffix"


def pinned(settings: OpenAISettings) -> tuple[str, ...]:
    """The fields of a create that no extra body may touch at this server."""
    return (*_PINNED, "suffix") if in_suffix(settings) else _PINNED


def suffix_room(settings: OpenAISettings) -> int:
    """Characters of the suffix that are left to the user."""
    limit = _MAX_SUFFIX_AZURE if is_azure(settings) else _MAX_SUFFIX
    return limit - TOKEN_HASH_LENGTH - 1 if in_suffix(settings) else limit


def suffix(spec: JobSpec, settings: OpenAISettings) -> str | None:
    """The suffix to send: the user's own, or with the stamp at its end.

    A spec without a suffix is given its name where the stamp needs one, cut to the room there is.
    """
    if not in_suffix(settings):
        return spec.suffix
    words = (spec.suffix or spec.name)[: suffix_room(settings)].rstrip("-")
    return f"{words}-{short(spec.token)}"


def metadata(spec: JobSpec, settings: OpenAISettings) -> dict[str, str]:
    """The metadata to send: the user's, with our two keys where they carry the stamp."""
    if in_suffix(settings):
        return dict(spec.metadata)
    source = f"{spec.namespace}/{spec.name}"
    if spec.source.commit:
        source += f"@{spec.source.commit}"
    return {**spec.metadata, TOKEN_KEY: spec.token, SOURCE_KEY: source[:MAX_VALUE]}


def short(token: str) -> str:
    """The part of a token that a suffix has room for: its hash."""
    return token[-TOKEN_HASH_LENGTH:]


def read(job: Mapping[str, Any]) -> str | None:
    """The stamp on a job as the server shows it: the token, its hash, or None if there is none."""
    written = job.get("metadata")
    token = written.get(TOKEN_KEY) if isinstance(written, Mapping) else None
    if isinstance(token, str) and token:
        return token
    for text in _suffixes(job):
        stamped = _STAMPED.search(text)
        if stamped:
            return stamped.group(1)
    return None


def shows_suffix(job: Mapping[str, Any]) -> bool:
    """Whether a job without a stamp shows enough to say that its suffix carries none.

    A key with null says that there is no suffix; a missing key says nothing.
    """
    return any(key in job for key in _SUFFIX_KEYS) or _model_suffix(job) is not None


def shows_metadata(job: Mapping[str, Any]) -> bool:
    """Whether the server shows a job's metadata, be it empty."""
    return "metadata" in job


_SUFFIX_KEYS = ("user_provided_suffix", "suffix")


def _suffixes(job: Mapping[str, Any]) -> list[str]:
    """Every text of a job that ends in its suffix, the plainest first."""
    shown = [job.get(key) for key in _SUFFIX_KEYS]
    model = job.get("fine_tuned_model")
    shown += [_model_suffix(job), model]
    return [text for text in shown if isinstance(text, str)]


def _model_suffix(job: Mapping[str, Any]) -> str | None:
    """The fourth part of `ft:base:organisation:suffix:id`; a base can be a model of that form."""
    model = job.get("fine_tuned_model")
    parts = model.split(":") if isinstance(model, str) else []
    return parts[-2] if len(parts) >= _MODEL_PARTS and parts[0] == "ft" else None


def _host(settings: OpenAISettings) -> str:
    return urlsplit(settings.base_url).hostname or ""
