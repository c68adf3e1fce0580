"""What a line is, and what is wrong with it: one row per rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.datasets.examples import inspect
from reconciler.datasets.shape import Shape, shape

USER = {"role": "user", "content": "Where is my parcel?"}
ANSWER = {"role": "assistant", "content": "It arrives today."}
CALL = {"id": "c1", "type": "function", "function": {"name": "track", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "track", "parameters": {"type": "object"}}}


def line(value: Any) -> bytes:
    return json.dumps(value).encode()


def faults(content: bytes) -> list[tuple[str, str]]:
    found = inspect(content)
    assert not isinstance(found, Shape)
    return [("/".join(str(step) for step in fault.pointer), fault.message) for fault in found]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"messages": [USER, ANSWER]}, Shape.CONVERSATION, id="question and answer"),
        pytest.param({"messages": [USER, ANSWER, USER]}, Shape.OPEN_CONVERSATION, id="user ends"),
        pytest.param({"messages": [USER], "answer": [1]}, Shape.QUESTION, id="no answer"),
        pytest.param(
            {"messages": [USER], "input": 1, "prompt": [], "preferred_output": None},
            Shape.QUESTION,
            id="beside messages, any member is the grader's",
        ),
        pytest.param(
            {"messages": [{"role": "developer", "content": "Be brief."}, USER, ANSWER]},
            Shape.CONVERSATION,
            id="developer",
        ),
        pytest.param(
            {
                "messages": [
                    USER,
                    {"role": "assistant", "tool_calls": [CALL]},
                    {"role": "tool", "tool_call_id": "c1", "content": "out for delivery"},
                    ANSWER | {"weight": 0},
                ],
                "tools": [TOOL],
                "parallel_tool_calls": False,
            },
            Shape.CONVERSATION,
            id="tool calls without content",
        ),
        pytest.param(
            {
                "messages": [
                    USER,
                    {
                        "role": "assistant",
                        "content": None,
                        "function_call": {"name": "track", "arguments": "{}"},
                    },
                    {"role": "function", "name": "track", "content": None},
                    {"role": "assistant", "refusal": "I cannot say."},
                ]
            },
            Shape.CONVERSATION,
            id="the older function_call, and a refusal",
        ),
        pytest.param(
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
                        ],
                    },
                    ANSWER,
                ]
            },
            Shape.CONVERSATION,
            id="content in parts",
        ),
        pytest.param({"prompt": "", "completion": "x"}, Shape.COMPLETION, id="completion"),
        pytest.param(
            {
                "input": {"messages": [USER], "tools": [TOOL], "parallel_tool_calls": True},
                "preferred_output": [ANSWER],
                "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
            },
            Shape.PREFERENCE,
            id="preference",
        ),
    ],
)
def test_a_good_line_is_known_by_its_shape(value: Any, expected: Shape) -> None:
    assert inspect(line(value)) is expected
    assert shape(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param([USER], [("", "a line holds one JSON object, not a list")], id="a list"),
        pytest.param(3, [("", "a line holds one JSON object, not a number")], id="a number"),
        pytest.param(
            {"messages": []},
            [("messages", "must be a list of messages, not an empty list")],
            id="no messages",
        ),
        pytest.param(
            {"messages": "Hi"}, [("messages", "must be a list of messages, not text")], id="text"
        ),
        pytest.param(
            {"messages": [USER, 7]},
            [
                ("messages/1", "must be a message, not a number"),
            ],
            id="a message that is a number",
        ),
        pytest.param(
            {"messages": [{"content": "Hi"}, ANSWER]},
            [("messages/0", "role is missing")],
            id="no role",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assitant", "content": "Hi"}, ANSWER]},
            [("messages/1/role", '"assitant" is not a role (system, user, assistant, tool)')],
            id="a misspelt role",
        ),
        pytest.param(
            {"messages": [USER, {"role": ["user"], "content": "Hi"}, ANSWER]},
            [("messages/1/role", '["user"] is not a role (system, user, assistant, tool)')],
            id="a role that is no text",
        ),
        pytest.param(
            {"messages": [{"role": "system", "content": "Be brief."}]},
            [("messages", "no assistant message to learn from")],
            id="only a system message",
        ),
        pytest.param(
            {"messages": [{"role": "user"}, ANSWER]},
            [("messages/0", "content is missing")],
            id="a user says nothing",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": None}, ANSWER]},
            [("messages/0/content", "must be text or a list of parts, not null")],
            id="a user's null",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant"}]},
            [("messages/1", "the assistant says nothing: no content and no tool_calls")],
            id="an assistant says nothing",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": []}]},
            [("messages/1/content", "the assistant says nothing: no content and no tool_calls")],
            id="an empty list of calls is nothing said",
        ),
        pytest.param(
            {"messages": [USER | {"content": [{"text": "Hi"}, "Hi"]}, ANSWER]},
            [
                ("messages/0/content/0", 'a part of content must be an object with a "type"'),
                ("messages/0/content/1", 'a part of content must be an object with a "type"'),
            ],
            id="parts without a type",
        ),
        pytest.param(
            {"messages": [USER, ANSWER | {"weight": 0.5}, ANSWER | {"weight": True}]},
            [
                ("messages/1/weight", "must be 0 or 1, not 0.5"),
                ("messages/2/weight", "must be 0 or 1, not true"),
            ],
            id="weights between",
        ),
        pytest.param(
            {
                "messages": [
                    USER,
                    ANSWER
                    | {
                        "tool_calls": [
                            {"function": {"name": "track", "arguments": {"id": 3}}},
                            {"id": "c2"},
                            "track",
                        ]
                    },
                    {"role": "tool", "content": "late"},
                ]
            },
            [
                ("messages/1/tool_calls/0", "id is missing"),
                (
                    "messages/1/tool_calls/0/function/arguments",
                    "must be JSON written as text, not an object",
                ),
                ("messages/1/tool_calls/1", "function is missing"),
                ("messages/1/tool_calls/2", "must be a call, not text"),
                ("messages/2", "tool_call_id is missing"),
            ],
            id="tool calls written wrong",
        ),
        pytest.param(
            {"messages": [USER, ANSWER], "tools": [{"name": "track"}], "parallel_tool_calls": 1},
            [
                ("tools/0", 'must be an object with a named "function"'),
                ("parallel_tool_calls", "must be true or false"),
            ],
            id="tools written wrong",
        ),
        pytest.param({"prompt": "Hi"}, [("", "completion is missing")], id="half a completion"),
        pytest.param(
            {"prompt": ["Hi"], "completion": "x"},
            [("prompt", "must be text, not a list")],
            id="a prompt that is a list",
        ),
        pytest.param(
            {
                "input": {"messages": [USER]},
                "preferred_output": [],
                "non_preferred_output": [USER],
            },
            [
                ("preferred_output", "must be a list of messages, not an empty list"),
                (
                    "non_preferred_output/0/role",
                    '"user" is not a role here (assistant, tool)',
                ),
            ],
            id="outputs of a preference",
        ),
        pytest.param(
            {"input": "Hi", "preferred_output": [ANSWER]},
            [
                ("input", "must be an object with messages, not text"),
                ("", "non_preferred_output is missing"),
            ],
            id="half a preference",
        ),
        pytest.param(
            {
                "input": {"messages": [USER]},
                "preferred_output": [{"role": "tool", "tool_call_id": "c", "content": "x"}],
                "non_preferred_output": [ANSWER],
            },
            [("preferred_output", "no assistant message to compare")],
            id="nothing to prefer",
        ),
        pytest.param(
            {"messages": [USER, {"role": "assistant", "content": "\ud83d"}]},
            [
                (
                    "messages/1/content",
                    "holds half of a surrogate pair, which is no character",
                )
            ],
            id="half an emoji",
        ),
    ],
)
def test_a_bad_line_is_told_value_by_value(value: Any, expected: list[tuple[str, str]]) -> None:
    assert faults(line(value)) == expected


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"mesages": [USER]}, 'did you mean messages instead of "mesages"?'),
        ({"messages": [{"from": "human", "value": "Hi"}, ANSWER]},
         'write "role" and "content" for "from" and "value"'),
        (
            {
                "input": {"messages": [USER]},
                "preferred_completion": [ANSWER],
                "non_preferred_output": [ANSWER],
            },
            "preferred_completion is its name in an older description",
        ),
    ],
)  # fmt: skip
def test_a_common_mistake_comes_with_its_remedy(value: Any, hint: str) -> None:
    found = inspect(line(value))
    assert not isinstance(found, Shape)
    assert [fault.hint for fault in found] == [hint]


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (b'{"a": 1,}', 8, "not JSON: a comma before the closing bracket"),
        (b'{"a": [1, ]}', 9, "not JSON: a comma before the closing bracket"),
        (b'{"a": 1', 8, "not JSON: the line ends in the middle of a value"),
        (b'{"a" 1}', 6, "not JSON: a colon is expected here"),
        (b'{"a": 1 "b": 2}', 9, "not JSON: a comma is expected here"),
        (b"{a: 1}", 2, "not JSON: a name in double quotes is expected here"),
        (b'{"a": "x\ty"}', 9, "not JSON: a raw control character inside text"),
        (rb'{"a": "\q"}', 8, "not JSON: an escape that JSON does not know"),
        (b'{"a": "x}', 7, "not JSON: this text has no closing quote"),
        (b'{"a": 1} {"a": 2}', 10, "not JSON: something follows the object; each line holds one"),
        (b'{"a": "NaN", "b": NaN}', 19, "not JSON: NaN is no number of JSON"),
        (b"text", 1, "not JSON: a value is expected here"),
        (b'{"a": ' + b"[" * 200_000, 1, "lists or objects are nested too deeply"),
        ('{"é": \xa0'.encode("latin-1"), 3, "byte 0xe9 is not UTF-8"),
    ],
)
def test_a_line_that_is_no_json_is_told_by_its_column(
    content: bytes, column: int, message: str
) -> None:
    found = inspect(content)
    assert not isinstance(found, Shape)
    assert [(fault.column, fault.message) for fault in found] == [(column, message)]


def test_a_member_that_nobody_reads_must_be_utf8_too() -> None:
    assert faults(b'{"prompt":"a","completion":"b","note":"\xff"}') == [
        ("", "byte 0xff is not UTF-8")
    ]


def test_an_endless_integer_in_a_free_member_is_no_fault() -> None:
    digits = b"9" * 5000
    content = b'{"messages":[{"role":"user","content":"x"}],"input":' + digits + b"}"
    assert inspect(content) is Shape.QUESTION


@settings(deadline=None)
@given(st.binary(max_size=40).filter(lambda content: bool(content.strip())))
def test_no_bytes_raise(content: bytes) -> None:
    found = inspect(content)
    assert isinstance(found, Shape) or found
