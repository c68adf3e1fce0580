"""What counts in one example, held to the figures that OpenAI publishes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.datasets.accounting import NOTHING, Accounting, Weight
from reconciler.datasets.tokenizers import load

_JARGON = (
    "You are a helpful, pattern-following assistant that translates corporate jargon into plain"
    " English."
)
_CIRCLE_BACK = (
    "Let's circle back when we have more bandwidth to touch base on opportunities for increased"
    " leverage."
)
_LATE = "This late pivot means we don't have time to boil the ocean for the client deliverable."
COOKBOOK = [
    ("system", "", _JARGON),
    ("system", "example_user", "New synergies will help drive top-line growth."),
    ("system", "example_assistant", "Things working well together will increase revenue."),
    ("system", "example_user", _CIRCLE_BACK),
    (
        "system",
        "example_assistant",
        "Let's talk later when we're less busy about how to do better.",
    ),
    ("user", "", _LATE),
]
"""The messages for which OpenAI's cookbook prints what the API counted."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {
                    "type": "string",
                    "description": "The city and state, e.g. San Francisco, CA",
                },
                "unit": {
                    "type": "string",
                    "description": "The unit of temperature to return",
                    "enum": ["celsius", "fahrenheit"],
                },
            },
            "required": ["location"],
        },
    },
}


class Words:
    """A tokenizer whose tokens are words, so that a test can count."""

    name = "words"

    def count(self, text: str) -> int:
        return len(text.split())


WORDS = Accounting(Words())


def line(value: Any) -> bytes:
    return json.dumps(value).encode()


def tokens(value: Any) -> int:
    weight = WORDS.weigh(line(value))
    assert weight.low == weight.likely == weight.high
    return weight.likely


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


@pytest.mark.parametrize(("tokenizer", "counted"), [("o200k_base", 124), ("cl100k_base", 129)])
def test_messages_count_what_the_api_counted(tokenizer: str, counted: int) -> None:
    messages = [
        said(role, content, name=name) if name else said(role, content)
        for role, name, content in COOKBOOK
    ]
    weight = Accounting(load(tokenizer)).weigh(line({"messages": messages}))
    assert weight == Weight(counted, counted, counted)


def test_tools_count_what_the_api_counted() -> None:
    asked = "You are a helpful assistant that can answer to questions about the weather."
    messages = [said("system", asked), said("user", "What's the weather like in San Francisco?")]
    accounting = Accounting(load("o200k_base"))
    for _ in range(2):  # the second time from memory
        weight = accounting.weigh(line({"messages": messages, "tools": [WEATHER]}))
        assert weight.likely == 101


def test_the_older_functions_count_as_tools() -> None:
    messages = [said("user", "a")]
    functions = {"messages": messages, "functions": [WEATHER["function"]]}
    assert tokens(functions) == tokens({"messages": messages, "tools": [WEATHER]})


def test_what_lies_deeper_in_a_tool_counts_too() -> None:
    def offered(schema: Any) -> int:
        function = {"name": "f", "parameters": {"properties": {"p": schema}}}
        return tokens({"messages": [], "tools": [{"function": function}]})

    inner = {"properties": {"q": {"type": "string", "description": "two words"}}}
    flat = offered({"type": "array"})
    assert offered({"type": "array", "items": inner}) > flat + 3
    assert offered({"type": "array", "anyOf": [inner]}) == offered({"type": "array", **inner})


