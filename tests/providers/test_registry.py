"""The registry: an adapter for settings, found late, and a key that is missing said plainly."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from reconciler import providers
from reconciler.config import OpenAISettings
from reconciler.errors import ConfigError

KEY = "sk-proj-Zm9vYmFyYmF6cXV4"


def connect(environment: dict[str, str] | None = None, **settings: Any) -> str:
    values = {"name": "openai", **settings}
    provider = providers.connect(
        OpenAISettings(**values), {"OPENAI_API_KEY": KEY} if environment is None else environment
    )
    provider.close()
    return provider.name


def test_an_adapter_for_settings() -> None:
    assert connect() == "openai"
    assert connect({"AZURE_KEY": f"{KEY}\n"}, name="azure", api_key_env="AZURE_KEY") == "azure"


@pytest.mark.parametrize(
    ("environment", "state"),
    [({}, "not set"), ({"OPENAI_API_KEY": ""}, "empty"), ({"OPENAI_API_KEY": " \n"}, "empty")],
)
def test_a_missing_key_is_named(environment: dict[str, str], state: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(environment)
    assert str(caught.value) == (
        f"provider openai needs a key: the environment variable OPENAI_API_KEY is {state}"
        " (export OPENAI_API_KEY=…, or try it without one: reconcile --sandbox)"
    )


@pytest.mark.parametrize("key", ["“sk-quoted”", "sk-a\nb", "sk a"])
def test_a_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect({"OPENAI_API_KEY": key})
    assert "OPENAI_API_KEY" in str(caught.value)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": "https://user:pw@h/v1"}, "base_url holds a user name or password"),
        ({"base_url": "ftp://h/v1"}, "base_url is no URL of a server: ftp://h/v1"),
        ({"base_url": "api.openai.com/v1"}, "base_url is no URL of a server"),
        ({"base_url": "https://h:port/v1"}, "base_url is no URL"),
        ({"base_url": "https://[::1/v1"}, "base_url is no URL"),
        ({"base_url": "http://example.org/v1"}, "base_url would send the key unencrypted"),
        ({"base_url": "https://h/v1?api-version=1"}, "base_url ends in ?api-version=1"),
        ({"headers": {"Host": "h"}}, "headers may not set Host"),
        ({"headers": {"x": "a\nb"}}, "headers.x holds characters that no header can have"),
        ({"extra_body": {"model": "m"}}, "extra_body may not set model"),
        ({"extra_body": {"suffix": "s"}, "stamp": "suffix"}, "extra_body may not set suffix"),
        (
            {"extra_body": {"metadata": {"reconciler-token": "t"}}},
            "extra_body.metadata may not set reconciler-token",
        ),
    ],
)
def test_settings_that_make_no_request_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(**settings)
    assert f"providers.openai.{message}" in str(caught.value)
    assert "pw@" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://127.0.0.2:1", "http://[::1]:1"])
def test_loopback_needs_no_encryption(url: str) -> None:
    assert connect(base_url=url) == "openai"


def test_importing_the_registry_imports_no_adapter() -> None:
    code = (
        "import sys, reconciler.providers\n"
        "heavy = ('httpx', 'tenacity', 'anyio', 'ssl', 'json')\n"
        "print([m for m in sys.modules if m in heavy or m.startswith('reconciler.providers.')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
