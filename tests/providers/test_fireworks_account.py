"""Whose jobs they are is known before anything is asked for, or asked for once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reconciler.config import FireworksSettings
from reconciler.errors import (
    ConfigError,
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.providers.base import CreateRequest
from reconciler.providers.fireworks.account import account
from reconciler.providers.fireworks.adapter import FireworksProvider
from tests.providers.fireworks_bench import ENVIRONMENT, GONE, KEY, WANDB, bench, grpc, sent, spec
from tests.providers.loopback import DROP, Answering, Heard, Reply, script

ACCOUNTS = "GET /v1/accounts"


def accounts(*ids: str, **more: Any) -> Reply:
    return Reply(200, {"accounts": [{"name": f"accounts/{id_}"} for id_ in ids], **more})


def opening(reply: Reply) -> Answering:
    """A server with a list of accounts and no jobs."""

    def answer(heard: Heard) -> Reply:
        return reply if heard.path == "/v1/accounts" else GONE

    return answer


def test_an_account_that_is_set_is_not_asked_for() -> None:
    with bench(script(GONE), account_id="my-team") as at:
        assert at.provider.find("t-0123456789abcdef") == ()
    assert at.server.requests() == [
        "GET /v1/accounts/my-team/supervisedFineTuningJobs/t-0123456789abcdef",
        "GET /v1/accounts/my-team/dpoJobs/t-0123456789abcdef",
    ]


def test_the_keys_own_account_is_asked_for_once() -> None:
    with bench(opening(accounts("acme")), account_id=None) as at:
        assert at.server.requests() == []
        with ThreadPoolExecutor(max_workers=4) as pool:
            assert set(pool.map(lambda _: at.provider.scope, range(8))) == {
                "http://127.0.0.1/v1/accounts/acme"
            }
        assert at.provider.find("t") == ()
    assert at.server.requests().count(ACCOUNTS) == 1


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (accounts("acme", "beta"), "acme, beta"),
        (accounts("acme", nextPageToken="x"), "acme"),
        (accounts(), "none"),
        (Reply(200, {}), "none"),
        (Reply(200, {"accounts": [{"name": None}, "x"]}), "none"),
        (accounts(".."), ".."),
    ],
)
def test_a_key_that_does_not_open_exactly_one_account_has_to_be_told_which(
    reply: Reply, shown: str
) -> None:
    with (
        bench(opening(reply), account_id=None) as at,
        pytest.raises(ConfigError, match=f"FIREWORKS_API_KEY opens {shown}: ") as caught,
    ):
        at.provider.find("t")
    assert caught.value.hint == "set providers.fireworks.account_id"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (GONE, ProviderUnavailable),
        (grpc(412, 9, "suspended"), ProviderUnavailable),
        (grpc(503, 14), ProviderUnavailable),
        (DROP, ProviderUnavailable),
        (grpc(401, 16), ProviderAuthError),
        (grpc(403, 7), ProviderAuthError),
    ],
)
def test_an_account_that_cannot_be_asked_for_is_asked_for_again(
    reply: Reply, kind: type[Exception]
) -> None:
    with bench(opening(reply), account_id=None) as at:
        with pytest.raises(kind):
            at.provider.find("t")
        at.server.answer = opening(accounts("acme"))
        assert at.provider.find("t") == ()


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (GONE, Remedy.RETRY_NOW),
        (grpc(401, 16), Remedy.FIX_ACCOUNT),
        (accounts("a", "b"), Remedy.FIX_ACCOUNT),
    ],
)
def test_nothing_is_created_in_an_account_that_is_not_known(reply: Reply, remedy: Remedy) -> None:
    request = CreateRequest(spec=spec(), base_model="m", training="d")
    with bench(opening(reply), account_id=None) as at, pytest.raises(CreateRejected) as caught:
        at.provider.create(request)
    assert caught.value.remedy is remedy
    assert not sent(at.server.heard)


CALLS: list[Callable[[FireworksProvider], object]] = [
    lambda provider: provider.scope,
    lambda provider: provider.find("t"),
    lambda provider: provider.get("t"),
    lambda provider: list(provider.list()),
    lambda provider: provider.cancel("t"),
    lambda provider: provider.create(CreateRequest(spec=spec(), base_model="m", training="d")),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_request_names_an_account_that_is_none(call: Callable[[Any], object]) -> None:
    with bench(opening(Reply(200, {})), account_id=None) as at:
        with pytest.raises((ConfigError, CreateRejected, CreateOutcomeUnknown)):
            call(at.provider)
        assert set(at.server.requests()) == {ACCOUNTS}


def made(**settings: Any) -> FireworksProvider:
    values = {"name": "fireworks", "account_id": "acme", **settings}
    return FireworksProvider(
        account(FireworksSettings(**values), ENVIRONMENT, KEY), sleep=lambda _: None
    )


@pytest.mark.parametrize(
    ("base_url", "scope"),
    [
        ("https://api.fireworks.ai", "https://api.fireworks.ai/v1/accounts/acme"),
        ("https://api.fireworks.ai/", "https://api.fireworks.ai/v1/accounts/acme"),
        ("https://h:8443/fw", "https://h:8443/fw/v1/accounts/acme"),
        ("http://127.0.0.1:4567", "http://127.0.0.1/v1/accounts/acme"),
        ("http://[::1]:4567", "http://[::1]/v1/accounts/acme"),
    ],
)
def test_a_scope_is_server_and_account(base_url: str, scope: str) -> None:
    assert made(base_url=base_url).scope == scope


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": "http://example.org"}, "base_url: http://example.org would carry the key"),
        ({"base_url": "api.fireworks.ai"}, "base_url: this is no web address"),
        ({"base_url": "https://api.fireworks.ai/inference/v1"}, "base_url ends in /v1"),
        ({"base_url": "https://u:pw@h"}, "base_url: "),
        ({"account_id": "accounts/acme"}, "account_id is no account: accounts/acme"),
        ({"account_id": ""}, "account_id is no account"),
        ({"account_id": ".."}, "account_id is no account"),
    ],
)
def test_settings_that_make_no_request_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**settings)
    assert f"providers.fireworks.{message}" in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_an_account_shows_no_secret() -> None:
    shown = repr(account(FireworksSettings(name="fireworks"), ENVIRONMENT, KEY))
    assert KEY not in shown
    assert WANDB not in shown


def test_the_provider_is_called_what_its_settings_call_it() -> None:
    provider = made(name="team-fireworks")
    assert provider.name == "team-fireworks"
    provider.close()
