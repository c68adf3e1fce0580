"""An address that is a permission is used without our key and told to nobody."""

from __future__ import annotations

import pytest

from reconciler.errors import CreateRejected, ProviderUnavailable, Remedy
from reconciler.providers.answers import Busy, NoAnswer, Refused
from reconciler.providers.signed_url import use
from tests.providers.loopback import DROP, Reply, loopback, script

SECRET = "/bucket/x?X-Goog-Signature=5ig"


def shown(error: BaseException) -> str:
    return f"{error} {error!r} {vars(error)} {error.__cause__}"


def test_an_answer_is_named_after_what_it_is() -> None:
    with loopback(script(Reply(200, b"curve"))) as server:
        answer = use("GET", server.url + SECRET, what="the metrics of t")
    assert (answer.status, answer.content, answer.where) == (200, b"curve", "the metrics of t")
    (heard,) = server.heard
    assert heard.target == SECRET
    assert set(heard.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}


def test_headers_go_along_as_they_are_given() -> None:
    with loopback(script(Reply(200))) as server:
        use(
            "PUT",
            server.url + SECRET,
            what="an upload",
            content=iter([b"a", b"b"]),
            headers={"Content-Length": "2"},
        )
    assert server.heard[0].body == b"ab"
    assert "transfer-encoding" not in server.heard[0].headers


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(403, b"<Error><Code>Expired</Code><S>5ig</S></Error>"), Refused, "403 Expired"),
        (Reply(404, b"5ig"), Refused, "404 Not Found"),
        (Reply(302, headers={"Location": "http://h/?5ig"}), Refused, "302 Found"),
        (Reply(503, b"<Code>5ig not a word</Code>"), Busy, "503 Service Unavailable"),
        (Reply(429), Busy, "429 Too Many Requests"),
        (DROP, NoAnswer, "no answer to the metrics (RemoteProtocolError)"),
        (Reply(raw=b"HTTP/1.1 5ig\r\n\r\n"), NoAnswer, "no answer to the metrics"),
    ],
)
def test_what_goes_wrong_is_said_without_the_address(
    reply: Reply, kind: type[ProviderUnavailable], said: str
) -> None:
    with loopback(script(reply)) as server, pytest.raises(kind) as caught:
        use("GET", server.url + SECRET, what="the metrics")
    assert said in caught.value.message
    assert "5ig" not in shown(caught.value)
    assert "bucket" not in shown(caught.value)
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example/x?sig=5ig",
        "ftp://127.0.0.1/x?sig=5ig",
        "/x?sig=5ig",
        "https://?sig=5ig",
        "http://[::1?sig=5ig",
        "https://h:port/x?sig=5ig",
        "",
    ],
)
def test_an_address_that_data_may_not_go_to_is_not_used(url: str) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        use("PUT", url, what="the upload of x")
    assert "the upload of x" in caught.value.message
    assert "5ig" not in shown(caught.value)


def test_a_server_that_is_not_there_is_known_not_to_have_been_sent_anything() -> None:
    with loopback(script(DROP)) as server:
        gone = server.url
    with pytest.raises(NoAnswer) as caught:
        use("GET", gone + SECRET, what="x")
    assert (caught.value.sent, caught.value.transient) == (False, True)


def test_a_host_that_no_resolver_takes_is_no_answer() -> None:
    with pytest.raises(NoAnswer) as caught:
        use("GET", f"https://{'a' * 64}.example/x?sig=5ig", what="x")
    assert not caught.value.transient
    assert "5ig" not in shown(caught.value)


def test_what_reading_the_content_raises_is_passed_on() -> None:
    def content() -> object:
        yield b"a"
        raise CreateRejected("changed", remedy=Remedy.FIX_SPEC)

    with loopback(script(Reply(200))) as server, pytest.raises(CreateRejected, match="changed"):
        use("PUT", server.url, what="x", content=content(), headers={"Content-Length": "9"})  # type: ignore[arg-type]  # a generator, typed loosely
