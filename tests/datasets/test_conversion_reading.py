"""Which line of chat a form can hold, and why not: one row per rule, then properties of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.datasets.conversion import (
    BEDROCK_CONVERSATION,
    NAMES,
    NOVA_RESERVED,
    PROMPT_COMPLETION,
    SYSTEM_MESSAGES,
    check,
    convert,
    objections,
    reading,
)
from reconciler.datasets.conversion.example import Example
from reconciler.datasets.conversion.forms import CONVERSATION, PAIR, SYSTEM_APART, Form
from reconciler.datasets.position import column
from reconciler.errors import Problem, SpecError

SYSTEM = {"role": "system", "content": "You sell lamps."}
ASKED = {"role": "user", "content": "Is it bright?"}
ANSWERED = {"role": "assistant", "content": "Very."}
CALL = {"id": "c1", "type": "function", "function": {"name": "measure", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "measure"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}

TOOLS_HINT = "leave out the examples that use tools"
OUT_HINT = "leave the example out"


def part(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **members}


def chat(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"messages": list(messages), **members}


def faults(line: bytes, form: Form) -> list[tuple[str, str, str]]:
    found = reading.read(line, form=form, reserved=())
    assert isinstance(found, tuple)
    return [("/".join(map(str, each.pointer)), each.message, each.hint) for each in found]


def example_of(value: Any, form: Form) -> Example:
    found = reading.read(json.dumps(value).encode(), form=form, reserved=())
    assert isinstance(found, Example), found
    return found


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


FORMS = {BEDROCK_CONVERSATION: CONVERSATION, SYSTEM_MESSAGES: SYSTEM_APART, PROMPT_COMPLETION: PAIR}

_texts = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(["\\", '"', "\n", "{", "}", "\x00", "\u2028", ":", "<"]),
    min_size=1,
).filter(lambda text: bool(text.strip()))


@st.composite
def _conversations(draw: st.DrawFn, name: str) -> tuple[str, str | None, list[str]]:
    """A line of chat that is surely convertible, its system text, and what is said in turn."""
    turns = draw(st.lists(_texts, min_size=2, max_size=2 if name == PROMPT_COMPLETION else 6))
    turns = turns[: len(turns) // 2 * 2]
    system = None if name == PROMPT_COMPLETION else draw(st.none() | _texts)
    roles = ["user", "assistant"] * (len(turns) // 2)
    messages: list[dict[str, Any]] = [
        {"role": role, "content": draw(st.sampled_from([text, [part(text)]]))}
        for role, text in zip(roles, turns, strict=True)
    ]
    if draw(st.booleans()):
        messages[-1] |= {"weight": 1, "refusal": None}
    if system is not None:
        messages.insert(0, {"content": system, "role": "system"})
    line = json.dumps(
        draw(st.sampled_from([{}, {"tools": None}])) | {"messages": messages},
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":"), (" ,\t", " : ")])),
    )
    return line, system, turns


def _read_back(name: str, line: str) -> tuple[str | None, list[str]]:
    """System text and turns, by the words of AWS's pages and none of our code."""
    value = json.loads(line)
    if name == PROMPT_COMPLETION:
        assert list(value) == ["prompt", "completion"]
        return None, [value["prompt"], value["completion"]]
    messages = value["messages"]
    roles = ["user", "assistant"] * (len(messages) // 2)
    assert [message["role"] for message in messages] == roles
    contents = [message["content"] for message in messages]
    if name == SYSTEM_MESSAGES:
        return value.get("system"), contents
    assert value["schemaVersion"] == "bedrock-conversation-2024"
    system = [block["text"] for block in value.get("system", [])]
    return (system[0] if system else None), [block["text"] for (block,) in contents]


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_reading_back_gives_the_same_texts_in_the_same_order(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(_conversations(name), min_size=1, max_size=4))
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_bytes("".join(f"{line}\n" for line, _, _ in lines).encode())
    assert check(source, "x.jsonl", name) == []
    found = convert(source, target, name)
    written = target.read_bytes().decode()
    assert written.count("\n") == found.examples == len(lines)
    assert [_read_back(name, line) for line in written.split("\n")[:-1]] == [
        (system, turns) for _, system, turns in lines
    ]
    for line in written.split("\n")[:-1]:  # and the bytes are those of another writer of JSON
        assert line == json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":"))


