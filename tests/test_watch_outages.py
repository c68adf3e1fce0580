"""Providers that do not answer: rested, shown, asked again, and never in the way of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.errors import (
    ConfigError,
    CreateOutcomeUnknown,
    CreateRejected,
    ProviderAuthError,
    ProviderUnavailable,
    Remedy,
)
from reconciler.providers.base import CreateRequest, LocalFile, Provider
from reconciler.watch import Outages
from tests.fakes import NOW, Clock, FakeProvider, make_spec

REQUEST = CreateRequest(spec=make_spec(), base_model="m", training="file-1")


class Account:
    """A provider under watch, that can be made to fail from now on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.fake = FakeProvider(clock=self.clock)
        self.outages = Outages(self.clock)
        self.provider: Provider = self.outages.connected(lambda _: self.fake)("openai")

    def fails(self, error: Exception | None, *operations: str) -> None:
        def fail(operation: str) -> None:
            if error is not None and (not operations or operation in operations):
                raise error

        self.fake.before = fail

    def a_pass(self, *calls: Callable[[], object]) -> None:
        for call in calls:
            try:
                call()
            except (ProviderUnavailable, ProviderAuthError, CreateOutcomeUnknown):
                continue
        self.outages.close_pass()

    def look(self) -> object:
        return self.provider.find("support-bot-1")


@pytest.fixture
def account() -> Account:
    return Account()


def test_who_answers_is_passed_through(account: Account) -> None:
    assert account.provider.name == "openai"
    assert account.provider.scope == "fake"
    assert account.provider.grace == account.fake.grace
    assert account.provider.lists_stamps
    account.a_pass(account.look, lambda: list(account.provider.list()))
    account.provider.create(REQUEST)
    job = account.provider.get("ftjob-1")
    assert job is not None
    assert account.provider.metrics(job) == ()
    assert account.provider.checkpoints(job.id) == ()
    assert list(account.provider.events(job.id)) == []
    account.provider.cancel(job.id)
    account.provider.close()
    assert account.fake.calls[-1] == "close"
    assert account.outages.away == ()
    assert account.outages.next_try is None


@pytest.mark.parametrize("error", [ProviderUnavailable("down"), ProviderAuthError("no such key")])
def test_who_fails_a_whole_pass_is_left_alone_and_answers_with_what_was_heard_last(
    account: Account, error: Exception
) -> None:
    account.fails(error)
    account.a_pass(account.look)
    asked = len(account.fake.calls)
    with pytest.raises(type(error), match=str(error)):
        account.look()
    with pytest.raises(type(error)):
        list(account.provider.list())
    with pytest.raises(type(error)):
        list(account.provider.events("ftjob-1"))
    assert len(account.fake.calls) == asked
    (outage,) = account.outages.away
    assert (outage.provider, outage.failures, outage.message) == ("openai", 1, str(error))
    assert outage.retry_at == account.outages.next_try
    assert NOW + 1.6 <= (outage.retry_at or 0) <= NOW + 2


def test_rests_grow_to_five_minutes_and_an_answer_ends_them(account: Account) -> None:
    account.fails(ProviderUnavailable("down"))
    rests = []
    for _ in range(12):
        account.a_pass(account.look)
        rests.append((account.outages.next_try or 0) - account.clock())
        account.clock.sleep(rests[-1])
    assert rests == sorted(rests[:8]) + rests[8:]
    assert 240 <= max(rests) <= 300
    account.fails(None)
    account.a_pass(account.look)
    assert not account.outages.away
    account.fails(ProviderUnavailable("down"))
    account.a_pass(account.look)
    assert [outage.failures for outage in account.outages.away] == [1]


def test_a_pass_in_which_nothing_was_asked_changes_nothing(account: Account) -> None:
    account.fails(ProviderUnavailable("down"))
    account.a_pass(account.look)
    account.a_pass()
    account.a_pass(account.look)
    assert account.outages.away[0].failures == 1


def test_one_answer_of_many_is_no_outage(account: Account) -> None:
    account.fails(ProviderUnavailable("flaky"), "get")
    account.a_pass(account.look, lambda: account.provider.get("ftjob-1"))
    assert account.outages.away == ()


@pytest.mark.parametrize("error", [CreateOutcomeUnknown("reset"), ProviderUnavailable("500")])
def test_a_create_without_an_answer_rests_though_looking_works(
    account: Account, error: Exception
) -> None:
    account.fails(error, "create")
    account.a_pass(account.look, lambda: account.provider.create(REQUEST))
    (outage,) = account.outages.away
    assert outage.failures == 1
    with pytest.raises(ProviderUnavailable):
        account.look()


def test_an_upload_that_fails_rests_too(account: Account, tmp_path: object) -> None:
    account.fails(ProviderUnavailable("500"), "upload")
    file = LocalFile(path=tmp_path, sha256="ab", size=1)  # type: ignore[arg-type]  # not opened
    account.a_pass(account.look, lambda: account.provider.upload(file))
    assert account.outages.away[0].failures == 1


def refusal(account: Account) -> CreateRejected:
    with pytest.raises(CreateRejected) as caught:
        account.provider.create(REQUEST)
    return caught.value


@pytest.mark.parametrize("remedy", [Remedy.RETRY_NOW, Remedy.FIX_ACCOUNT])
def test_a_create_refused_time_and_again_is_due_ever_later(
    account: Account, remedy: Remedy
) -> None:
    account.fails(CreateRejected("too many", remedy=remedy, code="429"), "create")
    waits = [refusal(account).retry_after for _ in range(10)]
    assert waits[0] is None
    later = [wait for wait in waits[1:] if wait is not None]
    assert len(later) == 9
    assert later[0] > 10
    assert 240 <= later[-1] <= 300
    assert refusal(account).code == "429"


def test_the_provider_may_ask_for_more_time_than_we_would_leave_it(account: Account) -> None:
    error = CreateRejected("too many", remedy=Remedy.RETRY_NOW, retry_after=900)
    account.fails(error, "create")
    assert [refusal(account).retry_after for _ in range(3)] == [900, 900, 900]


@pytest.mark.parametrize("remedy", [Remedy.FIX_SPEC, Remedy.RETRY_LATER])
def test_other_refusals_stay_as_they_are(account: Account, remedy: Remedy) -> None:
    account.fails(CreateRejected("no", remedy=remedy), "create")
    assert [refusal(account).retry_after for _ in range(3)] == [None, None, None]


def test_a_missing_key_stops_only_its_own_provider() -> None:
    clock = Clock()
    outages = Outages(clock)
    fake = FakeProvider(clock=clock, name="fireworks")

    def connect(name: str) -> Provider:
        if name == "openai":
            raise ConfigError("OPENAI_API_KEY is not set", hint="set it, or use --sandbox")
        return fake

    connected = outages.connected(connect)
    openai, fireworks = connected("openai"), connected("fireworks")
    assert fireworks.find("support-bot-1") == ()
    with pytest.raises(ProviderAuthError, match="OPENAI_API_KEY is not set"):
        openai.find("support-bot-1")
    with pytest.raises(ProviderAuthError):
        list(openai.events("ftjob-1"))
    assert (openai.name, openai.scope, openai.grace, openai.lists_stamps) == (
        "openai",
        "",
        0,
        False,
    )
    openai.close()
    outages.close_pass()
    (outage,) = outages.away
    assert (outage.provider, outage.retry_at) == ("openai", None)
    assert outage.hint == "set it, or use --sandbox"
    assert outages.next_try is None
    outages.forget()
    assert outages.away == ()
