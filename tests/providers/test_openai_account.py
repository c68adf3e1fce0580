"""Whose jobs they are, what the adapter says of itself, and that no key is ever said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.providers.openai.adapter import OpenAIProvider
from tests.providers.loopback import DROP, KEY, Reply, bench, complaints, script
from tests.providers.openai_jobs import ENDED, MODEL, REQUEST, TOKEN


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        ({}, "http://127.0.0.1/v1"),
        ({"organization": "org-1", "project": "p 1"}, "?organization=org-1&project=p+1"),
        ({"headers": {"x-key": "${env:GATEWAY}"}, "query": {"k": "${env:GATEWAY}"}}, "/v1"),
    ],
)
def test_the_scope_is_the_account_and_no_secret(settings: dict[str, Any], scope: str) -> None:
    with bench(script(DROP), **settings) as at:
        assert at.provider.scope.endswith(scope)
        assert at.provider.scope.startswith("http://127.0.0.1/v1")
        assert "gateway-secret" not in at.provider.scope


def test_what_the_provider_says_of_itself() -> None:
    with bench(script(DROP), creation_grace=7.0) as at:
        assert (at.provider.name, at.provider.grace, at.provider.lists_stamps) == (
            "openai",
            7.0,
            True,
        )
    with bench(script(DROP), stamp="suffix") as at:
        assert at.provider.lists_stamps is False


CALLS: tuple[Callable[[OpenAIProvider], object], ...] = (
    lambda provider: provider.find(TOKEN),
    lambda provider: provider.get("ftjob-1"),
    lambda provider: tuple(provider.list()),
    lambda provider: provider.create(REQUEST),
    lambda provider: provider.cancel("ftjob-1"),
    lambda provider: provider.pause("ftjob-1"),
    lambda provider: provider.resume("ftjob-1"),
    lambda provider: provider.delete_model(MODEL),
    lambda provider: tuple(provider.events("ftjob-1")),
    lambda provider: provider.checkpoints("ftjob-1"),
    lambda provider: provider.metrics(ENDED),
    lambda provider: provider.files.content("file-1"),
    lambda provider: provider.files.delete("file-1"),
)
SECRETS = (KEY, "gateway-secret-77")
ECHO = json.dumps({"error": {"message": f"bad {KEY}", "code": KEY, "param": KEY}})


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(400, ECHO.encode(), {"x-request-id": KEY}), id="refused"),
        pytest.param(Reply(401, ECHO.encode()), id="refused key"),
        pytest.param(Reply(503, f"gateway-secret-77 and {KEY}".encode()), id="out of order"),
        pytest.param(Reply(302, b"", {"Location": f"http://h/?k={KEY}"}), id="redirected"),
        pytest.param(Reply(200, KEY.encode()), id="not understood"),
        pytest.param(Reply(raw=f"HTTP/1.1 200 OK\r\n{KEY}\x00\r\n\r\n".encode()), id="no HTTP"),
        pytest.param(DROP, id="lost"),
    ],
)
def test_a_key_is_never_said(reply: Reply) -> None:
    settings = {"headers": {"x-key": "${env:GATEWAY}"}, "query": {"k": "${env:GATEWAY}"}}
    with bench(script(reply), **settings) as at:
        said = complaints(at.provider, CALLS)
        said += f"{at.provider!r} {vars(at.provider)}"
    assert "openai" in said
    assert not [secret for secret in SECRETS if secret in said]
