"""What is said of bytes that are no state: which place, and what is wrong with it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reconciler.errors import StateFormat
from reconciler.state import codec
from reconciler.state.codec import decode, encode
from tests.state.samples import SHA, as_json, full_state, sealed

WHERE = "state.json"


def damaged() -> dict[str, tuple[bytes, str]]:
    """Every way for a state to be spoilt that has a name, with the words it is refused with."""
    good = encode(full_state())
    document = as_json(full_state())
    token = "bot-0123456789abcdef"

    def edited(*path: str, value: Any) -> bytes:
        copy = json.loads(good)
        place = copy
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return sealed(copy)

    cases: dict[str, tuple[bytes, str]] = {
        "empty": (b"", "state.json is empty: a state is never empty, so something was lost"),
        "blank": (b"\n\n", "state.json is empty"),
        "zeros": (bytes(4096), "state.json holds nothing but zeros"),
        "a tail of zeros": (good[:500] + bytes(500), "state.json ends in the middle"),
        "cut short": (good[:700], "state.json ends in the middle, after 700 bytes"),
        "no line end and no brace": (good[:-2], "state.json ends in the middle"),
        "binary": (b"\x80\x03}q\x00.", "state.json is no text from byte 0 on"),
        "utf-16": (good.decode().encode("utf-16"), "state.json is no text from byte 0 on"),
        "byte order mark": (b"\xef\xbb\xbf" + good, "state.json:1:1: no JSON"),
        "yaml": (b"version: 1\n}", "state.json:1:1: no JSON from here on"),
        "two documents": (good + good, "no JSON from here on (Extra data)"),
        "a list": (b"[]", "state.json holds a list, not a state"),
        "a string": (b'"state"', "state.json holds a string, not a state"),
        "null": (b"null", "state.json holds null, not a state"),
        "a number": (b"1", "state.json holds a single value, not a state"),
        "an empty object": (b"{}", "state.json has no version: it is not a state of this program"),
        "someone else's": (b'{"version": "4"}', "state.json has no version"),
        "a boolean version": (b'{"version": true}', "state.json has no version"),
        "not a number": (good.replace(b"1.8", b"NaN"), "state.json: NaN is no JSON number"),
        "a number of 5000 digits": (good.replace(b"1.8", b"1" * 5000), "state.json: "),
        "deeply nested": (b"[" * 100_000, "state.json is nested too deeply to be a state"),
        "deeply nested, sealed": (
            sealed({**document, "lineage": "NEST"}).replace(
                b'"NEST"', b"[" * 100_000 + b"]" * 100_000
            ),
            "state.json is nested too deeply",
        ),
        "a hand edit": (
            good.replace(b'"attempt": 1', b'"attempt": 2'),
            "state.json was edited by hand, merged or damaged: its checksum is not that of its",
        ),
        "an edited checksum": (
            re.sub(rb'"checksum": "....', b'"checksum": "0000', good),
            "state.json was edited by hand",
        ),
        "no checksum": (
            re.sub(rb' "checksum".*\n', b"", good),
            "state.json: the field checksum is missing",
        ),
        "wrong type": (
            edited("records", token, "attempt", value="1"),
            f"state.json: /records/{token}/attempt: expected `int`, got `str`",
        ),
        "whole seconds with a point": (
            edited("records", token, "job", "created_at", value=1.0),
            f"state.json: /records/{token}/job/created_at: expected `int | null`, got `float`",
        ),
        "a boolean for a number": (
            edited("serial", value=True),
            "state.json: /serial: expected `int`, got `bool`",
        ),
        "an unknown word": (
            edited("records", token, "job", "status", value="finished"),
            f"state.json: /records/{token}/job/status: 'finished' is not a word this program knows",
        ),
        "an unknown binding": (
            edited("records", token, "binding", value="tied"),
            f"/records/{token}/binding: 'tied' is not a word this program knows",
        ),
        "a wrong key in metadata": (
            edited("records", token, "job", "metadata", value={"a": 1}),
            f"/records/{token}/job/metadata/*: expected `str`, got `int`",
        ),
        "a wrong item in a list": (
            edited("records", token, "job", "integrations", value=[{}, 3]),
            f"/records/{token}/job/integrations/1: expected `object`, got `int`",
        ),
        "a missing field": (
            sealed({**document, "records": {token: {"token": token}}}),
            f"/records/{token}: the field namespace is missing",
        ),
        "a missing field with a default": (
            sealed({**document, "records": {token: _without(document, token, "job")}}),
            f"/records/{token}/job is missing",
        ),
        "an unknown field": (
            edited("records", token, "job", "cost", value=3),
            f"/records/{token}/job/cost is not a field this program knows",
        ),
        "an unknown field at the top": (
            edited("locked", value=False),
            "state.json: /locked is not a field this program knows",
        ),
        "records in a list": (
            edited("records", value=[]),
            "state.json: /records: expected `object`, got `array`",
        ),
        "a record that is none": (
            edited("records", token, value=None),
            f"state.json: /records/{token}: expected `object`, got `null`",
        ),
        "a file that is none": (
            edited("files", "https://api.openai.com/v1", SHA, value=[]),
            "state.json: /files/https://api.openai.com/v1/*: expected `object`, got `array`",
        ),
        "no lineage": (
            edited("lineage", value=""),
            "state.json: /lineage: expected `str` of length >= 1",
        ),
        "a serial below zero": (
            edited("serial", value=-1),
            "state.json: /serial: expected `int` >= 0",
        ),
        "a record under another's key": (
            edited("records", value={"other": document["records"][token]}),
            "state.json: /records/other is not what its key says",
        ),
        "a file under another's key": (
            edited("files", "https://api.openai.com/v1", value={"0": _file(document)}),
            "/files/https://api.openai.com/v1/0 is not what its key says",
        ),
        "half a character": (
            edited("records", token, "name", value="half").replace(b'"half"', b'"\\ud800"'),
            f"state.json: the record of {token} is no JSON",
        ),
        "a newer version": (
            edited("version", value=3),
            "state.json was written by a newer version of this program (document version 3; this",
        ),
        "a version that never was": (
            edited("version", value=0),
            "state.json is a state of version 0, which this program never wrote",
        ),
        "an older version, edited": (
            good.replace(b'"version": 2', b'"version": 1'),
            "state.json was edited by hand",
        ),
    }
    for mark in ("<<<<<<< HEAD", "||||||| 1234abc", "=======", ">>>>>>> branch"):
        lines = good.decode().splitlines(keepends=True)
        lines.insert(2, f"{mark}\n")
        cases[f"a merge's {mark[:3]}"] = (
            "".join(lines).encode(),
            "state.json:3: two states were merged by hand or by git, and git left its marks",
        )
    return cases


def _without(document: dict[str, Any], token: str, field: str) -> dict[str, Any]:
    return {key: value for key, value in document["records"][token].items() if key != field}


def _file(document: dict[str, Any]) -> Any:
    return document["files"]["https://api.openai.com/v1"][SHA]


CASES = damaged()


@pytest.mark.parametrize(("data", "words"), list(CASES.values()), ids=list(CASES))
def test_what_is_no_state_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(StateFormat) as caught:
        decode(data, WHERE)
    assert caught.value.message.startswith(WHERE)
    assert words in caught.value.message


def test_a_key_given_twice_is_found_under_a_checksum_that_fits() -> None:
    """As after taking both sides of a merge and then the recipe for the checksum."""
    document = as_json(full_state())
    token = "bot-0123456789abcdef"
    other = json.loads(json.dumps(document["records"][token]).replace("ftjob-1", "ftjob-2"))
    both = sealed({**document, "records": {token: other, "twin": document["records"][token]}})
    twice = both.replace(b'"twin"', f'"{token}"'.encode())
    front, rest = re.split(rb'\n "checksum": ".*",', twice)
    data = front + b'\n "checksum": "%b",' % codec._checksum(front, rest) + rest
    with pytest.raises(StateFormat, match=f'the key "{token}" is there twice'):
        decode(data, WHERE)


def test_a_conflict_says_how_to_choose_a_side() -> None:
    with pytest.raises(StateFormat) as caught:
        decode(b"{\n<<<<<<< HEAD\n", ".reconciler/state.json")
    assert "git checkout --ours -- .reconciler/state.json" in caught.value.hint
    assert "backup" in caught.value.hint


def test_a_newer_version_says_to_upgrade() -> None:
    with pytest.raises(StateFormat) as caught:
        decode(b'{"version": 3}', WHERE)
    assert caught.value.hint == "upgrade finetune-reconciler"
