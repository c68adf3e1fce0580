"""How a line of chat is read: members written twice, members that mean nothing, texts in parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.datasets.conversion import reading
from reconciler.datasets.conversion.example import Example
from reconciler.datasets.conversion.forms import CONVERSATION, SYSTEM_APART, Form
from reconciler.datasets.position import column
from tests.datasets.chat_lines import ANSWERED, ASKED, SYSTEM, chat, faults, part


def example_of(value: Any, form: Form) -> Example:
    found = reading.read(json.dumps(value).encode(), form=form, reserved=())
    assert isinstance(found, Example), found
    return found


@pytest.mark.parametrize(
    ("line", "pointer", "begins"),
    [
        pytest.param(
            '{"messages":[{"role":"user","content":"Yes?","content":"No?"},'
            '{"role":"assistant","content":"x"}]}',
            "messages/0/content",
            '"No?"',
            id="a text",
        ),
        pytest.param(
            '{"messages":[{"role":"assistant","r\\u006fle":"user","content":"Yes?"},'
            '{"role":"assistant","content":"x"}]}',
            "messages/0/role",
            '"user"',
            id="a role, once in disguise",
        ),
        pytest.param(
            '{"messages":[], "messages":[{"role":"user","content":"Yes?"},'
            '{"role":"assistant","content":"x"}]}',
            "messages",
            '[{"role"',
            id="all messages",
        ),
        pytest.param(
            '{"messages":[{"role":"user","content":[{"type":"text","text":"a","text":"b"}]},'
            '{"role":"assistant","content":"x"}]}',
            "messages/0/content/0/text",
            '"b"',
            id="the text of a part",
        ),
    ],
)
def test_a_member_written_twice_would_lose_one_of_them(
    line: str, pointer: str, begins: str
) -> None:
    name = pointer.rpartition("/")[2]
    assert faults(line.encode(), CONVERSATION) == [
        (pointer, f'"{name}" is written twice', "keep one of them")
    ]
    path = tuple(int(step) if step.isdigit() else step for step in pointer.split("/"))
    assert line[column(line, path) - 1 :].startswith(begins)


def test_a_name_that_is_no_text_is_not_repeated_in_a_message() -> None:
    line = json.dumps(chat(ASKED, ANSWERED)).encode()[:-1] + rb', "\ud83d": 1, "\ud83d": 2}'
    (found,) = faults(line, CONVERSATION)
    assert found == ("", "holds half of a surrogate pair, which is no character", "")


def test_backslashes_at_the_end_of_texts_hide_no_other_member() -> None:
    messages = [ASKED | {"content": "C:\\"}, ANSWERED | {"content": "D:\\"}] * 2
    good = json.dumps(chat(*messages)).encode()
    assert reading.plain(good, form=CONVERSATION, reserved=()) is not None
    (found,) = faults(json.dumps(chat(*messages, id="x")).encode(), CONVERSATION)
    assert found[0] == "id"


def test_what_openais_libraries_write_without_meaning_anything_is_no_loss() -> None:
    empty = {"refusal": None, "audio": None, "function_call": None, "tool_calls": None}
    line = chat(
        SYSTEM | {"name": None},
        ASKED | {"content": [part("Is it bright?")]},
        ANSWERED | empty | {"annotations": [], "weight": 1},
        tools=[],
        functions=None,
    )
    said = Example(system=("You sell lamps.",), turns=(("Is it bright?",), ("Very.",)))
    assert example_of(line, CONVERSATION) == said
    assert example_of(line, SYSTEM_APART) == said


def test_parts_of_text_stay_apart_where_the_form_has_parts() -> None:
    line = chat(SYSTEM, ASKED | {"content": [part("Is it"), part("bright?")]}, ANSWERED)
    assert example_of(line, CONVERSATION).turns[0] == ("Is it", "bright?")


def test_a_system_text_beside_the_messages_is_claudes_form_already() -> None:
    line = chat(ASKED, ANSWERED, system="You sell lamps.")
    assert example_of(line, SYSTEM_APART) == example_of(chat(SYSTEM, ASKED, ANSWERED), SYSTEM_APART)
