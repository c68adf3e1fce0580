"""What an error answer says, whatever its shape, and what of it may be shown."""

from __future__ import annotations

import json

import pytest

from reconciler.providers.refusal import redact, refusal, retry_after


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(
            {"error": {"message": "No.", "type": "t", "param": None, "code": "model_not_found"}},
            "404 model_not_found: No.",
            id="OpenAI's shape",
        ),
        pytest.param(
            {"error": {"message": "No.", "type": "invalid_request_error", "code": None}},
            "404 invalid_request_error: No.",
            id="without a code, its type",
        ),
        pytest.param({"error": "No."}, "404 Not Found: No.", id="a bare text"),
        pytest.param({"message": "No."}, "404 Not Found: No.", id="a gateway's message"),
        pytest.param(
            {"status": "failure", "message": "No."}, "404 Not Found: No.", id="Portkey's failure"
        ),
        pytest.param({"detail": "No."}, "404 Not Found: No.", id="FastAPI's detail"),
        pytest.param(
            {"detail": [{"loc": ["body", "x"], "msg": "m"}]},
            '404 Not Found: [{"loc": ["body", "x"], "msg": "m"}]',
            id="FastAPI's list of details",
        ),
        pytest.param({"error": {"code": 404, "message": "No."}}, "404 404: No.", id="a number"),
        pytest.param({"error": {}}, "404 Not Found", id="an empty error"),
        pytest.param({}, "404 Not Found", id="an empty object"),
        pytest.param({"error": None, "message": "No."}, "404 Not Found: No.", id="a null error"),
        pytest.param([], "404 Not Found: []", id="no object"),
        pytest.param(
            {"code": 5, "message": "No.", "details": []}, "404 NOT_FOUND: No.", id="gRPC's number"
        ),
        pytest.param({"code": 7, "message": "", "details": []}, "404 PERMISSION_DENIED", id="gRPC"),
        pytest.param({"code": 0, "message": "No."}, "404 Not Found: No.", id="gRPC's zero"),
        pytest.param({"code": 17, "message": "No."}, "404 17: No.", id="a number of nobody's"),
        pytest.param({"code": True, "message": "No."}, "404 Not Found: No.", id="no number"),
        pytest.param(
            {"code": 8, "message": "", "details": [{"reason": "QUOTA_EXCEEDED"}]},
            "404 RESOURCE_EXHAUSTED: QUOTA_EXCEEDED",
            id="gRPC's reason, where it says nothing else",
        ),
        pytest.param(
            {"code": 3, "message": "No.", "details": ["x", {"fieldViolations": "y"}]},
            "404 INVALID_ARGUMENT: No.",
            id="details that are none",
        ),
    ],
)
def test_every_shape_is_read(body: object, said: str) -> None:
    assert str(refusal(404, {}, json.dumps(body).encode())) == said


@pytest.mark.parametrize(
    ("content", "said", "structured"),
    [
        pytest.param(b"", "502 Bad Gateway", True, id="nothing"),
        pytest.param(b"upstream gone\n", "502 Bad Gateway: upstream gone", False, id="text"),
        pytest.param(
            b"<html><head><title>502\nBad</title></head><body>x</body></html>",
            "502 Bad Gateway: 502 Bad",
            False,
            id="a page with a title",
        ),
        pytest.param(
            b"<h1>Sorry</h1><script>var x='<b>'</script> later",
            "502 Bad Gateway: Sorry later",
            False,
            id="a page without",
        ),
        pytest.param(b"\xff\xfe", "502 Bad Gateway: ��", False, id="bytes"),
        pytest.param(b"[" * 100_000, "502 Bad Gateway: " + "[" * 499 + "…", False, id="too deep"),
    ],
)
def test_what_is_no_json_is_read_as_text(content: bytes, said: str, structured: bool) -> None:
    read = refusal(502, {}, content)
    assert (str(read), read.structured) == (said, structured)


def test_an_unknown_status_has_no_phrase() -> None:
    assert str(refusal(599, {"x-request-id": "req_1"}, b"")) == "599 (request req_1)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-abc12*****wxyz.", "Incorrect API key provided: sk-…"),
        ("key abcd1234********wxyz. is wrong", "key … is wrong"),
        ("sent Bearer eyJhbGci.x.y to us", "sent Bearer … to us"),
        ("see https://h/p?sig=abc&x=1 now", "see https://h/p?… now"),
        ("fw_3ZabcdefGHI is wrong", "fw_… is wrong"),
        ("your opaque0secret here", "your … here"),
        ("task-sk is a word, on ftjob-1 of file-2", "task-sk is a word, on ftjob-1 of file-2"),
        ("v1 stays", "v1 stays"),
        ("two\nlines\x1b[31m", "two lines[31m"),
        ("a" * 600, "a" * 499 + "…"),
    ],
)
def test_what_may_not_be_shown_is_not(text: str, shown: str) -> None:
    assert redact(text, {"opaque0secret", "v1"}) == shown


def test_redaction_is_quick_on_text_made_to_slow_it() -> None:
    assert redact("*" * 100_000 + "a" * 100_000, ()) == "…"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_grpcs_details_say_which_field_and_how_long() -> None:
    body = {
        "code": 3,
        "message": "No.",
        "details": [
            {"@type": "…/google.rpc.RetryInfo", "retryDelay": "12.5s"},
            {
                "@type": "…/google.rpc.BadRequest",
                "fieldViolations": ["x", {"field": "epochs"}, {"field": "later"}],
            },
        ],
    }
    read = refusal(429, {}, json.dumps(body).encode())
    assert (read.code, read.param, read.retry_after) == ("INVALID_ARGUMENT", "epochs", 12.5)
    headers = {"retry-after": "3"}
    assert refusal(429, headers, json.dumps(body).encode()).retry_after == 3.0


@pytest.mark.parametrize("delay", ["soon", "5", 5, None, "xs"])
def test_a_delay_that_is_none_is_none(delay: object) -> None:
    body = {"code": 8, "details": [{"retryDelay": delay}]}
    assert refusal(429, {}, json.dumps(body).encode()).retry_after is None