_values: tuple[Any, ...] = ("x", "é", "", " ", "User: x", None, [], 0, 1, {"a": "b"}, "role")
_anything = st.sampled_from(_values)
_part = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "text", "text", "image_url"]), "text": _texts},
    optional={"image_url": _anything},
)
_contents = _texts | _anything | st.lists(_part, min_size=1, max_size=2)
_extras = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([None, "Ann"]),
        "weight": st.sampled_from([0, 1]),
        "tool_calls": st.sampled_from([None, [], [CALL]]),
        "refusal": st.sampled_from([None, "no"]),
        "other": _anything,
    },
)
_roles = st.sampled_from(
    [
        ("user", "assistant"),
        ("system", "user", "assistant"),
        ("user", "assistant", "user", "assistant"),
        ("system", "user", "assistant", "system", "user", "tool", "assistant"),
        ("assistant", "user", "user", "developer"),
    ]
)


@st.composite
def _line(draw: st.DrawFn) -> dict[str, Any]:
    """A line of chat that may be wrong in every way, or in none."""
    often = st.sampled_from([_texts, _texts, _texts, _contents])
    seldom = st.sampled_from([st.just({}), st.just({}), st.just({}), _extras])
    messages = [
        {"role": role, "tool_call_id": "c1"} if role == "tool" else {"role": role}
        for role in draw(_roles)
    ]
    for message in messages:
        message.update({"content": draw(draw(often))} | draw(draw(seldom)))
    optional = {
        "tools": st.sampled_from([None, [], [TOOL]]),
        "system": _anything,
        "id": _anything,
    }
    beside = draw(st.just({}) | st.fixed_dictionaries({}, optional=optional))
    return {"messages": messages, **beside}


def _said(value: Any, name: str = "") -> list[Any]:
    """Every value that means something, in the order in which it stands."""
    match value:
        case dict():
            members = sorted(value.items(), key=lambda member: member[0] != "system")
            return [said for key, item in members for said in _said(item, key)]
        case list():
            return [said for item in value for said in _said(item, name)]
        case None:
            return []
    return [] if (name, value) in (("type", "text"), ("weight", 1)) else [value]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(value=_line(), reserved=st.sampled_from([(), NOVA_RESERVED]))
@example(value=chat(SYSTEM, ASKED, ANSWERED), reserved=())
@example(value=chat(ASKED, ANSWERED, system="x"), reserved=())
@example(value=chat(ASKED | {"content": [part("a"), part("b")]}, ANSWERED), reserved=())
def test_a_line_is_converted_with_all_it_says_or_not_at_all(
    value: Any, reserved: tuple[str, ...], name: str
) -> None:
    form = FORMS[name]
    line = json.dumps(value).encode()
    found = reading.read(line, form=form, reserved=reserved)
    assert found == objections.read(line, form=form, reserved=reserved)
    if isinstance(found, tuple):
        assert found
        return
    roles = {"system", "user", "assistant"}
    written = json.loads(form.encode(found))
    before = [said for said in _said(value) if said not in roles]
    after = [said for said in _said(written) if said not in roles]
    assert before == [said for said in after if said != "bedrock-conversation-2024"]


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(values=st.lists(_line(), max_size=3))
def test_checking_and_converting_never_disagree(
    tmp_path: Path, name: str, values: list[Any]
) -> None:
    source = tmp_path / "x.jsonl"
    source.write_text("".join(json.dumps(value) + "\n" for value in values))
    refused: tuple[Problem, ...] = ()
    try:
        convert(source, tmp_path / "y.jsonl", name)
    except SpecError as error:
        refused = error.problems
    assert list(refused) == sorted(check(source, "x.jsonl", name))