FRAME = 3 + 1
REPLY = 3


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        pytest.param({"messages": [said("user", "a b")]}, FRAME + 2 + REPLY, id="a message"),
        pytest.param(
            {"messages": [said("user", "a", name="x")]}, FRAME + 1 + 2 + REPLY, id="a name"
        ),
        pytest.param(
            {"messages": [said("user", [{"type": "text", "text": "a b c"}])]},
            FRAME + 3 + REPLY,
            id="parts",
        ),
        pytest.param(
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [
                            {"id": "x y z", "function": {"name": "f", "arguments": "a b"}}
                        ],
                    }
                ]
            },
            FRAME + 3 + 3 + REPLY,
            id="a call, without its id",
        ),
        pytest.param(
            {"messages": [said("assistant", None, function_call={"name": "f", "arguments": "a"})]},
            FRAME + 3 + 2 + REPLY,
            id="an older call",
        ),
        pytest.param(
            {"messages": [said("assistant", None, refusal="a b")]},
            FRAME + 2 + REPLY,
            id="a refusal",
        ),
        pytest.param({"prompt": "a b", "completion": "c"}, 3, id="prompt and completion"),
        pytest.param({"input": "a b c d"}, 4, id="text"),
        pytest.param(
            {
                "input": {"messages": [said("user", "a")]},
                "preferred_output": [said("assistant", "b c")],
                "non_preferred_output": [said("assistant", "d e f")],
            },
            3 * FRAME + 1 + 2 + 3 + REPLY,
            id="a preference, both answers",
        ),
        pytest.param(
            {"system": "a b", "messages": [said("user", "c"), said("assistant", "d")]},
            3 * FRAME + 4 + REPLY,
            id="the form for Claude",
        ),
        pytest.param(
            {
                "schemaVersion": "bedrock-conversation-2024",
                "system": [{"text": "a"}],
                "messages": [said("user", [{"text": "b"}]), said("assistant", [{"text": "c d"}])],
            },
            3 * FRAME + 4 + REPLY,
            id="Bedrock's conversation",
        ),
        pytest.param(
            {
                "schemaVersion": "x",
                "messages": [
                    said("assistant", [{"toolUse": {"name": "f", "input": {"k": "a b"}}}]),
                    said("user", [{"toolResult": {"content": [{"text": "c"}, {"json": [1]}]}}]),
                    said(
                        "assistant",
                        [{"reasoningContent": {"reasoningText": {"text": "a b c"}}}],
                    ),
                ],
            },
            3 * FRAME + (3 + 1 + 2) + (3 + 1 + 1) + 3 + REPLY,
            id="Converse's other blocks",
        ),
    ],
)
def test_an_example_counts_its_texts_and_their_frames(example: Any, expected: int) -> None:
    assert tokens(example) == expected


@pytest.mark.parametrize(
    "example",
    [
        {"messages": [said("user", [{"type": "image_url", "image_url": {"url": "x"}}])]},
        {"schemaVersion": "x", "messages": [said("user", [{"image": {"format": "png"}}])]},
    ],
)
def test_an_image_has_bounds(example: Any) -> None:
    weight = WORDS.weigh(line(example))
    text = FRAME + REPLY
    assert weight == Weight(text + 255, text + 765, text + 1_536)


def test_a_picture_in_s3_is_an_image_with_a_caption() -> None:
    weight = WORDS.weigh(line({"image-ref": "s3://b/x.png", "caption": "a b"}))
    assert weight == Weight(257, 767, 1_538)


def test_the_bytes_of_a_file_are_no_text() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "QUJD " * 100}}
    assert tokens({"messages": [said("user", [part])]}) == FRAME + REPLY


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"7",
        b'"messages"',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"messages": 7}',
        b'{"messages": [7, null, {}, {"role": 7, "content": 7, "tool_calls": 7, "name": 7}]}',
        b'{"messages": [], "tools": [7, {"function": {"name": 7, "parameters": []}}]}',
        b'{"messages": [], "tools": [{"function": {"parameters": {"properties": {"a": 7}}}}]}',
        b'{"input": {"messages": {}}, "preferred_output": 7}',
        b'{"prompt": 7}',
        b'{"image-ref": 7}',
    ],
)
def test_nothing_in_a_line_makes_it_fail(damaged: bytes) -> None:
    assert WORDS.weigh(damaged).low >= 0


@pytest.mark.parametrize(("depth", "counted"), [(100, True), (5_000, False)])
def test_a_schema_without_end_is_given_up(depth: int, counted: bool) -> None:
    deep = b'{"properties":{"a":' * depth + b"{}" + b"}}" * depth
    offered = b'{"messages":[],"tools":[{"function":{"parameters":' + deep + b"}}]}"
    assert (WORDS.weigh(offered).likely > 6 * depth) is counted
    assert (WORDS.weigh(offered) != NOTHING) is counted


def test_a_byte_order_mark_is_passed_over() -> None:
    assert WORDS.weigh(b"\xef\xbb\xbf" + line({"input": "a b"})).likely == 2
