"""What a form cannot hold of a line of chat, and what is said of it: one row per rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.datasets.conversion.forms import CONVERSATION, PAIR, SYSTEM_APART, Form
from tests.datasets.chat_lines import ANSWERED, ASKED, CALL, SYSTEM, TOOL, chat, faults, part

PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}

TOOLS_HINT = "leave out the examples that use tools"
OUT_HINT = "leave the example out"


@pytest.mark.parametrize("form", [CONVERSATION, SYSTEM_APART, PAIR])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            chat(ASKED, ANSWERED, tools=[TOOL], parallel_tool_calls=True),
            [
                ("tools", '"tools" would be lost: {} has no place for it', TOOLS_HINT),
                (
                    "parallel_tool_calls",
                    '"parallel_tool_calls" would be lost: {} has no place for it',
                    "take it out: it is about tools",
                ),
            ],
            id="tools that are offered",
        ),
        pytest.param(
            chat(ASKED, ANSWERED, functions=[{"name": "measure"}], id=7),
            [
                ("functions", '"functions" would be lost: {} has no place for it', TOOLS_HINT),
                ("id", '"id" would be lost: {} has no place for it', "take it out of the file"),
            ],
            id="members of the line",
        ),
        pytest.param(
            chat(ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}),
            [
                (
                    "messages/1/tool_calls",
                    '"tool_calls" would be lost: {} has no place for it',
                    TOOLS_HINT,
                ),
            ],
            id="a call of a tool",
        ),
        pytest.param(
            chat(
                {"role": "function", "content": "900 lm"},
                {
                    "role": "assistant",
                    "function_call": {"name": "measure", "arguments": "{}"},
                },
            ),
            [
                ("messages/0/role", '{} has no "function" among its roles', TOOLS_HINT),
                (
                    "messages/1/function_call",
                    '"function_call" would be lost: {} has no place for it',
                    TOOLS_HINT,
                ),
            ],
            id="what a tool said, and an older call",
        ),
        pytest.param(
            chat({"role": "function", "name": "measure", "content": None}, ASKED, ANSWERED),
            [
                ("messages/0/role", '{} has no "function" among its roles', TOOLS_HINT),
                (
                    "messages/0/name",
                    '"name" would be lost: {} has no place for it',
                    "write it into the text, or take it out",
                ),
            ],
            id="what a function said",
        ),
        pytest.param(
            chat({"role": "developer", "content": "Be brief."}, ASKED, ANSWERED),
            [("messages/0/role", '{} has no "developer" among its roles', 'call it "system"')],
            id="the newer word for system",
        ),
        pytest.param(
            chat(ASKED, ANSWERED | {"weight": 0}),
            [
                (
                    "messages/1/weight",
                    "a weight would be lost: every answer is trained on",
                    (
                        "split the example so that every answer in it may be trained on,"
                        " or leave it out"
                    ),
                )
            ],
            id="an answer that is not to be trained on",
        ),
        pytest.param(
            chat(ASKED | {"name": "Ann"}, ANSWERED | {"refusal": "", "reasoning_content": "hm"}),
            [
                (
                    "messages/0/name",
                    '"name" would be lost: {} has no place for it',
                    "write it into the text, or take it out",
                ),
                (
                    "messages/1/refusal",
                    '"refusal" would be lost: {} has no place for it',
                    "write it as content",
                ),
                (
                    "messages/1/reasoning_content",
                    '"reasoning_content" would be lost: {} has no place for it',
                    "take it out of the file",
                ),
            ],
            id="members of messages",
        ),
        pytest.param(
            chat(ASKED | {"content": [PICTURE]}, ANSWERED),
            [
                (
                    "messages/0/content/0",
                    'a part of type "image_url" would be lost: only text is converted',
                    "leave the example out, or write the file in the provider's own form",
                )
            ],
            id="a picture",
        ),
        pytest.param(
            chat(ASKED | {"content": [part("x", cache="5m")]}, ANSWERED),
            [
                (
                    "messages/0/content/0/cache",
                    '"cache" would be lost: {} has no place for it',
                    "take it out of the file",
                )
            ],
            id="a member of a part",
        ),
        pytest.param(
            chat(
                ASKED | {"content": [{"type": "text"}]},
                ANSWERED | {"content": [{"type": "text", "text": 5}]},
            ),
            [
                ("messages/0/content/0", "text is missing", ""),
                ("messages/1/content/0/text", "must be text, not a number", ""),
            ],
            id="parts without text",
        ),
        pytest.param(
            chat(ASKED | {"content": ""}, ANSWERED | {"content": " \n"}),
            [
                ("messages/0/content", "the text is blank", OUT_HINT),
                ("messages/1/content", "the text is blank", OUT_HINT),
            ],
            id="blank texts",
        ),
        pytest.param(
            chat(ASKED | {"content": []}, ANSWERED | {"content": [part("")]}),
            [
                ("messages/0/content", "says nothing", OUT_HINT),
                ("messages/1/content/0/text", "the text is blank", OUT_HINT),
            ],
            id="blank parts",
        ),
        pytest.param(
            chat(ANSWERED, ASKED),
            [
                ("messages/0/role", "the assistant speaks first", "begin with a user message"),
                (
                    "messages/1/role",
                    "a user has the last word, with no answer to learn from",
                    "end with the assistant's answer",
                ),
            ],
            id="the wrong way round",
        ),
        pytest.param(
            chat(ASKED),
            [
                (
                    "messages/0/role",
                    "a user has the last word, with no answer to learn from",
                    "end with the assistant's answer",
                ),
            ],
            id="no answer",
        ),
        pytest.param(
            chat(ASKED, ASKED),
            [
                ("messages/1/role", "two user messages in a row", "join them into one"),
                (
                    "messages/1/role",
                    "a user has the last word, with no answer to learn from",
                    "end with the assistant's answer",
                ),
            ],
            id="two in a row",
        ),
        pytest.param(
            {"prompt": "x", "completion": "y"},
            [("", "not a chat example, so there is no converting it", "")],
            id="another format",
        ),
        pytest.param(
            chat(ASKED, {"role": "assistant"}),
            [("messages/1", "the assistant says nothing: no content and no tool_calls", "")],
            id="no example at all",
        ),
    ],
)
def test_what_no_form_can_hold(
    line: dict[str, Any], expected: list[tuple[str, str, str]], form: Form
) -> None:
    assert faults(json.dumps(line).encode(), form) == [
        (pointer, message.format(form.shown), hint) for pointer, message, hint in expected
    ]


@pytest.mark.parametrize(
    ("form", "line", "expected"),
    [
        pytest.param(
            CONVERSATION,
            chat(ASKED, SYSTEM, ASKED, ANSWERED),
            [("messages/1", "a system message after others", "move it to the front")],
            id="a system message in the middle",
        ),
        pytest.param(
            SYSTEM_APART,
            chat(SYSTEM, SYSTEM, ASKED, ANSWERED, ANSWERED),
            [
                ("messages/1", "a second system text", "join it with the first"),
                ("messages/4/role", "two assistant messages in a row", "join them into one"),
            ],
            id="two system messages",
        ),
        pytest.param(
            SYSTEM_APART,
            chat(SYSTEM, ASKED, ANSWERED, system="You sell fans."),
            [("messages/0", "a second system text", "join it with the first")],
            id="a system text in two places",
        ),
        pytest.param(
            SYSTEM_APART,
            chat(ASKED, ANSWERED, system=" "),
            [("system", "the text is blank", OUT_HINT)],
            id="a blank system text beside the messages",
        ),
        pytest.param(
            SYSTEM_APART,
            chat(ASKED, ANSWERED, system=None),
            [("system", "must be text, not null", "")],
            id="no text for a system beside the messages",
        ),
        pytest.param(
            CONVERSATION,
            chat(ASKED, ANSWERED, system="You sell lamps."),
            [
                (
                    "system",
                    '"system" would be lost: Bedrock\'s conversation has no place for it',
                    'make it the first message, with the role "system"',
                )
            ],
            id="Claude's form is not everybody's",
        ),
        pytest.param(
            SYSTEM_APART,
            chat(ASKED | {"content": [part("a"), part("b"), part("c")]}, ANSWERED),
            [
                (
                    "messages/0/content/1",
                    "a second part: the form for Claude has one text here",
                    "join the parts into one text",
                )
            ],
            id="several parts where there is one text",
        ),
        pytest.param(
            CONVERSATION,
            chat(SYSTEM | {"content": [part("a"), part("b")]}, ASKED, ANSWERED),
            [
                (
                    "messages/0/content/1",
                    "a second part: Bedrock's conversation has one text here",
                    "join the parts into one text",
                )
            ],
            id="several parts of a system text",
        ),
        pytest.param(
            PAIR,
            chat(SYSTEM, ASKED, ANSWERED),
            [
                (
                    "messages/0",
                    (
                        "a system message would be lost:"
                        " a pair of prompt and completion has no place for it"
                    ),
                    "write it at the head of the user's text by hand",
                )
            ],
            id="a system message in a pair",
        ),
        pytest.param(
            PAIR,
            chat(ASKED, ANSWERED, ASKED, ANSWERED, ASKED, ANSWERED),
            [
                (
                    "messages/2",
                    (
                        "a pair of prompt and completion holds one question and one answer,"
                        " and this goes on"
                    ),
                    "leave the example out, or make several of it by hand",
                )
            ],
            id="several turns in a pair",
        ),
    ],
)
def test_what_one_form_cannot_hold(
    form: Form, line: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert faults(json.dumps(line).encode(), form) == expected
