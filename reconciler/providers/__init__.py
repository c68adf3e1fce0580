"""The registry: which adapter speaks to which provider. The only place that names them.

`engine` connects through it, `specs` checks through it. Adapters are imported when they are needed
and not before: importing this module costs nothing, checking a spec imports rules and no HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, assert_never

from reconciler.config import BedrockSettings, FireworksSettings, OpenAISettings
from reconciler.errors import ConfigError

if TYPE_CHECKING:
    from reconciler.config import ProviderSettings
    from reconciler.model import JobSpec
    from reconciler.providers.base import Provider, Violation


def connect(
    settings: ProviderSettings,
    environment: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Provider:
    """The adapter for an account; nothing is called yet. The caller closes it.

    `environment` holds the key and what `${env:NAME}` names. `sleep` waits between two tries of a
    read. Raises ConfigError where the key is missing or no request could be made.
    """
    match settings:
        case OpenAISettings():
            from reconciler.providers.openai.account import account
            from reconciler.providers.openai.adapter import OpenAIProvider

            key = _key(settings, environment)
            return OpenAIProvider(account(settings, environment, key), sleep=sleep)
        case FireworksSettings():
            from reconciler.providers.fireworks.account import account as fireworks_account
            from reconciler.providers.fireworks.adapter import FireworksProvider

            key = _key(settings, environment)
            return FireworksProvider(fireworks_account(settings, environment, key), sleep=sleep)
        case BedrockSettings():
            from reconciler.providers.bedrock.adapter import BedrockProvider

            return BedrockProvider(settings, environment, sleep=sleep)
        case _:
            assert_never(settings)


def check(spec: JobSpec, settings: ProviderSettings) -> list[Violation]:
    """The provider's rules that this spec breaks, found without calling anyone."""
    match settings:
        case OpenAISettings():
            from reconciler.providers.openai import rules as openai

            return openai.check(spec, settings)
        case FireworksSettings():
            from reconciler.providers.fireworks import rules as fireworks

            return fireworks.check(spec, settings)
        case BedrockSettings():
            from reconciler.providers.bedrock import rules as bedrock

            return bedrock.check(spec, settings)
        case _:
            assert_never(settings)


def conversion(spec: JobSpec, settings: ProviderSettings) -> str:
    """What happens to the spec's data on its way up: a name of `datasets.conversion`, or ""."""
    if not isinstance(settings, BedrockSettings):
        return ""
    from reconciler.providers.bedrock import rules

    return rules.conversion(spec, settings)


def reserves_words(spec: JobSpec, settings: ProviderSettings) -> bool:
    """Whether the job would fail for the words that Amazon Nova keeps for itself."""
    if not isinstance(settings, BedrockSettings):
        return False
    from reconciler.providers.bedrock import rules

    return rules.reserves_words(spec)


def unready(spec: JobSpec, settings: ProviderSettings) -> Violation | None:
    """What reconciler.yaml lacks for this spec, which is no mistake of the spec's."""
    if not isinstance(settings, BedrockSettings):
        return None
    from reconciler.providers.bedrock import rules

    return rules.unready(spec, settings)


def translation(spec: JobSpec, settings: ProviderSettings) -> tuple[str, ...]:
    """What becomes of the spec's portable words at this provider, in lines for the plan."""
    match settings:
        case OpenAISettings():
            return ()  # they are OpenAI's own
        case FireworksSettings():
            from reconciler.providers.fireworks.translation import translation as fireworks

            return fireworks(spec)
        case BedrockSettings():
            from reconciler.providers.bedrock.translation import translation as bedrock

            return bedrock(spec, settings)
        case _:
            assert_never(settings)


def _key(settings: OpenAISettings | FireworksSettings, environment: Mapping[str, str]) -> str:
    variable = settings.api_key_env
    key = environment.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"provider {settings.name} needs a key: the environment variable {variable} is"
            f" {'empty' if variable in environment else 'not set'}",
            hint=f"export {variable}=…, or try it without one: reconcile --sandbox",
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(
            f"the environment variable {variable} for provider {settings.name} holds characters"
            " that no key has",
            hint="a line break or a quotation mark copied along?",
        )
    return key
