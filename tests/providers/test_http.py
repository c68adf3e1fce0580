"""Reads repeat within bounds, sends never do, and every exception of httpx has its meaning."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reconciler.errors import CreateRejected, ProviderAuthError, ProviderUnavailable, Remedy
from reconciler.providers.answers import Answer, Busy, NoAnswer, Refused
from reconciler.providers.http import NEVER_SENT, TRIES, Endpoint, Http, segment
from tests.providers.loopback import DROP, KEY, Answering, Loopback, Reply, error, loopback, script

NEVER = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
NEVER |= {"InvalidURL"}
MAYBE = {
    "HTTPError",
    "HTTPStatusError",
    "RequestError",
    "TransportError",
    "TimeoutException",
    "ReadTimeout",
    "WriteTimeout",
    "NetworkError",
    "ReadError",
    "WriteError",
    "CloseError",
    "ProtocolError",
    "LocalProtocolError",
    "RemoteProtocolError",
    "DecodingError",
    "TooManyRedirects",
    "CookieConflict",
    "StreamError",
    "StreamConsumed",
    "StreamClosed",
    "ResponseNotRead",
    "RequestNotRead",
}
EXCEPTIONS = {
    name: thing
    for name, thing in vars(httpx).items()
    if inspect.isclass(thing) and issubclass(thing, Exception)
}


def raised(name: str) -> Exception:
    kind: Callable[..., Exception] = EXCEPTIONS[name]
    if name in ("StreamConsumed", "StreamClosed", "ResponseNotRead", "RequestNotRead"):
        return kind()
    if name == "HTTPStatusError":
        request = httpx.Request("GET", "http://x")
        return kind("text", request=request, response=httpx.Response(500))
    return kind("text")


@pytest.fixture
def naps() -> list[float]:
    return []


def at(url: str, naps: list[float], **fields: Any) -> Http:
    values = {"name": "openai", "base_url": url, "key_env": "OPENAI_API_KEY", "headers": {}}
    return Http(Endpoint(**{**values, "secrets": {KEY}, **fields}), sleep=naps.append)


@pytest.fixture
def serve(naps: list[float]) -> Iterator[Callable[[Answering], tuple[Http, Loopback]]]:
    with loopback(script(DROP)) as server:
        http = at(server.url, naps, hopeless={"insufficient_quota"})

        def answering(answer: Answering) -> tuple[Http, Loopback]:
            server.answer = answer
            return http, server

        yield answering
        http.close()


Serve = Callable[[Answering], tuple[Http, Loopback]]


def test_every_exception_of_httpx_has_been_thought_about() -> None:
    assert set(EXCEPTIONS) == NEVER | MAYBE
    assert {kind.__name__ for kind in NEVER_SENT} == NEVER


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_every_exception_of_httpx_is_translated(
    name: str, monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised(name)

    monkeypatch.setattr(httpx.Client, "send", fail)
    http = at("http://127.0.0.1:1", naps)
    with pytest.raises(NoAnswer) as caught:
        http.send("POST", "/jobs", content=b"{}", headers={})
    assert caught.value.sent is (name in MAYBE)
    with pytest.raises(ProviderUnavailable):
        http.ask("GET", "/jobs")
    http.close()


def test_a_request_that_no_server_takes_is_known_not_to_be_sent(naps: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        http = at(f"http://127.0.0.1:{port}", naps)
        with pytest.raises(NoAnswer, match="connect error") as caught:
            http.send("POST", "/jobs", content=b"{}", headers={})
    assert not caught.value.sent
    http.close()


def test_only_what_was_not_sent_is_surely_no_job() -> None:
    rejected = NoAnswer("connect error", sent=False, transient=True).rejected()
    assert isinstance(rejected, CreateRejected)
    assert (rejected.remedy, rejected.retry_after) == (Remedy.RETRY_NOW, 10.0)
    with pytest.raises(ValueError, match="may have arrived"):
        NoAnswer("read timeout", sent=True, transient=True).rejected()


def test_a_handshake_that_fails_is_known_not_to_be_sent(serve: Serve, naps: list[float]) -> None:
    _, server = serve(script(Reply()))
    http = at(server.url.replace("http://", "https://"), naps)
    with pytest.raises(NoAnswer, match=r"SSL|TLS") as caught:
        http.send("POST", "/jobs", content=b"{}", headers={})
    assert not caught.value.sent
    assert not server.heard
    http.close()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(DROP, id="closed without a word"),
        pytest.param(Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), id="cut short"),
        pytest.param(Reply(raw=b"garbage\r\n\r\n"), id="no HTTP"),
        pytest.param(
            Reply(200, b"not gzip", {"Content-Encoding": "gzip"}), id="an encoding that is none"
        ),
    ],
)
def test_a_lost_answer_may_belong_to_a_request_that_arrived(serve: Serve, reply: Reply) -> None:
    http, server = serve(script(reply))
    with pytest.raises(NoAnswer) as caught:
        http.send("POST", "/jobs", content=b"{}", headers={})
    assert caught.value.sent
    assert len(server.heard) == 1


@pytest.mark.parametrize("status", [200, 201, 302, 400, 408, 409, 429, 500, 503])
def test_a_send_goes_out_once_whatever_the_answer(
    serve: Serve, naps: list[float], status: int
) -> None:
    http, server = serve(script(Reply(status, b"x", {"x-should-retry": "true"})))
    assert http.send("POST", "/jobs", content=b"{}", headers={}).status == status
    assert len(server.heard) == 1
    assert naps == []


def test_a_send_has_a_query_of_its_own_beside_the_endpoints(naps: list[float]) -> None:
    with loopback(script(Reply(200, {}))) as server:
        http = at(server.url, naps, query={"v": "1"})
        http.send("POST", "/jobs", [("jobId", "a b")], content=b"{}", headers={})
        http.close()
    assert server.heard[0].query == {"v": "1", "jobId": "a b"}


def test_a_secret_of_one_request_is_blotted_out_of_its_refusal(serve: Serve) -> None:
    http, _ = serve(script(error(400, f"bad key {KEY} or other-secret")))
    answer = http.send("POST", "/jobs", content=b"{}", headers={})
    assert http.refusal(answer, ["other-secret"]).message == "bad key … or …"


def test_a_send_has_a_connection_of_its_own_and_reads_keep_theirs(serve: Serve) -> None:
    http, server = serve(script(Reply(200, {})))
    for _ in range(2):
        http.ask("GET", "/jobs")
        http.send("POST", "/jobs", content=b"{}", headers={})
    read, sent, read_again, sent_again = [heard.connection for heard in server.heard]
    assert read == read_again
    assert len({read, sent, sent_again}) == 3


@pytest.mark.parametrize(
    "reply",
    [
        DROP,
        error(408),
        error(409),
        error(429),
        error(500),
        error(503, code="server_is_overloaded"),
        error(400, x_should_retry="true"),
    ],
)
def test_a_read_is_repeated(serve: Serve, naps: list[float], reply: Reply) -> None:
    http, server = serve(script(reply, Reply(200, {"id": 1})))
    assert http.ask("GET", "/jobs").document() == {"id": 1}
    assert (len(server.heard), len(naps)) == (2, 1)


def test_a_read_gives_up_in_the_end(serve: Serve, naps: list[float]) -> None:
    http, server = serve(script(error(503, "Slow down", x_request_id="req_9")))
    with pytest.raises(ProviderUnavailable) as caught:
        http.ask("GET", "/jobs")
    assert str(caught.value) == (
        "openai answered GET /jobs with 503 made_up: Slow down (request req_9); tried 4 times"
    )
    assert (len(server.heard), len(naps)) == (TRIES, TRIES - 1)
    assert all(0 <= nap <= 8 for nap in naps)


@pytest.mark.parametrize(
    "reply",
    [
        error(400),
        error(404),
        error(418),
        error(503, x_should_retry="false"),
        error(429, code="insufficient_quota"),
        error(429, retry_after="61"),
    ],
)
def test_a_final_no_is_not_asked_again(serve: Serve, naps: list[float], reply: Reply) -> None:
    http, server = serve(script(reply))
    with pytest.raises(Refused) as caught:
        http.ask("GET", "/jobs")
    assert caught.value.refused.status == reply.status
    assert (len(server.heard), naps) == (1, [])


def test_a_read_waits_as_long_as_the_server_asks(serve: Serve, naps: list[float]) -> None:
    replies = error(429, retry_after="60"), error(503, retry_after_ms="250"), Reply(200, {})
    http, _ = serve(script(*replies))
    http.ask("GET", "/jobs")
    assert naps == [60.0, 0.25]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable(serve: Serve, status: int) -> None:
    http, server = serve(script(error(status, f"Incorrect API key provided: {KEY}")))
    with pytest.raises(ProviderAuthError) as caught:
        http.ask("GET", "/jobs")
    assert str(caught.value) == (
        "openai does not accept the key in OPENAI_API_KEY for GET /jobs:"
        f" {status} made_up: Incorrect API key provided: …"
    )
    assert len(server.heard) == 1


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    with loopback(script(Reply(200, {}))) as other:
        http, _ = serve(script(Reply(302, b"", {"Location": f"{other.url}/?secret=1"})))
        with pytest.raises(Refused) as caught:
            http.ask("GET", "/jobs")
        assert not other.heard
    assert "secret" not in str(caught.value)
    assert "set providers.openai.base_url to where it leads" in str(caught.value)


def test_a_connection_the_server_closed_meanwhile_is_no_failure(serve: Serve) -> None:
    http, server = serve(script(Reply(200, {}, {"Connection": "close"}), Reply(200, {})))
    assert http.ask("GET", "/jobs").ok
    assert http.ask("GET", "/jobs").ok
    assert len(server.heard) == 2


def test_what_the_endpoint_says_goes_with_every_request(naps: list[float]) -> None:
    with loopback(script(Reply(200, {}))) as server:
        http = at(f"{server.url}/a/v1", naps, headers={"api-key": "k"}, query={"api-version": "1"})
        http.ask("GET", "/jobs", [("metadata[a]", "b c")])
        http.send("POST", "/jobs", content=b"{}", headers={"Content-Type": "application/json"})
        http.close()
    asked, sent = server.heard
    assert asked.target == "/a/v1/jobs?api-version=1&metadata%5Ba%5D=b+c"
    assert sent.target == "/a/v1/jobs?api-version=1"
    assert {heard.headers["api-key"] for heard in server.heard} == {"k"}
    assert sent.headers["content-type"] == "application/json"


def test_no_proxy_stands_before_loopback(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    http, _ = serve(script(Reply(200, {})))
    assert http.ask("GET", "/jobs").ok


def test_what_reading_the_content_raises_is_passed_on(serve: Serve) -> None:
    def content() -> Iterator[bytes]:
        yield b"12"
        raise CreateRejected("changed", remedy=Remedy.FIX_SPEC)

    http, _ = serve(script(Reply()))
    with pytest.raises(CreateRejected, match="changed"):
        http.send("POST", "/files", content=content(), headers={"Content-Length": "4"})


def test_a_host_that_no_resolver_takes_is_an_error_of_ours(naps: list[float]) -> None:
    http = at(f"http://{'a' * 70}.localhost", naps)
    with pytest.raises(ProviderUnavailable):
        http.ask("GET", "/jobs")
    http.close()


def test_a_closed_way_keeps_no_connection(naps: list[float]) -> None:
    with loopback(script(Reply(200, {}))) as server:
        http = at(server.url, naps)
        http.close()
        http.ask("GET", "/jobs")
        assert http._idle == []


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (
            b'{"a": ["half \\ud83d", {"whole": "\\uD83D\\uDE00"}]}',
            {"a": ["half \ufffd", {"whole": "\U0001f600"}]},
        ),
        (b"[1]", None),
        (b"", None),
        (b'{"a": ', None),
        (b"\xff", None),
        (b'{"a":' + b"[" * 100_000, None),
    ],
)
def test_a_body_is_a_json_object_or_nothing(content: bytes, document: object) -> None:
    answer = Answer(status=200, headers={}, content=content, where="GET /x")
    assert answer.document() == document


@pytest.mark.parametrize(
    ("id_", "escaped"),
    [
        ("ftjob-1", "ftjob-1"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("arn%3Aaws%2Fx", "arn%3Aaws%2Fx"),
        ("ü", "%C3%BC"),
    ],
)
def test_an_id_is_one_segment(id_: str, escaped: str) -> None:
    assert segment(id_) == escaped


@pytest.mark.parametrize("id_", ["", ".", ".."])
def test_what_would_name_another_path_is_no_id(id_: str) -> None:
    with pytest.raises(Refused, match="is no id"):
        segment(id_)


def test_nothing_shows_what_may_not_be_shown(naps: list[float]) -> None:
    endpoint = Endpoint(
        name="openai",
        base_url="http://127.0.0.1",
        key_env="K",
        headers={"Authorization": f"Bearer {KEY}"},
        query={"sig": KEY},
        secrets={KEY},
    )
    http = Http(endpoint, sleep=naps.append)
    answer = Answer(status=200, headers={"set-cookie": KEY}, content=KEY.encode(), where="GET /x")
    assert KEY not in f"{endpoint!r}{http!r}{answer!r}"


def test_busy_is_a_kind_of_unavailable() -> None:
    assert issubclass(Busy, ProviderUnavailable)
    assert issubclass(NoAnswer, ProviderUnavailable)
    assert issubclass(Refused, ProviderUnavailable)
