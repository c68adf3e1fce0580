"""Which token a job carries, read off whatever of the job a server shows."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.config import OpenAISettings
from reconciler.providers.openai import stamp

HASH = "0123456789abcdef"
TOKEN = f"support-bot-{HASH}"


@pytest.mark.parametrize(
    ("job", "carried"),
    [
        pytest.param({"metadata": {"reconciler-token": TOKEN}}, TOKEN, id="metadata"),
        pytest.param(
            {"metadata": {"reconciler-token": TOKEN}, "user_provided_suffix": "x-" + "f" * 16},
            TOKEN,
            id="metadata before the suffix",
        ),
        pytest.param({"user_provided_suffix": TOKEN}, HASH, id="the suffix OpenAI shows"),
        pytest.param({"suffix": TOKEN}, HASH, id="the suffix others show"),
        pytest.param(
            {"fine_tuned_model": f"ft:gpt-4.1:org:{TOKEN}:8chars00"}, HASH, id="the model's name"
        ),
        pytest.param(
            {"fine_tuned_model": f"ft:gpt-4.1:org:{TOKEN}:8chars00", "suffix": None},
            HASH,
            id="the model's name where the suffix is null",
        ),
        pytest.param({"fine_tuned_model": f"my-{TOKEN}"}, HASH, id="a model named otherwise"),
        pytest.param({"metadata": {"reconciler-token": 7}}, None, id="a token that is none"),
        pytest.param({"metadata": None}, None, id="no metadata"),
        pytest.param({"suffix": "support"}, None, id="a suffix of the user's own"),
        pytest.param({"suffix": f"x{HASH}"}, None, id="no hyphen before the hash"),
        pytest.param({"suffix": "x-0123456789ABCDEF"}, None, id="capitals"),
        pytest.param({"fine_tuned_model": "ft:gpt-4.1:org::8chars00"}, None, id="an empty suffix"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_stamp_is_read(job: dict[str, Any], carried: str | None) -> None:
    assert stamp.read(job) == carried


@pytest.mark.parametrize(
    ("job", "shows"),
    [
        ({"user_provided_suffix": None}, True),
        ({"suffix": "support"}, True),
        ({"fine_tuned_model": "ft:gpt-4.1:org::8chars00"}, True),
        ({"fine_tuned_model": "ft:ft:gpt:org:a:b:org:support:8chars00"}, True),
        ({"fine_tuned_model": "some-model"}, False),
        ({"fine_tuned_model": None}, False),
        ({}, False),
    ],
)
def test_whether_a_suffix_would_show(job: dict[str, Any], shows: bool) -> None:
    assert stamp.shows_suffix(job) is shows


@pytest.mark.parametrize(
    ("url", "auth", "openai", "azure"),
    [
        ("https://api.openai.com/v1", "bearer", True, False),
        ("https://eu.api.openai.com/v1", "bearer", True, False),
        ("https://api.openai.com.example.org/v1", "bearer", False, False),
        ("https://r.openai.azure.com/openai/v1", "bearer", False, True),
        ("https://r.services.ai.azure.com/api/projects/p/openai/v1", "bearer", False, True),
        ("https://gateway.example.org/v1", "api-key", False, True),
        ("https://api.tokenfactory.nebius.com/v1/", "bearer", False, False),
    ],
)
def test_whose_server_it_is(url: str, auth: str, openai: bool, azure: bool) -> None:
    settings = OpenAISettings(name="p", base_url=url, auth=auth)
    assert (stamp.is_openai(settings), stamp.is_azure(settings)) == (openai, azure)
