"""The settings as values: what a repository can choose, with its defaults.

`config.load` fills them in and everyone below `engine` is handed them. No behaviour, and no secret:
only the names of the variables that hold one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.cost import BaseModel
from reconciler.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAISettings:
    """A server that speaks OpenAI's fine-tuning API. Header and body values may say `${env:NAME}`.

    `creation_grace` is in seconds: how long a job may be missing from the list after its create.
    """

    name: str
    base_url: str = "https://api.openai.com/v1"
    api_key_env: str = "OPENAI_API_KEY"
    organization: str | None = None
    project: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    auth: str = "bearer"
    stamp: str = "metadata"
    creation_grace: float = 120.0
    type: str = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockSettings:
    """Bedrock in one region of one AWS account. What is None, boto3 finds by its own rules.

    Local data goes to `s3://BUCKET/PREFIX/`. `endpoint_url` and `s3_endpoint_url` are for servers
    that speak AWS's protocols without being AWS.
    """

    name: str
    region: str | None = None
    role_arn: str | None = None
    bucket: str | None = None
    prefix: str = "finetune"
    endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    type: str = "bedrock"


@dataclass(frozen=True, slots=True, kw_only=True)
class FireworksSettings:
    """One Fireworks account. `account_id` None: the key's own account is asked for."""

    name: str
    account_id: str | None = None
    base_url: str = "https://api.fireworks.ai"
    api_key_env: str = "FIREWORKS_API_KEY"
    type: str = "fireworks"


ProviderSettings = OpenAISettings | BedrockSettings | FireworksSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStateSettings:
    """State in a file of the repository. `path` is relative to its root."""

    path: str = ".reconciler/state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3StateSettings:
    """State in an object that several runners share. What is None, boto3 finds by its own rules."""

    bucket: str
    key: str
    region: str | None = None
    endpoint_url: str | None = None


StateSettings = FileStateSettings | S3StateSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that is the repository's choice and not a spec's.

    `models` are its own rows for the table of base models, which beat the built-in ones.
    """

    root: Path
    namespace: str = "default"
    specs: tuple[str, ...] = ("specs",)
    state: StateSettings = field(default_factory=FileStateSettings)
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    models: tuple[BaseModel, ...] = ()
